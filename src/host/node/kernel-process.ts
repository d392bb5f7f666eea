/** A program as host code sees it: its streams, its end, and signals to it. */
import type { Readable, Writable } from "node:stream";
import { signalNumber } from "../../abi/signal.ts";
import type { ExitResult, Kernel } from "../../kernel/kernel.ts";
import type { Abi, Process } from "../../kernel/task/process.ts";

/**
 * What one of a program's first three descriptors is: "inherit" is the host's own, "ignore" is /dev/null, "pipe" gives a stream
 * on the KernelProcess. Text or bytes as stdin are what the program reads.
 */
export type StandardInput = "inherit" | "ignore" | "pipe" | string | Uint8Array;
export type StandardOutput = "inherit" | "ignore" | "pipe";

export interface SpawnOptions {
  /** Without the program's own name. */
  arguments?: readonly string[];
  /** Added to PATH, HOME and so on. */
  environment?: Readonly<Record<string, string>>;
  workingDirectory?: string;
  /** Default "ignore". */
  stdin?: StandardInput;
  /** Default "pipe". */
  stdout?: StandardOutput;
  /** Default "pipe". */
  stderr?: StandardOutput;
  abi?: Abi;
  /** "worker": a thread of its own, killable. Default "realm". */
  isolate?: "realm" | "worker";
}

/** What `output()` gives: all that a program printed, and how it ended. */
export interface ProgramOutput extends ExitResult {
  stdout: string;
  stderr: string;
}

export class KernelProcess {
  readonly pid: number;
  /** Settles when the program has ended; never rejects. */
  readonly exited: Promise<ExitResult>;
  /** Where "pipe" was asked for. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  private readonly kernel: Kernel;
  private readonly process: Process;

  constructor(
    kernel: Kernel,
    process: Process,
    stdin: Writable | null,
    stdout: Readable | null,
    stderr: Readable | null,
  ) {
    this.kernel = kernel;
    this.process = process;
    this.pid = process.processId;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.exited = kernel.exited(process);
  }

  /** Sends a signal, by name or number; default SIGTERM. Throws a RangeError for a signal that is none. */
  kill(signal: string | number = "SIGTERM"): void {
    const number = signalNumber(String(signal));
    if (number === undefined) throw new RangeError(`unknown signal ${signal}`);
    if (number !== 0) this.process.signals.raise(number);
  }

  /** Ends the program and all of its descendants at once, as cgroup.kill of Linux does. */
  killAll(): void {
    this.kernel.killGroup(this.process.group);
  }

  /** Reads stdout and stderr to their ends and waits for the exit. */
  async output(): Promise<ProgramOutput> {
    const [stdout, stderr, result] = await Promise.all([text(this.stdout), text(this.stderr), this.exited]);
    return { ...result, stdout, stderr };
  }
}

async function text(stream: Readable | null): Promise<string> {
  if (stream === null) return "";
  const decoder = new TextDecoder();
  let all = "";
  for await (const chunk of stream) all += decoder.decode(chunk as Uint8Array, { stream: true });
  return all + decoder.decode();
}
