/** Keep-alive, user timeout, rings that come and go, buffers that grow, and that idle connections cost nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ETIMEDOUT } from "../../../abi/errno.ts";
import { Arena } from "../../../base/arena.ts";
import { pattern } from "../wire-peer.fixture.ts";
import { BadNetwork } from "./bad-network.fixture.ts";
import { openMany } from "./idle-connections.fixture.ts";
import { type Opened, openActively, openPassively, read, write } from "./peer.fixture.ts";

const KEEP = { keepAlive: true, keepIdleMilliseconds: 10_000, keepIntervalMilliseconds: 1000, keepCount: 3 };

test("keep-alive: probes an idle peer, is content with an answer, gives up after the count", () => {
  const { peer, connection } = openPassively({ socket: KEEP });
  peer.advance(9999).expectSilence();
  peer.advance(1).expect({ flags: "ACK", seq: 0, ack: 1 });
  peer.send({});
  peer.advance(9999).expectSilence();
  for (let k = 0; k < 3; k++) {
    peer.advance(k === 0 ? 1 : 1000).expect({ flags: "ACK", seq: 0 });
  }
  assert.equal(connection.stateName, "ESTABLISHED");
  peer.advance(1000).expect({ flags: "RST ACK" });
  assert.equal(connection.takeError(), ETIMEDOUT);
});

test("keep-alive: traffic moves the time without touching the heap; options can be set late and taken back", () => {
  const opened = openPassively();
  const { peer, connection } = opened;
  connection.setOptions(KEEP);
  peer.advance(8000);
  peer.send({ data: "x" });
  read(opened);
  peer.advance(8000).expect({ ack: 2 });
  peer.expectSilence();
  peer.advance(2000).expect({ flags: "ACK", seq: 0 });
  peer.send({});
  connection.setOptions({ keepAlive: false });
  peer.advance(10_000_000).expectSilence();
});

test("a small segment is acknowledged within a millisecond at the start and after a pause, later with the answer or after 40", () => {
  const opened = openPassively();
  const { peer } = opened;
  for (const round of [0, 1]) {
    for (let k = 0; k < 16; k++) {
      peer.send({ data: "x" }).expectSilence();
      peer.advance(1).expect({ flags: "ACK" });
    }
    peer.send({ data: "x" });
    peer.advance(39).expectSilence();
    peer.advance(1).expect({ flags: "ACK" });
    if (round === 0) peer.advance(2000);
  }
  peer.advance(2000);
  peer.send({ data: "question" });
  write(opened, "answer");
  peer.expect({ data: "answer" });
  peer.send({});
  peer.advance(100).expectSilence();
});

test("TCP_USER_TIMEOUT ends a connection whose data is not acknowledged", () => {
  const opened = openActively({ socket: { userTimeoutMilliseconds: 3000 } });
  const { peer, connection } = opened;
  write(opened, "hello?");
  peer.advance(2999);
  assert.equal(connection.stateName, "ESTABLISHED");
  peer.advance(2);
  assert.equal(connection.stateName, "CLOSED");
  assert.equal(connection.takeError(), ETIMEDOUT);
});

test("an idle connection has no timer and no ring", () => {
  const opened = openPassively();
  const { peer, connection, wire } = opened;
  peer.send({ data: pattern(3000) });
  read(opened);
  write(opened, pattern(3000));
  peer.advance(1);
  while (wire.device.sent.length > 0) peer.expect({});
  peer.send({});
  peer.advance(10_000);
  assert.equal(connection.sendRing, 0);
  assert.equal(connection.receiveRing, 0);
  assert.equal(wire.arena.blockBytesInUse, 0);
  assert.equal(wire.stack.timers.size, 0);
  assert.equal(wire.stack.pollAt(), Number.POSITIVE_INFINITY);
});

test("a thousand idle connections: no ring, no timer, nothing to poll for; each can still speak", () => {
  const { network, clients, servers } = openMany(1000);
  network.advance(10_000);
  assert.equal(network.arena.blockBytesInUse, 0);
  assert.equal(network.client.timers.size + network.server.timers.size, 0);
  assert.equal(network.client.pollAt(), Number.POSITIVE_INFINITY);
  const into = new Uint8Array(8);
  for (const [index, client] of clients.entries()) client.send(Uint8Array.of(index, index >> 8), 0, 2);
  network.settle();
  const byPort = new Map(clients.map((client, index) => [client.localPort, index]));
  for (const server of servers) {
    assert.equal(server.receive(into, 0, 8), 2);
    assert.equal(into[0]! | (into[1]! << 8), byPort.get(server.remotePort));
  }
});

test("connections come and go, and leave nothing behind", () => {
  const network = new BadNetwork({
    seed: 4,
    arena: new Arena({ totalBytes: 8 << 20, checked: true, smallFrames: 1000, largeFrames: 1 }),
  });
  const listener = network.listen();
  const message = pattern(64);
  const into = new Uint8Array(64);
  for (let round = 0; round < 1500; round++) {
    const client = network.connect();
    network.settle();
    const server = listener.accept();
    assert.ok(server);
    client.send(message, 0, 64);
    network.settle();
    assert.equal(server.receive(into, 0, 64), 64);
    server.send(into, 0, 64);
    network.settle();
    assert.equal(client.receive(into, 0, 64), 64);
    client.close();
    network.settle();
    assert.equal(server.receiveFinished, true);
    server.close();
    network.settle();
    network.now += 0.5;
  }
  // A few ports came up twice, and took over from their TIME-WAIT.
  assert.ok(network.client.tcp.timeWaits.table.size > 1300);
  assert.equal([...network.client.tcp.connections(), ...network.server.tcp.connections()].length, 0);
  network.advance(60_000);
  assert.equal(network.client.tcp.timeWaits.table.size, 0);
  assert.equal(network.client.tcp.ports.size, 0);
  assert.equal(network.server.tcp.ports.size, 1);
  assert.equal(network.arena.framesInUse, 0);
  assert.equal(network.arena.blockBytesInUse, 0);
  assert.equal(network.client.timers.size + network.server.timers.size, 0);
  assert.equal(network.client.tcp.orphans + network.server.tcp.orphans, 0);
});

test("one heap entry per connection at most, however many deadlines it has", () => {
  const opened = openPassively({ socket: KEEP });
  const { peer, wire } = opened;
  write(opened, "unacknowledged");
  peer.send({ seq: 1, ack: 1, data: "delayed ack" });
  assert.equal(wire.stack.timers.size, 1);
});

test("large rings are kept for a second after they ran empty, then go back", () => {
  const opened = openPassively({ offer: { maximumSegmentSize: 1460, windowScale: 7 }, peerWindow: 65_535 });
  const { peer, connection, wire } = opened;
  connection.congestionWindow = 1 << 20;
  write(opened, pattern(200_000));
  assert.ok(connection.sendRingBytes >= 200_000);
  for (let turns = 0; turns < 100 && connection.bufferedBytes > 0; turns++) {
    while (wire.device.sent.length > 0) peer.expect({});
    peer.send({});
    peer.poll();
  }
  assert.equal(connection.bufferedBytes, 0);
  assert.ok(connection.sendRingBytes >= 200_000);
  peer.advance(999);
  assert.notEqual(connection.sendRing, 0);
  peer.advance(2);
  assert.equal(connection.sendRing, 0);
  assert.equal(wire.arena.blockBytesInUse, 0);
});

/** Sends `total` bytes from client to server as fast as it goes; how long it took in virtual milliseconds. */
function transfer(network: BadNetwork, total: number, opened?: (server: Opened["connection"]) => void): number {
  const listener = network.listen();
  const client = network.connect();
  const chunk = pattern(65_536);
  const into = new Uint8Array(1 << 20);
  let server = listener.accept();
  let sent = 0;
  let received = 0;
  const start = network.now;
  while (received < total) {
    server ??= listener.accept();
    if (client.isEstablished) {
      while (sent < total) {
        const taken = client.send(chunk, 0, Math.min(chunk.length, total - sent));
        if (taken <= 0) break;
        sent += taken;
      }
    }
    network.settle();
    if (server !== null) received += server.receive(into, 0, into.length);
    network.settle();
    if (!network.step(network.now + 1000) && received < total) assert.fail(`stuck at ${received}`);
  }
  if (server !== null) opened?.(server);
  return network.now - start;
}

test("buffers grow with the bandwidth-delay product: a long fat path is filled", () => {
  const network = new BadNetwork({ seed: 1, delay: 25 });
  let buffer = 0;
  const milliseconds = transfer(network, 20_000_000, (server) => {
    buffer = server.receiveBuffer;
  });
  // At 64 KiB per round trip of 50 ms it would take 15 seconds.
  assert.ok(milliseconds < 3000, `${milliseconds} ms`);
  assert.ok(buffer > 1_000_000, `${buffer}`);
});

test("buffers set by hand do not grow", () => {
  const network = new BadNetwork({ seed: 1, delay: 5 });
  const listener = network.listen(80, 8, { receiveBufferBytes: 10_000 });
  const client = network.connect(80, { sendBufferBytes: 20_000 });
  network.advance(20);
  const server = listener.accept();
  assert.ok(server);
  let most = 0;
  for (let k = 0; k < 50; k++) {
    assert.ok(client.send(pattern(65_536), 0, 65_536) <= 20_000);
    network.advance(20);
    most = Math.max(most, server.readableBytes);
    server.consume(5000);
  }
  // The window's unit is 128 bytes, and an edge is rounded up rather than pulled back.
  assert.ok(most < 10_128 && most > 8000, `${most}`);
  assert.ok(server.receiveRingBytes <= 16_384);
});

test("the specification's pool: rings of 4 KiB and never more", () => {
  const memory = { initialBytes: 4096, maximumReceiveBytes: 4096, maximumSendBytes: 4096 };
  const network = new BadNetwork({ seed: 1, delay: 1, memory });
  const before = network.arena.blockBytesInUse;
  const listener = network.listen();
  const client = network.connect();
  network.advance(10);
  const server = listener.accept();
  assert.ok(server);
  assert.equal(client.send(pattern(10_000), 0, 10_000), 4096);
  network.advance(100);
  assert.equal(server.readableBytes, 4096);
  assert.equal(client.send(pattern(10_000), 0, 10_000), 4096);
  network.advance(1000);
  assert.equal(server.readableBytes, 4096);
  assert.equal(client.bufferedBytes, 4096);
  assert.equal(network.arena.blockBytesInUse - before, 8192);
  server.consume(4096);
  network.advance(1000);
  assert.equal(server.readableBytes, 4096);
  client.abort();
  network.advance(10);
  server.consume(4096);
  server.close();
  listener.close();
  network.advance(10);
  assert.equal(network.arena.blockBytesInUse, before);
});

test("two percent loss and 20 ms: a stream keeps a fair pace", () => {
  for (const congestion of ["cubic", "newreno"] as const) {
    const network = new BadNetwork({ seed: 5, delay: 10, loss: 0.02, tcp: { congestion } });
    const milliseconds = transfer(network, 2_000_000);
    const bytesPerSecond = (2_000_000 / milliseconds) * 1000;
    // RFC 3819 section 8.5.1: about MSS / RTT × 1.2 / √p, here 620,000.
    assert.ok(bytesPerSecond > 300_000, `${congestion}: ${Math.round(bytesPerSecond)} bytes a second`);
  }
});

test("the same seed gives the same frames", () => {
  const run = (): number[] => {
    const network = new BadNetwork({ seed: 9, delay: 3, jitter: 2, loss: 0.05, reorder: 0.05 });
    const milliseconds = transfer(network, 300_000);
    const { TcpInSegs, TcpOutSegs, TcpRetransSegs } = network.client.counters;
    return [milliseconds, network.frames, TcpInSegs, TcpOutSegs, TcpRetransSegs];
  };
  assert.deepEqual(run(), run());
});
