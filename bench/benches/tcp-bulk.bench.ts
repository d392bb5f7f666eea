/** One TCP connection moving bulk data within one process: checksums on, data copied in and out. */
import { createServer, connect as netConnect, type Socket } from "node:net";
import type { Bench, Variant } from "../harness.ts";
import { StackPair, transfer } from "../two-stacks.ts";

const BYTES = 256 << 20;

function gigabits(bytes: number, milliseconds: number): number {
  return (bytes * 8) / milliseconds / 1e6;
}

function akuma(name: string, kind: "ethernet" | "loopback"): Variant {
  const pair = new StackPair(kind);
  const [client, server] = pair.connect();
  const origin = performance.now() - pair.now;
  return {
    name,
    unit: "Gbit/s",
    measure: () => {
      const started = performance.now();
      transfer(pair, client, server, BYTES, () => performance.now() - origin);
      return gigabits(BYTES, performance.now() - started);
    },
  };
}

async function nodeNet(): Promise<{ variant: Variant; close: () => void }> {
  let onBytes: (count: number) => void = () => {};
  const server = createServer((socket) => socket.on("data", (chunk) => onBytes(chunk.length)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const client = await new Promise<Socket>((resolve) => {
    const socket = netConnect(port, "127.0.0.1", () => resolve(socket));
  });
  const out = Buffer.alloc(65_536, 0x5a);
  const measure = (): Promise<number> =>
    new Promise((resolve) => {
      const started = performance.now();
      let toReceive = BYTES;
      let toSend = BYTES;
      onBytes = (count) => {
        toReceive -= count;
        if (toReceive === 0) resolve(gigabits(BYTES, performance.now() - started));
      };
      const push = (): void => {
        while (toSend > 0) {
          toSend -= out.length;
          if (!client.write(out)) {
            client.once("drain", push);
            return;
          }
        }
      };
      push();
    });
  const close = (): void => {
    client.destroy();
    server.close();
  };
  return { variant: { name: "node-net", unit: "Gbit/s", measure }, close };
}

export const bench: Bench = {
  name: "tcp-bulk",
  what: "one TCP connection in one process, 256 MiB a round",
  rounds: 9,
  open: async () => {
    const host = await nodeNet();
    return {
      variants: [akuma("ethernet-1500", "ethernet"), akuma("loopback-65536", "loopback"), host.variant],
      against: "node-net",
      targets: { "ethernet-1500": "≥ 0.7 ×", "loopback-65536": "≥ 2 ×" },
      close: host.close,
    };
  },
};
