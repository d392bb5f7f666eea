/** What files without a file system have in common: eventfd, timerfd, epoll. */
import { EINVAL } from "../../abi/errno.ts";
import { type FileStatus, OpenFile, type OpenFileCount } from "./open-file.ts";

/** st_dev of all anonymous inodes. */
const ANONYMOUS_DEVICE = 15;

export abstract class AnonymousFile extends OpenFile {
  private readonly kind: string;
  private readonly inode: number;

  /** `kind` is what describe() shows: "eventfd" gives "anon_inode:[eventfd]". */
  constructor(kind: string, files: OpenFileCount, flags: number) {
    super(flags);
    this.kind = kind;
    this.inode = files.nextInode();
  }

  describe(): string {
    return `anon_inode:[${this.kind}]`;
  }

  status(): FileStatus {
    return {
      device: ANONYMOUS_DEVICE,
      inode: this.inode,
      mode: 0o600,
      links: 1,
      userId: 0,
      groupId: 0,
      specialDevice: 0,
      size: 0,
      blockSize: 4096,
      blocks: 0,
      accessedMilliseconds: 0,
      modifiedMilliseconds: 0,
      changedMilliseconds: 0,
    };
  }

  /** There is no position: every seek ends at 0. */
  override seek(_offset: number, _whence: number): number {
    return 0;
  }

  override read(_buffer: Uint8Array, _offset: number, _length: number): number {
    return -EINVAL;
  }

  override write(_buffer: Uint8Array, _offset: number, _length: number): number {
    return -EINVAL;
  }
}

/** Eight bytes, as eventfd and timerfd read and write them. */
export function readUint64(buffer: Uint8Array, offset: number): bigint {
  let value = 0n;
  for (let k = 7; k >= 0; k--) value = (value << 8n) | BigInt(buffer[offset + k] as number);
  return value;
}

export function writeUint64(buffer: Uint8Array, offset: number, value: bigint): void {
  for (let k = 0; k < 8; k++) {
    buffer[offset + k] = Number(value & 0xffn);
    value >>= 8n;
  }
}
