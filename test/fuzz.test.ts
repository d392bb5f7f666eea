/** A short run of each fuzzer; `npm run fuzz` runs them for as long as one likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzExecutables, fuzzMachineCalls } from "../fuzz/executables.ts";
import { fuzzFrames } from "../fuzz/frames.ts";
import { fuzzMachineCode } from "../fuzz/machine-code.ts";
import { fuzzParsers } from "../fuzz/parsers.ts";
import { fuzzSyscalls } from "../fuzz/syscalls.ts";

test("random bytes into every parser: no throw, no hang", async () => {
  const result = await fuzzParsers(1, ({ inputs }) => inputs >= 6_000);
  assert.ok(result.inputs >= 6_000);
});

test("mutated frames into live stacks: no throw, no hang, no leak", async () => {
  const result = await fuzzFrames(1, ({ rounds }) => rounds >= 12);
  assert.ok(result.mutated > 1000);
});

test("random system calls from a program: no throw, no hang, no leak", async () => {
  const result = await fuzzSyscalls(1, ({ calls }) => calls >= 100_000);
  assert.ok(result.succeeded > 1000);
});

test("random instructions, interpreted and translated: no throw, no hang", async () => {
  const result = await fuzzMachineCode(1, ({ programs }) => programs >= 60);
  assert.ok(result.ran > 200);
});

test("executables with changed headers and code: no throw, no hang, no leak", async () => {
  const result = await fuzzExecutables(1, ({ files }) => files >= 80);
  assert.ok(result.started > 20);
});

test("random system calls from machine code: no throw, no hang, no leak", async () => {
  const result = await fuzzMachineCalls(1, ({ programs }) => programs >= 8);
  assert.ok(result.completed > 4);
});
