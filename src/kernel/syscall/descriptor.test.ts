import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, EMFILE, ENOTTY, EPERM } from "../../abi/errno.ts";
import {
  CLOSE_RANGE_CLOEXEC,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_GETOWN,
  F_GETPIPE_SZ,
  F_SETFD,
  F_SETFL,
  F_SETOWN,
  F_SETPIPE_SZ,
  FD_CLOEXEC,
  FIOCLEX,
  FIONBIO,
  FIONCLEX,
  FIONREAD,
  O_APPEND,
  O_CLOEXEC,
  O_NONBLOCK,
  O_WRONLY,
  S_IFIFO,
  S_IFMT,
  TCGETS,
} from "../../abi/file.ts";
import { RLIMIT_NOFILE } from "../../abi/time.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { PIPE_CAPACITY_BYTES, PIPES_TOTAL_BYTES } from "../file/pipe.ts";
import { TestKernel } from "./calls.fixture.ts";

setLockChecking(true);

const DUP = 23;
const DUP3 = 24;
const FCNTL = 25;
const IOCTL = 29;
const CLOSE = 57;
const PIPE2 = 59;
const READ = 63;

test("dup and dup3", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const [readFd, writeFd] = program.pipe();
  assert.equal(program.call(DUP, readFd), 2);
  assert.equal(program.call(DUP, 77), -EBADF);
  assert.equal(program.call(DUP3, writeFd, 7, O_CLOEXEC), 7);
  assert.equal(program.call(FCNTL, 7, F_GETFD), FD_CLOEXEC);
  assert.equal(program.call(DUP3, writeFd, writeFd, 0), -EINVAL);
  assert.equal(program.call(DUP3, 77, 77, 0), -EINVAL);
  assert.equal(program.call(DUP3, writeFd, 5, O_NONBLOCK), -EINVAL);
  assert.equal(program.call(DUP3, 77, 5, 0), -EBADF);
  assert.equal(program.call(DUP3, writeFd, 1024, 0), -EBADF);
  assert.equal(program.call(DUP3, writeFd, -1, 0), -EBADF);
  // Duplicates are one description: its flags are shared, its end comes with the last.
  assert.equal(program.call(FCNTL, 2, F_SETFL, O_NONBLOCK), 0);
  assert.equal(program.call(READ, readFd, program.place(4), 4), -EAGAIN);
  for (const fd of [0, 1, 2]) assert.equal(program.call(CLOSE, fd), 0);
  assert.equal(kernel.openFiles.current, 1);
  assert.equal(program.call(CLOSE, 7), 0);
  assert.equal(kernel.openFiles.current, 0);
});

test("fcntl", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe(O_NONBLOCK);
  assert.equal(program.call(FCNTL, 99, F_GETFD), -EBADF);
  assert.equal(program.call(FCNTL, readFd, F_DUPFD, 10), 10);
  assert.equal(program.call(FCNTL, readFd, F_DUPFD_CLOEXEC, 10), 11);
  assert.equal(program.call(FCNTL, 11, F_GETFD), FD_CLOEXEC);
  assert.equal(program.call(FCNTL, readFd, F_DUPFD, -1), -EINVAL);
  assert.equal(program.call(FCNTL, readFd, F_DUPFD, 1024), -EINVAL);
  assert.equal(program.call(FCNTL, readFd, F_SETFD, 0xff), 0);
  assert.equal(program.call(FCNTL, readFd, F_GETFD), FD_CLOEXEC);
  assert.equal(program.call(FCNTL, writeFd, F_GETFL), O_WRONLY | O_NONBLOCK);
  // The access mode cannot be changed; bits that mean nothing are ignored.
  assert.equal(program.call(FCNTL, writeFd, F_SETFL, O_APPEND | 2), 0);
  assert.equal(program.call(FCNTL, writeFd, F_GETFL), O_WRONLY | O_APPEND);
  assert.equal(program.call(FCNTL, writeFd, F_SETOWN, 12), 0);
  assert.equal(program.call(FCNTL, writeFd, F_GETOWN), 12);
  assert.equal(program.call(FCNTL, writeFd, 999), -EINVAL);
});

test("the size of a pipe", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe(O_NONBLOCK);
  const source = program.place(70_000);
  assert.equal(program.call(FCNTL, readFd, F_GETPIPE_SZ), 65_536);
  assert.equal(program.call(FCNTL, readFd, F_SETPIPE_SZ, 5000), 8192);
  assert.equal(program.call(64, writeFd, source, 70_000), 8192);
  assert.equal(program.call(FCNTL, writeFd, F_SETPIPE_SZ, 4096), -EBUSY);
  assert.equal(program.call(FCNTL, writeFd, F_SETPIPE_SZ, 131_072), 131_072);
  assert.equal(program.call(64, writeFd, source, 70_000), 70_000);
  assert.equal(program.call(FCNTL, writeFd, F_SETPIPE_SZ, 2_000_000), -EPERM);
  assert.equal(program.call(FCNTL, writeFd, F_SETPIPE_SZ, -1), -EINVAL);
  const eventFd = program.call(19, 0, 0);
  assert.equal(program.call(FCNTL, eventFd, F_GETPIPE_SZ), -EBADF);
});

test("pipes together are bounded: beyond the bound a new one holds a page, and none grows", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  kernel.openFiles.pipeBytes = PIPES_TOTAL_BYTES - PIPE_CAPACITY_BYTES;
  const [first] = program.pipe();
  const [second] = program.pipe();
  assert.equal(program.call(FCNTL, first, F_GETPIPE_SZ), PIPE_CAPACITY_BYTES);
  assert.equal(program.call(FCNTL, second, F_GETPIPE_SZ), 4096);
  assert.equal(program.call(FCNTL, second, F_SETPIPE_SZ, 8192), -EPERM);
  assert.equal(program.call(FCNTL, first, F_SETPIPE_SZ, 32_768), 32_768);
  assert.equal(program.call(FCNTL, second, F_SETPIPE_SZ, 8192), 8192);
  program.start(94, 0);
  assert.equal(kernel.openFiles.pipeBytes, PIPES_TOTAL_BYTES - PIPE_CAPACITY_BYTES);
});

test("ioctl", () => {
  const program = new TestKernel().spawn();
  const [readFd, writeFd] = program.pipe();
  const one = program.place(4);
  program.memory.writeUint32(one, 1);
  assert.equal(program.call(IOCTL, 99, FIONBIO, one), -EBADF);
  assert.equal(program.call(IOCTL, readFd, FIONBIO, 8), -EFAULT);
  assert.equal(program.call(IOCTL, readFd, FIONBIO, one), 0);
  assert.equal(program.call(FCNTL, readFd, F_GETFL), O_NONBLOCK);
  assert.equal(program.call(IOCTL, readFd, FIONBIO, program.place(4)), 0);
  assert.equal(program.call(FCNTL, readFd, F_GETFL), 0);
  assert.equal(program.call(IOCTL, readFd, FIOCLEX, 0), 0);
  assert.equal(program.call(FCNTL, readFd, F_GETFD), FD_CLOEXEC);
  assert.equal(program.call(IOCTL, readFd, FIONCLEX, 0), 0);
  assert.equal(program.call(FCNTL, readFd, F_GETFD), 0);
  program.call(64, writeFd, one, 3);
  const count = program.place(4);
  assert.equal(program.call(IOCTL, readFd, FIONREAD, count), 0);
  assert.equal(program.memory.readInt32(count), 3);
  assert.equal(program.call(IOCTL, readFd, FIONREAD, 3), -EFAULT);
  assert.equal(program.call(IOCTL, readFd, TCGETS, count), -ENOTTY);
});

test("pipe2 checks its flags and memory, and leaves nothing behind when there is no room", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  const address = program.place(8);
  assert.equal(program.call(PIPE2, address, 1), -EINVAL);
  assert.equal(program.call(PIPE2, 16, 0), -EFAULT);
  assert.equal(kernel.openFiles.current, 0);
  const limit = program.place(16);
  program.memory.writeInt64(limit, 3);
  program.memory.writeInt64(limit + 8, 4);
  assert.equal(program.call(164, RLIMIT_NOFILE, limit), 0);
  assert.equal(program.call(PIPE2, address, 0), 0);
  assert.equal(program.call(PIPE2, address, 0), -EMFILE);
  assert.equal(kernel.openFiles.current, 2);
  assert.equal(kernel.openFiles.pipeBytes, PIPE_CAPACITY_BYTES);
  assert.equal(program.call(DUP, 0), 2);
  assert.equal(program.call(PIPE2, address, 0), -EMFILE);
  assert.equal(kernel.openFiles.pipeBytes, PIPE_CAPACITY_BYTES);
  const status = program.process.descriptors.get(0)?.status();
  assert.ok(typeof status === "object");
  assert.equal(status.mode & S_IFMT, S_IFIFO);
});

test("close_range", () => {
  const kernel = new TestKernel();
  const program = kernel.spawn();
  for (let k = 0; k < 3; k++) program.pipe();
  assert.equal(program.call(436, 4, 2, 0), -EINVAL);
  assert.equal(program.call(436, 0, 2, 8), -EINVAL);
  assert.equal(program.call(436, 2, 3, CLOSE_RANGE_CLOEXEC), 0);
  assert.equal(program.call(FCNTL, 2, F_GETFD), FD_CLOEXEC);
  assert.equal(program.call(436, 1, 0xffff_ffff, 0), 0);
  assert.deepEqual(program.process.descriptors.descriptors(), [0]);
  assert.equal(program.call(CLOSE, 0), 0);
  assert.equal(program.call(CLOSE, 0), -EBADF);
  assert.equal(program.call(CLOSE, -1), -EBADF);
});
