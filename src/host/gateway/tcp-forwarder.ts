/**
 * TCP through the gateway. Outbound: a SYN of the guest's is answered only when the host has connected, so that the guest
 * sees the refusal, the silence or the success that the host saw. Published: a client of a host port is joined with a
 * connection to the guest.
 */
import { ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT } from "../../abi/errno.ts";
import { Timer } from "../../base/timers.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import { PROTOCOL_TCP } from "../../kernel/net/protocols.ts";
import type { NetStack } from "../../kernel/net/stack.ts";
import type { TcpListener } from "../../kernel/net/tcp/listener.ts";
import type { SynRequest } from "../../kernel/net/tcp/syn-queue.ts";
import { CODE_ADMIN_PROHIBITED, CODE_HOST_UNREACHABLE, CODE_NET_UNREACHABLE } from "../../kernel/net/wire/icmp.ts";
import type { HostListener, HostSockets, HostStream, HostStreamEvents } from "./host-sockets.ts";
import type { OutboundPolicy } from "./outbound-policy.ts";
import { Relay, type RelayOwner } from "./relay.ts";
import { sendUnreachable } from "./unreachable.ts";

export interface TcpForwarderOptions {
  stack: NetStack;
  sockets: HostSockets;
  policy: OutboundPolicy;
  gatewayAddress: number;
  guestAddress: number;
  /** Runs its argument after the stack's poll. */
  schedule: (work: () => void) => void;
  now: () => number;
  /** Of both directions together. Default 16,384. */
  maximumConnections?: number;
}

/** SYNs that may wait for the host at once; more are dropped, and the guest repeats them. */
const MAXIMUM_PENDING = 1024;
/** How often requests that the stack has given up are looked for. */
const SWEEP_MILLISECONDS = 5000;

export class TcpForwarder implements RelayOwner {
  readonly options: TcpForwarderOptions;
  private readonly stack: NetStack;
  private readonly listener: TcpListener;
  private readonly entry: WaitEntry;
  private readonly relays = new Set<Relay>();
  private readonly pending = new Map<string, Pending>();
  private readonly published = new Set<HostListener>();
  private readonly sweepTimer: Timer;
  private ready: Relay[] = [];

  constructor(options: TcpForwarderOptions) {
    this.options = options;
    this.stack = options.stack;
    this.sweepTimer = new Timer((now) => this.sweep(now));
    const listener = this.stack.tcp.listenAny({ backlog: MAXIMUM_PENDING, options: { noDelay: true } });
    if (typeof listener === "number") throw new Error("the gateway's stack has a listener for every address already");
    this.listener = listener;
    this.listener.onSyn = (remote, remotePort, local, localPort, request) => {
      this.onSyn(remote, remotePort, local, localPort, request);
      return "defer";
    };
    this.entry = new WaitEntry({ wake: () => options.schedule(() => this.acceptAll()) });
    this.listener.events.add(this.entry);
  }

  /** Connections of both directions, those being set up included. */
  get connections(): number {
    return this.relays.size + this.pending.size;
  }

  get hasWork(): boolean {
    return this.ready.length > 0;
  }

  /** Moves bytes for the connections that the last poll woke, until that time; the rest of them stay ready. */
  service(until: number): void {
    const { ready } = this;
    this.ready = [];
    let done = 0;
    for (const relay of ready) {
      relay.service();
      done++;
      if (this.options.now() > until) break;
    }
    if (done < ready.length) this.ready = [...ready.slice(done), ...this.ready];
  }

  schedule(relay: Relay): void {
    this.ready.push(relay);
  }

  ended(relay: Relay): void {
    this.relays.delete(relay);
    this.stack.requestPoll();
  }

  /** Joins clients of a host port with connections to a port of the guest. Rejects with HostListenError. */
  async publish(hostAddress: string, hostPort: number, guestPort: number): Promise<HostListener> {
    const { sockets } = this.options;
    const listener = await sockets.listenStream(hostAddress, hostPort, (stream) => this.onClient(stream, guestPort));
    this.published.add(listener);
    return listener;
  }

  close(): void {
    for (const listener of this.published) listener.close();
    this.published.clear();
    for (const relay of [...this.relays]) relay.abort();
    for (const pending of [...this.pending.values()]) pending.giveUp();
    this.pending.clear();
    this.stack.timers.disarm(this.sweepTimer);
    this.listener.close();
  }

  private get isFull(): boolean {
    return this.connections >= (this.options.maximumConnections ?? 16_384);
  }

  private onSyn(remote: number, remotePort: number, local: number, localPort: number, request: SynRequest): void {
    const pending = new Pending(this, remote, remotePort, local, localPort, request);
    const key = pending.key;
    // The same four ends again: the guest has started anew.
    this.pending.get(key)?.giveUp();
    if (this.isFull || this.pending.size >= MAXIMUM_PENDING) {
      // Dropped once the stack has entered the request; the guest repeats its SYN.
      this.options.schedule(() => pending.forget());
      return;
    }
    if (this.pending.size === 0) this.stack.timers.arm(this.sweepTimer, this.stack.now + SWEEP_MILLISECONDS);
    this.pending.set(key, pending);
    this.options.schedule(() => pending.decide());
  }

  /** A pending connection has come to its end, one way or the other. */
  settle(pending: Pending): void {
    if (this.pending.get(pending.key) === pending) this.pending.delete(pending.key);
    this.stack.requestPoll();
  }

  private acceptAll(): void {
    for (let connection = this.listener.accept(); connection !== null; connection = this.listener.accept()) {
      const { remoteAddress, remotePort, localAddress, localPort } = connection;
      const pending = this.pending.get(keyOf(remoteAddress, remotePort, localAddress, localPort));
      const stream = pending?.takeStream();
      if (pending === undefined || stream == null) {
        connection.abort();
        continue;
      }
      this.settle(pending);
      const relay = new Relay(this, connection, stream);
      this.relays.add(relay);
      if (pending.hostHasEnded) relay.onEnd();
      relay.service();
    }
  }

  /** A client of a published port. The guest sees its address, unless that is the host itself. */
  private onClient(stream: HostStream, guestPort: number): void {
    const { guestAddress, gatewayAddress } = this.options;
    const isHost = stream.remoteAddress === 0 || stream.remoteAddress >>> 24 === 127;
    const localAddress = isHost ? gatewayAddress : stream.remoteAddress;
    const options = { noDelay: true };
    const connection = this.isFull
      ? -1
      : this.stack.tcp.connect({ localAddress, remoteAddress: guestAddress, remotePort: guestPort, options });
    if (typeof connection === "number") {
      stream.reset();
      return;
    }
    this.relays.add(new Relay(this, connection, stream));
  }

  private sweep(now: number): void {
    for (const pending of [...this.pending.values()]) if (pending.isForgotten) pending.giveUp();
    if (this.pending.size > 0) this.stack.timers.arm(this.sweepTimer, now + SWEEP_MILLISECONDS);
  }
}

/** A SYN that waits: for a decision, for the host to connect, for the guest's ACK. */
class Pending implements HostStreamEvents {
  readonly key: string;
  hostHasEnded = false;
  private readonly owner: TcpForwarder;
  private readonly source: number;
  private readonly sourcePort: number;
  private readonly destination: number;
  private readonly destinationPort: number;
  private readonly request: SynRequest;
  private stream: HostStream | null = null;
  private isSettled = false;

  constructor(
    owner: TcpForwarder,
    source: number,
    sourcePort: number,
    destination: number,
    destinationPort: number,
    request: SynRequest,
  ) {
    this.owner = owner;
    this.source = source;
    this.sourcePort = sourcePort;
    this.destination = destination;
    this.destinationPort = destinationPort;
    this.request = request;
    this.key = keyOf(source, sourcePort, destination, destinationPort);
  }

  /** The stack has dropped the request: the guest has reset it, or never answered. */
  get isForgotten(): boolean {
    return this.request.queue < 0;
  }

  /** The connected stream, once. */
  takeStream(): HostStream | null {
    const { stream } = this;
    this.stream = null;
    this.isSettled = true;
    return stream;
  }

  decide(): void {
    const { policy } = this.owner.options;
    const decision = policy.decide(this.destination, this.destinationPort, "tcp");
    if (typeof decision === "boolean") this.proceed(decision);
    else void decision.then((granted) => this.proceed(granted));
  }

  onOpen(): void {
    if (this.isSettled) return;
    if (this.isForgotten) this.giveUp();
    else this.request.completeDeferred(true);
  }

  onData(): number {
    return 0;
  }

  onEnd(): void {
    this.hostHasEnded = true;
  }

  onWritable(): void {}

  onError(errno: number): void {
    if (this.isSettled) return;
    this.stream = null;
    if (errno === EHOSTUNREACH) this.unreachable(CODE_HOST_UNREACHABLE);
    else if (errno === ENETUNREACH) this.unreachable(CODE_NET_UNREACHABLE);
    // The host has heard nothing: no more does the guest, which has run out of patience by itself.
    else if (errno === ETIMEDOUT) this.forget();
    else this.refuse(errno);
  }

  onClose(): void {
    this.onError(ECONNREFUSED);
  }

  /** Ends the wait without a word to the guest. */
  forget(): void {
    const { request } = this;
    request.isDeferred = false;
    if (request.queue >= 0) request.listener.tcp.synQueue.remove(request);
    this.giveUp();
  }

  giveUp(): void {
    this.isSettled = true;
    this.stream?.reset();
    this.stream = null;
    this.owner.settle(this);
  }

  private proceed(granted: boolean): void {
    if (this.isSettled) return;
    if (this.isForgotten) this.giveUp();
    else if (!granted) this.unreachable(CODE_ADMIN_PROHIBITED);
    else {
      const { policy, sockets } = this.owner.options;
      this.stream = sockets.connectStream(policy.hostAddress(this.destination), this.destinationPort, this);
    }
  }

  /** RST: nobody is there, or nobody we may say more about. */
  private refuse(errno: number): void {
    // The handshake may be on its way already; then the connection is reset when it arrives.
    this.request.completeDeferred(errno);
    this.giveUp();
  }

  private unreachable(code: number): void {
    const { source, sourcePort, destination, destinationPort, request } = this;
    const packet = {
      protocol: PROTOCOL_TCP,
      source,
      sourcePort,
      destination,
      destinationPort,
      sequence: request.initialReceive,
    };
    sendUnreachable(this.owner.options.stack, packet, code);
    this.forget();
  }
}

function keyOf(source: number, sourcePort: number, destination: number, destinationPort: number): string {
  return `${source}:${sourcePort}>${destination}:${destinationPort}`;
}
