/**
 * Random instructions in a memory of a CPU's own: words of any kind, and words of the decoder's lines with random fields. Nothing
 * may throw or hang, whether they are interpreted or translated, and memory stays as long as it is.
 */
import assert from "node:assert/strict";
import { nextBelow, SeededRandom } from "../src/base/random.ts";
import { Cpu, type FaultMode, type Stop } from "../src/cpu/cpu.ts";
import { instructions } from "../src/cpu/decode/table.ts";

const PAGES = 4;
const CODE_START = 0x10000;
const CODE_WORDS = 256;
const BUDGET = 200;
const STOPS_PER_PROGRAM = 40;
const modes: readonly FaultMode[] = ["fast", "precise", "checked"];
const thresholds: readonly number[] = [0, 2, Number.POSITIVE_INFINITY];

export interface CodeFuzzResult {
  programs: number;
  stops: number;
  /** Stops that were no unknown instructions. */
  ran: number;
}

function makeWord(random: SeededRandom): number {
  if (nextBelow(random, 8) === 0) return random.nextUint32();
  const { mask, value } = instructions[nextBelow(random, instructions.length)] as (typeof instructions)[number];
  return ((random.nextUint32() & ~mask) | value) >>> 0;
}

function makeProgram(random: SeededRandom, memory: WebAssembly.Memory): Cpu {
  const words = new Uint32Array(memory.buffer);
  const start = CODE_START / 4;
  for (let k = 0; k < CODE_WORDS; k++) words[start + k] = makeWord(random);
  const cpu = new Cpu({
    memory,
    faultMode: modes[nextBelow(random, modes.length)] as FaultMode,
    interpretThreshold: thresholds[nextBelow(random, thresholds.length)] as number,
    floatExceptions: nextBelow(random, 4) === 0,
    translationEndsRun: true,
    onSupervisorCall: () => nextBelow(random, 2) === 0,
  });
  cpu.setPermissions(0, PAGES << 16, 7);
  for (let register = 0; register < 32; register++) {
    // Mostly addresses in the memory, at its end, and small numbers.
    const kinds = [CODE_START + nextBelow(random, 4096), (PAGES << 16) - nextBelow(random, 64), nextBelow(random, 100)];
    const value = kinds[nextBelow(random, 4)];
    cpu.setX(register, value ?? (BigInt(random.nextUint32()) << 32n) | BigInt(random.nextUint32()));
  }
  const { view } = cpu;
  for (let at = 512; at < 768; at += 4) view.setUint32(at, random.nextUint32(), true);
  cpu.pc = CODE_START + 4 * nextBelow(random, CODE_WORDS);
  return cpu;
}

/** Runs programs until `isDone`; throws on the first thing that is wrong, with the seed in the message. */
export async function fuzzMachineCode(
  seed: number,
  isDone: (result: CodeFuzzResult) => boolean,
): Promise<CodeFuzzResult> {
  const result: CodeFuzzResult = { programs: 0, stops: 0, ran: 0 };
  for (let round = seed; !isDone(result); round++) {
    const random = new SeededRandom(round);
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    try {
      const cpu = makeProgram(random, memory);
      for (let k = 0; k < STOPS_PER_PROGRAM; k++) {
        const stop: Stop = cpu.run(BUDGET);
        result.stops++;
        if (stop.reason !== "unknown") result.ran++;
        // Goes on behind what it stopped at, somewhere in the code.
        if (stop.reason === "unknown" || stop.reason === "breakpoint") cpu.pc = (cpu.pc + 4) >>> 0;
        if (stop.reason === "fault") cpu.pc = CODE_START + 4 * nextBelow(random, CODE_WORDS);
      }
      assert.equal(memory.buffer.byteLength, PAGES << 16);
    } catch (error) {
      throw new Error(`fuzzing machine code with seed ${round}: ${(error as Error).message}`, { cause: error });
    }
    result.programs++;
    // A host's collector gets at the memories only between tasks.
    if (result.programs % 16 === 0) await new Promise((later) => setImmediate(later));
  }
  return result;
}
