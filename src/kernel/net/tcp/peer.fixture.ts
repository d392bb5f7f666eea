/**
 * A scripted TCP peer for tests: says what goes over the wire in either direction, so that a test reads as a dialogue. Sequence
 * numbers are relative: our side's and the peer's first byte after the SYN both have number 1.
 */
import assert from "node:assert/strict";
import { finishSum, pseudoHeaderSum, sumBytes } from "../../../base/checksum.ts";
import { type TcpOptionValues, writeTcp } from "../wire/tcp.ts";
import {
  bytesOf,
  type Decoded,
  ethernetFrame,
  ipPacket,
  OUR_ADDRESS,
  PEER_ADDRESS,
  Wire,
  type WireOptions,
} from "../wire-peer.fixture.ts";
import type { TcpConnection } from "./connection.ts";
import type { TcpSocketOptions } from "./connection-options.ts";
import type { TcpListener } from "./listener.ts";

export interface Said {
  /** "SYN ACK", "FIN ACK" … */
  flags?: string;
  seq?: number;
  ack?: number;
  window?: number;
  data?: Uint8Array | string;
  options?: TcpOptionValues;
  urgent?: number;
}

const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];

export function flagsOf(text: string): number {
  let flags = 0;
  for (const word of text.split(" ")) {
    const bit = FLAGS.indexOf(word);
    assert.ok(bit >= 0, `no flag ${word}`);
    flags |= 1 << bit;
  }
  return flags;
}

export const flagText = (flags: number): string => FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join(" ");

const PEER_INITIAL = 0x7fff_ff00 | 0;
const lengthOf = (data: Uint8Array | string | undefined): number => (data === undefined ? 0 : data.length);

/** One conversation with the stack on the other end of the wire. */
export class Peer {
  readonly wire: Wire;
  readonly ourPort: number;
  readonly peerPort: number;
  /** The stack's initial sequence number, once seen. */
  ourInitial = 0;
  peerInitial = PEER_INITIAL;
  /** Next sequence number the peer uses when none is said, and what it acknowledges. */
  next = 0;
  acknowledged = 0;
  window = 65_535;
  /** The peer's timestamp clock; null: no timestamps. */
  timestamp: number | null = null;
  lastEcho = 0;
  lastSeen: Decoded | null = null;

  constructor(wire: Wire, ourPort: number, peerPort: number) {
    this.wire = wire;
    this.ourPort = ourPort;
    this.peerPort = peerPort;
  }

  /** The raw frame of a segment from the peer. */
  frame(said: Said): Uint8Array {
    const data = typeof said.data === "string" ? bytesOf(said.data) : (said.data ?? new Uint8Array(0));
    const flags = flagsOf(said.flags ?? "ACK");
    const options: TcpOptionValues = { ...said.options };
    if (this.timestamp !== null && options.timestampValue === undefined && (flags & 4) === 0) {
      options.timestampValue = this.timestamp;
    }
    if (options.timestampValue !== undefined) options.timestampEcho ??= this.lastEcho;
    const header = new Uint8Array(60);
    const headerLength = writeTcp(header, 0, {
      sourcePort: this.peerPort,
      destinationPort: this.ourPort,
      sequence: (this.peerInitial + (said.seq ?? this.next)) | 0,
      acknowledgment: (flags & 16) !== 0 ? (this.ourInitial + (said.ack ?? this.acknowledged)) | 0 : 0,
      flags,
      window: said.window ?? this.window,
      urgentPointer: said.urgent ?? 0,
      options,
    });
    const segment = new Uint8Array(headerLength + data.length);
    segment.set(header.subarray(0, headerLength));
    segment.set(data, headerLength);
    const sum = pseudoHeaderSum(PEER_ADDRESS, OUR_ADDRESS, 6, segment.length) + sumBytes(segment, 0, segment.length);
    const checksum = finishSum(sum);
    segment[16] = checksum;
    segment[17] = checksum >>> 8;
    return ethernetFrame(ipPacket({ protocol: 6 }, segment));
  }

  /** The peer sends. Its own sequence number moves on unless `seq` was said. */
  send(said: Said = {}): this {
    const frame = this.frame(said);
    if (said.seq === undefined) {
      const flags = flagsOf(said.flags ?? "ACK");
      this.next += lengthOf(said.data) + ((flags >> 1) & 1) + (flags & 1);
    }
    this.wire.send(frame);
    return this;
  }

  /** The stack must have sent this next. What is not named is not compared; the peer acknowledges it from now on. */
  expect(said: Said): Decoded {
    const seen = this.wire.recv();
    const { tcp } = seen;
    assert.ok(tcp, "a TCP segment");
    assert.equal(tcp.destinationPort, this.peerPort);
    if (said.flags !== undefined) {
      assert.equal(flagText(tcp.flags & ~8), flagText(flagsOf(said.flags) & ~8), "flags");
      if (said.flags.includes("PSH")) assert.ok((tcp.flags & 8) !== 0, "PSH");
    }
    const relative = (tcp.sequence - this.ourInitial) | 0;
    if ((tcp.flags & 2) !== 0) this.ourInitial = tcp.sequence;
    else if (said.seq !== undefined) assert.equal(relative, said.seq, "sequence number");
    if (said.ack !== undefined) assert.equal((tcp.acknowledgment - this.peerInitial) | 0, said.ack, "acknowledgment");
    if (said.window !== undefined) assert.equal(tcp.window, said.window, "window");
    if (said.data !== undefined) {
      const data = typeof said.data === "string" ? bytesOf(said.data) : said.data;
      assert.deepEqual(seen.data, data, "data");
    }
    if (said.options !== undefined) {
      for (const [name, value] of Object.entries(said.options)) {
        assert.deepEqual(tcp.options[name as keyof TcpOptionValues], value, name);
      }
    }
    const end = ((tcp.sequence - this.ourInitial) | 0) + seen.data.length + ((tcp.flags >> 1) & 1) + (tcp.flags & 1);
    if ((tcp.flags & 2) !== 0 || (end > this.acknowledged && (tcp.flags & 4) === 0)) this.acknowledged = end;
    if (tcp.options.timestampValue !== undefined) this.lastEcho = tcp.options.timestampValue;
    this.lastSeen = seen;
    return seen;
  }

  /** The SACK blocks of what was seen last, relative. */
  get sackBlocks(): number[] {
    return (this.lastSeen?.tcp?.options.sackBlocks ?? []).map((edge) => (edge - this.peerInitial) | 0);
  }

  expectSilence(): this {
    this.wire.expectSilence();
    return this;
  }

  advance(milliseconds: number): this {
    this.wire.advance(milliseconds);
    if (this.timestamp !== null) this.timestamp += Math.floor(milliseconds);
    return this;
  }

  poll(): this {
    this.wire.poll();
    return this;
  }
}

export interface Opening extends WireOptions {
  socket?: TcpSocketOptions;
  /** Options of the peer's SYN; default MSS 1460 alone. */
  offer?: TcpOptionValues;
  peerWindow?: number;
  backlog?: number;
}

export interface Opened {
  wire: Wire;
  peer: Peer;
  connection: TcpConnection;
  listener?: TcpListener;
}

export function listenOn(wire: Wire, port: number, backlog = 8, options?: TcpSocketOptions): TcpListener {
  const reservation = wire.stack.tcp.ports.reserve(0, port, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  const listener = wire.stack.tcp.listen({ reservation, backlog, ...(options === undefined ? {} : { options }) });
  assert.ok(typeof listener !== "number");
  return listener;
}

export function connectTo(wire: Wire, port: number, options?: TcpSocketOptions): TcpConnection {
  const connection = wire.stack.tcp.connect({
    remoteAddress: PEER_ADDRESS,
    remotePort: port,
    ...(options === undefined ? {} : { options }),
  });
  assert.ok(typeof connection !== "number");
  return connection;
}

/** The peer connects to a listener of ours on port 80, and the connection is accepted. */
export function openPassively(opening: Opening = {}): Opened {
  const wire = new Wire(opening);
  const listener = listenOn(wire, 80, opening.backlog ?? 8, opening.socket);
  const peer = new Peer(wire, 80, 5000);
  if (opening.peerWindow !== undefined) peer.window = opening.peerWindow;
  const offer = opening.offer ?? { maximumSegmentSize: 1460 };
  if (offer.timestampValue !== undefined) peer.timestamp = offer.timestampValue;
  peer.send({ flags: "SYN", options: offer });
  peer.expect({ flags: "SYN ACK", ack: 1 });
  peer.send({});
  peer.expectSilence();
  const connection = listener.accept();
  assert.ok(connection);
  return { wire, peer, connection, listener };
}

/** We connect to port 7 of the peer. */
export function openActively(opening: Opening = {}): Opened {
  const wire = new Wire(opening);
  const connection = connectTo(wire, 7, opening.socket);
  const peer = new Peer(wire, connection.localPort, 7);
  if (opening.peerWindow !== undefined) peer.window = opening.peerWindow;
  wire.poll();
  peer.expect({ flags: "SYN" });
  const offer = opening.offer ?? { maximumSegmentSize: 1460 };
  if (offer.timestampValue !== undefined) peer.timestamp = offer.timestampValue;
  peer.send({ flags: "SYN ACK", options: offer });
  peer.expect({ flags: "ACK", seq: 1, ack: 1 });
  return { wire, peer, connection };
}

/** Sends all of `data` or fails. */
export function write(opened: Opened, data: Uint8Array | string, more = false): void {
  const bytes = typeof data === "string" ? bytesOf(data) : data;
  assert.equal(opened.connection.send(bytes, 0, bytes.length, more), bytes.length);
  opened.wire.poll();
}

/** Everything that can be read now. */
export function read(opened: Opened): Uint8Array {
  const into = new Uint8Array(1 << 20);
  const length = opened.connection.receive(into, 0, into.length);
  opened.wire.poll();
  assert.ok(length >= 0, `receive gives ${length}`);
  return into.slice(0, length);
}
