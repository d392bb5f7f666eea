import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { UdpEndpoint } from "../udp/endpoint.ts";
import { ethernetFrame, ipPacket, PEER_ADDRESS, pattern, udpSegment, Wire } from "../wire-peer.fixture.ts";
import { MAXIMUM_REASSEMBLIES } from "./reassembly.ts";

interface Piece {
  offset: number;
  bytes: Uint8Array;
  more: boolean;
}

/** Cuts at the given multiples of eight bytes. */
function cut(payload: Uint8Array, cuts: readonly number[]): Piece[] {
  const ends = [...new Set(cuts)].filter((at) => at > 0 && at < payload.length).sort((a, b) => a - b);
  ends.push(payload.length);
  let from = 0;
  return ends.map((end) => {
    const piece = { offset: from, bytes: payload.subarray(from, end), more: end < payload.length };
    from = end;
    return piece;
  });
}

function fragment(piece: Piece, header: Parameters<typeof ipPacket>[0] = {}): Uint8Array {
  const place = { fragmentOffset: piece.offset, moreFragments: piece.more };
  return ethernetFrame(ipPacket({ ...place, ...header }, piece.bytes));
}

function listening(): { wire: Wire; endpoint: UdpEndpoint; read: () => Uint8Array | number } {
  const wire = new Wire({ mtu: 1500 });
  const endpoint = wire.stack.udp.open();
  endpoint.receiveBufferBytes = 1 << 20;
  endpoint.bindForeign(0, 7);
  const read = (): Uint8Array | number => {
    const buffer = new Uint8Array(65_536);
    const got = endpoint.receive(buffer, 0, buffer.length);
    return got < 0 ? got : buffer.slice(0, got);
  };
  return { wire, endpoint, read };
}

describe("reassembly", () => {
  it("puts any fragments together, in any order, duplicates and all", () => {
    const input = fc.record({
      length: fc.integer({ min: 0, max: 5000 }),
      cuts: fc.array(
        fc.nat(600).map((units) => units * 8),
        { maxLength: 12 },
      ),
      order: fc.array(fc.nat(), { minLength: 13, maxLength: 13 }),
      twice: fc.nat(12),
    });
    fc.assert(
      fc.property(input, ({ length, cuts, order, twice }) => {
        const { wire, read } = listening();
        const content = pattern(length);
        const pieces = cut(udpSegment(content), cuts);
        const shuffled = pieces.map((piece, k) => ({ piece, rank: order[k] ?? 0 })).sort((a, b) => a.rank - b.rank);
        const frames = shuffled.map(({ piece }) => fragment(piece));
        const again = frames[twice % frames.length];
        if (again !== undefined && frames.length > 1) frames.splice(twice % frames.length, 0, again);
        for (const frame of frames) wire.send(frame);
        assert.deepEqual(read(), content);
        wire.advance(31_000);
        assert.equal(wire.arena.framesInUse, 0);
      }),
      { numRuns: 60 },
    );
  });

  it("takes the longest datagram there is", () => {
    const { wire, read } = listening();
    const content = pattern(65_507);
    const pieces = cut(
      udpSegment(content),
      Array.from({ length: 50 }, (_, k) => k * 1480),
    );
    for (const piece of pieces.reverse()) wire.send(fragment(piece));
    assert.deepEqual(read(), content);
    assert.equal(wire.stack.counters.IpReasmOKs, 1);
  });

  it("gives a small datagram a small frame", () => {
    const { wire, read } = listening();
    for (const piece of cut(udpSegment(pattern(100)), [56])) wire.send(fragment(piece));
    assert.equal(wire.arena.largeFramesInUse, 0);
    assert.deepEqual(read(), pattern(100));
  });

  it("keeps datagrams apart by source, destination, protocol and identification", () => {
    const { wire, read } = listening();
    const first = cut(udpSegment(pattern(64)), [32]);
    const second = cut(udpSegment(pattern(64).reverse(), { source: PEER_ADDRESS + 1 }), [32]);
    wire.send(fragment(first[0] as Piece));
    wire.send(fragment(second[0] as Piece, { source: PEER_ADDRESS + 1 }));
    wire.send(fragment(first[1] as Piece, { identification: 78 }));
    assert.equal(read(), -11);
    wire.send(fragment(second[1] as Piece, { source: PEER_ADDRESS + 1 }));
    assert.deepEqual(read(), pattern(64).reverse());
    wire.send(fragment(first[1] as Piece));
    assert.deepEqual(read(), pattern(64));
  });

  it("drops a datagram whose fragments overlap (RFC 5722)", () => {
    const { wire, read } = listening();
    const segment = udpSegment(pattern(64));
    const [a, b] = cut(segment, [32]) as [Piece, Piece];
    wire.send(fragment(a));
    wire.send(fragment({ offset: 24, bytes: segment.subarray(24), more: false }));
    wire.send(fragment(b));
    assert.equal(read(), -11);
    assert.equal(wire.stack.counters.IpExtReasmOverlaps, 1);
    // Same place, other bytes: an overlap too.
    wire.send(fragment(a, { identification: 9 }));
    wire.send(fragment({ ...a, bytes: a.bytes.map((byte) => byte ^ 1) }, { identification: 9 }));
    wire.send(fragment(b, { identification: 9 }));
    assert.equal(read(), -11);
    assert.equal(wire.stack.counters.IpExtReasmOverlaps, 2);
  });

  it("drops what contradicts itself or the format", () => {
    const { wire, read } = listening();
    const segment = udpSegment(pattern(64));
    const [a, b] = cut(segment, [32]) as [Piece, Piece];
    const sendAll = (identification: number, ...pieces: Piece[]): void => {
      for (const piece of pieces) wire.send(fragment(piece, { identification }));
      assert.equal(read(), -11);
    };
    // Data behind the end.
    sendAll(1, b, { offset: 80, bytes: pattern(8), more: true }, a);
    // Two different ends.
    sendAll(2, b, { offset: 64, bytes: pattern(24), more: false }, a);
    // An end before what is already there.
    sendAll(3, { offset: 64, bytes: pattern(24), more: true }, { offset: 32, bytes: pattern(8), more: false }, a);
    // A middle fragment that is no multiple of eight, an empty one, and one beyond 65,535 (the "ping of death").
    const before = wire.stack.counters.IpReasmFails;
    sendAll(4, { offset: 0, bytes: pattern(30), more: true });
    sendAll(5, { offset: 0, bytes: pattern(0), more: true });
    sendAll(6, { offset: 65_528, bytes: pattern(64), more: false });
    assert.equal(wire.stack.counters.IpReasmFails, before + 3);
    wire.advance(31_000);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("lets no TCP header be spread over fragments (RFC 3128)", () => {
    const { wire } = listening();
    wire.send(fragment({ offset: 0, bytes: pattern(8), more: true }, { protocol: 6 }));
    wire.send(fragment({ offset: 8, bytes: pattern(40), more: false }, { protocol: 6 }));
    assert.equal(wire.stack.counters.IpReasmFails, 2);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("gives up after thirty seconds, and says so if it has the first fragment", () => {
    const { wire } = listening();
    const [a, b] = cut(udpSegment(pattern(64)), [32]) as [Piece, Piece];
    wire.send(fragment(a));
    wire.advance(10_000);
    wire.send(fragment(b, { identification: 5 }));
    wire.advance(19_999);
    wire.expectSilence();
    wire.advance(1);
    const { icmp, data } = wire.recv();
    assert.deepEqual([icmp?.type, icmp?.code], [11, 1]);
    assert.deepEqual(data.subarray(20, 52), a.bytes);
    wire.advance(10_000);
    wire.expectSilence();
    assert.equal(wire.stack.counters.IpReasmTimeout, 2);
    assert.equal(wire.arena.framesInUse, 0);
    assert.equal(wire.stack.pollAt(), Number.POSITIVE_INFINITY);
  });

  it("bounds how many it collects: the oldest gives way", () => {
    const { wire, read } = listening();
    const [a, b] = cut(udpSegment(pattern(64)), [32]) as [Piece, Piece];
    for (let k = 0; k <= MAXIMUM_REASSEMBLIES; k++) wire.send(fragment(a, { identification: 1000 + k }));
    assert.equal(wire.stack.ipv4.reassembly.size, MAXIMUM_REASSEMBLIES);
    assert.equal(wire.arena.framesInUse, MAXIMUM_REASSEMBLIES);
    wire.send(fragment(b, { identification: 1000 }));
    assert.equal(read(), -11);
    wire.send(fragment(b, { identification: 1000 + MAXIMUM_REASSEMBLIES }));
    assert.deepEqual(read(), pattern(64));
  });
});
