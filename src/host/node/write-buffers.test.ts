import assert from "node:assert/strict";
import { test } from "node:test";
import { LARGE_WRITE_BYTES, SMALL_WRITE_BYTES, WriteBuffers } from "./write-buffers.ts";

test("one buffer serves until a write must wait with it, and comes back afterwards", () => {
  const buffers = new WriteBuffers();
  const small = buffers.current(100);
  assert.equal(small.length, SMALL_WRITE_BYTES);
  assert.equal(buffers.current(SMALL_WRITE_BYTES), small);
  const large = buffers.current(SMALL_WRITE_BYTES + 1);
  assert.equal(large.length, LARGE_WRITE_BYTES);
  buffers.detach(large);
  assert.notEqual(buffers.current(1 << 20), large);
  assert.equal(buffers.detachedBytes, LARGE_WRITE_BYTES);
  buffers.release(large);
  assert.equal(buffers.detachedBytes, 0);
});

test("many slow readers get small buffers: what waits is bounded", () => {
  const buffers = new WriteBuffers();
  const waiting = Array.from({ length: 10_000 }, () => {
    const buffer = buffers.current(1 << 20);
    buffers.detach(buffer);
    return buffer;
  });
  assert.equal(new Set(waiting).size, waiting.length, "no two writes share a buffer");
  assert.ok(buffers.detachedBytes < 10_000 * SMALL_WRITE_BYTES + 128 * LARGE_WRITE_BYTES);
  for (const buffer of waiting) buffers.release(buffer);
  assert.equal(buffers.detachedBytes, 0);
  assert.equal(buffers.current(1 << 20).length, LARGE_WRITE_BYTES);
});
