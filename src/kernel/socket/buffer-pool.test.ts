import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOBUFS } from "../../abi/errno.ts";
import { MSG_DONTWAIT, SOCK_NONBLOCK, SOCK_STREAM } from "../../abi/socket.ts";
import { NetKernel, result, testArena } from "../syscall/socket.fixture.ts";
import { createBufferPool, GrowingPool } from "./buffer-pool.ts";
import { PAIR_HALF_BYTES, PairPool } from "./pair-pool.ts";

const NOTHING = { connections: 0, bytesInUse: 0, bytesPutAside: 0 };

test("32 pairs: each connection has one, with both halves in it; the 33rd gets none", () => {
  const arena = testArena();
  const pool = createBufferPool(arena, { profile: "specification" }) as PairPool;
  assert.equal(pool.pairs, 32);
  assert.equal(arena.blockBytesInUse, 32 * 2 * PAIR_HALF_BYTES);
  const owners = Array.from({ length: 32 }, () => ({}));
  for (const owner of owners) {
    assert.equal(pool.admit(), true);
    const receive = pool.allocateRing(4096, owner);
    const send = pool.allocateRing(4096, owner);
    assert.equal(Math.abs(receive - send), 4096, "one pair");
    assert.equal(pool.allocateRing(4096, owner), 0, "a pair has two halves");
  }
  assert.deepEqual(
    owners.map((owner) => pool.slotOf(owner)).sort((a, b) => a - b),
    [...Array(32).keys()],
  );
  assert.equal(pool.admit(), false);
  assert.equal(pool.allocateRing(8192, owners[0]), 0, "no half is larger");
  assert.equal(pool.exhausted, 34);
  assert.equal(arena.blockBytesInUse, 32 * 2 * PAIR_HALF_BYTES, "nothing was allocated after boot");
});

test("a half given back waits for the network runner; so does a pair whose connection has ended", () => {
  const pool = new PairPool(testArena(), 1);
  const owner = {};
  pool.admit();
  const ring = pool.allocateRing(4096, owner);
  assert.equal(pool.isAllocated(0), true);
  assert.equal(pool.referenceCount(0), 2);
  pool.freeRing(ring);
  assert.deepEqual(pool.usage(), { connections: 1, bytesInUse: 4096, bytesPutAside: 4096 });
  pool.release(owner);
  assert.equal(pool.isAllocated(0), false);
  assert.equal(pool.admit(), false, "the stack may still look into it");
  pool.collect();
  assert.deepEqual(pool.usage(), NOTHING);
  assert.equal(pool.admit(), true);
  pool.freeRing(ring);
  pool.freeRing(12345);
  assert.equal(pool.usage().bytesPutAside, 0, "what is not in use cannot be given back");
});

test("a connection may take back a half of its own before the runner has polled", () => {
  const pool = new PairPool(testArena(), 1);
  const owner = {};
  pool.admit();
  const first = pool.allocateRing(4096, owner);
  pool.allocateRing(4096, owner);
  pool.freeRing(first);
  assert.equal(pool.allocateRing(4096, owner), first);
  pool.collect();
  assert.equal(pool.usage().bytesInUse, 8192, "and the runner leaves it alone");
});

test("auto: rings are blocks of the arena, bounded all together and in number of connections", () => {
  const arena = testArena();
  const pool = new GrowingPool(arena, { maximumBytes: 16_384, maximumConnections: 2 });
  assert.equal(pool.admit(), true);
  assert.equal(pool.admit(), true);
  assert.equal(pool.admit(), false);
  const ring = pool.allocateRing(8192);
  assert.equal(pool.allocateRing(16_384), 0);
  assert.ok(pool.allocateRing(8192) > 0);
  assert.equal(pool.allocateRing(4096), 0);
  pool.freeRing(ring, 8192);
  assert.ok(pool.allocateRing(4096) > 0);
  assert.equal(pool.exhausted, 3);
  assert.equal(arena.blockBytesInUse, 12_288);
});

test("an arena too small for all pairs gives fewer, and connections find the pool exhausted", () => {
  const arena = testArena();
  while (arena.allocateBlock(1 << 20) !== 0);
  const few = new PairPool(arena, 100_000);
  assert.ok(few.pairs < 100_000);
  const none = new PairPool(arena, 4);
  assert.equal(none.pairs, 0);
  assert.equal(none.admit(), false);
});

test("specification profile: 16 connections on loopback use all 32 pairs, a 17th connect(2) says ENOBUFS", () => {
  const kernel = new NetKernel({ pool: { profile: "specification" } });
  const program = kernel.program();
  const listener = program.listener(80, 64);
  const pairs = Array.from({ length: 16 }, () => program.pair(listener, 80));
  assert.equal(program.connect(program.socket(SOCK_STREAM | SOCK_NONBLOCK), 80), -ENOBUFS);
  const slots = new Set<number>();
  for (const [client, server] of pairs) {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      program.send(from, `from ${from}`);
      kernel.run();
      for (const socket of kernel.sockets.all()) if (socket.bufferSlot >= 0) slots.add(socket.bufferSlot);
      assert.equal(program.receive(to), `from ${from}`);
    }
  }
  assert.equal(slots.size, 32, "every connection had a pair of its own");
  for (const [client, server] of pairs) {
    program.close(client);
    program.close(server);
  }
  kernel.advance(100);
  assert.deepEqual(kernel.pool.usage(), NOTHING);
  program.pair(listener, 80);
});

test("specification profile: megabytes go through 4 KiB of buffer each way", () => {
  const kernel = new NetKernel({ pool: { profile: "specification" } });
  const program = kernel.program();
  const [client, server] = program.pair(program.listener(80), 80);
  const total = 1 << 20;
  let sent = 0;
  let received = 0;
  let sum = 0;
  for (let k = 0; k < 0x1_0000; k++) program.memory.bytes[program.buffer + k] = k * 7;
  const into = program.place(0x8000);
  for (let turns = 0; received < total && turns < 20_000; turns++) {
    if (sent < total) {
      const from = program.buffer + (sent & 0x7fff);
      const taken = program.start(206, client, from, Math.min(0x4000, total - sent), MSG_DONTWAIT, 0, 0) as number;
      if (taken > 0) sent += taken;
    }
    kernel.run();
    const got = program.start(207, server, into, 0x8000, MSG_DONTWAIT, 0, 0) as number;
    for (let k = 0; k < got; k++) {
      if (program.memory.bytes[into + k] !== ((((received + k) & 0x7fff) * 7) & 0xff)) sum++;
    }
    if (got > 0) received += got;
    else kernel.advance(1);
  }
  assert.equal(received, total);
  assert.equal(sum, 0, "every byte as it was sent");
  assert.ok(kernel.pool.usage().bytesInUse <= 4 * 4096);
});

for (const [profile, connections] of [
  ["auto", 100_000],
  ["specification", 20_000],
] as const) {
  test(`nothing leaks over ${connections} connections (${profile})`, () => {
    const kernel = new NetKernel({ pool: { profile }, tcp: { timeWaitMilliseconds: 10 } });
    const program = kernel.program();
    const listener = program.listener(80, 64);
    const run = (count: number): void => {
      for (let k = 0; k < count; k++) {
        const client = program.call(198, 2, 1, 0);
        const connecting = program.connect(client, 80);
        // Time goes on, so that a port used again is told from its last use by the timestamps.
        kernel.advance(1);
        const server = program.call(202, listener, 0, 0);
        if (result(connecting) !== 0 || server < 0) throw new Error(`connection ${k}: ${result(connecting)} ${server}`);
        // Some carry bytes, some end by reset, some are closed by the server first.
        if (k % 8 === 0) program.call(206, client, program.buffer, 100, 0, 0, 0);
        if (k % 16 === 0) kernel.run();
        program.call(57, k % 3 === 0 ? server : client);
        if (k % 5 === 0) kernel.run();
        program.call(57, k % 3 === 0 ? client : server);
        if (k % 64 === 0) kernel.advance(20);
      }
      kernel.advance(100);
    };
    run(500);
    const before = kernel.usage();
    run(connections - 500);
    assert.deepEqual(kernel.usage(), before);
    assert.equal(before["frames"], 0);
    assert.equal(before["connections"], 0);
    assert.equal(before["sockets"], 1, "the listener");
    assert.equal(kernel.net.tcp.orphans, 0);
    assert.equal([...kernel.net.tcp.connections()].length, 0);
  });
}

test("rings may grow to less the more of the pool is in use, and a new connection still finds room", () => {
  const arena = testArena();
  const pool = new GrowingPool(arena, { maximumBytes: 1 << 23, maximumRingBytes: 1 << 20 });
  const rings: [number, number][] = [];
  const limits = new Set<number>();
  // Each one takes as much as it may, as the rings of peers do who ask for much and read nothing.
  for (let k = 0; k < 300; k++) {
    const bytes = pool.growthLimit;
    limits.add(bytes);
    const ring = pool.allocateRing(bytes);
    assert.notEqual(ring, 0, `ring ${k} of ${bytes} bytes`);
    rings.push([ring, bytes]);
  }
  assert.deepEqual([...limits], [1 << 20, 65_536, 16_384, 4096]);
  assert.equal(pool.exhausted, 0);
  for (const [ring, bytes] of rings) pool.freeRing(ring, bytes);
  assert.equal(pool.growthLimit, 1 << 20);
  assert.equal(pool.usage().bytesInUse, 0);
});
