import assert from "node:assert/strict";
import { test } from "node:test";
import { EADDRNOTAVAIL, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT } from "../../../abi/errno.ts";
import { POLLIN, POLLOUT } from "../../../abi/poll.ts";
import { createLoopback } from "../device/loopback.ts";
import type { PortReservation } from "../ports.ts";
import { OUR_ADDRESS, PEER_ADDRESS, Wire } from "../wire-peer.fixture.ts";
import { connectTo, listenOn, openActively, openPassively, Peer, read } from "./peer.fixture.ts";
import { ArenaRingMemory } from "./ring-memory.ts";

test("active open: SYN with options, SYN ACK, ACK", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  assert.equal(connection.stateName, "SYN-SENT");
  assert.equal(connection.isEstablished, false);
  wire.expectSilence();
  wire.poll();
  const peer = new Peer(wire, connection.localPort, 7);
  const syn = peer.expect({ flags: "SYN", options: { maximumSegmentSize: 1460, sackPermitted: true, windowScale: 7 } });
  assert.equal(syn.tcp?.window, 65_535);
  assert.ok(syn.tcp?.options.timestampValue !== undefined);
  assert.equal(syn.ip?.dontFragment, true);
  peer.send({ flags: "SYN ACK", options: { maximumSegmentSize: 1400, windowScale: 3, sackPermitted: true } });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  assert.equal(connection.stateName, "ESTABLISHED");
  assert.equal(connection.timestamps, false, "the peer did not answer with timestamps");
  assert.equal(connection.sendSegmentBytes, 1400);
  assert.equal(connection.sendScale, 3);
  assert.equal(connection.receiveScale, 7);
  assert.ok((connection.readiness() & POLLOUT) !== 0);
  peer.expectSilence();
});

test("passive open: SYN, SYN ACK, ACK, accept", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80);
  const peer = new Peer(wire, 80, 5000);
  assert.equal(listener.readiness(), 0);
  peer.send({ flags: "SYN", options: { maximumSegmentSize: 1000 } });
  peer.expect({ flags: "SYN ACK", ack: 1, options: { maximumSegmentSize: 1460 } });
  assert.equal(listener.accept(), null, "not before the ACK");
  peer.send({});
  assert.ok((listener.readiness() & POLLIN) !== 0);
  const connection = listener.accept();
  assert.ok(connection);
  assert.equal(connection.remoteAddress, PEER_ADDRESS);
  assert.equal(connection.remotePort, 5000);
  assert.equal(connection.localPort, 80);
  assert.equal(connection.sendSegmentBytes, 1000);
  assert.equal(connection.receiveScale, 0, "the peer does not scale, so neither do we");
  assert.equal(listener.accept(), null);
});

test("options are answered only if they were offered", () => {
  const wire = new Wire();
  listenOn(wire, 80);
  const peer = new Peer(wire, 80, 5000);
  peer.send({ flags: "SYN" });
  const { tcp } = peer.expect({ flags: "SYN ACK" });
  assert.deepEqual(Object.keys(tcp?.options ?? {}), ["maximumSegmentSize"]);
  const other = new Peer(wire, 80, 5001);
  other.timestamp = 77;
  other.send({ flags: "SYN", options: { windowScale: 0, sackPermitted: true } });
  other.expect({ flags: "SYN ACK", options: { windowScale: 7, sackPermitted: true, timestampEcho: 77 } });
});

test("without an MSS option the peer gets 536 bytes; a silly one is not followed", () => {
  assert.equal(openPassively({ offer: {} }).connection.sendSegmentBytes, 536);
  assert.equal(openPassively({ offer: { maximumSegmentSize: 1 } }).connection.sendSegmentBytes, 48);
});

test("TCP_MAXSEG lowers what we announce and what we send", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7, { maxSegmentSize: 600 });
  const peer = new Peer(wire, connection.localPort, 7);
  wire.poll();
  peer.expect({ flags: "SYN", options: { maximumSegmentSize: 600 } });
  peer.send({ flags: "SYN ACK", options: { maximumSegmentSize: 1460 } });
  assert.equal(connection.sendSegmentBytes, 600);
});

test("a SYN for a port where nobody listens is refused", () => {
  const wire = new Wire();
  const peer = new Peer(wire, 81, 5000);
  peer.send({ flags: "SYN", data: "early" });
  peer.expect({ flags: "RST ACK", ack: 6 });
  peer.send({ flags: "ACK", ack: 1234 });
  const reset = peer.expect({ flags: "RST" });
  assert.equal(reset.tcp?.sequence, (peer.ourInitial + 1234) | 0);
  peer.send({ flags: "RST" });
  peer.expectSilence();
});

test("refused: RST for our SYN", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  const peer = new Peer(wire, connection.localPort, 7);
  wire.poll();
  peer.expect({ flags: "SYN" });
  peer.send({ flags: "RST ACK", ack: 2 });
  assert.equal(connection.stateName, "SYN-SENT", "a RST for something else is ignored");
  peer.send({ flags: "RST", ack: 1 });
  assert.equal(connection.stateName, "SYN-SENT", "a RST without ACK is ignored");
  peer.send({ flags: "RST ACK", ack: 1 });
  assert.equal(connection.stateName, "CLOSED");
  assert.equal(connection.takeError(), ECONNREFUSED);
  assert.equal(connection.takeError(), 0);
  assert.equal([...wire.stack.tcp.connections()].length, 0);
  assert.equal(wire.stack.tcp.ports.size, 0);
  peer.expectSilence();
});

test("SYN-SENT: an ACK of something never sent is reset, and the attempt goes on", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  const peer = new Peer(wire, connection.localPort, 7);
  wire.poll();
  peer.expect({ flags: "SYN" });
  peer.send({ flags: "SYN ACK", ack: 999 });
  peer.expect({ flags: "RST", seq: 999 });
  peer.send({ seq: 5, ack: 1 });
  peer.expectSilence();
  peer.next = 0;
  peer.send({ flags: "SYN ACK", ack: 1 });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  assert.equal(connection.stateName, "ESTABLISHED");
});

test("the SYN is repeated with doubled intervals, then the connection times out", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7, { synRetries: 3 });
  const peer = new Peer(wire, connection.localPort, 7);
  wire.poll();
  peer.expect({ flags: "SYN" });
  for (const wait of [1000, 2000, 4000]) {
    wire.advance(wait - 1);
    wire.expectSilence();
    wire.advance(1);
    peer.expect({ flags: "SYN" });
  }
  wire.advance(8001);
  wire.expectSilence();
  assert.equal(connection.stateName, "CLOSED");
  assert.equal(connection.takeError(), ETIMEDOUT);
  assert.equal(wire.stack.counters.TcpAttemptFails, 1);
});

test("after a lost SYN the congestion window begins with one segment, and the timeout with three seconds", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  const peer = new Peer(wire, connection.localPort, 7);
  wire.poll();
  peer.expect({ flags: "SYN" });
  wire.advance(1000);
  peer.expect({ flags: "SYN" });
  peer.send({ flags: "SYN ACK", options: { maximumSegmentSize: 1460 } });
  peer.expect({ flags: "ACK" });
  assert.equal(connection.congestionWindow, 1460);
  assert.equal(connection.retransmitTimeout, 3000);
  assert.equal(openActively().connection.congestionWindow, 14_600);
});

test("a repeated SYN gets the same SYN ACK; without an ACK it is repeated five times and forgotten", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80);
  const peer = new Peer(wire, 80, 5000);
  peer.send({ flags: "SYN" });
  const first = peer.expect({ flags: "SYN ACK", ack: 1 });
  peer.send({ flags: "SYN", seq: 0 });
  const again = peer.expect({ flags: "SYN ACK", ack: 1 });
  assert.equal(again.tcp?.sequence, first.tcp?.sequence);
  let answers = 0;
  wire.advance(70_000);
  while (wire.device.sent.length > 0) {
    peer.expect({ flags: "SYN ACK" });
    answers++;
  }
  assert.equal(answers, 5);
  assert.equal(listener.requests, 0);
  assert.equal(wire.stack.timers.size, 0);
  peer.send({ seq: 1, ack: 1 });
  peer.expect({ flags: "RST" });
});

test("half open: RST forgets, a wrong ACK is reset, a new SYN is questioned, text before the ACK waits", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80);
  const peer = new Peer(wire, 80, 5000);
  peer.send({ flags: "SYN" });
  peer.expect({ flags: "SYN ACK" });
  peer.send({ ack: 77 });
  peer.expect({ flags: "RST", seq: 77 });
  peer.send({ flags: "SYN", seq: 10 });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  peer.send({ seq: 100_000, data: "x" });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  peer.send({ flags: "RST", seq: 9 });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  assert.equal(listener.requests, 1);
  peer.send({ flags: "RST", seq: 1 });
  peer.expectSilence();
  assert.equal(listener.requests, 0);
  assert.equal(listener.acceptQueueLength, 0);
});

test("the ACK that completes the handshake may carry text and FIN", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80);
  const peer = new Peer(wire, 80, 5000);
  peer.send({ flags: "SYN" });
  peer.expect({ flags: "SYN ACK" });
  peer.send({ flags: "FIN ACK", data: "hello" });
  peer.expect({ flags: "ACK", ack: 7 });
  const connection = listener.accept();
  assert.ok(connection);
  assert.equal(connection.stateName, "CLOSE-WAIT");
  const into = new Uint8Array(10);
  assert.equal(connection.receive(into, 0, 10), 5);
  assert.equal(connection.receiveFinished, true);
});

test("simultaneous open: both SYNs cross, both sides answer SYN ACK", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  const peer = new Peer(wire, connection.localPort, 7);
  wire.poll();
  const syn = peer.expect({ flags: "SYN" });
  peer.send({ flags: "SYN", options: { maximumSegmentSize: 1200 } });
  assert.equal(connection.stateName, "SYN-RECEIVED");
  const answer = peer.expect({ flags: "SYN ACK", ack: 1 });
  assert.equal(answer.tcp?.sequence, syn.tcp?.sequence, "the same SYN");
  peer.send({ flags: "SYN ACK", seq: 0, ack: 1 });
  assert.equal(connection.stateName, "ESTABLISHED");
  assert.equal(connection.sendSegmentBytes, 1200);
  peer.send({ data: "hi" });
  assert.equal(Buffer.from(read({ wire, peer, connection })).toString(), "hi");
});

test("simultaneous open: a plain ACK establishes too; RST refuses", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  const peer = new Peer(wire, connection.localPort, 7);
  wire.poll();
  peer.expect({ flags: "SYN" });
  peer.send({ flags: "SYN" });
  peer.expect({ flags: "SYN ACK" });
  peer.send({ ack: 1 });
  assert.equal(connection.stateName, "ESTABLISHED");

  const other = connectTo(wire, 8);
  const refusing = new Peer(wire, other.localPort, 8);
  wire.poll();
  refusing.expect({ flags: "SYN" });
  refusing.send({ flags: "SYN" });
  refusing.expect({ flags: "SYN ACK" });
  refusing.send({ flags: "RST" });
  assert.equal(other.takeError(), ECONNREFUSED);
});

test("a bound socket connects from its port; its SYN ACK of a simultaneous open is repeated", () => {
  const wire = new Wire();
  const tcp = wire.stack.tcp;
  const reservation = tcp.ports.reserve(0, 4000, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  const connection = tcp.connect({ reservation, remoteAddress: PEER_ADDRESS, remotePort: 4000 });
  assert.ok(typeof connection !== "number");
  assert.equal(reservation.address, connection.localAddress, "connecting fixes the address of a socket bound to any");
  const peer = new Peer(wire, 4000, 4000);
  wire.poll();
  peer.expect({ flags: "SYN" });
  peer.send({ flags: "SYN" });
  peer.expect({ flags: "SYN ACK", ack: 1 });
  wire.advance(1000);
  peer.expect({ flags: "SYN ACK", ack: 1 });
  peer.send({ ack: 1 });
  assert.equal(connection.stateName, "ESTABLISHED");
});

test("the accept queue is full: the final ACK is ignored, then found room for", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80, 0);
  const peers = [5000, 5001, 5002].map((port) => new Peer(wire, 80, port));
  const [first, second, third] = peers as [Peer, Peer, Peer];
  for (const peer of [first, second]) {
    peer.send({ flags: "SYN" });
    peer.expect({ flags: "SYN ACK" });
  }
  first.send({});
  assert.equal(listener.acceptQueueLength, 1, "a backlog of 0 lets one wait");
  second.send({});
  assert.equal(listener.acceptQueueLength, 1);
  second.expectSilence();
  third.send({ flags: "SYN" });
  third.expectSilence();
  assert.equal(wire.stack.counters.TcpExtListenOverflows, 2);
  assert.ok(listener.accept());
  wire.advance(1000);
  second.expect({ flags: "SYN ACK" });
  second.send({});
  assert.ok(listener.accept());
  third.send({ flags: "SYN", seq: 0 });
  third.expect({ flags: "SYN ACK" });
});

test("the SYN queue is full: cookies take over, and carry MSS, scale and SACK", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80, 1);
  for (let k = 0; k < 8; k++) {
    const flood = new Peer(wire, 80, 6000 + k);
    flood.send({ flags: "SYN" });
    flood.expect({ flags: "SYN ACK" });
  }
  assert.equal(listener.requests, 8);
  const peer = new Peer(wire, 80, 5000);
  peer.timestamp = 500;
  peer.send({ flags: "SYN", options: { maximumSegmentSize: 1350, windowScale: 5, sackPermitted: true } });
  peer.expect({ flags: "SYN ACK", ack: 1, options: { windowScale: 7, sackPermitted: true } });
  assert.equal(listener.requests, 8, "nothing is remembered");
  wire.advance(30_000);
  while (wire.device.sent.length > 0) wire.recv();
  peer.timestamp += 30_000;
  peer.send({ data: "cookie" });
  const connection = listener.accept();
  assert.ok(connection);
  assert.equal(connection.sendScale, 5);
  assert.equal(connection.sackPermitted, true);
  assert.equal(connection.timestamps, true);
  assert.equal(connection.peerSegmentBytes, 1300, "the largest of the table that fits");
  assert.equal(connection.readableBytes, 6);
  assert.equal(wire.stack.counters.TcpExtSyncookiesRecv, 1);
});

test("a forged or outdated cookie is reset; without timestamps a cookie offers neither scale nor SACK", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80, 1);
  for (let k = 0; k < 8; k++) new Peer(wire, 80, 6000 + k).send({ flags: "SYN" });
  while (wire.device.sent.length > 0) wire.recv();
  const peer = new Peer(wire, 80, 5000);
  peer.send({ flags: "SYN", options: { maximumSegmentSize: 1460, windowScale: 5, sackPermitted: true } });
  const { tcp } = peer.expect({ flags: "SYN ACK" });
  assert.deepEqual(Object.keys(tcp?.options ?? {}), ["maximumSegmentSize"]);
  peer.send({ ack: 2 });
  peer.expect({ flags: "RST" });
  assert.equal(wire.stack.counters.TcpExtSyncookiesFailed, 1);
  wire.advance(200_000);
  while (wire.device.sent.length > 0) wire.recv();
  peer.send({ ack: 1 });
  peer.expect({ flags: "RST" });
  assert.equal(listener.acceptQueueLength, 0);
});

test("without cookies a full SYN queue drops", () => {
  const wire = new Wire({ tcp: { synCookies: false } });
  listenOn(wire, 80, 1);
  for (let k = 0; k < 9; k++) new Peer(wire, 80, 6000 + k).send({ flags: "SYN" });
  assert.equal(wire.device.sent.length, 8);
  assert.equal(wire.stack.counters.TcpExtTCPReqQFullDrop, 1);
});

test("ring memory that admits no more: SYNs are dropped, connect() gives ENOBUFS", () => {
  const wire = new Wire();
  const memory = new ArenaRingMemory(wire.arena, { maximumConnections: 1 });
  const full = new Wire({ ringMemory: memory });
  const listener = listenOn(full, 80);
  const first = new Peer(full, 80, 5000);
  first.send({ flags: "SYN" });
  first.expect({ flags: "SYN ACK" });
  first.send({});
  const second = new Peer(full, 80, 5001);
  second.send({ flags: "SYN" });
  second.expectSilence();
  const refused = full.stack.tcp.connect({ remoteAddress: PEER_ADDRESS, remotePort: 7 });
  assert.equal(refused, -105);
  assert.equal(full.stack.tcp.ports.size, 1, "only the listener's port is held");
  listener.accept()?.abort();
  full.poll();
  assert.equal(memory.connections, 0);
});

test("a listener that closes resets those that wait, and forgets the half open", () => {
  const wire = new Wire();
  const listener = listenOn(wire, 80);
  const waiting = new Peer(wire, 80, 5000);
  waiting.send({ flags: "SYN" });
  waiting.expect({ flags: "SYN ACK" });
  waiting.send({});
  const half = new Peer(wire, 80, 5001);
  half.send({ flags: "SYN" });
  half.expect({ flags: "SYN ACK" });
  listener.close();
  wire.poll();
  waiting.expect({ flags: "RST ACK", seq: 1, ack: 1 });
  half.expectSilence();
  half.send({});
  half.expect({ flags: "RST" });
  assert.equal(wire.stack.tcp.ports.size, 0);
  assert.equal(wire.stack.timers.size, 0);
});

test("onSyn may refuse, or defer and decide later", () => {
  const wire = new Wire({ forwardAny: true });
  const listener = wire.stack.tcp.listenAny({ backlog: 8 });
  assert.ok(typeof listener !== "number");
  const asked: string[] = [];
  listener.onSyn = (_remote, remotePort, _local, localPort, request) => {
    asked.push(`${remotePort}>${localPort}`);
    if (remotePort === 5000) return "refuse";
    if (remotePort === 5001) {
      request.completeDeferred(true);
      return "defer";
    }
    if (remotePort === 5004) return "accept";
    deferred.set(remotePort, request.completeDeferred.bind(request));
    return "defer";
  };
  const deferred = new Map<number, (outcome: true | number) => void>();
  const peer = (port: number): Peer => new Peer(wire, 4433, port);
  const refused = peer(5000).send({ flags: "SYN" });
  refused.expect({ flags: "RST ACK", ack: 1 });
  const atOnce = peer(5001).send({ flags: "SYN" });
  atOnce.expect({ flags: "SYN ACK" });
  peer(5004).send({ flags: "SYN" }).expect({ flags: "SYN ACK" });
  const later = peer(5002).send({ flags: "SYN" });
  later.expectSilence();
  later.send({ flags: "SYN", seq: 0 }).expectSilence();
  const never = peer(5003).send({ flags: "SYN" });
  never.expectSilence();
  assert.deepEqual(asked, ["5000>4433", "5001>4433", "5004>4433", "5002>4433", "5003>4433"]);
  deferred.get(5002)?.(true);
  deferred.get(5003)?.(-ECONNREFUSED);
  wire.poll();
  later.expect({ flags: "SYN ACK" });
  never.expect({ flags: "RST ACK" });
  later.send({});
  const connection = listener.accept();
  assert.equal(connection?.localPort, 4433);
  assert.equal(connection?.remotePort, 5002);
});

test("ICMP before the handshake ends the attempt, if it quotes our SYN", () => {
  const wire = new Wire();
  const connection = connectTo(wire, 7);
  wire.poll();
  const { tcp } = wire.recv();
  const report = (sequence: number): void =>
    wire.stack.tcp.icmpError(
      "host-unreachable",
      connection.localAddress,
      PEER_ADDRESS,
      connection.localPort,
      7,
      sequence,
      0,
    );
  report((tcp!.sequence + 5) | 0);
  assert.equal(connection.stateName, "SYN-SENT");
  report(tcp!.sequence);
  assert.equal(connection.stateName, "CLOSED");
  assert.equal(connection.takeError(), EHOSTUNREACH);
});

test("a socket may connect to itself", () => {
  const wire = new Wire();
  createLoopback(wire.stack);
  const { tcp } = wire.stack;
  const reservation = tcp.ports.reserve(0, 4000, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  const connection = tcp.connect({ reservation, remoteAddress: 0x7f00_0001, remotePort: 4000 });
  assert.ok(typeof connection !== "number");
  wire.poll();
  assert.equal(connection.stateName, "ESTABLISHED");
  assert.equal(connection.send(Uint8Array.of(1, 2, 3), 0, 3), 3);
  wire.advance(50);
  const into = new Uint8Array(9);
  assert.equal(connection.receive(into, 0, 9), 3);
  connection.close();
  wire.advance(200_000);
  assert.equal([...tcp.entries()].length, 0);
  assert.equal(wire.arena.framesInUse, 0);
});

test("nothing is opened to or from a broadcast or multicast address", () => {
  const wire = new Wire();
  const connect = (remoteAddress: number): unknown => wire.stack.tcp.connect({ remoteAddress, remotePort: 7 });
  for (const address of [0x0a00_00ff, 0xffff_ffff, 0xe000_0001]) assert.equal(connect(address), -ENETUNREACH);
  assert.equal(connect(0x0808_0808), -ENETUNREACH, "no route");
  assert.equal(wire.stack.tcp.ports.size, 0);
});

test("connecting twice from the same port to the same peer gives EADDRNOTAVAIL", () => {
  const wire = new Wire();
  const { tcp } = wire.stack;
  const bind = (): PortReservation => {
    const reservation = tcp.ports.reserve(0, 4000, { reuseAddress: true, reusePort: false });
    assert.ok(typeof reservation !== "number");
    return reservation;
  };
  const [first, second] = [bind(), bind()];
  assert.ok(typeof tcp.connect({ reservation: first, remoteAddress: PEER_ADDRESS, remotePort: 7 }) !== "number");
  const again = tcp.connect({ reservation: second, remoteAddress: PEER_ADDRESS, remotePort: 7 });
  assert.equal(again, -EADDRNOTAVAIL);
  assert.ok(typeof tcp.connect({ reservation: second, remoteAddress: PEER_ADDRESS, remotePort: 8 }) !== "number");
});

test("listeners that share a port with SO_REUSEPORT share the connections", () => {
  const wire = new Wire();
  const { tcp } = wire.stack;
  const listeners = [0, 1, 2].map(() => {
    const reservation = tcp.ports.reserve(0, 80, { reuseAddress: false, reusePort: true });
    assert.ok(typeof reservation !== "number");
    const listener = tcp.listen({ reservation, backlog: 100 });
    assert.ok(typeof listener !== "number");
    return listener;
  });
  for (let k = 0; k < 60; k++) {
    const peer = new Peer(wire, 80, 5000 + k);
    peer.send({ flags: "SYN" });
    peer.expect({ flags: "SYN ACK" });
    peer.send({});
  }
  const counts = listeners.map((listener) => listener.acceptQueueLength);
  assert.equal(
    counts.reduce((a, b) => a + b),
    60,
  );
  for (const count of counts) assert.ok(count > 5, `${counts}`);
});

test("a listener on one address is preferred to one on all", () => {
  const wire = new Wire();
  const all = listenOn(wire, 80);
  assert.equal(all.localAddress, 0);
  const { tcp } = wire.stack;
  assert.equal(tcp.findListener(1, 80), all);
  assert.equal(tcp.findListener(1, 81), null);
  all.close();
  const reservation = tcp.ports.reserve(OUR_ADDRESS, 80, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  const one = tcp.listen({ reservation, backlog: 1 });
  assert.equal(tcp.findListener(OUR_ADDRESS, 80), one);
  assert.equal(tcp.findListener(1, 80), null);
});
