import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, EINVAL } from "../../abi/errno.ts";
import { SFD_NONBLOCK } from "../../abi/event.ts";
import { POLLIN } from "../../abi/poll.ts";
import { CLD_EXITED, SIG_SETMASK, SIGCHLD, SIGKILL, SIGUSR1, SIGUSR2 } from "../../abi/signal.ts";
import { signalBit } from "../task/signal-queue.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

const READ = 63;
const SIGNALFD4 = 74;
const PPOLL = 73;
const SIGPROCMASK = 135;

function setOf(program: TestProgram, ...signals: number[]): number {
  const at = program.place(8);
  const mask = signals.reduce((all, signal) => all | signalBit(signal), 0n);
  program.memory.view.setBigUint64(at, mask, true);
  return at;
}

test("blocked signals are read, with what is known of them; others are left pending", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const set = setOf(program, SIGUSR1, SIGCHLD, SIGKILL);
  const blocked = setOf(program, SIGUSR1, SIGUSR2, SIGCHLD);
  assert.equal(program.call(SIGPROCMASK, SIG_SETMASK, blocked, 0, 8), 0);
  assert.equal(program.call(SIGNALFD4, -1, set, 4, 0), -EINVAL);
  assert.equal(program.call(SIGNALFD4, -1, set, 8, 1), -EINVAL);
  assert.equal(program.call(SIGNALFD4, 99, set, 8, 0), -EBADF);
  const [pipe] = program.pipe();
  assert.equal(program.call(SIGNALFD4, pipe, set, 8, 0), -EINVAL);
  const fd = program.call(SIGNALFD4, -1, set, 8, 0);
  const at = program.place(512);
  assert.equal(program.call(READ, fd, at, 127), -EINVAL);
  const poll = program.place(8);
  program.memory.writeUint32(poll, fd);
  program.memory.writeUint32(poll + 4, POLLIN);
  const polling = program.wait(PPOLL, poll, 1, 0, 0, 8);
  const reading = program.wait(READ, fd, at, 512);
  const child = kernel.spawn(program);
  child.process.exit(3);
  program.process.signals.raise(SIGUSR2);
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(polling.result, 1);
  assert.equal(reading.result, 256);
  const records = [0, 128].map((offset) => {
    const { memory } = program;
    return [0, 8, 12, 40].map((field) => memory.readUint32(at + offset + field));
  });
  assert.deepEqual(records[0]?.[0], SIGUSR1);
  assert.deepEqual(records[1], [SIGCHLD, CLD_EXITED, child.pid, 3]);
  // Another mask, and what is pending shows.
  const quick = program.call(SIGNALFD4, -1, set, 8, SFD_NONBLOCK);
  assert.equal(program.call(READ, quick, at, 128), -EAGAIN);
  assert.equal(program.call(SIGNALFD4, quick, setOf(program, SIGUSR2), 8, 0), quick);
  assert.equal(program.call(READ, quick, at, 128), 128);
  assert.equal(program.memory.readUint32(at), SIGUSR2);
});
