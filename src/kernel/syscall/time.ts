/** Clocks and sleeping: clock_gettime(2), nanosleep(2), gettimeofday(2), times(2). */
import { EFAULT, EINTR, EINVAL, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
  CLOCK_TAI,
  CLOCK_THREAD_CPUTIME_ID,
  CLOCK_TICKS_PER_SECOND,
  TIMER_ABSTIME,
  TIMESPEC_BYTES,
} from "../../abi/time.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { readTimespec, timespecMilliseconds, writeTimespec, writeTimeval } from "./timespec.ts";

/** CLOCK_*_COARSE go by the tick of a 250 Hz kernel. */
const COARSE_MILLISECONDS = 4;

/** Those that clock_nanosleep(2) waits on; the others only tell the time. */
const SLEEPING_CLOCKS: ReadonlySet<number> = new Set([
  CLOCK_REALTIME,
  CLOCK_MONOTONIC,
  CLOCK_BOOTTIME,
  CLOCK_TAI,
  CLOCK_PROCESS_CPUTIME_ID,
]);

/** A clock's time in milliseconds; -1 for one that does not exist. */
export function clockMilliseconds(task: Task, clock: number): number {
  const { clock: source } = task.system;
  switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_TAI:
      return source.realtimeMilliseconds();
    case CLOCK_REALTIME_COARSE:
      return Math.floor(source.realtimeMilliseconds() / COARSE_MILLISECONDS) * COARSE_MILLISECONDS;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
      return source.monotonicMilliseconds();
    case CLOCK_MONOTONIC_COARSE:
      return Math.floor(source.monotonicMilliseconds() / COARSE_MILLISECONDS) * COARSE_MILLISECONDS;
    case CLOCK_PROCESS_CPUTIME_ID:
      if (task.process.isMachine) return task.process.processorMilliseconds;
      return Math.max(0, source.monotonicMilliseconds() - task.process.startedMilliseconds);
    case CLOCK_THREAD_CPUTIME_ID:
      if (task.process.isMachine) return task.thread.processorMilliseconds;
      // TypeScript programs share one flow of control with the kernel; how long a process has lived is the bound that is known.
      return Math.max(0, source.monotonicMilliseconds() - task.process.startedMilliseconds);
    default:
      return -1;
  }
}

export function clockGettime(task: Task, clock: number, address: number): number {
  const milliseconds = clockMilliseconds(task, clock);
  if (milliseconds < 0) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, TIMESPEC_BYTES)) return -EFAULT;
  writeTimespec(memory, address, milliseconds);
  return 0;
}

export function clockGetres(task: Task, clock: number, address: number): number {
  if (clockMilliseconds(task, clock) < 0) return -EINVAL;
  if (address === 0) return 0;
  const { memory } = task.process;
  if (!memory.isValid(address, TIMESPEC_BYTES)) return -EFAULT;
  const isCoarse = clock === CLOCK_REALTIME_COARSE || clock === CLOCK_MONOTONIC_COARSE;
  writeTimespec(memory, address, isCoarse ? COARSE_MILLISECONDS : 1e-6);
  return 0;
}

/** The clocks belong to the host: no program sets the one that could be set. */
export function clockSettime(task: Task, clock: number, address: number): number {
  if (clock !== CLOCK_REALTIME) return -EINVAL;
  const time = readTimespec(task.process.memory, address);
  return time < 0 ? time : -EPERM;
}

/** Sleeps until the deadline set by the first run; on EINTR tells what is left, if `leftAddress` is not 0. */
function sleep(task: Task, milliseconds: number, leftAddress: number): number {
  task.setTimeout(milliseconds);
  task.neverRestarts = true;
  const result = task.block(0);
  if (result === -EINTR && leftAddress !== 0) {
    const { memory } = task.process;
    if (!memory.isValid(leftAddress, TIMESPEC_BYTES)) return -EFAULT;
    writeTimespec(memory, leftAddress, task.remainingMilliseconds());
  }
  return result;
}

export function nanosleep(task: Task, requestAddress: number, leftAddress: number): number {
  const milliseconds = readTimespec(task.process.memory, requestAddress);
  return milliseconds < 0 ? milliseconds : sleep(task, milliseconds, leftAddress);
}

export function clockNanosleep(
  task: Task,
  clock: number,
  flags: number,
  requestAddress: number,
  leftAddress: number,
): number {
  if (clockMilliseconds(task, clock) < 0) return -EINVAL;
  if (!SLEEPING_CLOCKS.has(clock)) return -EOPNOTSUPP;
  const requested = readTimespec(task.process.memory, requestAddress);
  if (requested < 0) return requested;
  if ((flags & TIMER_ABSTIME) === 0) return sleep(task, requested, leftAddress);
  return sleep(task, Math.max(0, requested - clockMilliseconds(task, clock)), 0);
}

/** nanosleep of the akuma ABI: seconds and nanoseconds by value. */
export function nanosleepByValue(task: Task, seconds: number, nanoseconds: number): number {
  const milliseconds = timespecMilliseconds(seconds, nanoseconds);
  return milliseconds < 0 ? milliseconds : sleep(task, milliseconds, 0);
}

/** uptime of the akuma ABI: microseconds since boot. */
export function uptime(task: Task): number {
  return Math.floor(task.system.clock.monotonicMilliseconds() * 1000);
}

export function gettimeofday(task: Task, timeAddress: number, zoneAddress: number): number {
  const { memory } = task.process;
  if (timeAddress !== 0) {
    if (!memory.isValid(timeAddress, TIMESPEC_BYTES)) return -EFAULT;
    writeTimeval(memory, timeAddress, task.system.clock.realtimeMilliseconds());
  }
  if (zoneAddress !== 0) {
    if (!memory.isValid(zoneAddress, 8)) return -EFAULT;
    memory.writeInt64(zoneAddress, 0);
  }
  return 0;
}

export function settimeofday(_task: Task): number {
  return -EPERM;
}

/** struct tms: processor time of user and system, of the process and of its children, in clock ticks; the result is the ticks since boot. */
export function times(task: Task, address: number): number {
  const { memory } = task.process;
  if (address !== 0) {
    if (!memory.isValid(address, 32)) return -EFAULT;
    memory.bytes.fill(0, address, address + 32);
    const { processorMilliseconds, childrenProcessorMilliseconds } = task.process;
    memory.writeInt64(address, Math.floor((processorMilliseconds * CLOCK_TICKS_PER_SECOND) / 1000));
    memory.writeInt64(address + 16, Math.floor((childrenProcessorMilliseconds * CLOCK_TICKS_PER_SECOND) / 1000));
  }
  return Math.floor((task.system.clock.monotonicMilliseconds() * CLOCK_TICKS_PER_SECOND) / 1000);
}

export const timeCalls: readonly SyscallDefinition[] = [
  call(101, "nanosleep", ["timespec", "timespec-out"], nanosleep),
  call(112, "clock_settime", ["clock", "timespec"], clockSettime),
  call(113, "clock_gettime", ["clock", "timespec-out"], clockGettime),
  call(114, "clock_getres", ["clock", "timespec-out"], clockGetres),
  call(115, "clock_nanosleep", ["clock", "clock-flags", "timespec", "timespec-out"], clockNanosleep),
  call(153, "times", ["address"], times),
  call(169, "gettimeofday", ["timeval-out", "address"], gettimeofday),
  call(170, "settimeofday", ["address", "address"], settimeofday),
];

export const timeAkumaCalls: readonly SyscallDefinition[] = [
  call(101, "nanosleep", ["long", "long"], nanosleepByValue),
  call(216, "uptime", [], uptime),
];
