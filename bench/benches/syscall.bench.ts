/** A non-blocking system call from a TypeScript program: in the kernel's realm, and from a worker thread. */
import { Kernel } from "../../src/index.ts";
import type { Bench, Variant } from "../harness.ts";

const CALLS = { realm: 500_000, worker: 20_000 };

export const bench: Bench = {
  name: "syscall",
  what: "one system call that does not block, through libakuma and the gate",
  rounds: 9,
  open: async () => {
    const kernel = await Kernel.boot();
    kernel.addProgram("system-calls", new URL("../programs/system-calls.ts", import.meta.url));
    let printed = "";
    const variants = (isolate: "realm" | "worker"): Variant[] => [
      {
        name: `getppid-from-${isolate}`,
        unit: "ns",
        measure: async () => {
          const program = await kernel.spawn("/bin/system-calls", { arguments: [String(CALLS[isolate])], isolate });
          const { stdout, stderr, code } = await program.output();
          if (code !== 0) throw new Error(stderr);
          printed = stdout;
          return numberAfter(printed, "getppid");
        },
      },
      { name: `write-1-byte-from-${isolate}`, unit: "ns", measure: () => numberAfter(printed, "write-1-byte") },
    ];
    return {
      variants: [...variants("realm"), ...variants("worker")],
      targets: { "getppid-from-realm": "< 300 ns", "write-1-byte-from-realm": "< 300 ns" },
      close: () => kernel.shutdown(),
    };
  },
};

function numberAfter(printed: string, name: string): number {
  return Number(new RegExp(`^${name} ([\\d.]+)$`, "m").exec(printed)?.[1]);
}
