/** Random instructions of every translated line give what qemu-aarch64 gives, bit for bit; `bench/cpu-differential.ts` runs more. */
import assert from "node:assert/strict";
import test from "node:test";
import { compareLines, type FloatMode, qemuPath } from "./compare-with-qemu.fixture.ts";

const SAMPLES_PER_LINE = 4;
/** A new seed is as good; this one keeps the test the same from run to run. */
const SEED = 20260101;

function compare(samplesPerLine: number, mode: FloatMode, atLeast: number): void {
  const { differences, cases } = compareLines(samplesPerLine, SEED, /./, mode);
  assert.ok(cases >= atLeast);
  assert.deepEqual(
    differences.map(({ name, word, what }) => `${name} ${word.toString(16)}: ${what}`),
    [],
  );
}

const skip = qemuPath === null ? "no qemu-aarch64 here" : false;

test("random instructions agree with qemu", { skip }, () => compare(SAMPLES_PER_LINE, "usual", 2500));
test("in every rounding mode, with FZ, DN and AHP too", { skip }, () => compare(SAMPLES_PER_LINE, "controlled", 600));
test("and in the exception flags where they are asked for", { skip }, () =>
  compare(SAMPLES_PER_LINE, "exceptions", 600),
);
