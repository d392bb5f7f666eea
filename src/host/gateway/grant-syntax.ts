/**
 * The list behind --allow-net: what may be reached, as the user writes it.
 *
 *     example.com   example.com:443   *.example.com:8000-8099   192.0.2.7:53   10.0.0.0/8   localhost:9000
 */
import { parseIpv4, prefixMask } from "../../base/ipv4-address.ts";

/** Both ends included; 1…65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export type Grant =
  | { readonly kind: "everything" }
  | { readonly kind: "addresses"; readonly network: number; readonly prefixLength: number; readonly ports: PortRange }
  /** `subdomains`: every name below `name`, at any depth, but not `name` itself. */
  | { readonly kind: "name"; readonly name: string; readonly subdomains: boolean; readonly ports: PortRange };

/** A grant that cannot be read; the message says what is wrong and how to write it. */
export class GrantSyntaxError extends Error {
  override name = "GrantSyntaxError";
}

const EVERY_PORT: PortRange = { first: 1, last: 65_535 };
const LOOPBACK = 0x7f000001;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Grants of a comma-separated list; `true` (the flag without a value) grants everything, `false` and "" nothing. */
export function parseGrants(list: string | boolean): Grant[] {
  if (list === true) return [{ kind: "everything" }];
  if (list === false) return [];
  return list
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map(parseGrant);
}

/**
 * The name in lower case without its final dot, if it is one that a host may have: letters, digits, hyphens, underscores,
 * at most 253 bytes, and not ending in a number (RFC 1123 2.1: such a "name" would be read as an address). Else undefined.
 */
export function normalizeHostName(text: string): string | undefined {
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  if (name.length === 0 || name.length > 253) return undefined;
  const labels = name.split(".");
  if (!labels.every((label) => LABEL.test(label))) return undefined;
  // What C libraries read as a number: 1, 0x7f, 017.
  if (/^(?:\d+|0x[0-9a-f]*)$/.test(labels.at(-1) as string)) return undefined;
  return name;
}

function parseGrant(item: string): Grant {
  if (item.includes("://")) {
    throw new GrantSyntaxError(`"${item}" is a URL: grant its host and port, such as example.com:443`);
  }
  if (item.startsWith("[") || item.split(":").length > 2) {
    throw new GrantSyntaxError(`"${item}" looks like an IPv6 address: only IPv4 can be granted so far`);
  }
  const [host = "", portText] = item.split(":");
  const ports = portText === undefined ? EVERY_PORT : parsePorts(portText, item);
  if (host.includes("/")) return parseNetwork(host, ports, item);
  const address = parseIpv4(host);
  if (address !== undefined) return { kind: "addresses", network: address, prefixLength: 32, ports };
  const subdomains = host.startsWith("*.");
  const name = normalizeHostName(subdomains ? host.slice(2) : host);
  if (name === undefined) {
    throw new GrantSyntaxError(
      `"${item}" is no host to grant: write example.com, *.example.com, 192.0.2.7 or 10.0.0.0/8, each with :PORT or :FIRST-LAST if you like`,
    );
  }
  // RFC 6761 6.3: localhost is the loopback address, and no name server is asked for it.
  if (name === "localhost" && !subdomains) return { kind: "addresses", network: LOOPBACK, prefixLength: 32, ports };
  return { kind: "name", name, subdomains, ports };
}

function parseNetwork(text: string, ports: PortRange, item: string): Grant {
  const [addressText = "", lengthText = "", ...rest] = text.split("/");
  const address = parseIpv4(addressText);
  const prefixLength = /^\d{1,2}$/.test(lengthText) ? Number(lengthText) : 33;
  if (address === undefined || prefixLength > 32 || rest.length > 0) {
    throw new GrantSyntaxError(`"${item}" is no network: write it as 10.0.0.0/8`);
  }
  const network = (address & prefixMask(prefixLength)) >>> 0;
  if (network !== address) {
    throw new GrantSyntaxError(`"${item}" has bits set behind its prefix: did you mean /32, or another address?`);
  }
  return { kind: "addresses", network, prefixLength, ports };
}

function parsePorts(text: string, item: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? match?.[1] ?? 0);
  if (match === null || first < 1 || last > 65_535 || first > last) {
    throw new GrantSyntaxError(`"${item}" has no usable port: write a number from 1 to 65535, or FIRST-LAST`);
  }
  return { first, last };
}
