/** The CPU against qemu-aarch64 on the programs of test/fixtures/arm64, in one run: qemu's time holds its process start. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { qemuPath } from "../../src/cpu/compare-with-qemu.fixture.ts";
import { runProgram } from "../../src/cpu/program.fixture.ts";
import type { Bench, Variant } from "../harness.ts";
import { root } from "../serving.ts";

/** Rounds for some 0.4 s under qemu. */
const programs: Readonly<Record<string, string>> = {
  fib: "36",
  sieve: "600",
  sha256: "2000",
  bytes: "10000",
  calls: "8000000",
  matrix: "120",
};
const folder = join(root, "test/fixtures/arm64");

function timeOf(act: () => number | null): number {
  const started = performance.now();
  if (act() !== 0) throw new Error("a program failed");
  return performance.now() - started;
}

/** Time here as a part of qemu's, translation included. */
function ratio(name: string, rounds: string): Variant {
  const path = join(folder, `${name}.elf`);
  const file = readFileSync(path);
  return {
    name,
    unit: "× qemu",
    measure: () => {
      const there = timeOf(() => spawnSync(qemuPath ?? "", [path, rounds]).status);
      return timeOf(() => runProgram(file, rounds).code) / there;
    },
  };
}

export const bench: Bench = {
  name: "cpu",
  what: "machine code of test/fixtures/arm64, time as a part of qemu-aarch64's",
  rounds: 5,
  open: () => ({
    variants: qemuPath === null ? [] : Object.entries(programs).map(([name, rounds]) => ratio(name, rounds)),
    targets: Object.fromEntries(Object.keys(programs).map((name) => [name, "≤ 0.4"])),
  }),
};
