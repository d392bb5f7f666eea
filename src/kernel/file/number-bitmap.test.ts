import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NumberBitmap } from "./number-bitmap.ts";

test("behaves as a set of numbers that knows its lowest absent one", () => {
  const number = fc.oneof(fc.nat(40), fc.nat(3000), fc.constantFrom(31, 32, 33, 1023, 1024, 1025));
  const step = fc.record({ kind: fc.constantFrom("add", "remove", "lowest"), number });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const bitmap = new NumberBitmap();
      const model = new Set<number>();
      for (const { kind, number: value } of steps) {
        if (kind === "add") {
          bitmap.add(value);
          model.add(value);
        } else if (kind === "remove") {
          bitmap.remove(value);
          model.delete(value);
        } else {
          let expected = value;
          while (model.has(expected)) expected++;
          assert.equal(bitmap.lowestAbsent(value), expected);
        }
        assert.equal(bitmap.has(value), model.has(value));
      }
    }),
    { numRuns: 300 },
  );
});

test("fills up word by word and past its first size", () => {
  const bitmap = new NumberBitmap();
  for (let expected = 0; expected < 5000; expected++) {
    assert.equal(bitmap.lowestAbsent(), expected);
    bitmap.add(expected);
  }
  bitmap.remove(31);
  bitmap.remove(4097);
  assert.equal(bitmap.lowestAbsent(), 31);
  assert.equal(bitmap.lowestAbsent(32), 4097);
  assert.equal(bitmap.lowestAbsent(4098), 5000);
});
