/** Answers of name servers for as long as they said, positive and negative (RFC 2308), a bounded number of them. */

export interface CachedAnswer {
  /** Empty for a name that does not exist or has no IPv4 address. */
  readonly addresses: readonly number[];
  /** Monotonic milliseconds. */
  readonly expires: number;
}

/** Longer times to live are cut: a day for addresses, an hour for names that do not exist (RFC 2308 section 5). */
const LONGEST_POSITIVE_MILLISECONDS = 86_400_000;
const LONGEST_NEGATIVE_MILLISECONDS = 3_600_000;

export class AnswerCache {
  readonly maximum: number;
  /** In order of their entry; the oldest goes first. */
  private readonly answers = new Map<string, CachedAnswer>();

  constructor(maximum: number) {
    this.maximum = maximum;
  }

  get size(): number {
    return this.answers.size;
  }

  find(name: string, now: number): CachedAnswer | null {
    const answer = this.answers.get(name);
    if (answer === undefined) return null;
    if (answer.expires > now) return answer;
    this.answers.delete(name);
    return null;
  }

  keep(name: string, addresses: readonly number[], timeToLiveSeconds: number, now: number): void {
    const longest = addresses.length > 0 ? LONGEST_POSITIVE_MILLISECONDS : LONGEST_NEGATIVE_MILLISECONDS;
    const milliseconds = Math.min(timeToLiveSeconds * 1000, longest);
    if (milliseconds <= 0 || this.maximum <= 0) return;
    this.answers.delete(name);
    if (this.answers.size >= this.maximum) {
      const oldest = this.answers.keys().next();
      if (oldest.done !== true) this.answers.delete(oldest.value);
    }
    this.answers.set(name, { addresses, expires: now + milliseconds });
  }

  clear(): void {
    this.answers.clear();
  }
}
