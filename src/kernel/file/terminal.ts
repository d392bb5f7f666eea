/**
 * A terminal as programs see it: its settings, its line discipline, its window, and the session that it controls. What lies
 * behind it is a device: the terminal of the host, or the other end of a pseudo terminal. Processes are known by their numbers
 * only; who gets a signal, and who may change what, is decided above.
 */
import { EAGAIN, EFAULT, EINVAL, EIO, ENOTTY } from "../../abi/errno.ts";
import { FIONREAD, TCGETS, TCSETS, TCSETSF, TCSETSW, TIOCGWINSZ } from "../../abi/file.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { SIGWINCH } from "../../abi/signal.ts";
import {
  TCFLSH,
  TCGETS2,
  TCIFLUSH,
  TCIOFLUSH,
  TCION,
  TCOFLUSH,
  TCOOFF,
  TCOON,
  TCSBRK,
  TCSBRKP,
  TCSETS2,
  TCSETSF2,
  TCSETSW2,
  TCXONC,
  TERMIOS_BYTES,
  TERMIOS2_BYTES,
  TIOCEXCL,
  TIOCGETD,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCSETD,
  TIOCSTI,
  TIOCSWINSZ,
  WINSIZE_BYTES,
} from "../../abi/terminal.ts";
import { type DisciplineOwner, LineDiscipline } from "./line-discipline.ts";
import { TerminalOutput } from "./terminal-output.ts";
import { TerminalSettings } from "./terminal-settings.ts";

/** Nothing below this address belongs to a program. */
const LOWEST_ADDRESS = 4096;

export interface WindowSize {
  rows: number;
  columns: number;
  /** Of the whole window; 0 where nobody knows. */
  widthPixels: number;
  heightPixels: number;
}

/** What a terminal's bytes come from and go to. */
export interface TerminalDevice {
  /** Newlines get their carriage return from the device, whatever the settings say. */
  readonly addsReturns: boolean;
  /** Nobody is there any more. */
  readonly isClosed: boolean;
  /** How many bytes it takes now. */
  readonly room: number;
  readonly windowSize: WindowSize;
  /** Takes the bytes, which are its own, and are no more than there is room for. */
  write(bytes: Uint8Array): void;
  /** As write, whether there is room or not; it may lose what there is no room for. */
  echo(bytes: Uint8Array): void;
  discardOutput(): void;
  /** Somebody waits for input. */
  inputWanted(): void;
  /** Input was taken: there is room for more. */
  inputTaken(): void;
  /** Settings or the foreground group are others now. */
  changed(): void;
  /** The last open file of the terminal went. */
  lastClosed(): void;
}

/** An open file that shows a terminal. */
export interface TerminalView {
  notify(events: number): void;
  hangUp(): void;
}

export class Terminal implements DisciplineOwner {
  readonly settings: TerminalSettings = new TerminalSettings();
  readonly discipline: LineDiscipline;
  /** N of /dev/pts/N. */
  readonly number: number;
  /** The session whose controlling terminal it is, and the process group that gets the keyboard's signals; 0 for none. */
  session = 0;
  foregroundGroup = 0;
  isOutputStopped = false;
  /** Sends signals of the keyboard and of the window. Set by whoever knows the processes. */
  onSignal: ((signal: number, processGroup: number) => void) | null = null;
  /** Told when a hangup takes the terminal from its session. */
  onHangUp: (() => void) | null = null;
  private readonly views = new Set<TerminalView>();
  private readonly device: TerminalDevice;
  private readonly output: TerminalOutput;
  private window: WindowSize | null = null;

  constructor(device: TerminalDevice, number: number) {
    this.device = device;
    this.number = number;
    this.output = new TerminalOutput(this.settings, device.addsReturns);
    this.discipline = new LineDiscipline(this.settings, this);
  }

  opened(view: TerminalView): void {
    this.views.add(view);
  }

  closed(view: TerminalView): void {
    if (this.views.delete(view) && this.views.size === 0) this.device.lastClosed();
  }

  get isOpen(): boolean {
    return this.views.size > 0;
  }

  /** Bytes read; 0 at an end of file; -EAGAIN where there is nothing yet. */
  read(buffer: Uint8Array, offset: number, length: number): number {
    if (length === 0) return 0;
    if (this.discipline.readableBytes === 0) {
      this.device.inputWanted();
      if (this.discipline.readableBytes === 0) return -EAGAIN;
    }
    const done = this.discipline.read(buffer, offset, length);
    this.device.inputTaken();
    return done;
  }

  write(buffer: Uint8Array, offset: number, length: number): number {
    const { device, output } = this;
    if (device.isClosed) return -EIO;
    if (length === 0) return 0;
    const most = this.isOutputStopped ? 0 : output.capacity(device.room);
    if (most === 0) return -EAGAIN;
    const taken = Math.min(length, most);
    device.write(output.process(buffer, offset, taken));
    return taken;
  }

  readiness(isReadable: boolean, isWritable: boolean): number {
    const { device, discipline } = this;
    let events = 0;
    if (isReadable) {
      // Whoever asks is about to wait for input.
      if (!discipline.isReadable) device.inputWanted();
      if (discipline.isReadable) events |= POLLIN | POLLRDNORM;
    }
    if (device.isClosed) return events | POLLOUT | POLLWRNORM | POLLERR;
    if (isWritable && !this.isOutputStopped && this.output.capacity(device.room) > 0) events |= POLLOUT | POLLWRNORM;
    return events;
  }

  /** For the device: something was typed. How many bytes were taken; what was not is offered again after `inputTaken`. */
  receive(bytes: Uint8Array, offset: number, length: number): number {
    const taken = this.discipline.receive(bytes, offset, length);
    if (this.discipline.readableBytes > 0) this.notify(POLLIN | POLLRDNORM);
    return taken;
  }

  notify(events: number): void {
    for (const view of this.views) view.notify(events);
  }

  /** Output has room again. */
  drained(): void {
    this.notify(POLLOUT | POLLWRNORM);
  }

  /** The line is gone: whoever has the terminal open reads its end and can write no more. */
  hangUp(): void {
    this.onHangUp?.();
    this.discipline.discardInput();
    const views = [...this.views];
    this.views.clear();
    for (const view of views) view.hangUp();
    for (const view of views) view.notify(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLERR | POLLHUP);
    if (views.length > 0) this.device.lastClosed();
  }

  get windowSize(): WindowSize {
    return this.window ?? this.device.windowSize;
  }

  /** A new size, or null for that of the device, which has changed. */
  resize(size: WindowSize | null): void {
    const before = this.windowSize;
    this.window = size;
    const after = this.windowSize;
    const isSame = size !== null && before.rows === after.rows && before.columns === after.columns;
    const hasSamePixels = before.widthPixels === after.widthPixels && before.heightPixels === after.heightPixels;
    if (!(isSame && hasSamePixels)) this.signal(SIGWINCH);
  }

  setForegroundGroup(group: number): void {
    this.foregroundGroup = group;
    this.device.changed();
  }

  get column(): number {
    return this.output.column;
  }

  echo(bytes: Uint8Array): void {
    if (!this.device.isClosed) this.device.echo(this.output.process(bytes, 0, bytes.length));
  }

  signal(signal: number): void {
    if (this.foregroundGroup !== 0) this.onSignal?.(signal, this.foregroundGroup);
  }

  setOutputStopped(on: boolean): void {
    if (this.isOutputStopped === on) return;
    this.isOutputStopped = on;
    if (!on) this.drained();
  }

  discardOutput(): void {
    this.device.discardOutput();
  }

  discardInput(): void {
    this.discipline.discardInput();
    this.device.inputTaken();
  }

  /** An ioctl that does not depend on who makes it: 0 or -errno. */
  control(request: number, argument: number, memory: Uint8Array): number {
    switch (request) {
      case TCFLSH:
        return this.flush(argument);
      case TCXONC:
        return this.holdOutput(argument);
      case TCSBRK:
      case TCSBRKP:
      case TIOCEXCL:
      case TIOCNXCL:
        // There is no line to send a break on; what was written is out; and everyone is root, whom TIOCEXCL does not keep out.
        return 0;
      case TIOCSTI:
        // As a Linux that has dev.tty.legacy_tiocsti switched off.
        return -EIO;
      default:
    }
    const byteLength = argumentBytes(request);
    if (byteLength === 0) return -ENOTTY;
    if (!(argument >= LOWEST_ADDRESS && argument + byteLength <= memory.length)) return -EFAULT;
    return this.exchange(request, argument, new DataView(memory.buffer, memory.byteOffset));
  }

  private exchange(request: number, argument: number, view: DataView): number {
    switch (request) {
      case TCGETS:
      case TCGETS2:
        this.settings.write(view, argument, request === TCGETS2);
        return 0;
      case TCSETSF:
      case TCSETSF2:
        this.discardInput();
        this.setSettings(view, argument, request === TCSETSF2);
        return 0;
      case TCSETS:
      case TCSETSW:
      case TCSETS2:
      case TCSETSW2:
        // What was written has left already: there is nothing to wait for.
        this.setSettings(view, argument, request === TCSETS2 || request === TCSETSW2);
        return 0;
      case TIOCGWINSZ: {
        const { rows, columns, widthPixels, heightPixels } = this.windowSize;
        view.setUint16(argument, rows, true);
        view.setUint16(argument + 2, columns, true);
        view.setUint16(argument + 4, widthPixels, true);
        view.setUint16(argument + 6, heightPixels, true);
        return 0;
      }
      case TIOCSWINSZ:
        this.resize({
          rows: view.getUint16(argument, true),
          columns: view.getUint16(argument + 2, true),
          widthPixels: view.getUint16(argument + 4, true),
          heightPixels: view.getUint16(argument + 6, true),
        });
        return 0;
      case FIONREAD:
        view.setInt32(argument, this.discipline.countedBytes, true);
        return 0;
      case TIOCOUTQ:
      case TIOCGETD:
        // Nothing is queued on the way out, and N_TTY is the only line discipline.
        view.setInt32(argument, 0, true);
        return 0;
      case TIOCSETD:
        return view.getInt32(argument, true) === 0 ? 0 : -EINVAL;
      default:
        return -ENOTTY;
    }
  }

  private setSettings(view: DataView, address: number, speeds: boolean): void {
    const wasCanonical = this.settings.isCanonical;
    this.settings.read(view, address, speeds);
    if (this.settings.isCanonical !== wasCanonical) this.discipline.modeChanged();
    this.device.changed();
    // What was no line may be input now.
    if (this.discipline.isReadable) this.notify(POLLIN | POLLRDNORM);
  }

  private flush(queue: number): number {
    if (queue !== TCIFLUSH && queue !== TCOFLUSH && queue !== TCIOFLUSH) return -EINVAL;
    if (queue !== TCOFLUSH) this.discardInput();
    if (queue !== TCIFLUSH) this.discardOutput();
    return 0;
  }

  private holdOutput(action: number): number {
    if (action === TCOOFF || action === TCOON) this.setOutputStopped(action === TCOOFF);
    // TCIOFF and TCION ask the other side to hold its input, which no device here needs.
    return action >= TCOOFF && action <= TCION ? 0 : -EINVAL;
  }
}

/** How many bytes a request's argument points to; 0 for a request that terminals do not know. */
function argumentBytes(request: number): number {
  switch (request) {
    case TCGETS:
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
      return TERMIOS_BYTES;
    case TCGETS2:
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2:
      return TERMIOS2_BYTES;
    case TIOCGWINSZ:
    case TIOCSWINSZ:
      return WINSIZE_BYTES;
    case FIONREAD:
    case TIOCOUTQ:
    case TIOCGETD:
    case TIOCSETD:
      return 4;
    default:
      return 0;
  }
}
