/**
 * Scheduling: policies, nice values and I/O priorities (sched(7), getpriority(2), ioprio_set(2)). They are kept and told again, with
 * Linux's rules about who may set what; processes take turns all the same.
 */
import { E2BIG, EACCES, EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_IDLE,
  IOPRIO_CLASS_NONE,
  IOPRIO_CLASS_RT,
  IOPRIO_CLASS_SHIFT,
  IOPRIO_WHO_PGRP,
  IOPRIO_WHO_PROCESS,
  IOPRIO_WHO_USER,
  NICE_MAXIMUM,
  NICE_MINIMUM,
  PRIO_PGRP,
  PRIO_PROCESS,
  PRIO_USER,
  REALTIME_PRIORITY_MAXIMUM,
  SCHED_ATTR_BYTES,
  SCHED_ATTR_BYTES_FIRST,
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_OTHER,
  SCHED_RESET_ON_FORK,
  SCHED_RR,
} from "../../abi/schedule.ts";
import { TIMESPEC_BYTES } from "../../abi/time.ts";
import type { Process } from "../task/process.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { writeTimespec } from "./timespec.ts";

/** What sched_rr_get_interval(2) tells of SCHED_OTHER. */
const TIME_SLICE_MILLISECONDS = 4;
const PAGE_BYTES = 4096;
const IOPRIO_LEVELS = 8;

/** Whether a policy is given a priority of SCHED_FIFO's kind. */
function isRealTime(policy: number): boolean {
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

function isFair(policy: number): boolean {
  return policy === SCHED_OTHER || policy === SCHED_BATCH || policy === SCHED_IDLE;
}

/** The process of a thread's number; 0 is the caller. */
function find(task: Task, id: number): Process | null {
  if (id === 0) return task.process;
  return task.system.processes.thread(id)?.process ?? task.system.processes.get(id);
}

/** Same user, or -EPERM: there is no capability to change others. */
function mayChange(task: Task, target: Process): boolean {
  const { effectiveUserId } = task.process.credentials;
  const { userId, effectiveUserId: targetUserId } = target.credentials;
  return effectiveUserId === 0 || effectiveUserId === userId || effectiveUserId === targetUserId;
}

function setPolicy(task: Task, id: number, policy: number, priority: number): number {
  const process = find(task, id);
  if (process === null) return -ESRCH;
  const wanted = policy & ~SCHED_RESET_ON_FORK;
  if (!isRealTime(wanted) && !isFair(wanted)) return -EINVAL;
  if (isRealTime(wanted) ? priority < 1 || priority > REALTIME_PRIORITY_MAXIMUM : priority !== 0) return -EINVAL;
  // CAP_SYS_NICE, which nobody has, or a limit that is 0.
  if (isRealTime(wanted) || !mayChange(task, process)) return -EPERM;
  if (process.schedulingPolicy === SCHED_IDLE && wanted !== SCHED_IDLE && process.nice < 0) return -EPERM;
  // What a child begins with can only be made less.
  if (process.resetsScheduling && (policy & SCHED_RESET_ON_FORK) === 0) return -EPERM;
  process.schedulingPolicy = wanted;
  process.resetsScheduling = (policy & SCHED_RESET_ON_FORK) !== 0;
  return 0;
}

export function schedSetscheduler(task: Task, id: number, policy: number, address: number): number {
  if ((policy | 0) < 0) return -EINVAL;
  if (address === 0 || (id | 0) < 0) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, 4)) return -EFAULT;
  return setPolicy(task, id, policy, memory.readInt32(address));
}

export function schedSetparam(task: Task, id: number, address: number): number {
  if (address === 0 || (id | 0) < 0) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, 4)) return -EFAULT;
  const process = find(task, id);
  if (process === null) return -ESRCH;
  const kept = process.resetsScheduling ? SCHED_RESET_ON_FORK : 0;
  return setPolicy(task, id, process.schedulingPolicy | kept, memory.readInt32(address));
}

export function schedGetscheduler(task: Task, id: number): number {
  if ((id | 0) < 0) return -EINVAL;
  const process = find(task, id);
  if (process === null) return -ESRCH;
  return process.schedulingPolicy | (process.resetsScheduling ? SCHED_RESET_ON_FORK : 0);
}

export function schedGetparam(task: Task, id: number, address: number): number {
  if (address === 0 || (id | 0) < 0) return -EINVAL;
  if (find(task, id) === null) return -ESRCH;
  const { memory } = task.process;
  if (!memory.isValid(address, 4)) return -EFAULT;
  memory.writeUint32(address, 0);
  return 0;
}

export function schedGetPriorityMax(_task: Task, policy: number): number {
  if (isRealTime(policy)) return REALTIME_PRIORITY_MAXIMUM;
  return isFair(policy) || policy === SCHED_DEADLINE ? 0 : -EINVAL;
}

export function schedGetPriorityMin(_task: Task, policy: number): number {
  if (isRealTime(policy)) return 1;
  return isFair(policy) || policy === SCHED_DEADLINE ? 0 : -EINVAL;
}

export function schedRrGetInterval(task: Task, id: number, address: number): number {
  if ((id | 0) < 0) return -EINVAL;
  if (find(task, id) === null) return -ESRCH;
  const { memory } = task.process;
  if (!memory.isValid(address, TIMESPEC_BYTES)) return -EFAULT;
  writeTimespec(memory, address, TIME_SLICE_MILLISECONDS);
  return 0;
}

/** struct sched_attr: size, policy, flags, nice, priority, then what SCHED_DEADLINE needs. */
export function schedSetattr(task: Task, id: number, address: number, flags: number): number {
  if (address === 0 || (id | 0) < 0 || flags !== 0) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, SCHED_ATTR_BYTES_FIRST)) return -EFAULT;
  const told = memory.readUint32(address);
  const size = told === 0 ? SCHED_ATTR_BYTES_FIRST : told;
  if (size < SCHED_ATTR_BYTES_FIRST || size > PAGE_BYTES) return tooLarge(task, address);
  if (!memory.isValid(address, size)) return -EFAULT;
  // Fields that a newer program knows must say nothing.
  const beyond = memory.bytes.subarray(address + SCHED_ATTR_BYTES, address + Math.max(size, SCHED_ATTR_BYTES));
  if (beyond.some((byte) => byte !== 0)) return tooLarge(task, address);
  const policy = memory.readInt32(address + 4);
  if (policy < 0) return -EINVAL;
  const resets = (memory.readUint32(address + 8) & 1) !== 0 ? SCHED_RESET_ON_FORK : 0;
  const process = find(task, id);
  if (process === null) return -ESRCH;
  const nice = clampNice(memory.readInt32(address + 16));
  if (isFair(policy) && nice < process.nice) return -EPERM;
  const result = setPolicy(task, id, policy | resets, memory.readUint32(address + 20));
  if (result === 0 && policy !== SCHED_IDLE) process.nice = nice;
  return result;
}

function tooLarge(task: Task, address: number): number {
  task.process.memory.writeUint32(address, SCHED_ATTR_BYTES);
  return -E2BIG;
}

export function schedGetattr(task: Task, id: number, address: number, size: number, flags: number): number {
  const room = size >>> 0;
  if (address === 0 || (id | 0) < 0 || flags !== 0) return -EINVAL;
  if (room > PAGE_BYTES || room < SCHED_ATTR_BYTES_FIRST) return -EINVAL;
  const process = find(task, id);
  if (process === null) return -ESRCH;
  const { memory } = task.process;
  if (!memory.isValid(address, room)) return -EFAULT;
  const written = Math.min(room, SCHED_ATTR_BYTES);
  memory.bytes.fill(0, address, address + room);
  memory.writeUint32(address, written);
  memory.writeUint32(address + 4, process.schedulingPolicy);
  memory.writeInt64(address + 8, process.resetsScheduling ? 1 : 0);
  memory.writeUint32(address + 16, process.nice);
  return 0;
}

function clampNice(value: number): number {
  return Math.max(NICE_MINIMUM, Math.min(NICE_MAXIMUM, value | 0));
}

/** Those whom getpriority(2) and ioprio_get(2) mean: one process, a group, or all of a user; 0 is the caller's own. */
function* targets(task: Task, kind: "process" | "group" | "user", who: number): Iterable<Process> {
  const { processes } = task.system;
  const { process } = task;
  if (kind === "process") {
    const found = find(task, who);
    if (found !== null) yield found;
  } else if (kind === "group") {
    yield* processes.group(who === 0 ? process.processGroup : who);
  } else {
    const userId = who === 0 ? process.credentials.userId : who;
    for (const one of processes.all()) if (one.credentials.userId === userId) yield one;
  }
}

const priorityKinds = new Map([
  [PRIO_PROCESS, "process"],
  [PRIO_PGRP, "group"],
  [PRIO_USER, "user"],
] as const);

/** The most favoured of those meant, told as 20 minus the nice value. */
export function getpriority(task: Task, which: number, who: number): number {
  const kind = priorityKinds.get(which as 0);
  if (kind === undefined) return -EINVAL;
  let best = -ESRCH;
  for (const process of targets(task, kind, who)) best = Math.max(best, 20 - process.nice);
  return best;
}

export function setpriority(task: Task, which: number, who: number, value: number): number {
  const kind = priorityKinds.get(which as 0);
  if (kind === undefined) return -EINVAL;
  const nice = clampNice(value);
  let result = -ESRCH;
  for (const process of targets(task, kind, who)) {
    if (!mayChange(task, process)) result = -EPERM;
    else if (nice < process.nice) result = -EACCES;
    else {
      process.nice = nice;
      if (result === -ESRCH) result = 0;
    }
  }
  return result;
}

const ioPriorityKinds = new Map([
  [IOPRIO_WHO_PROCESS, "process"],
  [IOPRIO_WHO_PGRP, "group"],
  [IOPRIO_WHO_USER, "user"],
] as const);

export function ioprioSet(task: Task, which: number, who: number, priority: number): number {
  const ioClass = (priority >> IOPRIO_CLASS_SHIFT) & 7;
  const level = priority & (IOPRIO_LEVELS - 1);
  switch (ioClass) {
    case IOPRIO_CLASS_RT:
      return -EPERM;
    case IOPRIO_CLASS_BE:
    case IOPRIO_CLASS_IDLE:
      break;
    case IOPRIO_CLASS_NONE:
      if (level !== 0) return -EINVAL;
      break;
    default:
      return -EINVAL;
  }
  const kind = ioPriorityKinds.get(which as 1);
  if (kind === undefined) return -EINVAL;
  let result = -ESRCH;
  for (const process of targets(task, kind, who)) {
    if (!mayChange(task, process)) return -EPERM;
    process.ioPriority = priority;
    result = 0;
  }
  return result;
}

/** One that was never set is 0. */
export function ioprioGet(task: Task, which: number, who: number): number {
  const kind = ioPriorityKinds.get(which as 1);
  if (kind === undefined) return -EINVAL;
  let best = -ESRCH;
  for (const process of targets(task, kind, who)) {
    best = best < 0 ? process.ioPriority : Math.min(best, process.ioPriority);
  }
  return best;
}

export const scheduleCalls: readonly SyscallDefinition[] = [
  call(30, "ioprio_set", ["int", "int", "flags"], ioprioSet),
  call(31, "ioprio_get", ["int", "int"], ioprioGet),
  call(118, "sched_setparam", ["pid", "address"], schedSetparam),
  call(119, "sched_setscheduler", ["pid", "scheduling-policy", "address"], schedSetscheduler),
  call(120, "sched_getscheduler", ["pid"], schedGetscheduler),
  call(121, "sched_getparam", ["pid", "address"], schedGetparam),
  call(125, "sched_get_priority_max", ["scheduling-policy"], schedGetPriorityMax),
  call(126, "sched_get_priority_min", ["scheduling-policy"], schedGetPriorityMin),
  call(127, "sched_rr_get_interval", ["pid", "timespec-out"], schedRrGetInterval),
  call(140, "setpriority", ["int", "int", "int"], setpriority),
  call(141, "getpriority", ["int", "int"], getpriority),
  call(274, "sched_setattr", ["pid", "address", "uint"], schedSetattr),
  call(275, "sched_getattr", ["pid", "address", "size", "uint"], schedGetattr),
];
