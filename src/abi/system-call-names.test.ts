import assert from "node:assert/strict";
import { test } from "node:test";
import { systemCallName } from "./system-call-names.ts";

test("numbers have the names of Linux on arm64", () => {
  const known = { 0: "io_setup", 56: "openat", 79: "newfstatat", 93: "exit", 220: "clone", 260: "wait4", 293: "rseq" };
  for (const [number, name] of Object.entries({
    ...known,
    424: "pidfd_send_signal",
    435: "clone3",
    449: "futex_waitv",
  }))
    assert.equal(systemCallName(Number(number)), name);
  for (const number of [244, 300, 301, 403, 1000]) assert.equal(systemCallName(number), undefined);
});
