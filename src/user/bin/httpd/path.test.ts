import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePath, encodePath } from "./path.ts";

function decode(path: string): string | number {
  const bytes = new TextEncoder().encode(path);
  const into = new Uint8Array(bytes.length + 20);
  const length = decodePath(bytes, 0, bytes.length, into, 10);
  return length < 0 ? length : new TextDecoder().decode(into.subarray(10, 10 + length));
}

test("paths of requests become paths of files", () => {
  const cases: [string, string | number][] = [
    ["/", "/"],
    ["/a", "/a"],
    ["/a/", "/a/"],
    ["//a///b//", "/a/b/"],
    ["/./a/./b/.", "/a/b/"],
    ["/a/../b", "/b"],
    ["/a/..", "/"],
    ["/a/b/../..", "/"],
    ["/a/b/../../c/", "/c/"],
    ["/%41%2d%7E", "/A-~"],
    ["/%e4%bd%A0", "/你"],
    ["/..", -400],
    ["/../a", -400],
    ["/a/../..", -400],
    ["/%2e%2e/a", -400],
    ["/a/.%2e/%2E./b", -400],
    ["/%2f..%2f", -404],
    ["/a%2fb", -404],
    ["/%00", -400],
    ["/%", -400],
    ["/%4", -400],
    ["/%zz", -400],
    ["/...", "/..."],
    ["/..a/.b", "/..a/.b"],
    ["/a%5c..", "/a\\.."],
  ];
  for (const [path, expected] of cases) assert.equal(decode(path), expected, path);
});

test("no path leaves its folder, and a decoded path decodes to itself", () => {
  const segment = fc.constantFrom("..", ".", "a", "%2e%2e", "%2E.", ".%2e", "", "b%20c", "%2f", "...", "%", "%00", "é");
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 12 }), (segments) => {
      const decoded = decode(`/${segments.join("/")}`);
      if (typeof decoded === "number") return;
      assert.ok(decoded.startsWith("/"));
      const parts = decoded.split("/").slice(1, -1);
      assert.ok(
        parts.every((part) => part !== "" && part !== "." && part !== ".."),
        decoded,
      );
      assert.notEqual(decoded.split("/").pop(), "..");
      const bytes = new TextEncoder().encode(decoded);
      assert.equal(decode(encodePath(bytes, 0, bytes.length)), decoded);
    }),
    { numRuns: 500 },
  );
});
