/**
 * Which file system stands where. A mount covers a directory of another mount; the path walk crosses over in both
 * directions. The table's lock comes before every file system's.
 */
import { EBUSY, EINVAL, ENOTDIR } from "../../abi/errno.ts";
import { LockRank, RankedLock } from "../../base/ranked-lock.ts";
import type { FileSystemContext } from "./file-system-context.ts";
import type { Dentry, FileSystem } from "./inode.ts";
import { PathNode, pathOf, walk } from "./path-walk.ts";
import { WatchTable } from "./watches.ts";

export interface MountOptions {
  readOnly?: boolean;
}

/** One file system at one place. */
export class Mount {
  readonly identifier: number;
  readonly fileSystem: FileSystem;
  readonly root: Dentry;
  /** The directory it covers; null for the root of everything, and after it was unmounted. */
  mountPoint: PathNode | null;
  readOnly: boolean;
  /** Mounts that cover directories of this one. */
  readonly children: Map<Dentry, Mount> = new Map();
  /** Open files that were reached through this mount. */
  openFiles = 0;
  /** Who is told what happens to its files. */
  readonly watches: WatchTable;

  constructor(
    identifier: number,
    fileSystem: FileSystem,
    mountPoint: PathNode | null,
    readOnly: boolean,
    watches: WatchTable = new WatchTable(),
  ) {
    this.watches = watches;
    this.identifier = identifier;
    this.fileSystem = fileSystem;
    this.root = fileSystem.root;
    this.mountPoint = mountPoint;
    this.readOnly = readOnly;
  }
}

/** One line of /proc/mounts. */
export interface MountListing {
  path: string;
  fileSystem: FileSystem;
  readOnly: boolean;
}

export class MountTable {
  readonly lock: RankedLock = new RankedLock(LockRank.mountTable, "mount table");
  readonly mounts: Mount[] = [];
  readonly watches: WatchTable = new WatchTable();
  private identifiers = 0;
  private devices = 0;
  private readonly rootNode: PathNode;

  /** The table begins with its root file system in place. */
  constructor(rootFileSystem: FileSystem, options: MountOptions = {}) {
    const mount = this.attach(rootFileSystem, null, options);
    this.rootNode = new PathNode(mount, mount.root);
  }

  root(): PathNode {
    return this.rootNode;
  }

  /** A context at the root, for the kernel's own use of paths. */
  rootContext(): FileSystemContext {
    return { root: this.rootNode, workingDirectory: this.rootNode, umask: 0o022 };
  }

  /** Mounts over an existing directory; 0, or -ENOENT, -ENOTDIR … of the path. Several may stand on one place: the last one shows. */
  mount(path: string, fileSystem: FileSystem, options: MountOptions = {}): number {
    const node = walk(this.rootContext(), path);
    if (typeof node === "number") return node;
    if (!node.inode.isDirectory) return -ENOTDIR;
    this.lock.acquire();
    try {
      // The root of everything stays: a mount over it would hide nothing that walks begin from.
      if (node.mount === this.rootNode.mount && node.dentry === this.rootNode.dentry) return -EBUSY;
      const mount = this.attach(fileSystem, node, options);
      node.mount.children.set(node.dentry, mount);
      node.dentry.mountCount++;
      return 0;
    } finally {
      this.lock.release();
    }
  }

  /** As umount(2): -EINVAL if no mount stands at the path, -EBUSY while files are open on it or mounts stand below it. */
  unmount(path: string): number {
    const node = walk(this.rootContext(), path);
    if (typeof node === "number") return node;
    this.lock.acquire();
    try {
      const { mount } = node;
      const at = mount.mountPoint;
      if (node.dentry !== mount.root || at === null) return -EINVAL;
      if (mount.children.size > 0 || mount.openFiles > 0) return -EBUSY;
      at.mount.children.delete(at.dentry);
      at.dentry.mountCount--;
      mount.mountPoint = null;
      this.mounts.splice(this.mounts.indexOf(mount), 1);
      if (!this.mounts.some((other) => other.fileSystem === mount.fileSystem)) mount.fileSystem.release?.();
      return 0;
    } finally {
      this.lock.release();
    }
  }

  /** All mounts in the order they were made, with the paths they stand at. */
  list(): MountListing[] {
    return this.mounts.map((mount) => ({
      path: pathOf(new PathNode(mount, mount.root), this.rootNode),
      fileSystem: mount.fileSystem,
      readOnly: mount.readOnly,
    }));
  }

  /** A mount that stands nowhere, for files without names: no path leads into it, and none out of it. */
  makeHidden(fileSystem: FileSystem): Mount {
    if (fileSystem.deviceNumber === 0) fileSystem.deviceNumber = ++this.devices;
    return new Mount(++this.identifiers, fileSystem, null, false);
  }

  private attach(fileSystem: FileSystem, at: PathNode | null, options: MountOptions): Mount {
    if (fileSystem.deviceNumber === 0) fileSystem.deviceNumber = ++this.devices;
    const mount = new Mount(++this.identifiers, fileSystem, at, options.readOnly ?? false, this.watches);
    this.mounts.push(mount);
    return mount;
  }
}
