/** epoll_create1(2), epoll_ctl(2), epoll_pwait(2). The set itself is file/epoll.ts. */
import { EBADF, EFAULT, EINVAL, EPERM } from "../../abi/errno.ts";
import { EPOLL_CLOEXEC } from "../../abi/event.ts";
import { FD_CLOEXEC } from "../../abi/file.ts";
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLL_EVENT_BYTES,
  EPOLLET,
  EPOLLEXCLUSIVE,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
} from "../../abi/poll.ts";
import { Epoll } from "../file/epoll.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { withSignalMask } from "./signal-mask.ts";
import { readTimeout } from "./timespec.ts";

/** EPOLLWAKEUP concerns suspended machines: accepted, without effect. */
const EPOLLWAKEUP = 1 << 29;
/** With EPOLLEXCLUSIVE only these may be asked for (epoll_ctl(2)). */
const EXCLUSIVE_EVENTS = EPOLLEXCLUSIVE | EPOLLET | EPOLLWAKEUP | POLLIN | POLLOUT | POLLERR | POLLHUP;
const MOST_EVENTS = Math.floor(0x7fff_ffff / EPOLL_EVENT_BYTES);

export function epollCreate1(task: Task, flags: number): number {
  if ((flags & ~EPOLL_CLOEXEC) !== 0) return -EINVAL;
  const file = new Epoll(task.system.openFiles);
  return task.process.descriptors.install(file, (flags & EPOLL_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

export function epollCtl(task: Task, epollFd: number, operation: number, fd: number, address: number): number {
  const { descriptors, memory } = task.process;
  if (operation !== EPOLL_CTL_DEL && !memory.isValid(address, EPOLL_EVENT_BYTES)) return -EFAULT;
  const epoll = descriptors.get(epollFd);
  const file = descriptors.get(fd);
  if (epoll === null || file === null) return -EBADF;
  // "EPERM The target file fd does not support epoll": it is always ready.
  if (!file.isPollable) return -EPERM;
  if (epoll === file || !(epoll instanceof Epoll)) return -EINVAL;
  if (operation === EPOLL_CTL_DEL) return epoll.remove(fd, file);
  const events = memory.readInt32(address);
  const low = memory.readUint32(address + 8);
  const high = memory.readUint32(address + 12);
  if ((events & EPOLLEXCLUSIVE) !== 0) {
    const isAllowed = operation === EPOLL_CTL_ADD && (events & ~EXCLUSIVE_EVENTS) === 0 && !(file instanceof Epoll);
    if (!isAllowed) return -EINVAL;
  }
  if (operation === EPOLL_CTL_ADD) return epoll.add(fd, file, events, low, high);
  if (operation === EPOLL_CTL_MOD) return epoll.modify(fd, file, events, low, high);
  return -EINVAL;
}

export function epollPwait(
  task: Task,
  epollFd: number,
  address: number,
  most: number,
  timeout: number,
  maskAddress: number,
  maskBytes: number,
): number {
  const milliseconds = timeout < 0 ? Number.POSITIVE_INFINITY : timeout;
  return withSignalMask(task, maskAddress, maskBytes, () => wait(task, epollFd, address, most, milliseconds));
}

/** As epoll_pwait, with a timespec for the timeout. */
export function epollPwait2(
  task: Task,
  epollFd: number,
  address: number,
  most: number,
  timeoutAddress: number,
  maskAddress: number,
  maskBytes: number,
): number {
  const milliseconds = readTimeout(task.process.memory, timeoutAddress);
  if (milliseconds < 0) return milliseconds;
  return withSignalMask(task, maskAddress, maskBytes, () => wait(task, epollFd, address, most, milliseconds));
}

function wait(task: Task, fd: number, address: number, most: number, timeoutMilliseconds: number): number {
  const epoll = task.file(fd);
  if (epoll === null) return -EBADF;
  if (!(most > 0 && most <= MOST_EVENTS)) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, most * EPOLL_EVENT_BYTES)) return -EFAULT;
  if (!(epoll instanceof Epoll)) return -EINVAL;
  const found = epoll.collect(most, (index, events, low, high) => {
    const at = address + index * EPOLL_EVENT_BYTES;
    memory.writeUint32(at, events);
    memory.writeUint32(at + 8, low);
    memory.writeUint32(at + 12, high);
  });
  if (found > 0 || timeoutMilliseconds === 0) return found;
  task.hold(fd, epoll);
  task.setTimeout(timeoutMilliseconds);
  task.waitOn(epoll.waitQueue, POLLIN);
  task.neverRestarts = true;
  return task.block(0);
}

export const epollCalls: readonly SyscallDefinition[] = [
  call(20, "epoll_create1", ["epoll-flags"], epollCreate1),
  call(21, "epoll_ctl", ["fd", "epoll-operation", "fd", "epoll-event"], epollCtl),
  call(22, "epoll_pwait", ["fd", "epoll-events-out", "int", "int", "signal-set", "size"], epollPwait),
  call(441, "epoll_pwait2", ["fd", "epoll-events-out", "int", "timespec", "signal-set", "size"], epollPwait2),
];
