/** Runs a static ELF program on a Cpu with write, exit and getppid only, for tests and benches. */
import { Cpu, type CpuOptions, type Stop } from "./cpu.ts";

export interface ProgramResult {
  readonly output: Uint8Array;
  /** null: it stopped otherwise. */
  readonly code: number | null;
  readonly stop: Stop | null;
  readonly cpu: Cpu;
}

const MEMORY_BYTES = 32 << 20;

/** Loads PT_LOAD segments where they want to be; the entry point. */
export function loadElf(file: Uint8Array, memory: WebAssembly.Memory): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const guest = new Uint8Array(memory.buffer);
  const headers = Number(view.getBigUint64(32, true));
  for (let index = 0; index < view.getUint16(56, true); index++) {
    const header = headers + index * view.getUint16(54, true);
    if (view.getUint32(header, true) !== 1) continue;
    const offset = Number(view.getBigUint64(header + 8, true));
    const address = Number(view.getBigUint64(header + 16, true));
    const length = Number(view.getBigUint64(header + 32, true));
    guest.set(file.subarray(offset, offset + length), address);
  }
  return Number(view.getBigUint64(24, true));
}

export function runProgram(
  file: Uint8Array,
  argument: string | null,
  options: Partial<CpuOptions> & { onUnknown?: (cpu: Cpu) => void; onStart?: (cpu: Cpu) => void } = {},
  budget = 100_000,
): ProgramResult {
  const memory = new WebAssembly.Memory({ initial: MEMORY_BYTES >>> 16 });
  const output: Uint8Array[] = [];
  let code: number | null = null;
  const handle = (): boolean => {
    if (registers.length === 0) registers = new Int32Array(cpu.state.buffer, 0, 64);
    const number = cpu.x32(8);
    // First, and without bigints, as the bench counts its time.
    if (number === 173) {
      registers[0] = 1;
      registers[1] = 0;
      return true;
    }
    if (number === 93) {
      code = cpu.x32(0);
      return false;
    }
    if (number === 64) {
      output.push(new Uint8Array(memory.buffer, cpu.x32(1), cpu.x32(2)).slice());
      cpu.setX(0, cpu.x(2));
    } else {
      cpu.setX(0, -38);
    }
    return true;
  };
  const cpu = new Cpu({ memory, onSupervisorCall: handle, ...options });
  let registers = new Int32Array(cpu.state.buffer, 0, 64);
  cpu.pc = loadElf(file, memory);
  const stack = MEMORY_BYTES - 4096;
  const view = new DataView(memory.buffer);
  const text = new TextEncoder().encode(`${argument ?? ""}\0`);
  new Uint8Array(memory.buffer).set(text, stack + 256);
  view.setUint32(stack, argument === null ? 1 : 2, true);
  view.setUint32(stack + 16, stack + 256, true);
  cpu.setX(31, stack);
  options.onStart?.(cpu);
  for (;;) {
    const stop = cpu.run(budget);
    if (stop.reason === "unknown" && options.onUnknown !== undefined) {
      options.onUnknown(cpu);
      continue;
    }
    const isDone = code !== null || (stop.reason === "svc" && options.onSupervisorCall === undefined && !handle());
    if (!isDone && (stop.reason === "budget" || stop.reason === "svc")) continue;
    return { output: Buffer.concat(output), code, stop: isDone ? null : stop, cpu };
  }
}
