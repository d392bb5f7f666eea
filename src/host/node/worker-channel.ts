/**
 * The gate between a worker and the kernel: one call at a time in shared memory. The worker writes number and arguments, sets
 * the state to REQUEST and waits; the kernel answers in place and sets it back. A call that has to wait is answered with a
 * ticket, and its result follows as a message.
 */

export const STATE = 0;
export const NUMBER = 1;
/** 0: the result is there. Otherwise the ticket under which it will come. */
export const TICKET = 2;
export const IDLE = 0;
export const REQUEST = 1;
const NUMBERS_BYTE_OFFSET = 32;
/** Six arguments, then the result. */
export const RESULT = 6;

export class WorkerChannel {
  readonly buffer: SharedArrayBuffer;
  readonly control: Int32Array;
  readonly values: Float64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(128)) {
    this.buffer = buffer;
    this.control = new Int32Array(buffer, 0, 8);
    this.values = new Float64Array(buffer, NUMBERS_BYTE_OFFSET, 7);
  }
}

/** What the worker is started with. */
export interface WorkerStart {
  channel: SharedArrayBuffer;
  memory: SharedArrayBuffer;
  abi: "linux" | "akuma";
  arguments: readonly string[];
  environment: readonly string[];
  heapBase: number;
  /** A program that the system brings along, by name; or a module of the user's, by URL. */
  builtin: string;
  moduleUrl: string | null;
}

/** Kernel → worker. */
export type ToWorker =
  | { kind: "result"; ticket: number; result: number }
  | { kind: "signal"; signal: number; token: number };

/** Worker → kernel, beside the calls. */
export type FromWorker = { kind: "handles-signals"; on: boolean } | { kind: "failed"; message: string };

/**
 * How long to spin before sleeping: a few microseconds while that succeeds (each side on a core of its own), nothing while it
 * does not, with a try now and then.
 */
export class AdaptiveSpin {
  private limitMilliseconds = 0.005;
  private skipped = 0;

  /** True if `isDone` turned true while spinning. */
  until(isDone: () => boolean): boolean {
    if (this.limitMilliseconds === 0) {
      if (++this.skipped < 64) return isDone();
      this.skipped = 0;
    }
    const end = performance.now() + 0.005;
    do {
      for (let k = 0; k < 32; k++) if (isDone()) return this.succeeded();
    } while (performance.now() < end);
    this.limitMilliseconds = 0;
    return false;
  }

  private succeeded(): boolean {
    this.limitMilliseconds = 0.005;
    return true;
  }
}
