/**
 * A set of small numbers that finds the lowest absent one fast: a bit for each number, and above it a bit for each full word.
 * Ten thousand descriptors in use cost ten words of search, not ten thousand steps.
 */

const FULL = -1;

export class NumberBitmap {
  private words: Int32Array = new Int32Array(8);
  /** Bit k of word j: words[32 j + k] is full. */
  private summary: Int32Array = new Int32Array(1);

  has(number: number): boolean {
    return (((this.words[number >>> 5] ?? 0) >>> (number & 31)) & 1) !== 0;
  }

  add(number: number): void {
    const at = number >>> 5;
    if (at >= this.words.length) this.grow(at + 1);
    const word = (this.words[at] as number) | (1 << (number & 31));
    this.words[at] = word;
    if (word === FULL) this.summary[at >>> 5] = (this.summary[at >>> 5] as number) | (1 << (at & 31));
  }

  remove(number: number): void {
    const at = number >>> 5;
    if (at >= this.words.length) return;
    this.words[at] = (this.words[at] as number) & ~(1 << (number & 31));
    this.summary[at >>> 5] = (this.summary[at >>> 5] as number) & ~(1 << (at & 31));
  }

  /** The lowest number from `from` on that is not in the set. */
  lowestAbsent(from = 0): number {
    let at = from >>> 5;
    if (at >= this.words.length) return from;
    // What lies below `from` in its word counts as taken.
    const first = (this.words[at] as number) | ((1 << (from & 31)) - 1);
    if (first !== FULL) return at * 32 + lowestZero(first);
    at++;
    for (let group = at >>> 5; group < this.summary.length; group++) {
      let full = this.summary[group] as number;
      if (group === at >>> 5) full |= (1 << (at & 31)) - 1;
      if (full === FULL) continue;
      const word = group * 32 + lowestZero(full);
      return word >= this.words.length ? word * 32 : word * 32 + lowestZero(this.words[word] as number);
    }
    return this.summary.length * 1024;
  }

  private grow(wanted: number): void {
    let length = this.words.length;
    while (length < wanted) length *= 2;
    const words = new Int32Array(length);
    words.set(this.words);
    this.words = words;
    const summary = new Int32Array(Math.ceil(length / 32));
    summary.set(this.summary);
    this.summary = summary;
  }
}

function lowestZero(word: number): number {
  const zeros = ~word;
  return 31 - Math.clz32(zeros & -zeros);
}
