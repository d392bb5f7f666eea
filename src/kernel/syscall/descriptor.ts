/** Descriptors as such: close(2), dup(2), fcntl(2), ioctl(2). What the file behind one does is the file's own affair. */
import { EBADF, EBUSY, EFAULT, EINVAL, EPERM } from "../../abi/errno.ts";
import {
  CLOSE_RANGE_CLOEXEC,
  CLOSE_RANGE_UNSHARE,
  F_ADD_SEALS,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GET_SEALS,
  F_GETFD,
  F_GETFL,
  F_GETLK,
  F_GETOWN,
  F_GETPIPE_SZ,
  F_GETSIG,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  F_SETFD,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  F_SETPIPE_SZ,
  F_SETSIG,
  FD_CLOEXEC,
  FIOASYNC,
  FIOCLEX,
  FIONBIO,
  FIONCLEX,
  O_APPEND,
  O_CLOEXEC,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
} from "../../abi/file.ts";
import { NSIG } from "../../abi/signal.ts";
import type { OpenFile } from "../file/open-file.ts";
import { PipeReader, PipeWriter } from "../file/pipe.ts";
import type { Task } from "../task/task.ts";
import { PseudoTerminalMaster } from "../vfs/devfs/terminal-file.ts";
import { FifoFile } from "../vfs/memfs/memory-fifo.ts";
import { RegularFile } from "../vfs/vfs-file.ts";
import { close } from "./close.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { getLock, setLock } from "./file-lock.ts";
import { terminalControl } from "./terminal.ts";

/** What F_SETFL may change; other bits are ignored, as fcntl(2) says. */
const SETTABLE_FLAGS = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;

const ALL_SEALS: number = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC;
/** What fcntl(2) does with a descriptor opened with O_PATH (open(2)); everything else is EBADF. */
const PATH_COMMANDS: ReadonlySet<number> = new Set([F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL]);

export function closeRange(task: Task, first: number, last: number, flags: number): number {
  const low = first >>> 0;
  const high = last >>> 0;
  if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) !== 0 || low > high) return -EINVAL;
  const { descriptors } = task.process;
  for (const fd of descriptors.descriptors()) {
    if (fd < low || fd > high) continue;
    if ((flags & CLOSE_RANGE_CLOEXEC) !== 0) descriptors.setFlags(fd, FD_CLOEXEC);
    else descriptors.close(fd);
  }
  return 0;
}

export function dup(task: Task, fd: number): number {
  const file = task.fileOrPath(fd);
  return file === null ? -EBADF : task.process.descriptors.install(file);
}

export function dup3(task: Task, oldFd: number, newFd: number, flags: number): number {
  if ((flags & ~O_CLOEXEC) !== 0 || oldFd === newFd) return -EINVAL;
  const { descriptors } = task.process;
  // dup(2): EBADF for a new number out of range comes before EBADF for the old one; the same number either way.
  const file = descriptors.getWithPath(oldFd);
  if (file === null) return -EBADF;
  return descriptors.installAt(newFd, file, (flags & O_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

export function fcntl(task: Task, fd: number, command: number, argument: number): number {
  const { descriptors } = task.process;
  const file = PATH_COMMANDS.has(command) ? descriptors.getWithPath(fd) : task.file(fd);
  if (file === null) return -EBADF;
  switch (command) {
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return setLock(task, fd, file, command, argument);
    case F_GETLK:
    case F_OFD_GETLK:
      return getLock(task, file, command, argument);
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      if (!(argument >= 0 && argument < descriptors.limit)) return -EINVAL;
      return descriptors.install(file, command === F_DUPFD ? 0 : FD_CLOEXEC, argument);
    case F_GETFD:
      return descriptors.flagsOf(fd);
    case F_SETFD:
      descriptors.setFlags(fd, argument & FD_CLOEXEC);
      return 0;
    case F_GETFL:
      return file.flags;
    case F_SETFL:
      // Only what has a page cache can go past it.
      if ((argument & O_DIRECT) !== 0 && !(file instanceof RegularFile) && !isPipe(file)) return -EINVAL;
      file.flags = (file.flags & ~SETTABLE_FLAGS) | (argument & SETTABLE_FLAGS);
      return 0;
    case F_GETOWN:
      return file.owner;
    case F_SETOWN:
      file.owner = argument | 0;
      return 0;
    case F_GETSIG:
      return file.ownerSignal;
    case F_SETSIG:
      if (!(argument >= 0 && argument <= NSIG)) return -EINVAL;
      file.ownerSignal = argument;
      return 0;
    case F_GETPIPE_SZ:
      return isPipe(file) ? file.capacityBytes : -EBADF;
    case F_SETPIPE_SZ:
      return isPipe(file) ? file.resize(argument) : -EBADF;
    case F_ADD_SEALS:
      return addSeals(file, argument);
    case F_GET_SEALS:
      return file instanceof RegularFile ? (file.node.inode.seals ?? -EINVAL) : -EINVAL;
    default:
      return -EINVAL;
  }
}

function addSeals(file: OpenFile, seals: number): number {
  if (!file.isWritable) return -EPERM;
  if ((seals & ~ALL_SEALS) !== 0 || !(file instanceof RegularFile)) return -EINVAL;
  const { inode } = file.node;
  if (inode.seals === null) return -EINVAL;
  if ((inode.seals & F_SEAL_SEAL) !== 0) return -EPERM;
  const closesWriting = (seals & F_SEAL_WRITE) !== 0 && (inode.seals & F_SEAL_WRITE) === 0;
  if (closesWriting && inode.mapping?.hasWriters === true) return -EBUSY;
  inode.seals |= seals;
  return 0;
}

function isPipe(file: OpenFile): file is PipeReader | PipeWriter | FifoFile {
  return file instanceof PipeReader || file instanceof PipeWriter || file instanceof FifoFile;
}

export function ioctl(task: Task, fd: number, request: number, argument: number): number {
  const { descriptors, memory } = task.process;
  const file = descriptors.get(fd);
  if (file === null) return -EBADF;
  switch (request >>> 0) {
    case FIOCLEX:
      descriptors.setFlags(fd, FD_CLOEXEC);
      return 0;
    case FIONCLEX:
      descriptors.setFlags(fd, 0);
      return 0;
    case FIONBIO:
      if (!memory.isValid(argument, 4)) return -EFAULT;
      file.flags = memory.readInt32(argument) === 0 ? file.flags & ~O_NONBLOCK : file.flags | O_NONBLOCK;
      return 0;
    case FIOASYNC:
      // No SIGIO is ever sent: asking for it is accepted, as for files that cannot send it.
      return memory.isValid(argument, 4) ? 0 : -EFAULT;
    default:
      if (file.terminal !== null || file instanceof PseudoTerminalMaster)
        return terminalControl(task, file, request >>> 0, argument);
      return file.control(request >>> 0, argument, memory.bytes);
  }
}

export const descriptorCalls: readonly SyscallDefinition[] = [
  call(23, "dup", ["fd"], dup),
  call(24, "dup3", ["fd", "fd", "dup-flags"], dup3),
  call(25, "fcntl", ["fd", "fcntl-command", "fcntl-argument"], fcntl),
  call(29, "ioctl", ["fd", "ioctl-request", "address"], ioctl),
  call(57, "close", ["fd"], close),
  call(436, "close_range", ["uint", "uint", "flags"], closeRange),
];
