/** Files as the kernel itself writes and reads them, at boot and for the host: whole files, by path. */
import { EEXIST, EFBIG, EISDIR, EPERM } from "../../abi/errno.ts";
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_TRUNC, O_WRONLY } from "../../abi/file.ts";
import type { ByteSource } from "./byte-source.ts";
import type { FileSystemContext } from "./file-system-context.ts";
import { MemoryDirectory } from "./memfs/memory-directory.ts";
import { MemoryFile } from "./memfs/memory-file.ts";
import { openPath } from "./open-path.ts";
import { makeDirectory } from "./path-operations.ts";
import { walkParent } from "./path-walk.ts";
import { RegularFile } from "./vfs-file.ts";

/** Replaces the file's contents, or makes it with this mode (the umask does not count). 0, or -errno. */
export function writeFile(
  context: FileSystemContext,
  path: string,
  contents: string | Uint8Array,
  mode = 0o644,
): number {
  const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
  const file = openPath({ ...context, umask: 0 }, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (typeof file === "number") return file;
  file.retain();
  try {
    for (let done = 0; done < bytes.length; ) {
      const count = file.write(bytes, done, bytes.length - done);
      if (count < 0) return count;
      done += count;
    }
    return 0;
  } finally {
    file.drop();
  }
}

/** Makes a file whose contents lie elsewhere: nothing is copied. 0, or -errno; -EPERM where the file system keeps its own. */
export function placeFile(context: FileSystemContext, path: string, source: ByteSource, mode: number): number {
  const place = walkParent(context, path);
  if (typeof place === "number") return place;
  const { inode, dentry } = place.parent;
  if (!(inode instanceof MemoryDirectory)) return -EPERM;
  const made = inode.add(dentry, place.name, () => new MemoryFile(inode.fileSystem, mode, source));
  return typeof made === "number" ? made : 0;
}

/** The file's contents, or -errno; -EFBIG for more than `mostBytes`. */
export function readFile(
  context: FileSystemContext,
  path: string,
  mostBytes: number = 64 * 1024 * 1024,
): Uint8Array<ArrayBuffer> | number {
  const file = openPath(context, path, O_RDONLY);
  if (typeof file === "number") return file;
  file.retain();
  try {
    if (!(file instanceof RegularFile)) return -EISDIR;
    const size = file.size();
    if (size > mostBytes) return -EFBIG;
    // Files of /proc say that they are empty; others may grow while they are read. Read until the end shows.
    let bytes = new Uint8Array(Math.max(size + 1, 4096));
    for (let done = 0; ; ) {
      const count = file.read(bytes, done, bytes.length - done);
      if (count < 0) return count;
      if (count === 0) return bytes.slice(0, done);
      done += count;
      if (done > mostBytes) return -EFBIG;
      if (done === bytes.length) {
        const larger = new Uint8Array(bytes.length * 2);
        larger.set(bytes);
        bytes = larger;
      }
    }
  } finally {
    file.drop();
  }
}

/** As mkdir -p, with mode 0755. 0, or -errno. */
export function makeDirectories(context: FileSystemContext, path: string): number {
  let prefix = path.startsWith("/") ? "" : ".";
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    prefix += `/${name}`;
    const error = makeDirectory({ ...context, umask: 0 }, prefix, 0o755);
    if (error < 0 && error !== -EEXIST) return error;
  }
  const file = openPath(context, path, O_RDONLY | O_DIRECTORY);
  if (typeof file === "number") return file;
  file.retain().drop();
  return 0;
}
