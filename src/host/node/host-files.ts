/**
 * A folder of the machine for hostfs, by synchronous calls of node:fs. Where Linux's /proc/self/fd is there, a directory handle is
 * an O_PATH descriptor and a name in it is reached as /proc/self/fd/N/name: what openat(2) does, which no rename or symlink
 * elsewhere can lead astray. On other systems handles are paths without symlinks, checked before and after each use.
 */
import * as fs from "node:fs";
import { sep } from "node:path";
import { EACCES, EEXIST, ELOOP, ENOENT, ENXIO, ESTALE } from "../../abi/errno.ts";
import type {
  HostDirectoryReader,
  HostFiles,
  HostOpenOptions,
  HostStatus,
} from "../../kernel/vfs/hostfs/host-files.ts";
import type { FileSystemStatistics } from "../../kernel/vfs/inode.ts";
import {
  attempt,
  DescriptorDirectories,
  type Directories,
  errnoOf,
  O_PATH,
  openDirectories,
} from "./host-directories.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;
const O_NOCTTY = fs.constants.O_NOCTTY ?? 0;
const NOBODY = 65_534;
/** Names read from a directory at once. */
const DIRECTORY_BUFFER = 128;

/**
 * Moves a file without ever taking the place of another one: link(2) does not, and Node has no call for renameat2(2). False when
 * that cannot be done so (a directory, no hard links here): then nothing stands in the way, and a plain rename is left to do.
 */
function moveExclusively(from: string, to: string): boolean {
  if (fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined) throw { code: "EEXIST" };
  if (fs.lstatSync(from).isDirectory()) return false;
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (errnoOf(error) === -EEXIST) throw error;
    return false;
  }
  fs.unlinkSync(from);
  return true;
}

/** What no host takes as one name, or takes as something else. */
function isName(name: string): boolean {
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0")) return false;
  return process.platform !== "win32" || !/[\\:*?"<>|]|[. ]$/.test(name);
}

export interface NodeHostFilesOptions {
  /** Does without /proc/self/fd, as on systems that have none. */
  portable?: boolean;
  /** Shows owners as they are, where the host's user is root: the folder is a root file system then, with users of its own. */
  showOwners?: boolean;
}

export class NodeHostFiles implements HostFiles {
  readonly description: string;
  private readonly directories: Directories;
  private readonly userId: number;
  private readonly showsOwners: boolean;

  /** Throws, as node:fs does, when there is no such folder. */
  constructor(folder: string, options: NodeHostFilesOptions = {}) {
    const path = fs.realpathSync.native(folder);
    if (!fs.statSync(path).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a directory, '${folder}'`), { code: "ENOTDIR" });
    }
    this.description = path;
    this.userId = process.getuid?.() ?? 0;
    this.showsOwners = options.showOwners === true && this.userId === 0;
    this.directories = openDirectories(path, options.portable ?? false);
  }

  get root(): number {
    return this.directories.root;
  }

  close(): void {
    this.directories.closeAll();
  }

  openDirectory(directory: number, name: string): number {
    return isName(name) ? this.directories.open(directory, name) : -ENOENT;
  }

  closeDirectory(directory: number): void {
    this.directories.close(directory);
  }

  isInside(directory: number): boolean {
    return this.directories.isInside(directory);
  }

  readDirectory(directory: number): HostDirectoryReader | number {
    const path = this.directories.path(directory);
    if (typeof path === "number") return path;
    try {
      const handle = fs.opendirSync(path, { bufferSize: DIRECTORY_BUFFER });
      return {
        next: () => {
          try {
            return handle.readSync()?.name ?? null;
          } catch (error) {
            return errnoOf(error);
          }
        },
        close: () => void attempt(() => handle.closeSync()),
      };
    } catch (error) {
      return errnoOf(error);
    }
  }

  directoryStatus(directory: number): HostStatus | number {
    const path = this.directories.path(directory);
    if (typeof path === "number") return path;
    try {
      // The handle itself leads to the directory, so this follows no link of the folder's.
      return this.present(fs.statSync(path));
    } catch (error) {
      return errnoOf(error);
    }
  }

  statistics(): FileSystemStatistics | number {
    const path = this.directories.path(this.root);
    if (typeof path === "number") return path;
    try {
      const { type, bsize, blocks, bavail, files, ffree } = fs.statfsSync(path);
      const sizes = { blockSize: bsize, blocks, freeBlocks: bavail, files, freeFiles: ffree };
      return { type, ...sizes, nameLengthMaximum: 255 };
    } catch (error) {
      return errnoOf(error);
    }
  }

  status(directory: number, name: string): HostStatus | number {
    const path = this.at(directory, name);
    if (typeof path === "number") return path;
    try {
      // A missing name is common, and an exception for it costs more than the call.
      const stats = fs.lstatSync(path, { throwIfNoEntry: false });
      return stats === undefined ? -ENOENT : this.present(stats);
    } catch (error) {
      return errnoOf(error);
    }
  }

  readLink(directory: number, name: string): string | number {
    const path = this.at(directory, name);
    if (typeof path === "number") return path;
    try {
      return fs.readlinkSync(path);
    } catch (error) {
      return errnoOf(error);
    }
  }

  makeDirectory(directory: number, name: string, mode: number): number {
    return this.with(directory, name, (path) => fs.mkdirSync(path, { mode }));
  }

  removeDirectory(directory: number, name: string): number {
    return this.with(directory, name, (path) => fs.rmdirSync(path));
  }

  unlink(directory: number, name: string): number {
    return this.with(directory, name, (path) => fs.unlinkSync(path));
  }

  symlink(directory: number, name: string, target: string): number {
    return this.with(directory, name, (path) => fs.symlinkSync(target, path));
  }

  link(oldDirectory: number, oldName: string, newDirectory: number, newName: string): number {
    const from = this.at(oldDirectory, oldName);
    if (typeof from === "number") return from;
    return this.with(newDirectory, newName, (path) => fs.linkSync(from, path));
  }

  rename(oldDirectory: number, oldName: string, newDirectory: number, newName: string, noReplace: boolean): number {
    const from = this.at(oldDirectory, oldName);
    if (typeof from === "number") return from;
    const to = this.at(newDirectory, newName);
    if (typeof to === "number") return to;
    return attempt(() => {
      if (noReplace && moveExclusively(from, to)) return;
      fs.renameSync(from, to);
      this.directories.moved(from, to);
    });
  }

  setMode(directory: number, name: string, mode: number): number {
    const path = this.at(directory, name);
    if (typeof path === "number") return path;
    return attempt(() => {
      if (!(this.directories instanceof DescriptorDirectories)) {
        if (fs.lstatSync(path).isSymbolicLink()) throw { code: "EOPNOTSUPP" };
        fs.chmodSync(path, mode);
        return;
      }
      // chmod(2) would follow a symlink that has just taken the name; an O_PATH descriptor holds the file that was meant.
      const descriptor = fs.openSync(path, O_PATH | O_NOFOLLOW);
      try {
        if (fs.fstatSync(descriptor).isSymbolicLink()) throw { code: "EOPNOTSUPP" };
        fs.chmodSync(`/proc/self/fd/${descriptor}`, mode);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  setTimes(directory: number, name: string, accessedMilliseconds: number, modifiedMilliseconds: number): number {
    return this.with(directory, name, (path) =>
      fs.lutimesSync(path, accessedMilliseconds / 1000, modifiedMilliseconds / 1000),
    );
  }

  open(directory: number, name: string, options: HostOpenOptions): number {
    const path = this.at(directory, name);
    if (typeof path === "number") return path;
    const access = options.read ? (options.write ? O_RDWR : O_RDONLY) : options.write ? O_WRONLY : O_RDONLY;
    // Should a fifo or a terminal have taken the name, opening it neither waits nor makes it ours.
    const flags = access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | (options.create ? O_CREAT | O_EXCL : 0);
    let descriptor: number;
    try {
      descriptor = fs.openSync(path, flags, options.mode);
    } catch (error) {
      return errnoOf(error);
    }
    const refusal = this.checkOpened(directory, path, descriptor);
    if (refusal < 0) attempt(() => fs.closeSync(descriptor));
    return refusal < 0 ? refusal : descriptor;
  }

  closeFile(file: number): void {
    attempt(() => fs.closeSync(file));
  }

  read(file: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return length === 0 ? 0 : fs.readSync(file, buffer, offset, length, position);
    } catch (error) {
      return errnoOf(error);
    }
  }

  write(file: number, buffer: Uint8Array, offset: number, length: number, position: number): number {
    try {
      return length === 0 ? 0 : fs.writeSync(file, buffer, offset, length, position);
    } catch (error) {
      return errnoOf(error);
    }
  }

  fileStatus(file: number): HostStatus | number {
    try {
      return this.present(fs.fstatSync(file));
    } catch (error) {
      return errnoOf(error);
    }
  }

  setFileMode(file: number, mode: number): number {
    return attempt(() => fs.fchmodSync(file, mode));
  }

  setFileTimes(file: number, accessedMilliseconds: number, modifiedMilliseconds: number): number {
    return attempt(() => fs.futimesSync(file, accessedMilliseconds / 1000, modifiedMilliseconds / 1000));
  }

  truncate(file: number, size: number): number {
    return attempt(() => fs.ftruncateSync(file, size));
  }

  synchronize(file: number): number {
    return attempt(() => fs.fsyncSync(file));
  }

  /** The path of a name below a handle. */
  private at(directory: number, name: string): string | number {
    if (!isName(name)) return -ENOENT;
    const path = this.directories.path(directory);
    return typeof path === "number" ? path : path + sep + name;
  }

  private with(directory: number, name: string, work: (path: string) => void): number {
    const path = this.at(directory, name);
    return typeof path === "number" ? path : attempt(() => work(path));
  }

  /**
   * What was opened must be a regular file. Where handles are paths it must also be what the name itself stands for (there are
   * hosts without O_NOFOLLOW), and its directory must still be in its place.
   */
  private checkOpened(directory: number, path: string, descriptor: number): number {
    let stats: fs.Stats;
    try {
      stats = fs.fstatSync(descriptor);
      if (stats.isCharacterDevice() || stats.isBlockDevice()) return -EACCES;
      if (!stats.isFile()) return -ENXIO;
    } catch (error) {
      return errnoOf(error);
    }
    if (this.directories instanceof DescriptorDirectories) return 0;
    try {
      const named = fs.lstatSync(path);
      if (named.isSymbolicLink()) return -ELOOP;
      if (named.ino !== stats.ino || named.dev !== stats.dev) return -ESTALE;
    } catch (error) {
      return errnoOf(error);
    }
    const place = this.directories.path(directory);
    return typeof place === "number" ? place : 0;
  }

  private present(stats: fs.Stats): HostStatus {
    const isOurs = stats.uid === this.userId;
    return {
      device: stats.dev,
      inode: stats.ino,
      mode: stats.mode,
      links: stats.nlink,
      userId: this.showsOwners ? stats.uid : isOurs ? 0 : NOBODY,
      groupId: this.showsOwners ? stats.gid : isOurs ? 0 : NOBODY,
      specialDevice: 0,
      size: stats.size,
      blockSize: stats.blksize ?? 4096,
      blocks: stats.blocks ?? Math.ceil(stats.size / 512),
      accessedMilliseconds: stats.atimeMs,
      modifiedMilliseconds: stats.mtimeMs,
      changedMilliseconds: stats.ctimeMs,
    };
  }
}
