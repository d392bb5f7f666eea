/**
 * System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2). A segment is a file without a name, as on Linux; attaching is
 * mapping it with MAP_SHARED. shmctl's commands for listing all segments are not there.
 */
import { EACCES, EEXIST, EFAULT, EIDRM, EINVAL, ENOENT, ENOMEM, ENOSPC, EPERM } from "../../abi/errno.ts";
import { O_RDONLY, O_RDWR } from "../../abi/file.ts";
import {
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_SHARED,
  PAGE_BYTES,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import {
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SHM_DEST,
  SHM_EXEC,
  SHM_HUGETLB,
  SHM_LOCK,
  SHM_LOCKED,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  SHM_UNLOCK,
  SHMID_DS_BYTES,
  SHMMNI,
  shmidOffset,
} from "../../abi/shared-segment.ts";
import type { OpenFile } from "../file/open-file.ts";
import { ADDRESS_SPACE_BYTES, type AddressSpace } from "../task/address-space.ts";
import { type Area, roundUpToPage } from "../task/area.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import { Dentry } from "../vfs/inode.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";
import { MemoryFile } from "../vfs/memfs/memory-file.ts";
import type { Mount } from "../vfs/mount-table.ts";
import { PathNode } from "../vfs/path-walk.ts";
import { RegularFile } from "../vfs/vfs-file.ts";
import { call, type SyscallDefinition } from "./definition.ts";

interface Segment {
  readonly id: number;
  /** IPC_PRIVATE when no shmget(2) finds it. */
  key: number;
  readonly byteLength: number;
  readonly node: PathNode;
  /** Keeps the contents while nobody has it attached; null once it has been removed. */
  keeper: OpenFile | null;
  mode: number;
  userId: number;
  groupId: number;
  readonly creatorUserId: number;
  readonly creatorGroupId: number;
  readonly creatorProcessId: number;
  lastProcessId: number;
  attachSeconds: number;
  detachSeconds: number;
  changeSeconds: number;
}

interface Segments {
  readonly mount: Mount;
  readonly byId: Map<number, Segment>;
  lastId: number;
}

const segmentsOf = new WeakMap<System, Segments>();

function segments(system: System): Segments {
  let found = segmentsOf.get(system);
  if (found === undefined) {
    const mount = system.mounts.makeHidden(new MemFs({ clock: system.clock }));
    found = { mount, byId: new Map(), lastId: -1 };
    segmentsOf.set(system, found);
  }
  return found;
}

function nowSeconds({ clock }: System): number {
  return Math.floor(clock.realtimeMilliseconds() / 1000);
}

function isOf(segment: Segment, area: Area): boolean {
  return area.file instanceof RegularFile && area.file.node.inode === segment.node.inode;
}

/** shm_nattch: the areas of all processes that show it. */
function countAttachments(system: System, segment: Segment): number {
  const seen = new Set<AddressSpace>();
  let count = 0;
  for (const process of system.processes.all()) {
    if (process.hasExited || seen.has(process.addressSpace)) continue;
    seen.add(process.addressSpace);
    for (const area of process.addressSpace.areas()) if (isOf(segment, area)) count++;
  }
  return count;
}

/** Forgets removed segments that nobody has attached any more. */
function sweep(system: System): void {
  const { byId } = segments(system);
  for (const segment of byId.values()) {
    if (segment.keeper === null && countAttachments(system, segment) === 0) byId.delete(segment.id);
  }
}

function find(task: Task, id: number): Segment | null {
  const segment = segments(task.system).byId.get(id) ?? null;
  if (segment === null || segment.keeper !== null) return segment;
  sweep(task.system);
  return segments(task.system).byId.get(id) ?? null;
}

/** Whether the caller has the rights, 4 to read and 2 to write, that the segment's mode gives. */
function mayAccess({ process }: Task, segment: Segment, rights: number): boolean {
  const { effectiveUserId, effectiveGroupId } = process.credentials;
  if (effectiveUserId === 0) return true;
  const isOwner = effectiveUserId === segment.userId || effectiveUserId === segment.creatorUserId;
  const isGroup = effectiveGroupId === segment.groupId || effectiveGroupId === segment.creatorGroupId;
  const granted = segment.mode >> (isOwner ? 6 : isGroup ? 3 : 0);
  return (rights & ~granted) === 0;
}

function mayChange({ process }: Task, { userId, creatorUserId }: Segment): boolean {
  const { effectiveUserId } = process.credentials;
  return effectiveUserId === 0 || effectiveUserId === userId || effectiveUserId === creatorUserId;
}

export function shmget(task: Task, key: number, byteLength: number, flags: number): number {
  const { system } = task;
  const { byId } = segments(system);
  if (key !== IPC_PRIVATE) {
    for (const segment of byId.values()) {
      if (segment.key !== key || segment.keeper === null) continue;
      if ((flags & IPC_CREAT) !== 0 && (flags & IPC_EXCL) !== 0) return -EEXIST;
      if (byteLength > segment.byteLength) return -EINVAL;
      return mayAccess(task, segment, (flags | (flags >> 3) | (flags >> 6)) & 7) ? segment.id : -EACCES;
    }
    if ((flags & IPC_CREAT) === 0) return -ENOENT;
  }
  if (!(byteLength >= 1 && byteLength <= ADDRESS_SPACE_BYTES)) return -EINVAL;
  if ((flags & SHM_HUGETLB) !== 0) return -ENOMEM;
  if (byId.size >= SHMMNI) sweep(system);
  if (byId.size >= SHMMNI) return -ENOSPC;
  return create(task, key, byteLength, flags & 0o777);
}

function create(task: Task, key: number, byteLength: number, mode: number): number {
  const { system } = task;
  const known = segments(system);
  const { mount, byId } = known;
  const inode = new MemoryFile(mount.fileSystem as MemFs, 0o600);
  const dentry = new Dentry(inode, mount.root, `SYSV${(key >>> 0).toString(16).padStart(8, "0")}`);
  dentry.isDeleted = true;
  const node = new PathNode(mount, dentry);
  const keeper = inode.open(node, O_RDWR);
  if (typeof keeper === "number") return keeper;
  keeper.retain();
  const result = keeper.truncate(roundUpToPage(byteLength));
  if (result < 0) {
    keeper.drop();
    return result;
  }
  do known.lastId = (known.lastId + 1) & 0x7fff_ffff;
  while (byId.has(known.lastId));
  const { effectiveUserId: userId, effectiveGroupId: groupId } = task.process.credentials;
  byId.set(known.lastId, {
    id: known.lastId,
    key,
    byteLength,
    node,
    keeper,
    mode,
    userId,
    groupId,
    creatorUserId: userId,
    creatorGroupId: groupId,
    creatorProcessId: task.process.processId,
    lastProcessId: 0,
    attachSeconds: 0,
    detachSeconds: 0,
    changeSeconds: nowSeconds(system),
  });
  return known.lastId;
}

export function shmat(task: Task, id: number, address: number, flags: number): number {
  const segment = find(task, id);
  if (segment === null) return -EINVAL;
  if (address === 0 ? (flags & SHM_REMAP) !== 0 : address % PAGE_BYTES !== 0 && (flags & SHM_RND) === 0) return -EINVAL;
  const isReadOnly = (flags & SHM_RDONLY) !== 0;
  const isExecutable = (flags & SHM_EXEC) !== 0;
  if (!mayAccess(task, segment, (isReadOnly ? 4 : 6) | (isExecutable ? 1 : 0))) return -EACCES;
  if (segment.keeper === null) return -EIDRM;
  const file = segment.node.inode.open(segment.node, isReadOnly ? O_RDONLY : O_RDWR);
  if (typeof file === "number") return file;
  file.retain();
  const placed = address === 0 ? 0 : (flags & SHM_REMAP) !== 0 ? MAP_FIXED : MAP_FIXED_NOREPLACE;
  const start = task.process.addressSpace.map({
    address: address - (address % PAGE_BYTES),
    byteLength: segment.byteLength,
    protection: PROT_READ | (isReadOnly ? 0 : PROT_WRITE) | (isExecutable ? PROT_EXEC : 0),
    flags: MAP_SHARED | placed,
    file,
    offset: 0,
  });
  file.drop();
  if (start < 0) return start === -EEXIST ? -EINVAL : start;
  segment.attachSeconds = nowSeconds(task.system);
  segment.lastProcessId = task.process.processId;
  return start;
}

/** What of the segment still lies where shmat(2) put it; the address is that of its start. */
export function shmdt(task: Task, address: number): number {
  if (address % PAGE_BYTES !== 0) return -EINVAL;
  const { addressSpace } = task.process;
  for (const segment of segments(task.system).byId.values()) {
    const end = address + roundUpToPage(segment.byteLength);
    const areas = [...addressSpace.areas()].filter(
      (area) => area.start >= address && area.end <= end && area.start - area.offset === address && isOf(segment, area),
    );
    if (areas.length === 0) continue;
    for (const { start, byteLength } of areas) addressSpace.unmap(start, byteLength);
    segment.detachSeconds = nowSeconds(task.system);
    segment.lastProcessId = task.process.processId;
    sweep(task.system);
    return 0;
  }
  return -EINVAL;
}

export function shmctl(task: Task, id: number, command: number, address: number): number {
  const segment = find(task, id);
  if (segment === null) return -EINVAL;
  switch (command) {
    case IPC_STAT:
      return mayAccess(task, segment, 4) ? writeStatus(task, segment, address) : -EACCES;
    case IPC_SET:
      return mayChange(task, segment) ? readStatus(task, segment, address) : -EPERM;
    case IPC_RMID:
      if (!mayChange(task, segment)) return -EPERM;
      segment.key = IPC_PRIVATE;
      segment.mode |= SHM_DEST;
      segment.keeper?.drop();
      segment.keeper = null;
      sweep(task.system);
      return 0;
    case SHM_LOCK:
    case SHM_UNLOCK:
      // Nothing is ever swapped out.
      if (!mayChange(task, segment)) return -EPERM;
      segment.mode = command === SHM_LOCK ? segment.mode | SHM_LOCKED : segment.mode & ~SHM_LOCKED;
      return 0;
    default:
      return -EINVAL;
  }
}

function writeStatus(task: Task, segment: Segment, address: number): number {
  const { memory } = task.process;
  if (!memory.isValid(address, SHMID_DS_BYTES)) return -EFAULT;
  memory.bytes.fill(0, address, address + SHMID_DS_BYTES);
  memory.writeUint32(address + shmidOffset.key, segment.key >>> 0);
  memory.writeUint32(address + shmidOffset.userId, segment.userId);
  memory.writeUint32(address + shmidOffset.groupId, segment.groupId);
  memory.writeUint32(address + shmidOffset.creatorUserId, segment.creatorUserId);
  memory.writeUint32(address + shmidOffset.creatorGroupId, segment.creatorGroupId);
  memory.writeUint32(address + shmidOffset.mode, segment.mode);
  memory.writeInt64(address + shmidOffset.byteLength, segment.byteLength);
  memory.writeInt64(address + shmidOffset.attachTime, segment.attachSeconds);
  memory.writeInt64(address + shmidOffset.detachTime, segment.detachSeconds);
  memory.writeInt64(address + shmidOffset.changeTime, segment.changeSeconds);
  memory.writeUint32(address + shmidOffset.creatorProcessId, segment.creatorProcessId);
  memory.writeUint32(address + shmidOffset.lastProcessId, segment.lastProcessId);
  memory.writeInt64(address + shmidOffset.attachments, countAttachments(task.system, segment));
  return 0;
}

/** IPC_SET takes owner and mode. */
function readStatus(task: Task, segment: Segment, address: number): number {
  const { memory } = task.process;
  if (!memory.isValid(address, SHMID_DS_BYTES)) return -EFAULT;
  segment.userId = memory.readUint32(address + shmidOffset.userId);
  segment.groupId = memory.readUint32(address + shmidOffset.groupId);
  segment.mode = (segment.mode & ~0o777) | (memory.readUint32(address + shmidOffset.mode) & 0o777);
  segment.changeSeconds = nowSeconds(task.system);
  return 0;
}

export const sharedSegmentCalls: readonly SyscallDefinition[] = [
  call(194, "shmget", ["int", "size", "hex"], shmget),
  call(195, "shmctl", ["int", "int", "address"], shmctl),
  call(196, "shmat", ["int", "address", "hex"], shmat),
  call(197, "shmdt", ["address"], shmdt),
];
