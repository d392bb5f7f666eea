/**
 * ICMP (RFC 792, RFC 1122 3.2.2): answers echo requests, tells senders what went wrong with their packets, and passes
 * errors about ours to the protocol that sent them.
 */
import { finishSum } from "../../../base/checksum.ts";
import type { NetInterface } from "../interface.ts";
import { isLoopbackAddress, isUnicastAddress } from "../ip/addresses.ts";
import { PAYLOAD_OFFSET, type PacketOptions } from "../ip/ipv4.ts";
import { type IcmpErrorKind, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP } from "../protocols.ts";
import type { NetStack } from "../stack.ts";
import { readUint16, readUint32 } from "../wire/bytes.ts";
import {
  CODE_ADMIN_PROHIBITED,
  ICMP_DESTINATION_UNREACHABLE,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_HEADER_BYTES,
  ICMP_PARAMETER_PROBLEM,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
  ICMP_TIMESTAMP,
  ICMP_TIMESTAMP_REPLY,
  isIcmpError,
  writeIcmp,
} from "../wire/icmp.ts";
import { DEFAULT_TIME_TO_LIVE, IPV4_HEADER_BYTES, readIpv4Fields } from "../wire/ipv4.ts";
import { IcmpEndpoint } from "./endpoint.ts";
import { TokenBucket } from "./rate-limit.ts";

/** RFC 1812 4.3.2.3: as much of the packet as fits a datagram of 576 bytes. */
const MAXIMUM_ERROR_BYTES = 576;
const FRAGMENT_OFFSET_BITS = 0xff1f_0000 | 0;
/** Linux's icmp_msgs_per_sec and icmp_msgs_burst. */
const ERRORS_PER_SECOND = 1000;
const ERRORS_BURST = 50;
const MAXIMUM_ENDPOINTS = 1024;

/** Precedence "internetwork control", as RFC 1812 4.3.2.5 asks of errors. */
const ERROR_OPTIONS: PacketOptions = { timeToLive: DEFAULT_TIME_TO_LIVE, typeOfService: 0xc0, dontFragment: false };

/** Destination unreachable by code (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
const UNREACHABLE_KINDS: readonly IcmpErrorKind[] = [
  "net-unreachable",
  "host-unreachable",
  "protocol-unreachable",
  "port-unreachable",
  "fragmentation-needed",
  "host-unreachable", // source route failed
  "net-unreachable", // network unknown
  "host-unreachable", // host unknown
  "host-unreachable", // source host isolated
  "admin-prohibited", // network
  "admin-prohibited", // host
  "net-unreachable", // for this type of service
  "host-unreachable", // for this type of service
  "admin-prohibited", // by filtering
  "admin-prohibited", // host precedence violation
  "admin-prohibited", // precedence cutoff
];

export class Icmp {
  private readonly stack: NetStack;
  private readonly limit: TokenBucket = new TokenBucket(ERRORS_PER_SECOND, ERRORS_BURST);
  /** Ping endpoints by identifier. */
  private readonly endpointByIdentifier: Map<number, IcmpEndpoint> = new Map();
  private readonly replyOptions: PacketOptions = {
    timeToLive: DEFAULT_TIME_TO_LIVE,
    typeOfService: 0,
    dontFragment: false,
  };
  /** False keeps still on echo requests (icmp_echo_ignore_all). */
  answersEcho = true;
  /** Told of echo requests to others that a stack with `forwardAny` refuses. */
  onRefusedEcho: ((destination: number) => void) | null = null;

  constructor(stack: NetStack) {
    this.stack = stack;
  }

  /** A ping endpoint, not yet bound to an identifier. */
  open(): IcmpEndpoint {
    return new IcmpEndpoint(this.stack);
  }

  endpoints(): Iterable<IcmpEndpoint> {
    return this.endpointByIdentifier.values();
  }

  /** For the endpoint: takes identifier `wanted` (0: any free one); 0 when taken or none is left. */
  bindIdentifier(endpoint: IcmpEndpoint, wanted: number): number {
    const table = this.endpointByIdentifier;
    if (table.size >= MAXIMUM_ENDPOINTS) return 0;
    let identifier = wanted;
    if (wanted === 0) {
      do identifier = this.stack.random.nextUint32() & 0xffff;
      while (identifier === 0 || table.has(identifier));
    } else if (table.has(wanted)) return 0;
    table.set(identifier, endpoint);
    return identifier;
  }

  releaseIdentifier(endpoint: IcmpEndpoint): void {
    if (this.endpointByIdentifier.get(endpoint.localPort) === endpoint) {
      this.endpointByIdentifier.delete(endpoint.localPort);
    }
  }

  /** See TransportProtocol.input. */
  input(
    netInterface: NetInterface,
    frame: number,
    ip: number,
    transport: number,
    length: number,
    source: number,
    destination: number,
  ): void {
    const { arena, counters } = this.stack;
    counters.IcmpInMsgs++;
    if (length < ICMP_HEADER_BYTES) {
      counters.IcmpInErrors++;
      arena.freeFrame(frame);
      return;
    }
    if (arena.sum(transport, length) !== 0xffff) {
      counters.IcmpInErrors++;
      counters.IcmpInCsumErrors++;
      arena.freeFrame(frame);
      return;
    }
    const type = arena.bytes[transport] as number;
    this.countInput(type);
    if (type === ICMP_ECHO_REQUEST) {
      this.answerEcho(netInterface, frame, ip, transport, length, source, destination);
      return;
    }
    if (type === ICMP_ECHO_REPLY) {
      const endpoint = this.endpointByIdentifier.get(readUint16(arena.bytes, transport + 4));
      if (endpoint === undefined) arena.freeFrame(frame);
      else endpoint.deliver(frame, ip, transport, length, source, destination);
      return;
    }
    if (type === ICMP_DESTINATION_UNREACHABLE || type === ICMP_TIME_EXCEEDED) {
      this.passError(transport, length, type, arena.bytes[transport + 1] as number);
    }
    // Redirects would let a neighbour turn our routes; source quench is deprecated (RFC 6633).
    arena.freeFrame(frame);
  }

  /**
   * Tells the sender of the packet at `ip` what became of it; `extra` fills bytes 4…7 of the message. Does not take the
   * frame. Nothing is sent where RFC 1122 3.2.2 forbids it or the rate limit is reached.
   */
  sendError(netInterface: NetInterface, frame: number, ip: number, type: number, code: number, extra: number): void {
    const { arena, counters } = this.stack;
    const header = readIpv4Fields(arena.bytes, ip);
    if (!this.mayAnswer(frame, ip, header.headerLength, header.protocol, header.source, header.destination)) return;
    if (!netInterface.isLoopback && !this.limit.take(this.stack.now)) {
      counters.IcmpOutRateLimitGlobal++;
      return;
    }
    // A packet to an address of ours is answered from there. "Any IP" may not make 127.x known as a sender elsewhere.
    const isOwn = netInterface.isLoopback || !isLoopbackAddress(header.destination);
    const from = isOwn ? header.destination : netInterface.sourceFor(header.source);
    const route = this.stack.route(header.source, from);
    if (route === null) return;
    const quoted = Math.min(header.totalLength, MAXIMUM_ERROR_BYTES - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES);
    const length = ICMP_HEADER_BYTES + quoted;
    const answer = arena.allocateFrame(PAYLOAD_OFFSET + length);
    if (answer === 0) {
      counters.LinkNoFrames++;
      return;
    }
    const at = answer + PAYLOAD_OFFSET;
    writeIcmp(arena.bytes, at, { type, code, identifier: extra >>> 16, sequence: extra & 0xffff });
    arena.copy(at + ICMP_HEADER_BYTES, ip, quoted);
    arena.halves[(at + 2) >> 1] = finishSum(arena.sum(at, length));
    counters.IcmpOutMsgs++;
    if (type === ICMP_DESTINATION_UNREACHABLE) counters.IcmpOutDestUnreachs++;
    else if (type === ICMP_TIME_EXCEEDED) counters.IcmpOutTimeExcds++;
    const { ipv4 } = this.stack;
    ipv4.output(answer, length, route.netInterface, route.nextHop, from, header.source, PROTOCOL_ICMP, ERROR_OPTIONS);
  }

  /** A packet of ours could not be sent because its neighbour did not answer: tells its protocol. Does not take the frame. */
  reportUnsent(ip: number): void {
    this.reportQuoted(ip, IPV4_HEADER_BYTES + 8, "host-unreachable", 0);
  }

  /** RFC 1122 3.2.2: when an error message MUST NOT be sent. */
  private mayAnswer(
    frame: number,
    ip: number,
    headerLength: number,
    protocol: number,
    source: number,
    destination: number,
  ): boolean {
    const { arena } = this.stack;
    // As the result of an ICMP error message …
    if (protocol === PROTOCOL_ICMP && isIcmpError(arena.bytes[ip + headerLength] as number)) return false;
    // … a datagram to a broadcast or multicast address, or one in a link-layer broadcast …
    if (((arena.bytes[frame] as number) & 1) !== 0 || !isUnicastAddress(destination)) return false;
    if (this.stack.isBroadcastRaw(arena.words[(ip + 16) >> 2] as number)) return false;
    // … a fragment other than the first …
    if (((arena.words[(ip + 4) >> 2] as number) & FRAGMENT_OFFSET_BITS) !== 0) return false;
    // … or one whose source does not name a single host.
    return isUnicastAddress(source) && !this.stack.isBroadcastRaw(arena.words[(ip + 12) >> 2] as number);
  }

  private answerEcho(
    netInterface: NetInterface,
    frame: number,
    ip: number,
    transport: number,
    length: number,
    source: number,
    destination: number,
  ): void {
    const { arena, counters, ipv4 } = this.stack;
    // A gateway that takes every address does not claim that each of them is alive: it says that it lets none through.
    const isForOthers = !this.stack.isLocalAddress(destination);
    if (isForOthers) {
      this.sendError(netInterface, frame, ip, ICMP_DESTINATION_UNREACHABLE, CODE_ADMIN_PROHIBITED, 0);
      this.onRefusedEcho?.(destination);
    }
    const route = this.answersEcho && !isForOthers ? this.stack.route(source, destination) : null;
    if (route === null) {
      arena.freeFrame(frame);
      return;
    }
    this.replyOptions.typeOfService = arena.bytes[ip + 1] as number;
    // RFC 1122 3.2.2.6: the data of the request MUST be returned entirely. The frame itself becomes the answer.
    if (transport !== frame + PAYLOAD_OFFSET) arena.copy(frame + PAYLOAD_OFFSET, transport, length);
    const at = frame + PAYLOAD_OFFSET;
    arena.bytes[at] = ICMP_ECHO_REPLY;
    arena.halves[(at + 2) >> 1] = 0;
    arena.halves[(at + 2) >> 1] = finishSum(arena.sum(at, length));
    counters.IcmpOutMsgs++;
    counters.IcmpOutEchoReps++;
    const via = netInterface.isLoopback ? netInterface : route.netInterface;
    ipv4.output(frame, length, via, route.nextHop, destination, source, PROTOCOL_ICMP, this.replyOptions);
  }

  /** An ICMP error message about a packet that claims to be ours. */
  private passError(transport: number, length: number, type: number, code: number): void {
    const { arena, counters } = this.stack;
    if (length < ICMP_HEADER_BYTES + IPV4_HEADER_BYTES + 8) {
      counters.IcmpInErrors++;
      return;
    }
    const kind = type === ICMP_TIME_EXCEEDED ? "time-exceeded" : UNREACHABLE_KINDS[code];
    if (kind === undefined) return;
    const mtu = kind === "fragmentation-needed" ? readUint16(arena.bytes, transport + 6) : 0;
    if (!this.reportQuoted(transport + ICMP_HEADER_BYTES, length - ICMP_HEADER_BYTES, kind, mtu)) {
      counters.IcmpInErrors++;
    }
  }

  /** Dispatches on the header of a packet we sent, of which `length` bytes are there. False when it is none of ours. */
  private reportQuoted(ip: number, length: number, kind: IcmpErrorKind, mtu: number): boolean {
    const { bytes } = this.stack.arena;
    const header = readIpv4Fields(bytes, ip);
    const { headerLength, source, destination } = header;
    if ((bytes[ip] as number) >> 4 !== 4 || headerLength < IPV4_HEADER_BYTES) return false;
    // Only the first fragment has ports. RFC 1122 promises eight bytes of it.
    if (headerLength + 8 > length || header.fragmentOffset !== 0) return false;
    if (!this.stack.isLocalAddress(source) && !this.stack.forwardAny) return false;
    const at = ip + headerLength;
    const sourcePort = readUint16(bytes, at);
    const destinationPort = readUint16(bytes, at + 2);
    if (header.protocol === PROTOCOL_TCP) {
      const sequence = readUint32(bytes, at + 4) | 0;
      this.stack.tcp.icmpError(kind, source, destination, sourcePort, destinationPort, sequence, mtu);
    } else if (header.protocol === PROTOCOL_UDP) {
      this.stack.udp.icmpError(kind, source, destination, sourcePort, destinationPort, 0, mtu);
    } else if (header.protocol === PROTOCOL_ICMP && bytes[at] === ICMP_ECHO_REQUEST) {
      this.endpointByIdentifier.get(readUint16(bytes, at + 4))?.icmpError(kind, destination);
    }
    return true;
  }

  private countInput(type: number): void {
    const { counters } = this.stack;
    if (type === ICMP_ECHO_REQUEST) counters.IcmpInEchos++;
    else if (type === ICMP_ECHO_REPLY) counters.IcmpInEchoReps++;
    else if (type === ICMP_DESTINATION_UNREACHABLE) counters.IcmpInDestUnreachs++;
    else if (type === ICMP_TIME_EXCEEDED) counters.IcmpInTimeExcds++;
    else if (type === ICMP_PARAMETER_PROBLEM) counters.IcmpInParmProbs++;
    else if (type === ICMP_SOURCE_QUENCH) counters.IcmpInSrcQuenchs++;
    else if (type === ICMP_REDIRECT) counters.IcmpInRedirects++;
    else if (type === ICMP_TIMESTAMP) counters.IcmpInTimestamps++;
    else if (type === ICMP_TIMESTAMP_REPLY) counters.IcmpInTimestampReps++;
  }
}
