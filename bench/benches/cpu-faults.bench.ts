/** What it costs machine code that more is known after a fault: the modes of Cpu.setFaultMode() against the usual one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultMode } from "../../src/cpu/cpu.ts";
import { runProgram } from "../../src/cpu/program.fixture.ts";
import { permission } from "../../src/cpu/state.ts";
import type { Bench } from "../harness.ts";
import { root } from "../serving.ts";

/** Rounds for some 0.2 s in the usual mode. */
const programs: Readonly<Record<string, string>> = {
  fib: "34",
  sieve: "400",
  sha256: "2000",
  bytes: "5000",
  calls: "3000000",
  matrix: "240",
  mark: "400",
};
const modes: readonly FaultMode[] = ["fast", "precise", "checked"];
const files = Object.entries(programs).map(
  ([name, rounds]) => [readFileSync(join(root, `test/fixtures/arm64/${name}.elf`)), rounds] as const,
);

/** Milliseconds, the geometric mean of the programs. */
function timeIn(faultMode: FaultMode): number {
  let sum = 0;
  for (const [file, rounds] of files) {
    const started = performance.now();
    const { code } = runProgram(file, rounds, {
      faultMode,
      interpretThreshold: 0,
      onStart: (cpu) => {
        if (faultMode === "checked") cpu.setPermissions(0, 2 ** 32, permission.read | permission.write);
      },
    });
    if (code !== 0) throw new Error("a program failed");
    sum += Math.log(performance.now() - started);
  }
  return Math.exp(sum / files.length);
}

export const bench: Bench = {
  name: "cpu-faults",
  what: "machine code in the modes of faults, geometric mean of the programs of test/fixtures/arm64",
  rounds: 5,
  open: () => ({
    variants: modes.map((mode) => ({ name: mode, unit: "ms", measure: () => timeIn(mode) })),
    against: "fast",
    targets: { precise: "≤ 1.3" },
  }),
};
