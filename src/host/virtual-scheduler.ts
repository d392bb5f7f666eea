/**
 * A scheduler whose time is virtual: when every kernel on it has nothing left to do, the clock jumps to the next deadline. Runs
 * are repeatable, and an hour of simulated time takes as long as the work in it. Give several kernels the same scheduler to
 * let them share one time.
 */
import { VirtualClock } from "../base/clock.ts";
import { Timer, TimerHeap } from "../base/timers.ts";
import type { HostScheduler } from "../kernel/runner.ts";

/** Turns in microtasks before the host's event loop is let in. A count, not a time, so that runs repeat. */
const TURNS_PER_SLICE = 64;

export interface HostQueues {
  microtask(callback: () => void): void;
  macrotask(callback: () => void): void;
}

export class VirtualScheduler implements HostScheduler {
  readonly clock: VirtualClock;
  private readonly host: HostQueues;
  private readonly timers = new TimerHeap();
  private readonly queue: (() => void)[] = [];
  private turns = 0;
  private holds = 0;
  private pumping = false;
  private stopped = false;

  constructor(host: HostQueues, clock: VirtualClock = new VirtualClock()) {
    this.host = host;
    this.clock = clock;
  }

  microtask(callback: () => void): void {
    this.turns++;
    this.host.microtask(callback);
  }

  macrotask(callback: () => void): void {
    this.queue.push(callback);
    this.pump();
  }

  timer(delayMilliseconds: number, callback: () => void): () => void {
    const timer = new Timer(callback);
    this.timers.arm(timer, this.clock.monotonicMilliseconds() + delayMilliseconds);
    this.pump();
    return () => this.timers.disarm(timer);
  }

  shouldYield(): boolean {
    return this.turns >= TURNS_PER_SLICE;
  }

  /** Virtual time needs no help to stay alive: the pump runs while deadlines are left. */
  keepAlive(_on: boolean): void {}

  hold(): void {
    this.holds++;
  }

  release(): void {
    this.holds--;
    this.pump();
  }

  /** Time stops for good: nothing fires any more. */
  stop(): void {
    this.stopped = true;
  }

  private pump(): void {
    if (this.pumping || this.stopped) return;
    this.pumping = true;
    this.host.macrotask(() => {
      this.pumping = false;
      this.step();
    });
  }

  /** One step of the host's event loop: first what was put off, and only when nothing is left, the next moment. */
  private step(): void {
    this.turns = 0;
    if (this.stopped) return;
    // Machine code spends time while it computes.
    this.timers.expire(this.clock.monotonicMilliseconds());
    const next = this.queue.shift();
    if (next !== undefined) next();
    else if (this.holds > 0) return;
    else {
      const deadline = this.timers.nextDeadline();
      if (deadline === Number.POSITIVE_INFINITY) return;
      this.clock.advanceTo(deadline);
      this.timers.expire(this.clock.monotonicMilliseconds());
    }
    if (this.queue.length > 0 || this.timers.size > 0) this.pump();
  }
}
