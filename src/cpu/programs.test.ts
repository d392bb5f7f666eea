/** Machine code from a compiler, committed under test/fixtures/arm64, runs and prints what it should. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import test from "node:test";
import type { CpuOptions } from "./cpu.ts";
import { runProgram } from "./program.fixture.ts";

const folder = join(import.meta.dirname, "../../test/fixtures/arm64");
const names = globSync("*.elf", { cwd: folder }).map((file) => basename(file, ".elf"));

const tiers: Readonly<Record<string, Partial<CpuOptions>>> = {
  translated: { interpretThreshold: 0 },
  "interpreted first": {},
  interpreted: { interpretThreshold: Number.POSITIVE_INFINITY },
};

assert.ok(names.length >= 6);
for (const name of names) {
  const file = readFileSync(join(folder, `${name}.elf`));
  const expected = readFileSync(join(folder, `${name}.expected`), "latin1");
  for (const [tier, options] of Object.entries(tiers)) {
    test(`${name} prints what it does under qemu, ${tier}`, () => {
      const { output, code, stop } = runProgram(file, null, options);
      assert.equal(stop, null);
      assert.equal(new TextDecoder().decode(output), expected);
      assert.equal(code, 0);
    });
  }
  test(`${name} is the same in small regions, with small budgets and without a handler inside`, () => {
    for (const interpretThreshold of [0, 2]) {
      const { output, code, stop } = runProgram(file, null, { interpretThreshold, maximumInstructions: 5 }, 37);
      assert.deepEqual([stop, code], [null, 0]);
      assert.equal(new TextDecoder().decode(output), expected);
    }
  });
}

test("what a table of addresses connects is translated as one once it runs for long, and prints the same", () => {
  const file = readFileSync(join(folder, "interpreter.elf"));
  const expected = readFileSync(join(folder, "interpreter.expected"), "latin1");
  // A run as short as this ends before all of what is interpreted first is worth translating.
  for (const [tier, more] of [
    ["translated", 60],
    ["interpreted first", 25],
  ] as const) {
    const options = tiers[tier];
    const apart = runProgram(file, null, options, 1_000_000);
    const together = runProgram(file, null, options, 100);
    assert.equal(new TextDecoder().decode(together.output), expected);
    assert.ok(together.cpu.statistics.instructions >= apart.cpu.statistics.instructions + more);
  }
});

test("targets that are translated along with others are learned as well", () => {
  const file = readFileSync(join(folder, "interpreter.elf"));
  const apart = runProgram(file, "300", {}, 100_000_000);
  const together = runProgram(file, "300", {}, 10_000);
  assert.deepEqual(together.output, apart.output);
  assert.ok(together.cpu.statistics.instructions >= apart.cpu.statistics.instructions + 60);
});
