/** The host's own stdin, stdout and stderr as files of the guest: a terminal where they are one, plain streams elsewhere. */
import type { Buffer } from "node:buffer";
import { isatty, WriteStream } from "node:tty";
import { O_RDWR } from "../../abi/file.ts";
import { SIGTSTP } from "../../abi/signal.ts";
import { type HostStream, SharedHostStream } from "../../kernel/file/host-stream.ts";
import type { HostTerminal } from "../../kernel/file/host-terminal.ts";
import type { OpenFile } from "../../kernel/file/open-file.ts";
import type { Terminal, WindowSize } from "../../kernel/file/terminal.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { isOrphanedGroup } from "../../kernel/task/job-control.ts";
import { openPath } from "../../kernel/vfs/open-path.ts";

/** Columns and rows where the host does not say. */
const USUAL_SIZE: WindowSize = { columns: 80, rows: 24, widthPixels: 0, heightPixels: 0 };
/** Ctrl-], so often within so long: the way out of a guest that takes every other key for itself. */
const ESCAPE_CHARACTER = 0x1d;
const ESCAPE_COUNT = 3;
const ESCAPE_MILLISECONDS = 1000;
const SUSPEND_MILLISECONDS = 50;

/** One end of the host: what is typed comes from stdin, what is printed goes to stdout or stderr. */
class NodeStream implements HostStream {
  isClosed = false;
  onInput: ((bytes: Uint8Array | null) => void) | null = null;
  onDrain: (() => void) | null = null;
  private readonly openOutput: () => NodeJS.WriteStream;
  private stream: NodeJS.WriteStream | null = null;
  private isReading = false;
  private hasEnded = false;

  constructor(openOutput: () => NodeJS.WriteStream) {
    this.openOutput = openOutput;
  }

  /** Node makes its standard streams when they are first touched, which takes milliseconds each. */
  protected get output(): NodeJS.WriteStream {
    if (this.stream !== null) return this.stream;
    const stream = this.openOutput();
    this.stream = stream;
    stream.on("drain", () => this.onDrain?.());
    // EPIPE: whoever read our output has gone.
    stream.on("error", () => {
      this.isClosed = true;
      this.onDrain?.();
    });
    return stream;
  }

  write(bytes: Uint8Array): boolean {
    return this.output.write(bytes);
  }

  setInputFlow(on: boolean): void {
    const { stdin } = process;
    if (!this.isReading && on) {
      this.isReading = true;
      stdin.on("data", (chunk: Buffer) => this.received(chunk));
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

  protected received(chunk: Uint8Array): void {
    this.onInput?.(chunk);
  }
}

class NodeTerminal extends NodeStream implements HostTerminal {
  onResize: (() => void) | null = null;
  /** The user wants out. */
  onEscape: (() => void) | null = null;
  private isRaw = false;
  private escapes: number[] = [];
  private readonly resized = (): void => this.onResize?.();

  constructor(openOutput: () => NodeJS.WriteStream) {
    super(openOutput);
    process.on("SIGWINCH", this.resized);
    // Stopped and continued: whoever had the terminal meanwhile has set it as he liked, and may have another size.
    process.on("SIGCONT", () => {
      if (this.isRaw) {
        this.applyRawMode(false);
        this.applyRawMode(true);
      }
      this.resized();
    });
  }

  get windowSize(): WindowSize {
    const [columns, rows] = this.output.getWindowSize?.() ?? [0, 0];
    return { ...USUAL_SIZE, columns: columns || USUAL_SIZE.columns, rows: rows || USUAL_SIZE.rows };
  }

  setRawMode(on: boolean): void {
    this.isRaw = on;
    this.applyRawMode(on);
  }

  /** Stops this process and whoever runs it, as Ctrl-Z does on a terminal in its usual mode. */
  suspend(): void {
    if (this.isRaw) this.applyRawMode(false);
    process.kill(0, "SIGTSTP");
    // By then it has stopped, and was continued; or nobody could continue it, and Linux did not stop it.
    setTimeout(() => {
      if (this.isRaw) this.applyRawMode(true);
    }, SUSPEND_MILLISECONDS).unref();
  }

  /** SIGHUP came: has the terminal gone? */
  checkHangUp(): boolean {
    const isGone = ![0, 1, 2].some((descriptor) => isatty(descriptor));
    if (isGone) this.onInput?.(null);
    return isGone;
  }

  protected override received(chunk: Uint8Array): void {
    super.received(chunk);
    for (const byte of chunk) {
      if (byte !== ESCAPE_CHARACTER) {
        this.escapes.length = 0;
        continue;
      }
      const now = performance.now();
      this.escapes.push(now);
      if (this.escapes.length > ESCAPE_COUNT) this.escapes.shift();
      if (this.escapes.length < ESCAPE_COUNT || now - (this.escapes[0] as number) > ESCAPE_MILLISECONDS) continue;
      this.escapes.length = 0;
      this.onEscape?.();
    }
  }

  private applyRawMode(on: boolean): void {
    if (process.stdin.isTTY) process.stdin.setRawMode(on);
  }
}

interface HostStreams {
  terminal: { shown: Terminal; host: NodeTerminal } | null;
  readonly streams: Map<number, SharedHostStream>;
}

/** Per kernel: the terminal that all descriptors which are one share, and the streams that are none. */
const known = new WeakMap<Kernel, HostStreams>();

function streamsOf(kernel: Kernel): HostStreams {
  let found = known.get(kernel);
  if (found === undefined) {
    found = { terminal: null, streams: new Map() };
    known.set(kernel, found);
  }
  return found;
}

/** The terminal that a kernel's programs have been given, with what the host can do to it; null where there is none. */
export function hostTerminal(kernel: Kernel): { shown: Terminal; host: NodeTerminal } | null {
  return known.get(kernel)?.terminal ?? null;
}

function openTerminal(): NodeJS.WriteStream {
  if (isatty(1)) return process.stdout;
  return isatty(2) ? process.stderr : (new WriteStream(0) as NodeJS.WriteStream & { fd: 1 });
}

/** A file of the guest for the host's descriptor 0, 1 or 2. */
export function hostFile(kernel: Kernel, descriptor: 0 | 1 | 2): OpenFile {
  const found = streamsOf(kernel);
  if (isatty(descriptor)) {
    found.terminal ??= addTerminal(kernel);
    const file = openPath(kernel.fileSystem, `/dev/pts/${found.terminal.shown.number}`, O_RDWR);
    if (typeof file === "number") throw new Error("the terminal is not in /dev/pts");
    return file;
  }
  let stream = found.streams.get(descriptor);
  if (stream === undefined) {
    stream = new SharedHostStream(new NodeStream(() => (descriptor === 2 ? process.stderr : process.stdout)));
    found.streams.set(descriptor, stream);
  }
  return stream.open(kernel.openFiles);
}

function addTerminal(kernel: Kernel): { shown: Terminal; host: NodeTerminal } {
  const host = new NodeTerminal(openTerminal);
  const shown = kernel.terminals.addHostTerminal(host);
  if (typeof shown === "number") throw new Error("there are too many terminals");
  const send = shown.onSignal;
  shown.onSignal = (signal, group) => {
    // Nobody in the guest could continue what is stopped here: Ctrl-Z is for the host's shell.
    if (signal === SIGTSTP && isOrphanedGroup(kernel, group)) host.suspend();
    else send?.(signal, group);
  };
  return { shown, host };
}
