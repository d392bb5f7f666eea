/**
 * Compares random instructions with qemu-aarch64 for as long as wanted.
 *
 *     node bench/cpu-differential.ts [SAMPLES_PER_LINE] [SEED] [PATTERN] [usual | controlled | exceptions] [translator | interpreter]
 */
import { compareLines, type FloatMode, type Tier } from "../src/cpu/compare-with-qemu.fixture.ts";

const [samples = "100", seed = "1", pattern = ".", mode = "usual", tier = "translator"] = process.argv.slice(2);
const { differences, cases } = compareLines(
  Number(samples),
  Number(seed),
  new RegExp(pattern),
  mode as FloatMode,
  tier as Tier,
);
const byName = Map.groupBy(
  differences,
  ({ name, what }) => name + (what.startsWith("undefined") ? " (undefined)" : ""),
);
for (const [name, list] of byName) {
  const { word, what } = list[0] as (typeof list)[0];
  console.log(
    `${name}: ${list.length} differences, first ${word.toString(16).padStart(8, "0")}: ${what.slice(0, 300)}`,
  );
}
console.log(`${cases} cases, ${differences.length} differences`);
process.exitCode = differences.length === 0 ? 0 : 1;
