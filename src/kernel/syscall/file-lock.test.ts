/** Locks between processes: who is kept out, who waits, deadlock, and what the end of a process lets go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EDEADLK, EINTR } from "../../abi/errno.ts";
import { F_GETLK, F_RDLCK, F_SETLK, F_SETLKW, F_UNLCK, F_WRLCK, LOCK_EX, LOCK_NB } from "../../abi/file.ts";
import type { Process } from "../task/process.ts";
import { Guest } from "../vfs/guest.fixture.ts";

const [OPEN, FCNTL, FLOCK] = [56, 25, 32];
const LOCK = 0x6000;

/** Three processes with the file "f" open as descriptor 0. */
function prepare(): { guest: Guest; processes: readonly [Process, Process, Process] } {
  const guest = new Guest();
  guest.put("/f", "0123456789");
  const processes = [guest.process, guest.makeProcess("linux"), guest.makeProcess("linux")] as const;
  for (const process of processes) assert.equal(guest.callAny(OPEN, [-100, guest.path("/f"), 2, 0], process), 0);
  return { guest, processes };
}

function lock(
  guest: Guest,
  process: Process,
  command: number,
  type: number,
  start = 0,
  length = 0,
): number | Promise<number> {
  guest.memory.bytes.fill(0, LOCK, LOCK + 32);
  guest.memory.writeUint16(LOCK, type);
  guest.memory.writeInt64(LOCK + 8, start);
  guest.memory.writeInt64(LOCK + 16, length);
  return guest.callAny(FCNTL, [0, command, LOCK], process);
}

test("a process keeps others out of its range, and is told to them", () => {
  const { guest, processes } = prepare();
  const [first, second] = processes;
  assert.equal(lock(guest, first, F_SETLK, F_WRLCK, 2, 3), 0);
  assert.equal(lock(guest, second, F_SETLK, F_RDLCK, 0, 3), -EAGAIN);
  assert.equal(lock(guest, second, F_SETLK, F_RDLCK, 0, 2), 0);
  assert.equal(lock(guest, second, F_GETLK, F_RDLCK, 0, 0), 0);
  assert.equal(guest.memory.readUint16(LOCK), F_WRLCK);
  assert.equal(guest.memory.readInt64(LOCK + 8), 2);
  assert.equal(guest.memory.readInt64(LOCK + 16), 3);
  assert.equal(guest.memory.readInt32(LOCK + 24), first.processId);
  assert.equal(lock(guest, first, F_GETLK, F_RDLCK, 0, 0), 0);
  assert.equal(guest.memory.readUint16(LOCK), F_UNLCK);
});

test("a waiter goes on when the range is free, and the end of a process frees it", async () => {
  const { guest, processes } = prepare();
  const [first, second, third] = processes;
  assert.equal(lock(guest, first, F_SETLK, F_WRLCK), 0);
  const waiting = lock(guest, second, F_SETLKW, F_WRLCK, 4, 1);
  assert.ok(typeof waiting !== "number");
  first.exit(0);
  guest.run();
  assert.equal(await waiting, 0);
  assert.equal(lock(guest, third, F_SETLK, F_WRLCK, 4, 1), -EAGAIN);
  assert.equal(lock(guest, third, F_SETLK, F_WRLCK, 5, 1), 0);
});

test("a circle of waiters is a deadlock for the one who would close it", async () => {
  const { guest, processes } = prepare();
  for (const [index, process] of processes.entries()) {
    assert.equal(lock(guest, process, F_SETLK, F_WRLCK, index, 1), 0);
  }
  const first = lock(guest, processes[0], F_SETLKW, F_WRLCK, 1, 1);
  const second = lock(guest, processes[1], F_SETLKW, F_WRLCK, 2, 1);
  assert.equal(lock(guest, processes[2], F_SETLKW, F_WRLCK, 0, 1), -EDEADLK);
  // The first stops waiting: then there is no circle.
  processes[0].interruptOneTask();
  guest.run();
  assert.equal(await first, -EINTR);
  const third = lock(guest, processes[2], F_SETLKW, F_WRLCK, 0, 1);
  assert.ok(typeof third !== "number");
  processes[0].exit(0);
  guest.run();
  assert.equal(await third, 0);
  processes[2].exit(0);
  guest.run();
  assert.equal(await second, 0);
});

test("children share a description's flock, and not the process's locks", () => {
  const { guest, processes } = prepare();
  const [first, second, third] = processes;
  const inherited = first.descriptors.get(0);
  assert.ok(inherited !== null);
  second.descriptors.installAt(0, inherited, 0);
  assert.equal(guest.callAny(FLOCK, [0, LOCK_EX], first), 0);
  assert.equal(guest.callAny(FLOCK, [0, LOCK_EX | LOCK_NB], second), 0);
  assert.equal(guest.callAny(FLOCK, [0, LOCK_EX | LOCK_NB], third), -EAGAIN);
  first.exit(0);
  assert.equal(guest.callAny(FLOCK, [0, LOCK_EX | LOCK_NB], third), -EAGAIN);
  second.exit(0);
  assert.equal(guest.callAny(FLOCK, [0, LOCK_EX | LOCK_NB], third), 0);
});

test("nothing is kept of locks once the files are closed", () => {
  const { guest, processes } = prepare();
  const { locks } = guest.system.openFiles;
  assert.equal(lock(guest, processes[0], F_SETLK, F_WRLCK, 2, 3), 0);
  assert.equal([...locks.all()].length, 1);
  for (const process of processes) process.exit(0);
  assert.equal([...locks.all()].length, 0);
});
