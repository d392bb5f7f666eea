/**
 * Named pipes, fifo(7): a name in the file system, and a pipe behind it while someone has it open. Whoever opens one end waits
 * for the other, save with O_NONBLOCK (a writer gets -ENXIO then) or for both at once.
 */
import { EBADF, ENXIO } from "../../../abi/errno.ts";
import { O_ACCMODE, O_NONBLOCK, O_WRONLY, S_IFIFO } from "../../../abi/file.ts";
import { POLLHUP } from "../../../abi/poll.ts";
import type { OpenFile } from "../../file/open-file.ts";
import { notifyAll, PipeBuffer } from "../../file/pipe.ts";
import type { PathNode } from "../path-walk.ts";
import { VfsFile } from "../vfs-file.ts";
import type { MemFs } from "./memfs.ts";
import { MemoryInode } from "./memory-inode.ts";

export class MemoryFifo extends MemoryInode {
  private pipe: PipeBuffer | null = null;

  constructor(fileSystem: MemFs, permissions: number) {
    super(fileSystem, S_IFIFO, permissions);
  }

  sizeBytes(): number {
    return 0;
  }

  open(node: PathNode, flags: number): FifoFile | number {
    const access = flags & O_ACCMODE;
    const hasReader = (this.pipe?.readers.length ?? 0) > 0;
    if (access === O_WRONLY && (flags & O_NONBLOCK) !== 0 && !hasReader) return -ENXIO;
    this.pipe ??= new PipeBuffer(this.fileSystem.fifos);
    return new FifoFile(node, flags, this, this.pipe);
  }

  override settle(): void {
    if (this.opened === 0) this.pipe = null;
    super.settle();
  }
}

export class FifoFile extends VfsFile {
  private readonly fifo: MemoryFifo;
  readonly pipe: PipeBuffer;
  /** Whether the other end was ever there. */
  private hasMet: boolean;

  constructor(node: PathNode, flags: number, fifo: MemoryFifo, pipe: PipeBuffer) {
    super(node, flags);
    this.fifo = fifo;
    this.pipe = pipe;
    fifo.opened++;
    const peers = this.isReadable ? pipe.writers : pipe.readers;
    this.hasMet = peers.length > 0 || (this.isReadable && this.isWritable);
    if (this.isReadable) pipe.readers.push(this);
    if (this.isWritable) pipe.writers.push(this);
    if (this.isReadable) this.meet(pipe.writers);
    if (this.isWritable) this.meet(pipe.readers);
  }

  /** open(2) has not come back yet. */
  get isWaiting(): boolean {
    return !this.hasMet && (this.flags & O_NONBLOCK) === 0 && (this.flags & O_ACCMODE) <= O_WRONLY;
  }

  override get isPollable(): boolean {
    return true;
  }

  override get isPositioned(): boolean {
    return false;
  }

  override get isStream(): boolean {
    return true;
  }

  override get raisesSigpipe(): boolean {
    return this.isWritable;
  }

  /** F_GETPIPE_SZ. */
  get capacityBytes(): number {
    return this.pipe.capacity;
  }

  /** F_SETPIPE_SZ. */
  resize(bytes: number): number {
    return this.pipe.resize(bytes);
  }

  override readiness(): number {
    let events = this.isWritable ? this.pipe.writerReadiness() : 0;
    if (this.isReadable) events |= this.pipe.readerReadiness();
    // A reader that has never had a writer has not lost one.
    return this.hasMet ? events : events & ~POLLHUP;
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    return this.isReadable ? this.pipe.read(buffer, offset, length) : -EBADF;
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    return this.isWritable ? this.pipe.write(buffer, offset, length) : -EBADF;
  }

  override control(request: number, argument: number, memory: Uint8Array): number {
    return this.pipe.control(request, argument, memory);
  }

  protected override close(): void {
    this.fifo.opened--;
    this.pipe.ended(this);
    this.fifo.settle();
  }

  /** Others wait for this end, perhaps. */
  private meet(peers: readonly OpenFile[]): void {
    for (const peer of peers) if (peer instanceof FifoFile) peer.hasMet = true;
    notifyAll(peers, 0xffff);
  }
}
