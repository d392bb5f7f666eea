/** ITIMER_VIRTUAL or ITIMER_PROF of one process: setitimer(2). Runs while the process does: its kernel time is no time here. */

export class ProcessorTimer {
  readonly signal: number;
  /** 0 for a timer that runs once. */
  intervalMilliseconds = 0;
  /** In processor time of the process; Infinity while it is not set. */
  private deadline = Number.POSITIVE_INFINITY;

  constructor(signal: number) {
    this.signal = signal;
  }

  /** Sets or, with 0, stops it. `now` is the processor time used so far. */
  set(now: number, milliseconds: number, intervalMilliseconds: number): void {
    this.intervalMilliseconds = intervalMilliseconds;
    this.deadline = milliseconds === 0 ? Number.POSITIVE_INFINITY : now + milliseconds;
  }

  /** Time left until it runs out; 0 when it is not set. */
  leftMilliseconds(now: number): number {
    // getitimer(2): a timer that is set never reads as 0.
    return this.deadline === Number.POSITIVE_INFINITY ? 0 : Math.max(0.001, this.deadline - now);
  }

  /** Whether it has run out by now, once for any number of intervals; goes on to the next one. */
  hasExpired(now: number): boolean {
    if (now < this.deadline) return false;
    const interval = this.intervalMilliseconds;
    if (interval === 0) this.deadline = Number.POSITIVE_INFINITY;
    else this.deadline += (Math.floor((now - this.deadline) / interval) + 1) * interval;
    return true;
  }
}
