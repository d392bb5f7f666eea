/** eventfd(2): a counter that wakes whoever reads it. */
import { EAGAIN, EINVAL } from "../../abi/errno.ts";
import { O_RDWR } from "../../abi/file.ts";
import { POLLERR, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { AnonymousFile, readUint64, writeUint64 } from "./anonymous-file.ts";
import type { OpenFileCount } from "./open-file.ts";

/** The counter holds at most 2^64 - 2. */
const MOST = 0xffff_ffff_ffff_fffen;

export class EventFile extends AnonymousFile {
  private counter: bigint;
  private readonly isSemaphore: boolean;

  constructor(files: OpenFileCount, initial: number, isSemaphore: boolean, flags: number) {
    super("eventfd", files, flags | O_RDWR);
    this.counter = BigInt(initial >>> 0);
    this.isSemaphore = isSemaphore;
  }

  override readiness(): number {
    const isFull = this.counter > MOST;
    return (this.counter > 0n ? POLLIN : 0) | (this.counter < MOST ? POLLOUT : 0) | (isFull ? POLLERR : 0);
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    if (length < 8) return -EINVAL;
    if (this.counter === 0n) return -EAGAIN;
    const taken = this.isSemaphore ? 1n : this.counter;
    this.counter -= taken;
    writeUint64(buffer, offset, taken);
    this.notify(POLLOUT);
    return 8;
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    if (length !== 8) return -EINVAL;
    const added = readUint64(buffer, offset);
    if (added > MOST) return -EINVAL;
    if (this.counter + added > MOST) return -EAGAIN;
    this.counter += added;
    if (added > 0n) this.notify(POLLIN);
    return 8;
  }

  protected release(): void {}
}
