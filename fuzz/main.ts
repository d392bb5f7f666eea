/**
 * Fuzzing by hand: `npm run fuzz [-- NAME…] [--seconds N] [--seed N]`. Each target runs for that long (default 600 s) and prints
 * what it did; the first thing that is wrong ends the run with the seed that shows it again.
 */
import { parseArgs } from "node:util";
import { fuzzExecutables, fuzzMachineCalls } from "./executables.ts";
import { fuzzFrames } from "./frames.ts";
import { fuzzMachineCode } from "./machine-code.ts";
import { fuzzParsers } from "./parsers.ts";
import { fuzzSyscalls } from "./syscalls.ts";

const targets: Readonly<Record<string, (seed: number, isDone: () => boolean) => Promise<object>>> = {
  parsers: fuzzParsers,
  frames: fuzzFrames,
  syscalls: fuzzSyscalls,
  executables: fuzzExecutables,
  "machine-calls": fuzzMachineCalls,
  "machine-code": fuzzMachineCode,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "600" }, seed: { type: "string", default: String(Date.now() % 1e6) } },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
const names = positionals.length > 0 ? positionals : Object.keys(targets);
const unknown = names.filter((name) => targets[name] === undefined);
if (unknown.length > 0 || !(seconds > 0) || !Number.isInteger(seed)) {
  console.error(`usage: npm run fuzz [-- ${Object.keys(targets).join("|")}] [--seconds N] [--seed N]`);
  process.exit(2);
}
for (const name of names) {
  const end = performance.now() + seconds * 1000;
  const before = process.memoryUsage().rss;
  console.log(`${name}: seed ${seed}, ${seconds} s`);
  const result = await (targets[name] as (typeof targets)[string])(seed, () => performance.now() > end);
  const grown = Math.round((process.memoryUsage().rss - before) / 1e6);
  console.log(`${name}: ${JSON.stringify(result)}, resident memory ${grown >= 0 ? "+" : ""}${grown} MB`);
}
