/** The host's own stdin, stdout and stderr as files of the guest: terminals where they are some, plain streams elsewhere. */
import type { Buffer } from "node:buffer";
import { O_RDWR } from "../../abi/file.ts";
import type { OpenFile } from "../../kernel/file/open-file.ts";
import { type HostTerminal, Terminal } from "../../kernel/file/terminal.ts";
import type { Kernel } from "../../kernel/kernel.ts";

/** Columns and rows where the host does not say. */
const USUAL_SIZE = { columns: 80, rows: 24 };

/** One end of the host: what is typed comes from stdin, what is printed goes to `output`. */
class NodeTerminal implements HostTerminal {
  readonly isTerminal: boolean;
  isClosed = false;
  onInput: ((bytes: Uint8Array | null) => void) | null = null;
  onDrain: (() => void) | null = null;
  onResize: (() => void) | null = null;
  private readonly output: NodeJS.WriteStream;
  private isReading = false;
  private hasEnded = false;

  constructor(output: NodeJS.WriteStream, isTerminal: boolean) {
    this.output = output;
    this.isTerminal = isTerminal;
    output.on("drain", () => this.onDrain?.());
    // EPIPE: whoever read our output has gone.
    output.on("error", () => {
      this.isClosed = true;
      this.onDrain?.();
    });
    if (isTerminal) output.on("resize", () => this.onResize?.());
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
  const streams = [process.stdin, process.stdout, process.stderr] as const;
  const isTerminal = streams[descriptor].isTTY === true;
  const key = isTerminal ? "terminal" : descriptor;
  let terminal = known.get(key);
  if (terminal === undefined) {
    const output = isTerminal ? (process.stdout.isTTY ? process.stdout : process.stderr) : streams[descriptor || 1];
    terminal = new Terminal(new NodeTerminal(output as NodeJS.WriteStream, isTerminal));
    terminal.onSignal = (signal, group) => {
      for (const guest of [...kernel.processes.all()]) {
        if (group === 0 || guest.processGroup === group) guest.signals.raise(signal);
      }
    };
    known.set(key, terminal);
  }
  return terminal.open(kernel.openFiles, O_RDWR);
}
