/**
 * Which connections to look at when, in buckets of one second. A deadline that moves back, as it does with every request of
 * a busy connection, costs nothing: the connection is put into a later bucket only when its old one comes up.
 */

export interface Expiring {
  /** Milliseconds of the monotonic clock; Infinity for none. */
  deadline: number;
  /** The bucket it stands in, in seconds; -1 for none. Kept by Deadlines. */
  bucket: number;
}

export class Deadlines<Item extends Expiring> {
  private readonly buckets = new Map<number, Set<Item>>();
  private earliest = Number.POSITIVE_INFINITY;

  set(item: Item, deadline: number): void {
    item.deadline = deadline;
    const second = Math.ceil(deadline / 1000);
    if (item.bucket >= 0 && item.bucket <= second) return;
    this.remove(item);
    if (second !== Number.POSITIVE_INFINITY) this.put(item, second);
  }

  remove(item: Item): void {
    if (item.bucket < 0) return;
    const bucket = this.buckets.get(item.bucket);
    bucket?.delete(item);
    if (bucket?.size === 0) this.buckets.delete(item.bucket);
    item.bucket = -1;
  }

  /** Milliseconds until something may expire, at least 1; -1 where nothing can. As epoll_wait's timeout. */
  timeout(now: number): number {
    if (this.buckets.size === 0) return -1;
    return Math.max(1, Math.ceil(this.earliest * 1000 - now));
  }

  /** Calls for each item whose deadline has passed. It has no deadline then. */
  expire(now: number, onExpired: (item: Item) => void): void {
    if (now < this.earliest * 1000) return;
    for (const [second, bucket] of [...this.buckets]) {
      if (second * 1000 > now) continue;
      this.buckets.delete(second);
      for (const item of bucket) {
        item.bucket = -1;
        if (item.deadline <= now) onExpired(item);
        else if (item.deadline !== Number.POSITIVE_INFINITY) this.put(item, Math.ceil(item.deadline / 1000));
      }
    }
    this.earliest = Math.min(...this.buckets.keys());
  }

  private put(item: Item, second: number): void {
    let bucket = this.buckets.get(second);
    if (bucket === undefined) {
      bucket = new Set();
      this.buckets.set(second, bucket);
    }
    bucket.add(item);
    item.bucket = second;
    this.earliest = Math.min(this.earliest, second);
  }
}
