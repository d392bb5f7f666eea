import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import { EFD_NONBLOCK, EFD_SEMAPHORE, TFD_NONBLOCK, TFD_TIMER_ABSTIME } from "../../abi/event.ts";
import { CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME } from "../../abi/time.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

setLockChecking(true);

const EVENTFD2 = 19;
const CREATE = 85;
const SETTIME = 86;
const GETTIME = 87;
const READ = 63;
const WRITE = 64;

function add(program: TestProgram, fd: number, value: bigint): number {
  const at = program.place(8);
  program.memory.view.setBigUint64(at, value, true);
  return program.call(WRITE, fd, at, 8);
}

function take(program: TestProgram, fd: number): bigint | number {
  const at = program.place(8);
  const result = program.call(READ, fd, at, 8);
  return result === 8 ? program.memory.view.getBigUint64(at, true) : result;
}

test("an eventfd adds up and is emptied by a read", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const fd = program.call(EVENTFD2, 3, 0);
  assert.equal(take(program, fd), 3n);
  const at = program.place(8);
  const reading = program.wait(READ, fd, at, 8);
  add(program, fd, 0n);
  kernel.run();
  assert.equal(reading.result, null);
  add(program, fd, 40n);
  add(program, fd, 2n);
  kernel.run();
  assert.equal(reading.result, 8);
  assert.equal(program.memory.view.getBigUint64(at, true), 42n);
});

test("its bounds", () => {
  const program = new TestKernel().spawn();
  const fd = program.call(EVENTFD2, 0, EFD_NONBLOCK);
  const most = 0xffff_ffff_ffff_fffen;
  assert.equal(take(program, fd), -EAGAIN);
  assert.equal(add(program, fd, most + 1n), -EINVAL);
  assert.equal(add(program, fd, most), 8);
  assert.equal(add(program, fd, 1n), -EAGAIN);
  assert.equal(take(program, fd), most);
  assert.equal(program.call(READ, fd, program.place(8), 7), -EINVAL);
  assert.equal(program.call(WRITE, fd, program.place(8), 7), -EINVAL);
  assert.equal(program.call(EVENTFD2, 0, 8), -EINVAL);
});

test("a semaphore gives one at a time", () => {
  const program = new TestKernel().spawn();
  const fd = program.call(EVENTFD2, 2, EFD_SEMAPHORE | EFD_NONBLOCK);
  assert.deepEqual([take(program, fd), take(program, fd), take(program, fd)], [1n, 1n, -EAGAIN]);
});

function setting(program: TestProgram, intervalMilliseconds: number, milliseconds: number): number {
  const at = program.place(32);
  for (const [index, value] of [intervalMilliseconds, milliseconds].entries()) {
    program.memory.writeInt64(at + 16 * index, Math.floor(value / 1000));
    program.memory.writeInt64(at + 16 * index + 8, (value % 1000) * 1e6);
  }
  return at;
}

test("a timerfd runs out once, and is read once", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const fd = program.call(CREATE, CLOCK_MONOTONIC, 0);
  assert.equal(program.call(SETTIME, fd, 0, setting(program, 0, 1500), 0), 0);
  kernel.advance(500);
  const left = program.place(32);
  assert.equal(program.call(GETTIME, fd, left), 0);
  assert.equal(program.memory.readInt64(left + 16), 1);
  const at = program.place(8);
  const reading = program.wait(READ, fd, at, 8);
  kernel.advance(999);
  assert.equal(reading.result, null);
  kernel.advance(1);
  assert.equal(reading.result, 8);
  assert.equal(program.memory.readInt64(at), 1);
  assert.equal(kernel.timers.size, 0);
});

test("a timerfd with an interval counts what was missed, at no cost while nobody reads", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const fd = program.call(CREATE, CLOCK_REALTIME, TFD_NONBLOCK);
  program.call(SETTIME, fd, 0, setting(program, 10, 100), 0);
  kernel.advance(1000);
  assert.equal(kernel.timers.size, 0);
  assert.equal(take(program, fd), 91n);
  assert.equal(take(program, fd), -EAGAIN);
  kernel.advance(10);
  assert.equal(take(program, fd), 1n);
  const old = program.place(32);
  assert.equal(program.call(SETTIME, fd, 0, setting(program, 0, 0), old), 0);
  assert.equal(program.memory.readInt64(old + 8), 10_000_000);
  kernel.advance(1000);
  assert.equal(take(program, fd), -EAGAIN);
});

test("absolute times are meant on the timer's clock", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const fd = program.call(CREATE, CLOCK_REALTIME, TFD_NONBLOCK);
  const target = kernel.clock.realtimeMilliseconds() + 250;
  program.call(SETTIME, fd, TFD_TIMER_ABSTIME, setting(program, 0, target), 0);
  kernel.advance(249);
  assert.equal(take(program, fd), -EAGAIN);
  kernel.advance(1);
  assert.equal(take(program, fd), 1n);
});

test("timerfd's errors", () => {
  const program = new TestKernel().spawn();
  const good = setting(program, 0, 1);
  const fd = program.call(CREATE, CLOCK_MONOTONIC, 0);
  const [pipeFd] = program.pipe();
  assert.equal(program.call(CREATE, CLOCK_PROCESS_CPUTIME_ID, 0), -EINVAL);
  assert.equal(program.call(CREATE, CLOCK_MONOTONIC, 1), -EINVAL);
  assert.equal(program.call(SETTIME, fd, 0, 8, 0), -EFAULT);
  assert.equal(program.call(SETTIME, fd, 8, good, 0), -EINVAL);
  assert.equal(program.call(SETTIME, fd, 0, setting(program, 0, -1), 0), -EINVAL);
  assert.equal(program.call(SETTIME, 99, 0, good, 0), -EBADF);
  assert.equal(program.call(SETTIME, pipeFd, 0, good, 0), -EINVAL);
  assert.equal(program.call(SETTIME, fd, 0, good, 8), -EFAULT);
  assert.equal(program.call(GETTIME, fd, 8), -EFAULT);
  assert.equal(program.call(GETTIME, 99, good), -EBADF);
});
