/**
 * A folder of the machine for hostfs, by synchronous calls of node:fs. Where Linux's /proc/self/fd is there, a directory handle is
 * an O_PATH descriptor and a name in it is reached as /proc/self/fd/N/name: what openat(2) does, which no rename or symlink
 * elsewhere can lead astray. On other systems handles are paths without symlinks, checked before and after each use.
 */
import * as fs from "node:fs";
import { join, sep } from "node:path";
import {
  EACCES,
  EBADF,
  EEXIST,
  EFBIG,
  EINVAL,
  EIO,
  ENFILE,
  ENOENT,
  ENOTDIR,
  ENXIO,
  ESTALE,
  errnoFromName,
} from "../../abi/errno.ts";
import type {
  HostDirectoryReader,
  HostFiles,
  HostOpenOptions,
  HostStatus,
} from "../../kernel/vfs/hostfs/host-files.ts";
import type { FileSystemStatistics } from "../../kernel/vfs/inode.ts";

const { O_CREAT, O_DIRECTORY = 0, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;
const O_NOCTTY = fs.constants.O_NOCTTY ?? 0;
/** Linux, all architectures that Node runs on. */
const O_PATH = 0o10000000;
const NOBODY = 65_534;
/** Names read from a directory at once. */
const DIRECTORY_BUFFER = 128;

/** -errno for what node:fs threw. */
function errnoOf(error: unknown): number {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string") return -EIO;
  // A lack of descriptors on the host is a lack in the whole system for the guest, not in its process.
  if (code === "EMFILE") return -ENFILE;
  if (code === "ERR_INVALID_ARG_VALUE" || code === "ERR_INVALID_ARG_TYPE") return -EINVAL;
  if (code === "ERR_OUT_OF_RANGE") return -EFBIG;
  return -(errnoFromName(code) ?? EIO);
}

function attempt(work: () => void): number {
  try {
    work();
    return 0;
  } catch (error) {
    return errnoOf(error);
  }
}

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

/** How a name below a directory handle is reached. */
interface Directories {
  readonly root: number;
  open(directory: number, name: string): number;
  close(directory: number): void;
  /** A path that leads to the directory itself; -ESTALE when it cannot be trusted any more. */
  path(directory: number): string | number;
  isInside(directory: number): boolean;
  /** A directory has been renamed through this folder: handles of it and of what is in it stay good. */
  moved(from: string, to: string): void;
  closeAll(): void;
}

/** Handles are O_PATH descriptors. */
class DescriptorDirectories implements Directories {
  readonly root: number;

  constructor(root: number) {
    this.root = root;
  }

  open(directory: number, name: string): number {
    try {
      return fs.openSync(`/proc/self/fd/${directory}/${name}`, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      return errnoOf(error);
    }
  }

  close(directory: number): void {
    attempt(() => fs.closeSync(directory));
  }

  path(directory: number): string {
    return `/proc/self/fd/${directory}`;
  }

  isInside(directory: number): boolean {
    try {
      const root = fs.readlinkSync(`/proc/self/fd/${this.root}`);
      const path = fs.readlinkSync(`/proc/self/fd/${directory}`);
      return path === root || path.startsWith(root === "/" ? root : `${root}/`);
    } catch {
      return false;
    }
  }

  moved(): void {}

  closeAll(): void {
    this.close(this.root);
  }
}

interface KnownDirectory {
  path: string;
  device: number;
  inode: number;
}

/** Handles are numbers of paths that had no symlink in them when they were opened, and must still lead to the same directory. */
class PathDirectories implements Directories {
  readonly root = 0;
  private readonly known = new Map<number, KnownDirectory>();
  private last = 0;

  constructor(path: string) {
    const { dev, ino } = fs.statSync(path);
    this.known.set(0, { path, device: dev, inode: ino });
  }

  open(directory: number, name: string): number {
    const parent = this.path(directory);
    if (typeof parent === "number") return parent;
    const path = join(parent, name);
    try {
      const status = fs.lstatSync(path);
      if (!status.isDirectory() || fs.realpathSync.native(path) !== path) return -ENOTDIR;
      this.known.set(++this.last, { path, device: status.dev, inode: status.ino });
      return this.last;
    } catch (error) {
      return errnoOf(error);
    }
  }

  close(directory: number): void {
    if (directory !== this.root) this.known.delete(directory);
  }

  path(directory: number): string | number {
    const known = this.known.get(directory);
    if (known === undefined) return -EBADF;
    try {
      const status = fs.lstatSync(known.path);
      const isSame = status.dev === known.device && status.ino === known.inode && status.isDirectory();
      return isSame && fs.realpathSync.native(known.path) === known.path ? known.path : -ESTALE;
    } catch {
      return -ESTALE;
    }
  }

  isInside(directory: number): boolean {
    const root = this.known.get(this.root)?.path ?? "";
    const path = this.path(directory);
    return typeof path === "string" && (path === root || path.startsWith(root.endsWith(sep) ? root : root + sep));
  }

  moved(from: string, to: string): void {
    for (const known of this.known.values()) {
      if (known.path === from || known.path.startsWith(from + sep)) known.path = to + known.path.slice(from.length);
    }
  }

  closeAll(): void {
    this.known.clear();
  }
}

export interface NodeHostFilesOptions {
  /** Does without /proc/self/fd, as on systems that have none. */
  portable?: boolean;
}

export class NodeHostFiles implements HostFiles {
  readonly description: string;
  private readonly directories: Directories;
  private readonly userId: number;

  /** Throws, as node:fs does, when there is no such folder. */
  constructor(folder: string, options: NodeHostFilesOptions = {}) {
    const path = fs.realpathSync.native(folder);
    if (!fs.statSync(path).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a directory, '${folder}'`), { code: "ENOTDIR" });
    }
    this.description = path;
    this.userId = process.getuid?.() ?? 0;
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
    const refusal = this.checkOpened(directory, descriptor);
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

  /** What was opened must be a regular file, and its directory, where handles are paths, still be in its place. */
  private checkOpened(directory: number, descriptor: number): number {
    try {
      const stats = fs.fstatSync(descriptor);
      if (stats.isCharacterDevice() || stats.isBlockDevice()) return -EACCES;
      if (!stats.isFile()) return -ENXIO;
    } catch (error) {
      return errnoOf(error);
    }
    if (this.directories instanceof DescriptorDirectories) return 0;
    const path = this.directories.path(directory);
    return typeof path === "number" ? path : 0;
  }

  private present(stats: fs.Stats): HostStatus {
    return {
      device: stats.dev,
      inode: stats.ino,
      mode: stats.mode,
      links: stats.nlink,
      userId: stats.uid === this.userId ? 0 : NOBODY,
      groupId: stats.uid === this.userId ? 0 : NOBODY,
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

/** Descriptors where /proc/self/fd does what it does on Linux, paths elsewhere. */
function openDirectories(path: string, portable: boolean): Directories {
  if (portable || process.platform !== "linux") return new PathDirectories(path);
  const root = fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    const through = fs.statSync(`/proc/self/fd/${root}/.`);
    const direct = fs.statSync(path);
    if (through.ino === direct.ino && through.dev === direct.dev) return new DescriptorDirectories(root);
  } catch {
    // /proc is not there.
  }
  fs.closeSync(root);
  return new PathDirectories(path);
}
