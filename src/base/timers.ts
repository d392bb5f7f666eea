/**
 * Deadlines in a binary heap: cost follows what is due, not how many wait. Knows no clock; `expire(now)` is told the time.
 */

/** A deadline and what happens then. Keep the object and arm it again: nothing is allocated per arming. */
export class Timer {
  /** Milliseconds on the kernel's monotonic clock; Infinity while not armed. */
  deadline: number = Number.POSITIVE_INFINITY;
  /** Index in the heap; -1 while not armed. */
  position = -1;
  /** Ties are broken by arming order, so that runs repeat. */
  order = 0;
  readonly fire: (nowMilliseconds: number) => void;

  constructor(fire: (nowMilliseconds: number) => void) {
    this.fire = fire;
  }
}

export class TimerHeap {
  private readonly heap: Timer[] = [];
  private orders = 0;

  get size(): number {
    return this.heap.length;
  }

  /** Deadline of the earliest timer; Infinity when none is armed. */
  nextDeadline(): number {
    const first = this.heap[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first.deadline;
  }

  /** Arms or re-arms. A deadline of Infinity disarms. */
  arm(timer: Timer, deadline: number): void {
    if (deadline === Number.POSITIVE_INFINITY) {
      this.disarm(timer);
      return;
    }
    const before = timer.deadline;
    timer.deadline = deadline;
    timer.order = this.orders++;
    if (timer.position < 0) {
      timer.position = this.heap.length;
      this.heap.push(timer);
      this.siftUp(timer.position);
    } else if (deadline < before) this.siftUp(timer.position);
    else this.siftDown(timer.position);
  }

  disarm(timer: Timer): void {
    const at = timer.position;
    if (at < 0) return;
    timer.position = -1;
    timer.deadline = Number.POSITIVE_INFINITY;
    const last = this.heap.pop() as Timer;
    if (last === timer) return;
    this.heap[at] = last;
    last.position = at;
    this.siftUp(at);
    this.siftDown(last.position);
  }

  /** Fires everything due at `now`, earliest first; returns how many fired. A timer armed again by its own callback waits for the next call. */
  expire(nowMilliseconds: number): number {
    let fired = 0;
    const limit = this.orders;
    for (;;) {
      const first = this.heap[0];
      if (first === undefined || first.deadline > nowMilliseconds || first.order >= limit) return fired;
      this.disarm(first);
      fired++;
      first.fire(nowMilliseconds);
    }
  }

  private earlier(a: Timer, b: Timer): boolean {
    return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
  }

  private siftUp(from: number): void {
    const timer = this.heap[from] as Timer;
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.heap[parentAt] as Timer;
      if (!this.earlier(timer, parent)) break;
      this.heap[at] = parent;
      parent.position = at;
      at = parentAt;
    }
    this.heap[at] = timer;
    timer.position = at;
  }

  private siftDown(from: number): void {
    const timer = this.heap[from] as Timer;
    const length = this.heap.length;
    let at = from;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= length) break;
      let child = this.heap[childAt] as Timer;
      const right = this.heap[childAt + 1];
      if (right !== undefined && this.earlier(right, child)) {
        child = right;
        childAt++;
      }
      if (!this.earlier(child, timer)) break;
      this.heap[at] = child;
      child.position = at;
      at = childAt;
    }
    this.heap[at] = timer;
    timer.position = at;
  }
}
