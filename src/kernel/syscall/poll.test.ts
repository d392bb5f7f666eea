import assert from "node:assert/strict";
import { test } from "node:test";
import { EBADF, EFAULT, EINTR, EINVAL } from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT } from "../../abi/poll.ts";
import { SA_RESTART, SIGALRM, SIGUSR1 } from "../../abi/signal.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

setLockChecking(true);

const PSELECT6 = 72;
const PPOLL = 73;
const CLOSE = 57;
const READ = 63;
const WRITE = 64;

function pollfds(program: TestProgram, ...entries: (readonly [number, number])[]): number {
  const address = program.place(8 * Math.max(1, entries.length));
  for (const [index, [fd, events]] of entries.entries()) {
    program.memory.writeUint32(address + 8 * index, fd);
    program.memory.writeUint16(address + 8 * index + 4, events);
  }
  return address;
}

function revents(program: TestProgram, address: number, index: number): number {
  return program.memory.readUint16(address + 8 * index + 6);
}

test("reports what is ready, and nothing else", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const fds = pollfds(program, [readFd, POLLIN], [writeFd, POLLOUT | POLLIN], [-1, POLLIN], [55, POLLIN]);
  assert.equal(program.call(PPOLL, fds, 4, program.timespec(0), 0, 0), 2);
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => revents(program, fds, index)),
    [0, POLLOUT, 0, POLLNVAL],
  );
  program.call(WRITE, writeFd, program.put("x"), 1);
  assert.equal(program.call(PPOLL, fds, 1, 0, 0, 0), 1);
  assert.equal(revents(program, fds, 0), POLLIN);
  program.call(CLOSE, writeFd);
  assert.equal(program.call(PPOLL, fds, 1, 0, 0, 0), 1);
  assert.equal(revents(program, fds, 0), POLLIN | POLLHUP);
});

test("waits, wakes, and tells what was left of the timeout", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const fds = pollfds(program, [readFd, POLLIN]);
  const timeout = program.timespec(10);
  const polling = program.wait(PPOLL, fds, 1, timeout, 0, 0);
  kernel.advance(4000);
  assert.equal(polling.result, null);
  program.call(WRITE, writeFd, program.put("x"), 1);
  kernel.run();
  assert.equal(polling.result, 1);
  assert.equal(program.memory.readInt64(timeout), 6);

  program.call(READ, readFd, program.place(4), 4);
  const second = program.wait(PPOLL, fds, 1, timeout, 0, 0);
  kernel.advance(5999);
  assert.equal(second.result, null);
  kernel.advance(1);
  assert.equal(second.result, 0);
  assert.equal(program.memory.readInt64(timeout), 0);
});

test("a wake-up for something else does not end the wait", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const buffer = program.place(4);
  const fds = pollfds(program, [readFd, POLLIN]);
  const polling = program.wait(PPOLL, fds, 1, 0, 0, 0);
  program.call(WRITE, writeFd, program.put("x"), 1);
  program.call(READ, readFd, buffer, 1);
  kernel.run();
  assert.equal(polling.result, null);
  // A descriptor that is closed while it is polled is no longer one.
  program.call(CLOSE, readFd);
  kernel.run();
  assert.equal(polling.result, 1);
  assert.equal(revents(program, fds, 0), POLLNVAL);
});

test("a signal handler ends it with EINTR, SA_RESTART or not; the mask of ppoll holds for its time", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const { signals } = program.process;
  const handled: number[] = [];
  signals.deliver = (signal) => handled.push(signal);
  signals.setAction(SIGUSR1, { handler: 0x1234, flags: SA_RESTART, mask: 0n });
  const polling = program.wait(PPOLL, 0, 0, 0, 0, 0);
  signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(polling.result, -EINTR);
  assert.deepEqual(handled, [SIGUSR1]);

  const usr1 = 1n << BigInt(SIGUSR1 - 1);
  const mask = program.place(8);
  program.memory.view.setBigUint64(mask, usr1, true);
  const masked = program.wait(PPOLL, 0, 0, 0, mask, 8);
  signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(masked.result, null);
  signals.setAction(SIGALRM, { handler: 0x1234, flags: 0, mask: 0n });
  signals.raise(SIGALRM);
  kernel.run();
  assert.equal(masked.result, -EINTR);
  // With the old mask back, the signal that was held up comes through.
  assert.deepEqual(handled, [SIGUSR1, SIGALRM, SIGUSR1]);
  assert.equal(signals.blocked, 0n);

  // And the other way round: pending and blocked before, let through by the call's mask.
  signals.setBlocked(usr1);
  signals.raise(SIGUSR1);
  program.memory.view.setBigUint64(mask, 0n, true);
  assert.equal(program.call(PPOLL, 0, 0, 0, mask, 8), -EINTR);
  assert.equal(signals.blocked, usr1);
});

test("ppoll's errors", () => {
  const program = new TestKernel().spawn();
  const fds = pollfds(program, [0, POLLIN]);
  assert.equal(program.call(PPOLL, fds, 1, 8, 0, 0), -EFAULT);
  assert.equal(program.call(PPOLL, fds, 1, program.timespec(-1), 0, 0), -EINVAL);
  assert.equal(program.call(PPOLL, fds, 1, program.timespec(0, 1e9), 0, 0), -EINVAL);
  assert.equal(program.call(PPOLL, fds, 1, 0, fds, 4), -EINVAL);
  assert.equal(program.call(PPOLL, fds, 1, 0, 8, 8), -EFAULT);
  assert.equal(program.call(PPOLL, fds, 1025, 0, 0, 0), -EINVAL);
  assert.equal(program.call(PPOLL, 8, 1, 0, 0, 0), -EFAULT);
});

test("pselect6", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const pairs = Array.from({ length: 40 }, () => program.pipe());
  const [readFd, writeFd] = pairs[39] as [number, number];
  const reads = program.place(16);
  const writes = program.place(16);
  const { bytes } = program.memory;
  const setBit = (address: number, fd: number): void => {
    bytes[address + (fd >> 3)] = (bytes[address + (fd >> 3)] as number) | (1 << (fd & 7));
  };
  setBit(reads, readFd);
  setBit(writes, writeFd);
  assert.equal(program.call(PSELECT6, 80, reads, writes, 0, 0, 0), 1);
  assert.deepEqual([...bytes.slice(reads, reads + 16)], new Array(16).fill(0));
  assert.equal(bytes[writes + (writeFd >> 3)], 1 << (writeFd & 7));

  setBit(reads, readFd);
  const timeout = program.timespec(1);
  const waiting = program.wait(PSELECT6, 80, reads, 0, 0, timeout, 0);
  kernel.advance(250);
  program.call(WRITE, writeFd, program.put("x"), 1);
  kernel.run();
  assert.equal(waiting.result, 1);
  assert.equal(bytes[reads + (readFd >> 3)], 1 << (readFd & 7));
  assert.equal(program.memory.readInt64(timeout + 8), 750_000_000);

  const empty = program.wait(PSELECT6, 80, 0, 0, 0, timeout, 0);
  kernel.advance(750);
  assert.equal(empty.result, 0);

  assert.equal(program.call(PSELECT6, -1, reads, 0, 0, 0, 0), -EINVAL);
  assert.equal(program.call(PSELECT6, 80, 8, 0, 0, 0, 0), -EFAULT);
  setBit(reads, 100);
  assert.equal(program.call(PSELECT6, 101, reads, 0, 0, 0, 0), -EBADF);
  assert.equal(program.call(PSELECT6, 80, 0, 0, 0, 0, 8), -EFAULT);
});

test("the writing end of a pipe without a reader is in error", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  program.call(CLOSE, readFd);
  const fds = pollfds(program, [writeFd, 0]);
  assert.equal(program.call(PPOLL, fds, 1, 0, 0, 0), 1);
  assert.equal(revents(program, fds, 0), POLLERR);
});
