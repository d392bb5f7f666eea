import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { assembleChecksumKernel } from "../../scripts/build-checksum-kernel.ts";
import { Arena } from "./arena.ts";
import { finishSum, foldSum, pseudoHeaderSum, sumBytes } from "./checksum.ts";
import { checksumKernelBytes } from "./checksum-wasm.ts";

/** The checksum as the RFC words it: big-endian 16-bit words, one byte pair after the other. */
function naiveChecksum(bytes: Uint8Array, offset: number, length: number): number {
  let sum = 0;
  for (let k = 0; k < length; k += 2) {
    sum += ((bytes[offset + k] as number) << 8) + (k + 1 < length ? (bytes[offset + k + 1] as number) : 0);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}

const swap16 = (half: number): number => ((half & 0xff) << 8) | (half >>> 8);
const MEMORY_BYTES = 1 << 20;
const accelerated = new Arena({ totalBytes: MEMORY_BYTES, smallFrames: 8, largeFrames: 2 });
const plain = new Arena({ totalBytes: MEMORY_BYTES, smallFrames: 8, largeFrames: 2, webAssembly: false });

describe("the Internet checksum", () => {
  it("gives RFC 1071's example", () => {
    // Section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2 in network order.
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    assert.equal(swap16(sumBytes(bytes, 0, 8)), 0xddf2);
    for (const arena of [accelerated, plain]) {
      arena.bytes.set(bytes, 1000);
      assert.equal(swap16(arena.sum(1000, 8)), 0xddf2);
      assert.equal(swap16(finishSum(arena.sum(1000, 8))), 0x220d);
    }
  });

  it("sums a pseudo-header as if it stood in memory", () => {
    const header = Uint8Array.of(10, 0, 2, 15, 192, 168, 255, 1, 0, 17, 0x12, 0x34);
    assert.equal(foldSum(pseudoHeaderSum(0x0a00020f, 0xc0a8ff01, 17, 0x1234)), sumBytes(header, 0, 12));
  });

  it("runs as WebAssembly here, and without it where it must", () => {
    assert.equal(accelerated.isAccelerated, true);
    assert.equal(plain.isAccelerated, false);
  });

  for (const [name, arena] of [
    ["WebAssembly", accelerated],
    ["JavaScript", plain],
  ] as const) {
    it(`${name}: any bytes at any alignment sum as the RFC says`, () => {
      const input = fc.record({
        bytes: fc.uint8Array({ maxLength: 3000 }),
        at: fc.integer({ min: 0, max: 70 }),
        to: fc.integer({ min: 0, max: 70 }),
        initial: fc.integer({ min: 0, max: 0x7fff_ffff }),
      });
      fc.assert(
        fc.property(input, ({ bytes, at, to, initial }) => {
          const from = 4096 + at;
          const target = 65_536 + to;
          arena.bytes.fill(0xaa, target - 8, target + bytes.length + 8);
          arena.bytes.fill(0x55, from - 8, from + bytes.length + 8);
          arena.bytes.set(bytes, from);
          const expected = naiveChecksum(bytes, 0, bytes.length);
          assert.equal(swap16(finishSum(arena.sum(from, bytes.length))), expected);
          assert.equal(swap16(finishSum(arena.copyAndSum(target, from, bytes.length))), expected);
          assert.deepEqual(arena.bytes.slice(target, target + bytes.length), bytes);
          // Not one byte beside the range is touched.
          assert.ok(arena.bytes.subarray(target - 8, target).every((byte) => byte === 0xaa));
          assert.ok(arena.bytes.subarray(target + bytes.length, target + bytes.length + 8).every((b) => b === 0xaa));
          assert.equal(
            foldSum(arena.sum(from, bytes.length, initial)),
            foldSum(foldSum(initial) + sumBytes(bytes, 0, bytes.length)),
          );
        }),
        { numRuns: 300 },
      );
    });

    it(`${name}: a long run of ones neither overflows nor turns to zero`, () => {
      const length = 900_001;
      arena.bytes.fill(0xff, 8192, 8192 + length);
      assert.equal(arena.sum(8192, length - 1), 0xffff);
      assert.equal(arena.sum(8192, length), foldSum(0xffff + 0xff));
      arena.bytes.fill(0, 8192, 8192 + length);
      assert.equal(arena.sum(8192, length), 0);
    });

    it(`${name}: copies overlapping ranges either way`, () => {
      for (const shift of [-3, 3]) {
        const source = Uint8Array.from({ length: 100 }, (_, k) => k);
        arena.bytes.set(source, 5000);
        arena.copy(5000 + shift, 5000, 100);
        assert.deepEqual(arena.bytes.slice(5000 + shift, 5100 + shift), source);
      }
    });
  }

  it("ships the bytes that its WAT source gives", async () => {
    assert.deepEqual(Buffer.from(checksumKernelBytes()), Buffer.from(await assembleChecksumKernel()));
  });
});
