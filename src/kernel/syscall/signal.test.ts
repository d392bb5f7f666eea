import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EFAULT, EINTR, EINVAL, ESRCH } from "../../abi/errno.ts";
import {
  SA_RESETHAND,
  SA_RESTART,
  SI_TKILL,
  SI_USER,
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGALRM,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTERM,
  SIGUSR1,
  SIGUSR2,
} from "../../abi/signal.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

setLockChecking(true);

const KILL = 129;
const TGKILL = 131;
const SIGSUSPEND = 133;
const SIGACTION = 134;
const SIGPROCMASK = 135;
const SIGPENDING = 136;
const SIGTIMEDWAIT = 137;
const HANDLER = 0x4567;

function bit(...signals: number[]): bigint {
  return signals.reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n);
}

function set(program: TestProgram, mask: bigint): number {
  const at = program.place(8);
  program.memory.view.setBigUint64(at, mask, true);
  return at;
}

function handle(program: TestProgram, signal: number, handler = HANDLER, flags = 0): number {
  const at = program.place(32);
  program.memory.writeInt64(at, handler);
  program.memory.writeUint32(at + 8, flags);
  return program.call(SIGACTION, signal, at, 0, 8);
}

/** Signals as the program's handlers got them. */
function record(program: TestProgram): () => number[] {
  const got: number[] = [];
  program.process.signals.deliver = (signal, handler) => {
    assert.equal(handler, HANDLER);
    got.push(signal);
  };
  return () => {
    program.kernel.run();
    return got;
  };
}

test("actions are set, told, and kept from SIGKILL and SIGSTOP", () => {
  const program = new TestKernel().spawn();
  const action = program.place(32);
  program.memory.writeInt64(action, HANDLER);
  program.memory.writeUint32(action + 8, SA_RESTART);
  program.memory.writeInt64(action + 16, 0x9876);
  program.memory.view.setBigUint64(action + 24, bit(SIGUSR2), true);
  const old = program.place(32);
  assert.equal(program.call(SIGACTION, SIGUSR1, action, old, 8), 0);
  assert.equal(program.memory.readInt64(old), SIG_DFL);
  assert.equal(program.call(SIGACTION, SIGUSR1, 0, old, 8), 0);
  assert.deepEqual(program.memory.bytes.slice(old, old + 32), program.memory.bytes.slice(action, action + 32));
  assert.equal(handle(program, SIGKILL), -EINVAL);
  assert.equal(handle(program, SIGSTOP), -EINVAL);
  assert.equal(handle(program, 65), -EINVAL);
  assert.equal(handle(program, 0), -EINVAL);
  assert.equal(program.call(SIGACTION, SIGKILL, 0, old, 8), 0);
  assert.equal(program.call(SIGACTION, SIGUSR1, action, 0, 4), -EINVAL);
  assert.equal(program.call(SIGACTION, SIGUSR1, 8, 0, 8), -EFAULT);
  assert.equal(program.call(SIGACTION, SIGUSR1, 0, 8, 8), -EFAULT);
});

test("default, ignored, handled", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const got = record(program);
  handle(program, SIGUSR1);
  handle(program, SIGUSR2, SIG_IGN);
  for (const signal of [SIGUSR1, SIGUSR2, SIGCHLD, SIGCONT, SIGSTOP, 0]) {
    assert.equal(program.call(KILL, program.pid, signal), 0);
  }
  assert.deepEqual(got(), [SIGUSR1]);
  handle(program, SIGUSR1, HANDLER, SA_RESETHAND);
  program.call(KILL, program.pid, SIGUSR1);
  assert.deepEqual(got(), [SIGUSR1, SIGUSR1]);
  program.start(KILL, program.pid, SIGUSR1);
  assert.equal(program.process.status, SIGUSR1);
});

test("a handler that sends its signal again runs again, not within itself", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  let depth = 0;
  let runs = 0;
  program.process.signals.deliver = () => {
    assert.equal(++depth, 1);
    if (++runs < 50) {
      program.call(KILL, program.pid, SIGUSR1);
      program.call(KILL, program.pid, SIGUSR1);
    }
    depth--;
  };
  handle(program, SIGUSR1);
  program.call(KILL, program.pid, SIGUSR1);
  assert.equal(runs, 0);
  kernel.run();
  assert.equal(runs, 50);
  assert.equal(kernel.runQueue.length, 0);
});

test("blocked signals wait; unblocking lets them through", () => {
  const program = new TestKernel().spawn();
  const got = record(program);
  handle(program, SIGUSR1);
  const old = program.place(8);
  assert.equal(program.call(SIGPROCMASK, SIG_BLOCK, set(program, bit(SIGUSR1, SIGKILL, SIGCHLD)), old, 8), 0);
  assert.equal(program.memory.view.getBigUint64(old, true), 0n);
  for (const signal of [SIGUSR1, SIGUSR1, SIGCHLD]) program.call(KILL, program.pid, signal);
  assert.equal(program.call(SIGPENDING, old, 8), 0);
  assert.equal(program.memory.view.getBigUint64(old, true), bit(SIGUSR1, SIGCHLD));
  assert.deepEqual(got(), []);
  assert.equal(program.call(SIGPROCMASK, SIG_UNBLOCK, set(program, bit(SIGUSR1)), old, 8), 0);
  // SIGKILL cannot be blocked.
  assert.equal(program.memory.view.getBigUint64(old, true), bit(SIGUSR1, SIGCHLD));
  assert.deepEqual(got(), [SIGUSR1]);
  // An action that ignores takes a pending signal away.
  handle(program, SIGCHLD, SIG_IGN);
  assert.equal(program.process.signals.pending, 0n);
  assert.equal(program.call(SIGPROCMASK, SIG_SETMASK, set(program, 0n), 0, 8), 0);
  assert.equal(program.call(SIGPROCMASK, 7, set(program, 0n), 0, 8), -EINVAL);
  assert.equal(program.call(SIGPROCMASK, 7, 0, old, 8), 0);
  assert.equal(program.call(SIGPROCMASK, SIG_BLOCK, 8, 0, 8), -EFAULT);
  assert.equal(program.call(SIGPROCMASK, SIG_BLOCK, 0, 8, 8), -EFAULT);
  assert.equal(program.call(SIGPROCMASK, SIG_BLOCK, 0, 0, 4), -EINVAL);
  assert.equal(program.call(SIGPENDING, 8, 8), -EFAULT);
  assert.equal(program.call(SIGPENDING, old, 16), -EINVAL);
});

test("a handler interrupts a read with EINTR; with SA_RESTART the read goes on", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  record(program);
  const [readFd, writeFd] = program.pipe();
  const buffer = program.place(4);
  handle(program, SIGUSR1);
  const first = program.wait(63, readFd, buffer, 4);
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(first.result, -EINTR);
  handle(program, SIGUSR1, HANDLER, SA_RESTART);
  const second = program.wait(63, readFd, buffer, 4);
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(second.result, null);
  program.call(64, writeFd, program.put("on"), 2);
  kernel.run();
  assert.equal(second.result, 2);
});

test("a write that has moved something tells how much instead of EINTR", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  record(program);
  handle(program, SIGUSR1, HANDLER, SA_RESTART);
  const [, writeFd] = program.pipe();
  const writing = program.wait(64, writeFd, program.place(70_000), 70_000);
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(writing.result, 65_536);
});

test("whom kill reaches", () => {
  const kernel = new TestKernel();
  const [a, b, c] = [kernel.spawn(), kernel.spawn(), kernel.spawn()];
  b.process.processGroup = a.pid;
  assert.equal(a.call(KILL, 999, SIGTERM), -ESRCH);
  assert.equal(a.call(KILL, -999, SIGTERM), -ESRCH);
  assert.equal(a.call(KILL, b.pid, 65), -EINVAL);
  assert.equal(a.call(KILL, b.pid, -1), -EINVAL);
  assert.equal(c.call(KILL, -a.pid, 0), 0);
  const got = record(a);
  handle(a, SIGTERM);
  assert.equal(a.call(KILL, 0, SIGTERM), 0);
  assert.deepEqual(got(), [SIGTERM]);
  assert.deepEqual([b.process.hasExited, c.process.hasExited], [true, false]);
  assert.equal(c.call(KILL, -1, SIGKILL), 0);
  assert.deepEqual([a.process.hasExited, c.process.hasExited], [true, false]);
  assert.equal(c.call(KILL, -1, SIGKILL), -ESRCH);
  assert.equal(c.call(TGKILL, c.pid, 999, 0), -ESRCH);
  assert.equal(c.call(TGKILL, 0, c.pid, 0), -EINVAL);
  assert.equal(c.call(TGKILL, c.pid, c.pid, 0), 0);
  assert.equal(c.call(130, c.pid, 0), 0);
});

test("sigsuspend waits under another mask", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const got = record(program);
  handle(program, SIGUSR1);
  handle(program, SIGUSR2);
  program.process.signals.setBlocked(bit(SIGUSR1));
  const waiting = program.wait(SIGSUSPEND, set(program, bit(SIGUSR2)), 8);
  program.process.signals.raise(SIGUSR2);
  kernel.run();
  assert.equal(waiting.result, null);
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(waiting.result, -EINTR);
  assert.deepEqual(got(), [SIGUSR1, SIGUSR2]);
  assert.equal(program.process.signals.blocked, bit(SIGUSR1));
  assert.equal(program.call(SIGSUSPEND, 8, 8), -EFAULT);
  assert.equal(program.call(SIGSUSPEND, 0x2000, 4), -EINVAL);
});

test("sigtimedwait takes signals instead of handling them", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const other = kernel.spawn();
  const got = record(program);
  handle(program, SIGUSR1);
  const information = program.place(128);
  const mask = set(program, bit(SIGUSR1, SIGUSR2));
  const waiting = program.wait(SIGTIMEDWAIT, mask, information, program.timespec(5), 8);
  other.call(TGKILL, program.pid, program.pid, SIGUSR1);
  kernel.run();
  assert.equal(waiting.result, SIGUSR1);
  assert.deepEqual(
    [0, 8, 16].map((offset) => program.memory.readInt32(information + offset)),
    [SIGUSR1, SI_TKILL, other.pid],
  );
  assert.deepEqual(got(), []);
  // Once nobody waits, the handler is back.
  other.call(KILL, program.pid, SIGUSR1);
  assert.deepEqual(got(), [SIGUSR1]);
  program.process.signals.setBlocked(bit(SIGUSR2));
  other.call(KILL, program.pid, SIGUSR2);
  assert.equal(program.call(SIGTIMEDWAIT, mask, information, 0, 8), SIGUSR2);
  assert.equal(program.memory.readInt32(information + 8), SI_USER);
  const late = program.wait(SIGTIMEDWAIT, mask, 0, program.timespec(1), 8);
  kernel.advance(1000);
  assert.equal(late.result, -EAGAIN);
  assert.equal(program.call(SIGTIMEDWAIT, mask, 0, program.timespec(0), 8), -EAGAIN);
  const interrupted = program.wait(SIGTIMEDWAIT, set(program, bit(SIGUSR2)), 0, 0, 8);
  other.call(KILL, program.pid, SIGUSR1);
  kernel.run();
  assert.equal(interrupted.result, -EINTR);
  assert.equal(program.call(SIGTIMEDWAIT, 8, 0, 0, 8), -EFAULT);
  assert.equal(program.call(SIGTIMEDWAIT, mask, 0, program.timespec(-1), 8), -EINVAL);
});

test("SIGCHLD tells of a child", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const child = kernel.spawn(parent);
  const got = record(parent);
  handle(parent, SIGCHLD);
  child.start(94, 0);
  assert.deepEqual(got(), [SIGCHLD]);
});

test("an interval timer raises SIGALRM again and again", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const got = record(program);
  handle(program, SIGALRM);
  const setting = program.place(32);
  program.memory.writeInt64(setting + 8, 100_000);
  program.memory.writeInt64(setting + 16, 1);
  assert.equal(program.call(103, 0, setting, 0), 0);
  kernel.advance(999);
  assert.deepEqual(got(), []);
  kernel.advance(301);
  assert.equal(got().length, 4);
  const old = program.place(32);
  assert.equal(program.call(102, 0, old), 0);
  assert.equal(program.memory.readInt64(old + 8), 100_000);
  assert.equal(program.call(103, 0, 0, old), 0);
  kernel.advance(1000);
  assert.equal(got().length, 4);
  assert.equal(program.call(103, 1, setting, 0), -EINVAL);
  assert.equal(program.call(103, 0, 8, 0), -EFAULT);
  assert.equal(program.call(102, 5, old), -EINVAL);
});
