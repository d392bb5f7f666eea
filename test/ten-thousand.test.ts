/** Ten thousand connections open at once to one listener, each echoing once a second for a while, on the virtual clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kernel } from "../src/kernel/kernel.ts";
import type { Akuma } from "../src/user/libakuma/akuma.ts";
import { VirtualNetwork } from "./support/virtual-network.ts";

const CONNECTIONS = 10_000;
const SECONDS = 3;
/** How many handshakes the client has under way at the same time. */
const CONNECTING = 500;

/** prlimit64(0, RLIMIT_NOFILE, …): both limits. */
function allowDescriptors(akuma: Akuma): void {
  const limits = akuma.allocate(16);
  const view = new DataView(limits.buffer, limits.byteOffset, 16);
  view.setUint32(0, CONNECTIONS + 100, true);
  view.setUint32(8, CONNECTIONS + 100, true);
  assert.equal(akuma.gate.call(261, 0, 7, limits.byteOffset, 0, 0, 0), 0);
}

async function server(akuma: Akuma): Promise<number> {
  allowDescriptors(akuma);
  await using listener = await akuma.net.TcpListener.bind("0.0.0.0:7", 1024);
  for await (const { stream } of listener) {
    void (async () => {
      await using connection = stream;
      const buffer = new Uint8Array(64);
      for (;;) {
        const count = await connection.read(buffer);
        if (count === 0) return;
        await connection.writeAll(buffer.subarray(0, count));
      }
    })();
  }
  return 0;
}

test("10,000 connections, one echo a second each", async (t) => {
  const network = new VirtualNetwork({ seed: 1, kernels: 2, capture: false });
  const [serving, connecting] = network.kernels as [Kernel, Kernel];
  let echoes = 0;
  let idleBytes = 0;
  const memory = (): number => {
    global.gc?.();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return heapUsed + external + arrayBuffers;
  };
  const client = async (akuma: Akuma): Promise<number> => {
    allowDescriptors(akuma);
    const before = memory();
    const streams: Awaited<ReturnType<typeof akuma.net.TcpStream.connect>>[] = [];
    for (let k = 0; k < CONNECTIONS; k += CONNECTING) {
      const group = Array.from({ length: CONNECTING }, () => akuma.net.TcpStream.connect("10.0.0.1:7"));
      streams.push(...(await Promise.all(group)));
      // A moment for the server to accept: no virtual time passes while programs have something to do.
      await akuma.sleep(1);
    }
    await akuma.sleep(5000);
    idleBytes = memory() - before;
    assert.equal([...serving.net.tcp.connections()].length, CONNECTIONS);
    for (let second = 0; second < SECONDS; second++) {
      const before = connecting.now();
      await Promise.all(
        streams.map(async (stream, k) => {
          await stream.writeAll(new TextEncoder().encode(`${second} ${k}`));
          const own = new Uint8Array(64);
          const count = await stream.read(own);
          assert.equal(new TextDecoder().decode(own.subarray(0, count)), `${second} ${k}`);
          echoes++;
        }),
      );
      await akuma.sleep(1000 - (connecting.now() - before));
    }
    for (const stream of streams) await stream.close();
    return 0;
  };
  const ended = network.run(0, server);
  const result = await network.run(1, client);
  assert.equal(result.code, 0, result.output);
  assert.equal(echoes, CONNECTIONS * SECONDS);
  for (const process of serving.processes.all()) process.signals.raise(15);
  await ended;
  // The last connections end.
  await network.run(1, (akuma) => akuma.sleep(180_000));
  t.diagnostic(
    `memory of an idle connection, both ends with their sockets, descriptors and waiting programs: ${Math.round(idleBytes / CONNECTIONS)} bytes`,
  );
  assert.equal(serving.sockets.size, 0);
  network.shutdown();
  assert.equal(serving.net.arena.framesInUse, 0);
});
