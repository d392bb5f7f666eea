/** The small parts, each against a plainer form of itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextBelow, SeededRandom } from "../../../base/random.ts";
import { readTcpOptions, type TcpOptionValues, writeTcpOptions } from "../wire/tcp.ts";
import { ConnectionTable } from "./connection-table.ts";
import { Segment } from "./header.ts";
import { SequenceIntervals } from "./intervals.ts";
import { SequenceSecrets } from "./isn.ts";
import { readOptions, type SynOffer, writeSynOptions } from "./options.ts";
import { windowScaleFor } from "./receive.ts";
import { isAtMost, isBefore, swap16, swap32 } from "./sequence.ts";
import { sipHash, sipResult } from "./siphash.ts";
import { checkCookie, decodeSackPermitted, decodeWindowScale, encodeTimestamp, makeCookie } from "./syn-cookies.ts";

test("sequence arithmetic wraps", () => {
  const int32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
  fc.assert(
    fc.property(int32, fc.integer({ min: 1, max: 0x7fff_ffff }), (a, step) => {
      const b = (a + step) | 0;
      assert.ok(isBefore(a, b) && !isBefore(b, a) && !isBefore(a, a));
      assert.ok(isAtMost(a, b) && isAtMost(a, a) && !isAtMost(b, a));
    }),
  );
  assert.equal(swap32(0x0102_0304), 0x0403_0201);
  assert.equal(swap32(0x8000_0000 | 0), 0x80);
  assert.equal(swap16(0x0102), 0x0201);
});

test("SipHash-2-4 gives its authors' test vector", () => {
  const words = [0x0302_0100, 0x0706_0504, 0x0b0a_0908, 0x0f0e_0d0c] as const;
  sipHash(Int32Array.from(words), ...words);
  const bytes = Buffer.from(sipResult.buffer);
  assert.equal(bytes.toString("hex"), "db9bc2577fcc2a3f");
});

test("initial sequence numbers grow with the clock and differ from one four-tuple to the next", () => {
  const secrets = new SequenceSecrets(new Uint8Array(16).fill(5));
  const at = (now: number, ports = 1): number => secrets.initialSequence(1, 2, ports, now);
  assert.equal((at(1000) - at(0)) | 0, 250_000, "a tick every 4 µs");
  assert.notEqual(at(0, 1), at(0, 2));
  assert.equal(at(2 ** 40), at(2 ** 40));
  assert.ok(Number.isInteger(at(123_456.789)));
  assert.notEqual(new SequenceSecrets(new Uint8Array(16).fill(6)).initialSequence(1, 2, 1, 0), at(0));
  assert.equal(secrets.timestampOffset(1, 2), secrets.timestampOffset(1, 2));
});

/** The same as a set of numbers. */
class NaiveIntervals {
  readonly members = new Set<number>();
  add(from: number, to: number): number {
    const before = this.members.size;
    for (let k = from; k < to; k++) this.members.add(k);
    return this.members.size - before;
  }
  trim(edge: number): void {
    for (const member of this.members) if (member < edge) this.members.delete(member);
  }
}

test("intervals hold what a set of numbers holds, across the wrap of sequence numbers", () => {
  const step = fc.record({ from: fc.nat(200), length: fc.integer({ min: 1, max: 40 }), trim: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(0, 0x7fff_ffc0, -100), (steps, base) => {
      const intervals = new SequenceIntervals(1000);
      const naive = new NaiveIntervals();
      const at = (offset: number): number => (base + offset) | 0;
      for (const { from, length, trim } of steps) {
        if (trim) {
          intervals.trim(at(from));
          naive.trim(from);
        } else assert.equal(intervals.add(at(from), at(from + length)), naive.add(from, from + length));
        assert.equal(intervals.total, naive.members.size);
        let listed = 0;
        for (let k = 0; k < intervals.count; k++) {
          listed += (intervals.end(k) - intervals.start(k)) | 0;
          if (k > 0) assert.ok(((intervals.start(k) - intervals.end(k - 1)) | 0) > 0, "apart and ascending");
        }
        assert.equal(listed, intervals.total);
        for (let k = 0; k < 250; k += 7) assert.equal(intervals.contains(at(k)), naive.members.has(k));
        const within = [...naive.members].filter((member) => member >= 50 && member < 150).length;
        assert.equal(intervals.bytesWithin(at(50), at(150)), within);
      }
    }),
    { numRuns: 200 },
  );
});

test("intervals have a limit", () => {
  const intervals = new SequenceIntervals(2);
  assert.equal(intervals.add(0, 10), 10);
  assert.equal(intervals.add(20, 30), 10);
  assert.equal(intervals.add(40, 50), -1);
  assert.equal(intervals.total, 20);
  assert.equal(intervals.add(10, 20), 10, "what joins ranges is welcome");
  assert.equal(intervals.count, 1);
});

test("the connection table finds what a map finds", () => {
  const random = new SeededRandom(3);
  const table = new ConnectionTable<{ keyRemote: number; keyLocal: number; keyPorts: number }>(random);
  const map = new Map<string, { keyRemote: number; keyLocal: number; keyPorts: number }>();
  for (let round = 0; round < 20_000; round++) {
    const keyRemote = nextBelow(random, 4) | 0;
    const keyLocal = (nextBelow(random, 3) - 1) | 0;
    const keyPorts = (nextBelow(random, round < 10_000 ? 400 : 8) << 16) | 0x5000;
    const key = `${keyRemote} ${keyLocal} ${keyPorts}`;
    const known = map.get(key);
    assert.equal(table.find(keyRemote, keyLocal, keyPorts), known ?? null);
    if (known !== undefined) {
      table.remove(known);
      table.remove(known);
      map.delete(key);
    } else {
      const entry = { keyRemote, keyLocal, keyPorts };
      table.insert(entry);
      map.set(key, entry);
    }
    assert.equal(table.size, map.size);
  }
  assert.deepEqual(new Set(table.entries()), new Set(map.values()));
  for (const entry of map.values()) table.remove(entry);
  assert.equal(table.size, 0);
});

test("options are read as the wire codec reads them, whatever the bytes", () => {
  const segment = new Segment();
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(
      [2, 4, 5, 180],
      [3, 3, 7],
      [4, 2],
      [8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
      [1],
      [5, 10, 0, 0, 0, 1, 0, 0, 0, 9],
      [5, 18, ...new Array<number>(16).fill(200)],
      [0],
      [99, 3, 0],
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const bytes = Uint8Array.from(pieces.flatMap((part) => [...part])).slice(0, 40);
      const expected = readTcpOptions(bytes, 0, bytes.length);
      readOptions(bytes, 0, bytes.length, segment);
      assert.equal(segment.maximumSegmentSize, expected.maximumSegmentSize ?? 0);
      assert.equal(segment.windowScale, expected.windowScale ?? -1);
      assert.equal(segment.sackPermitted, expected.sackPermitted ?? false);
      assert.equal(segment.hasTimestamp, expected.timestampValue !== undefined);
      if (segment.hasTimestamp) {
        assert.equal(segment.timestampValue, (expected.timestampValue ?? 0) | 0);
        assert.equal(segment.timestampEcho, (expected.timestampEcho ?? 0) | 0);
      }
      const edges = [...segment.sackEdges.subarray(0, 2 * segment.sackBlocks)];
      assert.deepEqual(edges, (expected.sackBlocks ?? []).slice(0, 8));
    }),
    { numRuns: 500 },
  );
});

test("the options of a SYN say what the wire codec would say", () => {
  const offers = fc.record({
    maximumSegmentSize: fc.integer({ min: 1, max: 65_535 }),
    sackPermitted: fc.boolean(),
    timestamps: fc.boolean(),
    timestampValue: fc.integer(),
    timestampEcho: fc.integer(),
    windowScale: fc.integer({ min: -1, max: 14 }),
  });
  fc.assert(
    fc.property(offers, (offer: SynOffer) => {
      const words = new Int32Array(10);
      const count = writeSynOptions(words, offer);
      const bytes = new Uint8Array(words.buffer, 0, 4 * count);
      const expected: TcpOptionValues = { maximumSegmentSize: offer.maximumSegmentSize };
      if (offer.windowScale >= 0) expected.windowScale = offer.windowScale;
      if (offer.sackPermitted) expected.sackPermitted = true;
      if (offer.timestamps) {
        expected.timestampValue = offer.timestampValue >>> 0;
        expected.timestampEcho = offer.timestampEcho >>> 0;
      }
      assert.deepEqual(readTcpOptions(bytes, 0, bytes.length), expected);
      assert.ok(bytes.length <= 20);
      const other = new Uint8Array(40);
      assert.equal(bytes.length, (writeTcpOptions(other, 0, expected) + 3) & ~3);
    }),
  );
});

test("cookies: what went in comes out, for a minute or two, and nothing else passes", () => {
  const key = Int32Array.of(1, 2, 3, 4);
  const segment = new Segment();
  const at = (sequence: number, acknowledgment: number): Segment => {
    segment.keyRemote = 0x0200_000a;
    segment.keyLocal = 0x0100_000a;
    segment.keyPorts = 0x5000_1234;
    segment.sequence = sequence;
    segment.acknowledgment = acknowledgment;
    return segment;
  };
  for (const [offered, kept] of [
    [0, 536],
    [1460, 1460],
    [1459, 1440],
    [9000, 8960],
    [1, 536],
  ] as const) {
    segment.maximumSegmentSize = offered;
    const cookie = makeCookie(key, at(77, 0), 1_000_000);
    assert.equal(checkCookie(key, at(78, cookie + 1), 1_000_000), kept);
    assert.equal(checkCookie(key, at(78, cookie + 1), 1_060_000), kept);
    assert.equal(checkCookie(key, at(78, cookie + 1), 1_200_000), 0, "too old");
    assert.equal(checkCookie(key, at(79, cookie + 1), 1_000_000), 0, "another sequence number");
    assert.equal(checkCookie(key, at(78, cookie + 2), 1_000_000), 0);
    assert.equal(checkCookie(Int32Array.of(1, 2, 3, 5), at(78, cookie + 1), 1_000_000), 0, "another key");
    // The counter's five bits come round after 34 minutes: the keyed hash still knows better.
    assert.equal(checkCookie(key, at(78, cookie + 1), 1_000_000 + 32 * 64_000), 0);
  }
});

test("options in a timestamp: they come back, and the clock is never ahead", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: -1, max: 14 }), fc.boolean(), (clock, scale, sack) => {
      const value = encodeTimestamp(clock, scale, sack);
      assert.equal(decodeWindowScale(value), scale);
      assert.equal(decodeSackPermitted(value), sack);
      const behind = (clock - value) | 0;
      assert.ok(behind >= 0 && behind < 64);
    }),
  );
});

test("the window scale is the smallest that will do", () => {
  assert.equal(windowScaleFor(4096), 0);
  assert.equal(windowScaleFor(65_535), 0);
  assert.equal(windowScaleFor(65_536), 1);
  assert.equal(windowScaleFor(4 << 20), 7);
  assert.equal(windowScaleFor(2 ** 31), 14);
});
