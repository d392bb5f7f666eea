import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EBADF, EEXIST, EFAULT, EINTR, EINVAL, ELOOP, ENOENT } from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/file.ts";
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
} from "../../abi/poll.ts";
import { SA_RESTART, SIGUSR1 } from "../../abi/signal.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { type Outcome, TestKernel, type TestProgram } from "./calls.fixture.ts";

setLockChecking(true);

const DUP = 23;
const CLOSE = 57;
const READ = 63;
const WRITE = 64;

function control(program: TestProgram, set: number, operation: number, fd: number, events = 0): number {
  const address = program.place(16);
  program.memory.writeUint32(address, events);
  program.memory.writeUint32(address + 8, fd);
  program.memory.writeUint32(address + 12, 0xabcd);
  return program.call(21, set, operation, fd, address);
}

function startWait(program: TestProgram, set: number, timeout: number, most = 16): { at: number; outcome: Outcome } {
  const at = program.place(16 * most);
  return { at, outcome: program.start(22, set, at, most, timeout, 0, 0) };
}

/** [descriptor, events] of each report; a wait that does not wait. */
function ready(program: TestProgram, set: number, most = 16): [number, number][] {
  const { at, outcome } = startWait(program, set, 0, most);
  assert.ok(typeof outcome === "number" && outcome >= 0, String(outcome));
  return reports(program, at, outcome);
}

function reports(program: TestProgram, at: number, count: number): [number, number][] {
  return Array.from({ length: count }, (_, index) => {
    assert.equal(program.memory.readUint32(at + 16 * index + 12), 0xabcd);
    return [program.memory.readUint32(at + 16 * index + 8), program.memory.readUint32(at + 16 * index)];
  });
}

function write(program: TestProgram, fd: number, text = "x"): void {
  assert.equal(program.call(WRITE, fd, program.put(text), text.length), text.length);
}

test("level-triggered: reported as long as it is ready", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const set = program.call(20, 0);
  assert.equal(control(program, set, EPOLL_CTL_ADD, readFd, POLLIN), 0);
  assert.deepEqual(ready(program, set), []);
  write(program, writeFd, "ab");
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
  program.call(READ, readFd, program.place(4), 1);
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
  program.call(READ, readFd, program.place(4), 1);
  assert.deepEqual(ready(program, set), []);
  // Errors and hang-ups are reported without being asked for.
  program.call(CLOSE, writeFd);
  assert.deepEqual(ready(program, set), [[readFd, POLLHUP]]);
});

test("edge-triggered: reported once for each thing that happens", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const set = program.call(20, 0);
  write(program, writeFd);
  assert.equal(control(program, set, EPOLL_CTL_ADD, readFd, POLLIN | EPOLLET), 0);
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
  assert.deepEqual(ready(program, set), []);
  write(program, writeFd);
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
  assert.deepEqual(ready(program, set), []);
  // EPOLL_CTL_MOD looks anew.
  assert.equal(control(program, set, EPOLL_CTL_MOD, readFd, POLLIN | EPOLLET), 0);
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
});

test("EPOLLONESHOT: silent until it is armed again", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const set = program.call(20, 0);
  assert.equal(control(program, set, EPOLL_CTL_ADD, readFd, POLLIN | EPOLLONESHOT), 0);
  write(program, writeFd);
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
  write(program, writeFd);
  program.call(CLOSE, writeFd);
  assert.deepEqual(ready(program, set), []);
  assert.equal(control(program, set, EPOLL_CTL_MOD, readFd, POLLIN | EPOLLONESHOT), 0);
  assert.deepEqual(ready(program, set), [[readFd, POLLIN | POLLHUP]]);
});

test("waits with a timeout, wakes by activity, ends by a signal even with SA_RESTART", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const set = program.call(20, 0);
  control(program, set, EPOLL_CTL_ADD, readFd, POLLIN);
  const first = startWait(program, set, 50);
  kernel.advance(49);
  assert.deepEqual(first.outcome, { result: null });
  kernel.advance(1);
  assert.deepEqual(first.outcome, { result: 0 });

  const second = startWait(program, set, -1);
  kernel.advance(100_000);
  write(program, writeFd);
  kernel.run();
  assert.deepEqual(second.outcome, { result: 1 });
  assert.deepEqual(reports(program, second.at, 1), [[readFd, POLLIN]]);

  program.call(READ, readFd, program.place(4), 4);
  program.process.signals.deliver = () => {};
  program.process.signals.setAction(SIGUSR1, { handler: 0x1000, flags: SA_RESTART, mask: 0n });
  const third = startWait(program, set, -1);
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.deepEqual(third.outcome, { result: -EINTR });
});

test("items leave with their file, not with their descriptor", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const set = program.call(20, 0);
  control(program, set, EPOLL_CTL_ADD, readFd, POLLIN);
  const copy = program.call(DUP, readFd);
  program.call(CLOSE, readFd);
  write(program, writeFd);
  // epoll(7), Questions and answers: the item stays while a duplicate keeps the open file description.
  assert.deepEqual(ready(program, set), [[readFd, POLLIN]]);
  program.call(CLOSE, copy);
  assert.deepEqual(ready(program, set), []);
  // The number is free for another file.
  const [again] = program.pipe();
  assert.equal(again, readFd);
  assert.equal(control(program, set, EPOLL_CTL_ADD, again, POLLIN), 0);
});

test("one file under two descriptors is two items", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const copy = program.call(DUP, readFd);
  const set = program.call(20, 0);
  assert.equal(control(program, set, EPOLL_CTL_ADD, readFd, POLLIN), 0);
  assert.equal(control(program, set, EPOLL_CTL_ADD, copy, POLLIN), 0);
  assert.equal(control(program, set, EPOLL_CTL_ADD, copy, POLLIN), -EEXIST);
  write(program, writeFd);
  assert.deepEqual(
    ready(program, set)
      .map(([fd]) => fd)
      .sort(),
    [readFd, copy].sort(),
  );
  assert.equal(control(program, set, EPOLL_CTL_DEL, readFd), 0);
  assert.equal(control(program, set, EPOLL_CTL_DEL, readFd), -ENOENT);
  assert.deepEqual(ready(program, set), [[copy, POLLIN]]);
  assert.equal(control(program, set, EPOLL_CTL_DEL, copy), 0);
  assert.deepEqual(ready(program, set), []);
});

test("what does not fit into one report comes first in the next", () => {
  const program = new TestKernel().spawn();
  const set = program.call(20, 0);
  const pairs = Array.from({ length: 5 }, () => program.pipe());
  for (const [readFd, writeFd] of pairs) {
    control(program, set, EPOLL_CTL_ADD, readFd, POLLIN);
    write(program, writeFd);
  }
  const order = [ready(program, set, 2), ready(program, set, 2), ready(program, set, 2)].flat().map(([fd]) => fd);
  const fds = pairs.map(([readFd]) => readFd);
  assert.deepEqual(order, [...fds, fds[0]]);
});

test("sets within sets", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const inner = program.call(20, 0);
  const outer = program.call(20, 0);
  assert.equal(control(program, inner, EPOLL_CTL_ADD, readFd, POLLIN), 0);
  assert.equal(control(program, outer, EPOLL_CTL_ADD, inner, POLLIN), 0);
  const waiting = startWait(program, outer, -1);
  write(program, writeFd);
  kernel.run();
  assert.deepEqual(waiting.outcome, { result: 1 });
  assert.deepEqual(ready(program, outer), [[inner, POLLIN]]);
  program.call(READ, readFd, program.place(4), 4);
  assert.deepEqual(ready(program, outer), []);
  assert.equal(control(program, inner, EPOLL_CTL_ADD, outer, POLLIN), -ELOOP);
  assert.equal(control(program, inner, EPOLL_CTL_ADD, inner, POLLIN), -EINVAL);
});

test("a chain of sets has an end, whichever way it is built", () => {
  for (const upwards of [true, false]) {
    const program = new TestKernel().spawn();
    const sets = Array.from({ length: 7 }, () => program.call(20, 0));
    const results: number[] = [];
    for (let k = 0; k < 6; k++) {
      const outer = upwards ? k + 1 : 5 - k;
      const inner = upwards ? k : 6 - k;
      results.push(control(program, sets[outer] as number, EPOLL_CTL_ADD, sets[inner] as number, POLLIN));
    }
    assert.deepEqual(results, [0, 0, 0, 0, -ELOOP, 0], `upwards ${upwards}`);
  }
});

test("errors", () => {
  const program = new TestKernel().spawn();
  const [readFd] = program.pipe();
  const set = program.call(20, 0);
  const at = program.place(16);
  assert.equal(program.call(20, 1), -EINVAL);
  assert.equal(program.call(21, set, EPOLL_CTL_ADD, readFd, 8), -EFAULT);
  assert.equal(program.call(21, 99, EPOLL_CTL_ADD, readFd, at), -EBADF);
  assert.equal(program.call(21, set, EPOLL_CTL_ADD, 99, at), -EBADF);
  assert.equal(program.call(21, readFd, EPOLL_CTL_ADD, set, at), -EINVAL);
  assert.equal(program.call(21, set, 9, readFd, at), -EINVAL);
  assert.equal(control(program, set, EPOLL_CTL_MOD, readFd, POLLIN), -ENOENT);
  assert.equal(control(program, set, EPOLL_CTL_ADD, readFd, POLLIN | POLLPRI | EPOLLEXCLUSIVE), -EINVAL);
  assert.equal(control(program, set, EPOLL_CTL_ADD, readFd, POLLIN | POLLOUT | POLLERR | EPOLLEXCLUSIVE), 0);
  assert.equal(control(program, set, EPOLL_CTL_MOD, readFd, POLLIN | EPOLLEXCLUSIVE), -EINVAL);
  assert.equal(program.call(22, set, at, 0, 0, 0, 0), -EINVAL);
  assert.equal(program.call(22, set, at, -1, 0, 0, 0), -EINVAL);
  assert.equal(program.call(22, set, 8, 1, 0, 0, 0), -EFAULT);
  assert.equal(program.call(22, 99, at, 1, 0, 0, 0), -EBADF);
  assert.equal(program.call(22, readFd, at, 1, 0, 0, 0), -EINVAL);
  assert.equal(program.call(READ, set, at, 8), -EINVAL);
});

test("a set that is closed lets go of everything", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const inner = program.call(20, 0);
  const set = program.call(20, 0);
  control(program, set, EPOLL_CTL_ADD, readFd, POLLIN);
  control(program, set, EPOLL_CTL_ADD, inner, POLLIN);
  control(program, inner, EPOLL_CTL_ADD, readFd, POLLIN);
  program.call(CLOSE, set);
  program.call(CLOSE, inner);
  write(program, writeFd);
  for (const fd of [readFd, writeFd]) program.call(CLOSE, fd);
  assert.equal(kernel.openFiles.current, 0);
});

test("agrees with poll for every level-triggered item, whatever happens", () => {
  const step = fc.record({
    kind: fc.constantFrom("write", "read", "close-writer", "add", "delete", "modify", "wait"),
    index: fc.nat(3),
    events: fc.constantFrom(POLLIN, POLLOUT, POLLIN | POLLOUT, 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const program = new TestKernel().spawn();
      const set = program.call(20, 0);
      const pairs = Array.from({ length: 4 }, () => program.pipe(O_NONBLOCK));
      const watched = new Map<number, number>();
      const buffer = program.place(16);
      for (const { kind, index, events } of steps) {
        const [readFd, writeFd] = pairs[index] as [number, number];
        if (kind === "write") program.start(WRITE, writeFd, buffer, 5);
        else if (kind === "read") program.call(READ, readFd, buffer, 3);
        else if (kind === "close-writer") program.call(CLOSE, writeFd);
        else if (kind === "add") {
          const result = control(program, set, EPOLL_CTL_ADD, readFd, events);
          assert.equal(result, watched.has(readFd) ? -EEXIST : 0);
          if (result === 0) watched.set(readFd, events);
        } else if (kind === "modify") {
          const result = control(program, set, EPOLL_CTL_MOD, readFd, events);
          assert.equal(result, watched.has(readFd) ? 0 : -ENOENT);
          if (result === 0) watched.set(readFd, events);
        } else if (kind === "delete") {
          const result = control(program, set, EPOLL_CTL_DEL, readFd);
          assert.equal(result, watched.delete(readFd) ? 0 : -ENOENT);
        }
        const expected: [number, number][] = [];
        for (const [fd, mask] of watched) {
          const now = (program.process.descriptors.get(fd)?.readiness() ?? 0) & (mask | POLLERR | POLLHUP);
          if (now !== 0) expected.push([fd, now]);
        }
        const byFd = (a: [number, number], b: [number, number]): number => a[0] - b[0];
        assert.deepEqual(ready(program, set).sort(byFd), expected.sort(byFd));
        if (program.process.hasExited) return;
      }
    }),
    { numRuns: 150 },
  );
});
