/** What host files of every kind have in common: their status by name, and changes of it. */
import { EACCES, EINVAL, ENXIO, EPERM } from "../../../abi/errno.ts";
import { S_IFBLK, S_IFCHR, S_IFLNK, S_IFREG } from "../../../abi/file.ts";
import type { FileStatus, OpenFile } from "../../file/open-file.ts";
import type { FileSystemContext } from "../file-system-context.ts";
import { type AttributeChange, type Dentry, type FileMapping, Inode } from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import type { HostStatus } from "./host-files.ts";
import { HostOpenFile } from "./host-open-file.ts";
import type { HostFs } from "./hostfs.ts";

/** The owners cannot be changed: on the host the files belong to whoever runs the kernel. */
export function checkOwners(change: AttributeChange, status: FileStatus): number {
  const changesUser = change.userId !== undefined && change.userId !== status.userId;
  const changesGroup = change.groupId !== undefined && change.groupId !== status.groupId;
  return changesUser || changesGroup ? -EPERM : 0;
}

/** An entry that is no directory. Made by each lookup; its dentry knows the directory and the name. */
export class HostEntry extends Inode {
  declare readonly fileSystem: HostFs;
  /** Set by the lookup that made the entry. */
  dentry: Dentry | null = null;
  private readonly found: HostStatus;
  private key: string | null = null;

  constructor(fileSystem: HostFs, found: HostStatus, type: number) {
    super(fileSystem, type);
    this.found = found;
  }

  override statusAtLookup(): FileStatus {
    return this.fileSystem.present(this.found);
  }

  override get mapping(): FileMapping | null {
    const { mappings } = this.fileSystem;
    const key = mappings.size === 0 ? null : this.identity();
    return key === null ? super.mapping : (mappings.get(key) ?? null);
  }

  override set mapping(mapping: FileMapping | null) {
    const key = this.identity();
    if (key === null) super.mapping = mapping;
    else if (mapping === null) this.fileSystem.mappings.delete(key);
    else this.fileSystem.mappings.set(key, mapping);
  }

  /** Which of the host's files it is; null for one that had no status yet when it was made, and has lost its name since. */
  private identity(): string | null {
    if (this.key !== null) return this.key;
    let found: HostStatus | number = this.found;
    if (found.inode === 0) {
      const place = this.place();
      found = typeof place === "number" ? place : this.fileSystem.files.status(place.handle, place.name);
      if (typeof found === "number") return null;
    }
    this.key = `${found.device}:${found.inode}`;
    return this.key;
  }

  status(): FileStatus | number {
    const place = this.place();
    if (typeof place === "number") return place;
    const status = this.fileSystem.files.status(place.handle, place.name);
    return typeof status === "number" ? status : this.fileSystem.present(status);
  }

  open(node: PathNode, flags: number): OpenFile | number {
    // A fifo or a device would make the kernel wait, or do what only the host's owner may do.
    if (this.type === S_IFCHR || this.type === S_IFBLK) return -EACCES;
    if (this.type === S_IFLNK) return -EINVAL;
    if (this.type !== S_IFREG) return -ENXIO;
    const place = this.place();
    return typeof place === "number" ? place : HostOpenFile.open(node, flags, place.handle, place.name, null);
  }

  override readLink(_context: FileSystemContext): string | number {
    const place = this.place();
    return typeof place === "number" ? place : this.fileSystem.files.readLink(place.handle, place.name);
  }

  override truncate(_self: Dentry, size: number): number {
    const { files } = this.fileSystem;
    const denied = this.fileSystem.checkWritable();
    const place = this.place();
    if (denied < 0 || typeof place === "number") return denied || (place as number);
    const file = files.open(place.handle, place.name, { read: false, write: true, create: false, mode: 0 });
    if (file < 0) return file;
    const result = files.truncate(file, size);
    files.closeFile(file);
    return result;
  }

  override setAttributes(_self: Dentry, change: AttributeChange): number {
    const place = this.place();
    return typeof place === "number" ? place : changeByName(this.fileSystem, place.handle, place.name, change);
  }

  private place(): { handle: number; name: string } | number {
    const dentry = this.dentry as Dentry;
    const handle = this.fileSystem.handleOf(dentry.parent as Dentry);
    return handle < 0 ? handle : { handle, name: dentry.name };
  }
}

/** chmod and utimensat of a name; whatever of it the host does not know is left out. */
export function changeByName(fileSystem: HostFs, handle: number, name: string, change: AttributeChange): number {
  const { files } = fileSystem;
  const denied = fileSystem.checkWritable();
  if (denied < 0) return denied;
  const status = files.status(handle, name);
  if (typeof status === "number") return status;
  const error = checkOwners(change, status);
  if (error < 0) return error;
  if (change.mode !== undefined) {
    const result = files.setMode(handle, name, change.mode);
    if (result < 0) return result;
  }
  const { accessedMilliseconds: accessed, modifiedMilliseconds: modified } = change;
  if (accessed === undefined && modified === undefined) return 0;
  const newAccessed = accessed ?? status.accessedMilliseconds;
  return files.setTimes(handle, name, newAccessed, modified ?? status.modifiedMilliseconds);
}
