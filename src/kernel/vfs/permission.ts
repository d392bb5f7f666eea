/** Who may do what with a file, by its owner, group and mode (path_resolution(7), Permissions). Root is not asked. */
import { EACCES, EPERM } from "../../abi/errno.ts";
import { S_IFDIR, S_IFMT, W_OK, X_OK } from "../../abi/file.ts";
import type { FileStatus } from "../file/open-file.ts";
import type { FileSystemContext } from "./file-system-context.ts";
import type { Dentry, Inode } from "./inode.ts";

/** Whom a process is to files. */
export interface FileIdentity {
  readonly fileSystemUserId: number;
  readonly fileSystemGroupId: number;
  readonly groups: readonly number[];
}

const STICKY = 0o1000;
const SET_GROUP_ID = 0o2000;

export function isMember(identity: FileIdentity, groupId: number): boolean {
  return identity.fileSystemGroupId === groupId || identity.groups.includes(groupId);
}

/** Whether the file's mode lets someone do all of `wanted` (R_OK | W_OK | X_OK). */
export function modeAllows(status: FileStatus, identity: FileIdentity, wanted: number): boolean {
  const shift = identity.fileSystemUserId === status.userId ? 6 : isMember(identity, status.groupId) ? 3 : 0;
  return ((status.mode >> shift) & wanted) === wanted;
}

/** 0, or -EACCES. Root may do all but execute what nobody may. */
export function checkAccess(inode: Inode, context: FileSystemContext | undefined, wanted: number): number {
  const identity = context?.identity;
  if (identity === undefined) return 0;
  const status = inode.status();
  if (typeof status === "number") return status;
  return modeAllows(status, identity, wanted) ? 0 : -EACCES;
}

/** As above for an identity that may be root's: access(2), which asks for the real ids. */
export function checkStatus(status: FileStatus, identity: FileIdentity | undefined, wanted: number): number {
  if (identity !== undefined) return modeAllows(status, identity, wanted) ? 0 : -EACCES;
  const isDirectory = (status.mode & S_IFMT) === S_IFDIR;
  return (wanted & X_OK) !== 0 && !isDirectory && (status.mode & 0o111) === 0 ? -EACCES : 0;
}

/** A name is to be made in a directory. */
export function checkMake(directory: Inode, context: FileSystemContext): number {
  return checkAccess(directory, context, W_OK | X_OK);
}

/** A name is to go: in a directory with the sticky bit only the owner of the file or of the directory may take it. */
export function checkRemove(directory: Inode, child: Inode, context: FileSystemContext): number {
  const { identity } = context;
  if (identity === undefined) return 0;
  const status = directory.status();
  if (typeof status === "number") return status;
  if (!modeAllows(status, identity, W_OK | X_OK)) return -EACCES;
  if ((status.mode & STICKY) === 0 || status.userId === identity.fileSystemUserId) return 0;
  const childStatus = child.status();
  if (typeof childStatus === "number") return childStatus;
  return childStatus.userId === identity.fileSystemUserId ? 0 : -EPERM;
}

/** Gives what has just been made to who made it; below a directory with the set-group-ID bit, to the directory's group. */
export function giveToMaker(directory: Inode, made: Dentry, context: FileSystemContext): void {
  const { owner } = context;
  if (owner === undefined) return;
  const { fileSystemUserId: userId, fileSystemGroupId } = owner;
  // What root makes is root's already, which saves looking at the directory.
  if (userId === 0 && fileSystemGroupId === 0) return;
  const status = directory.status();
  const inheritsGroup = typeof status !== "number" && (status.mode & SET_GROUP_ID) !== 0;
  const groupId = inheritsGroup ? status.groupId : fileSystemGroupId;
  made.inode.setAttributes(made, { userId, groupId });
  if (!inheritsGroup || !made.inode.isDirectory) return;
  const madeStatus = made.inode.status();
  if (typeof madeStatus !== "number")
    made.inode.setAttributes(made, { mode: (madeStatus.mode & 0o7777) | SET_GROUP_ID });
}
