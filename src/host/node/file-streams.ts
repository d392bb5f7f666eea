/** Node streams over open files of the kernel: the host's end of a pipe that is a program's stdin, stdout or stderr. */
import { Buffer } from "node:buffer";
import { Readable, Writable } from "node:stream";
import { EAGAIN, errnoName, errnoText } from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import type { OpenFile } from "../../kernel/file/open-file.ts";

const CHUNK_BYTES = 64 * 1024;

/** An Error with `code` and `errno`, as Node's own. */
function errorOf(errno: number): Error {
  return Object.assign(new Error(`${errnoName(errno)}: ${errnoText(errno)}`), { code: errnoName(errno), errno });
}

/** Reads a file of the kernel; takes over the caller's reference. Reads no further than the stream's buffer allows. */
export class FileReadable extends Readable {
  private readonly file: OpenFile;
  private readonly entry: WaitEntry;
  private isWaiting = false;

  constructor(file: OpenFile) {
    super({ highWaterMark: CHUNK_BYTES });
    this.file = file;
    this.entry = new WaitEntry({ wake: () => this.woken() });
  }

  override _read(): void {
    const buffer = new Uint8Array(CHUNK_BYTES);
    const count = this.file.read(buffer, 0, buffer.length);
    if (count > 0) this.push(Buffer.from(buffer.buffer, 0, count));
    else if (count === 0) this.push(null);
    else if (count === -EAGAIN) {
      this.isWaiting = true;
      this.file.waitQueue.add(this.entry, POLLIN | POLLHUP | POLLERR);
    } else this.destroy(errorOf(count));
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.entry.queue?.remove(this.entry);
    this.file.drop();
    callback(error);
  }

  /** Called from inside the kernel: read later, never from here. */
  private woken(): void {
    if (!this.isWaiting) return;
    this.isWaiting = false;
    this.entry.queue?.remove(this.entry);
    queueMicrotask(() => {
      if (!this.destroyed) this._read();
    });
  }
}

/** Writes a file of the kernel; takes over the caller's reference. */
export class FileWritable extends Writable {
  private readonly file: OpenFile;
  private readonly entry: WaitEntry;
  private resume: (() => void) | null = null;

  constructor(file: OpenFile) {
    super({ highWaterMark: CHUNK_BYTES });
    this.file = file;
    this.entry = new WaitEntry({ wake: () => this.woken() });
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    let offset = 0;
    const step = (): void => {
      while (offset < chunk.length) {
        const count = this.file.write(chunk, offset, chunk.length - offset);
        if (count === -EAGAIN) {
          this.resume = step;
          this.file.waitQueue.add(this.entry, POLLOUT | POLLHUP | POLLERR);
          return;
        }
        if (count < 0) {
          callback(errorOf(count));
          return;
        }
        offset += count;
      }
      callback();
    };
    step();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.entry.queue?.remove(this.entry);
    this.resume = null;
    this.file.drop();
    callback(error);
  }

  private woken(): void {
    const { resume } = this;
    if (resume === null) return;
    this.resume = null;
    this.entry.queue?.remove(this.entry);
    queueMicrotask(resume);
  }
}
