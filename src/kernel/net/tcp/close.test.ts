import assert from "node:assert/strict";
import { test } from "node:test";
import { ECONNRESET, ENOTCONN, EPIPE } from "../../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLRDHUP } from "../../../abi/poll.ts";
import { PEER_ADDRESS, pattern, text, Wire } from "../wire-peer.fixture.ts";
import { connectTo, listenOn, type Opened, openActively, openPassively, Peer, read, write } from "./peer.fixture.ts";

/** Nothing of the conversation may be left: no connection, frame, ring, port or timer. */
function expectNothingLeft({ wire, listener }: Opened): void {
  const { tcp, timers } = wire.stack;
  listener?.close();
  assert.equal([...tcp.connections()].length, 0, "connections");
  assert.equal([...tcp.timeWaiting()].length, 0, "TIME-WAIT");
  assert.equal(wire.arena.framesInUse, 0, "frames");
  assert.equal(wire.arena.blockBytesInUse, 0, "rings");
  assert.equal(tcp.ports.size, 0, "ports");
  assert.equal(tcp.orphans, 0, "orphans");
  assert.equal(timers.size, 0, "timers");
  assert.equal(wire.stack.counters.TcpCurrEstab, 0, "TcpCurrEstab");
}

test("we close first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, and after 2 MSL nothing", () => {
  const opened = openActively();
  const { peer, connection, wire } = opened;
  connection.shutdownWrite();
  assert.equal(connection.stateName, "FIN-WAIT-1");
  peer.poll().expect({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.send({});
  assert.equal(connection.stateName, "FIN-WAIT-2");
  peer.send({ data: "still talking" });
  assert.equal(text(read(opened)), "still talking");
  peer.send({ flags: "FIN ACK" });
  peer.expect({ flags: "ACK", seq: 2, ack: 15 });
  assert.equal(connection.stateName, "TIME-WAIT");
  assert.equal(connection.receiveFinished, true);
  connection.close();
  assert.equal([...wire.stack.tcp.timeWaiting()].length, 1);
  assert.equal(wire.stack.tcp.ports.size, 1, "the port stays taken");
  peer.advance(59_999);
  assert.equal([...wire.stack.tcp.timeWaiting()].length, 1);
  peer.advance(1);
  peer.expectSilence();
  expectNothingLeft(opened);
});

test("the peer closes first: CLOSE-WAIT, LAST-ACK, CLOSED", () => {
  const opened = openPassively();
  const { peer, connection } = opened;
  peer.send({ flags: "FIN ACK", data: "bye" });
  peer.expect({ flags: "ACK", ack: 5 });
  assert.equal(connection.stateName, "CLOSE-WAIT");
  assert.equal(connection.receiveFinished, false, "three bytes are left");
  assert.ok((connection.readiness() & POLLRDHUP) !== 0);
  assert.equal(connection.readiness() & POLLHUP, 0);
  assert.equal(text(read(opened)), "bye");
  assert.equal(connection.receiveFinished, true);
  write(opened, "farewell");
  peer.expect({ data: "farewell" });
  peer.send({});
  connection.close();
  assert.equal(connection.stateName, "LAST-ACK");
  peer.poll().expect({ flags: "FIN ACK", seq: 9, ack: 5 });
  peer.send({});
  assert.equal(connection.stateName, "CLOSED");
  expectNothingLeft(opened);
});

test("both close at once: FIN-WAIT-1, CLOSING, TIME-WAIT", () => {
  const opened = openActively();
  const { peer, connection } = opened;
  connection.close();
  peer.poll().expect({ flags: "FIN ACK", seq: 1 });
  peer.send({ flags: "FIN ACK", ack: 1 });
  assert.equal(connection.stateName, "CLOSING");
  peer.expect({ flags: "ACK", seq: 2, ack: 2 });
  peer.send({ ack: 2 });
  assert.equal(connection.stateName, "TIME-WAIT");
  peer.expect({ flags: "ACK", seq: 2, ack: 2 });
  peer.advance(60_000);
  expectNothingLeft(opened);
});

test("the peer's FIN acknowledges ours: straight to TIME-WAIT", () => {
  const opened = openActively();
  opened.connection.close();
  opened.peer.poll().expect({ flags: "FIN ACK" });
  opened.peer.send({ flags: "FIN ACK" });
  opened.peer.expect({ flags: "ACK", seq: 2, ack: 2 });
  assert.equal(opened.connection.stateName, "TIME-WAIT");
  opened.peer.advance(60_000);
  expectNothingLeft(opened);
});

test("the FIN waits for what is queued, and rides on the last text", () => {
  const opened = openActively({ offer: { maximumSegmentSize: 1000 }, peerWindow: 1500 });
  const { peer, connection } = opened;
  connection.send(pattern(2500), 0, 2500);
  connection.close();
  peer.poll().expect({ flags: "ACK", seq: 1 });
  peer.expectSilence();
  peer.send({});
  peer.expect({ flags: "ACK", seq: 1001 });
  assert.equal(peer.expect({ flags: "ACK", seq: 2001 }).data.length, 500);
  peer.expectSilence();
  peer.send({ window: 0 }).expectSilence();
  peer.send({ window: 1 });
  peer.expect({ flags: "FIN ACK", seq: 2501 });
  assert.equal(connection.send(pattern(1), 0, 1), -EPIPE);
});

test("a lost FIN is sent again", () => {
  const opened = openActively();
  opened.connection.close();
  opened.peer.poll().expect({ flags: "FIN ACK", seq: 1 });
  opened.peer.advance(200).expect({ flags: "FIN ACK", seq: 1 });
  opened.peer.advance(400).expect({ flags: "FIN ACK", seq: 1 });
  opened.peer.send({});
  opened.peer.advance(10_000).expectSilence();
});

test("a FIN out of order counts once the gap is filled", () => {
  const opened = openPassively();
  const { peer, connection } = opened;
  peer.send({ flags: "FIN ACK", seq: 4, data: "def" });
  assert.equal(connection.stateName, "ESTABLISHED");
  peer.expect({ ack: 1 });
  peer.send({ seq: 1, data: "abc" });
  peer.expect({ ack: 8 });
  assert.equal(connection.stateName, "CLOSE-WAIT");
  assert.equal(text(read(opened)), "abcdef");
  assert.equal(connection.receiveFinished, true);
  peer.send({ seq: 8, data: "more" });
  peer.expect({ ack: 8 });
  assert.equal(connection.readableBytes, 0, "nothing comes after a FIN");
});

test("a repeated FIN is acknowledged again; in TIME-WAIT it restarts the wait", () => {
  const opened = openActively();
  const { peer, connection, wire } = opened;
  connection.close();
  peer.poll().expect({ flags: "FIN ACK" });
  peer.send({ flags: "FIN ACK" });
  peer.expect({ flags: "ACK", ack: 2 });
  peer.advance(50_000);
  peer.send({ flags: "FIN ACK", seq: 1 });
  peer.expect({ flags: "ACK", seq: 2, ack: 2 });
  peer.advance(50_000);
  assert.equal([...wire.stack.tcp.timeWaiting()].length, 1);
  peer.send({ seq: 2 }).expectSilence();
  peer.send({ seq: 2, data: "late" });
  peer.expect({ flags: "ACK", ack: 2 });
  peer.advance(10_000);
  expectNothingLeft(opened);
});

test("half close by the peer's side: a download goes on after our FIN, in the fast path", () => {
  const opened = openActively();
  const { peer, connection } = opened;
  connection.shutdownWrite();
  peer.poll().expect({ flags: "FIN ACK" });
  peer.send({});
  assert.notEqual(connection.predictedHeader, -1);
  for (let k = 0; k < 20; k++) {
    peer.send({ data: pattern(1000) });
    assert.deepEqual(read(opened), pattern(1000));
  }
  assert.equal(connection.shutdownWrite(), 0, "again does nothing");
});

test("shutdownRead: reads give 0 after what is there", () => {
  const opened = openPassively();
  const { peer, connection } = opened;
  peer.send({ data: "left" });
  connection.shutdownRead();
  assert.equal(connection.receiveFinished, false);
  assert.equal(text(read(opened)), "left");
  assert.equal(connection.receiveFinished, true);
  assert.ok((connection.readiness() & POLLIN) !== 0);
  connection.shutdownWrite();
  assert.ok((connection.readiness() & POLLHUP) !== 0);
});

test("RST: pending error once, then end; text that came before can still be read", () => {
  const opened = openPassively();
  const { peer, connection } = opened;
  peer.send({ data: "before" });
  peer.send({ flags: "RST" });
  assert.equal(connection.stateName, "CLOSED");
  assert.ok((connection.readiness() & POLLERR) !== 0);
  assert.ok((connection.readiness() & POLLHUP) !== 0);
  assert.equal(text(read(opened)), "before");
  assert.equal(connection.receive(new Uint8Array(9), 0, 9), -ECONNRESET);
  assert.equal(connection.receive(new Uint8Array(9), 0, 9), 0);
  assert.equal(connection.receiveFinished, true);
  assert.equal(connection.send(pattern(3), 0, 3), -EPIPE);
  connection.close();
  expectNothingLeft(opened);
});

test("RST in CLOSE-WAIT is EPIPE to a writer, as on Linux", () => {
  const opened = openPassively();
  opened.peer.send({ flags: "FIN ACK" });
  opened.peer.send({ flags: "RST" });
  assert.equal(opened.connection.send(pattern(3), 0, 3), -EPIPE);
  opened.connection.close();
});

test("closing with unread text resets (RFC 2525 2.17)", () => {
  const opened = openPassively();
  opened.peer.send({ data: "unread" });
  opened.connection.close();
  opened.peer.poll().expect({ flags: "RST ACK", seq: 1, ack: 7 });
  opened.peer.expectSilence();
  expectNothingLeft(opened);
});

test("text that arrives after close() resets", () => {
  const opened = openPassively();
  const { peer, connection } = opened;
  connection.close();
  peer.poll().expect({ flags: "FIN ACK" });
  peer.send({ ack: 1, data: "nobody reads this" });
  peer.expect({ flags: "RST" });
  assert.equal(connection.stateName, "CLOSED");
  expectNothingLeft(opened);
});

test("an orphan in FIN-WAIT-2 waits in compact form: for the FIN, a minute at most; text resets it", () => {
  const opened = openPassively();
  const { peer, connection, wire } = opened;
  connection.close();
  peer.poll().expect({ flags: "FIN ACK" });
  peer.send({});
  assert.equal([...wire.stack.tcp.connections()].length, 0);
  const [waiting] = [...wire.stack.tcp.timeWaiting()];
  assert.equal(waiting?.state, 5);
  peer.send({ flags: "FIN ACK" });
  peer.expect({ flags: "ACK", seq: 2, ack: 2 });
  assert.equal(waiting?.state, 6);
  peer.advance(60_000);

  const other = openPassively();
  other.connection.close();
  other.peer.poll().expect({ flags: "FIN ACK" });
  other.peer.send({});
  other.peer.send({ data: "late" });
  other.peer.expect({ flags: "RST" });
  expectNothingLeft(other);

  const silent = openPassively();
  silent.connection.close();
  silent.peer.poll().expect({ flags: "FIN ACK" });
  silent.peer.send({});
  silent.peer.advance(60_000).expectSilence();
  expectNothingLeft(silent);
});

test("SO_LINGER with 0 and abort() reset at once", () => {
  const opened = openActively({ socket: { lingerMilliseconds: 0 } });
  opened.connection.close();
  opened.peer.poll().expect({ flags: "RST ACK", seq: 1, ack: 1 });
  expectNothingLeft(opened);
  const other = openActively();
  write(other, "in flight");
  other.peer.expect({});
  other.connection.abort();
  other.peer.poll().expect({ flags: "RST ACK", seq: 10, ack: 1 });
  other.connection.abort();
  other.connection.close();
  other.peer.poll().expectSilence();
  expectNothingLeft(other);
});

test("closing before the handshake is done sends nothing", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  wire.poll();
  wire.recv();
  assert.equal(connection.shutdownWrite(), -ENOTCONN);
  assert.equal(connection.send(pattern(1), 0, 1), 0, "to be written later");
  connection.close();
  wire.poll();
  wire.expectSilence();
  assert.equal(connection.stateName, "CLOSED");
  expectNothingLeft({ wire, connection, peer: new Peer(wire, 1, 1) });
});

test("too many orphans: the next one is reset", () => {
  const opened = openActively({ tcp: { maximumOrphans: 0 } });
  opened.connection.close();
  opened.peer.poll().expect({ flags: "RST ACK" });
  expectNothingLeft(opened);
});

test("an orphan whose peer is gone is given up after eight retransmissions", () => {
  const opened = openActively();
  write(opened, "anybody?");
  opened.peer.expect({});
  opened.connection.close();
  opened.peer.advance(600_000);
  assert.ok(opened.wire.device.sent.length <= 10);
  expectNothingLeft(opened);
});

test("TIME-WAIT: a SYN beyond the old numbers opens a new connection, an old one does not", () => {
  const opened = openPassively();
  const { peer, connection, wire } = opened;
  connection.close();
  peer.poll().expect({ flags: "FIN ACK" });
  peer.send({ flags: "FIN ACK" });
  peer.expect({ flags: "ACK" });
  peer.send({ flags: "SYN", seq: -5 });
  peer.expect({ flags: "ACK", seq: 2, ack: 2 });
  const before = opened.peer.ourInitial;
  peer.send({ flags: "SYN", seq: 1000 });
  const answer = peer.expect({ flags: "SYN ACK", ack: 1001 });
  assert.ok((((answer.tcp?.sequence ?? 0) - before) | 0) > 65_536, "our numbers start beyond the old ones");
  assert.equal([...wire.stack.tcp.timeWaiting()].length, 0);
  peer.send({ seq: 1001 });
  assert.ok(opened.listener?.accept());
});

test("TIME-WAIT: a RST with the exact number ends it, others do not", () => {
  const opened = openActively();
  const { peer, connection, wire } = opened;
  connection.close();
  peer.poll().expect({ flags: "FIN ACK" });
  peer.send({ flags: "FIN ACK" });
  peer.expect({ flags: "ACK" });
  peer.send({ flags: "RST", seq: 10 }).expectSilence();
  assert.equal([...wire.stack.tcp.timeWaiting()].length, 1);
  peer.send({ flags: "RST", seq: 2 });
  expectNothingLeft(opened);
});

test("connect() may take over a four-tuple in TIME-WAIT once the clock of the timestamps has moved on", () => {
  const wire = new Wire();
  const { tcp } = wire.stack;
  const hold = (): number => {
    const reservation = tcp.ports.reserve(0, 4000, { reuseAddress: true, reusePort: false });
    assert.ok(typeof reservation !== "number");
    const connection = tcp.connect({ reservation, remoteAddress: PEER_ADDRESS, remotePort: 7 });
    if (typeof connection === "number") {
      reservation.release();
      return connection;
    }
    const peer = new Peer(wire, 4000, 7);
    peer.timestamp = 1;
    wire.poll();
    peer.expect({ flags: "SYN" });
    const initial = peer.ourInitial;
    peer.send({ flags: "SYN ACK" });
    peer.expect({ flags: "ACK" });
    connection.close();
    peer.poll().expect({ flags: "FIN ACK" });
    peer.send({ flags: "FIN ACK" });
    peer.expect({ flags: "ACK" });
    return initial >>> 0;
  };
  const first = hold();
  assert.ok(first >= 0);
  assert.ok(hold() < 0, "not within the same millisecond");
  wire.advance(1);
  const second = hold();
  assert.ok(((second - first) | 0) > 0, "and with later sequence numbers");
  assert.equal(wire.stack.counters.TcpExtTWRecycled, 1);
  wire.advance(60_000);
  assert.equal(tcp.ports.size, 0);
});

test("a listener's port can be bound again after it closes, if both asked for it", () => {
  const opened = openPassively();
  const { ports } = opened.wire.stack.tcp;
  opened.listener?.close();
  assert.ok(typeof ports.reserve(0, 80, { reuseAddress: true, reusePort: false }) === "number", "a connection is left");
  opened.connection.abort();
  opened.wire.poll();
  assert.ok(typeof ports.reserve(0, 80, { reuseAddress: false, reusePort: false }) !== "number");
});

test("more TIME-WAITs than allowed: the surplus is closed at once", () => {
  const wire = new Wire({ tcp: { maximumTimeWaits: 2 } });
  listenOn(wire, 80);
  for (let k = 0; k < 4; k++) {
    const peer = new Peer(wire, 80, 5000 + k);
    peer.send({ flags: "SYN" });
    peer.expect({ flags: "SYN ACK" });
    peer.send({});
    const [connection] = [...wire.stack.tcp.connections()];
    const listener = connection?.listener;
    listener?.accept()?.close();
    peer.poll().expect({ flags: "FIN ACK" });
    peer.send({ flags: "FIN ACK" });
    peer.expect({ flags: "ACK" });
  }
  assert.equal([...wire.stack.tcp.timeWaiting()].length, 2);
  assert.equal(wire.stack.counters.TcpExtTCPTimeWaitOverflow, 2);
});

test("listings show what is half open, open and in TIME-WAIT", () => {
  const opened = openPassively();
  const { peer, connection, wire } = opened;
  const other = new Peer(wire, 80, 6000);
  other.send({ flags: "SYN" });
  other.expect({ flags: "SYN ACK" });
  peer.send({ data: "abc" });
  const list = (): unknown[] =>
    [...wire.stack.tcp.entries()].map((entry) => [entry.state, entry.remotePort, entry.localPort, entry.readableBytes]);
  assert.deepEqual(list(), [
    [1, 5000, 80, 3],
    [3, 6000, 80, 0],
  ]);
  read(opened);
  connection.close();
  peer.poll().expect({ flags: "FIN ACK" });
  peer.send({ flags: "FIN ACK" });
  assert.deepEqual(list(), [
    [3, 6000, 80, 0],
    [6, 5000, 80, 0],
  ]);
  assert.equal(wire.stack.tcp.isConnected(connection.localAddress, 80, PEER_ADDRESS, 5000), true);
  assert.equal(wire.stack.tcp.isConnected(connection.localAddress, 80, PEER_ADDRESS, 5001), false);
  assert.equal(wire.stack.tcp.isListening(connection.localAddress, 80), true);
});
