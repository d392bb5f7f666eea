/** A device node that came with a root file system. It is shown and cannot be opened, as on a mount with the option nodev. */
import { EACCES } from "../../../abi/errno.ts";
import type { FileStatus } from "../../file/open-file.ts";
import type { MemFs } from "./memfs.ts";
import { MemoryInode } from "./memory-inode.ts";

export class MemoryDevice extends MemoryInode {
  private readonly specialDevice: number;

  /** `type` is S_IFCHR or S_IFBLK; `specialDevice` is major * 256 + minor. */
  constructor(fileSystem: MemFs, type: number, permissions: number, specialDevice: number) {
    super(fileSystem, type, permissions);
    this.specialDevice = specialDevice;
  }

  sizeBytes(): number {
    return 0;
  }

  override status(): FileStatus {
    return { ...super.status(), specialDevice: this.specialDevice };
  }

  open(): number {
    return -EACCES;
  }
}
