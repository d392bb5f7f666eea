/** Random instructions of every translated line give what qemu-aarch64 gives, bit for bit; `bench/cpu-differential.ts` runs more. */
import assert from "node:assert/strict";
import test from "node:test";
import { compareLines, type FloatMode, qemuPath, type Tier } from "./compare-with-qemu.fixture.ts";

const SAMPLES_PER_LINE = 4;
/** A new seed is as good; this one keeps the test the same from run to run. */
const SEED = 20260101;

function compare(tier: Tier, mode: FloatMode, atLeast: number): void {
  const { differences, cases } = compareLines(SAMPLES_PER_LINE, SEED, /./, mode, tier);
  assert.ok(cases >= atLeast);
  assert.deepEqual(
    differences.map(({ name, word, what }) => `${name} ${word.toString(16)}: ${what}`),
    [],
  );
}

const skip = qemuPath === null ? "no qemu-aarch64 here" : false;

for (const tier of ["translator", "interpreter"] as const) {
  test(`random instructions agree with qemu, ${tier}`, { skip }, () => compare(tier, "usual", 1800));
  test(`in every rounding mode, with FZ, DN and AHP too, ${tier}`, { skip }, () => compare(tier, "controlled", 600));
  test(`and in the exception flags where they are asked for, ${tier}`, { skip }, () =>
    compare(tier, "exceptions", 600),
  );
}
