/** The CPU alone: AArch64 user code over a memory of yours, with your function for SVC. It knows no kernel. */

export { CodeCache } from "./code-cache.ts";
export type { CodeStore } from "./code-file.ts";
export { Cpu } from "./cpu.ts";
export type { CpuOptions, FaultMode, Stop } from "./cpu-options.ts";
export { decode } from "./decode/decoder.ts";
