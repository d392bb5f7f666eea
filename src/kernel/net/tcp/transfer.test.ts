import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOBUFS, EPIPE, ETIMEDOUT } from "../../../abi/errno.ts";
import { POLLOUT } from "../../../abi/poll.ts";
import { WaitEntry } from "../../../base/wait-queue.ts";
import { pattern, text, Wire } from "../wire-peer.fixture.ts";
import { type Opened, openActively, openPassively, read, write } from "./peer.fixture.ts";

import { ArenaRingMemory, type RingMemory } from "./ring-memory.ts";

const SACK = { maximumSegmentSize: 1000, sackPermitted: true };
const PLAIN = { maximumSegmentSize: 1000 };

/** Takes `count` segments of 1,000 bytes off the wire, the first with number `seq`. */
function expectSegments(opened: Opened, seq: number, count: number): void {
  for (let k = 0; k < count; k++) {
    const seen = opened.peer.expect({ flags: "ACK", seq: seq + 1000 * k });
    assert.equal(seen.data.length, 1000);
  }
}

test("text is sent in segments of the MSS, the last with PSH, and arrives", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer, connection } = opened;
  const data = pattern(2500);
  write(opened, data);
  peer.expect({ flags: "ACK", seq: 1, ack: 1, data: data.subarray(0, 1000) });
  peer.expect({ flags: "ACK", seq: 1001, data: data.subarray(1000, 2000) });
  peer.expect({ flags: "ACK PSH", seq: 2001, data: data.subarray(2000) });
  assert.equal(connection.unacknowledgedBytes, 2500);
  peer.send({});
  assert.equal(connection.unacknowledgedBytes, 0);
  assert.equal(connection.sendRing, 0, "an empty ring goes back");
  peer.expectSilence();
});

test("text that arrives can be read, peeked at and taken in spans", () => {
  const opened = openPassively();
  const { peer, connection } = opened;
  peer.send({ data: "hello world" });
  assert.equal(connection.readableBytes, 11);
  const into = new Uint8Array(20);
  assert.equal(connection.receive(into, 2, 5, true), 5);
  assert.equal(text(into.subarray(2, 7)), "hello");
  const span = connection.readableSpan();
  assert.equal(text(opened.wire.arena.bytes.slice(span.offset, span.offset + span.length)), "hello world");
  connection.consume(6);
  assert.equal(connection.receive(into, 0, 20), 5);
  assert.equal(text(into.subarray(0, 5)), "world");
  assert.equal(connection.receive(into, 0, 20), 0);
  assert.equal(connection.receiveFinished, false);
  assert.equal(connection.receiveRing, 0);
});

test("spans of the send ring", () => {
  const opened = openPassively();
  const { connection, wire, peer } = opened;
  const span = connection.writableSpan(100);
  assert.equal(span.length, 100);
  wire.arena.bytes.set(pattern(100), span.offset);
  assert.equal(connection.commit(60), 60);
  wire.poll();
  peer.expect({ data: pattern(100).subarray(0, 60) });
});

test("a single small segment is acknowledged after 40 ms, the second full one at once", () => {
  const opened = openPassively({ socket: { quickAck: false } });
  const { peer } = opened;
  peer.send({ data: "x" }).expectSilence();
  peer.advance(39).expectSilence();
  peer.advance(1).expect({ flags: "ACK", ack: 2 });
  peer.send({ data: pattern(1000) }).expectSilence();
  peer.send({ data: pattern(1000) });
  peer.expect({ flags: "ACK", ack: 2002 });
  peer.advance(500).expectSilence();
});

test("full segments at the start are acknowledged at once", () => {
  const { peer } = openPassively();
  peer.send({ data: pattern(1460) });
  peer.expect({ ack: 1461 });
});

test("the ACK travels with text that goes the other way", () => {
  const opened = openPassively();
  opened.peer.send({ data: "question" }).expectSilence();
  write(opened, "answer");
  opened.peer.expect({ flags: "ACK PSH", seq: 1, ack: 9, data: "answer" });
  opened.peer.send({});
  opened.peer.advance(1000).expectSilence();
});

test("Nagle: a small segment waits while another is unacknowledged; full ones do not", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer } = opened;
  write(opened, "a");
  peer.expect({ data: "a" });
  write(opened, "b");
  write(opened, "c");
  peer.expectSilence();
  peer.send({});
  peer.expect({ seq: 2, data: "bc" });
  write(opened, pattern(1200));
  peer.expect({ seq: 4, data: pattern(1200).subarray(0, 1000) });
  peer.expectSilence();
  peer.send({});
  peer.expect({ seq: 1004, data: pattern(1200).subarray(1000) });
});

test("TCP_NODELAY sends small segments at once, and lets go of one that waits", () => {
  const opened = openActively({ socket: { noDelay: true } });
  write(opened, "a");
  write(opened, "b");
  opened.peer.expect({ data: "a" });
  opened.peer.expect({ data: "b" });
  const other = openActively();
  write(other, "a");
  write(other, "b");
  other.peer.expect({ data: "a" });
  other.peer.expectSilence();
  other.connection.setOptions({ noDelay: true });
  other.peer.poll().expect({ data: "b" });
});

test("MSG_MORE and TCP_CORK hold small segments back, for 200 ms at most", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer, connection } = opened;
  write(opened, "head", true);
  peer.expectSilence();
  write(opened, "body");
  peer.expect({ data: "headbody" });
  peer.send({});
  connection.setOptions({ cork: true });
  write(opened, pattern(1100));
  peer.expect({ data: pattern(1100).subarray(0, 1000) });
  peer.send({}).expectSilence();
  connection.setOptions({ cork: false });
  peer.poll().expect({ data: pattern(1100).subarray(1000) });
  peer.send({});
  connection.setOptions({ cork: true });
  write(opened, "stuck");
  peer.advance(199).expectSilence();
  peer.advance(2).expect({ data: "stuck" });
});

test("the initial window is ten segments; each acknowledged segment opens it by one more", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer } = opened;
  write(opened, pattern(40_000));
  expectSegments(opened, 1, 10);
  peer.expectSilence();
  peer.send({ ack: 4001 });
  expectSegments(opened, 10_001, 8);
  peer.expectSilence();
});

test("the peer's window limits what is sent; a part that is half the largest window goes, a smaller one waits", () => {
  const opened = openActively({ offer: PLAIN, peerWindow: 2500 });
  const { peer } = opened;
  write(opened, pattern(10_000));
  expectSegments(opened, 1, 2);
  peer.expectSilence();
  peer.send({ ack: 2001, window: 1400 });
  expectSegments(opened, 2001, 1);
  peer.expectSilence();
  peer.send({ ack: 3001, window: 1300 });
  expectSegments(opened, 3001, 1);
  peer.expectSilence();
  const small = openActively({ offer: PLAIN, peerWindow: 600 });
  write(small, pattern(10_000));
  assert.equal(small.peer.expect({ seq: 1 }).data.length, 600);
  small.peer.expectSilence();
});

test("the window is never used beyond its edge, nor taken from an old segment", () => {
  const opened = openActively({ offer: PLAIN, peerWindow: 3000 });
  const { peer } = opened;
  write(opened, pattern(10_000));
  expectSegments(opened, 1, 3);
  peer.send({ ack: 3001, window: 1000, data: "x" });
  expectSegments(opened, 3001, 1);
  peer.send({ seq: 0, ack: 3001, window: 9000 });
  peer.expect({ flags: "ACK", ack: 2 });
  peer.expectSilence();
});

test("a closed window is probed with growing intervals; an update opens it", () => {
  const opened = openActively({ offer: PLAIN, peerWindow: 1000 });
  const { peer, connection } = opened;
  write(opened, pattern(2000));
  expectSegments(opened, 1, 1);
  peer.send({ window: 0 }).expectSilence();
  let wait = connection.retransmitTimeout;
  for (let probe = 0; probe < 6; probe++) {
    peer.advance(wait - 1).expectSilence();
    peer.advance(1.5);
    const seen = peer.expect({ flags: "ACK", seq: 1000 });
    assert.equal(seen.data.length, 0);
    peer.send({ window: 0 }).expectSilence();
    wait *= 2;
    peer.advance(-0.5);
  }
  peer.send({ window: 5000 });
  expectSegments(opened, 1001, 1);
  peer.send({});
  assert.equal(connection.unacknowledgedBytes, 0);
  peer.advance(100_000).expectSilence();
});

test("a window closed for hours is probed as long as the peer answers, and no longer", () => {
  const opened = openActively({ offer: PLAIN, peerWindow: 1000 });
  const { peer, connection, wire } = opened;
  write(opened, pattern(2000));
  expectSegments(opened, 1, 1);
  peer.send({ window: 0 });
  for (let k = 0; k < 100; k++) {
    peer.advance(120_000);
    while (wire.device.sent.length > 0) wire.recv();
    peer.send({ window: 0 });
  }
  assert.equal(connection.stateName, "ESTABLISHED");
  peer.advance(40 * 120_000);
  assert.equal(connection.stateName, "CLOSED");
  assert.equal(connection.takeError(), ETIMEDOUT);
});

test("our window closes as the buffer fills, and reopens in worthwhile steps only", () => {
  const opened = openPassively({ socket: { receiveBufferBytes: 4000 }, offer: PLAIN });
  const { peer, connection } = opened;
  for (let k = 0; k < 4; k++) peer.send({ data: pattern(1000) });
  let last = 0;
  while (opened.wire.device.sent.length > 0) last = peer.expect({}).tcp?.window ?? -1;
  assert.equal(last, 0);
  peer.send({ data: "probe", seq: 4001 });
  peer.expect({ ack: 4001, window: 0 });
  assert.equal(connection.readableBytes, 4000);
  connection.consume(500);
  peer.poll().expectSilence();
  for (let k = 0; k < 2; k++) {
    peer.send({ data: "probe", seq: 4001 });
    peer.expect({ ack: 4001, window: 0 });
  }
  assert.equal(connection.readableBytes, 3500, "room that was not advertised is not given");
  connection.consume(500);
  peer.poll().expect({ ack: 4001, window: 1000 });
  read(opened);
  peer.expect({ ack: 4001, window: 4000 });
});

test("segments out of order are held in place and reported at once; the gap's filling releases them", () => {
  const opened = openPassively({ offer: SACK });
  const { peer, connection } = opened;
  const data = pattern(5000);
  peer.send({ seq: 1001, data: data.subarray(1000, 2000) });
  peer.expect({ flags: "ACK", ack: 1 });
  assert.deepEqual(peer.sackBlocks, [1001, 2001]);
  peer.send({ seq: 3001, data: data.subarray(3000, 4000) });
  peer.expect({ ack: 1 });
  assert.deepEqual(peer.sackBlocks, [3001, 4001, 1001, 2001], "the latest first");
  peer.send({ seq: 2001, data: data.subarray(2000, 3000) });
  peer.expect({ ack: 1 });
  assert.deepEqual(peer.sackBlocks, [1001, 4001]);
  assert.equal(connection.readableBytes, 0);
  peer.send({ seq: 1, data: data.subarray(0, 1000) });
  peer.expect({ ack: 4001 });
  assert.deepEqual(peer.sackBlocks, []);
  peer.send({ seq: 4001, data: data.subarray(4000) });
  assert.deepEqual(read(opened), data);
});

test("overlaps in any shape give each byte once", () => {
  const opened = openPassively({ offer: SACK });
  const { peer } = opened;
  const data = pattern(3000);
  for (const [from, to] of [
    [500, 1200],
    [400, 700],
    [1000, 2000],
    [2500, 2600],
    [1900, 3000],
    [0, 450],
    [0, 3000],
    [200, 300],
  ] as const) {
    peer.send({ seq: from + 1, data: data.subarray(from, to) });
  }
  assert.deepEqual(read(opened), data);
  assert.equal(opened.connection.held, null);
  while (opened.wire.device.sent.length > 0) peer.expect({});
  assert.equal(peer.lastSeen?.tcp?.acknowledgment, (peer.peerInitial + 3001) | 0);
});

test("what is sent again although we have it is acknowledged at once", () => {
  const { peer } = openPassively({ offer: PLAIN });
  peer.send({ data: pattern(1000) });
  peer.expect({ ack: 1001 });
  peer.send({ seq: 1, data: pattern(1000) });
  peer.expect({ flags: "ACK", ack: 1001 });
  peer.send({ seq: 501, data: pattern(500) });
  peer.expect({ flags: "ACK", ack: 1001 });
});

test("text beyond the window is cut off", () => {
  const opened = openPassively({ socket: { receiveBufferBytes: 2000 }, offer: PLAIN });
  const { peer, connection } = opened;
  peer.send({ data: pattern(1000) });
  peer.expect({ ack: 1001, window: 1000 });
  peer.send({ data: pattern(1400) });
  peer.expect({ ack: 2001, window: 0 });
  assert.equal(connection.readableBytes, 2000);
  peer.send({ seq: 900_000, data: "far away" });
  peer.expect({ ack: 2001 });
});

test("the retransmission timer: intervals double, the window falls to one segment, and after 15 the connection fails", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer, connection, wire } = opened;
  write(opened, pattern(3000));
  expectSegments(opened, 1, 3);
  let wait = connection.retransmitTimeout;
  assert.equal(wait, 200);
  for (let k = 0; k < 15; k++) {
    peer.advance(wait - 0.5).expectSilence();
    peer.advance(0.5);
    expectSegments(opened, 1, 1);
    peer.expectSilence();
    assert.equal(connection.congestionWindow, 1000);
    wait = Math.min(2 * wait, 120_000);
  }
  peer.advance(120_000).expectSilence();
  assert.equal(connection.stateName, "CLOSED");
  assert.equal(connection.send(pattern(1), 0, 1), -ETIMEDOUT);
  assert.equal(connection.send(pattern(1), 0, 1), -EPIPE);
  assert.equal(wire.stack.tcp.ports.size, 0);
});

test("after a timeout the rest follows in slow start, and not what was received meanwhile", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer } = opened;
  write(opened, pattern(6000));
  expectSegments(opened, 1, 6);
  peer.advance(200);
  expectSegments(opened, 1, 1);
  peer.send({ ack: 1001 });
  expectSegments(opened, 1001, 2);
  peer.expectSilence();
  peer.send({ ack: 5001 });
  expectSegments(opened, 5001, 1);
  peer.send({ ack: 6001 });
  peer.expectSilence();
  assert.equal(opened.connection.lossState, 0);
});

test("three duplicate ACKs: fast retransmit, without SACK as NewReno has it", () => {
  const opened = openActively({ offer: PLAIN, tcp: { congestion: "newreno" } });
  const { peer, connection } = opened;
  write(opened, pattern(30_000));
  expectSegments(opened, 1, 10);
  peer.send({ ack: 1001 });
  expectSegments(opened, 10_001, 2);
  // Segments 1001 and 3001 are lost. Limited transmit sends one new segment for each of the first two duplicates.
  peer.send({ ack: 1001 });
  expectSegments(opened, 12_001, 1);
  peer.send({ ack: 1001 });
  expectSegments(opened, 13_001, 1);
  peer.send({ ack: 1001 });
  expectSegments(opened, 1001, 1);
  peer.expectSilence();
  assert.equal(connection.slowStartThreshold, 6500);
  for (let k = 0; k < 9; k++) peer.send({ ack: 1001 });
  const sent = opened.wire.device.sent.length;
  assert.ok(sent >= 4 && sent <= 6, `inflation let ${sent} new segments out`);
  expectSegments(opened, 14_001, sent);
  // A partial acknowledgment: the next hole goes at once.
  peer.send({ ack: 3001 });
  expectSegments(opened, 3001, 1);
  while (opened.wire.device.sent.length > 0) peer.expect({});
  peer.send({ ack: 14_001 });
  assert.equal(connection.lossState, 0);
  assert.equal(connection.congestionWindow, 6500);
});

test("with SACK only the holes are sent again", () => {
  const opened = openActively({ offer: SACK });
  const { peer, connection } = opened;
  write(opened, pattern(10_000));
  expectSegments(opened, 1, 10);
  const block = (from: number, to: number): number[] => [
    opened.connection.initialSend + from,
    opened.connection.initialSend + to,
  ];
  peer.send({ ack: 1001, options: { sackBlocks: block(2001, 3001) } });
  peer.send({ ack: 1001, options: { sackBlocks: block(2001, 4001) } });
  peer.expectSilence();
  // Lost: 1001 and 5001. With the third report the first hole goes, later the second; nothing else.
  peer.send({ ack: 1001, options: { sackBlocks: [...block(6001, 7001), ...block(2001, 5001)] } });
  expectSegments(opened, 1001, 1);
  peer.send({ ack: 1001, options: { sackBlocks: [...block(6001, 10_001), ...block(2001, 5001)] } });
  expectSegments(opened, 5001, 1);
  peer.expectSilence();
  peer.send({ ack: 5001, options: { sackBlocks: block(6001, 10_001) } });
  peer.expectSilence();
  peer.send({ ack: 10_001 });
  assert.equal(connection.sacked, null);
  assert.equal(connection.lossState, 0);
  assert.equal(connection.segmentsRetransmitted, 2);
});

test("a retransmission that is lost as well is noticed by what arrives after it", () => {
  const opened = openActively({ offer: SACK });
  const { peer, connection } = opened;
  write(opened, pattern(60_000));
  expectSegments(opened, 1, 10);
  const first = opened.connection.initialSend;
  const report = (to: number): unknown => peer.send({ ack: 1, options: { sackBlocks: [first + 1001, first + to] } });
  report(4001);
  peer.expect({ seq: 1 });
  report(10_001);
  let top = 0;
  while (opened.wire.device.sent.length > 0) {
    const seen = peer.expect({});
    top = ((seen.tcp?.sequence ?? 0) - first) | 0;
  }
  assert.ok(top >= 10_001, "new data keeps the clock ticking");
  report(top + 1000);
  const again: number[] = [];
  while (opened.wire.device.sent.length > 0) again.push(((peer.expect({}).tcp?.sequence ?? 0) - first) | 0);
  assert.ok(again.includes(1), `the first segment a third time, not only ${again.join()}`);
  assert.equal(opened.wire.stack.counters.TcpExtTCPLostRetransmit, 1);
  assert.equal(connection.retransmits, 0, "and without the timer");
});

/** A connection with a round trip of 20 ms, ten segments of which are on the way. */
function burst(): Opened {
  const opened = openActively({ offer: SACK });
  const { peer } = opened;
  for (let k = 0; k < 30; k++) {
    write(opened, "x");
    peer.expect({});
    peer.advance(20).send({});
  }
  write(opened, pattern(10_000));
  expectSegments(opened, 31, 10);
  return opened;
}

test("the tail is lost: a probe after two round trips, and recovery by what it brings", () => {
  const opened = burst();
  const { peer, connection } = opened;
  const first = connection.initialSend;
  peer.advance(20).send({ ack: 7031 });
  peer.advance(30).expectSilence();
  const probe = peer.advance(20).expect({ seq: 9031 });
  assert.equal(probe.data.length, 1000);
  peer.expectSilence();
  peer.advance(20).send({ ack: 7031, options: { sackBlocks: [first + 9031, first + 10_031] } });
  expectSegments(opened, 7031, 1);
  peer.send({ ack: 8031, options: { sackBlocks: [first + 9031, first + 10_031] } });
  expectSegments(opened, 8031, 1);
  peer.send({ ack: 10_031 });
  assert.equal(opened.wire.stack.counters.TcpExtTCPTimeouts, 0);
  assert.equal(connection.lossState, 0);
});

test("a probe that repaired a loss all by itself counts as one; a needless probe does not", () => {
  const lost = burst();
  lost.connection.congestionWindow = 20_000;
  lost.peer.advance(20).send({ ack: 8031 });
  lost.peer.advance(45).expect({ seq: 9031 });
  lost.peer.send({ ack: 10_031 });
  write(lost, "more");
  lost.peer.expect({ data: "more" });
  lost.peer.send({});
  assert.equal(lost.connection.congestionWindow, 14_000, "CUBIC's 0.7");

  const needless = burst();
  const first = needless.connection.initialSend;
  needless.connection.congestionWindow = 20_000;
  needless.peer.advance(20).send({ ack: 8031 });
  needless.peer.advance(45).expect({ seq: 9031 });
  needless.peer.send({ ack: 10_031 });
  needless.peer.send({ ack: 10_031, options: { sackBlocks: [first + 9031, first + 10_031] } });
  write(needless, "more");
  needless.peer.expect({ data: "more" });
  needless.peer.send({});
  assert.equal(needless.connection.congestionWindow, 20_000);
  assert.equal(needless.wire.stack.counters.TcpExtTCPDSACKRecv, 1);
});

test("a probe sends something new if there is something", () => {
  const opened = openActively({ offer: SACK, peerWindow: 2000 });
  const { peer } = opened;
  for (let k = 0; k < 30; k++) {
    write(opened, "x");
    peer.expect({});
    peer.advance(20).send({});
  }
  write(opened, pattern(2500));
  expectSegments(opened, 31, 2);
  opened.connection.sendWindow = 3000;
  assert.equal(peer.advance(50).expect({ seq: 2031 }).data.length, 500);
});

test("text that came twice is reported by DSACK", () => {
  const opened = openPassively({ offer: SACK });
  const { peer } = opened;
  peer.send({ data: pattern(1000) });
  peer.expect({ ack: 1001 });
  peer.send({ data: pattern(1000) });
  peer.expect({ ack: 2001 });
  peer.send({ seq: 1, data: pattern(500) });
  peer.expect({ ack: 2001 });
  assert.deepEqual(peer.sackBlocks, [1, 501]);
  peer.send({ seq: 1501, data: pattern(1000) });
  peer.expect({ ack: 2501 });
  assert.deepEqual(peer.sackBlocks, [1501, 2001]);
  peer.send({ seq: 4001, data: pattern(1000) });
  peer.expect({ ack: 2501 });
  assert.deepEqual(peer.sackBlocks, [4001, 5001]);
  peer.send({ seq: 4001, data: pattern(1000) });
  peer.expect({ ack: 2501 });
  assert.deepEqual(peer.sackBlocks, [4001, 5001, 4001, 5001]);
});

test("a peer that takes its SACKs back is sent everything again after the timeout", () => {
  const opened = openActively({ offer: SACK });
  const { peer } = opened;
  const first = opened.connection.initialSend;
  write(opened, pattern(5000));
  expectSegments(opened, 1, 5);
  peer.send({ ack: 1, options: { sackBlocks: [first + 2001, first + 3001] } });
  peer.send({ ack: 2001 });
  peer.advance(250);
  expectSegments(opened, 2001, 1);
  peer.send({ ack: 3001 });
  expectSegments(opened, 3001, 2);
});

test("SACK blocks that make no sense change nothing", () => {
  const opened = openActively({ offer: SACK });
  const { peer, connection } = opened;
  const first = connection.initialSend;
  write(opened, pattern(5000));
  expectSegments(opened, 1, 5);
  for (const [from, to] of [
    [2001, 9001],
    [3001, 2001],
    [-5000, -4000],
    [1, 1],
    [0x7000_0000, 0x7000_1000],
  ] as const) {
    peer.send({ ack: 1, options: { sackBlocks: [first + from, first + to] } });
  }
  assert.equal(connection.sacked, null);
  assert.equal(connection.lossState, 0);
  peer.expectSilence();
});

test("round trips: the timeout follows RFC 6298, and a segment sent twice is not timed", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer, connection } = opened;
  const rtt = connection.smoothedRtt;
  assert.equal(rtt, 0);
  write(opened, "a");
  peer.expect({});
  peer.advance(100);
  peer.send({});
  assert.equal(connection.smoothedRtt, 12.5);
  assert.equal(connection.rttVariance, 25);
  assert.equal(connection.retransmitTimeout, 212.5);
  write(opened, "b");
  peer.expect({});
  peer.advance(212.5);
  peer.expect({ data: "b" });
  peer.advance(50);
  peer.send({});
  assert.equal(connection.smoothedRtt, 12.5, "ambiguous");
  assert.equal(connection.retransmitTimeout, 212.5, "the backing off ends with the ACK");
});

test("a full buffer says so, and POLLOUT returns when a third is free", () => {
  const opened = openActively({ offer: PLAIN, socket: { sendBufferBytes: 9000 } });
  const { peer, connection, wire } = opened;
  assert.equal(connection.send(pattern(20_000), 0, 20_000), 9000);
  assert.equal(connection.send(pattern(1), 0, 1), 0);
  assert.equal(connection.readiness() & POLLOUT, 0);
  const woken: number[] = [];
  connection.events.add(new WaitEntry({ wake: (events) => woken.push(events) }), POLLOUT);
  wire.poll();
  while (wire.device.sent.length > 0) peer.expect({});
  peer.send({ ack: 2001 });
  assert.deepEqual(woken, []);
  peer.send({ ack: 3001 });
  assert.equal(woken.length, 1);
  assert.ok((connection.readiness() & POLLOUT) !== 0);
  assert.equal(connection.writableBytes, 3000);
});

test("after idleness the congestion window starts small again", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer, connection } = opened;
  for (let k = 0; k < 4; k++) {
    write(opened, pattern(20_000));
    while (opened.wire.device.sent.length > 0) {
      peer.expect({});
      peer.send({});
    }
  }
  assert.ok(connection.congestionWindow > 20_000);
  peer.advance(5000);
  write(opened, pattern(20_000));
  assert.equal(opened.wire.device.sent.length, 10);
});

test("urgent data is read in line", () => {
  const opened = openPassively();
  opened.peer.send({ flags: "ACK URG", data: "abc", urgent: 2 });
  assert.equal(text(read(opened)), "abc");
});

test("window scaling in both directions", () => {
  const opened = openActively({ offer: { maximumSegmentSize: 1000, windowScale: 2 }, peerWindow: 500 });
  const { peer } = opened;
  assert.equal(opened.connection.sendWindow, 500, "the window of a SYN is not scaled");
  write(opened, pattern(2000));
  assert.equal(peer.expect({ seq: 1 }).data.length, 500);
  peer.send({ window: 500 });
  peer.expect({ seq: 501 });
  assert.equal(opened.connection.sendWindow, 2000);
  assert.equal(peer.lastSeen?.tcp?.window, 65_536 >> 7);
});

test("without a free frame nothing is lost: output goes on once there are some", () => {
  const opened = openActively({ offer: PLAIN });
  const { peer, wire, connection } = opened;
  const taken: number[] = [];
  for (let frame = wire.arena.allocateFrame(1000); frame !== 0; frame = wire.arena.allocateFrame(1000))
    taken.push(frame);
  for (const frame of taken.splice(0, 2)) wire.arena.freeFrame(frame);
  // The device copies and frees at once, so frames run out only if it keeps them.
  const kept: number[] = [];
  const { transmit } = wire.device;
  wire.device.transmit = (frame) => void kept.push(frame);
  write(opened, pattern(5000));
  assert.equal(kept.length, 2);
  assert.equal(connection.unacknowledgedBytes, 2000);
  peer.advance(10);
  assert.equal(kept.length, 2);
  wire.device.transmit = transmit;
  for (const frame of taken.splice(0)) wire.arena.freeFrame(frame);
  for (const frame of kept) wire.arena.freeFrame(frame);
  peer.advance(2);
  expectSegments(opened, 2001, 3);
});

test("without ring memory send() gives ENOBUFS, and text that arrives is dropped and comes again", () => {
  const wire = new Wire();
  let empty = true;
  const memory = new ArenaRingMemory(wire.arena);
  const scarce = Object.create(memory, {
    allocateRing: { value: (bytes: number) => (empty ? 0 : memory.allocateRing(bytes)) },
  }) as RingMemory;
  const opened = openPassively({ arena: wire.arena, ringMemory: scarce });
  assert.equal(opened.connection.send(pattern(10), 0, 10), -ENOBUFS);
  opened.peer.send({ seq: 1, data: "dropped" });
  opened.peer.advance(100).expectSilence();
  assert.equal(opened.wire.stack.counters.TcpExtTCPRcvQDrop, 1);
  empty = false;
  opened.peer.send({ seq: 1, data: "dropped" });
  assert.equal(text(read(opened)), "dropped");
  write(opened, "fine");
  opened.peer.expect({ data: "fine" });
});

test("while memory is short buffers stay small, and POLLOUT promises no room that is not there", () => {
  const wire = new Wire();
  let limit = 1 << 20;
  const memory = Object.create(new ArenaRingMemory(wire.arena), { growthLimit: { get: () => limit } }) as RingMemory;
  const opened = openPassively({ arena: wire.arena, ringMemory: memory });
  const { connection } = opened;
  limit = 16_384;
  assert.equal(connection.send(pattern(100_000), 0, 100_000), 16_384);
  assert.equal(connection.readiness() & POLLOUT, 0);
  assert.equal(connection.writableBytes, 0);
  assert.equal(connection.send(pattern(10), 0, 10), 0);
  limit = 1 << 20;
  assert.notEqual(connection.readiness() & POLLOUT, 0);
  assert.equal(connection.send(pattern(40_000), 0, 40_000), 40_000);
  // Shorter again: what a ring has it keeps, and it grows no more.
  limit = 4096;
  const { sendRingBytes } = connection;
  assert.equal(connection.writableBytes, sendRingBytes - connection.bufferedBytes);
});
