import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHttpDate } from "../http/date.ts";
import { evaluateConditions, rangeStillHolds } from "./conditions.ts";

const modified = Date.UTC(2024, 0, 2, 3, 4, 5);
const validators = { entityTag: '"abc"', lastModified: modified };
const now = modified + 3_600_000;
const at = formatHttpDate(modified);
const before = formatHttpDate(modified - 1000);
const after = formatHttpDate(modified + 1000);

test("conditions in the order of RFC 9110 13.2.2", () => {
  const cases: [Parameters<typeof evaluateConditions>[0], number][] = [
    [{}, 200],
    [{ ifNoneMatch: '"abc"' }, 304],
    [{ ifNoneMatch: 'W/"abc"' }, 304],
    [{ ifNoneMatch: "*" }, 304],
    [{ ifNoneMatch: '"x", W/"abc"' }, 304],
    [{ ifNoneMatch: '"x", "a,b"' }, 200],
    [{ ifNoneMatch: "abc" }, 200],
    [{ ifModifiedSince: at }, 304],
    [{ ifModifiedSince: after }, 304],
    [{ ifModifiedSince: before }, 200],
    [{ ifModifiedSince: "yesterday" }, 200],
    [{ ifNoneMatch: '"x"', ifModifiedSince: at }, 200],
    [{ ifNoneMatch: '"abc"', ifModifiedSince: before }, 304],
    [{ ifMatch: '"abc"' }, 200],
    [{ ifMatch: "*" }, 200],
    [{ ifMatch: 'W/"abc"' }, 412],
    [{ ifMatch: '"x"' }, 412],
    [{ ifUnmodifiedSince: before }, 412],
    [{ ifUnmodifiedSince: at }, 200],
    [{ ifUnmodifiedSince: "never" }, 200],
    [{ ifMatch: '"abc"', ifUnmodifiedSince: before }, 200],
    [{ ifMatch: '"x"', ifNoneMatch: '"abc"' }, 412],
  ];
  for (const [conditions, expected] of cases) {
    assert.equal(evaluateConditions(conditions, validators, now), expected, JSON.stringify(conditions));
  }
});

test("If-Range: strong tag or exact date", () => {
  assert.equal(rangeStillHolds('"abc"', validators, now), true);
  assert.equal(rangeStillHolds('"x"', validators, now), false);
  assert.equal(rangeStillHolds('W/"abc"', validators, now), false);
  assert.equal(rangeStillHolds(at, validators, now), true);
  assert.equal(rangeStillHolds(at, validators, modified), false, "a date of this very second is weak");
  assert.equal(rangeStillHolds(after, validators, now), false);
});
