/**
 * The host's terminal as a device. It stays in its usual mode, where the host shows what is typed and turns Ctrl-C into a signal,
 * until a program of the guest reads from it, changes its settings, or moves process groups in and out of the foreground. From
 * then on it is raw, and the line discipline is ours.
 */
import { IUTF8 } from "../../abi/terminal.ts";
import type { HostOutput } from "./host-file.ts";
import { Terminal, type TerminalDevice, type WindowSize } from "./terminal.ts";

/** The host's side. */
export interface HostTerminal extends HostOutput {
  readonly windowSize: WindowSize;
  /** Given what was typed; null when the terminal has gone. */
  onInput: ((bytes: Uint8Array | null) => void) | null;
  /** Called by the host when the window has another size. */
  onResize: (() => void) | null;
  /** Whether the host reads what is typed. */
  setInputFlow(on: boolean): void;
  setRawMode(on: boolean): void;
}

const MOST_OUTPUT_BYTES = 65_536;

export class HostTerminalDevice implements TerminalDevice {
  /** The raw mode of the host's libraries leaves this to the host's own terminal driver. */
  readonly addsReturns = true;
  readonly terminal: Terminal;
  private readonly host: HostTerminal;
  /** What was typed and finds no room yet. */
  private readonly waiting: Uint8Array[] = [];
  private hasEnded = false;
  private hasReader = false;
  private isRaw = false;
  private isFlowing = false;
  private isFull = false;

  constructor(host: HostTerminal, number: number) {
    this.host = host;
    this.terminal = new Terminal(this, number);
    this.terminal.settings.inputFlags |= IUTF8;
    host.onInput = (bytes) => this.receive(bytes);
    host.onDrain = () => {
      this.isFull = false;
      this.terminal.drained();
    };
    host.onResize = () => this.terminal.resize(null);
  }

  get isClosed(): boolean {
    return this.host.isClosed || this.hasEnded;
  }

  get room(): number {
    return this.isFull ? 0 : MOST_OUTPUT_BYTES;
  }

  get windowSize(): WindowSize {
    return this.host.windowSize;
  }

  write(bytes: Uint8Array): void {
    // Set before: a host that has room at once may call onDrain while it takes the bytes.
    this.isFull = true;
    if (this.host.write(bytes)) this.isFull = false;
  }

  echo(bytes: Uint8Array): void {
    if (bytes.length > 0) this.write(bytes);
  }

  /** What the host has taken it shows. */
  discardOutput(): void {}

  inputWanted(): void {
    this.hasReader = true;
    this.changed();
  }

  inputTaken(): void {
    this.feed();
    this.changed();
  }

  changed(): void {
    const { terminal } = this;
    if (!terminal.isOpen) return;
    const hasJobs = terminal.foregroundGroup !== 0 && terminal.foregroundGroup !== terminal.session;
    this.setRaw(this.isRaw || this.hasReader || hasJobs || !terminal.settings.isUsual);
    this.setFlow(this.isRaw && !this.hasEnded && this.waiting.length === 0);
  }

  lastClosed(): void {
    this.terminal.settings.reset();
    this.terminal.settings.inputFlags |= IUTF8;
    this.terminal.setOutputStopped(false);
    this.hasReader = false;
    this.setFlow(false);
    this.setRaw(false);
  }

  private setRaw(on: boolean): void {
    if (on === this.isRaw) return;
    this.isRaw = on;
    this.host.setRawMode(on);
  }

  private setFlow(on: boolean): void {
    if (on === this.isFlowing) return;
    this.isFlowing = on;
    this.host.setInputFlow(on);
  }

  private receive(bytes: Uint8Array | null): void {
    if (this.hasEnded) return;
    if (bytes === null) {
      this.hasEnded = true;
      this.waiting.length = 0;
      this.terminal.hangUp();
      return;
    }
    // The host may use its buffer again; and a chunk or two come after it was told to stop.
    this.waiting.push(bytes.slice());
    this.feed();
    this.changed();
  }

  private feed(): void {
    for (let chunk = this.waiting[0]; chunk !== undefined; chunk = this.waiting[0]) {
      const taken = this.terminal.receive(chunk, 0, chunk.length);
      if (taken < chunk.length) {
        this.waiting[0] = chunk.subarray(taken);
        return;
      }
      this.waiting.shift();
    }
  }
}
