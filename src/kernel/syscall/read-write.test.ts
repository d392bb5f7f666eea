import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, EFAULT, EINVAL, EOPNOTSUPP, EPIPE, ESPIPE } from "../../abi/errno.ts";
import { O_CLOEXEC, O_NONBLOCK, PIPE_BUF } from "../../abi/file.ts";
import { SIG_IGN, SIGPIPE } from "../../abi/signal.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { PIPE_CAPACITY_BYTES } from "../file/pipe.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

setLockChecking(true);

const READ = 63;
const WRITE = 64;
const READV = 65;
const WRITEV = 66;
const CLOSE = 57;

function iovec(program: TestProgram, ...segments: (readonly [number, number])[]): number {
  const address = program.place(16 * Math.max(1, segments.length));
  for (const [index, [base, length]] of segments.entries()) {
    program.memory.writeInt64(address + 16 * index, base);
    program.memory.writeInt64(address + 16 * index + 8, length);
  }
  return address;
}

test("bytes go through a pipe, and its end is told", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const text = program.put("hello, pipe");
  const buffer = program.place(64);
  assert.equal(program.call(WRITE, writeFd, text, 11), 11);
  assert.equal(program.call(READ, readFd, buffer, 5), 5);
  assert.equal(program.call(READ, readFd, buffer + 5, 59), 6);
  assert.equal(program.text(buffer, 11), "hello, pipe");
  assert.equal(program.call(CLOSE, writeFd), 0);
  assert.equal(program.call(READ, readFd, buffer, 64), 0);
});

test("a read waits for a write, and keeps its file though the descriptor is closed meanwhile", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const buffer = program.place(64);
  const reading = program.wait(READ, readFd, buffer, 64);
  assert.equal(program.call(CLOSE, readFd), 0);
  assert.equal(program.call(WRITE, writeFd, program.put("late"), 4), 4);
  assert.equal(reading.result, null);
  kernel.run();
  assert.equal(reading.result, 4);
  assert.equal(program.text(buffer, 4), "late");
  // The call held the last reference: with it the reading end is gone.
  program.process.signals.setAction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
  assert.equal(program.call(WRITE, writeFd, buffer, 4), -EPIPE);
});

test("a read that waits is not given to the file that gets the number next", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const buffer = program.place(16);
  const reading = program.wait(READ, readFd, buffer, 16);
  program.call(CLOSE, readFd);
  const [otherRead, otherWrite] = program.pipe();
  assert.equal(otherRead, readFd);
  program.call(WRITE, otherWrite, program.put("B"), 1);
  kernel.run();
  assert.equal(reading.result, null);
  program.call(WRITE, writeFd, program.put("A"), 1);
  kernel.run();
  assert.equal(reading.result, 1);
  assert.equal(program.text(buffer, 1), "A");
});

test("a blocking write goes on until all is written; O_NONBLOCK takes what fits", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const size = PIPE_CAPACITY_BYTES + 20_000;
  const source = program.place(size);
  for (let k = 0; k < size; k++) program.memory.bytes[source + k] = (k * 7) & 0xff;
  const writing = program.wait(WRITE, writeFd, source, size);
  const sink = program.place(30_000);
  let got = 0;
  while (writing.result === null || got < size) {
    const part = program.start(READ, readFd, sink, 30_000);
    assert.equal(typeof part, "number");
    for (let k = 0; k < (part as number); k++) {
      if (program.memory.bytes[sink + k] !== (((got + k) * 7) & 0xff)) assert.fail(`byte ${got + k}`);
    }
    got += part as number;
    kernel.run();
  }
  assert.equal(writing.result, size);
  assert.equal(got, size);

  const [, nonblocking] = program.pipe(O_NONBLOCK | O_CLOEXEC);
  assert.equal(program.call(WRITE, nonblocking, source, size), PIPE_CAPACITY_BYTES);
  assert.equal(program.call(WRITE, nonblocking, source, 1), -EAGAIN);
});

test("up to PIPE_BUF bytes are written together or not at all", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe(O_NONBLOCK);
  const source = program.place(PIPE_CAPACITY_BYTES);
  assert.equal(program.call(WRITE, writeFd, source, PIPE_CAPACITY_BYTES - 100), PIPE_CAPACITY_BYTES - 100);
  assert.equal(program.call(WRITE, writeFd, source, 101), -EAGAIN);
  assert.equal(program.call(WRITEV, writeFd, iovec(program, [source, 60], [source, 41]), 2), -EAGAIN);
  assert.equal(program.call(WRITE, writeFd, source, PIPE_BUF + 1), 100);
  assert.equal(program.call(READ, readFd, source, 101), 101);
  assert.equal(program.call(WRITEV, writeFd, iovec(program, [source, 60], [source, 41]), 2), 101);
});

test("EPIPE comes with SIGPIPE, which ends the process or is ignored", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  program.call(CLOSE, readFd);
  program.process.signals.setAction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
  assert.equal(program.call(WRITE, writeFd, program.put("x"), 1), -EPIPE);
  program.process.signals.setAction(SIGPIPE, { handler: 0, flags: 0, mask: 0n });
  assert.deepEqual(program.start(WRITE, writeFd, program.put("x"), 1), { result: null });
  assert.equal(program.process.hasExited, true);
  assert.equal(program.process.status, SIGPIPE);
  assert.equal(kernel.openFiles.current, 0);
});

test("a process that ends by SIGPIPE in the midst of a write gives its files back", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const other = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const reader = program.process.descriptors.get(readFd);
  assert.ok(reader);
  other.process.descriptors.install(reader);
  program.call(CLOSE, readFd);
  program.wait(WRITE, writeFd, program.place(PIPE_CAPACITY_BYTES + 1), PIPE_CAPACITY_BYTES + 1);
  // The reader goes away: 64 KiB were written, and the signal comes all the same.
  other.call(CLOSE, 0);
  kernel.run();
  assert.equal(program.process.hasExited, true);
  assert.equal(kernel.openFiles.current, 0);
});

test("vectors gather and scatter", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const text = program.put("one two three");
  const vector = iovec(program, [text, 4], [0, 0], [text + 4, 4], [text + 8, 5]);
  assert.equal(program.call(WRITEV, writeFd, vector, 4), 13);
  const a = program.place(16);
  const b = program.place(16);
  assert.equal(program.call(READV, readFd, iovec(program, [a, 7], [b, 16]), 2), 13);
  assert.equal(program.text(a, 7), "one two");
  assert.equal(program.text(b, 6), " three");
  const reading = program.wait(READV, readFd, iovec(program, [a, 7], [b, 16]), 2);
  program.call(WRITE, writeFd, text, 3);
  program.kernel.run();
  assert.equal(reading.result, 3);
});

test("a vector of many kilobytes is written whole by a blocking call", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  const half = 50_000;
  const source = program.place(2 * half);
  program.memory.bytes.fill(1, source, source + half);
  program.memory.bytes.fill(2, source + half, source + 2 * half);
  const writing = program.wait(WRITEV, writeFd, iovec(program, [source, half], [source + half, half]), 2);
  const sink = program.place(2 * half);
  let got = 0;
  for (let turn = 0; turn < 20 && got < 2 * half; turn++) {
    got += program.call(READ, readFd, sink + got, 2 * half - got);
    kernel.run();
  }
  assert.equal(writing.result, 2 * half);
  assert.deepEqual(program.memory.bytes.slice(sink, sink + got), program.memory.bytes.slice(source, source + got));
});

test("errors come in Linux's order", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const buffer = program.place(64);
  const vector = iovec(program, [buffer, 8]);
  assert.equal(program.call(READ, 99, 0, -1), -EBADF);
  assert.equal(program.call(READ, writeFd, buffer, 8), -EBADF);
  assert.equal(program.call(WRITE, readFd, buffer, 8), -EBADF);
  assert.equal(program.call(READ, readFd, 16, 8), -EFAULT);
  assert.equal(program.call(READ, readFd, 0x4_0000 - 4, 8), -EFAULT);
  assert.equal(program.call(READ, readFd, buffer, -1), -EINVAL);
  assert.equal(program.call(READ, readFd, 0, 0), 0);
  assert.equal(program.call(WRITE, writeFd, 0, 0), 0);
  assert.equal(program.call(READV, readFd, vector, 1025), -EINVAL);
  assert.equal(program.call(READV, readFd, vector, -1), -EINVAL);
  assert.equal(program.call(READV, readFd, 8, 1), -EFAULT);
  assert.equal(program.call(READV, readFd, iovec(program, [buffer, -5]), 1), -EINVAL);
  assert.equal(program.call(WRITEV, writeFd, iovec(program, [buffer, 8], [8, 8]), 2), -EFAULT);
  assert.equal(program.call(WRITEV, writeFd, vector, 0), 0);
  // pread(2): the position is looked at before the descriptor.
  assert.equal(program.call(67, 99, buffer, 8, -1), -EINVAL);
  assert.equal(program.call(67, 99, buffer, 8, 0), -EBADF);
  assert.equal(program.call(67, readFd, buffer, 8, 0), -ESPIPE);
  assert.equal(program.call(68, writeFd, buffer, 8, 0), -ESPIPE);
  assert.equal(program.call(69, readFd, vector, 1, 0), -ESPIPE);
  assert.equal(program.call(70, writeFd, vector, 1, 0), -ESPIPE);
  assert.equal(program.call(287, writeFd, vector, 1, -1, 0, 0), 8);
  assert.equal(program.call(286, readFd, vector, 1, -1, 0, 0), 8);
  assert.equal(program.call(286, readFd, vector, 1, -1, 0, 8), -EOPNOTSUPP);
});

test("the akuma ABI reads with 1 and writes with 2, and keeps Linux's numbers", () => {
  const program = new TestKernel().spawn(null, "akuma");
  const [readFd, writeFd] = program.pipe();
  const text = program.put("akuma");
  assert.equal(program.call(2, writeFd, text, 5), 5);
  assert.equal(program.call(1, readFd, program.place(8), 8), 5);
  assert.equal(program.call(WRITE, writeFd, text, 5), 5);
});
