/** Advisory locks: fcntl(2)'s on ranges of bytes, and flock(2)'s on whole files. What is kept of them is file/file-locks.ts. */
import { EAGAIN, EBADF, EFAULT, EINVAL, EOVERFLOW } from "../../abi/errno.ts";
import {
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  FLOCK_BYTES,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
} from "../../abi/file.ts";
import type { RangeLock } from "../file/file-locks.ts";
import type { OpenFile } from "../file/open-file.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

/** The largest position that a struct flock can tell. */
const OFFSET_MAXIMUM = 2 ** 63;

/** A struct flock as the range it means, or -errno, with Linux's order of checks. */
function readRange(task: Task, file: OpenFile, address: number, ofDescription: boolean): RangeLock | number {
  const { memory, descriptors, processId } = task.process;
  const whence = memory.readUint16(address + 2);
  let origin = 0;
  if (whence === SEEK_CUR) origin = file.position;
  else if (whence === SEEK_END) {
    const status = file.status();
    if (typeof status === "number") return status;
    origin = status.size;
  } else if (whence !== SEEK_SET) return -EINVAL;
  const offset = memory.readInt64(address + 8);
  const length = memory.readInt64(address + 16);
  if (origin + offset >= OFFSET_MAXIMUM) return -EOVERFLOW;
  let start = origin + offset;
  let end = Number.POSITIVE_INFINITY;
  if (start < 0) return -EINVAL;
  if (length > 0) {
    if (start + length - 1 >= OFFSET_MAXIMUM) {
      // The last position of all is the end of any file; beyond it there is nothing.
      if (start + length - 1 > OFFSET_MAXIMUM) return -EOVERFLOW;
    } else end = start + length - 1;
  } else if (length < 0) {
    if (start + length < 0) return -EINVAL;
    end = start - 1;
    start += length;
  }
  const type = memory.readUint16(address);
  if (type > F_UNLCK) return -EINVAL;
  return ofDescription
    ? { type, start, end, owner: file, processId: -1 }
    : { type, start, end, owner: descriptors, processId };
}

/** F_SETLK, F_SETLKW and the same of open file descriptions. */
export function setLock(task: Task, descriptor: number, file: OpenFile, command: number, address: number): number {
  const { memory, descriptors } = task.process;
  if (!memory.isValid(address, FLOCK_BYTES)) return -EFAULT;
  const ofDescription = command === F_OFD_SETLK || command === F_OFD_SETLKW;
  // One that waits keeps to what it was given first: another thread may use the memory again meanwhile.
  const range = (task.scratch as RangeLock | null) ?? readRange(task, file, address, ofDescription);
  if (typeof range === "number") return range;
  if (range.type === F_RDLCK ? !file.isReadable : range.type === F_WRLCK && !file.isWritable) return -EBADF;
  if (ofDescription && task.restarts === 0 && memory.readInt32(address + 24) !== 0) return -EINVAL;
  const locks = task.system.openFiles.locks.of(file);
  if (typeof locks === "number") return locks;
  const waits = command === F_SETLKW || command === F_OFD_SETLKW;
  const result = locks.setRange(range, waits ? task : null);
  if (result === -EAGAIN && waits) {
    task.scratch = range;
    task.hold(descriptor, file);
    task.waitOn(locks.released);
    const outcome = task.block();
    if (outcome !== BLOCKED) task.system.openFiles.locks.stopWaiting(task);
    return outcome;
  }
  if (result < 0 || ofDescription) return result;
  if (range.type !== F_UNLCK) {
    descriptors.hasLocked = true;
    // Closed while it waited: the close could not release what was not there yet.
    if (task.restarts > 0 && descriptors.get(descriptor) !== file) {
      locks.setRange({ ...range, type: F_UNLCK }, null);
      return -EBADF;
    }
  }
  return 0;
}

/** F_GETLK: what stands in the way of a lock, in its place; or F_UNLCK as its type. */
export function getLock(task: Task, file: OpenFile, command: number, address: number): number {
  const { memory } = task.process;
  if (!memory.isValid(address, FLOCK_BYTES)) return -EFAULT;
  const ofDescription = command === F_OFD_GETLK;
  if (!ofDescription && memory.readUint16(address) > F_WRLCK) return -EINVAL;
  const range = readRange(task, file, address, ofDescription);
  if (typeof range === "number") return range;
  if (ofDescription && memory.readInt32(address + 24) !== 0) return -EINVAL;
  const locks = task.system.openFiles.locks.of(file);
  if (typeof locks === "number") return locks;
  const found = locks.findConflict(range);
  memory.writeUint16(address, found?.type ?? F_UNLCK);
  if (found === null) return 0;
  memory.writeUint16(address + 2, SEEK_SET);
  memory.writeInt64(address + 8, found.start);
  memory.writeInt64(address + 16, found.end === Number.POSITIVE_INFINITY ? 0 : found.end - found.start + 1);
  memory.writeUint32(address + 24, found.processId);
  return 0;
}

function wholeType(operation: number): number {
  switch (operation & ~LOCK_NB) {
    case LOCK_SH:
      return F_RDLCK;
    case LOCK_EX:
      return F_WRLCK;
    case LOCK_UN:
      return F_UNLCK;
    default:
      return -EINVAL;
  }
}

export function flock(task: Task, descriptor: number, operation: number): number {
  const type = wholeType(operation);
  if (type < 0) return type;
  const file = task.file(descriptor);
  if (file === null) return -EBADF;
  if (type !== F_UNLCK && !file.isReadable && !file.isWritable) return -EBADF;
  const locks = task.system.openFiles.locks.of(file);
  if (typeof locks === "number") return locks;
  const result = locks.setWhole(file, type);
  if (result !== -EAGAIN || (operation & LOCK_NB) !== 0) return result;
  task.hold(descriptor, file);
  task.waitOn(locks.released);
  return task.block();
}

export const fileLockCalls: readonly SyscallDefinition[] = [call(32, "flock", ["fd", "lock-operation"], flock)];
