/** Processes as files: polled, waited for, sent signals; and signals as files, beside them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { SIGKILL, SIGTERM, SIGUSR1 } from "../../abi/signal.ts";
import { P_PIDFD, WEXITED } from "../../abi/time.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

const [SIGNALFD, PIDFD_OPEN, PIDFD_SEND, KILL, READ, PPOLL, WAITID, SIGPROCMASK, SETUID] = [
  74, 434, 424, 129, 63, 73, 95, 135, 146,
];
const NONBLOCK = 0o4000;

function mask(program: TestProgram, ...signals: readonly number[]): number {
  const at = program.place(8);
  const bits = signals.reduce((set, signal) => set | (1n << BigInt(signal - 1)), 0n);
  program.memory.view.setBigUint64(at, bits, true);
  return at;
}

function poll(program: TestProgram, fd: number): number {
  const at = program.place(8);
  program.memory.writeUint32(at, fd);
  program.memory.writeUint16(at + 4, 1);
  program.call(PPOLL, at, 1, program.timespec(0), 0, 0);
  return program.memory.readUint16(at + 6);
}

test("blocked signals are read, with who sent them", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const other = kernel.spawn();
  const set = mask(program, SIGUSR1, SIGTERM, SIGKILL);
  assert.equal(program.call(SIGPROCMASK, 0, set, 0, 8), 0);
  const fd = program.call(SIGNALFD, -1, set, 8, 0);
  assert.ok(fd >= 0);
  assert.equal(poll(program, fd), 0);
  const buffer = program.place(512);
  assert.equal(program.call(READ, fd, buffer, 127), -EINVAL);
  const waiting = program.wait(READ, fd, buffer, 512);
  assert.equal(other.call(KILL, program.pid, SIGTERM), 0);
  kernel.run();
  assert.equal(waiting.result, 128);
  assert.equal(program.memory.readUint32(buffer), SIGTERM);
  assert.equal(program.memory.readUint32(buffer + 12), other.pid);
  other.call(KILL, program.pid, SIGTERM);
  other.call(KILL, program.pid, SIGUSR1);
  assert.equal(poll(program, fd), 1);
  assert.equal(program.call(READ, fd, buffer, 512), 256);
  assert.deepEqual([program.memory.readUint32(buffer), program.memory.readUint32(buffer + 128)], [SIGUSR1, SIGTERM]);
});

test("another mask for the same file, and wrong ones", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const set = mask(program, SIGUSR1);
  assert.equal(program.call(SIGPROCMASK, 0, mask(program, SIGUSR1, SIGTERM), 0, 8), 0);
  const fd = program.call(SIGNALFD, -1, set, 8, NONBLOCK);
  const buffer = program.place(128);
  program.call(KILL, program.pid, SIGTERM);
  assert.equal(program.call(READ, fd, buffer, 128), -EAGAIN);
  assert.equal(program.call(SIGNALFD, fd, mask(program, SIGTERM), 8, 0), fd);
  assert.equal(program.call(READ, fd, buffer, 128), 128);
  assert.equal(program.call(SIGNALFD, 99, set, 8, 0), -EBADF);
  assert.equal(program.call(SIGNALFD, program.pipe()[0], set, 8, 0), -EINVAL);
  assert.equal(program.call(SIGNALFD, -1, set, 4, 0), -EINVAL);
  assert.equal(program.call(SIGNALFD, -1, set, 8, 1), -EINVAL);
});

test("a process's file becomes readable when it ends", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const child = kernel.spawn(parent);
  const fd = parent.call(PIDFD_OPEN, child.pid, 0);
  assert.ok(fd >= 0);
  assert.equal(poll(parent, fd), 0);
  assert.equal(parent.call(PIDFD_SEND, fd, 0, 0, 0), 0);
  const information = parent.place(128);
  const waiting = parent.wait(WAITID, P_PIDFD, fd, information, WEXITED, 0);
  assert.equal(parent.call(PIDFD_SEND, fd, SIGTERM, 0, 0), 0);
  kernel.run();
  assert.equal(waiting.result, 0);
  assert.equal(parent.memory.readInt32(information + 16), child.pid);
  assert.equal(parent.memory.readInt32(information + 24), SIGTERM);
  assert.notEqual(poll(parent, fd) & 1, 0);
  assert.equal(parent.call(PIDFD_SEND, fd, SIGTERM, 0, 0), -ESRCH);
  assert.equal(parent.call(PIDFD_OPEN, child.pid, 0), -ESRCH);
});

test("a process's file obeys kill's rules", () => {
  const kernel = new TestKernel();
  const root = kernel.spawn();
  const user = kernel.spawn(root);
  user.call(SETUID, 33);
  const fd = user.call(PIDFD_OPEN, root.pid, 0);
  assert.equal(user.call(PIDFD_SEND, fd, SIGTERM, 0, 0), -EPERM);
  assert.equal(user.call(PIDFD_SEND, fd, SIGTERM, 0, 1), -EINVAL);
  assert.equal(user.call(PIDFD_SEND, user.pipe()[0], SIGTERM, 0, 0), -EBADF);
  assert.equal(user.call(PIDFD_OPEN, 0, 0), -EINVAL);
  assert.equal(user.call(PIDFD_OPEN, root.pid, 1), -EINVAL);
  assert.equal(user.call(WAITID, P_PIDFD, 99, 0, WEXITED, 0), -EBADF);
});
