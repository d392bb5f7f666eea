import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ENOEXEC } from "../../abi/errno.ts";
import { O_RDONLY } from "../../abi/file.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { OpenFile } from "../file/open-file.ts";
import { writeFile } from "../vfs/kernel-files.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";
import { MountTable } from "../vfs/mount-table.ts";
import { openPath } from "../vfs/open-path.ts";
import { type ElfImage, readElf } from "./elf.ts";

const fixtures = join(import.meta.dirname, "../../../test/fixtures");

function fileOf(bytes: Uint8Array): OpenFile {
  const root = new MountTable(new MemFs({ clock: new VirtualClock(), maximumBytes: 1 << 24 })).root();
  const context = { root, workingDirectory: root, umask: 0 };
  writeFile(context, "/program", bytes);
  return (openPath(context, "/program", O_RDONLY) as OpenFile).retain();
}

const program = readFileSync(join(fixtures, "akuma/httpd.elf"));

/** What readElf makes of the program after a change of its bytes. */
function changed(change: (view: DataView, bytes: Uint8Array) => void): ElfImage | number {
  const bytes = Uint8Array.from(program);
  change(new DataView(bytes.buffer), bytes);
  return readElf(fileOf(bytes));
}

test("every fixture is read as it lies in its file", () => {
  const files = globSync("{akuma,linux}/*.elf", { cwd: fixtures });
  assert.ok(files.length >= 8);
  for (const name of files) {
    const image = readElf(fileOf(readFileSync(join(fixtures, name))));
    if (typeof image === "number") assert.fail(`${name}: ${image}`);
    assert.deepEqual([image.isPositionIndependent, image.interpreter, image.isGo], [false, null, false]);
    assert.equal(image.start, 0x400000);
    assert.ok(image.entry > image.start && image.entry < image.end && image.headerAddress === 0x400040);
  }
});

test("what is no program for this machine is ENOEXEC", () => {
  const loadHeader = 64;
  for (const change of [
    (view: DataView) => view.setUint8(0, 0x7e),
    (view: DataView) => view.setUint8(4, 1),
    (view: DataView) => view.setUint8(5, 2),
    (view: DataView) => view.setUint16(16, 1, true),
    (view: DataView) => view.setUint16(18, 62, true),
    (view: DataView) => view.setUint16(54, 32, true),
    (view: DataView) => view.setUint16(56, 0, true),
    (view: DataView) => view.setUint16(56, 0xffff, true),
    (view: DataView) => view.setBigUint64(32, 1n << 60n, true),
    (view: DataView) => view.setBigUint64(24, 1n << 40n, true),
    // The first segment: more bytes in the file than in memory, beyond 32 bits, not where its page is.
    (view: DataView) => view.setBigUint64(loadHeader + 40, 1n, true),
    (view: DataView) => view.setBigUint64(loadHeader + 16, 1n << 33n, true),
    (view: DataView) => view.setBigUint64(loadHeader + 16, 0x400001n, true),
  ]) {
    assert.equal(changed(change), -ENOEXEC, String(change));
  }
  for (const length of [0, 3, 4, 63, 64, 119]) {
    assert.equal(readElf(fileOf(program.subarray(0, length))), -ENOEXEC);
  }
});

test("Go's programs are told by the section that their runtime reads", () => {
  const names = new TextEncoder().encode("\0.text\0.gopclntab\0");
  const image = changed((view, bytes) => {
    const sections = 0x300;
    bytes.fill(0, sections, sections + 128);
    view.setBigUint64(40, BigInt(sections), true);
    view.setUint16(58, 64, true);
    view.setUint16(62, 1, true);
    view.setBigUint64(sections + 64 + 24, 0x400n, true);
    view.setBigUint64(sections + 64 + 32, BigInt(names.length), true);
    bytes.set(names, 0x400);
  });
  assert.equal(typeof image === "number" ? image : image.isGo, true);
});
