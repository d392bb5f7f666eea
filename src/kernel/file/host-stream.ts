/** A stream of the host that is no terminal, as the guest's stdin, stdout or stderr: a pipe, as far as programs can tell. */
import { EAGAIN, EINVAL, EPIPE } from "../../abi/errno.ts";
import { O_RDWR, S_IFIFO } from "../../abi/file.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { type HostOutput, streamStatus } from "./host-file.ts";
import { type FileStatus, OpenFile, type OpenFileCount } from "./open-file.ts";

/** Where its bytes come from and go to. */
export interface HostStream extends HostOutput {
  /** Given what there is to read; null at the end. */
  onInput: ((bytes: Uint8Array | null) => void) | null;
  /** Input is wanted, or is not: nothing is read from the host before someone in the kernel reads, and not without bound. */
  setInputFlow(on: boolean): void;
}

const MOST_INPUT_BYTES = 65_536;
const MOST_OUTPUT_BYTES = 65_536;

/** The kernel's end of a host stream; any number of open files share it. */
export class SharedHostStream {
  private readonly host: HostStream;
  private readonly files = new Set<HostStreamFile>();
  private readonly chunks: Uint8Array[] = [];
  private queuedBytes = 0;
  private hasEnded = false;
  private isFlowing = false;
  private isFull = false;

  constructor(host: HostStream) {
    this.host = host;
    host.onInput = (bytes) => this.receive(bytes);
    host.onDrain = () => {
      this.isFull = false;
      this.notify(POLLOUT | POLLWRNORM | POLLERR);
    };
  }

  /** A new open file on it. */
  open(count: OpenFileCount, flags: number = O_RDWR): HostStreamFile {
    const file = new HostStreamFile(this, count.nextInode(), flags);
    this.files.add(file);
    return file;
  }

  inputReadiness(): number {
    if (this.queuedBytes > 0) return POLLIN | POLLRDNORM;
    if (this.hasEnded) return POLLIN | POLLRDNORM | POLLHUP;
    // Whoever asks is about to wait for input.
    this.setFlow(true);
    return 0;
  }

  outputReadiness(): number {
    if (this.host.isClosed) return POLLOUT | POLLWRNORM | POLLERR;
    return this.isFull ? 0 : POLLOUT | POLLWRNORM;
  }

  read(buffer: Uint8Array, offset: number, length: number): number {
    if (length === 0) return 0;
    if (this.queuedBytes === 0) {
      if (this.hasEnded) return 0;
      this.setFlow(true);
      return -EAGAIN;
    }
    let done = 0;
    for (let chunk = this.chunks[0]; chunk !== undefined && done < length; chunk = this.chunks[0]) {
      const taken = Math.min(chunk.length, length - done);
      buffer.set(chunk.subarray(0, taken), offset + done);
      done += taken;
      if (taken === chunk.length) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(taken);
    }
    this.queuedBytes -= done;
    if (this.queuedBytes < MOST_INPUT_BYTES / 2 && !this.hasEnded) this.setFlow(true);
    return done;
  }

  write(buffer: Uint8Array, offset: number, length: number): number {
    if (this.host.isClosed) return -EPIPE;
    if (length === 0) return 0;
    if (this.isFull) return -EAGAIN;
    const taken = Math.min(length, MOST_OUTPUT_BYTES);
    // Set before: a host that has room at once may call onDrain while it takes the bytes.
    this.isFull = true;
    if (this.host.write(buffer.slice(offset, offset + taken))) this.isFull = false;
    return taken;
  }

  closed(file: HostStreamFile): void {
    this.files.delete(file);
    if (this.files.size === 0) this.setFlow(false);
  }

  private setFlow(on: boolean): void {
    if (on === this.isFlowing || (on && this.hasEnded)) return;
    this.isFlowing = on;
    this.host.setInputFlow(on);
  }

  private notify(events: number): void {
    for (const file of this.files) file.notify(events);
  }

  private receive(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.hasEnded = true;
      this.notify(POLLIN | POLLRDNORM | POLLHUP);
      return;
    }
    if (bytes.length === 0) return;
    this.chunks.push(bytes.slice());
    this.queuedBytes += bytes.length;
    if (this.queuedBytes >= MOST_INPUT_BYTES) this.setFlow(false);
    this.notify(POLLIN | POLLRDNORM);
  }
}

export class HostStreamFile extends OpenFile {
  private readonly stream: SharedHostStream;
  private readonly inode: number;

  constructor(stream: SharedHostStream, inode: number, flags: number) {
    super(flags);
    this.stream = stream;
    this.inode = inode;
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
    // A file that cannot be read must not start the flow of input.
    const input = this.isReadable ? this.stream.inputReadiness() : 0;
    return this.isWritable ? input | this.stream.outputReadiness() : input;
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    return this.stream.read(buffer, offset, length);
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    return this.stream.write(buffer, offset, length);
  }

  override synchronize(): number {
    return -EINVAL;
  }

  protected release(): void {
    this.stream.closed(this);
  }
}
