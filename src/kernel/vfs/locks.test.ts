/** The lock hierarchy in the room of files: mount table, then file systems; nothing held when a call ends or waits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoLockHeld, LockOrderError, type RankedLock, setLockChecking } from "../../base/ranked-lock.ts";
import { Guest } from "./guest.fixture.ts";
import { MemFs } from "./memfs/memfs.ts";

/** Notes the order in which two locks are taken and given back. */
function watch(guest: Guest): string[] {
  const log: string[] = [];
  const fileSystem = guest.mounts.root().mount.fileSystem as MemFs;
  for (const lock of [guest.mounts.lock, fileSystem.lock] as RankedLock[]) {
    const acquire = lock.acquire.bind(lock);
    const release = lock.release.bind(lock);
    lock.acquire = () => {
      log.push(`+${lock.name}`);
      acquire();
    };
    lock.release = () => {
      log.push(`-${lock.name}`);
      release();
    };
  }
  return log;
}

test("what may meet a mount point takes the mount table first", () => {
  setLockChecking(true);
  const guest = new Guest();
  guest.put("/f", "");
  guest.mkdir("/d");
  const log = watch(guest);
  const nested = ["+mount table", "+memfs", "-memfs", "-mount table"];
  for (const work of [() => guest.rename("/f", "/g"), () => guest.unlink("/g"), () => guest.rmdir("/d")]) {
    log.length = 0;
    assert.equal(work(), 0);
    assert.deepEqual(log, nested);
    assertNoLockHeld("after the call");
  }
  log.length = 0;
  assert.equal(guest.mkdir("/e"), 0);
  assert.deepEqual(log, ["+memfs", "-memfs"]);
});

test("errors give the locks back too", () => {
  setLockChecking(true);
  const guest = new Guest();
  guest.mkdir("/d");
  guest.mkdir("/d/e");
  guest.put("/f", "");
  const log = watch(guest);
  for (const result of [
    guest.rmdir("/d"),
    guest.rename("/d", "/d/e/x"),
    guest.rename("/f", "/d"),
    guest.unlink("/no"),
    guest.mkdir("/f"),
    guest.mounts.mount("/", new MemFs({ clock: guest.clock })),
    guest.mounts.unmount("/"),
  ]) {
    assert.ok(result < 0);
  }
  assert.equal(log.filter((line) => line.startsWith("+")).length, log.filter((line) => line.startsWith("-")).length);
  assertNoLockHeld("after errors");
});

test("the wrong order, and a lock held across the end of a call, are found", () => {
  setLockChecking(true);
  const guest = new Guest();
  const { lock } = guest.mounts.root().mount.fileSystem as MemFs;
  lock.acquire();
  assert.throws(() => guest.mounts.lock.acquire(), LockOrderError);
  assert.throws(() => guest.stat("/"), LockOrderError);
  setLockChecking(true);
});
