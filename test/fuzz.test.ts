/** A short run of each fuzzer; `npm run fuzz` runs them for as long as one likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzFrames } from "../fuzz/frames.ts";
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
