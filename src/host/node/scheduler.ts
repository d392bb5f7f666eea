/** The runner's scheduler on Node: microtasks while the budget lasts, then setImmediate, so that host I/O gets its turn. */
import type { HostScheduler } from "../../kernel/runner.ts";

/** How long kernel work may go on in microtasks before Node's event loop is let in. */
const BUDGET_MILLISECONDS = 0.25;
/** setTimeout's own limit; later deadlines are armed again when this one has passed. */
const LONGEST_DELAY_MILLISECONDS = 0x7fff_ffff;

export class NodeScheduler implements HostScheduler {
  private sliceStarted = 0;
  private sliceIsOpen = false;
  private keepAliveTimer: NodeJS.Timeout | null = null;

  microtask(callback: () => void): void {
    if (!this.sliceIsOpen) this.openSlice();
    queueMicrotask(callback);
  }

  macrotask(callback: () => void): void {
    this.sliceIsOpen = false;
    setImmediate(callback);
  }

  /** The timer does not keep Node alive by itself; `keepAlive` does while programs run. */
  timer(delayMilliseconds: number, callback: () => void): () => void {
    if (delayMilliseconds > LONGEST_DELAY_MILLISECONDS) {
      if (delayMilliseconds === Number.POSITIVE_INFINITY) return () => {};
      let cancel = (): void => {};
      const first = setTimeout(() => {
        cancel = this.timer(delayMilliseconds - LONGEST_DELAY_MILLISECONDS, callback);
      }, LONGEST_DELAY_MILLISECONDS);
      cancel = () => clearTimeout(first);
      return () => cancel();
    }
    // Node rounds down to whole milliseconds; a deadline must not be met too early.
    const timer = setTimeout(callback, Math.ceil(delayMilliseconds)).unref();
    return () => clearTimeout(timer);
  }

  shouldYield(): boolean {
    return this.sliceIsOpen && performance.now() - this.sliceStarted > BUDGET_MILLISECONDS;
  }

  keepAlive(on: boolean): void {
    if (on) this.keepAliveTimer ??= setInterval(() => {}, LONGEST_DELAY_MILLISECONDS);
    else if (this.keepAliveTimer !== null) {
      clearInterval(this.keepAliveTimer);
      this.keepAliveTimer = null;
    }
  }

  hold(): void {}

  release(): void {}

  /** A slice begins with the first microtask and ends when the event loop has come round. */
  private openSlice(): void {
    this.sliceIsOpen = true;
    this.sliceStarted = performance.now();
    setImmediate(() => {
      this.sliceIsOpen = false;
    });
  }
}
