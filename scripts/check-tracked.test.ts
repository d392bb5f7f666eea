/** The check of tracked files finds planted lines, and lets ordinary ones be. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { findForbidden } from "./check-tracked.ts";

test("registry addresses, resolved addresses and machine paths are found, with their line", () => {
  for (const line of [
    `      "resolved": "${"https"}://example.org/a.tgz",`,
    `npm --registry=${"https"}://registry.example.org`,
    `cd ${resolve(import.meta.dirname, "..")}/src`,
    "open /home/somebody/project/a.ts",
    "open /Users/somebody/a.ts",
  ]) {
    const found = findForbidden(`first\n${line}\n`);
    assert.equal(found.length, 1, line);
    assert.match(found[0] ?? "", /^2: /);
  }
});

test("ordinary addresses and paths are no findings", () => {
  assert.deepEqual(
    findForbidden("http://127.0.0.1:8080 /home/user/x /proc/self/fd https://www.rfc-editor.org/rfc/rfc9293"),
    [],
  );
});
