/**
 * Calls that nobody here may make, for want of the capability: mounting, namespaces, the clock, the machine as such. And what there
 * is nothing behind: file handles, the kernel's log.
 */
import { CLONE_FILES, CLONE_FS } from "../../abi/clone.ts";
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW } from "../../abi/file.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { resolve, resolveOrFile } from "./path-arguments.ts";

function notPermitted(_task: Task): number {
  return -EPERM;
}

const MNT_FORCE_DETACH_EXPIRE_NOFOLLOW = 0xf;

export function umount2(task: Task, path: number, flags: number): number {
  if ((flags & ~MNT_FORCE_DETACH_EXPIRE_NOFOLLOW) !== 0) return -EINVAL;
  const node = resolve(task, AT_FDCWD, path, true);
  return typeof node === "number" ? node : -EPERM;
}

const CLONE_NEW_ANYTHING = 0x7e02_0080;
/** CLONE_FS | CLONE_FILES | CLONE_SYSVSEM: what a process that shares nothing has for itself already. */
const CLONE_UNSHARED = 0x0004_0600;

/** New namespaces are not for those without CAP_SYS_ADMIN; a process's own files and directories are its own already. */
export function unshare(task: Task, flags: number): number {
  if ((flags & ~(CLONE_NEW_ANYTHING | CLONE_UNSHARED)) !== 0) return -EINVAL;
  if ((flags & CLONE_NEW_ANYTHING) !== 0) return -EPERM;
  const { process } = task;
  if (flags !== 0 && process.threads.size > 1) return -EINVAL;
  if ((flags & CLONE_FILES) !== 0) process.unshareDescriptors();
  if ((flags & CLONE_FS) !== 0) process.fileSystem = { ...process.fileSystem };
  return 0;
}

export function setns(task: Task, fd: number): number {
  return task.file(fd) === null ? -EBADF : -EINVAL;
}

const SYSLOG_READ_ALL = 3;
const SYSLOG_SIZE_BUFFER = 10;

/** The guest has no log of the kernel's: it is empty to those who may look. */
export function syslog(_task: Task, action: number, address: number, length: number): number {
  if (action === SYSLOG_SIZE_BUFFER) return 0;
  if (action !== SYSLOG_READ_ALL) return -EPERM;
  return address === 0 || (length | 0) < 0 ? -EINVAL : 0;
}

const TIMEX_BYTES = 208;
const STA_UNSYNC = 0x40;
const TIME_ERROR = 5;
const TICK_MICROSECONDS = 10_000;

/** Reads the state of a clock that nobody disciplines; to change it is not permitted. */
export function adjtimex(task: Task, address: number): number {
  const { memory } = task.process;
  if (!memory.isValid(address, TIMEX_BYTES)) return -EFAULT;
  if (memory.readUint32(address) !== 0) return -EPERM;
  const now = task.system.clock.realtimeMilliseconds();
  memory.bytes.fill(0, address, address + TIMEX_BYTES);
  memory.writeUint32(address + 40, STA_UNSYNC);
  memory.writeInt64(address + 72, Math.floor(now / 1000));
  memory.writeInt64(address + 80, Math.floor((now % 1000) * 1000));
  memory.writeInt64(address + 88, TICK_MICROSECONDS);
  return TIME_ERROR;
}

export function clockAdjtime(task: Task, clock: number, address: number): number {
  if (clock < 0) return -EINVAL;
  return clock === 0 ? adjtimex(task, address) : -EOPNOTSUPP;
}

const NO_CHANGE = 0xffff_ffff;

/** Kept and told again: addresses are not random here anyway. */
export function personality(task: Task, wanted: number): number {
  const { process } = task;
  const before = process.personality;
  if (wanted >>> 0 !== NO_CHANGE) process.personality = wanted >>> 0;
  return before;
}

/** No file here has a handle that outlives it. */
export function nameToHandleAt(
  task: Task,
  directory: number,
  path: number,
  _handle: number,
  _mount: number,
  flags: number,
): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const found = resolveOrFile(task, directory, path, flags, (flags & AT_SYMLINK_FOLLOW) !== 0);
  return typeof found === "number" ? found : -EOPNOTSUPP;
}

export const refusedCalls: readonly SyscallDefinition[] = [
  call(39, "umount2", ["path", "flags"], umount2),
  call(40, "mount", ["string", "path", "string", "hex", "address"], notPermitted),
  call(41, "pivot_root", ["path", "path"], notPermitted),
  call(58, "vhangup", [], notPermitted),
  call(89, "acct", ["path"], notPermitted),
  call(92, "personality", ["flags"], personality),
  call(97, "unshare", ["hex"], unshare),
  call(116, "syslog", ["int", "address", "int"], syslog),
  call(142, "reboot", ["flags", "flags", "flags", "address"], notPermitted),
  call(161, "sethostname", ["buffer-in", "size"], notPermitted),
  call(162, "setdomainname", ["buffer-in", "size"], notPermitted),
  call(171, "adjtimex", ["address"], adjtimex),
  call(224, "swapon", ["path", "flags"], notPermitted),
  call(225, "swapoff", ["path"], notPermitted),
  call(264, "name_to_handle_at", ["dirfd", "path", "address", "address", "flags"], nameToHandleAt),
  call(265, "open_by_handle_at", ["fd", "address", "open-flags"], notPermitted),
  call(266, "clock_adjtime", ["clock", "address"], clockAdjtime),
  call(268, "setns", ["fd", "flags"], setns),
  call(280, "bpf", ["int", "address", "size"], notPermitted),
];
