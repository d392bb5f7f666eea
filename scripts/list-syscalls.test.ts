import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { currentPage, pagePath } from "./list-syscalls.ts";

test("docs/syscalls.md is what the tables give", () => {
  assert.equal(
    readFileSync(pagePath, "utf8"),
    currentPage(),
    "docs/syscalls.md is out of date: run node scripts/list-syscalls.ts",
  );
});
