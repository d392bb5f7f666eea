/**
 * /dev: a file system in memory with device nodes in it. Memory devices are here; terminals and others are added by whoever
 * has them.
 */
import { ENOSPC, ENXIO } from "../../../abi/errno.ts";
import { S_IFCHR } from "../../../abi/file.ts";
import type { Clock } from "../../../base/clock.ts";
import type { RandomSource } from "../../../base/random.ts";
import type { FileStatus, OpenFile } from "../../file/open-file.ts";
import type { FileSystemContext } from "../file-system-context.ts";
import { MemFs } from "../memfs/memfs.ts";
import type { MemoryDirectory } from "../memfs/memory-directory.ts";
import { MemoryInode } from "../memfs/memory-inode.ts";
import type { PathNode } from "../path-walk.ts";
import { VfsFile } from "../vfs-file.ts";

export interface DevFsOptions {
  clock: Clock;
  random: RandomSource;
}

/** What stands behind a device node. */
export interface Device {
  major: number;
  minor: number;
  /** Permission bits; 0666 by default. */
  mode?: number;
  /** A new open file, or -errno. */
  open(node: PathNode, flags: number, context?: FileSystemContext): OpenFile | number;
}

/** Reads and writes of a device that is always ready. */
export interface MemoryDevice {
  read(buffer: Uint8Array, offset: number, length: number): number;
  write(length: number): number;
}

/** A file system in memory into which the kernel puts device nodes. */
export class DeviceFileSystem extends MemFs {
  /** Puts a device node into the root, in place of one of that name. */
  addDevice(name: string, device: Device): void {
    const directory = this.root.inode as MemoryDirectory;
    this.removeDevice(name);
    directory.add(this.root, name, () => new DeviceInode(this, device));
  }

  removeDevice(name: string): void {
    const directory = this.root.inode as MemoryDirectory;
    const before = directory.entries.get(name);
    if (before !== undefined) directory.unlink(this.root, before);
  }
}

export class DevFs extends DeviceFileSystem {
  override readonly typeName: string = "devtmpfs";
  override readonly source: string = "devtmpfs";

  constructor(options: DevFsOptions) {
    super({ clock: options.clock, maximumBytes: 64 * 1024 * 1024, maximumInodes: 4096 });
    const { random } = options;
    const takeAll = (length: number): number => length;
    const zero = (buffer: Uint8Array, offset: number, length: number): number => {
      buffer.fill(0, offset, offset + length);
      return length;
    };
    const randomBytes = (buffer: Uint8Array, offset: number, length: number): number => {
      const count = Math.min(length, RANDOM_READ_BYTES);
      random.fill(buffer, offset, count);
      return count;
    };
    this.addMemoryDevice("null", 3, { read: () => 0, write: takeAll });
    this.addMemoryDevice("zero", 5, { read: zero, write: takeAll });
    this.addMemoryDevice("full", 7, { read: zero, write: () => -ENOSPC });
    this.addMemoryDevice("random", 8, { read: randomBytes, write: takeAll });
    this.addMemoryDevice("urandom", 9, { read: randomBytes, write: takeAll });
    this.addDevice("tty", { major: 5, minor: 0, open: () => -ENXIO });
    this.addLink("fd", "/proc/self/fd");
    this.addLink("stdin", "/proc/self/fd/0");
    this.addLink("stdout", "/proc/self/fd/1");
    this.addLink("stderr", "/proc/self/fd/2");
    (this.root.inode as MemoryDirectory).makeDirectory(this.root, "shm", 0o1777);
    (this.root.inode as MemoryDirectory).makeDirectory(this.root, "pts", 0o755);
  }

  private addMemoryDevice(name: string, minor: number, device: MemoryDevice): void {
    this.addDevice(name, { major: 1, minor, open: (node, flags) => new MemoryDeviceFile(node, flags, device) });
  }

  private addLink(name: string, target: string): void {
    (this.root.inode as MemoryDirectory).symlink(this.root, name, target);
  }
}

/** A single reading of random bytes gives no more than this; the kernel has others to serve. */
const RANDOM_READ_BYTES = 0x10_0000;

class DeviceInode extends MemoryInode {
  private readonly device: Device;

  constructor(fileSystem: MemFs, device: Device) {
    super(fileSystem, S_IFCHR, device.mode ?? 0o666);
    this.device = device;
  }

  sizeBytes(): number {
    return 0;
  }

  override status(): FileStatus {
    return { ...super.status(), specialDevice: this.device.major * 256 + this.device.minor };
  }

  open(node: PathNode, flags: number, context?: FileSystemContext): OpenFile | number {
    return this.device.open(node, flags, context);
  }
}

class MemoryDeviceFile extends VfsFile {
  private readonly device: MemoryDevice;

  constructor(node: PathNode, flags: number, device: MemoryDevice) {
    super(node, flags);
    this.device = device;
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    return this.device.read(buffer, offset, length);
  }

  override write(_buffer: Uint8Array, _offset: number, length: number): number {
    return this.device.write(length);
  }

  override readAt(buffer: Uint8Array, offset: number, length: number): number {
    return this.device.read(buffer, offset, length);
  }

  override writeAt(_buffer: Uint8Array, _offset: number, length: number): number {
    return this.device.write(length);
  }

  /** There is no position: every seek ends at 0, as Linux has it for these devices. */
  override seek(): number {
    return 0;
  }
}
