import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RangeSet } from "./range-set.ts";

const SPAN = 64;

test("a range set is the set of numbers that went in and did not come out", () => {
  const step = fc.record({ adds: fc.boolean(), start: fc.nat(SPAN), length: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(SPAN), fc.nat(SPAN), (steps, a, b) => {
      const set = new RangeSet();
      const model = new Set<number>();
      for (const { adds, start, length } of steps) {
        if (adds) set.add(start, start + length);
        else set.remove(start, start + length);
        for (let k = start; k < start + length; k++) {
          if (adds) model.add(k);
          else model.delete(k);
        }
        let previousEnd = -1;
        let count = 0;
        const copy = new RangeSet();
        copy.addAll(set);
        copy.forEach((from, to) => {
          assert.ok(from > previousEnd && to > from, "sorted, disjoint, not touching");
          previousEnd = to;
          for (let k = from; k < to; k++) assert.ok(model.has(k));
          count += to - from;
        });
        assert.equal(count, model.size);
        assert.equal(set.size, model.size);
        assert.equal(set.isEmpty, model.size === 0);
      }
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      let within = 0;
      set.forEachWithin(from, to, (start, end) => {
        assert.ok(start >= from && end <= to && start < end);
        within += end - start;
      });
      assert.equal(within, [...model].filter((k) => k >= from && k < to).length);
      assert.equal(set.overlap(from, to), within);
      set.clear();
      assert.ok(set.isEmpty);
    }),
  );
});

test("nothing lies within an empty range", () => {
  const set = new RangeSet();
  set.add(49, 64);
  set.forEachWithin(63, 63, () => assert.fail());
  assert.equal(set.overlap(63, 63), 0);
});
