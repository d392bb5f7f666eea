/** Time is an argument. The host passes its clock; a repeatable run passes a virtual one. */

export interface Clock {
  /** Milliseconds since some fixed point, never going back; fractions allowed. */
  monotonicMilliseconds(): number;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  realtimeMilliseconds(): number;
  /** Work has been done that takes so long. Absent where time passes by itself meanwhile. */
  spend?(milliseconds: number): void;
}

/** Stands still until it is told to move on. */
export class VirtualClock implements Clock {
  private elapsed = 0;
  private readonly epoch: number;

  constructor(epochMilliseconds = 1_700_000_000_000) {
    this.epoch = epochMilliseconds;
  }

  monotonicMilliseconds(): number {
    return this.elapsed;
  }

  realtimeMilliseconds(): number {
    return this.epoch + this.elapsed;
  }

  spend(milliseconds: number): void {
    this.elapsed += milliseconds;
  }

  /** Moves on to the given monotonic time; never backwards. */
  advanceTo(milliseconds: number): void {
    if (milliseconds > this.elapsed) this.elapsed = milliseconds;
  }
}
