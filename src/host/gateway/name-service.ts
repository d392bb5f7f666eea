/**
 * Names as the host resolves them, for the guest: cached, bounded, and seen through what is granted. Every address that a
 * name leads to is learned by the grants here and nowhere else.
 */
import type { Clock } from "../../base/clock.ts";
import type { NetGrants } from "./grants.ts";
import type { HostRecord, HostResolver, Resolution } from "./host-sockets.ts";

/** "not-granted": nobody allowed the name. "blocked": it leads to special addresses only, which nobody allowed. */
export type NameAnswer =
  | Resolution<number>
  | { readonly status: "not-granted" }
  | { readonly status: "blocked"; readonly addresses: readonly number[] };

const MAXIMUM_CACHED = 1024;
/** Questions that the host may be busy with at once; getaddrinfo occupies a thread each. */
const MAXIMUM_IN_FLIGHT = 64;
const ABSENT_SECONDS = 5;
const SHORTEST_SECONDS = 5;
const LONGEST_SECONDS = 3600;

interface CacheEntry {
  readonly answer: NameAnswer;
  readonly expires: number;
}

export class NameService {
  private readonly resolver: HostResolver;
  private readonly grants: NetGrants;
  private readonly clock: Clock;
  private readonly cache = new Map<string, CacheEntry>();
  private readonly inFlight = new Map<string, Promise<NameAnswer>>();
  private recordsInFlight = 0;

  constructor(resolver: HostResolver, grants: NetGrants, clock: Clock) {
    this.resolver = resolver;
    this.grants = grants;
    this.clock = clock;
  }

  /** IPv4 addresses of a normalised name that the guest may be told. Never rejects. */
  addresses(name: string): Promise<NameAnswer> {
    if (!this.grants.allowsName(name)) return Promise.resolve({ status: "not-granted" });
    const cached = this.cached(name);
    if (cached !== undefined) return Promise.resolve(cached);
    const running = this.inFlight.get(name);
    if (running !== undefined) return running;
    if (this.inFlight.size >= MAXIMUM_IN_FLIGHT) return Promise.resolve({ status: "failed" });
    const asked = this.ask(name).finally(() => this.inFlight.delete(name));
    this.inFlight.set(name, asked);
    return asked;
  }

  /** Records of another type; not cached, the guest's resolver does that. Never rejects. */
  async records(name: string, type: string): Promise<Resolution<HostRecord>> {
    if (this.recordsInFlight >= MAXIMUM_IN_FLIGHT) return { status: "failed" };
    this.recordsInFlight++;
    try {
      return await this.resolver.records(name, type);
    } catch {
      return { status: "failed" };
    } finally {
      this.recordsInFlight--;
    }
  }

  /**
   * Resolves the names granted for this port that are not fresh, so that an address which the guest has from elsewhere is
   * known for what it is. Null when there is nothing to resolve.
   */
  refresh(port: number): Promise<unknown> | null {
    const stale = this.grants.namesFor(port).filter((name) => this.cached(name) === undefined);
    return stale.length === 0
      ? null
      : Promise.all(stale.slice(0, MAXIMUM_IN_FLIGHT).map((name) => this.addresses(name)));
  }

  private async ask(name: string): Promise<NameAnswer> {
    let answer: NameAnswer;
    try {
      answer = await this.resolver.addresses(name);
    } catch {
      answer = { status: "failed" };
    }
    // "failed" may pass at once: it is not kept.
    if (answer.status === "failed") return answer;
    let seconds = ABSENT_SECONDS;
    if (answer.status === "found") {
      const { values } = answer;
      seconds = Math.min(Math.max(answer.timeToLiveSeconds, SHORTEST_SECONDS), LONGEST_SECONDS);
      const usable = this.grants.learn(name, values, seconds, this.now());
      answer =
        usable.length === 0
          ? { status: "blocked", addresses: values }
          : { status: "found", values: usable, timeToLiveSeconds: seconds };
    }
    this.store(name, { answer, expires: this.now() + seconds * 1000 });
    return answer;
  }

  /** What is known and fresh, with the time to live that is left. */
  private cached(name: string): NameAnswer | undefined {
    const entry = this.cache.get(name);
    if (entry === undefined) return undefined;
    const left = entry.expires - this.now();
    if (left <= 0) {
      this.cache.delete(name);
      return undefined;
    }
    if (entry.answer.status !== "found") return entry.answer;
    return { ...entry.answer, timeToLiveSeconds: Math.ceil(left / 1000) };
  }

  private store(name: string, entry: CacheEntry): void {
    this.cache.delete(name);
    if (this.cache.size >= MAXIMUM_CACHED) this.cache.delete(this.cache.keys().next().value as string);
    this.cache.set(name, entry);
  }

  private now(): number {
    return this.clock.monotonicMilliseconds();
  }
}
