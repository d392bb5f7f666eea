/** What a new process costs the CPU when its program's code was translated before, and a switch of threads. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CodeCache } from "../../src/cpu/code-cache.ts";
import { Cpu } from "../../src/cpu/cpu.ts";
import { loadElf, runProgram } from "../../src/cpu/program.fixture.ts";
import { STATE_BYTES } from "../../src/cpu/state.ts";
import type { Bench } from "../harness.ts";
import { root } from "../serving.ts";

const COUNT = 200;
const SWITCHES = 100_000;
const MEMORY_PAGES = 512;

/** Microseconds for one of `count`. */
function timeOf(count: number, act: (index: number) => void): number {
  const started = performance.now();
  for (let index = 0; index < count; index++) act(index);
  return ((performance.now() - started) * 1000) / count;
}

export const bench: Bench = {
  name: "cpu-reuse",
  what: "CPUs that share a cache: making one, taking in a program's code, switching threads",
  rounds: 5,
  open: () => {
    const file = readFileSync(join(root, "test/fixtures/arm64/mark.elf"));
    const cache = new CodeCache();
    runProgram(file, "1", { cache, interpretThreshold: 0 });
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES });
    const entry = loadElf(file, memory);
    const cpu = new Cpu({ memory, cache });
    const saved = new Uint8Array(STATE_BYTES);
    let cpus: Cpu[] = [];
    return {
      variants: [
        {
          name: "new CPU",
          unit: "µs",
          measure: () => {
            cpus = [];
            return timeOf(COUNT, () => cpus.push(new Cpu({ memory, cache })));
          },
        },
        { name: "code taken in", unit: "µs", measure: () => timeOf(COUNT, (index) => cpus[index]?.prepare(entry)) },
        { name: "code compared", unit: "µs", measure: () => timeOf(COUNT, (index) => cpus[index]?.revalidate()) },
        {
          name: "thread switch",
          unit: "µs",
          measure: () =>
            timeOf(SWITCHES, () => {
              cpu.saveThreadInto(saved);
              cpu.restoreThread(saved);
            }),
        },
      ],
    };
  },
};
