/**
 * Pipes: two open files around one ring of bytes. Up to PIPE_BUF bytes go in together or not at all; a pipe without a reader
 * is EPIPE, one without a writer ends (pipe(7)).
 */
import { EAGAIN, EBUSY, EFAULT, EINVAL, ENOTTY, EPERM, EPIPE } from "../../abi/errno.ts";
import { FIONREAD, O_RDONLY, O_WRONLY, PIPE_BUF, S_IFIFO } from "../../abi/file.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { type FileStatus, OpenFile, type OpenFileCount } from "./open-file.ts";

/** What a new pipe holds: 16 pages. */
export const PIPE_CAPACITY_BYTES = 65_536;
/** /proc/sys/fs/pipe-max-size: F_SETPIPE_SZ goes no further. */
export const PIPE_MAXIMUM_BYTES = 1_048_576;
/** /proc/sys/fs/pipe-user-pages-soft, in bytes: beyond it new pipes hold a page each, and none grows (pipe(7)). */
export const PIPES_TOTAL_BYTES = 67_108_864;
/** st_dev of all pipes. */
const PIPE_DEVICE = 14;

/** The shared part: of the two ends of a pipe, or of all that have a FIFO open. Memory is taken as it fills, up to the capacity. */
export class PipeBuffer {
  readonly inode: number;
  capacity: number;
  used = 0;
  readonly readers: OpenFile[] = [];
  readonly writers: OpenFile[] = [];
  private ring: Uint8Array = new Uint8Array(0);
  private start = 0;
  private readonly files: OpenFileCount;

  constructor(files: OpenFileCount) {
    this.files = files;
    this.inode = files.nextInode();
    this.capacity = files.pipeBytes + PIPE_CAPACITY_BYTES > PIPES_TOTAL_BYTES ? PIPE_BUF : PIPE_CAPACITY_BYTES;
    files.pipeBytes += this.capacity;
  }

  get free(): number {
    return this.capacity - this.used;
  }

  put(buffer: Uint8Array, offset: number, length: number): void {
    if (this.used + length > this.ring.length) this.grow(this.used + length);
    const { ring } = this;
    let at = this.start + this.used;
    if (at >= ring.length) at -= ring.length;
    const first = Math.min(length, ring.length - at);
    ring.set(buffer.subarray(offset, offset + first), at);
    if (first < length) ring.set(buffer.subarray(offset + first, offset + length), 0);
    this.used += length;
  }

  take(buffer: Uint8Array, offset: number, length: number): void {
    const { ring } = this;
    const first = Math.min(length, ring.length - this.start);
    buffer.set(ring.subarray(this.start, this.start + first), offset);
    if (first < length) buffer.set(ring.subarray(0, length - first), offset + first);
    this.used -= length;
    this.start = this.used === 0 ? 0 : (this.start + length) % ring.length;
  }

  /** Copies up to `length` bytes, which stay; how many. */
  peek(buffer: Uint8Array, offset: number, length: number): number {
    const { start, used } = this;
    const count = Math.min(length, used);
    this.take(buffer, offset, count);
    this.start = start;
    this.used = used;
    return count;
  }

  private grow(wanted: number): void {
    let size = Math.max(PIPE_BUF, this.ring.length);
    while (size < wanted) size *= 2;
    const next = new Uint8Array(Math.min(size, this.capacity));
    const { used } = this;
    this.take(next, 0, used);
    this.ring = next;
    this.start = 0;
    this.used = used;
  }

  /** F_SETPIPE_SZ: a power of two of pages; the size it has then, or -errno. */
  resize(wanted: number): number {
    if (wanted < 0 || wanted > 0x8000_0000) return -EINVAL;
    if (wanted > PIPE_MAXIMUM_BYTES) return -EPERM;
    let size = PIPE_BUF;
    while (size < wanted) size *= 2;
    if (size < this.used) return -EBUSY;
    if (size > this.capacity && this.files.pipeBytes + size - this.capacity > PIPES_TOTAL_BYTES) return -EPERM;
    this.files.pipeBytes += size - this.capacity;
    if (this.ring.length > size) {
      const next = new Uint8Array(size);
      const { used } = this;
      this.take(next, 0, used);
      this.ring = next;
      this.start = 0;
      this.used = used;
    }
    this.capacity = size;
    notifyAll(this.writers, POLLOUT);
    return size;
  }

  /** For a reading end. */
  read(buffer: Uint8Array, offset: number, length: number): number {
    if (length === 0) return 0;
    if (this.used === 0) return this.writers.length === 0 ? 0 : -EAGAIN;
    const taken = Math.min(length, this.used);
    const wasWritable = this.free >= PIPE_BUF;
    this.take(buffer, offset, taken);
    // Writers of small records wait for PIPE_BUF of room; telling them earlier would only wake them for nothing.
    if (!wasWritable && this.free >= PIPE_BUF) notifyAll(this.writers, POLLOUT | POLLWRNORM);
    return taken;
  }

  /** For a writing end. */
  write(buffer: Uint8Array, offset: number, length: number): number {
    if (length === 0) return 0;
    if (this.readers.length === 0) return -EPIPE;
    // pipe(7): "writes of less than PIPE_BUF bytes must be atomic".
    if (length <= PIPE_BUF ? this.free < length : this.free === 0) return -EAGAIN;
    const taken = Math.min(length, this.free);
    this.put(buffer, offset, taken);
    notifyAll(this.readers, POLLIN | POLLRDNORM);
    return taken;
  }

  /** POLLIN and POLLHUP, as a reading end sees them. */
  readerReadiness(): number {
    const data = this.used > 0 ? POLLIN | POLLRDNORM : 0;
    return this.writers.length === 0 ? data | POLLHUP : data;
  }

  writerReadiness(): number {
    if (this.readers.length === 0) return POLLOUT | POLLWRNORM | POLLERR;
    return this.free >= PIPE_BUF ? POLLOUT | POLLWRNORM : 0;
  }

  /** FIONREAD. */
  control(request: number, argument: number, memory: Uint8Array): number {
    if (request !== FIONREAD) return -ENOTTY;
    if (argument < PIPE_BUF || argument + 4 > memory.length) return -EFAULT;
    new DataView(memory.buffer).setInt32(argument, this.used, true);
    return 0;
  }

  /** An end was released: without a reader the bytes go, without both the pipe. */
  ended(file: OpenFile): void {
    removeFrom(this.readers, file);
    removeFrom(this.writers, file);
    const { length: readers } = this.readers;
    const { length: writers } = this.writers;
    if (readers === 0) this.discard();
    if (readers === 0 && writers === 0) this.files.pipeBytes -= this.capacity;
    if (readers === 0) notifyAll(this.writers, POLLERR | POLLOUT);
    if (writers === 0) notifyAll(this.readers, POLLHUP | POLLIN);
  }

  private discard(): void {
    this.ring = new Uint8Array(0);
    this.start = 0;
    this.used = 0;
  }
}

function removeFrom(files: OpenFile[], file: OpenFile): void {
  const at = files.indexOf(file);
  if (at >= 0) files.splice(at, 1);
}

export function notifyAll(files: readonly OpenFile[], events: number): void {
  for (let k = 0; k < files.length; k++) files[k]?.notify(events);
}

abstract class PipeEnd extends OpenFile {
  readonly pipe: PipeBuffer;
  private readonly createdMilliseconds: number;

  constructor(pipe: PipeBuffer, flags: number, nowMilliseconds: number) {
    super(flags);
    this.pipe = pipe;
    this.createdMilliseconds = nowMilliseconds;
  }

  describe(): string {
    return `pipe:[${this.pipe.inode}]`;
  }

  status(): FileStatus {
    return {
      device: PIPE_DEVICE,
      inode: this.pipe.inode,
      mode: S_IFIFO | 0o600,
      links: 1,
      userId: 0,
      groupId: 0,
      specialDevice: 0,
      size: 0,
      blockSize: PIPE_BUF,
      blocks: 0,
      accessedMilliseconds: this.createdMilliseconds,
      modifiedMilliseconds: this.createdMilliseconds,
      changedMilliseconds: this.createdMilliseconds,
    };
  }

  override get isStream(): boolean {
    return true;
  }

  /** F_GETPIPE_SZ. */
  get capacityBytes(): number {
    return this.pipe.capacity;
  }

  /** F_SETPIPE_SZ: the new size in bytes, or -errno. */
  resize(bytes: number): number {
    return this.pipe.resize(bytes);
  }

  override control(request: number, argument: number, memory: Uint8Array): number {
    return this.pipe.control(request, argument, memory);
  }

  protected release(): void {
    this.pipe.ended(this);
  }
}

export class PipeReader extends PipeEnd {
  override readiness(): number {
    return this.pipe.readerReadiness();
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    return this.pipe.read(buffer, offset, length);
  }
}

export class PipeWriter extends PipeEnd {
  override get raisesSigpipe(): boolean {
    return true;
  }

  override readiness(): number {
    return this.pipe.writerReadiness();
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    return this.pipe.write(buffer, offset, length);
  }
}

/** A new pipe's two ends. `flags` may hold O_NONBLOCK; the time is what fstat(2) shows. */
export function createPipe(
  files: OpenFileCount,
  flags = 0,
  nowMilliseconds = 0,
): { reader: PipeReader; writer: PipeWriter } {
  const pipe = new PipeBuffer(files);
  const reader = new PipeReader(pipe, flags | O_RDONLY, nowMilliseconds);
  const writer = new PipeWriter(pipe, flags | O_WRONLY, nowMilliseconds);
  pipe.readers.push(reader);
  pipe.writers.push(writer);
  return { reader, writer };
}
