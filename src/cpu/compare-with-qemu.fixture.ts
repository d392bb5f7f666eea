/** Runs the programs of differential.fixture.ts on this CPU and under qemu-aarch64, and says where they differ. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SeededRandom } from "../base/random.ts";
import type { CpuOptions } from "./cpu.ts";
import { instructions } from "./decode/table.ts";
import { buildProgram, CASE_BYTES, type Case, caseOffset, isSingle, randomWord } from "./differential.fixture.ts";
import { controlledInstructions } from "./float/execute.ts";
import { controlBit, statusBit } from "./float/format.ts";
import { handlers as interpreted } from "./interpret/handlers.ts";
import { runProgram } from "./program.fixture.ts";
import { handlers as translated } from "./translate/handlers.ts";

export const qemuPath =
  ["/usr/bin/qemu-aarch64-static", "/usr/bin/qemu-aarch64"].find((path) => existsSync(path)) ?? null;

export interface Difference {
  readonly name: string;
  readonly word: number;
  /** Which registers, or "undefined here" and "undefined there". */
  readonly what: string;
}

/** Runs a program under qemu; its output. */
export function runUnderQemu(file: Uint8Array, processor: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "akuma-cpu-"));
  try {
    const path = join(folder, "program");
    writeFileSync(path, file, { mode: 0o755 });
    const result = spawnSync(qemuPath ?? "", ["-cpu", processor, path], { maxBuffer: 64 << 20 });
    if (result.status !== 0) throw new Error(`qemu: ${result.signal ?? result.status} ${result.stderr}`);
    return result.stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * What FPCR is, and with it which bits of FPSR are kept: zero, with QC only; random, with the exception flags where it is not zero;
 * zero with CpuOptions.floatExceptions and all flags.
 */
export type FloatMode = "usual" | "controlled" | "exceptions";

/** The ways to run that make one tier do all it can. */
export const tiers: Readonly<Record<"translator" | "interpreter", Partial<CpuOptions>>> = {
  translator: { interpretThreshold: 0 },
  interpreter: { interpretThreshold: Number.POSITIVE_INFINITY, maximumInstructions: 1 },
};
export type Tier = keyof typeof tiers;

export function compareCases(
  cases: readonly Case[],
  seed: number,
  processor = "cortex-a72",
  mode: FloatMode = "usual",
  tier: Tier = "translator",
): Difference[] {
  const file = buildProgram(cases, seed);
  return differencesOf(cases, runHere(file, mode, tier), runUnderQemu(file, processor), mode);
}

/** Compares the tiers with each other. */
export function compareTiers(cases: readonly Case[], seed: number, mode: FloatMode = "usual"): Difference[] {
  const file = buildProgram(cases, seed);
  return differencesOf(cases, runHere(file, mode, "interpreter"), runHere(file, mode, "translator"), mode);
}

function differencesOf(cases: readonly Case[], here: Uint8Array, there: Uint8Array, mode: FloatMode): Difference[] {
  if (here.length !== there.length) throw new Error(`${here.length} bytes here, ${there.length} there`);
  const differences: Difference[] = [];
  for (const [index, { instruction, word, control = 0 }] of cases.entries()) {
    const range = [index * CASE_BYTES, (index + 1) * CASE_BYTES] as const;
    const status = mode === "exceptions" || control !== 0 ? -1 : statusBit.saturation;
    const what = describe(Buffer.from(here.subarray(...range)), Buffer.from(there.subarray(...range)), status);
    if (what !== null) differences.push({ name: instruction.name, word, what });
  }
  return differences;
}

/** An unknown instruction is marked in X29 and skipped, as the program's own signal handler does. */
function runHere(file: Uint8Array, mode: FloatMode, tier: Tier): Uint8Array {
  const result = runProgram(file, null, {
    onUnknown: (cpu) => {
      cpu.setX(29, 1);
      cpu.pc += 4;
    },
    floatExceptions: mode === "exceptions",
    // Every case leaves its region where it writes FPCR.
    ...(mode === "controlled" ? { maximumInstructions: 8 } : {}),
    ...tiers[tier],
  });
  if (result.stop !== null) throw new Error(JSON.stringify(result.stop));
  return result.output;
}

/** `status` are the bits of FPSR that must agree. */
function describe(here: Buffer, there: Buffer, status: number): string | null {
  if (here.equals(there)) return null;
  const undefinedHere = here.readUInt32LE(caseOffset.undefinedMark) === 1;
  if (undefinedHere !== (there.readUInt32LE(caseOffset.undefinedMark) === 1)) {
    return undefinedHere ? "undefined here" : "undefined there";
  }
  const found: string[] = [];
  const compare = (name: string, offset: number, length: number): void => {
    const [a, b] = [here, there].map((bytes) =>
      Buffer.from(bytes.subarray(offset, offset + length))
        .reverse()
        .toString("hex"),
    );
    if (a !== b) found.push(`${name} ${a} instead of ${b}`);
  };
  const output = caseOffset.output;
  for (let register = 0; register < 28; register++) compare(`x${register}`, output + register * 8, 8);
  compare("sp", output + 224, 8);
  compare("nzcv", output + 232, 4);
  for (let register = 0; register < 32; register++) compare(`v${register}`, output + 240 + register * 16, 16);
  for (let offset = caseOffset.scratch; offset < CASE_BYTES; offset += 8)
    compare(`memory+${offset - caseOffset.scratch}`, offset, 8);
  const [statusHere, statusThere] = [here, there].map((bytes) => bytes.readUInt32LE(caseOffset.status) & status);
  if (statusHere !== statusThere)
    found.push(`fpsr ${statusHere?.toString(16)} instead of ${statusThere?.toString(16)}`);
  return found.length === 0 ? null : found.join(", ");
}

function randomControl(random: SeededRandom): number {
  const bits = random.nextUint32();
  const flag = (shift: number, bit: number): number => (((bits >>> shift) & 3) === 0 ? bit : 0);
  return (
    ((bits & 3) << 22) |
    flag(2, controlBit.flushToZero) |
    flag(4, controlBit.defaultNan) |
    flag(6, controlBit.alternativeHalf)
  );
}

/** Processors without and with the atomic instructions of Armv8.1; neither has what we do not advertise of their kind. */
const plainProcessor = "cortex-a72";
const atomicProcessor = "cortex-a76";
const CASES_PER_PROGRAM = 2000;

/** Compares random words of every line of the tier's whose name matches. */
export function compareLines(
  samplesPerLine: number,
  seed: number,
  pattern = /./,
  mode: FloatMode = "usual",
  tier: Tier = "translator",
): { differences: Difference[]; cases: number } {
  const random = new SeededRandom(seed);
  const known = tier === "interpreter" ? interpreted : translated;
  const differences: Difference[] = [];
  let count = 0;
  for (const processor of [plainProcessor, atomicProcessor]) {
    const cases: Case[] = [];
    for (const instruction of instructions) {
      const { name, index } = instruction;
      const needsAtomics = /^(CAS|SWP|LDAPR|LD(ADD|CLR|EOR|SET|[SU]MAX|[SU]MIN))/.test(name);
      if (known[index] === undefined || !isSingle(name) || !pattern.test(name)) continue;
      if (needsAtomics !== (processor === atomicProcessor)) continue;
      if (mode !== "usual" && controlledInstructions[index] === undefined) continue;
      for (let sample = 0; sample < samplesPerLine; sample++) {
        const word = randomWord(instruction, random);
        cases.push(
          mode === "controlled" ? { instruction, word, control: randomControl(random) } : { instruction, word },
        );
      }
    }
    count += cases.length;
    for (let at = 0; at < cases.length; at += CASES_PER_PROGRAM) {
      differences.push(...compareCases(cases.slice(at, at + CASES_PER_PROGRAM), seed + at, processor, mode, tier));
    }
  }
  return { differences, cases: count };
}
