/** POSIX timers: timer_create(2) and its family. */
import { EFAULT, EINVAL, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { NSIG, SIGALRM } from "../../abi/signal.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  CLOCK_TAI,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
  SIGEV_THREAD_ID,
  TIMER_ABSTIME,
  TIMESPEC_BYTES,
} from "../../abi/time.ts";
import type { PosixTimer, TimerEvent } from "../task/posix-timers.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { clockMilliseconds } from "./time.ts";
import { readTimespec, writeTimespec } from "./timespec.ts";

/** sizeof(struct sigevent): value at 0, signal at 8, how to notify at 12, thread at 16. */
const SIGEVENT_BYTES = 64;
const ITIMERSPEC_BYTES = 2 * TIMESPEC_BYTES;
const CLOCKS: ReadonlySet<number> = new Set([CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI]);

/** A struct sigevent, whose value is by default the timer's own number. */
function readEvent(task: Task, address: number): ((identifier: number) => TimerEvent) | number {
  const { memory, processId } = task.process;
  if (address === 0) return (identifier) => ({ signal: SIGALRM, value: BigInt(identifier), thread: null });
  if (!memory.isValid(address, SIGEVENT_BYTES)) return -EFAULT;
  const value = memory.view.getBigUint64(address, true);
  const signal = memory.readInt32(address + 8);
  const notify = memory.readInt32(address + 12);
  if (notify === SIGEV_NONE) return () => ({ signal: 0, value, thread: null });
  // SIGEV_THREAD is the C library's, which asks for SIGEV_THREAD_ID; what comes here as such is a signal to the process.
  if (notify !== SIGEV_SIGNAL && notify !== SIGEV_THREAD && notify !== (SIGEV_SIGNAL | SIGEV_THREAD_ID)) return -EINVAL;
  let thread = null;
  if ((notify & SIGEV_THREAD_ID) !== 0) {
    thread = task.system.processes.thread(memory.readInt32(address + 16));
    if (thread === null || thread.process.processId !== processId) return -EINVAL;
  }
  if (!(signal >= 1 && signal <= NSIG)) return -EINVAL;
  return () => ({ signal, value, thread });
}

export function timerCreate(task: Task, clock: number, eventAddress: number, identifierAddress: number): number {
  const { memory, posixTimers } = task.process;
  if (eventAddress !== 0 && !memory.isValid(eventAddress, SIGEVENT_BYTES)) return -EFAULT;
  const id = clock | 0;
  if (!CLOCKS.has(id)) {
    if (id === CLOCK_REALTIME_ALARM || id === CLOCK_BOOTTIME_ALARM) return -EPERM;
    // Clocks that are there and have no timers: those of processor time, and those that only tell the time.
    return clockMilliseconds(task, id) >= 0 ? -EOPNOTSUPP : -EINVAL;
  }
  const makeEvent = readEvent(task, eventAddress);
  if (typeof makeEvent === "number") return makeEvent;
  if (!memory.isValid(identifierAddress, 4)) return -EFAULT;
  const timer = posixTimers.create(id, makeEvent);
  if (typeof timer === "number") return timer;
  memory.writeUint32(identifierAddress, timer.identifier);
  return 0;
}

function writeSetting(task: Task, timer: PosixTimer, address: number): void {
  const { memory } = task.process;
  const left = timer.leftMilliseconds();
  writeTimespec(memory, address, timer.intervalMilliseconds);
  writeTimespec(memory, address + TIMESPEC_BYTES, left);
}

export function timerSettime(
  task: Task,
  identifier: number,
  flags: number,
  newAddress: number,
  oldAddress: number,
): number {
  const { memory, posixTimers } = task.process;
  if (newAddress === 0) return -EINVAL;
  if (!memory.isValid(newAddress, ITIMERSPEC_BYTES)) return -EFAULT;
  const interval = readTimespec(memory, newAddress);
  const time = readTimespec(memory, newAddress + TIMESPEC_BYTES);
  if (interval < 0 || time < 0) return -EINVAL;
  const timer = posixTimers.get(identifier);
  if (timer === null) return -EINVAL;
  if (oldAddress !== 0) {
    if (!memory.isValid(oldAddress, ITIMERSPEC_BYTES)) return -EFAULT;
    writeSetting(task, timer, oldAddress);
  }
  const isAbsolute = (flags & TIMER_ABSTIME) !== 0;
  const delay = isAbsolute ? time - clockMilliseconds(task, timer.clock) : time;
  if (time === 0) timer.set(Number.POSITIVE_INFINITY, 0);
  else timer.set(task.system.now() + delay, interval);
  return 0;
}

export function timerGettime(task: Task, identifier: number, address: number): number {
  const { memory, posixTimers } = task.process;
  const timer = posixTimers.get(identifier);
  if (timer === null) return -EINVAL;
  if (!memory.isValid(address, ITIMERSPEC_BYTES)) return -EFAULT;
  writeSetting(task, timer, address);
  return 0;
}

export function timerGetoverrun(task: Task, identifier: number): number {
  return task.process.posixTimers.get(identifier)?.overrunCount ?? -EINVAL;
}

export function timerDelete(task: Task, identifier: number): number {
  const { posixTimers } = task.process;
  const timer = posixTimers.get(identifier);
  if (timer === null) return -EINVAL;
  posixTimers.delete(timer);
  return 0;
}

export const posixTimerCalls: readonly SyscallDefinition[] = [
  call(107, "timer_create", ["clock", "address", "int-out"], timerCreate),
  call(108, "timer_gettime", ["int", "itimerspec-out"], timerGettime),
  call(109, "timer_getoverrun", ["int"], timerGetoverrun),
  call(110, "timer_settime", ["int", "clock-flags", "itimerspec", "itimerspec-out"], timerSettime),
  call(111, "timer_delete", ["int"], timerDelete),
];
