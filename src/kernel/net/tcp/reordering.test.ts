import assert from "node:assert/strict";
import { test } from "node:test";
import { pattern } from "../wire-peer.fixture.ts";
import { LOSS_NONE, LOSS_RECOVERY } from "./connection.ts";
import { type Opened, openActively, write } from "./peer.fixture.ts";

/** With the timestamps a segment holds 1,000 bytes. */
const OFFER = { maximumSegmentSize: 1012, sackPermitted: true, timestampValue: 500 };

/** Ten segments of 1,000 bytes go out, from number `seq` on; their timestamp. */
function sendTen(opened: Opened, seq: number): number {
  write(opened, pattern(10_000));
  for (let k = 0; k < 10; k++) opened.peer.expect({ seq: seq + 1000 * k });
  opened.peer.expectSilence();
  return opened.peer.lastEcho;
}

/** The peer has everything from number `from` to number `to`, which it reports by SACK, and nothing before but what `ack` says. */
function report(opened: Opened, ack: number, from: number, to: number, echo: number): void {
  const { ourInitial } = opened.peer;
  opened.peer.send({ ack, options: { sackBlocks: [ourInitial + from, ourInitial + to], timestampEcho: echo } });
}

test("reordering taken for loss is found out by the timestamp, undone, and not taken for loss again", () => {
  const opened = openActively({ offer: OFFER });
  const { peer, connection, wire } = opened;
  const { counters } = wire.stack;
  const echo = sendTen(opened, 1);
  peer.advance(1);
  for (const to of [2001, 3001, 4001]) report(opened, 1, 1001, to, echo);
  peer.expect({ seq: 1 });
  assert.equal(connection.lossState, LOSS_RECOVERY);
  assert.equal(connection.congestionWindow, 7000);
  // The original has arrived after all: its timestamp is what comes back.
  peer.send({ ack: 5001, options: { timestampEcho: echo } });
  assert.equal(connection.lossState, LOSS_NONE);
  assert.equal(connection.congestionWindow, 10_000);
  assert.ok(connection.slowStartThreshold >= 10_000);
  assert.equal(connection.duplicateThreshold, 4, "three were ahead of it");
  assert.equal(counters.TcpExtTCPFullUndo, 1);
  peer.send({ ack: 10_001, options: { timestampEcho: echo } }).expectSilence();

  const again = sendTen(opened, 10_001);
  for (const to of [12_001, 13_001, 14_001]) report(opened, 10_001, 11_001, to, again);
  peer.expectSilence();
  report(opened, 10_001, 11_001, 15_001, again);
  peer.expect({ seq: 10_001 });
  assert.equal(counters.TcpExtTCPSackRecovery, 2);
});

test("a retransmission that was needed leaves the window halved", () => {
  const opened = openActively({ offer: OFFER });
  const { peer, connection } = opened;
  const echo = sendTen(opened, 1);
  peer.advance(1);
  for (const to of [2001, 3001, 4001]) report(opened, 1, 1001, to, echo);
  peer.expect({ seq: 1 });
  report(opened, 4001, 5001, 10_001, peer.lastEcho);
  assert.equal(connection.lossState, LOSS_RECOVERY);
  // Whatever later ACKs echo proves nothing any more.
  peer.expect({ seq: 4001 });
  peer.send({ ack: 10_001, options: { timestampEcho: echo } });
  assert.equal(connection.lossState, LOSS_NONE);
  assert.equal(connection.congestionWindow, 7000);
  assert.equal(connection.duplicateThreshold, 3);
});

test("holes that a recovery has filled beyond its end are not taken for reordering", () => {
  const opened = openActively({ offer: OFFER });
  const { peer, connection, wire } = opened;
  const first = peer.ourInitial;
  sendTen(opened, 1);
  peer.advance(1);
  write(opened, pattern(6000));
  report(opened, 1, 1001, 10_001, peer.lastEcho);
  peer.expect({ seq: 1 });
  for (let k = 0; k < 6; k++) peer.expect({ seq: 10_001 + 1000 * k });
  peer.send({ ack: 1, options: { sackBlocks: [first + 11_001, first + 16_001, first + 1001, first + 10_001] } });
  // So much of what was sent after it has arrived that the retransmission must have got lost.
  peer.expect({ seq: 1 });
  peer.expect({ seq: 10_001 });
  report(opened, 10_001, 11_001, 16_001, peer.lastEcho);
  assert.equal(connection.lossState, LOSS_NONE);
  peer.send({ ack: 16_001 }).expectSilence();
  assert.equal(connection.duplicateThreshold, 3);
  assert.equal(wire.stack.counters.TcpExtTCPSACKReorder, 0);
});

test("a lost ACK does not look like reordering", () => {
  const opened = openActively({ offer: OFFER });
  const { connection } = opened;
  const echo = sendTen(opened, 1);
  // Five segments arrived in order, the sixth did not; what comes first to tell is the report of the seventh.
  report(opened, 5001, 6001, 7001, echo);
  assert.equal(connection.duplicateThreshold, 3);
});

test("gigabytes without a loss do not keep fast retransmit from working", () => {
  const opened = openActively({ offer: { maximumSegmentSize: 1000 } });
  const { peer, connection } = opened;
  write(opened, pattern(5000));
  for (let k = 0; k < 5; k++) peer.expect({ seq: 1 + 1000 * k });
  // The last loss is long ago: a little longer, and the comparison would go the other way.
  connection.recoverPoint = (connection.sendUnacknowledged - 2 ** 30) | 0;
  peer.send({ ack: 2001 });
  assert.equal((connection.sendUnacknowledged - connection.recoverPoint) | 0, 1);
  for (let k = 0; k < 3; k++) peer.send({ ack: 2001 });
  peer.expect({ seq: 2001 });
});

test("without SACK the duplicate ACKs tell how far segments were out of order", () => {
  const opened = openActively({ offer: { ...OFFER, sackPermitted: false } });
  const { peer, connection } = opened;
  const echo = sendTen(opened, 1);
  peer.advance(1);
  for (let k = 0; k < 5; k++) peer.send({ ack: 1, options: { timestampEcho: echo } });
  peer.expect({ seq: 1 });
  peer.send({ ack: 7001, options: { timestampEcho: echo } });
  assert.equal(connection.lossState, LOSS_NONE);
  assert.equal(connection.congestionWindow, 10_000);
  assert.equal(connection.duplicateThreshold, 6);
});

test("text that overtakes without being taken for loss raises the threshold as well; a timeout lowers it", () => {
  const opened = openActively({ offer: OFFER });
  const { peer, connection } = opened;
  const echo = sendTen(opened, 1);
  // One ACK answers a whole batch, whose first segment was late.
  report(opened, 1, 2001, 3001, echo);
  connection.duplicateThreshold = 8;
  report(opened, 1, 2001, 9001, echo);
  peer.expectSilence();
  peer.send({ ack: 9001, options: { timestampEcho: echo } });
  assert.equal(connection.duplicateThreshold, 9);
  peer.send({ ack: 10_001, options: { timestampEcho: echo } }).expectSilence();
  const again = sendTen(opened, 10_001);
  report(opened, 10_001, 11_001, 12_001, again);
  // Two round trips on it is sent again whatever the threshold, and after the timeout the threshold is forgotten.
  peer.advance(10).expect({ seq: 10_001 });
  peer.advance(1000).expect({ seq: 10_001 });
  assert.equal(connection.duplicateThreshold, 3);
});

test("a timeout that only a slow path has caused is undone: nothing else is sent again", () => {
  const opened = openActively({ offer: OFFER });
  const { peer, connection, wire } = opened;
  const echo = sendTen(opened, 1);
  peer.advance(10).expect({ seq: 9001 });
  peer.advance(300).expect({ seq: 1 });
  assert.equal(connection.congestionWindow, 1000);
  peer.send({ ack: 2001, options: { timestampEcho: echo } }).expectSilence();
  assert.equal(connection.lossState, LOSS_NONE);
  assert.equal(connection.congestionWindow, 10_000);
  assert.equal(wire.stack.counters.TcpExtTCPFullUndo, 1);
  // With nothing left in flight the window opens no further than what was acknowledged.
  peer.send({ ack: 10_001, options: { timestampEcho: echo } }).expectSilence();
  assert.ok(connection.slowStartThreshold >= 10_000);
});

test("segments that became too long for the path are no retransmission that could be undone", () => {
  const opened = openActively({ offer: OFFER });
  const { peer, connection, wire } = opened;
  const echo = sendTen(opened, 1);
  wire.stack.tcp.icmpError(
    "fragmentation-needed",
    connection.localAddress,
    connection.remoteAddress,
    connection.localPort,
    connection.remotePort,
    connection.sendUnacknowledged,
    600,
  );
  peer.poll();
  assert.equal(connection.undoWindow, 0);
  peer.send({ ack: 1001, options: { timestampEcho: echo - 1 } });
  assert.equal(wire.stack.counters.TcpExtTCPFullUndo, 0);
});
