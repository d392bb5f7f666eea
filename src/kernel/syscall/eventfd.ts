/** eventfd2(2) and timerfd_create(2), timerfd_settime(2), timerfd_gettime(2). */
import { EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EFD_SEMAPHORE,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
} from "../../abi/event.ts";
import { FD_CLOEXEC } from "../../abi/file.ts";
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, TIMESPEC_BYTES } from "../../abi/time.ts";
import { EventFile } from "../file/eventfd.ts";
import { TimerFile } from "../file/timerfd.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { clockMilliseconds } from "./time.ts";
import { readTimespec, writeTimespec } from "./timespec.ts";

/** struct itimerspec: the interval, then the time. */
const ITIMERSPEC_BYTES = 2 * TIMESPEC_BYTES;

export function eventfd2(task: Task, initial: number, flags: number): number {
  if ((flags & ~(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC)) !== 0) return -EINVAL;
  const file = new EventFile(task.system.openFiles, initial, (flags & EFD_SEMAPHORE) !== 0, flags & EFD_NONBLOCK);
  return task.process.descriptors.install(file, (flags & EFD_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

export function timerfdCreate(task: Task, clock: number, flags: number): number {
  if ((flags & ~(TFD_NONBLOCK | TFD_CLOEXEC)) !== 0) return -EINVAL;
  if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME) return -EINVAL;
  const file = new TimerFile(task.system.openFiles, task.system, clock, flags & TFD_NONBLOCK);
  return task.process.descriptors.install(file, (flags & TFD_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

function writeSetting(task: Task, file: TimerFile, address: number): void {
  const { memory } = task.process;
  writeTimespec(memory, address, file.intervalMilliseconds);
  writeTimespec(memory, address + TIMESPEC_BYTES, file.leftMilliseconds());
}

export function timerfdSettime(task: Task, fd: number, flags: number, newAddress: number, oldAddress: number): number {
  const { descriptors, memory } = task.process;
  if (!memory.isValid(newAddress, ITIMERSPEC_BYTES)) return -EFAULT;
  const interval = readTimespec(memory, newAddress);
  const time = readTimespec(memory, newAddress + TIMESPEC_BYTES);
  if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0 || interval < 0 || time < 0) return -EINVAL;
  const file = descriptors.get(fd);
  if (file === null) return -EBADF;
  if (!(file instanceof TimerFile)) return -EINVAL;
  if (oldAddress !== 0) {
    if (!memory.isValid(oldAddress, ITIMERSPEC_BYTES)) return -EFAULT;
    writeSetting(task, file, oldAddress);
  }
  const now = task.system.now();
  const isAbsolute = (flags & TFD_TIMER_ABSTIME) !== 0;
  const delay = isAbsolute ? time - clockMilliseconds(task, file.clock) : time;
  // A time of 0 disarms, as an absolute time too.
  file.set(time === 0 ? Number.POSITIVE_INFINITY : now + delay, interval);
  return 0;
}

export function timerfdGettime(task: Task, fd: number, address: number): number {
  const { descriptors, memory } = task.process;
  const file = descriptors.get(fd);
  if (file === null) return -EBADF;
  if (!(file instanceof TimerFile)) return -EINVAL;
  if (!memory.isValid(address, ITIMERSPEC_BYTES)) return -EFAULT;
  writeSetting(task, file, address);
  return 0;
}

export const eventCalls: readonly SyscallDefinition[] = [
  call(19, "eventfd2", ["uint", "eventfd-flags"], eventfd2),
  call(85, "timerfd_create", ["clock", "timerfd-flags"], timerfdCreate),
  call(86, "timerfd_settime", ["fd", "timerfd-flags", "itimerspec", "itimerspec-out"], timerfdSettime),
  call(87, "timerfd_gettime", ["fd", "itimerspec-out"], timerfdGettime),
];
