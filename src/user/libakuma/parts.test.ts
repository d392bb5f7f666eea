/** The parts of libakuma that need no kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AkumaError, reason } from "./error.ts";
import { Heap } from "./heap.ts";
import { decodeText } from "./memory.ts";
import { formatIpv4, parseIpv4, SocketAddrV4, splitHostPort } from "./socket-address.ts";

test("blocks never overlap, are aligned, and come back", () => {
  let end = 8192;
  const limit = 4_000_000;
  const heap = new Heap(8192, (address) => {
    if (address > end && address <= limit) end = address;
    return end;
  });
  const action = fc.oneof(fc.record({ size: fc.integer({ min: 0, max: 100_000 }) }), fc.record({ free: fc.nat() }));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const held: [number, number][] = [];
      for (const step of actions) {
        if ("free" in step) {
          const [block] = held.splice(step.free % (held.length || 1), 1);
          if (block !== undefined) heap.free(...block);
          continue;
        }
        const address = heap.tryAllocate(step.size);
        if (address === 0) continue;
        assert.ok(address >= 8192 && address + step.size <= limit && address % 16 === 0);
        for (const [other, size] of held) assert.ok(address + step.size <= other || other + size <= address);
        held.push([address, step.size]);
      }
      for (const block of held) heap.free(...block);
      assert.equal(heap.bytesInUse, 0);
    }),
  );
});

test("addresses", () => {
  assert.equal(parseIpv4("127.0.0.1"), 0x7f000001);
  for (const bad of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.x", " 1.2.3.4", "-1.2.3.4"]) {
    assert.equal(parseIpv4(bad), undefined, bad);
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
      assert.equal(parseIpv4(formatIpv4(address)), address);
      const whole = new SocketAddrV4(address, port);
      assert.deepEqual(SocketAddrV4.parse(String(whole)), whole);
    }),
  );
  assert.deepEqual(splitHostPort("a.b:80"), { host: "a.b", port: 80 });
  for (const bad of ["a", "a:", ":80", "a:65536", "a:-1", "a:1x"]) assert.equal(splitHostPort(bad), undefined, bad);
  assert.throws(() => new SocketAddrV4("x", 1), RangeError);
  assert.throws(() => new SocketAddrV4(1, 70_000), RangeError);
});

test("text is decoded as UTF-8, short or long", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (value) => {
      const encoded = new TextEncoder().encode(`>${value}<`);
      assert.equal(
        decodeText(encoded, 1, encoded.length - 1),
        new TextDecoder("utf-8", { ignoreBOM: false }).decode(new TextEncoder().encode(value)),
      );
    }),
  );
});

test("errors name what was tried and why it failed", () => {
  const error = AkumaError.fromErrno(-111, "connect to 1.2.3.4:5");
  assert.deepEqual([error.kind, error.errno, error.code], ["ConnectionRefused", 111, "ECONNREFUSED"]);
  assert.equal(error.message, "connect to 1.2.3.4:5: Connection refused");
  assert.equal(reason(error), "Connection refused");
  assert.equal(AkumaError.fromErrno(4095, "x").kind, "Uncategorized");
});
