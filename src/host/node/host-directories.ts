/**
 * Directory handles of a folder of the machine. On Linux a handle is an O_PATH descriptor, and a name in it is reached as
 * /proc/self/fd/N/name; elsewhere it is a path without symlinks that is checked at each use.
 */
import * as fs from "node:fs";
import { join, sep } from "node:path";
import { EBADF, EFBIG, EINVAL, EIO, ENFILE, ENOTDIR, ESTALE, errnoFromName } from "../../abi/errno.ts";

const { O_DIRECTORY = 0, O_NOFOLLOW = 0 } = fs.constants;
/** Linux, all architectures that Node runs on. */
export const O_PATH = 0o10000000;

/** -errno for what node:fs threw. */
export function errnoOf(error: unknown): number {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== "string") return -EIO;
  // A lack of descriptors on the host is a lack in the whole system for the guest, not in its process.
  if (code === "EMFILE") return -ENFILE;
  if (code === "ERR_INVALID_ARG_VALUE" || code === "ERR_INVALID_ARG_TYPE") return -EINVAL;
  if (code === "ERR_OUT_OF_RANGE") return -EFBIG;
  return -(errnoFromName(code) ?? EIO);
}

export function attempt(work: () => void): number {
  try {
    work();
    return 0;
  } catch (error) {
    return errnoOf(error);
  }
}

/** How a name below a directory handle is reached. */
export interface Directories {
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
export class DescriptorDirectories implements Directories {
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

/** Descriptors where /proc/self/fd does what it does on Linux, paths elsewhere. */
export function openDirectories(path: string, portable: boolean): Directories {
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
