/** A token bucket: so many at once, so many a second in the long run. */
export class TokenBucket {
  private readonly perMillisecond: number;
  private readonly burst: number;
  private tokens: number;
  private last: number = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, burst: number) {
    this.perMillisecond = perSecond / 1000;
    this.burst = burst;
    this.tokens = burst;
  }

  /** Takes one token; false when there is none. */
  take(nowMilliseconds: number): boolean {
    if (nowMilliseconds > this.last) {
      const gained = (nowMilliseconds - this.last) * this.perMillisecond;
      this.tokens = Math.min(this.burst, this.tokens + gained);
      this.last = nowMilliseconds;
    }
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }
}
