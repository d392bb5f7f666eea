/** The routing table: longest prefix first, then lowest metric, then first come (RFC 1812 5.2.4.3). */
import { EEXIST, EINVAL, ESRCH } from "../../../abi/errno.ts";
import { prefixMask } from "../../../base/ipv4-address.ts";
import type { NetInterface } from "../interface.ts";

/** How a packet leaves: `nextHop` is the gateway or the destination itself; `source` what to put as source address. */
export interface Route {
  readonly netInterface: NetInterface;
  readonly nextHop: number;
  readonly source: number;
  /** Largest IP packet on the way's first link, at most 65,535. */
  readonly mtu: number;
}

export interface RouteEntry {
  readonly destination: number;
  readonly prefixLength: number;
  /** 0: the destination is on the link itself. */
  readonly gateway: number;
  readonly netInterface: NetInterface;
  /** Preferred source address; 0: the interface's. */
  readonly source: number;
  readonly metric: number;
}

export interface RouteOptions {
  destination: number;
  prefixLength: number;
  gateway?: number;
  netInterface: NetInterface;
  source?: number;
  metric?: number;
}

const MAXIMUM_ROUTES = 1024;

export class RouteTable {
  private readonly entries: RouteEntry[] = [];
  /** Grows with every change, so that who remembers a route can see that it may be stale. */
  generation = 0;

  /** 0, -EINVAL for bits set beyond the prefix or a prefix outside 0…32, -EEXIST for the same prefix and metric twice. */
  add(options: RouteOptions): number {
    const { destination, prefixLength, netInterface, gateway = 0, source = 0, metric = 0 } = options;
    if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > 32) return -EINVAL;
    if ((destination & ~prefixMask(prefixLength)) !== 0) return -EINVAL;
    if (this.entries.length >= MAXIMUM_ROUTES) return -EINVAL;
    const same = (e: RouteEntry): boolean =>
      e.destination === destination && e.prefixLength === prefixLength && e.metric === metric;
    if (this.entries.some(same)) return -EEXIST;
    let at = 0;
    for (; at < this.entries.length; at++) {
      const other = this.entries[at] as RouteEntry;
      if (other.prefixLength < prefixLength) break;
      if (other.prefixLength === prefixLength && other.metric > metric) break;
    }
    this.entries.splice(at, 0, { destination, prefixLength, gateway, netInterface, source, metric });
    this.generation++;
    return 0;
  }

  /** Removes the first route to this prefix (through this gateway and interface, where given); 0 or -ESRCH. */
  remove(options: {
    destination: number;
    prefixLength: number;
    gateway?: number;
    netInterface?: NetInterface;
    metric?: number;
  }): number {
    const at = this.entries.findIndex(
      (e) =>
        e.destination === options.destination &&
        e.prefixLength === options.prefixLength &&
        (options.gateway === undefined || e.gateway === options.gateway) &&
        (options.metric === undefined || e.metric === options.metric) &&
        (options.netInterface === undefined || e.netInterface === options.netInterface),
    );
    if (at < 0) return -ESRCH;
    this.entries.splice(at, 1);
    this.generation++;
    return 0;
  }

  /** The best route to an address whose interface is up; null when there is none. */
  lookup(address: number): RouteEntry | null {
    for (const entry of this.entries) {
      if (((address ^ entry.destination) & prefixMask(entry.prefixLength)) === 0 && entry.netInterface.isUp)
        return entry;
    }
    return null;
  }

  /** Best first. */
  list(): readonly RouteEntry[] {
    return this.entries;
  }
}
