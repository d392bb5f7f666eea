/** A set of numbers as sorted, disjoint, half-open ranges: touching ones become one. */

export class RangeSet {
  /** start, end, start, end … */
  private bounds: number[] = [];

  get isEmpty(): boolean {
    return this.bounds.length === 0;
  }

  /** How many numbers are in the set. */
  get size(): number {
    let sum = 0;
    for (let k = 0; k < this.bounds.length; k += 2) sum += (this.bounds[k + 1] as number) - (this.bounds[k] as number);
    return sum;
  }

  clear(): void {
    this.bounds.length = 0;
  }

  add(start: number, end: number): void {
    if (start >= end) return;
    const first = this.indexOf(start, true);
    let last = first;
    let from = start;
    let to = end;
    while (last < this.bounds.length && (this.bounds[last] as number) <= end) {
      from = Math.min(from, this.bounds[last] as number);
      to = Math.max(to, this.bounds[last + 1] as number);
      last += 2;
    }
    if (last === first + 2) {
      this.bounds[first] = from;
      this.bounds[first + 1] = to;
    } else this.bounds.splice(first, last - first, from, to);
  }

  addAll(other: RangeSet): void {
    other.forEach((start, end) => {
      this.add(start, end);
    });
  }

  remove(start: number, end: number): void {
    if (start >= end) return;
    const first = this.indexOf(start, false);
    let last = first;
    const left: number[] = [];
    while (last < this.bounds.length && (this.bounds[last] as number) < end) {
      const from = this.bounds[last] as number;
      const to = this.bounds[last + 1] as number;
      if (from < start) left.push(from, start);
      if (to > end) left.push(end, to);
      last += 2;
    }
    if (last > first) this.bounds.splice(first, last - first, ...left);
  }

  /** How many numbers of [start, end) are in the set. */
  overlap(start: number, end: number): number {
    let sum = 0;
    for (let k = this.indexOf(start, false); k < this.bounds.length; k += 2) {
      const from = this.bounds[k] as number;
      if (from >= end) break;
      sum += Math.min(end, this.bounds[k + 1] as number) - Math.max(start, from);
    }
    return sum;
  }

  /** The parts of [start, end) that are in the set, in order. The set must not change meanwhile. */
  forEachWithin(start: number, end: number, visit: (start: number, end: number) => void): void {
    if (start >= end) return;
    for (let k = this.indexOf(start, false); k < this.bounds.length; k += 2) {
      const from = this.bounds[k] as number;
      if (from >= end) break;
      visit(Math.max(start, from), Math.min(end, this.bounds[k + 1] as number));
    }
  }

  forEach(visit: (start: number, end: number) => void): void {
    for (let k = 0; k < this.bounds.length; k += 2) visit(this.bounds[k] as number, this.bounds[k + 1] as number);
  }

  /** Index of the first range that ends behind `at`, or with `touching` at it. */
  private indexOf(at: number, touching: boolean): number {
    let low = 0;
    let high = this.bounds.length >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const end = this.bounds[2 * middle + 1] as number;
      if (end > at || (touching && end === at)) high = middle;
      else low = middle + 1;
    }
    return 2 * low;
  }
}
