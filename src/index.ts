/** The package's door: boot a kernel, run programs in it, talk to them. */

export { type BootOptions, Kernel, type MountOption } from "./host/node/boot.ts";
export { ConnectionDuplex } from "./host/node/connection-duplex.ts";
export type {
  KernelProcess,
  ProgramOutput,
  SpawnOptions,
  StandardInput,
  StandardOutput,
} from "./host/node/kernel-process.ts";
export { VirtualScheduler } from "./host/virtual-scheduler.ts";
export type { ExitResult } from "./kernel/kernel.ts";
