import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openCapture } from "./capture.ts";

test("a capture holds what it was given, in order, once it is closed", () => {
  const folder = mkdtempSync(join(tmpdir(), "akuma-"));
  const path = join(folder, "packets.pcap");
  const capture = openCapture(path);
  const expected: number[] = [];
  for (let k = 0; k < 300; k++) {
    const bytes = new Uint8Array(1500).fill(k);
    expected.push(...bytes);
    capture.sink(bytes);
  }
  assert.ok(readFileSync(path).length >= 256 * 1024, "large captures are not kept in memory");
  capture.close();
  capture.sink(new Uint8Array(1));
  capture.close();
  assert.deepEqual([...readFileSync(path)], expected);
  rmSync(folder, { recursive: true });
});

test("a file that cannot be opened throws; a disk that is full ends the capture and is told once", () => {
  assert.throws(() => openCapture("/nonexistent/packets.pcap"), { code: "ENOENT" });
  const errors: string[] = [];
  const capture = openCapture("/dev/full", (error) => errors.push((error as NodeJS.ErrnoException).code ?? ""));
  for (let k = 0; k < 3; k++) capture.sink(new Uint8Array(300_000));
  capture.close();
  assert.deepEqual(errors, ["ENOSPC"]);
});
