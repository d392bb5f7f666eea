/**
 * What the interpreter takes for an instruction of a static ELF program that only writes and exits: in a fresh isolate, where its own
 * code is still being compiled, and later.
 *
 *     node bench/interpretation.ts ELF [PASSES]
 */
import { readFileSync } from "node:fs";
import { runProgram } from "../src/cpu/program.fixture.ts";

const [path = "", passes = "6"] = process.argv.slice(2);
const file = readFileSync(path);
for (let pass = 0; pass < Number(passes); pass++) {
  const started = process.cpuUsage();
  const { cpu, code } = runProgram(file, null, { interpretThreshold: Number.POSITIVE_INFINITY });
  const { user } = process.cpuUsage(started);
  const { interpretedInstructions: count, statistics } = cpu;
  console.log(
    `exit ${code}: ${count} instructions, ${((user * 1000) / count).toFixed(1)} ns each, ${statistics.modules} modules translated`,
  );
}
