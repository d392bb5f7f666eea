/** The timers of one process that timer_create(2) makes: each raises a signal when it runs out, or only counts. */
import { EAGAIN } from "../../abi/errno.ts";
import { SI_TIMER } from "../../abi/signal.ts";
import { DELAYTIMER_MAX } from "../../abi/time.ts";
import { Timer } from "../../base/timers.ts";
import type { Process } from "./process.ts";
import { signalBit } from "./signal-queue.ts";
import type { Thread } from "./thread.ts";

/** Linux bounds them by RLIMIT_SIGPENDING. */
const TIMERS_MAXIMUM = 1024;
/** An interval shorter than this would keep the kernel busy with nothing else; what it misses is counted as overruns. */
const SHORTEST_INTERVAL_MILLISECONDS = 0.1;

/** What happens when a timer runs out: struct sigevent. */
export interface TimerEvent {
  /** 0 for none. */
  readonly signal: number;
  readonly value: bigint;
  /** SIGEV_THREAD_ID: who alone gets the signal. */
  readonly thread: Thread | null;
}

export class PosixTimer {
  readonly identifier: number;
  /** Absolute times are meant on it. */
  readonly clock: number;
  /** 0 for a timer that runs out once. */
  intervalMilliseconds = 0;
  private readonly process: Process;
  private readonly event: TimerEvent;
  private readonly timer: Timer;
  /** When it runs out next on the monotonic clock; Infinity while disarmed. */
  private deadline = Number.POSITIVE_INFINITY;
  /** Times that it ran out while its signal was pending still, and those of the signal that came last. */
  private missed = 0;
  private overruns = 0;

  constructor(process: Process, identifier: number, clock: number, event: TimerEvent) {
    this.process = process;
    this.identifier = identifier;
    this.clock = clock;
    this.event = event;
    this.timer = new Timer((now) => this.expired(now));
  }

  /** Arms for a monotonic deadline, Infinity to disarm. */
  set(deadline: number, intervalMilliseconds: number): void {
    this.deadline = deadline;
    this.intervalMilliseconds = intervalMilliseconds;
    this.missed = this.overruns = 0;
    const { system } = this.process;
    if (this.event.signal === 0) {
      // Nobody is told: its state follows from the time.
      system.timers.disarm(this.timer);
      return;
    }
    system.timers.arm(this.timer, deadline);
    system.requestTurn();
  }

  /** Milliseconds until it runs out next; 0 while disarmed. */
  leftMilliseconds(): number {
    const now = this.process.system.now();
    if (this.event.signal === 0) this.advance(now);
    return this.deadline === Number.POSITIVE_INFINITY ? 0 : Math.max(1e-6, this.deadline - now);
  }

  /** timer_getoverrun(2). */
  get overrunCount(): number {
    return Math.min(this.overruns, DELAYTIMER_MAX);
  }

  release(): void {
    this.process.system.timers.disarm(this.timer);
  }

  /** Moves the deadline behind `now`; how often it has run out. */
  private advance(now: number): number {
    if (this.deadline > now) return 0;
    if (this.intervalMilliseconds === 0) {
      this.deadline = Number.POSITIVE_INFINITY;
      return 1;
    }
    const passed = Math.floor((now - this.deadline) / this.intervalMilliseconds) + 1;
    this.deadline += passed * this.intervalMilliseconds;
    return passed;
  }

  private expired(now: number): void {
    const { process, event } = this;
    const count = this.advance(now);
    const next = Math.max(this.deadline, now + SHORTEST_INTERVAL_MILLISECONDS);
    if (this.deadline !== Number.POSITIVE_INFINITY) process.system.timers.arm(this.timer, next);
    if (count === 0) return;
    const { signal, value, thread } = event;
    const pending = thread === null ? process.signals.pending : thread.pending.set;
    if ((pending & signalBit(signal)) !== 0n) {
      this.missed += count;
      return;
    }
    this.overruns = this.missed + count - 1;
    this.missed = 0;
    // Where other signals have the sender's ids, these have the timer's and the overruns (timer_create(2)).
    const information = { code: SI_TIMER, processId: this.identifier, userId: this.overrunCount, status: 0, value };
    process.signals.raise(signal, information, thread);
  }
}

export class PosixTimers {
  private readonly process: Process;
  private readonly timers = new Map<number, PosixTimer>();
  private nextIdentifier = 0;

  constructor(process: Process) {
    this.process = process;
  }

  create(clock: number, makeEvent: (identifier: number) => TimerEvent): PosixTimer | number {
    if (this.timers.size >= TIMERS_MAXIMUM) return -EAGAIN;
    const identifier = this.nextIdentifier;
    this.nextIdentifier = (identifier + 1) & 0x7fff_ffff;
    if (this.timers.has(identifier)) return -EAGAIN;
    const timer = new PosixTimer(this.process, identifier, clock, makeEvent(identifier));
    this.timers.set(identifier, timer);
    return timer;
  }

  get(identifier: number): PosixTimer | null {
    return this.timers.get(identifier) ?? null;
  }

  delete(timer: PosixTimer): void {
    timer.release();
    this.timers.delete(timer.identifier);
  }

  /** At exec and exit. */
  clear(): void {
    for (const timer of this.timers.values()) timer.release();
    this.timers.clear();
  }
}
