/**
 * The one interface behind every file descriptor: file, directory, socket, pipe, terminal, epoll. Linux calls the object an
 * "open file description": dup(2) and inheritance share it, and it is released when the last reference goes.
 *
 * Nothing here blocks. An operation that would have to wait returns -EAGAIN; the system call layer then parks the task on
 * `waitQueue` and calls again, or hands -EAGAIN to the program when O_NONBLOCK is set.
 */
import { EBADF, EINVAL, ENOTDIR, ENOTTY, ESPIPE } from "../../abi/errno.ts";
import { O_PATH, O_RDWR, O_WRONLY } from "../../abi/file.ts";
import { POLLIN, POLLOUT } from "../../abi/poll.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import { type FileLocks, LockTable } from "./file-locks.ts";
import type { Terminal } from "./terminal.ts";

/** What stat(2) tells; sizes in bytes, times in milliseconds since 1970 (fractions are kept). */
export interface FileStatus {
  device: number;
  inode: number;
  /** Type and permission bits: S_IFREG | 0o644. */
  mode: number;
  links: number;
  userId: number;
  groupId: number;
  /** For device nodes: major * 256 + minor. */
  specialDevice: number;
  size: number;
  blockSize: number;
  /** Of 512 bytes each. */
  blocks: number;
  accessedMilliseconds: number;
  modifiedMilliseconds: number;
  changedMilliseconds: number;
}

/** One name in a directory, as getdents64(2) gives it. */
export interface DirectoryEntry {
  name: string;
  inode: number;
  /** DT_REG, DT_DIR … */
  type: number;
}

/** The number of open file descriptions of the whole system; full is ENFILE. */
export class OpenFileCount {
  current = 0;
  maximum: number;
  /** Capacities of all pipes together. */
  pipeBytes = 0;
  /** Advisory locks on files. */
  readonly locks: LockTable = new LockTable();
  private lastInode = 0;

  constructor(maximum = 1_048_576) {
    this.maximum = maximum;
  }

  /** A fresh inode number for a file that has no file system: a pipe, a socket, an eventfd. */
  nextInode(): number {
    return ++this.lastInode;
  }
}

/** Wants to know when a description is gone: an epoll set that watches it. */
export interface ReleaseListener {
  fileReleased(file: OpenFile): void;
}

export abstract class OpenFile {
  /** Status flags: access mode, O_APPEND, O_NONBLOCK. Changed by fcntl(F_SETFL). */
  flags: number;
  /** Descriptors and parked calls that hold this description. */
  references = 0;
  /** F_SETOWN: kept and told again; no SIGIO is sent. */
  owner = 0;
  /** F_SETSIG: the same. */
  ownerSignal = 0;
  /** Set while the description counts against the system's limit. */
  count: OpenFileCount | null = null;
  /** The inode's advisory locks, once this description has had to do with them. */
  locks: FileLocks | null = null;
  private queue: WaitQueue | null = null;
  /** Most files have none, watched ones one: a set is made for the second. */
  private releaseListener: ReleaseListener | null = null;
  private moreListeners: Set<ReleaseListener> | null = null;

  constructor(flags: number) {
    this.flags = flags;
  }

  /** "socket:[12]", "pipe:[3]", "/etc/hosts": what readlink(/proc/self/fd/N) gives. */
  abstract describe(): string;
  abstract status(): FileStatus | number;

  /** Who waits for this file to become ready. Made when first asked for. */
  get waitQueue(): WaitQueue {
    this.queue ??= new WaitQueue();
    return this.queue;
  }

  /** Tells the waiters, if there are any, which readiness may have changed. */
  notify(events: number): void {
    this.queue?.wake(events);
  }

  /** POLLIN, POLLOUT … as of now. Regular files are always ready. */
  readiness(): number {
    return POLLIN | POLLOUT;
  }

  get isReadable(): boolean {
    return (this.flags & (O_WRONLY | O_PATH)) === 0;
  }

  get isWritable(): boolean {
    // Both bits together open a file for ioctl(2) alone (open(2), NOTES).
    return ((this.flags + 1) & O_RDWR) !== 0 && (this.flags & O_PATH) === 0;
  }

  /** False where poll(2) finds the file ready always and epoll(7) refuses it: regular files, directories, devices of memory. */
  get isPollable(): boolean {
    return true;
  }

  /** Whether read(2) and write(2) are there at all, whatever the file is opened for: epoll sets have neither. */
  get canRead(): boolean {
    return true;
  }

  get canWrite(): boolean {
    return true;
  }

  /** Whether pread(2) and pwrite(2) are: ESPIPE where not. */
  get isPositioned(): boolean {
    return false;
  }

  /** True for pipes and stream sockets: a blocking write goes on until all is written. Files always write all at once. */
  get isStream(): boolean {
    return false;
  }

  /** True where -EPIPE on write also raises SIGPIPE. */
  get raisesSigpipe(): boolean {
    return false;
  }

  /** SO_RCVTIMEO and SO_SNDTIMEO; Infinity where there is no such thing. */
  get readTimeoutMilliseconds(): number {
    return Number.POSITIVE_INFINITY;
  }

  get writeTimeoutMilliseconds(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** The terminal that a program has open through this file: its process group may have to be in the foreground for that. */
  get terminal(): Terminal | null {
    return null;
  }

  /** Bytes read into `buffer` at `offset`; 0 at the end; negative errno; -EAGAIN when it would have to wait. */
  read(_buffer: Uint8Array, _offset: number, _length: number): number {
    return -EBADF;
  }

  write(_buffer: Uint8Array, _offset: number, _length: number): number {
    return -EBADF;
  }

  /** As read, at a position of the caller's and without moving the file's own. */
  readAt(_buffer: Uint8Array, _offset: number, _length: number, _position: number): number {
    return -ESPIPE;
  }

  writeAt(_buffer: Uint8Array, _offset: number, _length: number, _position: number): number {
    return -ESPIPE;
  }

  /** New position, or -errno. */
  seek(_offset: number, _whence: number): number {
    return -ESPIPE;
  }

  truncate(_size: number): number {
    return -EINVAL;
  }

  /** Entries from `cursor` on (0 is the start); the entry's index plus one is the next cursor. */
  readDirectory(_cursor: number, _most: number): DirectoryEntry[] | number {
    return -ENOTDIR;
  }

  /** The directory cursor or the file position, where there is one. */
  position = 0;

  /** `argument` is an address in `memory`, or a number, as the request has it. */
  control(_request: number, _argument: number, _memory: Uint8Array): number {
    return -ENOTTY;
  }

  synchronize(): number {
    return -EINVAL;
  }

  /** The last reference went. Frees what it holds; must not fail. */
  protected abstract release(): void;

  retain(): this {
    this.references++;
    return this;
  }

  /** Gives a reference back; the last one releases the file. */
  drop(): void {
    if (--this.references > 0) return;
    if (this.count !== null) {
      this.count.current--;
      this.count = null;
    }
    if (this.locks !== null) {
      this.locks.fileReleased(this);
      this.locks = null;
    }
    this.releaseListener?.fileReleased(this);
    this.releaseListener = null;
    if (this.moreListeners !== null) {
      for (const listener of this.moreListeners) listener.fileReleased(this);
      this.moreListeners = null;
    }
    this.release();
    // Whoever still polls it looks again, and finds its descriptor closed (POLLNVAL).
    this.notify(0xffff);
  }

  /** Adds someone who is told once when the last reference goes. */
  onRelease(listener: ReleaseListener): void {
    if (this.releaseListener === null) this.releaseListener = listener;
    else if (this.releaseListener !== listener) {
      this.moreListeners ??= new Set();
      this.moreListeners.add(listener);
    }
  }

  offRelease(listener: ReleaseListener): void {
    if (this.releaseListener === listener) this.releaseListener = null;
    else this.moreListeners?.delete(listener);
  }
}
