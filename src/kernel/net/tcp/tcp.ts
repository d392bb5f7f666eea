/** TCP as the stack and the socket layer see it: connect, listen, segments in, output, and what there is. */
import { EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH, ENOBUFS } from "../../../abi/errno.ts";
import type { Arena } from "../../../base/arena.ts";
import { Timer } from "../../../base/timers.ts";
import type { Counters } from "../counters.ts";
import type { NetInterface } from "../interface.ts";
import type { Route } from "../ip/routes.ts";
import { type PortReservation, PortTable } from "../ports.ts";
import type { IcmpErrorKind, TcpProtocol } from "../protocols.ts";
import type { NetStack } from "../stack.ts";
import { ChallengeBudget } from "./challenge.ts";
import { TcpConnection } from "./connection.ts";
import { completeOptions, type TcpSocketOptions } from "./connection-options.ts";
import { ConnectionTable } from "./connection-table.ts";
import type { Ends } from "./emit.ts";
import { Segment } from "./header.ts";
import { icmpErrorFor } from "./icmp-errors.ts";
import { inputSegment } from "./input.ts";
import { deliverTo } from "./input-dispatch.ts";
import { SequenceSecrets } from "./isn.ts";
import { TcpListener } from "./listener.ts";
import { OUTPUT_MORE, OUTPUT_STARVED, output } from "./output.ts";
import { READABLE_EVENTS } from "./readiness.ts";
import { windowScaleFor } from "./receive.ts";
import { ArenaRingMemory, type RingMemory } from "./ring-memory.ts";
import { swap16, swap32 } from "./sequence.ts";
import { prepare } from "./setup.ts";
import { SYN_SENT, type TcpState } from "./state.ts";
import { SynQueue, type SynRequest } from "./syn-queue.ts";
import { completeTcpOptions, type TcpOptions, type TcpSettings } from "./tcp-options.ts";
import { type TimeWait, TimeWaits } from "./time-wait.ts";
import { enterState } from "./transitions.ts";

export type { TcpOptions } from "./tcp-options.ts";

/** How long to wait for frames to be freed when the arena has run out. */
const STARVED_MILLISECONDS = 2;

/** What a listing shows of a connection, a half-open one or one in TIME-WAIT. */
export interface TcpEntry {
  readonly localAddress: number;
  readonly localPort: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
  readonly state: TcpState;
  readonly unsentBytes: number;
  readonly unacknowledgedBytes: number;
  readonly readableBytes: number;
}

export interface ConnectRequest {
  /** From bind(); passes to the connection if connect() succeeds. */
  reservation?: PortReservation;
  /** 0 or absent: the route's. */
  localAddress?: number;
  remoteAddress: number;
  remotePort: number;
  options?: TcpSocketOptions;
}

export interface ListenRequest {
  /** From bind(); passes to the listener, whose close() releases it. */
  reservation: PortReservation;
  backlog: number;
  options?: TcpSocketOptions;
}

export class Tcp implements TcpProtocol {
  readonly stack: NetStack;
  readonly arena: Arena;
  readonly words: Int32Array;
  readonly counters: Counters;
  readonly options: TcpSettings;
  readonly memory: RingMemory;
  readonly ports: PortTable;
  readonly secrets: SequenceSecrets;
  readonly challenges: ChallengeBudget;
  readonly connectionTable: ConnectionTable<TcpConnection>;
  readonly synQueue: SynQueue;
  /** Enough for the largest receive buffer there may ever be; -1: none is offered. */
  readonly offeredWindowScale: number;
  readonly timeWaits: TimeWaits;
  /** The record that every segment off the fast path is read into. */
  readonly segment: Segment = new Segment();
  /** Words of options about to be emitted. */
  readonly optionScratch: Int32Array = new Int32Array(10);
  /** SND.NXT of a connection that leaves TIME-WAIT for the SYN now being dispatched. */
  reopenAfter: number | null = null;
  /** Connections whose user has closed and that still need something. */
  orphans = 0;

  private readonly listenersByPort = new Map<number, TcpListener[]>();
  private anyListener: TcpListener | null = null;
  private dirtyHead: TcpConnection | null = null;
  private dirtyTail: TcpConnection | null = null;
  private readonly woken: TcpListener[] = [];
  private readonly starved: TcpConnection[] = [];
  private readonly starvedTimer: Timer;

  constructor(stack: NetStack, options: TcpOptions, memory?: RingMemory) {
    this.stack = stack;
    this.arena = stack.arena;
    this.words = stack.arena.words;
    this.counters = stack.counters;
    this.options = completeTcpOptions(options);
    this.memory = memory ?? new ArenaRingMemory(stack.arena);
    this.offeredWindowScale = this.options.windowScaling ? windowScaleFor(this.memory.maximumReceiveBytes) : -1;
    this.ports = new PortTable(stack.random);
    this.secrets = new SequenceSecrets(stack.hostSecret);
    this.challenges = new ChallengeBudget(stack.random);
    this.connectionTable = new ConnectionTable(stack.random);
    this.synQueue = new SynQueue(this);
    this.timeWaits = new TimeWaits(this);
    this.starvedTimer = new Timer(() => {
      for (const connection of this.starved.splice(0)) this.markDirty(connection);
    });
  }

  /** Opens actively: the SYN leaves at the next poll(). -ENETUNREACH, -EADDRNOTAVAIL, -EADDRINUSE, -ENOBUFS. */
  connect(request: ConnectRequest): TcpConnection | number {
    const { remoteAddress, remotePort, reservation } = request;
    const wanted = reservation !== undefined && reservation.address !== 0 ? reservation.address : request.localAddress;
    const route = this.stack.route(remoteAddress, wanted ?? 0, remotePort, "tcp");
    if (route === null) return -ENETUNREACH;
    if (route.source === 0) return -EADDRNOTAVAIL;
    if (this.isGroup(swap32(remoteAddress))) return -ENETUNREACH;
    // 0.0.0.0 as destination means this host.
    const remote = remoteAddress === 0 ? route.nextHop : remoteAddress;
    const keyRemote = swap32(remote);
    const keyLocal = swap32(route.source);
    let held = reservation;
    let reopenAfter: number | null = null;
    if (held === undefined) {
      const chosen = this.ports.reserveForConnection(route.source, (port) =>
        this.isFree(keyRemote, keyLocal, portsWord(remotePort, port)),
      );
      if (typeof chosen === "number") return chosen;
      held = chosen;
    }
    const keyPorts = portsWord(remotePort, held.port);
    if (!this.isFree(keyRemote, keyLocal, keyPorts)) return -EADDRNOTAVAIL;
    if (!this.memory.admit()) {
      if (reservation === undefined) held.release();
      return -ENOBUFS;
    }
    const waiting = this.timeWaits.table.find(keyRemote, keyLocal, keyPorts);
    if (waiting !== null) {
      this.counters.TcpExtTWRecycled++;
      reopenAfter = waiting.sendNext;
      this.timeWaits.remove(waiting);
    }
    reservation?.narrow(route.source);
    const connection = this.create(route, remote, remotePort, held, keyRemote, keyLocal, keyPorts, request.options);
    const isn = this.secrets.initialSequence(keyLocal, keyRemote, keyPorts, this.stack.now);
    prepare(connection, route, reopenAfter === null ? isn : (reopenAfter + 65_537) | 0);
    this.connectionTable.insert(connection);
    this.counters.TcpActiveOpens++;
    connection.synPending = true;
    enterState(connection, SYN_SENT);
    return connection;
  }

  /** -EADDRINUSE when another socket that shares the port listens already. */
  listen(request: ListenRequest): TcpListener | number {
    const { reservation, backlog } = request;
    const result = reservation.markListening();
    if (result !== 0) return result;
    const options = completeOptions(request.options);
    const listener = new TcpListener(this, reservation.address, reservation.port, backlog, reservation, options);
    const there = this.listenersByPort.get(reservation.port);
    if (there === undefined) this.listenersByPort.set(reservation.port, [listener]);
    else there.push(listener);
    return listener;
  }

  /** Takes SYNs to every address and port that nobody else listens on: the gateway's. Only one; -EADDRINUSE. */
  listenAny(request: { backlog: number; options?: TcpSocketOptions }): TcpListener | number {
    if (this.anyListener !== null) return -EADDRINUSE;
    this.anyListener = new TcpListener(this, 0, 0, request.backlog, null, completeOptions(request.options));
    return this.anyListener;
  }

  /** Called by the listener's close(). */
  removeListener(listener: TcpListener): void {
    if (this.anyListener === listener) {
      this.anyListener = null;
      return;
    }
    const there = this.listenersByPort.get(listener.localPort);
    const at = there?.indexOf(listener) ?? -1;
    if (there === undefined || at < 0) return;
    if (there.length === 1) this.listenersByPort.delete(listener.localPort);
    else there.splice(at, 1);
  }

  /** The listener for a SYN: one bound to the address before one for all; where several share (SO_REUSEPORT), one by the four-tuple. */
  findListener(address: number, port: number, ends?: Ends): TcpListener | null {
    const there = this.listenersByPort.get(port);
    if (there === undefined) return this.anyListener;
    if (there.length === 1) {
      const only = there[0]!;
      return only.localAddress === 0 || only.localAddress === address ? only : this.anyListener;
    }
    const exact = there.filter((listener) => listener.localAddress === address);
    const suitable = exact.length > 0 ? exact : there.filter((listener) => listener.localAddress === 0);
    if (suitable.length === 0) return this.anyListener;
    const hash = ends === undefined ? 0 : Math.imul(ends.keyRemote ^ Math.imul(ends.keyPorts, 0x9e3779b1), 0x85ebca6b);
    return suitable[(hash >>> 8) % suitable.length]!;
  }

  /** Connections that segments can reach; those half open and in TIME-WAIT have records of their own. */
  *connections(): Iterable<TcpConnection> {
    yield* this.connectionTable.entries();
  }

  /** Everything with two ends, in every state, for listings as /proc/net/tcp. */
  *entries(): Iterable<TcpEntry> {
    yield* this.connections();
    yield* this.halfOpen();
    yield* this.timeWaiting();
  }

  *halfOpen(): Iterable<SynRequest> {
    yield* this.synQueue.table.entries();
  }

  *timeWaiting(): Iterable<TimeWait> {
    yield* this.timeWaits.table.entries();
  }

  *listeners(): Iterable<TcpListener> {
    for (const there of this.listenersByPort.values()) yield* there;
    if (this.anyListener !== null) yield this.anyListener;
  }

  isListening(address: number, port: number): boolean {
    const listener = this.findListener(address, port);
    return listener !== null && listener !== this.anyListener;
  }

  isConnected(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): boolean {
    const ports = portsWord(remotePort, localPort);
    const remote = swap32(remoteAddress);
    const local = swap32(localAddress);
    return !this.isUnknown(remote, local, ports) || this.timeWaits.table.find(remote, local, ports) !== null;
  }

  input(
    _netInterface: NetInterface,
    frame: number,
    ipOffset: number,
    transportOffset: number,
    transportLength: number,
    _source: number,
    _destination: number,
  ): void {
    inputSegment(this, frame, ipOffset, transportOffset, transportLength);
  }

  icmpError(
    kind: IcmpErrorKind,
    source: number,
    destination: number,
    sourcePort: number,
    destinationPort: number,
    sequence: number,
    mtu: number,
  ): void {
    const ports = portsWord(destinationPort, sourcePort);
    const connection = this.connectionTable.find(swap32(destination), swap32(source), ports);
    if (connection === null) this.counters.IcmpInErrors++;
    else icmpErrorFor(connection, kind, sequence | 0, mtu);
  }

  /** Runs the rules of a connection's state on a segment. */
  deliver(connection: TcpConnection, segment: Segment): void {
    deliverTo(this, connection, segment);
  }

  /** Puts a connection on the list for the next output(), which is requested if it is not due anyway. */
  markDirty(connection: TcpConnection): void {
    if (connection.isDirty) return;
    connection.isDirty = true;
    if (this.dirtyTail === null) this.dirtyHead = connection;
    else this.dirtyTail.nextDirty = connection;
    this.dirtyTail = connection;
    if (!this.stack.isPolling) this.stack.requestPoll();
  }

  /** The listener's queue is told at the end of the poll. */
  wakeListener(listener: TcpListener): void {
    if (!this.woken.includes(listener)) this.woken.push(listener);
  }

  /** Connections had more to send than one turn allows; they go on in the next poll(). */
  get hasPendingOutput(): boolean {
    return this.dirtyHead !== null;
  }

  output(): void {
    this.synQueue.output();
    if (this.woken.length > 0) for (const listener of this.woken.splice(0)) listener.events.wake(READABLE_EVENTS);
    // Those that want another turn come after the last of this one.
    const last = this.dirtyTail;
    for (let connection = this.dirtyHead; connection !== null; connection = this.dirtyHead) {
      this.dirtyHead = connection.nextDirty;
      if (this.dirtyHead === null) this.dirtyTail = null;
      connection.nextDirty = null;
      connection.isDirty = false;
      if (connection.pendingEvents !== 0) connection.deliverEvents();
      const result = output(connection);
      if (result === OUTPUT_MORE) this.markDirty(connection);
      else if (result === OUTPUT_STARVED) this.starve(connection);
      if (connection === last) break;
    }
  }

  private starve(connection: TcpConnection): void {
    if (!this.starved.includes(connection)) this.starved.push(connection);
    if (this.starvedTimer.position >= 0) return;
    this.stack.timers.arm(this.starvedTimer, this.stack.now + STARVED_MILLISECONDS);
  }

  private create(
    route: Route,
    remoteAddress: number,
    remotePort: number,
    reservation: PortReservation,
    keyRemote: number,
    keyLocal: number,
    keyPorts: number,
    options: TcpSocketOptions | undefined,
  ): TcpConnection {
    const connection = new TcpConnection(
      this,
      route.netInterface,
      route.nextHop,
      route.source,
      reservation.port,
      remoteAddress,
      remotePort,
      keyRemote,
      keyLocal,
      keyPorts,
      completeOptions(options),
    );
    connection.reservation = reservation;
    return connection;
  }

  /** Broadcast and multicast addresses (raw): nothing is opened to, by or from them (RFC 9293 MUST-57, MUST-46). */
  isGroup(raw: number): boolean {
    return this.stack.isBroadcastRaw(raw) || (raw & 0xf0) === 0xe0;
  }

  /** No connection has these ends, or only one in TIME-WAIT that can make room. */
  private isFree(keyRemote: number, keyLocal: number, keyPorts: number): boolean {
    if (!this.isUnknown(keyRemote, keyLocal, keyPorts)) return false;
    const waiting = this.timeWaits.table.find(keyRemote, keyLocal, keyPorts);
    return waiting === null || this.timeWaits.mayReuse(waiting);
  }

  private isUnknown(keyRemote: number, keyLocal: number, keyPorts: number): boolean {
    if (this.connectionTable.find(keyRemote, keyLocal, keyPorts) !== null) return false;
    return this.synQueue.table.find(keyRemote, keyLocal, keyPorts) === null;
  }
}

/** Both ports as they stand in a segment that arrives: its source is the far end's. */
function portsWord(remotePort: number, localPort: number): number {
  return swap16(remotePort) | (swap16(localPort) << 16);
}
