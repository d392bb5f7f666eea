import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Arena, LARGE_FRAME_BYTES, LARGEST_BLOCK_BYTES, SMALL_FRAME_BYTES, sharedArena } from "./arena.ts";

const small = (): Arena => new Arena({ totalBytes: 8 << 20, smallFrames: 50, largeFrames: 3, checked: true });

describe("frames", () => {
  it("start at 2 mod 4 and do not overlap, headroom included", () => {
    const arena = small();
    const taken: { from: number; to: number }[] = [];
    for (const [bytes, count] of [
      [SMALL_FRAME_BYTES, 50],
      [LARGE_FRAME_BYTES, 3],
    ] as const) {
      for (let k = 0; k < count; k++) {
        const frame = arena.allocateFrame(bytes);
        assert.equal(frame % 4, 2);
        taken.push({ from: frame - 18, to: frame + bytes });
      }
      assert.equal(arena.allocateFrame(bytes), 0, "exhausted");
    }
    taken.sort((a, b) => a.from - b.from);
    for (let k = 1; k < taken.length; k++) assert.ok((taken[k]?.from ?? 0) >= (taken[k - 1]?.to ?? 0));
    assert.ok((taken[0]?.from ?? 0) > 0);
    assert.equal(arena.framesInUse, 53);
  });

  it("come back last in, first out", () => {
    const arena = small();
    const a = arena.allocateFrame(60);
    const b = arena.allocateFrame(60);
    arena.freeFrame(a);
    arena.freeFrame(b);
    assert.equal(arena.allocateFrame(60), b);
    assert.equal(arena.allocateFrame(60), a);
    assert.equal(arena.framesInUse, 2);
  });

  it("refuse what no slot can hold", () => {
    const arena = small();
    assert.equal(arena.allocateFrame(LARGE_FRAME_BYTES + 1), 0);
    assert.equal(arena.framesInUse, 0);
  });

  it("a checked arena catches a frame freed twice and an offset that is none", () => {
    const arena = small();
    const frame = arena.allocateFrame(60);
    arena.freeFrame(frame);
    assert.throws(() => arena.freeFrame(frame), /not in use/);
    assert.throws(() => arena.freeFrame(frame + 4), /no frame starts/);
  });
});

describe("blocks", () => {
  it("are powers of two, aligned, apart from each other, and all come back", () => {
    const request = fc.record({ free: fc.boolean(), at: fc.nat(1000), bytes: fc.integer({ min: 1, max: 200_000 }) });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 120 }), (requests) => {
        const arena = small();
        const held: { offset: number; bytes: number; size: number }[] = [];
        for (const { free, at, bytes } of requests) {
          if (free && held.length > 0) {
            const [block] = held.splice(at % held.length, 1);
            if (block !== undefined) arena.freeBlock(block.offset, block.bytes);
            continue;
          }
          const offset = arena.allocateBlock(bytes);
          if (offset === 0) continue;
          const size = Math.max(2048, 2 ** Math.ceil(Math.log2(bytes)));
          assert.equal(offset % Math.min(4096, size), 0);
          assert.ok(offset + size <= arena.totalBytes);
          for (const other of held) {
            assert.ok(offset + size <= other.offset || other.offset + other.size <= offset, "overlap");
          }
          held.push({ offset, bytes, size });
          assert.equal(
            arena.blockBytesInUse,
            held.reduce((sum, block) => sum + block.size, 0),
          );
        }
        for (const block of held) arena.freeBlock(block.offset, block.bytes);
        assert.equal(arena.blockBytesInUse, 0);
        // All of it joins again: the largest block that fits the range can be had.
        assert.notEqual(arena.allocateBlock(4 << 20), 0);
      }),
      { numRuns: 150 },
    );
  });

  it("run out with 0, never an exception, and recover", () => {
    const arena = small();
    const held: number[] = [];
    for (let offset = arena.allocateBlock(4096); offset !== 0; offset = arena.allocateBlock(4096)) held.push(offset);
    assert.ok(held.length > 1900);
    assert.equal(arena.allocateBlock(2048), 0);
    for (const offset of held) arena.freeBlock(offset, 4096);
    assert.notEqual(arena.allocateBlock(4 << 20), 0);
    assert.equal(arena.allocateBlock(LARGEST_BLOCK_BYTES * 2), 0);
  });

  it("throw when freed twice: that is a fault of the kernel, not of a program", () => {
    const arena = small();
    const offset = arena.allocateBlock(4096);
    arena.freeBlock(offset, 4096);
    assert.throws(() => arena.freeBlock(offset, 4096), /not in use/);
  });
});

describe("the memory", () => {
  it("copies in and out by ranges of a buffer", () => {
    const arena = small();
    for (const length of [0, 5, 64, 65, 1000]) {
      const buffer = Uint8Array.from({ length: length + 7 }, (_, k) => k * 7);
      arena.copyIn(100_000, buffer, 3, length);
      const out = new Uint8Array(length + 2).fill(9);
      arena.copyOut(out, 1, 100_000, length);
      assert.deepEqual(out.slice(1, 1 + length), buffer.slice(3, 3 + length));
      assert.equal(out[0], 9);
      assert.equal(out[length + 1], 9);
    }
  });

  it("is one per realm by default, with room for ten thousand connections at both ends", () => {
    const arena = sharedArena();
    assert.equal(sharedArena(), arena);
    assert.ok(arena.smallFrames >= 20_000);
    assert.ok(arena.totalBytes >= 512 << 20);
    const resident = process.memoryUsage().rss;
    assert.ok(resident < 300e6, `creation touches little memory: ${resident}`);
  });
});
