/**
 * A file that is mapped with MAP_SHARED: what its mappers write goes to the file when anyone looks at it, by a read, by a
 * mapping of their own or by msync(2), and when they unmap it; what is written to the file goes to the mappers' memories.
 */
import type { FileMapping } from "../vfs/inode.ts";
import type { RegularFile } from "../vfs/vfs-file.ts";
import type { Area } from "./area.ts";
import type { MemoryAccount } from "./memory-account.ts";
import { forChangedPages, SharedMemory, type SharingSpace } from "./shared-memory.ts";

export class SharedFile extends SharedMemory implements FileMapping {
  /** The open file it was first mapped through: its inode knows the object as long as it is mapped. */
  private readonly file: RegularFile;

  /** The object of the file's inode; made when it has none. */
  static of(file: RegularFile, account: MemoryAccount): SharedFile {
    const { inode } = file.node;
    if (inode.mapping instanceof SharedFile) return inode.mapping;
    const made = new SharedFile(file, account);
    inode.mapping = made;
    return made;
  }

  private constructor(file: RegularFile, account: MemoryAccount) {
    super(account);
    this.file = file;
  }

  override attach(space: SharingSpace, isLoaded: boolean): void {
    super.attach(space, isLoaded);
    this.file.node.inode.mapping = this;
  }

  override detach(space: SharingSpace): void {
    super.detach(space);
    if (this.seen.size === 0) this.file.node.inode.mapping = null;
  }

  /** Reads a part of an area that a space is about to map; false where what was read cannot be remembered. */
  override load(space: SharingSpace, area: Area, start: number, end: number): boolean {
    const offset = area.offsetAt(start);
    this.publish(offset, offset + (end - start));
    // What may be written is remembered: only what has changed goes back to the file.
    if (area.mayWrite && !this.reserve(offset + (end - start))) return false;
    const { bytes } = space.memory;
    const count = readAll(area.file as RegularFile, bytes, start, end - start, offset);
    bytes.fill(0, start + count, end);
    if (area.mayWrite) this.contents.set(bytes.subarray(start, end), offset);
    return true;
  }

  get hasWriters(): boolean {
    for (const space of this.seen.keys()) {
      if (space.list.areas.some((area) => area.shared === this && area.mayWrite)) return true;
    }
    return false;
  }

  beforeRead(position: number, length: number): void {
    if (this.owner !== null) this.publish(position, position + length);
  }

  afterWrite(position: number, length: number): void {
    this.refresh(position, position + length);
  }

  afterTruncate(size: number): void {
    this.refresh(size, Number.POSITIVE_INFINITY);
  }

  protected get isPublished(): boolean {
    return this.contents.length > 0;
  }

  protected take(space: SharingSpace, area: Area, start: number, end: number): number {
    const file = area.file as RegularFile;
    const offset = area.offsetAt(start);
    const { bytes } = space.memory;
    let result = 0;
    forChangedPages(space.memory.buffer, start, end, this.contents, offset, (from, to) => {
      const at = offset + (from - start);
      this.contents.set(bytes.subarray(from, to), at);
      if (result >= 0) result = 1;
      // The bytes behind the end of the file, in its last page, stay in memory.
      const length = Math.min(to - from, file.size() - at);
      const error = length > 0 ? writeAll(file, bytes, from, length, at) : 0;
      if (error < 0) result = error;
    });
    return result;
  }

  protected override fetch(space: SharingSpace, area: Area, start: number = area.start, end: number = area.end): void {
    const offset = area.offsetAt(start);
    if (offset + (end - start) <= this.contents.length && area.mayWrite) {
      super.fetch(space, area, start, end);
      return;
    }
    const { bytes } = space.memory;
    const count = readAll(area.file as RegularFile, bytes, start, end - start, offset);
    bytes.fill(0, start + count, end);
  }

  /** A range of the file is other than it was: all memories that map it are told, and what was remembered. */
  private refresh(from: number, to: number): void {
    for (const space of this.seen.keys()) {
      for (const area of this.areasOf(space)) {
        const first = Math.max(from, area.offset);
        const last = Math.min(to, area.offsetAt(area.end));
        if (first >= last) continue;
        const start = area.start + (first - area.offset);
        const { bytes } = space.memory;
        const count = readAll(area.file as RegularFile, bytes, start, last - first, first);
        bytes.fill(0, start + count, start + (last - first));
        if (last <= this.contents.length) this.contents.set(bytes.subarray(start, start + (last - first)), first);
      }
    }
  }
}

/** As many bytes as the file has there; the count. */
function readAll(file: RegularFile, bytes: Uint8Array, start: number, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const count = file.readMapped(bytes, start + done, length - done, position + done);
    if (count <= 0) break;
    done += count;
  }
  return done;
}

function writeAll(file: RegularFile, bytes: Uint8Array, start: number, length: number, position: number): number {
  for (let done = 0; done < length; ) {
    const count = file.writeMapped(bytes, start + done, length - done, position + done);
    if (count < 0) return count;
    if (count === 0) break;
    done += count;
  }
  return 0;
}
