import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inspectExecutable } from "./executable.ts";

const folder = mkdtempSync(join(tmpdir(), "akuma-executable-"));
after(() => rmSync(folder, { recursive: true }));

function stored(contents: string | Uint8Array): string {
  const path = join(folder, "file");
  writeFileSync(path, contents);
  return path;
}

/** The header of an executable, with one program header behind it. */
function elf(machine: number, interpreter: string | null): Buffer {
  const bytes = Buffer.alloc(64 + 56 + 64);
  bytes.write("\x7fELF\x02\x01\x01", "latin1");
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(interpreter === null ? 1 : 3, 64);
  bytes.writeBigUInt64LE(120n, 64 + 8);
  bytes.writeBigUInt64LE(BigInt((interpreter ?? "").length + 1), 64 + 32);
  bytes.write(interpreter ?? "", 120);
  return bytes;
}

test("executables and scripts, and what they need", () => {
  assert.deepEqual(inspectExecutable(stored(elf(183, null))), { interpreter: null, isScript: false });
  assert.deepEqual(inspectExecutable(stored(elf(183, "/lib/ld-linux-aarch64.so.1"))), {
    interpreter: "/lib/ld-linux-aarch64.so.1",
    isScript: false,
  });
  assert.deepEqual(inspectExecutable(stored("#! /bin/sh -e\n")), { interpreter: "/bin/sh", isScript: true });
  assert.deepEqual(inspectExecutable(stored("#!")), { interpreter: null, isScript: true });
});

test("what guests cannot run is told apart", () => {
  assert.throws(
    () => inspectExecutable(stored(elf(62, null))),
    /is machine code for x86-64: guests run that of Linux on arm64/,
  );
  assert.throws(() => inspectExecutable(stored(elf(9999, null))), /machine 9999/);
  const narrow = elf(183, null);
  narrow[4] = 1;
  assert.throws(() => inspectExecutable(stored(narrow)), /another kind of arm64/);
  assert.throws(() => inspectExecutable(stored("text")), /neither an executable/);
  assert.throws(() => inspectExecutable(stored("")), /neither an executable/);
  assert.throws(() => inspectExecutable(join(folder, "missing")), /cannot read .*missing/);
  // Headers that lead nowhere.
  const far = elf(183, "/lib/x");
  far.writeBigUInt64LE(0xffff_ffff_ffff_ff00n, 32);
  assert.equal(inspectExecutable(stored(far)).interpreter, null);
  far.writeBigUInt64LE(2n ** 40n, 32);
  assert.equal(inspectExecutable(stored(far)).interpreter, null);
});
