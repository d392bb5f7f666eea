/** Machine code from a compiler, committed under test/fixtures/arm64, runs and prints what it should. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import test from "node:test";
import { runProgram } from "./program.fixture.ts";

const folder = join(import.meta.dirname, "../../test/fixtures/arm64");
const names = globSync("*.elf", { cwd: folder }).map((file) => basename(file, ".elf"));

assert.ok(names.length >= 6);
for (const name of names) {
  const file = readFileSync(join(folder, `${name}.elf`));
  const expected = readFileSync(join(folder, `${name}.expected`), "latin1");
  test(`${name} prints what it does under qemu`, () => {
    const { output, code, stop } = runProgram(file, null);
    assert.equal(stop, null);
    assert.equal(new TextDecoder().decode(output), expected);
    assert.equal(code, 0);
  });
  test(`${name} is the same in small regions, with small budgets and without a handler inside`, () => {
    const { output, code, stop } = runProgram(file, null, { maximumInstructions: 5 }, 37);
    assert.deepEqual([stop, code], [null, 0]);
    assert.equal(new TextDecoder().decode(output), expected);
  });
}
