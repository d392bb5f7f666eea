/**
 * A folder of the host as a file system. Everything is done name by name below directory handles, so that neither a symlink nor
 * a `..` nor a rename on the host leads out of the folder: symlinks are read, never followed by the host, and the path walk
 * interprets them inside the guest's tree.
 */
import { EROFS, ESTALE } from "../../../abi/errno.ts";
import { LockRank, RankedLock } from "../../../base/ranked-lock.ts";
import type { FileStatus } from "../../file/open-file.ts";
import { Dentry, type FileMapping, type FileSystem, type FileSystemStatistics } from "../inode.ts";
import { HostDirectory } from "./host-directory.ts";
import type { HostFiles, HostStatus } from "./host-files.ts";

export interface HostFsOptions {
  /** Nothing on the host is changed, whatever the mount allows. True by default. */
  readOnly?: boolean;
}

/** Directories that are remembered, and those of them whose host handles stay open. */
const REMEMBERED_DIRECTORIES = 1024;
const OPEN_DIRECTORIES = 64;
/** Host folders may have other file systems mounted in them; their device numbers are told apart from here on. */
const FURTHER_DEVICES = 0x1_0000;

export class HostFs implements FileSystem {
  readonly typeName = "hostfs";
  /** Where the folder lies on the host is no business of the guest's. */
  readonly source = "hostfs";
  deviceNumber = 0;
  readonly root: Dentry;
  readonly files: HostFiles;
  readonly readOnly: boolean;
  readonly lock: RankedLock = new RankedLock(LockRank.fileSystem, "hostfs");
  /** Files that are mapped with MAP_SHARED, by the host's device and inode number: a walk makes a new entry each time. */
  readonly mappings: Map<string, FileMapping> = new Map();
  /** In order of last use. */
  private readonly remembered = new Set<HostDirectory>();
  private readonly opened = new Set<HostDirectory>();
  private readonly devices: number[] = [];
  private isReleased = false;

  constructor(files: HostFiles, options: HostFsOptions = {}) {
    this.files = files;
    this.readOnly = options.readOnly ?? true;
    const status = files.directoryStatus(files.root);
    if (typeof status !== "number") this.devices.push(status.device);
    const root = new HostDirectory(this, null, status);
    root.handle = files.root;
    this.root = new Dentry(root, null, "");
  }

  statistics(): FileSystemStatistics | number {
    return this.files.statistics();
  }

  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    for (const directory of this.opened) this.closeHandle(directory);
    this.opened.clear();
    this.files.close();
  }

  /** -EROFS where nothing may be changed; 0 otherwise. */
  checkWritable(): number {
    return this.readOnly ? -EROFS : 0;
  }

  /** A host status as the guest sees it. */
  present(status: HostStatus): FileStatus {
    let index = this.devices.indexOf(status.device);
    if (index < 0) index = this.devices.push(status.device) - 1;
    return { ...status, device: this.deviceNumber + index * FURTHER_DEVICES };
  }

  /** The open handle of a directory, opened again if it was put away meanwhile; -ESTALE if its name leads elsewhere now. */
  handleOf(self: Dentry): number {
    const directory = self.inode as HostDirectory;
    if (directory.handle >= 0) {
      this.touch(directory);
      return directory.handle;
    }
    // Up to one that is open, and down again; a loop, since a guest may have made the way long.
    const way: Dentry[] = [];
    let at: Dentry = self;
    while ((at.inode as HostDirectory).handle < 0) {
      if (at.parent === null || at.isDeleted) return -ESTALE;
      way.push(at);
      at = at.parent;
    }
    let handle = (at.inode as HostDirectory).handle;
    for (let next = way.pop(); next !== undefined; next = way.pop()) {
      handle = this.openHandle(next, handle);
      if (handle < 0) return handle;
    }
    return handle;
  }

  /** Remembers a directory's dentry in its parent, and forgets the one that was not used for longest. */
  remember(parent: HostDirectory, dentry: Dentry): void {
    const directory = dentry.inode as HostDirectory;
    directory.dentry = dentry;
    parent.children.set(dentry.name, dentry);
    this.remembered.add(directory);
    if (this.remembered.size <= REMEMBERED_DIRECTORIES) return;
    for (const candidate of this.remembered) {
      // What has something below it, or a mount on it, must be found again as the same object.
      if (candidate.children.size > 0 || candidate === directory || candidate.dentry?.mountCount !== 0) continue;
      this.forget(candidate);
      return;
    }
  }

  /** The directory is gone, or not needed any more: its handle is closed, and its name is looked up anew next time. */
  forget(directory: HostDirectory): void {
    const { dentry } = directory;
    if (dentry !== null) {
      const siblings = (dentry.parent?.inode as HostDirectory | undefined)?.children;
      if (siblings?.get(dentry.name) === dentry) siblings.delete(dentry.name);
    }
    this.remembered.delete(directory);
    if (this.opened.delete(directory)) this.closeHandle(directory);
  }

  private openHandle(self: Dentry, above: number): number {
    const directory = self.inode as HostDirectory;
    const handle = this.files.openDirectory(above, self.name);
    if (handle < 0) return handle;
    const status = this.files.directoryStatus(handle);
    if (typeof status === "number" || !directory.isSame(status)) {
      this.files.closeDirectory(handle);
      return typeof status === "number" ? status : -ESTALE;
    }
    directory.handle = handle;
    this.opened.add(directory);
    this.closeLeastUsed(directory);
    return handle;
  }

  private touch(directory: HostDirectory): void {
    if (this.opened.delete(directory)) this.opened.add(directory);
    if (this.remembered.delete(directory)) this.remembered.add(directory);
  }

  private closeLeastUsed(except: HostDirectory): void {
    if (this.opened.size <= OPEN_DIRECTORIES) return;
    for (const candidate of this.opened) {
      if (candidate === except) continue;
      this.opened.delete(candidate);
      this.closeHandle(candidate);
      return;
    }
  }

  private closeHandle(directory: HostDirectory): void {
    if (directory.handle >= 0) this.files.closeDirectory(directory.handle);
    directory.handle = -1;
  }
}
