/** User and group ids of a process, and its capabilities: setuid(2) and its relatives, capget(2). */
import {
  CAP_SETGID,
  CAP_SETPCAP,
  CAPABILITY_DATA_BYTES,
  CAPABILITY_VERSION_1,
  CAPABILITY_VERSION_2,
  CAPABILITY_VERSION_3,
} from "../../abi/capability.ts";
import { EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import type { ProcessCredentials } from "../task/credentials.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

/** (uid_t) -1: no id. */
const NO_ID = 0xffff_ffff;
const NGROUPS_MAX = 65_536;
const CAPABILITY_HEADER_BYTES = 8;

export function getuid(task: Task): number {
  return task.process.credentials.userId;
}

export function geteuid(task: Task): number {
  return task.process.credentials.effectiveUserId;
}

export function getgid(task: Task): number {
  return task.process.credentials.groupId;
}

export function getegid(task: Task): number {
  return task.process.credentials.effectiveGroupId;
}

export function setuid(task: Task, id: number): number {
  return id >>> 0 === NO_ID ? -EINVAL : task.process.credentials.setUser(id >>> 0);
}

export function setgid(task: Task, id: number): number {
  return id >>> 0 === NO_ID ? -EINVAL : task.process.credentials.setGroup(id >>> 0);
}

export function setreuid(task: Task, real: number, effective: number): number {
  return task.process.credentials.setRealAndEffectiveUser(real >>> 0, effective >>> 0);
}

export function setregid(task: Task, real: number, effective: number): number {
  return task.process.credentials.setRealAndEffectiveGroup(real >>> 0, effective >>> 0);
}

export function setresuid(task: Task, real: number, effective: number, saved: number): number {
  return task.process.credentials.setUsers(real >>> 0, effective >>> 0, saved >>> 0);
}

export function setresgid(task: Task, real: number, effective: number, saved: number): number {
  return task.process.credentials.setGroups(real >>> 0, effective >>> 0, saved >>> 0);
}

export function setfsuid(task: Task, id: number): number {
  return task.process.credentials.setFileSystemUser(id >>> 0);
}

export function setfsgid(task: Task, id: number): number {
  return task.process.credentials.setFileSystemGroup(id >>> 0);
}

function writeIds(task: Task, addresses: readonly number[], ids: readonly number[]): number {
  const { memory } = task.process;
  for (const [index, address] of addresses.entries()) {
    if (!memory.isValid(address, 4)) return -EFAULT;
    memory.writeUint32(address, ids[index] as number);
  }
  return 0;
}

export function getresuid(task: Task, real: number, effective: number, saved: number): number {
  const { userId, effectiveUserId, savedUserId } = task.process.credentials;
  return writeIds(task, [real, effective, saved], [userId, effectiveUserId, savedUserId]);
}

export function getresgid(task: Task, real: number, effective: number, saved: number): number {
  const { groupId, effectiveGroupId, savedGroupId } = task.process.credentials;
  return writeIds(task, [real, effective, saved], [groupId, effectiveGroupId, savedGroupId]);
}

/** With a count of 0, how many there are. */
export function getgroups(task: Task, count: number, address: number): number {
  const { memory, credentials } = task.process;
  const { groups } = credentials;
  if ((count | 0) < 0) return -EINVAL;
  if (count === 0) return groups.length;
  if (groups.length > count) return -EINVAL;
  if (!memory.isValid(address, 4 * groups.length)) return -EFAULT;
  for (const [index, group] of groups.entries()) memory.writeUint32(address + 4 * index, group);
  return groups.length;
}

export function setgroups(task: Task, count: number, address: number): number {
  const { memory, credentials } = task.process;
  if (!credentials.has(CAP_SETGID)) return -EPERM;
  if (count >>> 0 > NGROUPS_MAX) return -EINVAL;
  if (!memory.isValid(address, 4 * count)) return -EFAULT;
  const groups: number[] = [];
  for (let index = 0; index < count; index++) {
    const group = memory.readUint32(address + 4 * index);
    if (group === NO_ID) return -EINVAL;
    groups.push(group);
  }
  credentials.groups = groups.sort((a, b) => a - b);
  return 0;
}

/** How many sets of 32 bits the version in the header has; -EINVAL for one that is not known, which the header then learns. */
function versionSets(task: Task, header: number): number {
  const { memory } = task.process;
  if (!memory.isValid(header, CAPABILITY_HEADER_BYTES)) return -EFAULT;
  switch (memory.readUint32(header)) {
    case CAPABILITY_VERSION_1:
      return 1;
    case CAPABILITY_VERSION_2:
    case CAPABILITY_VERSION_3:
      return 2;
    default:
      memory.writeUint32(header, CAPABILITY_VERSION_3);
      return -EINVAL;
  }
}

export function capget(task: Task, header: number, data: number): number {
  const { memory } = task.process;
  const sets = versionSets(task, header);
  // Without a place for the data the call only asks for the version.
  if (sets < 0 || data === 0) return sets === -EINVAL && data === 0 ? 0 : Math.min(0, sets);
  const processId = memory.readInt32(header + 4);
  if (processId < 0) return -EINVAL;
  const process = processId === 0 ? task.process : task.system.processes.get(processId);
  if (process === null) return -ESRCH;
  if (!memory.isValid(data, sets * CAPABILITY_DATA_BYTES)) return -EFAULT;
  const { effective, permitted, inheritable } = process.credentials;
  memory.bytes.fill(0, data, data + sets * CAPABILITY_DATA_BYTES);
  memory.writeUint32(data, effective);
  memory.writeUint32(data + 4, permitted);
  memory.writeUint32(data + 8, inheritable);
  return 0;
}

export function capset(task: Task, header: number, data: number): number {
  const { memory, credentials, processId } = task.process;
  const sets = versionSets(task, header);
  if (sets < 0) return sets;
  const target = memory.readInt32(header + 4);
  if (target !== 0 && target !== processId) return -EPERM;
  if (!memory.isValid(data, sets * CAPABILITY_DATA_BYTES)) return -EFAULT;
  const wanted = (set: number): number => memory.readUint32(data + 4 * set);
  // Capabilities above 31 are nobody's here: who asks for one asks for what he does not have.
  const above = sets === 2 ? wanted(3) | wanted(4) | wanted(5) : 0;
  return above !== 0 ? -EPERM : setCapabilities(credentials, wanted(0), wanted(1), wanted(2));
}

function setCapabilities(
  credentials: ProcessCredentials,
  effective: number,
  permitted: number,
  inheritable: number,
): number {
  const isWithin = (set: number, bounds: number): boolean => (set & ~bounds) === 0;
  const { permitted: had, inheritable: inherited, bounding } = credentials;
  if (!credentials.has(CAP_SETPCAP) && !isWithin(inheritable, inherited | had)) return -EPERM;
  if (!isWithin(inheritable, inherited | bounding)) return -EPERM;
  if (!isWithin(permitted, had) || !isWithin(effective, permitted)) return -EPERM;
  credentials.effective = effective;
  credentials.permitted = permitted;
  credentials.inheritable = inheritable;
  return 0;
}

export const identityCalls: readonly SyscallDefinition[] = [
  call(90, "capget", ["address", "address"], capget),
  call(91, "capset", ["address", "address"], capset),
  call(143, "setregid", ["int", "int"], setregid),
  call(144, "setgid", ["uint"], setgid),
  call(145, "setreuid", ["int", "int"], setreuid),
  call(146, "setuid", ["uint"], setuid),
  call(147, "setresuid", ["int", "int", "int"], setresuid),
  call(148, "getresuid", ["address", "address", "address"], getresuid),
  call(149, "setresgid", ["int", "int", "int"], setresgid),
  call(150, "getresgid", ["address", "address", "address"], getresgid),
  call(151, "setfsuid", ["uint"], setfsuid),
  call(152, "setfsgid", ["uint"], setfsgid),
  call(158, "getgroups", ["int", "address"], getgroups),
  call(159, "setgroups", ["int", "address"], setgroups),
  call(174, "getuid", [], getuid),
  call(175, "geteuid", [], geteuid),
  call(176, "getgid", [], getgid),
  call(177, "getegid", [], getegid),
];
