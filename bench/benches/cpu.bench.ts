/** The CPU against qemu-aarch64 on the programs of test/fixtures/arm64, in one run: qemu's time holds its process start. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { qemuPath } from "../../src/cpu/compare-with-qemu.fixture.ts";
import { runProgram } from "../../src/cpu/program.fixture.ts";
import type { Bench, Variant } from "../harness.ts";
import { root } from "../serving.ts";

/** Rounds for some 0.4 s under qemu, and the target. */
const programs: Readonly<Record<string, readonly [rounds: string, target: number]>> = {
  mark: ["4000", 0.4],
  sha256: ["2000", 0.4],
  bytes: ["10000", 0.4],
  sieve: ["600", 0.4],
  fib: ["36", 0.4],
  calls: ["8000000", 0.4],
  matrix: ["120", 0.4],
  lengths: ["4000", 0.4],
  interpreter: ["3000", 0.4],
  getppid: ["2000000", 0.2],
};
const folder = join(root, "test/fixtures/arm64");

function timeOf(act: () => number | null): number {
  const started = performance.now();
  if (act() !== 0) throw new Error("a program failed");
  return performance.now() - started;
}

function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Time here as a part of qemu's, translation included. */
function ratio(name: string, rounds: string, latest: Map<string, number>): Variant {
  const path = join(folder, `${name}.elf`);
  const file = readFileSync(path);
  return {
    name,
    unit: "× qemu",
    measure: () => {
      const there = timeOf(() => spawnSync(qemuPath ?? "", [path, rounds]).status);
      const value = timeOf(() => runProgram(file, rounds).code) / there;
      latest.set(name, value);
      return value;
    },
  };
}

export const bench: Bench = {
  name: "cpu",
  what: "machine code of test/fixtures/arm64, time as a part of qemu-aarch64's",
  rounds: 5,
  open: () => {
    if (qemuPath === null) return { variants: [] };
    const latest = new Map<string, number>();
    const variants = Object.entries(programs).map(([name, [rounds]]) => ratio(name, rounds, latest));
    const mean: Variant = {
      name: "geometric-mean",
      unit: "× qemu",
      measure: () => geometricMean([...latest.values()]),
    };
    const targets = Object.entries(programs).map(([name, [, target]]) => [name, `≤ ${target}`]);
    return {
      variants: [...variants, mean],
      targets: { ...Object.fromEntries(targets), "geometric-mean": "≤ 0.4" },
    };
  },
};
