import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeEntropy } from "./entropy.ts";

test("fills just the range it was given, with something else each time", () => {
  const entropy = new NodeEntropy();
  const bytes = new Uint8Array(96);
  entropy.fill(bytes, 32, 32);
  assert.ok(bytes.subarray(0, 32).every((byte) => byte === 0));
  assert.ok(bytes.subarray(64).every((byte) => byte === 0));
  assert.ok(bytes.subarray(32, 64).some((byte) => byte !== 0));
  const other = new Uint8Array(96);
  entropy.fill(other, 32, 32);
  assert.notDeepEqual(bytes, other);
});

test("gives 32 bits at a time, through more than one block", () => {
  const entropy = new NodeEntropy();
  const words = new Set(Array.from({ length: 3000 }, () => entropy.nextUint32()));
  assert.ok(words.size > 2990, "words repeat");
  for (const word of words) assert.ok(Number.isInteger(word) && word >= 0 && word <= 0xffff_ffff);
});
