/**
 * read(2), write(2) and their vector and positioned forms. Files answer -EAGAIN where they would have to wait; here that
 * becomes a parked task, or the program's EAGAIN.
 */
import { EAGAIN, EBADF, EFAULT, EINVAL, EOPNOTSUPP, EPIPE, ESPIPE } from "../../abi/errno.ts";
import { MAX_RW_COUNT, PIPE_BUF } from "../../abi/file.ts";
import { POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SIGPIPE, SIGTTIN } from "../../abi/signal.ts";
import type { OpenFile } from "../file/open-file.ts";
import { KernelSocket } from "../socket/kernel-socket.ts";
import { checkForeground } from "../task/job-control.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { gather, type IoVector, readIoVector, scatter } from "./iovec.ts";
import { checkTerminalWrite, readTerminal } from "./terminal.ts";

/** What a datagram or a terminal line moves at once through a vector. */
const BOUNCE_BYTES = 0x2_0000;
/** What a call moves within a turn. */
const BYTES_PER_TURN = 0x20_0000;
const VECTOR_BYTES_PER_CALL = 0x40_0000;

/** Linux checks the address range before the sign of the count; MAX_RW_COUNT cuts what is longer. */
function checkBuffer(task: Task, address: number, length: number): number {
  if (length < 0) return -EINVAL;
  return task.process.memory.isValid(address, length) ? 0 : -EFAULT;
}

/** How much of a transfer is done now: machine code may ask for a gibibyte at once, and others are to get their turn. */
function stepOf(task: Task, wanted: number): number {
  const left = wanted - task.progress;
  return task.process.isMachine ? Math.min(left, BYTES_PER_TURN) : left;
}

/** After a step: the call's result, or, where the file has given or taken all of it and there is more to do, BLOCKED. */
function goOn(task: Task, fd: number, file: OpenFile, wanted: number, step: number, result: number): number {
  if (result < 0) return task.progress > 0 ? task.progress : result;
  task.progress += result;
  if (result < step || file.isStream || task.progress >= wanted) return task.progress;
  task.hold(fd, file);
  return task.yieldTurn();
}

/** The vector of a call, which for machine code moves no more than others can wait for: what does not flow ends short then. */
function readVector(task: Task, file: OpenFile, address: number, count: number): IoVector | number {
  const { memory, isMachine } = task.process;
  const most = isMachine && !file.isStream ? VECTOR_BYTES_PER_CALL : MAX_RW_COUNT;
  return readIoVector(memory, address, count | 0, most);
}

export function read(task: Task, fd: number, address: number, length: number): number {
  const file = task.file(fd);
  if (file === null || !file.isReadable) return -EBADF;
  const bad = checkBuffer(task, address, length);
  if (bad !== 0) return bad;
  const { terminal } = file;
  if (terminal !== null) return readTerminal(task, fd, file, terminal, address, Math.min(length, MAX_RW_COUNT));
  const wanted = Math.min(length, MAX_RW_COUNT);
  const step = stepOf(task, wanted);
  const result = file.read(task.process.memory.bytes, address + task.progress, step);
  if (result !== -EAGAIN) return goOn(task, fd, file, wanted, step, result);
  return task.blockOnFile(fd, file, POLLIN, file.readTimeoutMilliseconds);
}

export function write(task: Task, fd: number, address: number, length: number): number {
  const file = task.file(fd);
  if (file === null || !file.isWritable) return -EBADF;
  const bad = checkBuffer(task, address, length);
  if (bad !== 0) return bad;
  if (file.terminal !== null) {
    const stopped = checkTerminalWrite(task, file.terminal);
    if (stopped !== 0) return stopped;
  }
  const wanted = Math.min(length, MAX_RW_COUNT);
  for (;;) {
    const step = stepOf(task, wanted);
    const result = file.write(task.process.memory.bytes, address + task.progress, step);
    if (result < 0) return writeFailed(task, fd, file, result);
    if (step < wanted - task.progress && !file.isStream) return goOn(task, fd, file, wanted, step, result);
    task.progress += result;
    // A pipe or a stream socket takes what fits, and the call goes on until all is taken (write(2), pipe(7)).
    if (task.progress >= wanted || result === 0 || !file.isStream) return task.progress;
  }
}

/** Ends or parks a write: -EAGAIN waits for room, -EPIPE raises SIGPIPE; what earlier runs wrote is the result otherwise. */
function writeFailed(task: Task, fd: number, file: OpenFile, error: number): number {
  if (error === -EAGAIN) return task.blockOnFile(fd, file, POLLOUT, file.writeTimeoutMilliseconds);
  if (task.progress > 0) {
    // The bytes that went are the news; a socket tells its error with the next call, a pipe by the signal alone.
    if (file instanceof KernelSocket) file.restoreError(-error);
    else if (error === -EPIPE && file.raisesSigpipe) task.process.signals.raise(SIGPIPE);
    return task.progress;
  }
  if (error === -EPIPE && file.raisesSigpipe) task.process.signals.raise(SIGPIPE);
  return error;
}

function isSegmented(file: OpenFile): boolean {
  return !file.isStream && !file.isPositioned;
}

export function readv(task: Task, fd: number, address: number, count: number): number {
  const file = task.file(fd);
  if (file === null || !file.isReadable) return -EBADF;
  if (!file.canRead) return -EINVAL;
  const vector = readVector(task, file, address, count);
  if (typeof vector === "number") return vector;
  if (vector.totalBytes === 0) return 0;
  if (file.terminal !== null) {
    const stopped = checkForeground(task, file.terminal, SIGTTIN);
    if (stopped !== 0) return stopped;
  }
  // A line of a terminal, too, is not to be followed by the next one.
  const isOnce = isSegmented(file) || file.terminal !== null;
  const result = isOnce ? readOnce(task, file, vector) : readSegments(task, file, vector, -1);
  if (result !== -EAGAIN) return result;
  return task.blockOnFile(fd, file, POLLIN, file.readTimeoutMilliseconds);
}

export function writev(task: Task, fd: number, address: number, count: number): number {
  const file = task.file(fd);
  if (file === null || !file.isWritable) return -EBADF;
  if (!file.canWrite) return -EINVAL;
  const vector = readVector(task, file, address, count);
  if (typeof vector === "number") return vector;
  // Unlike write(2), which asks the file even for nothing.
  if (vector.totalBytes === 0) return 0;
  if (file.terminal !== null) {
    const stopped = checkTerminalWrite(task, file.terminal);
    if (stopped !== 0) return stopped;
  }
  for (;;) {
    const result = writeNext(task, file, vector);
    if (result < 0) return writeFailed(task, fd, file, result);
    task.progress += result;
    if (task.progress >= vector.totalBytes || result === 0 || isSegmented(file)) return task.progress;
  }
}

/** Writes what comes after the first `task.progress` bytes, as much as goes at once. */
function writeNext(task: Task, file: OpenFile, vector: IoVector): number {
  const { bytes } = task.process.memory;
  const left = vector.totalBytes - task.progress;
  if (vector.addresses.length <= 1) return file.write(bytes, (vector.addresses[0] ?? 0) + task.progress, left);
  // Long streams go segment by segment, without a copy.
  if (file.isStream && left > PIPE_BUF) {
    let skip = task.progress;
    let segment = 0;
    while (skip >= (vector.lengths[segment] as number)) skip -= vector.lengths[segment++] as number;
    return file.write(bytes, (vector.addresses[segment] as number) + skip, (vector.lengths[segment] as number) - skip);
  }
  // One write of all segments: a pipe keeps up to PIPE_BUF bytes together, a datagram socket makes one datagram of it.
  const bounce = new Uint8Array(Math.min(left, BOUNCE_BYTES));
  return file.write(bounce, 0, gather(task.process.memory, vector, task.progress, bounce, bounce.length));
}

/** One read into a buffer of the kernel's, spread over the segments: a datagram must not be torn apart. */
function readOnce(task: Task, file: OpenFile, vector: IoVector): number {
  const bounce = new Uint8Array(Math.min(vector.totalBytes, BOUNCE_BYTES));
  const result = file.read(bounce, 0, bounce.length);
  if (result > 0) scatter(task.process.memory, vector, bounce, result);
  return result;
}

/** Segment by segment, at `position` or (-1) at the file's own; ends at the first short one. */
function readSegments(task: Task, file: OpenFile, vector: IoVector, position: number): number {
  const { bytes } = task.process.memory;
  let done = 0;
  for (let k = 0; k < vector.addresses.length; k++) {
    const from = vector.addresses[k] as number;
    const length = vector.lengths[k] as number;
    const result = position < 0 ? file.read(bytes, from, length) : file.readAt(bytes, from, length, position + done);
    if (result < 0) return done > 0 ? done : result;
    done += result;
    if (result < length) break;
  }
  return done;
}

function writeSegments(task: Task, file: OpenFile, vector: IoVector, position: number): number {
  const { bytes } = task.process.memory;
  let done = 0;
  for (let k = 0; k < vector.addresses.length; k++) {
    const length = vector.lengths[k] as number;
    const result = file.writeAt(bytes, vector.addresses[k] as number, length, position + done);
    if (result < 0) return done > 0 ? done : result;
    done += result;
    if (result < length) break;
  }
  return done;
}

/** pread(2) and pwrite(2) look at the position first, then at the descriptor, then at whether the file can seek. */
function positioned(task: Task, fd: number, position: number): OpenFile | number {
  if (position < 0) return -EINVAL;
  const file = task.file(fd);
  if (file === null) return -EBADF;
  return file.isPositioned ? file : -ESPIPE;
}

export function pread64(task: Task, fd: number, address: number, length: number, position: number): number {
  const file = positioned(task, fd, position);
  if (typeof file === "number") return file;
  if (!file.isReadable) return -EBADF;
  const bad = checkBuffer(task, address, length);
  if (bad !== 0) return bad;
  const wanted = Math.min(length, MAX_RW_COUNT);
  const step = stepOf(task, wanted);
  const { progress } = task;
  const result = file.readAt(task.process.memory.bytes, address + progress, step, position + progress);
  return goOn(task, fd, file, wanted, step, result);
}

export function pwrite64(task: Task, fd: number, address: number, length: number, position: number): number {
  const file = positioned(task, fd, position);
  if (typeof file === "number") return file;
  if (!file.isWritable) return -EBADF;
  const bad = checkBuffer(task, address, length);
  if (bad !== 0) return bad;
  const wanted = Math.min(length, MAX_RW_COUNT);
  const step = stepOf(task, wanted);
  const { progress } = task;
  const result = file.writeAt(task.process.memory.bytes, address + progress, step, position + progress);
  return goOn(task, fd, file, wanted, step, result);
}

export function preadv(task: Task, fd: number, address: number, count: number, position: number): number {
  const file = positioned(task, fd, position);
  if (typeof file === "number") return file;
  if (!file.isReadable) return -EBADF;
  const vector = readVector(task, file, address, count);
  return typeof vector === "number" ? vector : readSegments(task, file, vector, position);
}

export function pwritev(task: Task, fd: number, address: number, count: number, position: number): number {
  const file = positioned(task, fd, position);
  if (typeof file === "number") return file;
  if (!file.isWritable) return -EBADF;
  const vector = readVector(task, file, address, count);
  return typeof vector === "number" ? vector : writeSegments(task, file, vector, position);
}

/** preadv2(2): a position of -1 is the file's own. None of the RWF_ flags is supported. */
export function preadv2(
  task: Task,
  fd: number,
  address: number,
  count: number,
  position: number,
  _high: number,
  flags: number,
): number {
  if (flags !== 0) return -EOPNOTSUPP;
  return position === -1 ? readv(task, fd, address, count) : preadv(task, fd, address, count, position);
}

export function pwritev2(
  task: Task,
  fd: number,
  address: number,
  count: number,
  position: number,
  _high: number,
  flags: number,
): number {
  if (flags !== 0) return -EOPNOTSUPP;
  return position === -1 ? writev(task, fd, address, count) : pwritev(task, fd, address, count, position);
}

export const readWriteCalls: readonly SyscallDefinition[] = [
  call(63, "read", ["fd", "buffer-out", "size"], read),
  call(64, "write", ["fd", "buffer-in", "size"], write),
  call(65, "readv", ["fd", "iovec-out", "int"], readv),
  call(66, "writev", ["fd", "iovec-in", "int"], writev),
  call(67, "pread64", ["fd", "buffer-out", "size", "offset"], pread64),
  call(68, "pwrite64", ["fd", "buffer-in", "size", "offset"], pwrite64),
  call(69, "preadv", ["fd", "iovec-out", "int", "offset"], preadv),
  call(70, "pwritev", ["fd", "iovec-in", "int", "offset"], pwritev),
  call(286, "preadv2", ["fd", "iovec-out", "int", "offset", "hex", "flags"], preadv2),
  call(287, "pwritev2", ["fd", "iovec-in", "int", "offset", "hex", "flags"], pwritev2),
];

/** The akuma ABI's own numbers; the Linux ones above stay valid in it. */
export const readWriteAkumaCalls: readonly SyscallDefinition[] = [
  call(1, "read", ["fd", "buffer-out", "size"], read),
  call(2, "write", ["fd", "buffer-in", "size"], write),
];
