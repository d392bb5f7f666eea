import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions, parseSeconds, parseWhole } from "./options.ts";

const specifications = {
  all: { short: "a", long: "all" },
  long: { short: "l" },
  count: { short: "n", long: "count", value: "NUMBER" },
  color: { long: "color" },
};
const parse = (line: string): unknown => parseOptions(line === "" ? [] : line.split(" "), specifications);

test("the ways to write options", () => {
  assert.deepEqual(parse(""), { values: {}, operands: [] });
  assert.deepEqual(parse("x -al y"), { values: { all: true, long: true }, operands: ["x", "y"] });
  assert.deepEqual(parse("-n5"), { values: { count: "5" }, operands: [] });
  assert.deepEqual(parse("-an 5 x"), { values: { all: true, count: "5" }, operands: ["x"] });
  assert.deepEqual(parse("--count=5 --count 6 --al"), { values: { count: "6", all: true }, operands: [] });
  assert.deepEqual(parse("-n -- -a -- -l"), { values: { count: "--", all: true }, operands: ["-l"] });
  assert.deepEqual(parse("- -- -a"), { values: {}, operands: ["-", "-a"] });
});

test("what is wrong is said", () => {
  assert.equal(parse("-x"), "invalid option -- 'x'");
  assert.equal(parse("-ax"), "invalid option -- 'x'");
  assert.equal(parse("-n"), "option requires an argument -- 'n'");
  assert.equal(parse("--count"), "option '--count' requires an argument");
  assert.equal(parse("--all=1"), "option '--all' doesn't allow an argument");
  assert.equal(parse("--co"), "option '--co' is ambiguous");
  assert.equal(parse("--x"), "unrecognized option '--x'");
});

test("operands may end the options, or look like some", () => {
  assert.deepEqual(parseOptions(["-a", "x", "-l"], specifications, { stopAtOperand: true }), {
    values: { all: true },
    operands: ["x", "-l"],
  });
  const isOperand = (argument: string): boolean => /^-\d+$/.test(argument);
  assert.deepEqual(parseOptions(["-9", "-a"], specifications, { isOperand }), {
    values: { all: true },
    operands: ["-9"],
  });
});

test("numbers", () => {
  assert.equal(parseWhole("10", 0, 10), 10);
  for (const text of ["11", "-1", "", "1x", "0x1", " 1", "1e1"]) assert.equal(parseWhole(text, 0, 10), undefined, text);
  assert.deepEqual(["1", "1.5", ".25", "x", ""].map(parseSeconds), [1000, 1500, 250, undefined, undefined]);
});
