/** The same seed is the same run, packet for packet; another seed is another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Akuma } from "../src/user/libakuma/akuma.ts";
import { VirtualNetwork } from "./support/virtual-network.ts";

const TRANSFER_BYTES = 300_000;

async function serve(akuma: Akuma): Promise<number> {
  await using listener = await akuma.net.TcpListener.bind("0.0.0.0:7000");
  const { stream } = await listener.accept();
  await using connection = stream;
  const block = new Uint8Array(10_000);
  for (let sent = 0; sent < TRANSFER_BYTES; sent += block.length) {
    block.fill((sent / block.length) & 255);
    await connection.writeAll(block);
  }
  return 0;
}

async function fetch(akuma: Akuma): Promise<number> {
  await using stream = await akuma.net.TcpStream.connect("10.0.0.1:7000");
  const buffer = new Uint8Array(8192);
  let total = 0;
  for (;;) {
    const count = await stream.read(buffer);
    if (count === 0) break;
    for (let k = 0; k < count; k++) {
      if (buffer[k] !== (Math.floor((total + k) / 10_000) & 255)) return 2;
    }
    total += count;
  }
  return total === TRANSFER_BYTES ? 0 : 1;
}

async function run(seed: number): Promise<{ captures: Uint8Array[]; elapsedMilliseconds: number }> {
  const network = new VirtualNetwork({
    seed,
    kernels: 3,
    faults: { loss: 0.05, duplicate: 0.02, delayMilliseconds: 20, jitterMilliseconds: 10, corrupt: 0.01 },
  });
  const server = network.run(0, serve);
  const clients = [network.run(1, fetch)];
  const [serverEnd, clientEnd] = await Promise.all([server, ...clients]);
  assert.equal(serverEnd?.code, 0, serverEnd?.output);
  assert.equal(clientEnd?.code, 0, clientEnd?.output);
  const captures = [0, 1, 2].map((k) => network.capture(k));
  const elapsedMilliseconds = network.scheduler.clock.monotonicMilliseconds();
  network.shutdown();
  return { captures, elapsedMilliseconds };
}

test("two runs with one seed give the same pcap files, byte for byte", async () => {
  const first = await run(4711);
  const second = await run(4711);
  assert.ok((first.captures[0]?.length ?? 0) > TRANSFER_BYTES, "the capture holds the transfer");
  for (let k = 0; k < 3; k++) assert.ok(Buffer.from(first.captures[k]!).equals(second.captures[k]!), `kernel ${k}`);
  assert.equal(first.elapsedMilliseconds, second.elapsedMilliseconds);
});

test("another seed gives another run", async () => {
  const [first, second] = [await run(1), await run(2)];
  assert.ok(!Buffer.from(first.captures[0]!).equals(second.captures[0]!));
});
