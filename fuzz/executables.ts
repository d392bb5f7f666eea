/**
 * Executables that are not what they should be: ELF files with changed headers, segments and code, scripts with strange first
 * lines, and a program that makes random system calls. Nothing may throw or hang, and each leaves the kernel as it was.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nextBelow, SeededRandom } from "../src/base/random.ts";
import { Kernel, type KernelProcess } from "../src/index.ts";

const folder = join(import.meta.dirname, "../test/fixtures");
const sources = ["linux/memory.elf", "linux/signals.elf", "linux/processes.elf", "akuma/calls.elf"];
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
/** How long a program gets. */
const MOST_MILLISECONDS = 40;
const CALLS_PER_PROGRAM = 3000;
const PATH = "/bin/fuzzed";

export interface ExecutableFuzzResult {
  files: number;
  /** Those that could be started. */
  started: number;
}

export interface CallFuzzResult {
  programs: number;
  calls: number;
  /** Programs that made all of their calls. */
  completed: number;
}

const odd64: readonly bigint[] = [
  0n,
  1n,
  0xfffn,
  0x1000n,
  0x40_0000n,
  0x7fff_ffffn,
  0xffff_f000n,
  0xffff_ffffn,
  1n << 32n,
  1n << 47n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** A change in the ELF header or in a program header: in one of its fields, or anywhere. */
function changeHeaders(random: SeededRandom, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer);
  const count = Math.min(view.getUint16(56, true), 8);
  const at = HEADER_BYTES + PROGRAM_HEADER_BYTES * nextBelow(random, Math.max(1, count));
  const field = [8, 16, 24, 32, 40, 48][nextBelow(random, 6)] as number;
  if (at + PROGRAM_HEADER_BYTES > bytes.length) return;
  const value = odd64[nextBelow(random, odd64.length)] as bigint;
  switch (nextBelow(random, 8)) {
    case 0:
      view.setUint8(nextBelow(random, HEADER_BYTES), random.nextUint32());
      return;
    case 1:
      view.setUint8(at + nextBelow(random, PROGRAM_HEADER_BYTES), random.nextUint32());
      return;
    case 2: // the kind: PT_LOAD, PT_DYNAMIC, PT_INTERP …
      view.setUint32(at, nextBelow(random, 8), true);
      return;
    case 3: // permissions
      view.setUint32(at + 4, nextBelow(random, 8), true);
      return;
    case 4:
      view.setBigUint64(at + field, value, true);
      return;
    case 5: // nearly what it was
      view.setBigUint64(at + field, view.getBigUint64(at + field, true) + BigInt(nextBelow(random, 8192) - 4096), true);
      return;
    case 6: // how many headers, and where
      view.setUint16(56, [0, 1, 2, 127, 0xffff][nextBelow(random, 5)] as number, true);
      return;
    default: // entry, offset of the headers, of the sections
      view.setBigUint64([24, 32, 40][nextBelow(random, 3)] as number, value, true);
  }
}

function mutate(random: SeededRandom, original: Uint8Array): Uint8Array {
  let bytes = original.slice();
  const view = new DataView(bytes.buffer);
  switch (nextBelow(random, 8)) {
    case 0:
      bytes = bytes.slice(0, nextBelow(random, bytes.length));
      break;
    case 1: {
      // An interpreter: itself, a folder, nothing, a script.
      const paths = [PATH, "/bin", "/nowhere", "/bin/script", "", "x".repeat(300)];
      const path = new TextEncoder().encode(`${paths[nextBelow(random, paths.length)]}\0`);
      bytes.set(path, 0x200);
      view.setUint32(HEADER_BYTES + PROGRAM_HEADER_BYTES, 3, true);
      view.setBigUint64(HEADER_BYTES + PROGRAM_HEADER_BYTES + 8, 0x200n, true);
      view.setBigUint64(HEADER_BYTES + PROGRAM_HEADER_BYTES + 32, BigInt(path.length), true);
      if (nextBelow(random, 2) === 0) view.setUint16(56, 2, true);
      if (nextBelow(random, 2) === 0) view.setUint16(16, 3, true);
      break;
    }
    case 2:
      // Bytes of code.
      for (let k = nextBelow(random, 64); k >= 0; k--) {
        bytes[HEADER_BYTES * 4 + nextBelow(random, bytes.length - HEADER_BYTES * 4)] = random.nextUint32();
      }
      break;
    default:
      for (let k = nextBelow(random, 4); k >= 0; k--) changeHeaders(random, bytes);
  }
  return bytes;
}

function makeScript(random: SeededRandom): Uint8Array {
  const lines = [
    "#!",
    "#! ",
    "#!/bin/fuzzed",
    "#!/bin/script x",
    `#!${"/".repeat(5000)}`,
    `#!/bin/echo ${"a".repeat(4090)}`,
  ];
  const text = new TextEncoder().encode(lines[nextBelow(random, lines.length)] as string);
  const bytes = new Uint8Array(text.length + nextBelow(random, 300));
  bytes.set(text);
  random.fill(bytes, text.length, bytes.length - text.length);
  return bytes;
}

function makeStrings(random: SeededRandom): string[] {
  return Array.from(
    { length: nextBelow(random, 40) },
    () => ["", "=", "a=b", "\u{1f600}", "x".repeat(nextBelow(random, 3000))][nextBelow(random, 5)] as string,
  );
}

async function boot(): Promise<Kernel> {
  const kernel = await Kernel.boot({
    memoryBytes: 512 << 20,
    processMemoryBytes: 256 << 20,
    maximumProcesses: 64,
  });
  kernel.core.writeFile("/bin/script", "#!/bin/script\n", 0o755);
  return kernel;
}

async function endSoon(program: KernelProcess, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | null = null;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([program.exited, late]);
  if (timer !== null) clearTimeout(timer);
  program.killAll();
  await program.exited;
}

function checkNothingLeft(kernel: Kernel, openFiles: number): void {
  const { core } = kernel;
  assert.equal(core.processes.size, 0, "processes are left");
  assert.equal(core.machines.account.usedBytes, 0, "memory is left");
  assert.equal(core.openFiles.current, openFiles, "open files are left");
}

/** Starts changed executables until `isDone`; throws on the first thing that is wrong, with the seed in the message. */
export async function fuzzExecutables(
  seed: number,
  isDone: (result: ExecutableFuzzResult) => boolean,
): Promise<ExecutableFuzzResult> {
  const result: ExecutableFuzzResult = { files: 0, started: 0 };
  const originals = sources.map((path) => new Uint8Array(readFileSync(join(folder, path))));
  const kernel = await boot();
  const openFiles = kernel.core.openFiles.current;
  for (let round = seed; !isDone(result); round++) {
    const random = new SeededRandom(round);
    try {
      const original = originals[nextBelow(random, originals.length)] as Uint8Array;
      const bytes = nextBelow(random, 12) === 0 ? makeScript(random) : mutate(random, original);
      kernel.core.writeFile(PATH, bytes, 0o755);
      result.files++;
      let program: KernelProcess | null = null;
      try {
        const environment = Object.fromEntries(makeStrings(random).map((value, index) => [`V${index}`, value]));
        program = await kernel.spawn(PATH, {
          arguments: makeStrings(random),
          environment,
          stdout: "ignore",
          stderr: "ignore",
          abi: nextBelow(random, 4) === 0 ? "akuma" : "linux",
        });
      } catch (error) {
        const { code } = error as { code?: unknown };
        assert.match(String(code), /^E[A-Z0-9]+$/, `no error number: ${(error as Error).stack}`);
      }
      if (program !== null) {
        result.started++;
        await endSoon(program, MOST_MILLISECONDS);
      }
      checkNothingLeft(kernel, openFiles);
    } catch (error) {
      throw new Error(`fuzzing executables with seed ${round}: ${(error as Error).message}`, { cause: error });
    }
  }
  await kernel.shutdown();
  return result;
}

/** Has a program make random calls until `isDone`; throws on the first thing that is wrong, with the seed in the message. */
export async function fuzzMachineCalls(
  seed: number,
  isDone: (result: CallFuzzResult) => boolean,
): Promise<CallFuzzResult> {
  const result: CallFuzzResult = { programs: 0, calls: 0, completed: 0 };
  const hostile = readFileSync(join(folder, "linux/hostile.elf"));
  for (let round = seed; !isDone(result); round++) {
    // Each has a file system of its own: programs change what they like in it.
    const kernel = await boot();
    try {
      const openFiles = kernel.core.openFiles.current;
      kernel.core.writeFile(PATH, hostile, 0o755);
      const program = await kernel.spawn(PATH, {
        arguments: ["random calls", String(round), String(CALLS_PER_PROGRAM)],
        stdout: "ignore",
        stderr: "ignore",
      });
      await endSoon(program, 2000);
      const { code } = await program.exited;
      result.programs++;
      result.calls += CALLS_PER_PROGRAM;
      if (code === 0) result.completed++;
      checkNothingLeft(kernel, openFiles);
    } catch (error) {
      throw new Error(`fuzzing calls of machine code with seed ${round}: ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      await kernel.shutdown();
    }
  }
  return result;
}
