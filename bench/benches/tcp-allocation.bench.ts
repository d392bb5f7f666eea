/** Bytes of JavaScript heap allocated per packet while a TCP connection moves bulk data in steady state. */
import { PerformanceObserver } from "node:perf_hooks";
import type { Bench } from "../harness.ts";
import { StackPair, transfer } from "../two-stacks.ts";

const BYTES = 256 << 20;

export const bench: Bench = {
  name: "tcp-allocation",
  what: "heap bytes allocated per frame on the wire, 256 MiB in segments of 1448 a round",
  rounds: 5,
  // A nursery so large that nothing is collected within a round: what the heap grew by is what was allocated.
  nodeFlags: ["--max-semi-space-size=512", "--min-semi-space-size=512"],
  open: () => {
    const pair = new StackPair("ethernet");
    const [client, server] = pair.connect();
    let collections = 0;
    new PerformanceObserver((list) => {
      collections += list.getEntries().length;
    }).observe({ entryTypes: ["gc"] });
    // Whole numbers, which V8 keeps without a box: a real clock's fractions would count as the stack's allocations.
    let polls = 0;
    const clock = (): number => pair.now + (++polls % 8 === 0 ? 1 : 0);
    let frames = 0;
    const transferOnce = (): number => {
      const before = process.memoryUsage().heapUsed;
      const framesBefore = pair.frames;
      transfer(pair, client, server, BYTES, clock);
      frames = pair.frames - framesBefore;
      return process.memoryUsage().heapUsed - before;
    };
    return {
      variants: [
        {
          name: "ethernet-1500",
          unit: "bytes/packet",
          measure: async () => {
            globalThis.gc?.();
            await new Promise((resolve) => setTimeout(resolve, 20));
            collections = 0;
            const grown = transferOnce();
            await new Promise((resolve) => setTimeout(resolve, 20));
            if (collections > 0) throw new Error("the heap was collected within the round: the count would be too low");
            return grown / frames;
          },
        },
      ],
      targets: { "ethernet-1500": "0" },
    };
  },
};
