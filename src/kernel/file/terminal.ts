/**
 * The host's terminal as a character device. In its usual (canonical) mode the host's own line discipline does the editing
 * and the echo; when a program clears ICANON, the host is put into raw mode and what is left to do is done here. A stream
 * of the host that is no terminal goes through the same classes, without termios.
 */
import { EAGAIN, EINVAL, EIO, ENOTTY, EPIPE } from "../../abi/errno.ts";
import { S_IFCHR, S_IFIFO } from "../../abi/file.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { SIGINT, SIGQUIT, SIGTSTP, SIGWINCH } from "../../abi/signal.ts";
import { ECHO, ICANON, ICRNL, ISIG, VINTR, VMIN, VQUIT, VSUSP } from "../../abi/terminal.ts";
import { type HostOutput, streamStatus } from "./host-file.ts";
import { type FileStatus, OpenFile, type OpenFileCount } from "./open-file.ts";
import { TerminalSettings, terminalControl } from "./terminal-settings.ts";

/** Where a terminal's bytes come from and go to. */
export interface HostTerminal extends HostOutput {
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Given what was typed; null at the end of the input. */
  onInput: ((bytes: Uint8Array | null) => void) | null;
  /** Input is wanted, or is not: nothing is read from the host before someone in the kernel reads, and not without bound. */
  setInputFlow(on: boolean): void;
  setRawMode(on: boolean): void;
  /** Called by the host when the window has another size. */
  onResize: (() => void) | null;
}

const MOST_INPUT_BYTES = 65_536;
const MOST_OUTPUT_BYTES = 65_536;
/** TTY_MAJOR 4, and 136 for /dev/pts/0: what ttyname(3) expects. */
const TERMINAL_DEVICE_NUMBER = 136 * 256;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** One terminal; any number of open files show it. */
export class Terminal {
  readonly settings: TerminalSettings = new TerminalSettings();
  readonly host: HostTerminal;
  /** Process group that gets the signals of the keyboard; kept here, used by whoever set onSignal. */
  foregroundGroup = 0;
  session = 0;
  /** Told of Ctrl-C and the like in raw mode, and of a new window size. */
  onSignal: ((signal: number, processGroup: number) => void) | null = null;
  readonly files: Set<TerminalFile> = new Set();
  private readonly chunks: Uint8Array[] = [];
  private queuedBytes = 0;
  private hasEnded = false;
  private isFlowing = false;
  private isFull = false;

  constructor(host: HostTerminal) {
    this.host = host;
    host.onInput = (bytes) => this.receive(bytes);
    host.onDrain = () => {
      this.isFull = false;
      this.notify(POLLOUT | POLLWRNORM | POLLERR);
    };
    host.onResize = () => this.onSignal?.(SIGWINCH, this.foregroundGroup);
  }

  /** A new open file on it. */
  open(count: OpenFileCount, flags: number): TerminalFile {
    const file = new TerminalFile(this, count.nextInode(), flags);
    this.files.add(file);
    return file;
  }

  get isTerminal(): boolean {
    return this.host.isTerminal;
  }

  get isCanonical(): boolean {
    return (this.settings.localFlags & ICANON) !== 0;
  }

  /** Applies settings that a program has made. */
  apply(): void {
    this.host.setRawMode(!this.isCanonical);
  }

  get inputBytes(): number {
    return this.queuedBytes;
  }

  discardInput(): void {
    this.chunks.length = 0;
    this.queuedBytes = 0;
  }

  inputReadiness(): number {
    if (this.queuedBytes > 0) return POLLIN | POLLRDNORM;
    if (this.hasEnded) return this.isTerminal ? POLLIN | POLLRDNORM : POLLIN | POLLRDNORM | POLLHUP;
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
      // termios(3): with VMIN 0 a read never waits.
      const isPolling = this.isTerminal && !this.isCanonical && this.settings.controlCharacters[VMIN] === 0;
      return isPolling ? 0 : -EAGAIN;
    }
    let done = 0;
    while (done < length) {
      const chunk = this.chunks[0];
      if (chunk === undefined) break;
      let taken = Math.min(chunk.length, length - done);
      // In canonical mode one read gives one line at most.
      const newline = this.isTerminal && this.isCanonical ? chunk.indexOf(NEWLINE) : -1;
      const isLine = newline >= 0 && newline < taken;
      if (isLine) taken = newline + 1;
      buffer.set(chunk.subarray(0, taken), offset + done);
      done += taken;
      if (taken === chunk.length) this.chunks.shift();
      else this.chunks[0] = chunk.subarray(taken);
      if (isLine) break;
    }
    this.queuedBytes -= done;
    if (this.queuedBytes < MOST_INPUT_BYTES / 2 && !this.hasEnded) this.setFlow(true);
    return done;
  }

  write(buffer: Uint8Array, offset: number, length: number): number {
    if (this.host.isClosed) return this.isTerminal ? -EIO : -EPIPE;
    if (length === 0) return 0;
    if (this.isFull) return -EAGAIN;
    const taken = Math.min(length, MOST_OUTPUT_BYTES);
    // Set before: a host that has room at once may call onDrain while it takes the bytes.
    this.isFull = true;
    if (this.host.write(buffer.slice(offset, offset + taken))) this.isFull = false;
    return taken;
  }

  closed(file: TerminalFile): void {
    this.files.delete(file);
    if (this.files.size > 0) return;
    this.setFlow(false);
    if (this.isTerminal && !this.isCanonical) {
      this.settings.reset();
      this.host.setRawMode(false);
    }
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
    const input = this.isTerminal && !this.isCanonical ? this.cook(bytes) : bytes.slice();
    if (input.length === 0) return;
    this.chunks.push(input);
    this.queuedBytes += input.length;
    if (this.queuedBytes >= MOST_INPUT_BYTES) this.setFlow(false);
    this.notify(POLLIN | POLLRDNORM);
  }

  /** What the host leaves undone in raw mode: signals, carriage returns, the echo. */
  private cook(bytes: Uint8Array): Uint8Array {
    const { localFlags, inputFlags, controlCharacters } = this.settings;
    const kept = new Uint8Array(bytes.length);
    let length = 0;
    for (const byte of bytes) {
      const signal = (localFlags & ISIG) === 0 ? 0 : keyboardSignal(controlCharacters, byte);
      if (signal !== 0) {
        this.onSignal?.(signal, this.foregroundGroup);
        continue;
      }
      kept[length++] = byte === CARRIAGE_RETURN && (inputFlags & ICRNL) !== 0 ? NEWLINE : byte;
    }
    const input = kept.slice(0, length);
    if ((localFlags & ECHO) !== 0 && length > 0 && !this.host.isClosed) this.host.write(input);
    return input;
  }
}

function keyboardSignal(controlCharacters: Uint8Array, byte: number): number {
  if (byte === 0) return 0;
  if (byte === controlCharacters[VINTR]) return SIGINT;
  if (byte === controlCharacters[VQUIT]) return SIGQUIT;
  return byte === controlCharacters[VSUSP] ? SIGTSTP : 0;
}

export class TerminalFile extends OpenFile {
  readonly terminal: Terminal;
  private readonly inode: number;

  constructor(terminal: Terminal, inode: number, flags: number) {
    super(flags);
    this.terminal = terminal;
    this.inode = inode;
  }

  describe(): string {
    return this.terminal.isTerminal ? "/dev/tty" : `pipe:[${this.inode}]`;
  }

  status(): FileStatus {
    if (!this.terminal.isTerminal) return streamStatus(this.inode, S_IFIFO | 0o600);
    return { ...streamStatus(this.inode, S_IFCHR | 0o620), specialDevice: TERMINAL_DEVICE_NUMBER };
  }

  override get isStream(): boolean {
    return true;
  }

  override get raisesSigpipe(): boolean {
    return !this.terminal.isTerminal;
  }

  override readiness(): number {
    // A file that cannot be read must not start the flow of input.
    const input = this.isReadable ? this.terminal.inputReadiness() : 0;
    return this.isWritable ? input | this.terminal.outputReadiness() : input;
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    return this.terminal.read(buffer, offset, length);
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    return this.terminal.write(buffer, offset, length);
  }

  override control(request: number, argument: number, memory: Uint8Array): number {
    return this.terminal.isTerminal ? terminalControl(this.terminal, request, argument, memory) : -ENOTTY;
  }

  override synchronize(): number {
    return -EINVAL;
  }

  protected release(): void {
    this.terminal.closed(this);
  }
}
