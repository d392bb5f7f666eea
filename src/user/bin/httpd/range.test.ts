import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseRange } from "./range.ts";

test("ranges of a file of 100 bytes", () => {
  const cases: [string, unknown][] = [
    ["bytes=0-0", [{ start: 0, end: 1 }]],
    ["bytes=0-", [{ start: 0, end: 100 }]],
    ["bytes=90-200", [{ start: 90, end: 100 }]],
    ["bytes=-10", [{ start: 90, end: 100 }]],
    ["bytes=-1000", [{ start: 0, end: 100 }]],
    ["BYTES = 5-6", [{ start: 5, end: 7 }]],
    [
      "bytes=0-1, ,5-6",
      [
        { start: 0, end: 2 },
        { start: 5, end: 7 },
      ],
    ],
    ["bytes=0-1,200-", [{ start: 0, end: 2 }]],
    ["bytes=100-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=100-,200-300", "unsatisfiable"],
    ["bytes=5-4", "ignore"],
    ["bytes=", "ignore"],
    ["bytes=a-b", "ignore"],
    ["bytes=-", "ignore"],
    ["bytes=1-2-3", "ignore"],
    ["items=0-1", "ignore"],
    ["0-1", "ignore"],
    [`bytes=${"0-1,".repeat(17)}`, "ignore"],
    ["bytes=0-,0-,0-", "ignore"],
  ];
  for (const [field, expected] of cases) assert.deepEqual(parseRange(field, 100), expected, field);
  assert.equal(parseRange("bytes=0-", 0), "unsatisfiable");
  assert.equal(parseRange("bytes=-1", 0), "unsatisfiable");
});

test("whatever is asked for, ranges lie in the file", () => {
  const number = fc.oneof(fc.nat(200), fc.constant(""), fc.bigInt({ min: 0n, max: 10n ** 30n }));
  const specification = fc.tuple(number, number).map(([a, b]) => `${a}-${b}`);
  fc.assert(
    fc.property(fc.array(specification, { minLength: 1, maxLength: 20 }), fc.nat(150), (list, size) => {
      const ranges = parseRange(`bytes=${list.join(",")}`, size);
      if (typeof ranges === "string") return;
      for (const { start, end } of ranges) assert.ok(start >= 0 && start < end && end <= size);
    }),
  );
});
