/**
 * The network runner, "thread 0" of the specification: the only loop that moves frames, expires timers and runs woken tasks.
 * It runs in microtasks, so that a wake-up costs little, and goes through the host's event loop after a budget, so that
 * programs that keep each other busy do not starve the host.
 */

/** How the host lets code run later. Time passes through here and nowhere else. */
export interface HostScheduler {
  /** Runs before the host looks at its own events. */
  microtask(callback: () => void): void;
  /** Runs after the host has looked at its own events. */
  macrotask(callback: () => void): void;
  /** Runs after a delay; what it returns cancels it. */
  timer(delayMilliseconds: number, callback: () => void): () => void;
  /** True when microtasks have gone on for long enough since the last macrotask. */
  shouldYield(): boolean;
  /** Keeps the host's process alive while `on`. */
  keepAlive(on: boolean): void;
  /** A virtual clock stands still between these two: something outside of the kernel is being waited for. */
  hold(): void;
  release(): void;
}

/** What the runner drives: one turn does a bounded amount of work. */
export interface Turnable {
  /** Returns true if there is more to do at once. */
  turn(): boolean;
  /** Monotonic milliseconds of the next deadline; Infinity when there is none. */
  nextDeadline(): number;
  now(): number;
}

export class Runner {
  private readonly scheduler: HostScheduler;
  private readonly kernel: Turnable;
  private scheduled = false;
  private stopped = false;
  private running = false;
  private timerDeadline = Number.POSITIVE_INFINITY;
  private cancelTimer: (() => void) | null = null;
  private readonly runTurn: () => void = () => this.turn();

  constructor(scheduler: HostScheduler, kernel: Turnable) {
    this.scheduler = scheduler;
    this.kernel = kernel;
  }

  /** Asks for a turn soon. Cheap when one is scheduled already. */
  request(): void {
    if (this.scheduled || this.running || this.stopped) return;
    this.scheduled = true;
    if (this.scheduler.shouldYield()) this.scheduler.macrotask(this.runTurn);
    else this.scheduler.microtask(this.runTurn);
  }

  stop(): void {
    this.stopped = true;
    this.cancelTimer?.();
    this.cancelTimer = null;
  }

  private turn(): void {
    this.scheduled = false;
    if (this.stopped) return;
    this.running = true;
    let more: boolean;
    try {
      more = this.kernel.turn();
    } finally {
      this.running = false;
    }
    if (more) {
      this.request();
      return;
    }
    this.armTimer();
  }

  /** One host timer for the whole kernel, moved only when the next deadline comes earlier than the one it is set for. */
  private armTimer(): void {
    const deadline = this.kernel.nextDeadline();
    if (deadline >= this.timerDeadline) return;
    this.cancelTimer?.();
    this.timerDeadline = deadline;
    this.cancelTimer = this.scheduler.timer(Math.max(0, deadline - this.kernel.now()), () => {
      this.timerDeadline = Number.POSITIVE_INFINITY;
      this.cancelTimer = null;
      this.turn();
    });
  }
}
