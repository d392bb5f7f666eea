/** Processes and threads of machine code: fork and wait, clone and join, and a whole program in a kernel that has run it before. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Kernel } from "../../src/index.ts";
import { busyboxPath, kernelWith, qemu, requirePrograms, timeOfProcess } from "../arm64.ts";
import type { Bench } from "../harness.ts";
import { root } from "../serving.ts";

const program = join(root, "bench/programs/arm64/processes.elf");

async function inKernel(kernel: Kernel, what: string, count: number): Promise<number> {
  const { stdout } = await (await kernel.spawn("/bin/processes", { arguments: [what, String(count)] })).output();
  return Number(stdout.trim().split(" ")[1]) / 1000;
}

function underQemu(what: string, count: number): number {
  const { stdout } = spawnSync(qemu(), [program, what, String(count)], { encoding: "utf8" });
  return Number(stdout.trim().split(" ")[1]) / 1000;
}

function pair(name: string, what: string, here: number, there: number): Bench {
  return {
    name,
    what: `machine code: ${what}`,
    rounds: 5,
    open: async () => {
      const kernel = await kernelWith(program, "processes");
      const kind = name.replace("machine-", "");
      return {
        variants: [
          { name: "akuma", unit: "µs", measure: () => inKernel(kernel, kind, here) },
          { name: "qemu", unit: "µs", measure: () => underQemu(kind, there) },
        ],
        against: "qemu",
        targets: { akuma: "≤ 1 ×" },
        close: () => kernel.shutdown(),
      };
    },
  };
}

export const forks: Bench = pair("machine-fork", "fork, exit and wait", 1000, 300);
export const threads: Bench = pair("machine-threads", "clone, exit and join of a thread", 5000, 500);

export const warm: Bench = {
  name: "machine-true",
  what: "busybox true in a kernel that has run it before, and under qemu from process start to exit",
  rounds: 21,
  open: async () => {
    requirePrograms();
    const kernel = await kernelWith(busyboxPath, "busybox");
    const run = async (): Promise<number> => {
      const started = performance.now();
      await (await kernel.spawn("/bin/busybox", { arguments: ["true"] })).exited;
      return performance.now() - started;
    };
    for (let k = 0; k < 100; k++) await run();
    return {
      variants: [
        { name: "akuma", unit: "ms", measure: run },
        { name: "qemu", unit: "ms", measure: () => timeOfProcess(qemu(), [busyboxPath, "true"]) },
      ],
      against: "qemu",
      targets: { akuma: "≤ 1 ×" },
      close: () => kernel.shutdown(),
    };
  },
};
