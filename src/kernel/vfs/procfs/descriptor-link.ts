/**
 * Where /proc/PID/fd/N leads. A file that has a path is opened anew there. A pipe or a terminal has none: opening the link
 * shares the open file description, as on BSD (Linux makes a new one for the same pipe). Sockets cannot be opened.
 */
import { EACCES, ENXIO } from "../../../abi/errno.ts";
import { O_ACCMODE, O_RDONLY, O_WRONLY, S_IFMT, S_IFSOCK } from "../../../abi/file.ts";
import type { FileStatus, OpenFile } from "../../file/open-file.ts";
import { Dentry, Inode } from "../inode.ts";
import { PathNode } from "../path-walk.ts";
import { VfsFile } from "../vfs-file.ts";

/** The node behind an open file; `place` lends its mount to files that lie in none. -errno when the file is gone. */
export function nodeOfOpenFile(file: OpenFile, place: PathNode): PathNode | number {
  if (file instanceof VfsFile) return file.node;
  const status = file.status();
  if (typeof status === "number") return status;
  const inode = new DescriptorInode(file, place, status.mode & S_IFMT);
  return new PathNode(place.mount, new Dentry(inode, null, file.describe()));
}

class DescriptorInode extends Inode {
  private readonly file: OpenFile;

  constructor(file: OpenFile, place: PathNode, type: number) {
    super(place.inode.fileSystem, type);
    this.file = file;
  }

  status(): FileStatus | number {
    return this.file.status();
  }

  open(_node: PathNode, flags: number): OpenFile | number {
    if (this.type === S_IFSOCK) return -ENXIO;
    const mode = flags & O_ACCMODE;
    if (mode !== O_WRONLY && !this.file.isReadable) return -EACCES;
    if (mode !== O_RDONLY && !this.file.isWritable) return -EACCES;
    return this.file;
  }
}
