/** The file of a socket of AF_UNIX: a name to find it by, nothing to open. */
import { ENXIO } from "../../../abi/errno.ts";
import { S_IFSOCK } from "../../../abi/file.ts";
import type { MemFs } from "./memfs.ts";
import { MemoryInode } from "./memory-inode.ts";

export class MemorySocket extends MemoryInode {
  constructor(fileSystem: MemFs, permissions: number) {
    super(fileSystem, S_IFSOCK, permissions);
  }

  sizeBytes(): number {
    return 0;
  }

  open(): number {
    return -ENXIO;
  }
}
