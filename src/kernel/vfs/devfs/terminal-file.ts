/** The two ends of terminals as open files: what programs read from and write to, and a pseudo terminal's master. */
import { EAGAIN, EFAULT, EINVAL, EIO, ESPIPE } from "../../../abi/errno.ts";
import { FIONREAD } from "../../../abi/file.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../../abi/poll.ts";
import { TIOCGPTLCK, TIOCGPTN, TIOCSPTLCK } from "../../../abi/terminal.ts";
import type { PseudoTerminal } from "../../file/pseudo-terminal.ts";
import type { Terminal, TerminalView } from "../../file/terminal.ts";
import type { PathNode } from "../path-walk.ts";
import { VfsFile } from "../vfs-file.ts";

/** Nothing below this address belongs to a program. */
const LOWEST_ADDRESS = 4096;

/** What both ends share: a stream at a place of /dev. */
abstract class CharacterFile extends VfsFile {
  override get isPollable(): boolean {
    return true;
  }

  override get isPositioned(): boolean {
    return false;
  }

  override get isStream(): boolean {
    return true;
  }

  override readAt(): number {
    return -ESPIPE;
  }

  override writeAt(): number {
    return -ESPIPE;
  }

  override seek(): number {
    return -ESPIPE;
  }

  override synchronize(): number {
    return -EINVAL;
  }
}

/** A terminal that a program has open. */
export class TerminalFile extends CharacterFile implements TerminalView {
  private readonly shown: Terminal;
  private isHungUp = false;

  constructor(node: PathNode, flags: number, terminal: Terminal) {
    super(node, flags);
    this.shown = terminal;
    terminal.opened(this);
  }

  override get terminal(): Terminal | null {
    return this.isHungUp ? null : this.shown;
  }

  override readiness(): number {
    if (this.isHungUp) return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLERR | POLLHUP;
    return this.shown.readiness(this.isReadable, this.isWritable);
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    if (this.isHungUp) return 0;
    const result = this.shown.read(buffer, offset, length);
    // termios(3): without canonical mode and with MIN 0 a read never waits. How TIME delays it is the system call's business.
    const { settings, discipline } = this.shown;
    return result === -EAGAIN && !settings.isCanonical && discipline.minimum === 0 && discipline.time === 0
      ? 0
      : result;
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    return this.isHungUp ? -EIO : this.shown.write(buffer, offset, length);
  }

  override control(request: number, argument: number, memory: Uint8Array): number {
    return this.isHungUp ? -EIO : this.shown.control(request, argument, memory);
  }

  hangUp(): void {
    this.isHungUp = true;
  }

  protected override close(): void {
    this.shown.closed(this);
  }
}

/** /dev/ptmx opened: the side from which a pseudo terminal is worked. */
export class PseudoTerminalMaster extends CharacterFile implements TerminalView {
  readonly pseudoTerminal: PseudoTerminal;
  private readonly onClosed: () => void;

  constructor(node: PathNode, flags: number, pseudoTerminal: PseudoTerminal, onClosed: () => void) {
    super(node, flags);
    this.pseudoTerminal = pseudoTerminal;
    this.onClosed = onClosed;
    pseudoTerminal.master = this;
  }

  override readiness(): number {
    return this.pseudoTerminal.masterReadiness();
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    return this.pseudoTerminal.masterRead(buffer, offset, length);
  }

  override write(buffer: Uint8Array, offset: number, length: number): number {
    return this.pseudoTerminal.masterWrite(buffer, offset, length);
  }

  override control(request: number, argument: number, memory: Uint8Array): number {
    const { pseudoTerminal } = this;
    if (request === FIONREAD) return this.countOutput(argument, memory);
    if (request !== TIOCGPTN && request !== TIOCSPTLCK && request !== TIOCGPTLCK)
      return pseudoTerminal.terminal.control(request, argument, memory);
    if (!(argument >= LOWEST_ADDRESS && argument + 4 <= memory.length)) return -EFAULT;
    const view = new DataView(memory.buffer, memory.byteOffset);
    if (request === TIOCSPTLCK) pseudoTerminal.isLocked = view.getInt32(argument, true) !== 0;
    else
      view.setInt32(
        argument,
        request === TIOCGPTN ? pseudoTerminal.terminal.number : Number(pseudoTerminal.isLocked),
        true,
      );
    return 0;
  }

  private countOutput(argument: number, memory: Uint8Array): number {
    if (!(argument >= LOWEST_ADDRESS && argument + 4 <= memory.length)) return -EFAULT;
    new DataView(memory.buffer, memory.byteOffset).setInt32(argument, this.pseudoTerminal.writtenBytes, true);
    return 0;
  }

  /** It is never hung up: it is who hangs up. */
  hangUp(): void {}

  protected override close(): void {
    this.onClosed();
    this.pseudoTerminal.masterClosed();
  }
}
