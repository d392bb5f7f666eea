/** struct stat of Linux on arm64, decoded. */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../abi/file.ts";
import type { Memory } from "./memory.ts";

/** What stat(2) tells. Times are milliseconds since 1970, with fractions. */
export class Stat {
  readonly device: number;
  readonly inode: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly links: number;
  readonly userId: number;
  readonly groupId: number;
  /** Of a device node: major * 256 + minor. */
  readonly specialDevice: number;
  /** In bytes. */
  readonly size: number;
  readonly blockSize: number;
  /** Of 512 bytes each. */
  readonly blocks: number;
  readonly accessedMilliseconds: number;
  readonly modifiedMilliseconds: number;
  readonly changedMilliseconds: number;

  constructor(memory: Memory, address: number) {
    this.device = memory.readInt64(address);
    this.inode = memory.readInt64(address + 8);
    this.mode = memory.readUint32(address + 16);
    this.links = memory.readUint32(address + 20);
    this.userId = memory.readUint32(address + 24);
    this.groupId = memory.readUint32(address + 28);
    this.specialDevice = memory.readInt64(address + 32);
    this.size = memory.readInt64(address + 48);
    this.blockSize = memory.readInt32(address + 56);
    this.blocks = memory.readInt64(address + 64);
    this.accessedMilliseconds = readTime(memory, address + 72);
    this.modifiedMilliseconds = readTime(memory, address + 88);
    this.changedMilliseconds = readTime(memory, address + 104);
  }

  get isFile(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  get isSymbolicLink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }
}

function readTime(memory: Memory, address: number): number {
  return memory.readInt64(address) * 1000 + memory.readInt64(address + 8) / 1e6;
}
