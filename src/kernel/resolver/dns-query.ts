/**
 * One question, put to the name servers until one answers: over UDP, each time from a new random port with a new random id (RFC 5452),
 * over TCP where an answer was cut off (RFC 7766). Driven by the endpoints' events and two timers.
 */
import { EACCES, EAGAIN, ETIMEDOUT } from "../../abi/errno.ts";
import { Timer } from "../../base/timers.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import type { TcpConnection } from "../net/tcp/connection.ts";
import type { UdpEndpoint } from "../net/udp/endpoint.ts";
import { type DnsAnswer, encodeQuestion, mixCase, RCODE_REFUSED, readAnswer } from "./dns-message.ts";
import type { Resolver } from "./resolver.ts";

export const DNS_PORT = 53;
/** How long an exchange over TCP may take. */
const TCP_TIMEOUT_MILLISECONDS = 10_000;
/** Datagrams of one exchange that are looked at: a flood of forgeries must not cost more. */
const MOST_DATAGRAMS = 64;

/** A datagram fits in whole. Used by one query at a time. */
const received = new Uint8Array(65_536);

export class DnsQuery {
  private readonly resolver: Resolver;
  private readonly name: string;
  private readonly tell: (answer: DnsAnswer | number) => void;
  private endpoint: UdpEndpoint | null = null;
  private connection: TcpConnection | null = null;
  private readonly entry: WaitEntry;
  /** Takes up what an event announced, in the timers' turn: never inside the event. */
  private readonly work: Timer;
  private readonly timeout: Timer;
  /** Attempts begun: round and server follow from it. */
  private attempts = 0;
  private datagrams = 0;
  private id = 0;
  private question = "";
  /** TCP: bytes still to send, and what has come. */
  private outgoing: Uint8Array = new Uint8Array(0);
  private incoming: Uint8Array = new Uint8Array(0);
  private incomingLength = 0;
  /** Servers that said they cannot or will not answer, and whether all of them would not. */
  private readonly failedServers = new Set<number>();
  private allRefused = true;
  private lastErrno = ETIMEDOUT;

  constructor(resolver: Resolver, name: string, tell: (answer: DnsAnswer | number) => void) {
    this.resolver = resolver;
    this.name = name;
    this.tell = tell;
    this.entry = new WaitEntry({ wake: () => this.schedule() });
    this.work = new Timer(() => this.progress());
    this.timeout = new Timer(() => this.nextAttempt());
  }

  start(): void {
    this.nextAttempt();
  }

  private schedule(): void {
    const { host } = this.resolver;
    if (this.work.position < 0) host.timers.arm(this.work, host.now());
    host.requestTurn();
  }

  /** Goes to the next server, or to the next round; after the last one the question has failed. */
  private nextAttempt(): void {
    const { nameservers, rounds, timeoutMilliseconds, host } = this.resolver;
    this.closeAll();
    for (;;) {
      const round = Math.floor(this.attempts / nameservers.length);
      if (round >= rounds || this.failedServers.size === nameservers.length) {
        this.finish(-this.failure());
        return;
      }
      this.attempts++;
      if (this.failedServers.has(this.server) || !this.sendDatagram()) continue;
      host.timers.arm(this.timeout, host.now() + timeoutMilliseconds * 2 ** round);
      host.requestTurn();
      return;
    }
  }

  /** The errno when nobody answered: a server that said no has the say over servers that said nothing. */
  private failure(): number {
    if (this.failedServers.size === 0) return this.lastErrno;
    return this.allRefused ? EACCES : EAGAIN;
  }

  private get server(): number {
    const { nameservers } = this.resolver;
    return nameservers[(this.attempts - 1) % nameservers.length] as number;
  }

  private prepare(): Uint8Array {
    const { random } = this.resolver.host;
    this.id = random.nextUint32() & 0xffff;
    this.question = this.resolver.mixesCase ? mixCase(this.name, () => random.nextUint32()) : this.name;
    return encodeQuestion(this.id, this.question);
  }

  private sendDatagram(): boolean {
    const message = this.prepare();
    const endpoint = this.resolver.host.net.udp.open();
    // Connected: only this server's datagrams come through, and errors about ours do.
    let result = endpoint.connect(this.server, DNS_PORT);
    if (result === 0) result = endpoint.sendTo(message, 0, message.length, 0, 0);
    if (result < 0) {
      this.lastErrno = -result;
      endpoint.close();
      return false;
    }
    this.endpoint = endpoint;
    this.datagrams = 0;
    endpoint.events.add(this.entry);
    return true;
  }

  private progress(): void {
    if (this.endpoint !== null) this.readDatagrams(this.endpoint);
    else if (this.connection !== null) this.progressTcp(this.connection);
  }

  private readDatagrams(endpoint: UdpEndpoint): void {
    while (this.datagrams++ < MOST_DATAGRAMS) {
      const waits = endpoint.queuedDatagrams > 0;
      const length = endpoint.receive(received, 0, received.length);
      if (length === -EAGAIN || (length === 0 && !waits)) return;
      if (length < 0) {
        // Port unreachable: no server there. The next one is asked at once, but rounds are not used up in one go.
        this.lastErrno = -length;
        if (this.attempts < this.resolver.nameservers.length) this.nextAttempt();
        return;
      }
      const answer = readAnswer(received.slice(0, length), this.id, this.question, false);
      if (answer.kind === "mismatch") continue;
      this.take(answer);
      return;
    }
  }

  private take(answer: DnsAnswer): void {
    if (answer.kind === "failure") {
      this.failedServers.add(this.server);
      this.allRefused &&= answer.rcode === RCODE_REFUSED;
      this.nextAttempt();
    } else if (answer.kind === "truncated") this.startTcp();
    else this.finish(answer);
  }

  private startTcp(): void {
    const { server } = this;
    const { host } = this.resolver;
    this.closeAll();
    const connection = host.net.tcp.connect({ remoteAddress: server, remotePort: DNS_PORT });
    if (typeof connection === "number") {
      this.lastErrno = -connection;
      this.nextAttempt();
      return;
    }
    const message = this.prepare();
    // RFC 1035 section 4.2.2: two bytes of length go first.
    this.outgoing = new Uint8Array(2 + message.length);
    this.outgoing[0] = message.length >>> 8;
    this.outgoing[1] = message.length & 0xff;
    this.outgoing.set(message, 2);
    this.incoming = new Uint8Array(2);
    this.incomingLength = 0;
    this.connection = connection;
    connection.events.add(this.entry);
    host.timers.arm(this.timeout, host.now() + TCP_TIMEOUT_MILLISECONDS);
    host.requestTurn();
  }

  private progressTcp(connection: TcpConnection): void {
    if (this.outgoing.length > 0) {
      const sent = connection.send(this.outgoing, 0, this.outgoing.length);
      if (sent < 0) {
        this.failTcp(-sent);
        return;
      }
      this.outgoing = this.outgoing.subarray(sent);
    }
    for (;;) {
      const wanted = this.incoming.length - this.incomingLength;
      const got = connection.receive(this.incoming, this.incomingLength, wanted);
      if (got < 0) {
        this.failTcp(-got);
        return;
      }
      if (got === 0) {
        if (connection.receiveFinished) this.failTcp(EAGAIN);
        return;
      }
      this.incomingLength += got;
      if (this.incomingLength < this.incoming.length) continue;
      if (this.incoming.length === 2) {
        this.incoming = new Uint8Array(((this.incoming[0] as number) << 8) | (this.incoming[1] as number));
        this.incomingLength = 0;
        if (this.incoming.length > 0) continue;
      }
      const answer = readAnswer(this.incoming, this.id, this.question, true);
      if (answer.kind === "mismatch") this.failTcp(EAGAIN);
      else this.take(answer);
      return;
    }
  }

  private failTcp(errno: number): void {
    this.lastErrno = errno;
    this.nextAttempt();
  }

  private finish(answer: DnsAnswer | number): void {
    this.closeAll();
    this.tell(answer);
  }

  private closeAll(): void {
    const { timers } = this.resolver.host;
    timers.disarm(this.timeout);
    timers.disarm(this.work);
    this.entry.queue?.remove(this.entry);
    this.endpoint?.close();
    this.endpoint = null;
    this.connection?.close();
    this.connection = null;
  }
}
