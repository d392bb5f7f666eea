/**
 * A bad link around a good one: loses, delays, reorders, duplicates and corrupts frames, and limits the rate, in either
 * direction. Every chance is drawn from the source of randomness it is given, so a run repeats.
 */
import type { Arena } from "../../../base/arena.ts";
import { nextBelow, nextFraction, type RandomSource } from "../../../base/random.ts";
import type { Device, FrameReceiver } from "./device.ts";

/** Probabilities are per frame, 0…1. */
export interface FaultProfile {
  loss?: number;
  duplicate?: number;
  /** One bit flipped, anywhere in the frame. */
  corrupt?: number;
  delayMilliseconds?: number;
  /** Added to the delay, evenly spread between 0 and this: frames overtake each other. */
  jitterMilliseconds?: number;
  /** Frames that skip the delay. */
  reorder?: number;
  /** Of the whole link; a frame holds the line for its length. */
  bytesPerSecond?: number;
}

export interface FaultOptions {
  arena: Arena;
  random: RandomSource;
  /** What happens to frames that are sent. */
  transmit?: FaultProfile;
  /** What happens to frames that arrive. */
  receive?: FaultProfile;
  /** Frames held back at most, both ways together; more are lost. Default 8,192. */
  queueLimit?: number;
}

interface HeldFrame {
  frame: number;
  length: number;
  direction: Direction;
  /** When it goes on. */
  at: number;
  order: number;
}

/** One way through the link. */
interface Direction {
  readonly profile: FaultProfile;
  readonly isDelaying: boolean;
  /** When the line is free again, under a rate limit. */
  freeAt: number;
  pass: FrameReceiver;
}

export class FaultyDevice implements Device {
  lost = 0;
  duplicated = 0;
  corrupted = 0;
  onNeedsPoll: (() => void) | null = null;
  private readonly inner: Device;
  private readonly arena: Arena;
  private readonly random: RandomSource;
  private readonly queueLimit: number;
  private readonly outward: Direction;
  private readonly inward: Direction;
  /** A binary heap by time, then order of arrival. */
  private readonly held: HeldFrame[] = [];
  /** Not stamped yet: the time is known in poll(). */
  private fresh: HeldFrame[] = [];
  private orders = 0;

  constructor(inner: Device, options: FaultOptions) {
    this.inner = inner;
    this.arena = options.arena;
    this.random = options.random;
    this.queueLimit = options.queueLimit ?? 8192;
    this.outward = direction(options.transmit ?? {}, (frame, length) => inner.transmit(frame, length));
    this.inward = direction(options.receive ?? {}, (frame) => this.arena.freeFrame(frame));
    inner.onNeedsPoll = () => this.onNeedsPoll?.();
  }

  get mtu(): number {
    return this.inner.mtu;
  }

  get linkType(): "ethernet" | "loopback" {
    return this.inner.linkType;
  }

  /** Frames on their way. */
  get heldFrames(): number {
    return this.held.length + this.fresh.length;
  }

  transmit(frame: number, length: number): void {
    this.apply(this.outward, frame, length);
  }

  attach(receive: FrameReceiver): void {
    this.inward.pass = receive;
    this.inner.attach((frame, length) => {
      const before = this.fresh.length;
      this.apply(this.inward, frame, length);
      if (this.fresh.length > before) this.onNeedsPoll?.();
    });
  }

  pollAt(): number {
    const inner = this.inner.pollAt?.() ?? Number.POSITIVE_INFINITY;
    if (this.fresh.length > 0) return Number.NEGATIVE_INFINITY;
    return Math.min(inner, this.held[0]?.at ?? Number.POSITIVE_INFINITY);
  }

  poll(nowMilliseconds: number): void {
    this.inner.poll?.(nowMilliseconds);
    if (this.fresh.length > 0) this.stamp(nowMilliseconds);
    for (;;) {
      const first = this.held[0];
      if (first === undefined || first.at > nowMilliseconds) return;
      this.popHeap();
      first.direction.pass(first.frame, first.length);
    }
  }

  close(): void {
    for (const { frame } of this.held.splice(0)) this.arena.freeFrame(frame);
    for (const { frame } of this.fresh.splice(0)) this.arena.freeFrame(frame);
    this.inner.close?.();
  }

  private apply(direction: Direction, frame: number, length: number): void {
    const { profile } = direction;
    if (this.chance(profile.loss)) {
      this.lost++;
      this.arena.freeFrame(frame);
      return;
    }
    if (this.chance(profile.corrupt)) {
      this.corrupted++;
      const bit = nextBelow(this.random, length * 8);
      const at = frame + (bit >> 3);
      this.arena.bytes[at] = (this.arena.bytes[at] as number) ^ (1 << (bit & 7));
    }
    let copy = 0;
    if (this.chance(profile.duplicate)) {
      copy = this.arena.allocateFrame(length);
      if (copy !== 0) {
        this.duplicated++;
        this.arena.copy(copy, frame, length);
      }
    }
    this.hold(direction, frame, length);
    if (copy !== 0) this.hold(direction, copy, length);
  }

  private hold(direction: Direction, frame: number, length: number): void {
    if (!direction.isDelaying || this.chance(direction.profile.reorder)) {
      direction.pass(frame, length);
      return;
    }
    if (this.heldFrames >= this.queueLimit) {
      this.lost++;
      this.arena.freeFrame(frame);
      return;
    }
    this.fresh.push({ frame, length, direction, at: 0, order: this.orders++ });
  }

  private stamp(now: number): void {
    const { fresh } = this;
    this.fresh = [];
    for (const item of fresh) {
      const { delayMilliseconds = 0, jitterMilliseconds = 0, bytesPerSecond } = item.direction.profile;
      let departure = now;
      if (bytesPerSecond !== undefined) {
        departure = Math.max(now, item.direction.freeAt) + (item.length * 1000) / bytesPerSecond;
        item.direction.freeAt = departure;
      }
      const jitter = jitterMilliseconds > 0 ? nextFraction(this.random) * jitterMilliseconds : 0;
      item.at = departure + delayMilliseconds + jitter;
      this.pushHeap(item);
    }
  }

  private chance(probability: number | undefined): boolean {
    return probability !== undefined && probability > 0 && nextFraction(this.random) < probability;
  }

  private pushHeap(item: HeldFrame): void {
    const { held } = this;
    let at = held.push(item) - 1;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = held[parentAt] as HeldFrame;
      if (!isEarlier(item, parent)) break;
      held[at] = parent;
      at = parentAt;
    }
    held[at] = item;
  }

  private popHeap(): void {
    const { held } = this;
    const item = held.pop();
    if (item === undefined || held.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= held.length) break;
      const right = held[childAt + 1];
      if (right !== undefined && isEarlier(right, held[childAt] as HeldFrame)) childAt++;
      const child = held[childAt] as HeldFrame;
      if (!isEarlier(child, item)) break;
      held[at] = child;
      at = childAt;
    }
    held[at] = item;
  }
}

function direction(profile: FaultProfile, pass: FrameReceiver): Direction {
  const { delayMilliseconds = 0, jitterMilliseconds = 0, bytesPerSecond } = profile;
  const isDelaying = delayMilliseconds > 0 || jitterMilliseconds > 0 || bytesPerSecond !== undefined;
  return { profile, isDelaying, freeAt: Number.NEGATIVE_INFINITY, pass };
}

function isEarlier(a: HeldFrame, b: HeldFrame): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
