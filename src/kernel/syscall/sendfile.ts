/** sendfile(2) and copy_file_range(2): from file to file without a way through the program. */
import { EAGAIN, EBADF, EFAULT, EINVAL, EISDIR, EPIPE, ESPIPE, EXDEV } from "../../abi/errno.ts";
import { MAX_RW_COUNT, O_APPEND } from "../../abi/file.ts";
import { POLLERR, POLLHUP, POLLOUT } from "../../abi/poll.ts";
import { SIGPIPE } from "../../abi/signal.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { TcpConnection } from "../net/tcp/connection.ts";
import { TcpSocket } from "../socket/tcp-socket.ts";
import type { Task } from "../task/task.ts";
import { DirectoryFile, RegularFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";

/** What one step reads where the bytes do not lie in memory already. */
const BOUNCE_BYTES = 0x4_0000;
/** A copy into a file or a pipe that never fills up ends after this much, so that others get their turn; the caller goes on. */
const MOST_PER_CALL_BYTES = 0x40_0000;

let bounce: Uint8Array | null = null;

/** Moves one run of bytes; the count, 0 at the end of the input, or what the output answered. */
function moveOnce(input: OpenFile, output: OpenFile, position: number, length: number): number {
  if (input instanceof RegularFile) input.node.inode.mapping?.beforeRead(position, length);
  const chunk = input instanceof RegularFile ? input.chunkAt(position) : null;
  // Bytes that lie in memory go to the output as they are: copied once.
  if (chunk !== null) return output.write(chunk.bytes, chunk.offset, Math.min(length, chunk.length));
  if (output instanceof TcpSocket && output.connection !== null) {
    return readIntoRing(input, output, output.connection, position, length);
  }
  bounce ??= new Uint8Array(BOUNCE_BYTES);
  const count = input.readAt(bounce, 0, Math.min(length, BOUNCE_BYTES), position);
  return count <= 0 ? count : output.write(bounce, 0, count);
}

/** Reads from the file straight into the connection's send buffer: no byte is copied a second time. */
function readIntoRing(
  input: OpenFile,
  output: TcpSocket,
  connection: TcpConnection,
  position: number,
  length: number,
): number {
  // An empty write tells what keeps the socket from sending: a pending error, or the direction being closed.
  const refused = output.write(connection.tcp.arena.bytes, 0, 0);
  if (refused < 0) return refused;
  const span = connection.writableSpan(length);
  if (span.length === 0) return -EAGAIN;
  const count = input.readAt(connection.tcp.arena.bytes, span.offset, span.length, position);
  return count <= 0 ? count : connection.commit(count);
}

const probe = new Uint8Array(1);

/** Files of /proc have no size before they are read. */
function isAtEnd(input: OpenFile, position: number): boolean {
  return input instanceof RegularFile && position >= input.size() && input.readAt(probe, 0, 1, position) === 0;
}

export function sendfile(task: Task, outFd: number, inFd: number, offsetAddress: number, count: number): number {
  const input = task.file(inFd);
  if (input === null || !input.isReadable) return -EBADF;
  const output = task.file(outFd);
  if (output === null || !output.isWritable) return -EBADF;
  if (!input.isPositioned) return offsetAddress === 0 ? -EINVAL : -ESPIPE;
  if (input instanceof DirectoryFile) return -EINVAL;
  // sendfile(2), ERRORS: an output that appends is EINVAL.
  if ((output.flags & O_APPEND) !== 0 && !output.isStream) return -EINVAL;
  const { memory } = task.process;
  const hasOffset = offsetAddress !== 0;
  if (hasOffset && !memory.isValid(offsetAddress, 8)) return -EFAULT;
  // The offset is read once; what earlier runs of this call moved is in task.progress.
  if (hasOffset && task.restarts === 0) task.scratch = memory.readInt64(offsetAddress);
  let position = hasOffset ? (task.scratch as number) + task.progress : input.position;
  if (position < 0 || count < 0) return -EINVAL;
  let left = Math.min(count, MAX_RW_COUNT) - task.progress;
  // At the end of the input the output is not looked at.
  if (isAtEnd(input, position)) left = 0;
  if (!output.isStream) left = Math.min(left, MOST_PER_CALL_BYTES);
  let error = 0;
  while (left > 0) {
    // No reading for an output that is full.
    if (output.isStream && (output.readiness() & (POLLOUT | POLLERR | POLLHUP)) === 0) error = -EAGAIN;
    const moved = error === 0 ? moveOnce(input, output, position, left) : error;
    if (moved <= 0) {
      error = moved;
      break;
    }
    position += moved;
    task.progress += moved;
    left -= moved;
  }
  if (hasOffset) memory.writeInt64(offsetAddress, position);
  else input.position = position;
  if (error === -EAGAIN) return task.blockOnFile(outFd, output, POLLOUT, output.writeTimeoutMilliseconds);
  if (task.progress > 0) return task.progress;
  if (error === -EPIPE && output.raisesSigpipe) task.process.signals.raise(SIGPIPE);
  return error;
}

export function copyFileRange(
  task: Task,
  inFd: number,
  inOffset: number,
  outFd: number,
  outOffset: number,
  length: number,
  flags: number,
): number {
  const input = task.file(inFd);
  const output = task.file(outFd);
  if (input === null || output === null) return -EBADF;
  if (flags !== 0) return -EINVAL;
  if (input instanceof DirectoryFile || output instanceof DirectoryFile) return -EISDIR;
  if (!(input instanceof RegularFile) || !(output instanceof RegularFile)) return -EINVAL;
  if (!input.isReadable || !output.isWritable || (output.flags & O_APPEND) !== 0) return -EBADF;
  const { memory } = task.process;
  if (inOffset !== 0 && !memory.isValid(inOffset, 8)) return -EFAULT;
  if (outOffset !== 0 && !memory.isValid(outOffset, 8)) return -EFAULT;
  const from = inOffset === 0 ? input.position : memory.readInt64(inOffset);
  const to = outOffset === 0 ? output.position : memory.readInt64(outOffset);
  if (from < 0 || to < 0 || length < 0) return -EINVAL;
  const most = Math.min(length, MOST_PER_CALL_BYTES);
  if (input.node.mount.fileSystem !== output.node.mount.fileSystem) return -EXDEV;
  // copy_file_range(2): the ranges of one file may not overlap.
  if (input.node.inode === output.node.inode && from < to + most && to < from + most) return -EINVAL;
  bounce ??= new Uint8Array(BOUNCE_BYTES);
  let done = 0;
  let error = 0;
  while (done < most) {
    const count = input.readAt(bounce, 0, Math.min(most - done, BOUNCE_BYTES), from + done);
    const written = count <= 0 ? count : output.writeAt(bounce, 0, count, to + done);
    if (written <= 0) {
      error = written;
      break;
    }
    done += written;
  }
  if (done === 0) return error;
  if (inOffset === 0) input.position = from + done;
  else memory.writeInt64(inOffset, from + done);
  if (outOffset === 0) output.position = to + done;
  else memory.writeInt64(outOffset, to + done);
  return done;
}

export const sendfileCalls: readonly SyscallDefinition[] = [
  call(71, "sendfile", ["fd", "fd", "address", "size"], sendfile),
  call(285, "copy_file_range", ["fd", "address", "fd", "address", "size", "flags"], copyFileRange),
];
