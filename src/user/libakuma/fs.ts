/** Files for programs: errors are thrown as AkumaError, everything that may wait is awaitable, `using` closes. */
import { ENOENT } from "../../abi/errno.ts";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  DT_DIR,
  DT_LNK,
  DT_REG,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  SEEK_SET,
} from "../../abi/file.ts";
import type { Akuma } from "./akuma.ts";
import { ByteStream } from "./byte-stream.ts";
import type { Result } from "./calls.ts";
import { AkumaError } from "./error.ts";
import { check, complete } from "./retry.ts";
import type { Stat } from "./stat.ts";

export interface OpenOptions {
  read?: boolean;
  write?: boolean;
  append?: boolean;
  truncate?: boolean;
  /** Makes the file where there is none. */
  create?: boolean;
  /** Makes the file; AlreadyExists where there is one. */
  createNew?: boolean;
  /** Permissions of a new file, less the umask; 0o666. */
  mode?: number;
}

export interface DirectoryEntry {
  name: string;
  inode: number;
  /** DT_REG, DT_DIR … as readdir(3). */
  type: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymbolicLink: boolean;
}

export class File extends ByteStream {
  readonly path: string;

  constructor(akuma: Akuma, fd: number, path: string) {
    super(akuma, fd);
    this.path = path;
  }

  protected override describe(): string {
    return this.path;
  }

  stat(): Stat {
    const stat = this.akuma.fstat(this.fd);
    if (typeof stat === "number") throw AkumaError.fromErrno(stat, this.path);
    return stat;
  }

  /** The new position in bytes from the start. */
  seek(offset: number, whence: number = SEEK_SET): number {
    return check(this.akuma.lseek(this.fd, offset, whence), this.path);
  }

  /** As read, at a position, without moving the file's own. */
  readAt(buffer: Uint8Array, position: number): Result {
    return complete(() => this.akuma.pread64(this.fd, buffer, position), this.path);
  }

  writeAt(buffer: Uint8Array, position: number): Result {
    return complete(() => this.akuma.pwrite64(this.fd, buffer, position), this.path);
  }

  setLength(byteLength: number): void {
    check(this.akuma.ftruncate(this.fd, byteLength), this.path);
  }

  async synchronize(): Promise<void> {
    check(await this.akuma.fsync(this.fd), this.path);
  }
}

const DIRECTORY_BUFFER_BYTES = 32 * 1024;

export class FileSystem {
  private readonly akuma: Akuma;

  constructor(akuma: Akuma) {
    this.akuma = akuma;
  }

  /** Opens a file; for reading where no option says more. */
  async open(path: string, options: OpenOptions = {}): Promise<File> {
    const writes = options.write === true || options.append === true;
    const reads = options.read === true || !writes;
    let flags = O_CLOEXEC | (writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY);
    if (options.append === true) flags |= O_APPEND;
    if (options.truncate === true) flags |= O_TRUNC;
    if (options.createNew === true) flags |= O_CREAT | O_EXCL;
    else if (options.create === true) flags |= O_CREAT;
    const fd = await complete(() => this.akuma.open(path, flags, options.mode ?? 0o666), path);
    return new File(this.akuma, fd, path);
  }

  async readFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
    using file = await this.open(path);
    return await file.readToEnd();
  }

  async readTextFile(path: string): Promise<string> {
    return new TextDecoder().decode(await this.readFile(path));
  }

  /** Makes or replaces a file; appends with `append`. */
  async writeFile(
    path: string,
    data: Uint8Array | string,
    options: { append?: boolean; mode?: number } = {},
  ): Promise<void> {
    const append = options.append === true;
    using file = await this.open(path, {
      write: true,
      create: true,
      append,
      truncate: !append,
      mode: options.mode ?? 0o666,
    });
    await file.writeAll(data);
  }

  /** Follows symbolic links. */
  stat(path: string): Stat {
    return this.statWith(path, 0);
  }

  /** Of a symbolic link itself. */
  lstat(path: string): Stat {
    return this.statWith(path, AT_SYMLINK_NOFOLLOW);
  }

  /** False only where there is no such file; other errors are thrown. */
  exists(path: string): boolean {
    const stat = this.akuma.newfstatat(AT_FDCWD, path);
    if (stat === -ENOENT) return false;
    if (typeof stat === "number") throw AkumaError.fromErrno(stat, path);
    return true;
  }

  /** The names in a folder without "." and "..", in no particular order. */
  async readDir(path: string): Promise<DirectoryEntry[]> {
    const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    const fd = await complete(() => this.akuma.open(path, flags), path);
    const block = this.akuma.allocate(DIRECTORY_BUFFER_BYTES);
    const entries: DirectoryEntry[] = [];
    try {
      for (;;) {
        const count = await complete(() => this.akuma.getdents64(fd, block), path);
        if (count === 0) return entries;
        this.decodeEntries(block.byteOffset, count, entries);
      }
    } finally {
      this.akuma.free(block);
      this.akuma.close(fd);
    }
  }

  async mkdir(path: string, options: { recursive?: boolean; mode?: number } = {}): Promise<void> {
    const mode = options.mode ?? 0o777;
    if (options.recursive !== true) {
      check(await this.akuma.mkdirat(AT_FDCWD, path, mode), path);
      return;
    }
    let prefix = path.startsWith("/") ? "/" : "";
    for (const part of path.split("/").filter((name) => name !== "")) {
      prefix += part;
      const result = await this.akuma.mkdirat(AT_FDCWD, prefix, mode);
      if (result < 0 && !this.isDirectory(prefix)) throw AkumaError.fromErrno(result, prefix);
      prefix += "/";
    }
  }

  /** A file, a symbolic link or an empty folder; with `recursive` a folder and all in it. */
  async remove(path: string, options: { recursive?: boolean } = {}): Promise<void> {
    const isDirectory = this.lstat(path).isDirectory;
    if (isDirectory && options.recursive === true) {
      for (const entry of await this.readDir(path)) await this.remove(`${path}/${entry.name}`, options);
    }
    check(await this.akuma.unlinkat(AT_FDCWD, path, isDirectory ? AT_REMOVEDIR : 0), path);
  }

  /** Replaces what stands under the new name. */
  async rename(path: string, to: string): Promise<void> {
    check(await this.akuma.renameat2(AT_FDCWD, path, AT_FDCWD, to), path);
  }

  async link(path: string, to: string): Promise<void> {
    check(await this.akuma.linkat(AT_FDCWD, path, AT_FDCWD, to), to);
  }

  async symlink(target: string, path: string): Promise<void> {
    check(await this.akuma.symlinkat(target, AT_FDCWD, path), path);
  }

  readlink(path: string): string {
    const target = this.akuma.readlinkat(AT_FDCWD, path);
    if (typeof target === "number") throw AkumaError.fromErrno(target, path);
    return target;
  }

  async setPermissions(path: string, mode: number): Promise<void> {
    check(await this.akuma.fchmodat(AT_FDCWD, path, mode), path);
  }

  /** In milliseconds since 1970. */
  async setTimes(path: string, accessed: number, modified: number): Promise<void> {
    check(await this.akuma.utimensat(AT_FDCWD, path, accessed, modified), path);
  }

  /** Copies a file's bytes; the bytes copied. Through process memory in large pieces. */
  async copy(path: string, to: string): Promise<number> {
    using source = await this.open(path);
    using target = await this.open(to, {
      write: true,
      create: true,
      truncate: true,
      mode: source.stat().mode & 0o777,
    });
    const block = this.akuma.allocate(256 * 1024);
    try {
      for (let total = 0; ; ) {
        const count = await source.read(block);
        if (count === 0) return total;
        await target.writeAll(block.subarray(0, count));
        total += count;
      }
    } finally {
      this.akuma.free(block);
    }
  }

  get currentDir(): string {
    const path = this.akuma.getcwd();
    if (typeof path === "number") throw AkumaError.fromErrno(path, "getcwd");
    return path;
  }

  private isDirectory(path: string): boolean {
    const stat = this.akuma.newfstatat(AT_FDCWD, path);
    return typeof stat !== "number" && stat.isDirectory;
  }

  private statWith(path: string, flags: number): Stat {
    const stat = this.akuma.newfstatat(AT_FDCWD, path, flags);
    if (typeof stat === "number") throw AkumaError.fromErrno(stat, path);
    return stat;
  }

  /** struct linux_dirent64: inode at 0, offset at 8, record length at 16, type at 18, name at 19. */
  private decodeEntries(address: number, byteLength: number, entries: DirectoryEntry[]): void {
    const { memory } = this.akuma;
    for (let at = address; at < address + byteLength; ) {
      const recordBytes = memory.readUint16(at + 16);
      if (recordBytes === 0) return;
      const name = memory.readString(at + 19, recordBytes - 19);
      const type = memory.bytes[at + 18] as number;
      if (name !== "." && name !== "..") {
        entries.push({
          name,
          inode: memory.readInt64(at),
          type,
          isFile: type === DT_REG,
          isDirectory: type === DT_DIR,
          isSymbolicLink: type === DT_LNK,
        });
      }
      at += recordBytes;
    }
  }
}
