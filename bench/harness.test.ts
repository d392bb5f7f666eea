/** The arithmetic of the harness, on a bench whose values are known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatNumber, median, quantile, runBench } from "./harness.ts";

test("median and quantiles, of odd and even counts and of none", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(quantile([0, 10], 0.25), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("variants take turns, the first round does not count, and ratios are taken round by round", async () => {
  const order: string[] = [];
  const own = [99, 10, 40, 30];
  const base = [1, 5, 10, 10];
  let closed = false;
  const results = await runBench({
    name: "b",
    what: "",
    rounds: 3,
    open: () => ({
      variants: [
        { name: "own", unit: "u", measure: () => own[order.push("own") >> 1] ?? 0 },
        { name: "base", unit: "u", measure: async () => base[(order.push("base") >> 1) - 1] ?? 0 },
      ],
      against: "base",
      targets: { own: "2 ×" },
      close: () => {
        closed = true;
      },
    }),
  });
  assert.deepEqual(order.slice(0, 4), ["own", "base", "own", "base"]);
  assert.deepEqual(results[0], {
    name: "b/own",
    value: 30,
    unit: "u",
    against: "base",
    ratio: 3,
    target: "2 ×",
    quartiles: [20, 35],
  });
  assert.equal(results[1]?.ratio, null);
  assert.ok(closed);
});

test("numbers are printed with three digits", () => {
  assert.deepEqual([0.01234, 1.5, 12345.6, Number.NaN].map(formatNumber), ["0.0123", "1.5", "12,346", "–"]);
});
