/**
 * Streams of the host as open files: a program's output as calls of a function, its input from bytes that are there already.
 * Terminals are in terminal.ts; what runs both ways and waits is a pipe.
 */
import { EAGAIN, EINVAL, EPIPE } from "../../abi/errno.ts";
import { O_RDONLY, O_WRONLY, S_IFIFO } from "../../abi/file.ts";
import { POLLERR, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { type FileStatus, OpenFile, type OpenFileCount } from "./open-file.ts";

/** A stream of the host that takes bytes. */
export interface HostOutput {
  /** Takes all of them; they are the host's own copy. False: enough for now, wait for onDrain. */
  write(bytes: Uint8Array): boolean;
  /** Called by the host when there is room again. */
  onDrain: (() => void) | null;
  /** True when nobody reads the other end any more: EPIPE. The host calls onDrain when it becomes true. */
  readonly isClosed: boolean;
}

/** One write hands the host at most this much. */
const MOST_BYTES = 65_536;
/** st_dev of the host's streams. */
const HOST_DEVICE = 13;

/** struct stat of a stream: a pipe, as far as programs can tell. */
export function streamStatus(inode: number, mode: number): FileStatus {
  return {
    device: HOST_DEVICE,
    inode,
    mode,
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

/** Writes to a host stream; with back-pressure. */
export class HostOutputFile extends OpenFile {
  private readonly inode: number;
  private readonly output: HostOutput;
  private isFull = false;

  constructor(files: OpenFileCount, output: HostOutput) {
    super(O_WRONLY);
    this.inode = files.nextInode();
    this.output = output;
    output.onDrain = () => {
      this.isFull = false;
      this.notify(POLLOUT | POLLWRNORM | POLLERR);
    };
  }

  describe(): string {
    return `pipe:[${this.inode}]`;
  }

  status(): FileStatus {
    return streamStatus(this.inode, S_IFIFO | 0o600);
  }

  override get isStream(): boolean {
    return true;
  }

  override get raisesSigpipe(): boolean {
    return true;
  }

  override readiness(): number {
    if (this.output.isClosed) return POLLOUT | POLLWRNORM | POLLERR;
    return this.isFull ? 0 : POLLOUT | POLLWRNORM;
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    if (this.output.isClosed) return -EPIPE;
    if (length === 0) return 0;
    if (this.isFull) return -EAGAIN;
    const taken = Math.min(length, MOST_BYTES);
    // Set before: a host that has room at once may call onDrain while it takes the bytes.
    this.isFull = true;
    if (this.output.write(buffer.slice(offset, offset + taken))) this.isFull = false;
    return taken;
  }

  protected release(): void {
    this.output.onDrain = null;
  }
}

/** Output that a function takes at once, however much it is. */
export class CallbackFile extends HostOutputFile {
  constructor(files: OpenFileCount, take: (bytes: Uint8Array) => void) {
    super(files, {
      write(bytes) {
        take(bytes);
        return true;
      },
      onDrain: null,
      isClosed: false,
    });
  }
}

/** Input that is there already, and then ends. */
export class BytesFile extends OpenFile {
  private readonly inode: number;
  private readonly bytes: Uint8Array;

  constructor(files: OpenFileCount, bytes: Uint8Array) {
    super(O_RDONLY);
    this.inode = files.nextInode();
    this.bytes = bytes;
  }

  describe(): string {
    return `pipe:[${this.inode}]`;
  }

  status(): FileStatus {
    return streamStatus(this.inode, S_IFIFO | 0o600);
  }

  override get isStream(): boolean {
    return true;
  }

  override readiness(): number {
    return POLLIN | POLLRDNORM;
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(length, this.bytes.length - this.position);
    buffer.set(this.bytes.subarray(this.position, this.position + taken), offset);
    this.position += taken;
    return taken;
  }

  override write(): number {
    return -EINVAL;
  }

  protected release(): void {}
}
