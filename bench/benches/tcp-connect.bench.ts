/** Connect, echo of 64 bytes, close; one connection after another, within one process. */
import { createServer, connect as netConnect } from "node:net";
import type { Bench, Variant } from "../harness.ts";
import { StackPair } from "../two-stacks.ts";

const CONNECTIONS = 1000;
const MESSAGE_BYTES = 64;
/** Of the stacks' time, per poll in which nothing is to do: TIME_WAIT ends within a run. */
const STEP_MILLISECONDS = 1;

function akuma(name: string, kind: "ethernet" | "loopback"): Variant {
  const pair = new StackPair(kind);
  const message = new Uint8Array(MESSAGE_BYTES).fill(7);
  const buffer = new Uint8Array(4096);
  const once = (): void => {
    const [client, server] = pair.connect();
    client.send(message, 0, MESSAGE_BYTES);
    pair.pollUntil(() => server.readableBytes >= MESSAGE_BYTES, STEP_MILLISECONDS);
    server.send(buffer, 0, server.receive(buffer, 0, buffer.length));
    pair.pollUntil(() => client.readableBytes >= MESSAGE_BYTES, STEP_MILLISECONDS);
    if (client.receive(buffer, 0, buffer.length) !== MESSAGE_BYTES || buffer[0] !== 7) throw new Error("wrong echo");
    client.close();
    pair.pollUntil(() => server.receiveFinished, STEP_MILLISECONDS);
    server.close();
    // Until the last acknowledgement is through; then the client's side waits in TIME_WAIT.
    pair.pollUntil(() => !pair.client.needsPoll && !pair.server.needsPoll, STEP_MILLISECONDS);
    pair.now += STEP_MILLISECONDS * 10;
  };
  return {
    name,
    unit: "connections/s",
    measure: () => {
      const started = performance.now();
      for (let count = 0; count < CONNECTIONS; count++) once();
      return CONNECTIONS / ((performance.now() - started) / 1000);
    },
  };
}

async function nodeNet(): Promise<{ variant: Variant; close: () => void }> {
  const server = createServer((socket) => socket.on("data", (chunk) => socket.write(chunk)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const message = Buffer.alloc(MESSAGE_BYTES, 7);
  const once = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = netConnect(port, "127.0.0.1", () => socket.write(message));
      let got = 0;
      socket.on("data", (chunk) => {
        got += chunk.length;
        if (got === MESSAGE_BYTES) socket.end();
      });
      socket.on("close", () => resolve());
      socket.on("error", reject);
    });
  const measure = async (): Promise<number> => {
    const started = performance.now();
    for (let count = 0; count < CONNECTIONS; count++) await once();
    return CONNECTIONS / ((performance.now() - started) / 1000);
  };
  return { variant: { name: "node-net", unit: "connections/s", measure }, close: () => server.close() };
}

export const bench: Bench = {
  name: "tcp-connect",
  what: "connect + 64-byte echo + close, one after another, 1,000 a round",
  rounds: 7,
  open: async () => {
    const host = await nodeNet();
    return {
      variants: [akuma("ethernet-1500", "ethernet"), akuma("loopback-65536", "loopback"), host.variant],
      against: "node-net",
      targets: { "ethernet-1500": "≥ 2 ×", "loopback-65536": "≥ 2 ×" },
      close: host.close,
    };
  },
};
