/** Timers that raise signals: when, how often, what they carry, and that nothing of them outlives the process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EINVAL } from "../../abi/errno.ts";
import { SIGALRM, SIGUSR1 } from "../../abi/signal.ts";
import { CLOCK_MONOTONIC, CLOCK_REALTIME, SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD_ID } from "../../abi/time.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

const [CREATE, GETTIME, GETOVERRUN, SETTIME, DELETE, SIGPROCMASK, SIGTIMEDWAIT] = [107, 108, 109, 110, 111, 135, 137];

function create(program: TestProgram, clock = CLOCK_MONOTONIC, event = 0): number {
  const at = program.place(4);
  assert.equal(program.call(CREATE, clock, event, at), 0);
  return program.memory.readInt32(at);
}

/** A struct sigevent. */
function event(program: TestProgram, notify: number, signal: number, value = 0, thread = 0): number {
  const at = program.place(64);
  program.memory.writeInt64(at, value);
  program.memory.writeUint32(at + 8, signal);
  program.memory.writeUint32(at + 12, notify);
  program.memory.writeUint32(at + 16, thread);
  return at;
}

function setTime(program: TestProgram, timer: number, milliseconds: number, interval = 0, flags = 0): void {
  const at = program.place(32);
  program.memory.writeInt64(at, Math.floor(interval / 1000));
  program.memory.writeInt64(at + 8, (interval % 1000) * 1e6);
  program.memory.writeInt64(at + 16, Math.floor(milliseconds / 1000));
  program.memory.writeInt64(at + 24, (milliseconds % 1000) * 1e6);
  assert.equal(program.call(SETTIME, timer, flags, at, 0), 0);
}

/** Blocks all signals, so that they can be waited for. */
function block(program: TestProgram): number {
  const mask = program.place(8);
  program.memory.view.setBigUint64(mask, 0xffff_ffff_ffff_ffffn, true);
  assert.equal(program.call(SIGPROCMASK, 2, mask, 0, 8), 0);
  return mask;
}

/** The next pending signal's number, code, timer, overruns and value; null for none. */
function take(program: TestProgram, mask: number): number[] | null {
  const information = program.place(128);
  const signal = program.call(SIGTIMEDWAIT, mask, information, program.timespec(0), 8);
  if (signal === -EAGAIN) return null;
  const { memory } = program;
  return [signal, ...[8, 16, 20, 24].map((offset) => memory.readInt32(information + offset))];
}

test("a timer raises its signal once, or at every interval", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const mask = block(program);
  const once = create(program);
  const again = create(program, CLOCK_REALTIME, event(program, SIGEV_SIGNAL, SIGUSR1, 42));
  setTime(program, once, 50);
  setTime(program, again, 20, 100);
  kernel.advance(10);
  assert.equal(take(program, mask), null);
  kernel.advance(10);
  assert.deepEqual(take(program, mask), [SIGUSR1, -2, again, 0, 42]);
  kernel.advance(30);
  assert.deepEqual(take(program, mask), [SIGALRM, -2, once, 0, once]);
  kernel.advance(350);
  assert.deepEqual(take(program, mask), [SIGUSR1, -2, again, 0, 42]);
  assert.equal(take(program, mask), null);
  kernel.advance(100);
  assert.deepEqual(take(program, mask), [SIGUSR1, -2, again, 2, 42]);
  assert.equal(program.call(GETOVERRUN, again), 2);
  assert.equal(program.call(DELETE, again), 0);
  kernel.advance(1000);
  assert.equal(take(program, mask), null);
  assert.equal(program.call(GETOVERRUN, again), -EINVAL);
});

test("one that raises nothing tells the time that is left", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const timer = create(program, CLOCK_MONOTONIC, event(program, SIGEV_NONE, 0));
  setTime(program, timer, 70, 100);
  const at = program.place(32);
  const left = (): number => {
    assert.equal(program.call(GETTIME, timer, at), 0);
    return program.memory.readInt64(at + 24) / 1e6;
  };
  kernel.advance(30);
  assert.equal(left(), 40);
  kernel.advance(100);
  assert.equal(left(), 40);
  assert.equal(kernel.timers.size, 0);
  setTime(program, timer, 0);
  assert.equal(left(), 0);
});

test("an absolute time that is past runs out at once", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const mask = block(program);
  kernel.advance(500);
  const timer = create(program);
  setTime(program, timer, 100, 0, 1);
  kernel.advance(0);
  assert.deepEqual(take(program, mask)?.slice(0, 3), [SIGALRM, -2, timer]);
});

test("a thread of the process alone may be meant", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const other = kernel.spawn();
  const mask = block(program);
  const at = program.place(4);
  const toThread = SIGEV_SIGNAL | SIGEV_THREAD_ID;
  assert.equal(program.call(CREATE, 1, event(program, toThread, SIGUSR1, 0, other.pid), at), -EINVAL);
  const timer = create(program, 1, event(program, toThread, SIGUSR1, 0, program.pid));
  setTime(program, timer, 5);
  kernel.advance(5);
  assert.notEqual(program.process.mainThread.pending.set, 0n);
  assert.equal(program.process.signals.pending, 0n);
  assert.equal(take(program, mask)?.[0], SIGUSR1);
});

test("timers are bounded, and go with the process", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  block(program);
  const at = program.place(4);
  let made = 0;
  while (program.call(CREATE, 1, 0, at) === 0) setTime(program, made++, 100 + made, 1);
  assert.equal(made, 1024);
  program.process.exit(0);
  assert.equal(kernel.timers.size, 0);
});

test("a tiny interval does not keep the kernel from other things", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const mask = block(program);
  const timer = create(program);
  const at = program.place(32);
  program.memory.writeInt64(at + 8, 1);
  program.memory.writeInt64(at + 24, 1);
  assert.equal(program.call(SETTIME, timer, 0, at, 0), 0);
  kernel.advance(1);
  assert.equal(take(program, mask)?.[0], SIGALRM);
  kernel.advance(1);
  assert.ok((take(program, mask)?.[3] ?? 0) > 900_000);
});
