/**
 * How long the translator takes over all functions of a static ELF program, which need not run.
 *
 * Times are the processor's, of all threads. The code is compiled no further than the host does before it first runs.
 *
 *     node bench/translation.ts ELF [PASSES]
 */
import { readFileSync } from "node:fs";
import { Cpu } from "../src/cpu/cpu.ts";
import { signed } from "../src/cpu/decode/fields.ts";
import { loadElf } from "../src/cpu/program.fixture.ts";

const [path = "", passes = "5"] = process.argv.slice(2);
const file = readFileSync(path);
const now = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
for (let pass = 0; pass < Number(passes); pass++) {
  const memory = new WebAssembly.Memory({ initial: 64 << 4 });
  const entry = loadElf(file, memory);
  const cpu = new Cpu({ memory });
  const words = new Uint32Array(memory.buffer);
  const functions = new Set([entry]);
  // Targets of BL are functions.
  for (const [index, word] of words.entries()) {
    if (word >>> 26 === 0x25) functions.add((index * 4 + signed(word, 26) * 4) >>> 0);
  }
  const started = now();
  let first = 0;
  for (const address of functions) {
    if (address >= words.byteLength) continue;
    cpu.prepare(address);
    if (first === 0 && cpu.statistics.instructions >= 17000) {
      first = now() - started;
      console.log(
        `  the first ${cpu.statistics.instructions}: ${((first * 1000) / cpu.statistics.instructions).toFixed(2)} µs an instruction`,
      );
    }
  }
  const { regions, modules, instructions, wasmBytes } = cpu.statistics;
  const microseconds = (now() - started) * 1000;
  console.log(
    `${regions} regions in ${modules} modules, ${instructions} instructions, ${(wasmBytes / instructions).toFixed(1)} bytes and ${(microseconds / instructions).toFixed(2)} µs an instruction`,
  );
}
