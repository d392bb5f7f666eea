/** Named pipes as programs use them: fifo(7). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EINTR, ENXIO, EPIPE, ESPIPE } from "../../abi/errno.ts";
import { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, S_IFIFO, S_IFMT } from "../../abi/file.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { Guest, type GuestStat } from "../vfs/guest.fixture.ts";

function withFifo(): Guest {
  const guest = new Guest();
  assert.equal(guest.call(33, -100, guest.path("/p"), S_IFIFO | 0o644, 0), 0);
  return guest;
}

/** An open that may have to wait. */
function openLater(guest: Guest, flags: number): number | Promise<number> {
  return guest.callAny(56, [-100, guest.path("/p"), flags, 0]);
}

const readiness = (guest: Guest, fd: number): number => guest.process.descriptors.get(fd)?.readiness() ?? -1;

test("whoever opens one end waits for the other", async () => {
  for (const [first, second] of [
    [O_RDONLY, O_WRONLY],
    [O_WRONLY, O_RDONLY],
  ] as const) {
    const guest = withFifo();
    const waiting = openLater(guest, first);
    assert.equal(typeof waiting, "object");
    const other = guest.open("/p", second);
    assert.ok(other >= 0);
    // Though the other end is closed again before the one that waited has run.
    guest.close(other);
    guest.run();
    assert.ok((await waiting) >= 0);
  }
});

test("bytes go through; the last writer's end is the end; without a reader it is EPIPE", () => {
  const guest = withFifo();
  const reader = guest.open("/p", O_RDONLY | O_NONBLOCK);
  assert.equal(guest.readText(reader), "", "no writer: end of file");
  assert.equal(readiness(guest, reader) & POLLHUP, 0, "it has not lost a writer yet");
  const writers = [guest.open("/p", O_WRONLY), guest.open("/p", O_WRONLY | O_NONBLOCK)];
  assert.equal(guest.read(reader), -EAGAIN);
  assert.equal(guest.write(writers[0] as number, "one,"), 4);
  assert.equal(guest.write(writers[1] as number, "two"), 3);
  assert.equal(readiness(guest, reader) & POLLIN, POLLIN);
  assert.equal(guest.readText(reader), "one,two");
  guest.close(writers[0] as number);
  assert.equal(guest.read(reader), -EAGAIN);
  guest.close(writers[1] as number);
  assert.equal(readiness(guest, reader) & POLLHUP, POLLHUP);
  assert.equal(guest.readText(reader), "");
  const late = guest.open("/p", O_WRONLY);
  guest.close(reader);
  // The call would raise SIGPIPE beside.
  assert.equal(guest.process.descriptors.get(late)?.write(new Uint8Array(1), 0, 1), -EPIPE);
});

test("O_NONBLOCK, O_RDWR, and what is left when all have gone", () => {
  const guest = withFifo();
  assert.equal(guest.open("/p", O_WRONLY | O_NONBLOCK), -ENXIO);
  const both = guest.open("/p", O_RDWR);
  assert.equal(guest.write(both, "kept"), 4);
  assert.equal(readiness(guest, both), readiness(guest, both) & ~POLLHUP);
  assert.equal(readiness(guest, both) & (POLLIN | POLLOUT), POLLIN | POLLOUT);
  assert.equal(guest.readText(both, 2), "ke");
  assert.equal(guest.seek(both, 0), -ESPIPE);
  assert.equal((guest.fstat(both) as GuestStat).mode & S_IFMT, S_IFIFO);
  guest.close(both);
  const again = guest.open("/p", O_RDONLY | O_NONBLOCK);
  assert.equal(guest.readText(again), "", "a FIFO keeps nothing when nobody has it open");
  assert.equal(guest.unlink("/p"), 0);
  guest.close(again);
  assert.deepEqual(guest.list("/"), []);
});

test("a signal ends the waiting, and leaves no end open", async () => {
  const guest = withFifo();
  const waiting = openLater(guest, O_RDONLY);
  const [task] = [...guest.process.parked];
  assert.ok(task);
  task.isInterrupted = true;
  task.wake();
  guest.run();
  assert.equal(await waiting, -EINTR);
  assert.equal(guest.open("/p", O_WRONLY | O_NONBLOCK), -ENXIO);
});
