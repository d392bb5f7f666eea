/**
 * The kernel's stub resolver: names to IPv4 addresses. Numbers, localhost and /etc/hosts are answered at once, the rest by name servers
 * over the kernel's own UDP and TCP, with a cache. Nothing here waits: a Lookup tells by its queue when it is done.
 *
 * Errors are for the caller of resolve_host: -EINVAL (no name at all), -ENOENT (no such name, or no IPv4 address), -EAGAIN (servers
 * failed, none is configured, or too many lookups at once: try later), -EACCES (the servers refuse this name: it is not
 * granted), -ETIMEDOUT (no server answered), -ENETUNREACH, -ECONNREFUSED and their kin (no way to any server).
 */
import { EAGAIN, EINVAL, ENOENT } from "../../abi/errno.ts";
import { INADDR_LOOPBACK } from "../../abi/socket.ts";
import { parseIpv4 } from "../../base/ipv4-address.ts";
import type { RandomSource } from "../../base/random.ts";
import type { TimerHeap } from "../../base/timers.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import type { NetStack } from "../net/stack.ts";
import { AnswerCache } from "./answer-cache.ts";
import type { DnsAnswer } from "./dns-message.ts";
import { DnsQuery } from "./dns-query.ts";
import { isLocalhost, isNeverAsked, normalizeHostName } from "./host-name.ts";
import { HostsFile } from "./hosts-file.ts";

/** What the resolver lives on; the kernel's System has it all. */
export interface ResolverHost {
  readonly net: NetStack;
  readonly timers: TimerHeap;
  readonly random: RandomSource;
  now(): number;
  /** Asks for the timers to be looked at soon. */
  requestTurn(): void;
}

export interface ResolverOptions {
  /** Addresses in host order, asked in this order. Default 10.0.2.3, the gateway's. */
  nameservers?: readonly number[];
  /** The text of /etc/hosts as of now. */
  readHosts?: () => string;
  /** Mixes the case of names at random and demands it back. Default true. */
  mixesCase?: boolean;
  /** How long the first round waits for each server; every further round waits twice as long. Default 2,000. */
  timeoutMilliseconds?: number;
  /** How often each server is asked. Default 3. */
  rounds?: number;
  /** Names in the cache. Default 1,024; 0 keeps none. */
  cacheEntries?: number;
  /** Names asked about at once; further lookups fail with -EAGAIN. Default 256. */
  maximumQueries?: number;
}

export const DEFAULT_NAMESERVER = 0x0a000203;
/** Aliases that are followed by asking again. */
const LONGEST_ALIAS_CHAIN = 8;

/** One question and, once it is done, its answer. Shared by all who ask for the same name meanwhile. */
export class Lookup {
  readonly name: string;
  isDone = false;
  /** 0, or a negative errno. */
  result = 0;
  addresses: readonly number[] = [];
  /** Fires when the lookup is done. */
  readonly events: WaitQueue = new WaitQueue();

  constructor(name: string) {
    this.name = name;
  }

  finish(result: number, addresses: readonly number[]): void {
    this.isDone = true;
    this.result = result;
    this.addresses = addresses;
    this.events.wake();
  }
}

export class Resolver {
  readonly host: ResolverHost;
  readonly nameservers: readonly number[];
  readonly mixesCase: boolean;
  readonly timeoutMilliseconds: number;
  readonly rounds: number;
  readonly cache: AnswerCache;
  private readonly hosts: HostsFile;
  private readonly maximumQueries: number;
  /** Lookups under way, by name. */
  private readonly pending = new Map<string, Lookup>();

  constructor(host: ResolverHost, options: ResolverOptions = {}) {
    this.host = host;
    this.nameservers = options.nameservers ?? [DEFAULT_NAMESERVER];
    this.mixesCase = options.mixesCase ?? true;
    this.timeoutMilliseconds = options.timeoutMilliseconds ?? 2000;
    this.rounds = options.rounds ?? 3;
    this.cache = new AnswerCache(options.cacheEntries ?? 1024);
    this.maximumQueries = options.maximumQueries ?? 256;
    this.hosts = new HostsFile(options.readHosts ?? (() => ""));
  }

  /** How many names are being asked about. */
  get pendingQueries(): number {
    return this.pending.size;
  }

  /** Begins to resolve a name; done at once where no server has to be asked. */
  lookup(text: string): Lookup {
    const numeric = parseIpv4(text);
    if (numeric !== undefined) return finished(text, 0, [numeric]);
    const name = normalizeHostName(text);
    if (name === undefined) return finished(text, -EINVAL, []);
    if (isLocalhost(name)) return finished(name, 0, [INADDR_LOOPBACK]);
    const listed = this.hosts.find(name);
    if (listed !== null) return finished(name, 0, listed);
    if (isNeverAsked(name)) return finished(name, -ENOENT, []);
    const cached = this.cache.find(name, this.host.now());
    if (cached !== null) return finished(name, cached.addresses.length > 0 ? 0 : -ENOENT, cached.addresses);
    const under = this.pending.get(name);
    if (under !== undefined) return under;
    if (this.nameservers.length === 0 || this.pending.size >= this.maximumQueries) return finished(name, -EAGAIN, []);
    const lookup = new Lookup(name);
    this.pending.set(name, lookup);
    this.ask(lookup, name, Number.POSITIVE_INFINITY, 0);
    return lookup;
  }

  /** Asks the servers for `name`, which `lookup.name` is an alias of after `links` steps. */
  private ask(lookup: Lookup, name: string, timeToLiveSeconds: number, links: number): void {
    new DnsQuery(this, name, (answer) => this.answered(lookup, answer, timeToLiveSeconds, links)).start();
  }

  private answered(lookup: Lookup, answer: DnsAnswer | number, timeToLiveSeconds: number, links: number): void {
    if (typeof answer === "number") {
      this.finish(lookup, answer, []);
      return;
    }
    switch (answer.kind) {
      case "found": {
        const seconds = Math.min(timeToLiveSeconds, answer.timeToLiveSeconds);
        this.cache.keep(lookup.name, answer.addresses, seconds, this.host.now());
        this.finish(lookup, 0, answer.addresses);
        return;
      }
      case "absent": {
        const seconds = Math.min(timeToLiveSeconds, answer.timeToLiveSeconds);
        this.cache.keep(lookup.name, [], seconds, this.host.now());
        this.finish(lookup, -ENOENT, []);
        return;
      }
      case "alias": {
        const seconds = Math.min(timeToLiveSeconds, answer.timeToLiveSeconds);
        const target = normalizeHostName(answer.target);
        if (target === undefined || links >= LONGEST_ALIAS_CHAIN) this.finish(lookup, -EAGAIN, []);
        else this.ask(lookup, target, seconds, links + 1);
        return;
      }
      default:
        this.finish(lookup, -EAGAIN, []);
    }
  }

  private finish(lookup: Lookup, result: number, addresses: readonly number[]): void {
    this.pending.delete(lookup.name);
    lookup.finish(result, addresses);
  }
}

function finished(name: string, result: number, addresses: readonly number[]): Lookup {
  const lookup = new Lookup(name);
  lookup.finish(result, addresses);
  return lookup;
}
