import assert from "node:assert/strict";
import { test } from "node:test";
import { ECHILD, EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { CLD_EXITED, CLD_KILLED, SA_NOCLDWAIT, SIG_DFL, SIG_IGN, SIGCHLD, SIGKILL, SIGTERM } from "../../abi/signal.ts";
import { P_ALL, P_PGID, P_PID, WEXITED, WNOHANG, WNOWAIT, WSTOPPED } from "../../abi/time.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { TestKernel } from "./calls.fixture.ts";

setLockChecking(true);

const WAITID = 95;
const WAIT4 = 260;
const EXIT_GROUP = 94;
const SETPGID = 154;
const GETPGID = 155;
const GETSID = 156;
const SETSID = 157;

test("wait4 waits for a child and takes its status", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const child = kernel.spawn(parent);
  const status = parent.place(4);
  assert.equal(child.call(173), parent.pid);
  assert.equal(parent.call(WAIT4, -1, status, WNOHANG, 0), 0);
  const waiting = parent.wait(WAIT4, -1, status, 0, 0);
  child.start(EXIT_GROUP, 7);
  kernel.run();
  assert.equal(waiting.result, child.pid);
  assert.equal(parent.memory.readInt32(status), 7 << 8);
  assert.equal(kernel.processes.get(child.pid), null);
  assert.equal(parent.call(WAIT4, -1, status, 0, 0), -ECHILD);
});

test("a child that was killed reports the signal", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const child = kernel.spawn(parent);
  const status = parent.place(4);
  assert.equal(parent.call(129, child.pid, SIGKILL), 0);
  assert.equal(parent.call(WAIT4, child.pid, status, 0, 0), child.pid);
  assert.equal(parent.memory.readInt32(status), SIGKILL);
});

test("which children are waited for", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const [a, b, c] = [kernel.spawn(parent), kernel.spawn(parent), kernel.spawn(parent)];
  assert.equal(parent.call(SETPGID, b.pid, 0), 0);
  assert.equal(parent.call(SETPGID, c.pid, b.pid), 0);
  for (const child of [a, b, c]) child.start(EXIT_GROUP, 0);
  assert.equal(parent.call(WAIT4, -b.pid, 0, 0, 0), b.pid);
  assert.equal(parent.call(WAIT4, 0, 0, 0, 0), a.pid);
  assert.equal(parent.call(WAIT4, 0, 0, 0, 0), -ECHILD);
  assert.equal(parent.call(WAIT4, b.pid, 0, 0, 0), -ECHILD);
  assert.equal(parent.call(WAIT4, c.pid, 0, 0, 0), c.pid);
});

test("wait4's and waitid's errors", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const child = kernel.spawn(parent);
  assert.equal(parent.call(WAIT4, -1, 0, 4, 0), -EINVAL);
  assert.equal(parent.call(WAIT4, -0x8000_0000, 0, 0, 0), -ESRCH);
  assert.equal(parent.call(WAIT4, -1, 8, WNOHANG, 0), -EFAULT);
  assert.equal(parent.call(WAIT4, -1, 0, WNOHANG, 8), -EFAULT);
  assert.equal(parent.call(WAITID, P_ALL, 0, 0, WNOHANG, 0), -EINVAL);
  assert.equal(parent.call(WAITID, P_ALL, 0, 0, WEXITED | 0x100, 0), -EINVAL);
  assert.equal(parent.call(WAITID, P_PID, 0, 0, WEXITED, 0), -EINVAL);
  assert.equal(parent.call(WAITID, 7, 1, 0, WEXITED, 0), -EINVAL);
  assert.equal(parent.call(WAITID, P_ALL, 0, 8, WEXITED, 0), -EFAULT);
  assert.equal(parent.call(WAITID, P_PGID, 4444, 0, WEXITED, 0), -ECHILD);
  assert.equal(parent.call(WAITID, P_ALL, 0, 0, WSTOPPED | WNOHANG, 0), 0);
  // Nothing of the child was lost on the way.
  child.start(EXIT_GROUP, 1);
  // It will never stop any more.
  assert.equal(parent.call(WAITID, P_ALL, 0, 0, WSTOPPED | WNOHANG, 0), -ECHILD);
  assert.equal(parent.call(WAIT4, -1, 0, 0, 0), child.pid);
});

test("waitid tells how, and with WNOWAIT leaves the child to be waited for", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const child = kernel.spawn(parent);
  const killed = kernel.spawn(parent);
  const information = parent.place(128);
  const tell = (): number[] => [0, 8, 16, 24].map((offset) => parent.memory.readInt32(information + offset));
  const waiting = parent.wait(WAITID, P_PID, child.pid, information, WEXITED | WNOWAIT, 0);
  child.start(EXIT_GROUP, 300);
  kernel.run();
  assert.equal(waiting.result, 0);
  assert.deepEqual(tell(), [SIGCHLD, CLD_EXITED, child.pid, 44]);
  assert.equal(parent.call(WAITID, P_ALL, 0, information, WEXITED, 0), 0);
  parent.memory.bytes.fill(0xff, information, information + 128);
  assert.equal(parent.call(WAITID, P_ALL, 0, information, WEXITED | WNOHANG, 0), 0);
  assert.deepEqual(tell(), [0, 0, 0, 0]);
  killed.process.signals.raise(SIGTERM);
  assert.equal(parent.call(WAITID, P_PGID, 0, information, WEXITED, 0), 0);
  assert.deepEqual(tell(), [SIGCHLD, CLD_KILLED, killed.pid, SIGTERM]);
});

test("children of a parent that ignores SIGCHLD leave no zombies", () => {
  for (const action of [
    { handler: SIG_IGN, flags: 0, mask: 0n },
    { handler: SIG_DFL, flags: SA_NOCLDWAIT, mask: 0n },
  ]) {
    const kernel = new TestKernel();
    const parent = kernel.spawn();
    const child = kernel.spawn(parent);
    parent.process.signals.setAction(SIGCHLD, action);
    const waiting = parent.wait(WAIT4, -1, 0, 0, 0);
    child.start(EXIT_GROUP, 0);
    kernel.run();
    assert.equal(waiting.result, -ECHILD);
    assert.equal(kernel.processes.size, 1);
  }
});

test("orphans are waited for by the kernel, or by a subreaper", () => {
  const kernel = new TestKernel();
  const top = kernel.spawn();
  const middle = kernel.spawn(top);
  const leaf = kernel.spawn(middle);
  const zombie = kernel.spawn(middle);
  zombie.start(EXIT_GROUP, 3);
  middle.start(EXIT_GROUP, 0);
  assert.equal(leaf.call(173), 0);
  assert.equal(kernel.processes.get(zombie.pid), null);
  assert.equal(top.call(WAIT4, -1, 0, 0, 0), middle.pid);
  leaf.start(EXIT_GROUP, 0);
  assert.equal(kernel.processes.size, 1);

  assert.equal(top.call(167, 36, 1), 0);
  const second = kernel.spawn(top);
  const orphan = kernel.spawn(second);
  second.start(EXIT_GROUP, 0);
  assert.equal(orphan.call(173), top.pid);
  assert.equal(top.call(WAIT4, -1, 0, 0, 0), second.pid);
  const waiting = top.wait(WAIT4, -1, 0, 0, 0);
  orphan.start(EXIT_GROUP, 0);
  kernel.run();
  assert.equal(waiting.result, orphan.pid);
});

test("the end of a parent can be a signal", () => {
  const kernel = new TestKernel();
  const parent = kernel.spawn();
  const child = kernel.spawn(parent);
  assert.equal(child.call(167, 1, SIGTERM), 0);
  parent.start(EXIT_GROUP, 0);
  assert.equal(child.process.status, SIGTERM);
});

test("exit ends every call of the process and releases its files", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd] = program.pipe();
  const reading = program.wait(63, readFd, program.place(4), 4);
  const sleeping = program.wait(101, program.timespec(5), 0);
  program.start(EXIT_GROUP, 0);
  kernel.advance(10_000);
  assert.deepEqual([reading.result, sleeping.result], [null, null]);
  assert.equal(kernel.openFiles.current, 0);
  assert.equal(kernel.timers.size, 0);
  assert.equal(kernel.processes.size, 0);
});

test("process groups and sessions", () => {
  const kernel = new TestKernel();
  const leader = kernel.spawn();
  const a = kernel.spawn(leader);
  const b = kernel.spawn(leader);
  assert.equal(a.call(GETPGID, 0), leader.pid);
  assert.equal(leader.call(SETPGID, a.pid, 999), -EPERM);
  assert.equal(leader.call(SETPGID, 999, 0), -ESRCH);
  assert.equal(leader.call(SETPGID, 0, -1), -EINVAL);
  assert.equal(leader.call(SETPGID, 0, 0), -EPERM);
  assert.equal(a.call(SETPGID, b.pid, 0), -ESRCH);
  assert.equal(leader.call(SETPGID, a.pid, a.pid), 0);
  assert.equal(a.call(SETSID), -EPERM);
  assert.equal(b.call(SETSID), b.pid);
  assert.equal(leader.call(GETSID, b.pid), b.pid);
  assert.equal(leader.call(GETSID, a.pid), leader.pid);
  assert.equal(leader.call(SETPGID, b.pid, a.pid), -EPERM);
  assert.equal(leader.call(GETPGID, 999), -ESRCH);
});

test("ids", () => {
  const program = new TestKernel().spawn();
  assert.deepEqual(
    [174, 175, 176, 177, 158].map((number) => program.call(number)),
    [0, 0, 0, 0, 0],
  );
  assert.equal(program.call(178), program.pid);
  const at = program.place(12);
  program.memory.bytes.fill(0xff, at, at + 12);
  assert.equal(program.call(148, at, at + 4, at + 8), 0);
  assert.equal(program.memory.readInt32(at + 8), 0);
  assert.equal(program.call(148, at, 8, at), -EFAULT);
  assert.equal(program.call(146, -1), -EINVAL);
});
