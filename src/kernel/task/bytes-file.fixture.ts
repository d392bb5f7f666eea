/** A regular file over an array, for tests of mappings. */
import { O_RDWR, S_IFREG } from "../../abi/file.ts";
import { type FileStatus, OpenFile } from "../file/open-file.ts";

export class BytesFile extends OpenFile {
  bytes: Uint8Array;
  isReleased = false;

  constructor(bytes: Uint8Array, flags: number = O_RDWR) {
    super(flags);
    this.bytes = bytes;
  }

  describe(): string {
    return "/bytes";
  }

  status(): FileStatus {
    return {
      device: 1,
      inode: 1,
      mode: S_IFREG | 0o644,
      links: 1,
      userId: 0,
      groupId: 0,
      specialDevice: 0,
      size: this.bytes.length,
      blockSize: 4096,
      blocks: 0,
      accessedMilliseconds: 0,
      modifiedMilliseconds: 0,
      changedMilliseconds: 0,
    };
  }

  override readAt(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.bytes.length - position));
    buffer.set(this.bytes.subarray(position, position + count), offset);
    return count;
  }

  protected release(): void {
    this.isReleased = true;
  }
}
