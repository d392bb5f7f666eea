/** What all inodes in memory share: numbers, owner, permissions, times, and the charge against the file system's budget. */
import type { FileStatus } from "../../file/open-file.ts";
import { type AttributeChange, type Dentry, Inode } from "../inode.ts";
import type { MemFs } from "./memfs.ts";

/** st_blksize, and the unit of statfs(2). */
export const BLOCK_BYTES = 4096;

/** What a file brings along that was not made here. */
export type AdoptedAttributes = Pick<
  FileStatus,
  "mode" | "userId" | "groupId" | "accessedMilliseconds" | "modifiedMilliseconds" | "changedMilliseconds"
>;

export abstract class MemoryInode extends Inode {
  declare readonly fileSystem: MemFs;
  readonly number: number;
  /** Names that lead here; for a directory its own "." and each child's ".." count too. */
  links = 0;
  /** Open files. With no link and no open file left, the data goes. */
  opened = 0;
  protected permissions: number;
  private userId = 0;
  private groupId = 0;
  protected accessed: number;
  protected modified: number;
  protected changed: number;

  constructor(fileSystem: MemFs, type: number, permissions: number) {
    super(fileSystem, type);
    this.number = fileSystem.nextInodeNumber();
    this.permissions = permissions & 0o7777;
    this.accessed = this.modified = this.changed = fileSystem.now();
  }

  /** st_size. */
  abstract sizeBytes(): number;

  /** Bytes charged for the contents. */
  allocatedBytes(): number {
    return 0;
  }

  /** Gives back what the contents hold; called once nothing leads here any more. */
  discard(): void {}

  status(): FileStatus {
    return {
      device: this.fileSystem.deviceNumber,
      inode: this.number,
      mode: this.type | this.permissions,
      links: this.links,
      userId: this.userId,
      groupId: this.groupId,
      specialDevice: 0,
      size: this.sizeBytes(),
      blockSize: BLOCK_BYTES,
      blocks: Math.ceil(this.allocatedBytes() / 512),
      accessedMilliseconds: this.accessed,
      modifiedMilliseconds: this.modified,
      changedMilliseconds: this.changed,
    };
  }

  override setAttributes(_self: Dentry, change: AttributeChange): number {
    if (change.mode !== undefined) this.permissions = change.mode & 0o7777;
    if (change.userId !== undefined) this.userId = change.userId;
    if (change.groupId !== undefined) this.groupId = change.groupId;
    if (change.accessedMilliseconds !== undefined) this.accessed = change.accessedMilliseconds;
    if (change.modifiedMilliseconds !== undefined) this.modified = change.modifiedMilliseconds;
    this.touchChanged();
    return 0;
  }

  /** Takes over what another file has: for files that come from elsewhere. Times stay as they were there. */
  adoptAttributes(attributes: AdoptedAttributes): void {
    this.permissions = attributes.mode & 0o7777;
    this.userId = attributes.userId;
    this.groupId = attributes.groupId;
    this.accessed = attributes.accessedMilliseconds;
    this.modified = attributes.modifiedMilliseconds;
    this.changed = attributes.changedMilliseconds;
  }

  touchChanged(): void {
    this.changed = this.fileSystem.now();
  }

  touchModified(): void {
    this.modified = this.changed = this.fileSystem.now();
  }

  /** As the mount option relatime: a reading is noted only if something was written since the last one that was. */
  touchAccessed(): void {
    if (this.accessed <= this.modified) this.accessed = this.fileSystem.now();
  }

  /** A name or an open file went. */
  settle(): void {
    if (this.links === 0 && this.opened === 0) this.discard();
  }
}
