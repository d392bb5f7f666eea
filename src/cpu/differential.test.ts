/** Random instructions of every translated line give what qemu-aarch64 gives, bit for bit; `bench/cpu-differential.ts` runs more. */
import assert from "node:assert/strict";
import test from "node:test";
import { compareLines, qemuPath } from "./compare-with-qemu.fixture.ts";

const SAMPLES_PER_LINE = 4;
/** A new seed is as good; this one keeps the test the same from run to run. */
const SEED = 20260101;

test("random instructions agree with qemu", { skip: qemuPath === null ? "no qemu-aarch64 here" : false }, () => {
  const { differences, cases } = compareLines(SAMPLES_PER_LINE, SEED);
  assert.ok(cases > 1000);
  assert.deepEqual(
    differences.map(({ name, word, what }) => `${name} ${word.toString(16)}: ${what}`),
    [],
  );
});
