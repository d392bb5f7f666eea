/** Segments that do not belong: blind attacks (RFC 5961), old duplicates (PAWS), damaged bits, ICMP errors, mutated segments. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ECONNRESET, ETIMEDOUT } from "../../../abi/errno.ts";
import { Arena } from "../../../base/arena.ts";
import { nextBelow, SeededRandom } from "../../../base/random.ts";
import { OUR_ADDRESS, PEER_ADDRESS, pattern } from "../wire-peer.fixture.ts";
import { type Opened, openActively, openPassively, read, write } from "./peer.fixture.ts";

const STAMPS = { maximumSegmentSize: 1460, timestampValue: 1_000_000 };

test("RST: only the exact number resets, another in the window is challenged, one outside is dropped", () => {
  const { peer, connection, wire } = openPassively();
  peer.send({ flags: "RST", seq: 500 });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  assert.equal(wire.stack.counters.TcpExtTCPChallengeACK, 1);
  peer.send({ flags: "RST", seq: 100_000 }).expectSilence();
  peer.send({ flags: "RST", seq: 0 }).expectSilence();
  assert.equal(connection.stateName, "ESTABLISHED");
  peer.send({ flags: "RST", seq: 1 }).expectSilence();
  assert.equal(connection.takeError(), ECONNRESET);
});

test("SYN in an established connection is challenged, wherever it lies", () => {
  const { peer, connection } = openPassively();
  peer.send({ flags: "SYN", seq: 100 });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  peer.advance(1000);
  peer.send({ flags: "SYN", seq: -4000 });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  peer.advance(1000);
  peer.send({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  assert.equal(connection.stateName, "ESTABLISHED");
});

test("an ACK of what was never sent, or long before the window, is challenged and its text not taken", () => {
  const { peer, connection } = openPassively();
  peer.send({ ack: 2, data: "forged" });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  peer.advance(1000);
  peer.send({ ack: -100_000, seq: 1, data: "forged" });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  assert.equal(connection.readableBytes, 0);
});

test("answers without text are limited to one per half second and connection, and to about a thousand a second in all", () => {
  const { peer, wire } = openPassively();
  for (let k = 0; k < 50; k++) peer.send({ flags: "RST", seq: 500 });
  assert.equal(wire.device.sent.length, 1);
  peer.advance(500);
  peer.send({ flags: "SYN", seq: 500 });
  assert.equal(wire.device.sent.length, 2);
  wire.device.sent.length = 0;
  let answers = 0;
  const { challenges } = wire.stack.tcp;
  for (let k = 0; k < 5000; k++) if (challenges.take(70_000)) answers++;
  assert.ok(answers >= 500 && answers < 1500, `${answers}`);
});

test("a segment without ACK is dropped", () => {
  const { peer, connection } = openPassively();
  peer.send({ flags: "PSH", seq: 1, data: "x" }).expectSilence();
  peer.send({ flags: "FIN", seq: 1 }).expectSilence();
  assert.equal(connection.readableBytes, 0);
  assert.equal(connection.stateName, "ESTABLISHED");
});

test("PAWS: text with an old timestamp is answered, not taken; RST needs none", () => {
  const opened = openPassively({ offer: STAMPS });
  const { peer, connection, wire } = opened;
  peer.timestamp = 1_000_010;
  peer.send({ data: "new" });
  peer.timestamp = 1_000_005;
  peer.send({ data: "old" });
  peer.expect({ flags: "ACK", ack: 4 });
  assert.equal(wire.stack.counters.TcpExtPAWSEstab, 1);
  assert.equal(read(opened).length, 3);
  peer.next = 4;
  peer.timestamp = 1_000_010;
  peer.send({ data: "equal is fine" });
  assert.equal(read(opened).length, 13);
  peer.timestamp = null;
  peer.send({ data: "no stamp" });
  assert.equal(connection.readableBytes, 0, "once negotiated the option must be there");
  peer.send({ flags: "RST", seq: 17 });
  assert.equal(connection.stateName, "CLOSED");
});

test("PAWS: after 24 days of silence the timestamp says nothing any more", () => {
  const opened = openPassively({ offer: STAMPS });
  const { peer, wire } = opened;
  wire.advance(25 * 24 * 3_600_000);
  peer.timestamp = (1_000_000 - 5) | 0;
  peer.send({ data: "hello again" });
  assert.equal(read(opened).length, 11);
});

test("timestamps: what is echoed is that of the last segment acknowledged, not of one out of order", () => {
  const opened = openPassively({ offer: { ...STAMPS, sackPermitted: true } });
  const { peer } = opened;
  peer.timestamp = 1_000_100;
  peer.send({ seq: 101, data: "ahead" });
  peer.expect({ ack: 1, options: { timestampEcho: 1_000_000 } });
  peer.timestamp = 1_000_200;
  peer.send({ seq: 1, data: pattern(100) });
  peer.expect({ ack: 106, options: { timestampEcho: 1_000_200 } });
});

test("a single flipped bit anywhere in a segment with text is noticed, in the fast path and out of order", () => {
  for (const outOfOrder of [false, true]) {
    const opened = openPassively({ offer: STAMPS });
    const { peer, connection, wire } = opened;
    const frame = peer.frame({ seq: outOfOrder ? 101 : 1, data: pattern(40) });
    for (let bit = 34 * 8; bit < frame.length * 8; bit++) {
      const damaged = frame.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      wire.send(damaged);
      assert.equal(connection.receiveNext, connection.receiveRead);
      assert.equal(connection.held, null);
    }
    assert.equal(wire.stack.counters.TcpInErrs, (frame.length - 34) * 8);
    assert.equal(wire.device.sent.length, 0, "what is damaged is not answered");
    wire.send(frame);
    if (outOfOrder) peer.send({ seq: 1, data: pattern(100) });
    const expected = outOfOrder ? [...pattern(100), ...pattern(40)] : [...pattern(40)];
    assert.deepEqual([...read(opened)], expected);
  }
});

test("truncated and overlong headers are counted and dropped", () => {
  const { peer, wire } = openPassively();
  const frame = peer.frame({ data: "x" });
  for (const offset of [0, 1, 4, 15]) {
    const damaged = frame.slice();
    damaged[34 + 12] = offset << 4;
    wire.send(damaged);
  }
  assert.equal(wire.stack.counters.TcpInErrs, 4);
  peer.expectSilence();
});

test("ICMP errors after the handshake are hints: the connection lives, and names them if it times out", () => {
  const opened = openActively();
  const { peer, connection, wire } = opened;
  write(opened, "hello?");
  peer.expect({});
  const report = (sequence: number): void =>
    wire.stack.tcp.icmpError("host-unreachable", OUR_ADDRESS, PEER_ADDRESS, connection.localPort, 7, sequence, 0);
  report(connection.sendUnacknowledged);
  assert.equal(connection.stateName, "ESTABLISHED");
  peer.advance(1_200_000);
  assert.equal(connection.takeError(), 113);
  const other = openActively();
  write(other, "hello?");
  other.wire.stack.tcp.icmpError(
    "host-unreachable",
    OUR_ADDRESS,
    PEER_ADDRESS,
    other.connection.localPort,
    7,
    other.connection.sendNext,
    0,
  );
  other.peer.advance(1_200_000);
  assert.equal(other.connection.takeError(), ETIMEDOUT, "an error about what is not in flight is made up");
});

test("fragmentation needed: smaller segments, at once, with a floor, and only for what is in flight", () => {
  const opened = openActively();
  const { peer, connection, wire } = opened;
  const report = (sequence: number, mtu: number): void => {
    const { localPort } = connection;
    wire.stack.tcp.icmpError("fragmentation-needed", OUR_ADDRESS, PEER_ADDRESS, localPort, 7, sequence, mtu);
    wire.poll();
  };
  write(opened, pattern(3000));
  for (const length of [1460, 1460, 80]) assert.equal(peer.expect({}).data.length, length);
  report(connection.initialSend, 600);
  report((connection.sendNext + 10) | 0, 600);
  assert.equal(connection.sendSegmentBytes, 1460);
  report(connection.sendUnacknowledged, 1000);
  assert.equal(connection.sendSegmentBytes, 960);
  for (const seq of [1, 961, 1921]) assert.equal(peer.expect({ seq }).data.length, 960);
  assert.equal(peer.expect({ seq: 2881 }).data.length, 120);
  peer.expectSilence();
  assert.equal(connection.congestionWindow, 14_600, "no sign of congestion");
  report(connection.sendUnacknowledged, 68);
  assert.equal(connection.pathMtu, 552);
  report(connection.sendUnacknowledged, 1400);
  assert.equal(connection.pathMtu, 552, "never up");
  report(connection.sendUnacknowledged, 0);
  assert.equal(connection.pathMtu, 552);
});

/** Mutates a few bytes, or cuts or pads, and repairs the checksums so that the mutation gets past them. */
function mutate(frame: Uint8Array, random: SeededRandom): Uint8Array {
  const mutated = frame.slice();
  const changes = 1 + nextBelow(random, 4);
  for (let k = 0; k < changes; k++) {
    const at = 34 + nextBelow(random, Math.min(mutated.length - 34, 60));
    mutated[at] = nextBelow(random, 3) === 0 ? [0, 255, 127, 128][nextBelow(random, 4)]! : nextBelow(random, 256);
  }
  repair(mutated);
  return mutated;
}

function repair(frame: Uint8Array): void {
  frame[50] = 0;
  frame[51] = 0;
  let sum = 6 + (frame.length - 34);
  for (let at = 26; at < 34; at += 2) sum += (frame[at]! << 8) | frame[at + 1]!;
  for (let at = 34; at < frame.length; at += 2) sum += (frame[at]! << 8) | (frame[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  frame[50] = (~sum >> 8) & 255;
  frame[51] = ~sum & 255;
}

function fuzz(seed: number, rounds: number): void {
  const random = new SeededRandom(seed);
  const arena = new Arena({ totalBytes: 16 << 20, smallFrames: 2000, largeFrames: 100, checked: true });
  const openers = [
    () => openPassively({ arena, offer: { ...STAMPS, sackPermitted: true, windowScale: 2 } }),
    () => openPassively({ arena, offer: { maximumSegmentSize: 536 } }),
    () => openActively({ arena, offer: { ...STAMPS, sackPermitted: true } }),
  ];
  let opened: Opened | null = null;
  for (let round = 0; round < rounds; round++) {
    if (opened === null || opened.connection.stateName === "CLOSED" || nextBelow(random, 200) === 0) {
      if (opened !== null) retire(opened);
      opened = openers[nextBelow(random, openers.length)]!();
    }
    const { peer, connection, wire } = opened;
    switch (nextBelow(random, 8)) {
      case 0:
        connection.send(pattern(3000), 0, nextBelow(random, 3000));
        wire.poll();
        break;
      case 1:
        read(opened);
        break;
      case 2:
        wire.advance(nextBelow(random, 2000));
        break;
      case 3:
        if (nextBelow(random, 10) === 0) connection.shutdownWrite();
        break;
    }
    const relative = (connection.receiveNext - peer.peerInitial) | 0;
    const flags = ["ACK", "ACK", "ACK PSH", "FIN ACK", "RST", "SYN", "SYN ACK", "ACK URG"][nextBelow(random, 8)]!;
    const frame = peer.frame({
      flags,
      seq: relative + nextBelow(random, 3000) - (nextBelow(random, 2) === 0 ? 0 : 1500),
      ack: ((connection.sendNext - peer.ourInitial) | 0) - nextBelow(random, 2000) * nextBelow(random, 2),
      data: pattern(nextBelow(random, 2) * nextBelow(random, 1400)),
      window: nextBelow(random, 65_536),
      options: {
        timestampValue: 1_000_000 + round,
        timestampEcho: peer.lastEcho,
        ...(nextBelow(random, 3) === 0
          ? { sackBlocks: [connection.sendUnacknowledged + nextBelow(random, 5000), connection.sendNext] }
          : {}),
      },
    });
    wire.send(nextBelow(random, 4) === 0 ? frame : mutate(frame, random));
    wire.device.sent.length = 0;
    assert.ok(connection.readableBytes >= 0 && connection.bufferedBytes >= 0);
    assert.ok(connection.receiveRingBytes <= 4 << 20);
    assert.ok(connection.congestionWindow > 0 && connection.sendSegmentBytes > 0);
  }
  if (opened !== null) retire(opened);
}

function retire({ connection, wire, listener }: Opened): void {
  connection.abort();
  while (true) {
    const left = listener?.accept();
    if (left === null || left === undefined) break;
    left.abort();
  }
  listener?.close();
  wire.advance(200_000);
  assert.equal(wire.arena.framesInUse, 0);
  assert.equal(wire.arena.blockBytesInUse, 0);
  assert.equal([...wire.stack.tcp.connections()].length, 0);
}

const FUZZ_ROUNDS = Number(process.env["TCP_FUZZ_ROUNDS"] ?? 4000);
const FUZZ_SEED = Number(process.env["TCP_FUZZ_SEED"] ?? 1);

test("mutated segments into a live connection never throw, never corrupt the books", () => {
  fuzz(FUZZ_SEED, FUZZ_ROUNDS);
});
