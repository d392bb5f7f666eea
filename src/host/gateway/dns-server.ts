/**
 * The name server at 10.0.2.3: answers the guest's questions (RFC 1035) with what the host's resolver says, for the names that
 * are granted. One message in, one message out; the transports are dns-transport.ts's.
 */
import * as dns from "@dnsquery/dns-packet";
import { formatIpv4 } from "../../base/ipv4-address.ts";
import { normalizeHostName } from "./grant-syntax.ts";
import type { NetGrants } from "./grants.ts";
import type { HostRecord } from "./host-sockets.ts";
import type { NameService } from "./name-service.ts";
import type { OutboundPolicy } from "./outbound-policy.ts";

type Query = ReturnType<typeof dns.decode>;

const RCODE_FORMAT_ERROR = 1;
const RCODE_SERVER_FAILURE = 2;
const RCODE_NAME_ERROR = 3;
const RCODE_NOT_IMPLEMENTED = 4;
const RCODE_REFUSED = 5;

const HEADER_BYTES = 12;
/** RFC 1035 4.2.1; with EDNS the guest says more, and gets at most what RFC 9715 finds safe. */
const PLAIN_UDP_BYTES = 512;
const LARGEST_UDP_BYTES = 1232;
const REVERSE_SUFFIX = ".in-addr.arpa";

/** Types the host's resolver is asked for as they are; for the others there is no data. */
const RECORD_TYPES = new Set(["CNAME", "MX", "NS", "TXT", "SRV", "SOA", "CAA"]);

interface Outcome {
  rcode: number;
  answers: readonly HostRecord[];
}

const NO_DATA: Outcome = { rcode: 0, answers: [] };

export class DnsServer {
  private readonly names: NameService;
  private readonly grants: NetGrants;
  private readonly policy: OutboundPolicy;

  constructor(names: NameService, grants: NetGrants, policy: OutboundPolicy) {
    this.names = names;
    this.grants = grants;
    this.policy = policy;
  }

  /** The answer to one message; null for what deserves none (answers, fragments of headers). Never rejects. */
  async answer(message: Uint8Array, transport: "udp" | "tcp"): Promise<Uint8Array | null> {
    if (message.length < HEADER_BYTES || (message[2] as number) >= 0x80) return null;
    const opcode = ((message[2] as number) >> 3) & 15;
    if (opcode !== 0) return bareAnswer(message, RCODE_NOT_IMPLEMENTED);
    const query = readQuery(message);
    if (query === null) return bareAnswer(message, RCODE_FORMAT_ERROR);
    const outcome = await this.resolve(query).catch(() => ({ rcode: RCODE_SERVER_FAILURE, answers: [] }));
    try {
      return encode(query, outcome, transport);
    } catch {
      // A record that the library cannot write.
      return bareAnswer(message, RCODE_SERVER_FAILURE);
    }
  }

  private async resolve(query: Query): Promise<Outcome> {
    const question = query.questions?.[0];
    if (question === undefined || question.class !== "IN") return { rcode: RCODE_REFUSED, answers: [] };
    const { type } = question;
    const name = normalizeHostName(question.name);
    // No host is called that: 10.1, a name with a zero byte, the root.
    if (name === undefined) return { rcode: RCODE_NAME_ERROR, answers: [] };
    if (name.endsWith(REVERSE_SUFFIX)) return this.reverse(name, type);
    if (!this.grants.allowsName(name) && name !== "localhost") {
      this.policy.refusedName(name);
      return { rcode: RCODE_REFUSED, answers: [] };
    }
    if (type === "A" || type === "AAAA" || type === "ANY") return this.addresses(name, type);
    if (!RECORD_TYPES.has(type)) return NO_DATA;
    const found = await this.names.records(name, type);
    if (found.status === "failed") return { rcode: RCODE_SERVER_FAILURE, answers: [] };
    if (found.status === "absent") return { rcode: found.nameExists ? 0 : RCODE_NAME_ERROR, answers: [] };
    return { rcode: 0, answers: found.values.map((record) => withTime(record, found.timeToLiveSeconds)) };
  }

  private async addresses(name: string, type: string): Promise<Outcome> {
    // RFC 6761 6.3: localhost is answered by whoever is asked.
    const found =
      name === "localhost"
        ? { status: "found" as const, values: [0x7f000001], timeToLiveSeconds: 3600 }
        : await this.names.addresses(name);
    switch (found.status) {
      case "found": {
        // IPv6 stays inside: there is no data of type AAAA, and the name exists.
        if (type === "AAAA") return NO_DATA;
        const answers = found.values.map((address) => ({ type: "A", data: formatIpv4(address) }));
        return { rcode: 0, answers: answers.map((record) => withTime(record, found.timeToLiveSeconds)) };
      }
      case "blocked":
        this.policy.blockedName(name, found.addresses);
        return { rcode: RCODE_REFUSED, answers: [] };
      case "absent":
        return { rcode: found.nameExists ? 0 : RCODE_NAME_ERROR, answers: [] };
      case "failed":
        return { rcode: RCODE_SERVER_FAILURE, answers: [] };
      case "not-granted":
        return { rcode: RCODE_REFUSED, answers: [] };
    }
  }

  /** Names of addresses, for those that may be reached. */
  private async reverse(name: string, type: string): Promise<Outcome> {
    const address = reverseAddress(name);
    if (address === undefined) return { rcode: RCODE_NAME_ERROR, answers: [] };
    if (type !== "PTR") return NO_DATA;
    const known = this.grants.nameOf(address);
    if (known !== undefined) return { rcode: 0, answers: [{ type, data: known, timeToLiveSeconds: 60 }] };
    if (!this.grants.allowsAddress(address, 0)) return { rcode: RCODE_REFUSED, answers: [] };
    const found = await this.names.records(name, "PTR");
    if (found.status === "failed") return { rcode: RCODE_SERVER_FAILURE, answers: [] };
    if (found.status === "absent") return { rcode: found.nameExists ? 0 : RCODE_NAME_ERROR, answers: [] };
    return { rcode: 0, answers: found.values.map((record) => withTime(record, found.timeToLiveSeconds)) };
  }
}

/** One question and nothing in the other sections but additional records; null otherwise. */
function readQuery(message: Uint8Array): Query | null {
  const count = (at: number): number => ((message[at] as number) << 8) | (message[at + 1] as number);
  if (count(4) !== 1 || count(6) !== 0 || count(8) !== 0 || count(10) > 4) return null;
  try {
    return dns.decode(message);
  } catch {
    return null;
  }
}

/** 0x01020304 for "4.3.2.1.in-addr.arpa" (RFC 1035 3.5). */
function reverseAddress(name: string): number | undefined {
  const labels = name.slice(0, -REVERSE_SUFFIX.length).split(".");
  if (labels.length !== 4 || !labels.every((label) => /^(?:0|[1-9]\d{0,2})$/.test(label) && Number(label) < 256)) {
    return undefined;
  }
  return labels.reduceRight((address, label) => address * 256 + Number(label), 0);
}

function encode(query: Query, outcome: Outcome, transport: "udp" | "tcp"): Uint8Array {
  const question = query.questions?.[0] as dns.Question;
  const edns = query.additionals?.find((record) => record.type === "OPT");
  const claimed = edns === undefined ? 0 : (edns as unknown as { udpPayloadSize: number }).udpPayloadSize;
  const limit = transport === "tcp" ? 65_535 : Math.min(Math.max(claimed, PLAIN_UDP_BYTES), LARGEST_UDP_BYTES);
  const write = (answers: readonly HostRecord[], flags: number): Uint8Array =>
    dns.encode({
      type: "response",
      id: query.id ?? 0,
      flags: flags | outcome.rcode,
      questions: [question],
      answers: answers.map(
        ({ type, data, timeToLiveSeconds }) =>
          ({ type, name: question.name, class: "IN", ttl: timeToLiveSeconds ?? 0, data }) as dns.Answer,
      ),
      additionals: edns === undefined ? [] : [OPT_RECORD],
    });
  const flags = ((query.flags ?? 0) & dns.RECURSION_DESIRED) | dns.RECURSION_AVAILABLE;
  const whole = write(outcome.answers, flags);
  // RFC 2181 9: what does not fit is left out, and the guest asks again over TCP.
  return whole.length <= limit ? whole : write([], flags | dns.TRUNCATED_RESPONSE);
}

const OPT_RECORD: dns.Answer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: LARGEST_UDP_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
} as unknown as dns.Answer;

/** An answer without a question, for queries that could not be read. */
function bareAnswer(query: Uint8Array, rcode: number): Uint8Array {
  const answer = new Uint8Array(HEADER_BYTES);
  answer.set(query.subarray(0, 2));
  answer[2] = 0x80 | ((query[2] as number) & 0x79);
  answer[3] = 0x80 | rcode;
  return answer;
}

function withTime(record: HostRecord, timeToLiveSeconds: number): HostRecord {
  return { ...record, timeToLiveSeconds: record.timeToLiveSeconds ?? timeToLiveSeconds };
}
