/** The host's own stdin, stdout and stderr as files of the guest: terminals where they are some, plain streams elsewhere. */
import type { Buffer } from "node:buffer";
import { isatty } from "node:tty";
import { O_RDWR } from "../../abi/file.ts";
import type { OpenFile } from "../../kernel/file/open-file.ts";
import { type HostTerminal, Terminal } from "../../kernel/file/terminal.ts";
import type { Kernel } from "../../kernel/kernel.ts";

/** Columns and rows where the host does not say. */
const USUAL_SIZE = { columns: 80, rows: 24 };

/** One end of the host: what is typed comes from stdin, what is printed goes to stdout or stderr. */
class NodeTerminal implements HostTerminal {
  readonly isTerminal: boolean;
  isClosed = false;
  onInput: ((bytes: Uint8Array | null) => void) | null = null;
  onDrain: (() => void) | null = null;
  onResize: (() => void) | null = null;
  private readonly descriptor: 1 | 2;
  private stream: NodeJS.WriteStream | null = null;
  private isReading = false;
  private hasEnded = false;

  constructor(descriptor: 1 | 2, isTerminal: boolean) {
    this.descriptor = descriptor;
    this.isTerminal = isTerminal;
  }

  /** Node makes its standard streams when they are first touched, which takes milliseconds each. */
  private get output(): NodeJS.WriteStream {
    if (this.stream !== null) return this.stream;
    const stream = this.descriptor === 1 ? process.stdout : process.stderr;
    this.stream = stream;
    stream.on("drain", () => this.onDrain?.());
    // EPIPE: whoever read our output has gone.
    stream.on("error", () => {
      this.isClosed = true;
      this.onDrain?.();
    });
    if (this.isTerminal) stream.on("resize", () => this.onResize?.());
    return stream;
  }

  get columns(): number {
    return this.output.columns || USUAL_SIZE.columns;
  }

  get rows(): number {
    return this.output.rows || USUAL_SIZE.rows;
  }

  write(bytes: Uint8Array): boolean {
    return this.output.write(bytes);
  }

  setInputFlow(on: boolean): void {
    const { stdin } = process;
    if (!this.isReading && on) {
      this.isReading = true;
      stdin.on("data", (chunk: Buffer) => this.onInput?.(chunk));
      const end = (): void => {
        if (this.hasEnded) return;
        this.hasEnded = true;
        this.onInput?.(null);
      };
      stdin.on("end", end);
      // EIO: the terminal has gone.
      stdin.on("error", end);
    }
    if (!this.isReading) return;
    if (on) stdin.resume();
    else stdin.pause();
  }

  setRawMode(on: boolean): void {
    if (process.stdin.isTTY) process.stdin.setRawMode(on);
  }
}

/** Per kernel: the terminal that all descriptors which are one share, and the streams that are none. */
const terminals = new WeakMap<Kernel, Map<number | "terminal", Terminal>>();

/** A file of the guest for the host's descriptor 0, 1 or 2. */
export function hostTerminalFile(kernel: Kernel, descriptor: 0 | 1 | 2): OpenFile {
  let known = terminals.get(kernel);
  if (known === undefined) {
    known = new Map();
    terminals.set(kernel, known);
  }
  const isTerminal = isatty(descriptor);
  const key = isTerminal ? "terminal" : descriptor;
  let terminal = known.get(key);
  if (terminal === undefined) {
    const output = isTerminal ? (isatty(1) ? 1 : 2) : descriptor || 1;
    terminal = new Terminal(new NodeTerminal(output, isTerminal));
    terminal.onSignal = (signal, group) => {
      for (const guest of [...kernel.processes.all()]) {
        if (group === 0 || guest.processGroup === group) guest.signals.raise(signal);
      }
    };
    known.set(key, terminal);
  }
  return terminal.open(kernel.openFiles, O_RDWR);
}
