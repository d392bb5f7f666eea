/**
 * What the guest may reach. Addresses are granted as addresses, names by what the host's own resolver answers for them:
 * what the guest says about a name counts for nothing, so it cannot point a granted name at something else (DNS rebinding).
 */
import { formatIpv4, prefixMask } from "../../base/ipv4-address.ts";
import { isUnroutable, specialAddressKind } from "./address-ranges.ts";
import type { Grant, PortRange } from "./grant-syntax.ts";

type NameGrant = Extract<Grant, { kind: "name" }>;
type AddressGrant = Extract<Grant, { kind: "addresses" }>;

export interface NetGrantsOptions {
  /** The gateway's address, which stands for the host's loopback: a grant of it is one of 127.0.0.1. */
  gatewayAddress: number;
  /** True for an address of one of the host's interfaces: it is as near as loopback, and no firewall stands before it. */
  isOwnAddress?: (address: number) => boolean;
  /** How long an address stays granted after its name's time to live: whoever asked may still be connecting. */
  graceMilliseconds?: number;
  /** Addresses remembered for names at most; the oldest go first. */
  maximumAddresses?: number;
}

const LOOPBACK = 0x7f000001;
const MAXIMUM_NAMES_PER_ADDRESS = 16;

export class NetGrants {
  readonly grantsEverything: boolean;
  readonly grantsNothing: boolean;
  private readonly addressGrants: readonly AddressGrant[];
  private readonly nameGrants: readonly NameGrant[];
  private readonly isOwnAddress: (address: number) => boolean;
  private readonly graceMilliseconds: number;
  private readonly maximumAddresses: number;
  /** Address → granted name → until when, on the gateway's clock. */
  private readonly learned = new Map<number, Map<string, number>>();

  constructor(grants: readonly Grant[], options: NetGrantsOptions) {
    this.grantsEverything = grants.some(({ kind }) => kind === "everything");
    this.grantsNothing = grants.length === 0;
    this.nameGrants = grants.filter((grant) => grant.kind === "name");
    this.addressGrants = grants
      .filter((grant) => grant.kind === "addresses")
      .map((grant) =>
        grant.prefixLength === 32 && grant.network === options.gatewayAddress ? { ...grant, network: LOOPBACK } : grant,
      );
    this.isOwnAddress = options.isOwnAddress ?? (() => false);
    this.graceMilliseconds = options.graceMilliseconds ?? 300_000;
    this.maximumAddresses = options.maximumAddresses ?? 4096;
  }

  /** True when a host socket to this address (as the host sees it) and port may be opened now. */
  allows(address: number, port: number, nowMilliseconds: number): boolean {
    if (this.allowsAddress(address, port)) return true;
    const names = this.learned.get(address);
    if (names === undefined || !this.isPublic(address)) return false;
    for (const [name, until] of names) {
      if (
        until > nowMilliseconds &&
        this.nameGrants.some((grant) => covers(grant, name) && inRange(grant.ports, port))
      ) {
        return true;
      }
    }
    return false;
  }

  /** The same by grants of addresses alone; port 0 asks whether any port of it is granted. */
  allowsAddress(address: number, port: number): boolean {
    if (isUnroutable(address)) return false;
    if (this.grantsEverything) return true;
    return this.addressGrants.some(
      ({ network, prefixLength, ports }) =>
        (address & prefixMask(prefixLength)) >>> 0 === network && (port === 0 || inRange(ports, port)),
    );
  }

  /** True when the name (normalised) may be asked for. */
  allowsName(name: string): boolean {
    return this.grantsEverything || this.nameGrants.some((grant) => covers(grant, name));
  }

  /** The names without wildcard granted for this port: the host may be asked for them before the guest does. */
  namesFor(port: number): string[] {
    return this.nameGrants.filter((grant) => !grant.subdomains && inRange(grant.ports, port)).map(({ name }) => name);
  }

  /**
   * Takes note of what the host's resolver answered for a name, and returns the addresses that the guest may be told and
   * may then reach. Special addresses pass only if they are granted as addresses.
   */
  learn(name: string, addresses: readonly number[], timeToLiveSeconds: number, nowMilliseconds: number): number[] {
    if (!this.allowsName(name)) return [];
    const usable = addresses.filter((address) => this.allowsAddress(address, 0) || this.isPublic(address));
    if (this.grantsEverything) return usable;
    const until = nowMilliseconds + timeToLiveSeconds * 1000 + this.graceMilliseconds;
    for (const address of usable) {
      if (this.isPublic(address)) this.remember(address, name, until, nowMilliseconds);
    }
    return usable;
  }

  /** True where a name alone may lead: an address of the open network that is not the host's own. */
  isPublic(address: number): boolean {
    return specialAddressKind(address) === null && !this.isOwnAddress(address);
  }

  /** The granted name that led to this address, for messages. */
  nameOf(address: number): string | undefined {
    return this.learned.get(address)?.keys().next().value;
  }

  /** The flag that would have granted it: "--allow-net=93.184.216.34:80". */
  suggest(address: number, port: number): string {
    return `--allow-net=${this.nameOf(address) ?? formatIpv4(address)}:${port}`;
  }

  private remember(address: number, name: string, until: number, nowMilliseconds: number): void {
    let names = this.learned.get(address);
    if (names === undefined) {
      if (this.learned.size >= this.maximumAddresses) this.forget(nowMilliseconds);
      names = new Map();
    } else this.learned.delete(address); // stands last again
    this.learned.set(address, names);
    const before = names.get(name) ?? 0;
    names.delete(name);
    names.set(name, Math.max(before, until));
    if (names.size > MAXIMUM_NAMES_PER_ADDRESS) names.delete(names.keys().next().value as string);
  }

  /** Drops what has expired; if that was nothing, the address learned longest ago. */
  private forget(nowMilliseconds: number): void {
    for (const [address, names] of this.learned) {
      for (const [name, until] of names) if (until <= nowMilliseconds) names.delete(name);
      if (names.size === 0) this.learned.delete(address);
    }
    if (this.learned.size >= this.maximumAddresses) this.learned.delete(this.learned.keys().next().value as number);
  }
}

function covers(grant: NameGrant, name: string): boolean {
  return grant.subdomains ? name.endsWith(`.${grant.name}`) : name === grant.name;
}

function inRange(ports: PortRange, port: number): boolean {
  return port >= ports.first && port <= ports.last;
}
