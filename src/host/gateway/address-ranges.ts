/**
 * Which IPv4 addresses a name may lead to. A name is whatever its owner's name server answers today; an address that is
 * private, of the host itself, or of the link is reached only by someone who was granted that address.
 */
import { formatIpv4, parseIpv4, prefixMask } from "../../base/ipv4-address.ts";

interface AddressRange {
  readonly network: number;
  readonly mask: number;
  readonly kind: string;
}

/** The blocks of IANA's IPv4 Special-Purpose Address Registry (RFC 6890) that are not globally reachable, and multicast. */
const SPECIAL_RANGES: readonly AddressRange[] = [
  ["0.0.0.0", 8, "this-network"],
  ["10.0.0.0", 8, "private"],
  ["100.64.0.0", 10, "shared"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "link-local"],
  ["172.16.0.0", 12, "private"],
  ["192.0.0.0", 24, "protocol-assignment"],
  ["192.0.2.0", 24, "documentation"],
  ["192.88.99.0", 24, "relay"],
  ["192.168.0.0", 16, "private"],
  ["198.18.0.0", 15, "benchmarking"],
  ["198.51.100.0", 24, "documentation"],
  ["203.0.113.0", 24, "documentation"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"],
].map(([text, prefixLength, kind]) => {
  const network = parseIpv4(text as string) as number;
  return { network, mask: prefixMask(prefixLength as number), kind: kind as string };
});

/** "private", "loopback", "link-local", "multicast" …; null for an address that is globally reachable. */
export function specialAddressKind(address: number): string | null {
  for (const { network, mask, kind } of SPECIAL_RANGES) {
    if ((address & mask) >>> 0 === network) return kind;
  }
  return null;
}

/** True where no host socket may ever be opened to, whatever was granted: no unicast address of another host or of this one. */
export function isUnroutable(address: number): boolean {
  return address >>> 24 === 0 || address >>> 24 >= 224;
}

/** "192.168.1.7 (private)" or "93.184.216.34". */
export function describeAddress(address: number): string {
  const kind = specialAddressKind(address);
  return kind === null ? formatIpv4(address) : `${formatIpv4(address)} (${kind})`;
}
