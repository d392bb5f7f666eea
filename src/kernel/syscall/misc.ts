/** What belongs to no family: uname(2), getrandom(2), sysinfo(2), resource limits and the scheduler's calls. */
import { EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  DOMAIN_NAME,
  KERNEL_RELEASE,
  KERNEL_VERSION,
  MACHINE,
  SYSTEM_NAME,
  UTSNAME_BYTES,
  UTSNAME_FIELD_BYTES,
} from "../../abi/identity.ts";
import { NR_OPEN, RLIM_INFINITY, RLIM_NLIMITS, RLIMIT_BYTES, RUSAGE_BYTES } from "../../abi/resource.ts";
import { RLIMIT_NOFILE } from "../../abi/time.ts";
import type { Process, ResourceLimit } from "../task/process.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import type { UserMemory } from "../task/user-memory.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { writeTimeval } from "./timespec.ts";

const GRND_RANDOM = 2;
const GRND_INSECURE = 4;
/** A single getrandom(2) gives at most this much. */
const MOST_RANDOM_BYTES = 33_554_431;
/** Beyond this others get their turn. */
const RANDOM_BYTES_PER_TURN = 0x10_0000;
const SYSINFO_BYTES = 112;

export function uname(task: Task, address: number): number {
  const { memory } = task.process;
  if (!memory.isValid(address, UTSNAME_BYTES)) return -EFAULT;
  const fields = [SYSTEM_NAME, task.system.hostname, KERNEL_RELEASE, KERNEL_VERSION, MACHINE, DOMAIN_NAME];
  for (const [index, text] of fields.entries()) {
    writeField(memory, address + index * UTSNAME_FIELD_BYTES, text, UTSNAME_FIELD_BYTES);
  }
  return 0;
}

/** Text in a field of fixed size, cut where necessary; zeros behind it. */
function writeField(memory: UserMemory, address: number, text: string, byteLength: number): void {
  const field = new Uint8Array(byteLength);
  new TextEncoder().encodeInto(text, field.subarray(0, byteLength - 1));
  memory.bytes.set(field, address);
}

export function getrandom(task: Task, address: number, length: number, flags: number): number {
  if ((flags & ~7) !== 0 || (flags & (GRND_RANDOM | GRND_INSECURE)) === (GRND_RANDOM | GRND_INSECURE)) return -EINVAL;
  const { memory } = task.process;
  const wanted = Math.min(length, MOST_RANDOM_BYTES);
  if (!memory.isValid(address, wanted)) return -EFAULT;
  const { progress, process } = task;
  const step = process.isMachine ? Math.min(wanted - progress, RANDOM_BYTES_PER_TURN) : wanted;
  task.system.random.fill(memory.bytes, address + progress, step);
  task.progress += step;
  return task.progress < wanted ? task.yieldTurn() : wanted;
}

/** struct sysinfo, with the memory of the calling process in place of the machine's. */
export function sysinfo(task: Task, address: number): number {
  const { memory } = task.process;
  if (!memory.isValid(address, SYSINFO_BYTES)) return -EFAULT;
  memory.bytes.fill(0, address, address + SYSINFO_BYTES);
  const total = memory.maximumBytes;
  memory.writeInt64(address, Math.floor(task.system.clock.monotonicMilliseconds() / 1000));
  memory.writeInt64(address + 32, total);
  memory.writeInt64(address + 40, total - memory.byteLength);
  memory.writeUint16(address + 80, Math.min(0xffff, task.system.processes.size));
  memory.writeUint32(address + 104, 1);
  return 0;
}

/** Processor time is not accounted: all zero. `who` is RUSAGE_SELF (0), RUSAGE_CHILDREN (-1) or RUSAGE_THREAD (1). */
export function getrusage(task: Task, who: number, address: number): number {
  if (!(who >= -1 && who <= 1)) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, RUSAGE_BYTES)) return -EFAULT;
  memory.bytes.fill(0, address, address + RUSAGE_BYTES);
  const { processorMilliseconds, childrenProcessorMilliseconds } = task.process;
  const used = [childrenProcessorMilliseconds, processorMilliseconds, task.thread.processorMilliseconds][who + 1];
  writeTimeval(memory, address, used as number);
  // ru_maxrss counts kilobytes.
  memory.writeInt64(address + 32, Math.floor(memory.byteLength / 1024));
  return 0;
}

function readLimit(memory: UserMemory, address: number): number {
  const value = memory.view.getBigUint64(address, true);
  return value > 0xff_ffff_ffff_ffffn ? RLIM_INFINITY : Number(value);
}

function writeLimit(memory: UserMemory, address: number, value: number): void {
  memory.view.setBigUint64(address, value === RLIM_INFINITY ? 0xffff_ffff_ffff_ffffn : BigInt(value), true);
}

function limitOf(process: Process, resource: number): ResourceLimit {
  const limit = process.limits[resource] as ResourceLimit;
  if (resource === RLIMIT_NOFILE) limit.current = process.descriptors.limit;
  return limit;
}

function setLimit(process: Process, resource: number, current: number, maximum: number): number {
  if (current > maximum) return -EINVAL;
  if (resource === RLIMIT_NOFILE) {
    // setrlimit(2): RLIMIT_NOFILE cannot be raised beyond /proc/sys/fs/nr_open, by anyone.
    if (maximum > NR_OPEN) return -EPERM;
    process.descriptors.limit = current;
  }
  const limit = process.limits[resource] as ResourceLimit;
  limit.current = current;
  limit.maximum = maximum;
  return 0;
}

export function prlimit64(
  task: Task,
  processId: number,
  resource: number,
  newAddress: number,
  oldAddress: number,
): number {
  const { memory } = task.process;
  if (!(resource >= 0 && resource < RLIM_NLIMITS)) return -EINVAL;
  if (newAddress !== 0 && !memory.isValid(newAddress, RLIMIT_BYTES)) return -EFAULT;
  const { processes } = task.system;
  const process =
    processId === 0 ? task.process : (processes.get(processId) ?? processes.thread(processId)?.process ?? null);
  if (process === null) return -ESRCH;
  if (oldAddress !== 0 && !memory.isValid(oldAddress, RLIMIT_BYTES)) return -EFAULT;
  const { current, maximum } = limitOf(process, resource);
  if (newAddress !== 0) {
    const wanted = readLimit(memory, newAddress);
    const result = setLimit(process, resource, wanted, readLimit(memory, newAddress + 8));
    if (result < 0) return result;
  }
  if (oldAddress !== 0) {
    writeLimit(memory, oldAddress, current);
    writeLimit(memory, oldAddress + 8, maximum);
  }
  return 0;
}

export function getrlimit(task: Task, resource: number, address: number): number {
  return address === 0 ? -EFAULT : prlimit64(task, 0, resource, 0, address);
}

export function setrlimit(task: Task, resource: number, address: number): number {
  return address === 0 ? -EFAULT : prlimit64(task, 0, resource, address, 0);
}

/** Lets everything else that is ready go first: the call is answered in the kernel's next turn. */
export function schedYield(task: Task): number {
  return task.restarts === 0 && task.yieldTurn() === BLOCKED ? BLOCKED : 0;
}

/** A thread's number, or 0 for the caller. */
function exists({ system }: Task, threadId: number): boolean {
  const { processes } = system;
  return threadId === 0 || processes.thread(threadId) !== null || processes.get(threadId) !== null;
}

/** One processor: bit 0. The result is the size of the kernel's mask in bytes. */
export function schedGetaffinity(task: Task, processId: number, length: number, address: number): number {
  const { memory } = task.process;
  if (!(length >= 8) || length % 8 !== 0) return -EINVAL;
  if (!exists(task, processId)) return -ESRCH;
  if (!memory.isValid(address, 8)) return -EFAULT;
  memory.writeInt64(address, 1);
  return 8;
}

export function schedSetaffinity(task: Task, processId: number, length: number, address: number): number {
  const { memory } = task.process;
  if (!memory.isValid(address, length)) return -EFAULT;
  if (!exists(task, processId)) return -ESRCH;
  return length > 0 && ((memory.bytes[address] as number) & 1) !== 0 ? 0 : -EINVAL;
}

export function getcpu(task: Task, cpuAddress: number, nodeAddress: number): number {
  const { memory } = task.process;
  for (const address of [cpuAddress, nodeAddress]) {
    if (address === 0) continue;
    if (!memory.isValid(address, 4)) return -EFAULT;
    memory.writeUint32(address, 0);
  }
  return 0;
}

export const miscCalls: readonly SyscallDefinition[] = [
  call(122, "sched_setaffinity", ["pid", "size", "address"], schedSetaffinity),
  call(123, "sched_getaffinity", ["pid", "size", "address"], schedGetaffinity),
  call(124, "sched_yield", [], schedYield),
  call(160, "uname", ["utsname-out"], uname),
  call(163, "getrlimit", ["resource", "rlimit-out"], getrlimit),
  call(164, "setrlimit", ["resource", "rlimit"], setrlimit),
  call(165, "getrusage", ["usage-who", "address"], getrusage),
  call(168, "getcpu", ["int-out", "int-out", "address"], getcpu),
  call(179, "sysinfo", ["address"], sysinfo),
  call(261, "prlimit64", ["pid", "resource", "rlimit", "rlimit-out"], prlimit64),
  call(278, "getrandom", ["buffer-out", "size", "random-flags"], getrandom),
];
