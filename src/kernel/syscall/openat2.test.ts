/** openat2(2) where the comparison with Linux does not reach: mounts, and links of /proc that lead to objects. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ELOOP, EXDEV } from "../../abi/errno.ts";
import { O_CREAT, O_DIRECTORY, O_RDWR } from "../../abi/file.ts";
import {
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../abi/openat2.ts";
import { mountProc } from "../proc-files.ts";
import { Guest } from "../vfs/guest.fixture.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";

const HOW = 0x6000;

function openat2(guest: Guest, directory: number, path: string, resolve: number, flags = 0): number {
  for (const [index, value] of [flags, flags === 0 ? 0 : 0o644, resolve].entries()) {
    guest.memory.writeInt64(HOW + 8 * index, value);
  }
  return guest.call(437, directory, guest.path(path), HOW, 24);
}

function prepare(): { guest: Guest; directory: number } {
  const guest = new Guest();
  guest.mkdir("/d");
  guest.mkdir("/d/mnt");
  guest.mkdir("/proc");
  guest.put("/d/file", "text");
  assert.equal(guest.mounts.mount("/d/mnt", new MemFs({ clock: guest.clock })), 0);
  assert.equal(mountProc(guest.system, guest.mounts), 0);
  guest.put("/d/mnt/inner", "text");
  guest.symlink("mnt/inner", "/d/over");
  guest.symlink("/proc/self/fd/0", "/d/magic");
  return { guest, directory: guest.open("/d", O_DIRECTORY) };
}

test("no other mount is entered or left", () => {
  const { guest, directory } = prepare();
  assert.ok(openat2(guest, directory, "mnt/inner", 0) >= 0);
  assert.equal(openat2(guest, directory, "mnt/inner", RESOLVE_NO_XDEV), -EXDEV);
  assert.equal(openat2(guest, directory, "mnt", RESOLVE_NO_XDEV), -EXDEV);
  assert.equal(openat2(guest, directory, "over", RESOLVE_NO_XDEV), -EXDEV);
  assert.equal(openat2(guest, directory, "mnt/new", RESOLVE_NO_XDEV, O_CREAT | O_RDWR), -EXDEV);
  assert.ok(openat2(guest, directory, "file", RESOLVE_NO_XDEV) >= 0);
  const inside = guest.open("/d/mnt", O_DIRECTORY);
  assert.equal(openat2(guest, inside, "../file", RESOLVE_NO_XDEV), -EXDEV);
  assert.ok(openat2(guest, inside, "../file", 0) >= 0);
});

test("links that lead to an object are followed only where they may be", () => {
  const { guest, directory } = prepare();
  assert.equal(directory, 0);
  const file = guest.open("/d/file", O_RDWR);
  const magic = `/proc/self/fd/${file}`;
  assert.ok(openat2(guest, directory, magic, 0) >= 0);
  assert.equal(openat2(guest, directory, magic, RESOLVE_NO_MAGICLINKS), -ELOOP);
  assert.equal(openat2(guest, directory, magic, RESOLVE_NO_SYMLINKS), -ELOOP);
  assert.equal(openat2(guest, directory, magic, RESOLVE_NO_XDEV), -EXDEV);
  const descriptors = guest.open("/proc/self/fd", O_DIRECTORY);
  assert.equal(openat2(guest, descriptors, String(file), RESOLVE_BENEATH), -EXDEV);
  assert.equal(openat2(guest, descriptors, String(file), RESOLVE_IN_ROOT), -EXDEV);
  assert.equal(openat2(guest, descriptors, String(file), RESOLVE_NO_MAGICLINKS, O_CREAT | O_RDWR), -ELOOP);
});

test("a restricted walk leaves later ones free", () => {
  const { guest, directory } = prepare();
  assert.equal(openat2(guest, directory, "..", RESOLVE_BENEATH), -EXDEV);
  assert.ok(guest.open("/d/../d/file") >= 0);
  assert.equal(guest.process.fileSystem.restrictions, undefined);
});
