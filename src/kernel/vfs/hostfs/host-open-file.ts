/** An open regular file of the host: reads and writes go straight to its descriptor, at positions of up to 2^53. */
import { EBADF, EFBIG, EINVAL } from "../../../abi/errno.ts";
import { O_ACCMODE, O_RDONLY, O_WRONLY } from "../../../abi/file.ts";
import type { FileStatus } from "../../file/open-file.ts";
import type { AttributeChange } from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import { POSITION_MAXIMUM, RegularFile } from "../vfs-file.ts";
import { checkOwners } from "./host-inode.ts";
import type { HostFs } from "./hostfs.ts";

export class HostOpenFile extends RegularFile {
  private readonly fileSystem: HostFs;
  private descriptor: number;

  private constructor(node: PathNode, flags: number, fileSystem: HostFs, descriptor: number) {
    super(node, flags);
    this.fileSystem = fileSystem;
    this.descriptor = descriptor;
  }

  /** Opens the name below the directory handle; with `createMode`, makes it. */
  static open(
    node: PathNode,
    flags: number,
    handle: number,
    name: string,
    createMode: number | null,
  ): HostOpenFile | number {
    const fileSystem = node.inode.fileSystem as HostFs;
    const mode = flags & O_ACCMODE;
    if (mode !== O_RDONLY || createMode !== null) {
      const denied = fileSystem.checkWritable();
      if (denied < 0) return denied;
    }
    const descriptor = fileSystem.files.open(handle, name, {
      read: mode !== O_WRONLY,
      write: mode !== O_RDONLY,
      create: createMode !== null,
      mode: createMode ?? 0,
    });
    return descriptor < 0 ? descriptor : new HostOpenFile(node, flags, fileSystem, descriptor);
  }

  override status(): FileStatus | number {
    const status = this.fileSystem.files.fileStatus(this.descriptor);
    return typeof status === "number" ? status : this.fileSystem.present(status);
  }

  size(): number {
    const status = this.fileSystem.files.fileStatus(this.descriptor);
    return typeof status === "number" ? status : status.size;
  }

  override truncate(size: number): number {
    if (!this.isWritable || size < 0) return -EINVAL;
    if (size > POSITION_MAXIMUM) return -EFBIG;
    return this.fileSystem.files.truncate(this.descriptor, size);
  }

  override synchronize(): number {
    return this.fileSystem.files.synchronize(this.descriptor);
  }

  override setAttributes(change: AttributeChange): number {
    const { files } = this.fileSystem;
    const denied = this.fileSystem.checkWritable();
    if (denied < 0) return denied;
    const status = files.fileStatus(this.descriptor);
    if (typeof status === "number") return status;
    const error = checkOwners(change, status);
    if (error < 0) return error;
    if (change.mode !== undefined) {
      const result = files.setFileMode(this.descriptor, change.mode);
      if (result < 0) return result;
    }
    const { accessedMilliseconds: accessed, modifiedMilliseconds: modified } = change;
    if (accessed === undefined && modified === undefined) return 0;
    return files.setFileTimes(
      this.descriptor,
      accessed ?? status.accessedMilliseconds,
      modified ?? status.modifiedMilliseconds,
    );
  }

  protected readBytes(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.fileSystem.files.read(this.descriptor, buffer, offset, length, position);
  }

  protected writeBytes(buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (position + length > POSITION_MAXIMUM) return -EFBIG;
    return this.descriptor < 0
      ? -EBADF
      : this.fileSystem.files.write(this.descriptor, buffer, offset, length, position);
  }

  protected override close(): void {
    if (this.descriptor >= 0) this.fileSystem.files.closeFile(this.descriptor);
    this.descriptor = -1;
  }
}
