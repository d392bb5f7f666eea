/** timerfd_create(2): a timer that is read. Tells how often it has run out since the last read. */
import { EAGAIN, EINVAL } from "../../abi/errno.ts";
import { O_RDWR } from "../../abi/file.ts";
import { POLLIN } from "../../abi/poll.ts";
import { Timer, type TimerHeap } from "../../base/timers.ts";
import { AnonymousFile, writeUint64 } from "./anonymous-file.ts";
import type { OpenFileCount } from "./open-file.ts";

/** What a timer needs of the kernel. */
export interface TimerHost {
  readonly timers: TimerHeap;
  now(): number;
  /** The earliest deadline may have changed. */
  requestTurn(): void;
}

export class TimerFile extends AnonymousFile {
  /** 0 for a timer that runs out once. */
  intervalMilliseconds = 0;
  /** CLOCK_REALTIME …: absolute times are meant on it. */
  readonly clock: number;
  private readonly host: TimerHost;
  private readonly timer: Timer;
  /** When it runs out next on the monotonic clock; Infinity while disarmed. */
  private deadline = Number.POSITIVE_INFINITY;
  /** Times it has run out since the last read. Those after the first are counted when someone reads. */
  private expirations = 0;

  constructor(files: OpenFileCount, host: TimerHost, clock: number, flags: number) {
    super("timerfd", files, flags | O_RDWR);
    this.host = host;
    this.clock = clock;
    this.timer = new Timer((now) => this.expired(now));
  }

  override get canWrite(): boolean {
    return false;
  }

  /** Arms for a monotonic deadline, Infinity to disarm. */
  set(deadline: number, intervalMilliseconds: number): void {
    this.deadline = deadline;
    this.intervalMilliseconds = intervalMilliseconds;
    this.expirations = 0;
    this.arm();
  }

  /** Milliseconds until it runs out next; 0 while disarmed. */
  leftMilliseconds(): number {
    const now = this.host.now();
    if (this.intervalMilliseconds > 0) this.advance(now);
    return this.deadline === Number.POSITIVE_INFINITY ? 0 : Math.max(1e-6, this.deadline - now);
  }

  override readiness(): number {
    return this.expirations > 0 ? POLLIN : 0;
  }

  override read(buffer: Uint8Array, offset: number, length: number): number {
    if (length < 8) return -EINVAL;
    if (this.expirations === 0) return -EAGAIN;
    this.advance(this.host.now());
    writeUint64(buffer, offset, BigInt(this.expirations));
    this.expirations = 0;
    // Between reads the heap is left alone: however short the interval, an unread timer costs nothing.
    this.arm();
    return 8;
  }

  private arm(): void {
    this.host.timers.arm(this.timer, this.deadline);
    this.host.requestTurn();
  }

  /** Counts the intervals that have passed up to now. */
  private advance(now: number): void {
    if (this.deadline > now) return;
    if (this.intervalMilliseconds === 0) {
      this.expirations++;
      this.deadline = Number.POSITIVE_INFINITY;
      return;
    }
    const passed = Math.floor((now - this.deadline) / this.intervalMilliseconds) + 1;
    this.expirations += passed;
    this.deadline += passed * this.intervalMilliseconds;
  }

  private expired(now: number): void {
    this.advance(now);
    this.notify(POLLIN);
  }

  protected release(): void {
    this.host.timers.disarm(this.timer);
  }
}
