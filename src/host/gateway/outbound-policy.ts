/** Decides what becomes of a guest's attempt to reach something outside, and tells the operator what was refused. */
import type { Clock } from "../../base/clock.ts";
import { formatIpv4 } from "../../base/ipv4-address.ts";
import { describeAddress, isUnroutable } from "./address-ranges.ts";
import type { NetGrants } from "./grants.ts";
import type { NameService } from "./name-service.ts";

export interface OutboundPolicyOptions {
  grants: NetGrants;
  names: NameService;
  clock: Clock;
  /** Stands for the host's loopback. */
  gatewayAddress: number;
  dnsAddress: number;
  /** One line each, without its end. */
  log: (message: string) => void;
}

const LOOPBACK = 0x7f000001;
/** Destinations remembered as told; and lines at once and per second, so that a scan does not flood the log. */
const MAXIMUM_REMEMBERED = 1024;
const BURST = 10;
const LINES_PER_SECOND = 1;

export class OutboundPolicy {
  private readonly options: OutboundPolicyOptions;
  private readonly told = new Set<string>();
  private tokens = BURST;
  private tokensAt = 0;
  private suppressed = 0;

  constructor(options: OutboundPolicyOptions) {
    this.options = options;
  }

  /** The address as the host knows it. */
  hostAddress(destination: number): number {
    return destination === this.options.gatewayAddress ? LOOPBACK : destination;
  }

  /** True or false, or a promise of it where names have to be resolved first. A refusal is logged. */
  decide(destination: number, port: number, protocol: "tcp" | "udp"): boolean | Promise<boolean> {
    const { grants, names, dnsAddress } = this.options;
    const address = this.hostAddress(destination);
    if (port === 0 || destination === dnsAddress || isUnroutable(address)) return false;
    if (grants.allows(address, port, this.now())) return true;
    const refreshed = names.refresh(port);
    if (refreshed === null) return this.refuse(address, port, protocol);
    return refreshed.then(() => grants.allows(address, port, this.now()) || this.refuse(address, port, protocol));
  }

  /** Whether 127.0.0.1 on this port, where nothing in the guest listens, is the host's. If not, the operator reads why. */
  forwardsLoopback(port: number, protocol: "tcp" | "udp"): boolean {
    if (this.options.grants.allowsAddress(LOOPBACK, port)) return true;
    this.tell(
      `${protocol} inside ${port}`,
      `nothing in the guest listens on ${protocol} port ${port} of 127.0.0.1; the host's is reached with --allow-net=127.0.0.1:${port}`,
    );
    return false;
  }

  refusedEcho(destination: number): void {
    const why = "pings end at the gateway; --allow-net grants TCP and UDP";
    this.tell(`echo ${destination}`, `refused ping to ${describeAddress(destination)}: ${why}`);
  }

  refusedName(name: string): void {
    this.tell(`name ${name}`, `refused to look up ${name}: not granted; allow it with --allow-net=${name}`);
  }

  /** A granted name that leads inside only. */
  blockedName(name: string, addresses: readonly number[]): void {
    const first = addresses[0] ?? 0;
    this.tell(
      `blocked ${name}`,
      `refused ${name}: it is ${describeAddress(first)}, which a name alone does not grant; allow it with --allow-net=${name},${formatIpv4(first)}`,
    );
  }

  private refuse(address: number, port: number, protocol: "tcp" | "udp"): false {
    this.tell(
      `${protocol} ${address} ${port}`,
      `refused ${protocol} to ${describeAddress(address)} port ${port}: not granted; allow it with ${this.options.grants.suggest(address, port)}`,
    );
    return false;
  }

  private tell(key: string, message: string): void {
    if (this.told.has(key)) return;
    const now = this.now();
    this.tokens = Math.min(BURST, this.tokens + ((now - this.tokensAt) / 1000) * LINES_PER_SECOND);
    this.tokensAt = now;
    if (this.tokens < 1) {
      this.suppressed++;
      return;
    }
    this.tokens--;
    if (this.told.size >= MAXIMUM_REMEMBERED) this.told.clear();
    this.told.add(key);
    const more = this.suppressed > 0 ? ` (and ${this.suppressed} more refused)` : "";
    this.suppressed = 0;
    this.options.log(`net: ${message}${more}`);
  }

  private now(): number {
    return this.options.clock.monotonicMilliseconds();
  }
}
