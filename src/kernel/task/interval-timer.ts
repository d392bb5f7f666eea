/** ITIMER_REAL of one process: setitimer(2). Raises SIGALRM when it runs out, and again every interval. */
import { SIGALRM } from "../../abi/signal.ts";
import { Timer } from "../../base/timers.ts";
import type { Process } from "./process.ts";

/** An interval shorter than this would keep the kernel busy with nothing else. */
const SHORTEST_INTERVAL_MILLISECONDS = 0.1;

export class IntervalTimer {
  /** 0 for a timer that runs once. */
  intervalMilliseconds = 0;
  private readonly process: Process;
  private readonly timer: Timer;

  constructor(process: Process) {
    this.process = process;
    this.timer = new Timer((now) => this.expired(now));
  }

  /** Time left until it runs out; 0 when it is not set. */
  get leftMilliseconds(): number {
    const { deadline } = this.timer;
    if (deadline === Number.POSITIVE_INFINITY) return 0;
    // getitimer(2): a timer that is set never reads as 0.
    return Math.max(0.001, deadline - this.process.system.now());
  }

  /** Sets or, with 0, stops it. */
  set(milliseconds: number, intervalMilliseconds: number): void {
    const { system } = this.process;
    this.intervalMilliseconds = intervalMilliseconds;
    system.timers.arm(this.timer, milliseconds === 0 ? Number.POSITIVE_INFINITY : system.now() + milliseconds);
    system.requestTurn();
  }

  private expired(now: number): void {
    if (this.intervalMilliseconds > 0) {
      const interval = Math.max(SHORTEST_INTERVAL_MILLISECONDS, this.intervalMilliseconds);
      this.process.system.timers.arm(this.timer, now + interval);
    }
    this.process.signals.raise(SIGALRM);
  }
}
