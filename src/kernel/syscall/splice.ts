/** splice(2), tee(2), vmsplice(2): bytes between a pipe and a file, or between pipes, without a way through the program. */
import { EAGAIN, EBADF, EFAULT, EINVAL, EPIPE, ESPIPE } from "../../abi/errno.ts";
import { MAX_RW_COUNT, O_APPEND, O_NONBLOCK } from "../../abi/file.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SIGPIPE } from "../../abi/signal.ts";
import { AnonymousFile } from "../file/anonymous-file.ts";
import type { OpenFile } from "../file/open-file.ts";
import { type PipeBuffer, PipeReader, PipeWriter } from "../file/pipe.ts";
import type { Task } from "../task/task.ts";
import { FifoFile } from "../vfs/memfs/memory-fifo.ts";
import { DirectoryFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { readv, writev } from "./read-write.ts";

const SPLICE_F_NONBLOCK = 2;
const SPLICE_F_ALL = 0xf;
/** What is moved in one step. */
const STEP_BYTES = 0x1_0000;
/** A file takes and gives without end: after this much the call ends, so that others get their turn. */
const MOST_PER_CALL_BYTES = 0x100_0000;

let bounce: Uint8Array | null = null;

function room(): Uint8Array {
  bounce ??= new Uint8Array(STEP_BYTES);
  return bounce;
}

function pipeOf(file: OpenFile): PipeBuffer | null {
  return file instanceof PipeReader || file instanceof PipeWriter || file instanceof FifoFile ? file.pipe : null;
}

/** Moves bytes from a pipe, at most `length`; the count, 0 where there is nothing, or what the output answered. */
function drainOnce(pipe: PipeBuffer, output: OpenFile, position: number, length: number): number {
  const buffer = room();
  const count = pipe.peek(buffer, 0, Math.min(length, STEP_BYTES));
  if (count === 0) return 0;
  const written = position < 0 ? output.write(buffer, 0, count) : output.writeAt(buffer, 0, count, position);
  if (written > 0) pipe.read(buffer, 0, written);
  return written;
}

interface Ends {
  readonly input: OpenFile;
  readonly inputFd: number;
  readonly output: OpenFile;
  readonly outputFd: number;
  readonly dontWait: boolean;
}

/** Waits for the end that keeps the call from going on. */
function waitFor(task: Task, ends: Ends, isInput: boolean): number {
  const { input, output, inputFd, outputFd, dontWait } = ends;
  return isInput
    ? task.blockOnFile(inputFd, input, POLLIN | POLLHUP, input.readTimeoutMilliseconds, dontWait)
    : task.blockOnFile(outputFd, output, POLLOUT, output.writeTimeoutMilliseconds, dontWait);
}

function brokenPipe(task: Task, output: OpenFile): number {
  if (output.raisesSigpipe) task.process.signals.raise(SIGPIPE);
  return -EPIPE;
}

/** Goes on while the pipe has bytes and the output takes them; waits only for the first. */
function fromPipe(task: Task, pipe: PipeBuffer, ends: Ends, position: number, length: number): number {
  let moved = 0;
  while (moved < length) {
    const count = drainOnce(pipe, ends.output, position < 0 ? -1 : position + moved, length - moved);
    if (count <= 0) {
      if (moved > 0) return moved;
      if (count === 0) return pipe.writers.length === 0 ? 0 : waitFor(task, ends, true);
      if (count === -EAGAIN) return waitFor(task, ends, false);
      return count === -EPIPE ? brokenPipe(task, ends.output) : count;
    }
    moved += count;
  }
  return moved;
}

function toPipe(task: Task, pipe: PipeBuffer, ends: Ends, position: number, length: number): number {
  const { input } = ends;
  if (pipe.readers.length === 0) return brokenPipe(task, ends.output);
  let moved = 0;
  while (moved < length && pipe.free > 0) {
    const buffer = room();
    const most = Math.min(length - moved, pipe.free, STEP_BYTES);
    const count = position < 0 ? input.read(buffer, 0, most) : input.readAt(buffer, 0, most, position + moved);
    if (count <= 0) {
      if (moved > 0) return moved;
      return count === -EAGAIN ? waitFor(task, ends, true) : count;
    }
    pipe.write(buffer, 0, count);
    moved += count;
  }
  return moved > 0 ? moved : waitFor(task, ends, false);
}

/** What lies in one pipe goes to the other, as much as fits; with `keeps` it stays in the first as well. */
function betweenPipes(
  task: Task,
  from: PipeBuffer,
  to: PipeBuffer,
  ends: Ends,
  length: number,
  keeps: boolean,
): number {
  if (to.readers.length === 0) return brokenPipe(task, ends.output);
  if (from.used === 0) return from.writers.length === 0 ? 0 : waitFor(task, ends, true);
  if (to.free === 0) return waitFor(task, ends, false);
  const buffer = room();
  const count = from.peek(buffer, 0, Math.min(length, to.free, STEP_BYTES));
  to.write(buffer, 0, count);
  if (!keeps) from.read(buffer, 0, count);
  return count;
}

/** The two ends of splice(2) and tee(2), or -EBADF. */
function endsOf(task: Task, inputFd: number, outputFd: number, flags: number): Ends | number {
  const input = task.file(inputFd);
  const output = task.file(outputFd);
  if (input === null || output === null || !input.isReadable || !output.isWritable) return -EBADF;
  const dontWait = (flags & SPLICE_F_NONBLOCK) !== 0 || ((input.flags | output.flags) & O_NONBLOCK) !== 0;
  return { input, inputFd, output, outputFd, dontWait };
}

function canSplice(file: OpenFile): boolean {
  return !(file instanceof AnonymousFile) && !(file instanceof DirectoryFile);
}

export function splice(
  task: Task,
  inputFd: number,
  inputOffset: number,
  outputFd: number,
  outputOffset: number,
  count: number,
  flags: number,
): number {
  if (count === 0) return 0;
  if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL;
  const ends = endsOf(task, inputFd, outputFd, flags);
  if (typeof ends === "number") return ends;
  const { input, output } = ends;
  const [from, to] = [pipeOf(input), pipeOf(output)];
  if ((from !== null && inputOffset !== 0) || (to !== null && outputOffset !== 0)) return -ESPIPE;
  if (from === null && to === null) return -EINVAL;
  const length = Math.min(count < 0 ? MAX_RW_COUNT : count, MOST_PER_CALL_BYTES);
  if (from !== null && to !== null) {
    return from === to ? -EINVAL : betweenPipes(task, from, to, ends, length, false);
  }
  const offsetAddress = from === null ? inputOffset : outputOffset;
  const file = from === null ? input : output;
  const { memory } = task.process;
  let position = -1;
  if (offsetAddress !== 0) {
    if (!file.isPositioned) return -EINVAL;
    if (!memory.isValid(offsetAddress, 8)) return -EFAULT;
    position = memory.readInt64(offsetAddress);
    if (position < 0) return -EINVAL;
  }
  if (!canSplice(file)) return -EINVAL;
  if (from !== null && (output.flags & O_APPEND) !== 0 && !output.isStream) return -EINVAL;
  const moved =
    from !== null
      ? fromPipe(task, from, ends, position, length)
      : toPipe(task, to as PipeBuffer, ends, position, length);
  if (moved > 0 && position >= 0) memory.writeInt64(offsetAddress, position + moved);
  return moved;
}

export function tee(task: Task, inputFd: number, outputFd: number, count: number, flags: number): number {
  if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL;
  if (count === 0) return 0;
  const ends = endsOf(task, inputFd, outputFd, flags);
  if (typeof ends === "number") return ends;
  const [from, to] = [pipeOf(ends.input), pipeOf(ends.output)];
  if (from === null || to === null || from === to) return -EINVAL;
  return betweenPipes(task, from, to, ends, count < 0 ? MAX_RW_COUNT : count, true);
}

/** The program's memory into a pipe, or a pipe into it: the bytes are copied, as they are without SPLICE_F_GIFT. */
export function vmsplice(task: Task, fd: number, address: number, count: number, flags: number): number {
  if ((flags & ~SPLICE_F_ALL) !== 0) return -EINVAL;
  const file = task.file(fd);
  const pipe = file === null ? null : pipeOf(file);
  if (file === null || pipe === null) return -EBADF;
  const writes = file.isWritable;
  const mustWait = writes ? pipe.free === 0 && pipe.readers.length > 0 : pipe.used === 0 && pipe.writers.length > 0;
  if (mustWait && (flags & SPLICE_F_NONBLOCK) !== 0) return -EAGAIN;
  return writes ? writev(task, fd, address, count) : readv(task, fd, address, count);
}

export const spliceCalls: readonly SyscallDefinition[] = [
  call(75, "vmsplice", ["fd", "iovec-in", "int", "splice-flags"], vmsplice),
  call(76, "splice", ["fd", "address", "fd", "address", "size", "splice-flags"], splice),
  call(77, "tee", ["fd", "fd", "size", "splice-flags"], tee),
];
