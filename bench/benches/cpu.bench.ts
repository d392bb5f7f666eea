/**
 * The CPU against qemu-aarch64 on the programs of test/fixtures/arm64, in one run, by processor time, which other work on the machine
 * changes least. qemu's time holds its process start.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { qemuPath } from "../../src/cpu/compare-with-qemu.fixture.ts";
import { runProgram } from "../../src/cpu/program.fixture.ts";
import type { Bench, Variant } from "../harness.ts";
import { root } from "../serving.ts";

/** Rounds for two to three seconds under qemu, so that what is measured is the code and not its translation; and the target. */
const programs: Readonly<Record<string, readonly [rounds: string, target: number]>> = {
  mark: ["32000", 0.4],
  sha256: ["16000", 0.4],
  bytes: ["80000", 0.4],
  sieve: ["4800", 0.4],
  fib: ["40", 0.4],
  calls: ["64000000", 0.4],
  matrix: ["960", 0.4],
  lengths: ["32000", 0.4],
  interpreter: ["24000", 0.4],
  getppid: ["10000000", 0.2],
};
const folder = join(root, "test/fixtures/arm64");

/** Milliseconds of processor time that qemu takes. */
function timeUnderQemu(path: string, rounds: string): number {
  const script = '"$0" "$1" "$2" > /dev/null || exit; times';
  const { status, stdout } = spawnSync("sh", ["-c", script, qemuPath ?? "", path, rounds], { encoding: "utf8" });
  if (status !== 0) throw new Error("a program failed under qemu");
  // The second line is of the shell's children: user and system.
  const times = stdout.split("\n")[1]?.matchAll(/(\d+)m([\d.]+)s/g) ?? [];
  return [...times].reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000, 0);
}

/** The same here, of all threads: the host's compilers too. */
function timeHere(file: Uint8Array, rounds: string): number {
  const started = process.cpuUsage();
  if (runProgram(file, rounds).code !== 0) throw new Error("a program failed");
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
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
      const value = timeHere(file, rounds) / timeUnderQemu(path, rounds);
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
    const computing = (): number[] => [...latest].filter(([name]) => name !== "getppid").map(([, value]) => value);
    const mean: Variant = { name: "geometric-mean", unit: "× qemu", measure: () => geometricMean(computing()) };
    const targets = Object.entries(programs).map(([name, [, target]]) => [name, `≤ ${target}`]);
    return {
      variants: [...variants, mean],
      targets: { ...Object.fromEntries(targets), "geometric-mean": "≤ 0.4" },
    };
  },
};
