/** memfd_create(2), files in memory that have no name; and membarrier(2). */
import { EFAULT, EINVAL, ENAMETOOLONG, EPERM } from "../../abi/errno.ts";
import {
  F_SEAL_EXEC,
  F_SEAL_SEAL,
  FD_CLOEXEC,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  MFD_NOEXEC_SEAL,
  O_LARGEFILE,
  O_RDWR,
} from "../../abi/file.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import { Dentry } from "../vfs/inode.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";
import { MemoryFile } from "../vfs/memfs/memory-file.ts";
import type { Mount } from "../vfs/mount-table.ts";
import { PathNode } from "../vfs/path-walk.ts";
import { call, type SyscallDefinition } from "./definition.ts";

/** NAME_MAX without "memfd:". */
const NAME_MAXIMUM = 249;

/** One hidden file system for the memfds of each kernel. */
const mounts = new WeakMap<System, Mount>();

function mountOf(system: System): Mount {
  let mount = mounts.get(system);
  if (mount === undefined) {
    mount = system.mounts.makeHidden(new MemFs({ clock: system.clock }));
    mounts.set(system, mount);
  }
  return mount;
}

export function memfdCreate(task: Task, nameAddress: number, flags: number): number {
  if ((flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) !== 0) return -EINVAL;
  if ((flags & MFD_EXEC) !== 0 && (flags & MFD_NOEXEC_SEAL) !== 0) return -EINVAL;
  const name = task.process.memory.readString(nameAddress, NAME_MAXIMUM + 1);
  if (typeof name === "number") return name === -ENAMETOOLONG ? -EINVAL : -EFAULT;
  const mount = mountOf(task.system);
  const isExecutable = (flags & MFD_NOEXEC_SEAL) === 0;
  const inode = new MemoryFile(mount.fileSystem as MemFs, isExecutable ? 0o777 : 0o666);
  const credentials = task.process.credentials;
  inode.setAttributes(mount.root, {
    userId: credentials.fileSystemUserId,
    groupId: credentials.fileSystemGroupId,
  });
  inode.seals = (flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL)) === 0 ? F_SEAL_SEAL : 0;
  if (!isExecutable) inode.seals |= F_SEAL_EXEC;
  const dentry = new Dentry(inode, mount.root, `memfd:${name}`);
  dentry.isDeleted = true;
  const file = inode.open(new PathNode(mount, dentry), O_RDWR | O_LARGEFILE);
  if (typeof file === "number") return file;
  return task.process.descriptors.install(file, (flags & MFD_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
}

const MEMBARRIER_CMD_GLOBAL = 1;
const MEMBARRIER_CMD_GLOBAL_EXPEDITED = 2;
const MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 4;
const MEMBARRIER_CMD_PRIVATE_EXPEDITED = 8;
const MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 16;
const BARRIER_COMMANDS: number =
  MEMBARRIER_CMD_GLOBAL |
  MEMBARRIER_CMD_GLOBAL_EXPEDITED |
  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
  MEMBARRIER_CMD_PRIVATE_EXPEDITED |
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

/** Threads run in turn on one core, so every barrier has been passed already. */
export function membarrier(task: Task, command: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const { addressSpace } = task.process;
  switch (command) {
    case 0:
      return BARRIER_COMMANDS;
    case MEMBARRIER_CMD_GLOBAL:
    case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
    case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
      return 0;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
      return (addressSpace.barriers & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) === 0 ? -EPERM : 0;
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
      addressSpace.barriers |= command;
      return 0;
    default:
      return -EINVAL;
  }
}

export const memfdCalls: readonly SyscallDefinition[] = [
  call(279, "memfd_create", ["string", "flags"], memfdCreate),
  call(283, "membarrier", ["int", "flags", "int"], membarrier),
];
