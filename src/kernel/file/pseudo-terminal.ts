/**
 * A pseudo terminal (pty(7)): a terminal whose device is another open file, the master. What is written to the master is typed at
 * the terminal; what programs write to the terminal is read from the master.
 */
import { EAGAIN, EIO } from "../../abi/errno.ts";
import { POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { Terminal, type TerminalDevice, type TerminalView, type WindowSize } from "./terminal.ts";

/** What programs may write before the master has to read; a power of two. */
const OUTPUT_BYTES = 16_384;
const MASK = OUTPUT_BYTES - 1;
const NO_SIZE: WindowSize = { rows: 0, columns: 0, widthPixels: 0, heightPixels: 0 };

export class PseudoTerminal implements TerminalDevice {
  readonly addsReturns = false;
  readonly terminal: Terminal;
  /** TIOCSPTLCK: a new one cannot be opened before it is unlocked. */
  isLocked = true;
  /** The master's open file; null once it is closed. */
  master: TerminalView | null = null;
  /** Called when neither end is open any more. */
  onGone: (() => void) | null = null;
  /** All files of the terminal were closed again: its end, as the master sees it. */
  private isAbandoned = false;
  private readonly bytes = new Uint8Array(OUTPUT_BYTES);
  private readCount = 0;
  private writeCount = 0;

  constructor(number: number) {
    this.terminal = new Terminal(this, number);
  }

  get isClosed(): boolean {
    return this.master === null;
  }

  get room(): number {
    return OUTPUT_BYTES - (this.writeCount - this.readCount);
  }

  /** What the master may read. */
  get writtenBytes(): number {
    return this.writeCount - this.readCount;
  }

  get windowSize(): WindowSize {
    return NO_SIZE;
  }

  write(bytes: Uint8Array): void {
    const at = this.writeCount & MASK;
    const first = Math.min(bytes.length, OUTPUT_BYTES - at);
    this.bytes.set(bytes.subarray(0, first), at);
    this.bytes.set(bytes.subarray(first), 0);
    this.writeCount += bytes.length;
    if (bytes.length > 0) this.master?.notify(POLLIN | POLLRDNORM);
  }

  echo(bytes: Uint8Array): void {
    this.write(bytes.subarray(0, this.room));
  }

  discardOutput(): void {
    this.readCount = this.writeCount;
    this.terminal.drained();
  }

  inputWanted(): void {}

  inputTaken(): void {
    this.master?.notify(POLLOUT | POLLWRNORM);
  }

  changed(): void {
    // Other settings may make room for input.
    this.inputTaken();
  }

  lastClosed(): void {
    this.isAbandoned = true;
    if (this.master === null) this.onGone?.();
    else this.master.notify(POLLIN | POLLRDNORM | POLLHUP);
  }

  /** A file of the terminal was opened. */
  opened(): void {
    this.isAbandoned = false;
  }

  masterReadiness(): number {
    let events = this.terminal.discipline.acceptsInput ? POLLOUT | POLLWRNORM : 0;
    if (this.writeCount > this.readCount) events |= POLLIN | POLLRDNORM;
    if (this.isAbandoned) events |= POLLHUP;
    return events;
  }

  masterRead(buffer: Uint8Array, offset: number, length: number): number {
    const count = Math.min(length, this.writeCount - this.readCount);
    if (count === 0) {
      if (length === 0) return 0;
      return this.isAbandoned ? -EIO : -EAGAIN;
    }
    const at = this.readCount & MASK;
    const first = Math.min(count, OUTPUT_BYTES - at);
    buffer.set(this.bytes.subarray(at, at + first), offset);
    buffer.set(this.bytes.subarray(0, count - first), offset + first);
    this.readCount += count;
    this.terminal.drained();
    return count;
  }

  masterWrite(buffer: Uint8Array, offset: number, length: number): number {
    if (length === 0) return 0;
    return this.terminal.receive(buffer, offset, length) || -EAGAIN;
  }

  masterClosed(): void {
    this.master = null;
    const wasOpen = this.terminal.isOpen;
    this.terminal.hangUp();
    if (!wasOpen) this.onGone?.();
  }
}
