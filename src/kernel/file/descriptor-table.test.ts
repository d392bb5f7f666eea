import assert from "node:assert/strict";
import { test } from "node:test";
import { EBADF, EMFILE, ENFILE } from "../../abi/errno.ts";
import { FD_CLOEXEC } from "../../abi/file.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { DescriptorTable } from "./descriptor-table.ts";
import { EventFile } from "./eventfd.ts";
import { type OpenFile, OpenFileCount, type ReleaseListener } from "./open-file.ts";

setLockChecking(true);

function make(count = new OpenFileCount()): { table: DescriptorTable; count: OpenFileCount; file: () => EventFile } {
  return { table: new DescriptorTable(count, 8), count, file: () => new EventFile(count, 0, false, 0) };
}

test("gives out the lowest free number", () => {
  const { table, file } = make();
  assert.deepEqual(
    [0, 1, 2, 3].map(() => table.install(file())),
    [0, 1, 2, 3],
  );
  assert.equal(table.close(1), 0);
  assert.equal(table.close(1), -EBADF);
  assert.equal(table.install(file(), 0, 2), 4);
  assert.equal(table.install(file()), 1);
  assert.equal(table.install(file()), 5);
  assert.deepEqual(table.descriptors(), [0, 1, 2, 3, 4, 5]);
});

test("EMFILE at the process's limit and ENFILE at the system's, with nothing kept", () => {
  const { table, count, file } = make(new OpenFileCount(10));
  for (let k = 0; k < 8; k++) assert.equal(table.install(file()), k);
  assert.equal(table.checkRoom(), -EMFILE);
  assert.equal(table.install(file()), -EMFILE);
  assert.equal(count.current, 8);
  const other = new DescriptorTable(count, 8);
  assert.equal(other.install(file()), 0);
  assert.equal(other.install(file()), 1);
  assert.equal(other.install(file()), -ENFILE);
  assert.equal(other.checkRoom(), -ENFILE);
  // A further number for a description that counts already needs no new one.
  const known = other.get(0) as OpenFile;
  assert.equal(other.install(known), 2);
  assert.equal(other.installAt(5, file(), 0), -ENFILE);
  table.closeAll();
  other.closeAll();
  assert.equal(count.current, 0);
});

test("installAt replaces and releases what stood there", () => {
  const { table, count, file } = make();
  table.install(file());
  const kept = file();
  assert.equal(table.installAt(0, kept, FD_CLOEXEC), 0);
  assert.equal(count.current, 1);
  assert.equal(table.installAt(8, file(), 0), -EBADF);
  assert.equal(table.installAt(6, kept, 0), 6);
  assert.equal(kept.references, 2);
  const child = table.inherit(true);
  assert.deepEqual(child.descriptors(), [6]);
  assert.equal(kept.references, 3);
  child.closeAll();
  table.closeAll();
  assert.equal(count.current, 0);
});

test("tells release listeners once, when the last reference goes", () => {
  const { table, file } = make();
  const told: string[] = [];
  const listener = (name: string): ReleaseListener => ({ fileReleased: () => void told.push(name) });
  const watched = file();
  const first = listener("first");
  const second = listener("second");
  const third = listener("third");
  for (const one of [first, second, second, third]) watched.onRelease(one);
  watched.offRelease(third);
  table.install(watched);
  table.install(watched);
  table.close(0);
  assert.deepEqual(told, []);
  table.close(1);
  assert.deepEqual(told, ["first", "second"]);
});
