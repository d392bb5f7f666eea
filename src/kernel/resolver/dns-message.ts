/**
 * Questions and answers of the DNS (RFC 1035) on the wire. The library reads and writes the bytes; what an answer means, and whether it
 * is one to our question at all, is decided here.
 */
import { decode, encode, RECURSION_DESIRED } from "@dnsquery/dns-packet";
import { parseIpv4 } from "../../base/ipv4-address.ts";

/** A chain of aliases longer than this is taken for a loop. */
const LONGEST_CHAIN = 16;
/** Addresses kept of one answer. */
const MOST_ADDRESSES = 64;
const HEADER_BYTES = 12;
const RCODE_MASK = 0x0f;
const RCODE_NO_ERROR = 0;
const RCODE_NAME_ERROR = 3;
export const RCODE_REFUSED = 5;

/** What came of one answer. */
export type DnsAnswer =
  /** Not an answer to this question: go on waiting for the right one. */
  | { kind: "mismatch" }
  /** Cut off, or the server does not keep the case of names: ask again over TCP. */
  | { kind: "truncated" }
  /** SERVFAIL, REFUSED and the like: another server may know. */
  | { kind: "failure"; rcode: number }
  /** The name is an alias of one that the answer does not go on to. */
  | { kind: "alias"; target: string; timeToLiveSeconds: number }
  /** NXDOMAIN, or a name without IPv4 addresses. */
  | { kind: "absent"; timeToLiveSeconds: number }
  | { kind: "found"; addresses: readonly number[]; timeToLiveSeconds: number };

const MISMATCH: DnsAnswer = { kind: "mismatch" };

/** The question for the IPv4 addresses of a name, recursion wanted. */
export function encodeQuestion(id: number, name: string): Uint8Array {
  return encode({ type: "query", id, flags: RECURSION_DESIRED, questions: [{ type: "A", class: "IN", name }] });
}

/** The name with the case of its letters chosen by `bits()` (32 random bits each time): a forger has to guess them too. */
export function mixCase(name: string, bits: () => number): string {
  let mixed = "";
  let word = 0;
  for (let k = 0; k < name.length; k++) {
    if (k % 32 === 0) word = bits();
    const letter = name[k] as string;
    mixed += ((word >>> (k % 32)) & 1) === 1 ? letter.toUpperCase() : letter;
  }
  return mixed;
}

/**
 * Whether a message may hold as many entries as its header says: a question takes 5 bytes at the least, a record 11. To be
 * asked before decoding, since the library makes room for what the header says.
 */
export function hasPlausibleCounts(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const count = (at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return 5 * count(4) + 11 * (count(6) + count(8) + count(10)) <= bytes.length - HEADER_BYTES;
}

/** Reads an answer to the question with this id and exactly this name. Never throws, whatever the bytes. */
export function readAnswer(bytes: Uint8Array, id: number, name: string, isTcp: boolean): DnsAnswer {
  if (!hasPlausibleCounts(bytes)) return MISMATCH;
  let packet: ReturnType<typeof decode>;
  try {
    packet = decode(bytes);
  } catch {
    return MISMATCH;
  }
  const [question] = packet.questions ?? [];
  const isOurs =
    packet.type === "response" &&
    packet.id === id &&
    ((packet.flags ?? 0) & 0x7800) === 0 &&
    packet.questions?.length === 1 &&
    question?.type === "A" &&
    (question.class ?? "IN") === "IN" &&
    question.name.toLowerCase() === name.toLowerCase();
  if (!isOurs || question === undefined) return MISMATCH;
  if (!isTcp && (packet.flag_tc === true || question.name !== name)) return { kind: "truncated" };
  const rcode = (packet.flags ?? 0) & RCODE_MASK;
  if (rcode !== RCODE_NO_ERROR && rcode !== RCODE_NAME_ERROR) return { kind: "failure", rcode };
  return followAliases(packet, name.toLowerCase(), rcode === RCODE_NAME_ERROR);
}

interface Record {
  readonly type: string;
  readonly name: string;
  readonly class?: unknown;
  readonly ttl?: number | undefined;
  readonly data?: unknown;
}

function followAliases(packet: ReturnType<typeof decode>, name: string, isNameError: boolean): DnsAnswer {
  const records = ((packet.answers ?? []) as unknown as Record[]).filter((record) => (record.class ?? "IN") === "IN");
  let current = name;
  let timeToLiveSeconds = Number.POSITIVE_INFINITY;
  for (let link = 0; link <= LONGEST_CHAIN; link++) {
    const here = records.filter((record) => record.name.toLowerCase() === current);
    const addresses: number[] = [];
    for (const record of here) {
      const address = record.type === "A" && typeof record.data === "string" ? parseIpv4(record.data) : undefined;
      if (address === undefined || addresses.length >= MOST_ADDRESSES) continue;
      addresses.push(address);
      timeToLiveSeconds = Math.min(timeToLiveSeconds, timeToLive(record));
    }
    if (addresses.length > 0) return { kind: "found", addresses, timeToLiveSeconds };
    const alias = here.find((record) => record.type === "CNAME" && typeof record.data === "string");
    if (alias === undefined) break;
    timeToLiveSeconds = Math.min(timeToLiveSeconds, timeToLive(alias));
    current = (alias.data as string).toLowerCase();
  }
  // RFC 2308 section 2.1: NXDOMAIN is about the last name of the chain.
  const negative = negativeTimeToLive(packet);
  if (isNameError || current === name || negative > 0) return { kind: "absent", timeToLiveSeconds: negative };
  return { kind: "alias", target: current, timeToLiveSeconds };
}

/** RFC 2181 section 8: a time to live with its highest bit set is zero. */
function timeToLive(record: Record): number {
  const seconds = record.ttl ?? 0;
  return seconds >= 0 && seconds < 0x8000_0000 ? seconds : 0;
}

/** RFC 2308 section 5: the smaller of the SOA's own time to live and its MINIMUM field; 0 without a SOA (not kept). */
function negativeTimeToLive(packet: ReturnType<typeof decode>): number {
  for (const record of (packet.authorities ?? []) as unknown as Record[]) {
    if (record.type !== "SOA") continue;
    const minimum = (record.data as { minimum?: number } | undefined)?.minimum ?? 0;
    return Math.max(0, Math.min(timeToLive(record), minimum));
  }
  return 0;
}
