/**
 * TIME-WAIT, and FIN-WAIT-2 of connections whose user is gone, in a record of a hundred-odd bytes. All wait equally long, so the
 * records stand in a queue with one timer for all (RFC 9293 section 3.6.1; RFC 6191 and RFC 7323 section 5.5 for reuse).
 */
import { Timer } from "../../../base/timers.ts";
import type { NetInterface } from "../interface.ts";
import type { PortReservation } from "../ports.ts";
import type { TcpConnection } from "./connection.ts";
import { ConnectionTable } from "./connection-table.ts";
import { emit, sendResetFor } from "./emit.ts";
import { ACK, FIN, RST, type Segment, SYN, TIMESTAMP_OPTION_WORD } from "./header.ts";
import { isAtMost, isBefore, swap32 } from "./sequence.ts";
import { FIN_WAIT_2, type TcpState, TIME_WAIT } from "./state.ts";
import type { Tcp } from "./tcp.ts";

export class TimeWait {
  readonly keyRemote: number;
  readonly keyLocal: number;
  readonly keyPorts: number;
  readonly localAddress: number;
  readonly localPort: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
  readonly netInterface: NetInterface;
  readonly nextHop: number;
  readonly reservation: PortReservation | null;
  /** TIME_WAIT, or FIN_WAIT_2 while the peer's FIN is still to come. */
  state: TcpState;
  readonly sendNext: number;
  receiveNext: number;
  /** Right edge of the window last advertised, and its field. */
  readonly receiveEdge: number;
  readonly windowField: number;
  readonly timestamps: boolean;
  readonly timestampOffset: number;
  timestampRecent: number;
  /** Milliseconds of the stack's clock. */
  lastSentAt: number;
  deadline: number;
  next: TimeWait | null = null;
  previous: TimeWait | null = null;

  constructor(connection: TcpConnection, state: TcpState, nowMilliseconds: number, deadline: number) {
    this.keyRemote = connection.keyRemote;
    this.keyLocal = connection.keyLocal;
    this.keyPorts = connection.keyPorts;
    this.localAddress = connection.localAddress;
    this.localPort = connection.localPort;
    this.remoteAddress = connection.remoteAddress;
    this.remotePort = connection.remotePort;
    this.netInterface = connection.netInterface;
    this.nextHop = connection.nextHop;
    this.reservation = connection.reservation;
    this.state = state;
    this.sendNext = connection.sendNext;
    this.receiveNext = connection.receiveNext;
    this.receiveEdge = connection.receiveEdge;
    this.windowField = Math.max(0, (connection.receiveEdge - connection.receiveNext) | 0) >> connection.receiveScale;
    this.timestamps = connection.timestamps;
    this.timestampOffset = connection.timestampOffset;
    this.timestampRecent = connection.timestampRecent;
    this.lastSentAt = nowMilliseconds;
    this.deadline = deadline;
  }

  get unsentBytes(): number {
    return 0;
  }

  get unacknowledgedBytes(): number {
    return 0;
  }

  get readableBytes(): number {
    return 0;
  }
}

/** What a segment for a TIME-WAIT record leads to. */
export const HANDLED = 0;
/** The record made way for a new connection: the SYN is the listener's. */
export const REOPENS = 1;

export class TimeWaits {
  readonly table: ConnectionTable<TimeWait>;
  private readonly tcp: Tcp;
  private head: TimeWait | null = null;
  private tail: TimeWait | null = null;
  private readonly timer: Timer;

  constructor(tcp: Tcp) {
    this.tcp = tcp;
    this.table = new ConnectionTable(tcp.stack.random);
    this.timer = new Timer((now) => this.expire(now));
  }

  /** Takes over from a connection, with its hold on the port. */
  take(connection: TcpConnection, state: TcpState): void {
    const { tcp } = this;
    const now = tcp.stack.now;
    if (this.table.size >= tcp.options.maximumTimeWaits) {
      tcp.counters.TcpExtTCPTimeWaitOverflow++;
      connection.reservation?.release();
      connection.reservation = null;
      return;
    }
    const entry = new TimeWait(connection, state, now, now + tcp.options.timeWaitMilliseconds);
    connection.reservation = null;
    this.table.insert(entry);
    this.append(entry);
  }

  /** Whether connect() may take the four-tuple over: every timestamp of the new connection will be later than any of the old (RFC 6191). */
  mayReuse(entry: TimeWait): boolean {
    return (
      entry.state === TIME_WAIT && entry.timestamps && Math.floor(this.tcp.stack.now) > Math.floor(entry.lastSentAt)
    );
  }

  remove(entry: TimeWait): void {
    this.unlink(entry);
    this.table.remove(entry);
    entry.reservation?.release();
  }

  arrive(entry: TimeWait, segment: Segment): number {
    return entry.state === FIN_WAIT_2 ? this.arriveInFinWait2(entry, segment) : this.arriveInTimeWait(entry, segment);
  }

  /** RFC 9293 section 3.10.7.4 for a connection that nobody reads: only the FIN is welcome. */
  private arriveInFinWait2(entry: TimeWait, segment: Segment): number {
    const { flags } = segment;
    const length = segment.sequenceLength;
    const end = (segment.sequence + length) | 0;
    if (this.isOldDuplicate(entry, segment) || !this.isInWindow(entry, segment.sequence, end)) {
      if ((flags & RST) === 0) this.sendAck(entry);
      return HANDLED;
    }
    if ((flags & RST) !== 0) {
      if (segment.sequence === entry.receiveNext) this.remove(entry);
      return HANDLED;
    }
    if ((flags & SYN) !== 0) {
      this.sendAck(entry);
      return HANDLED;
    }
    if ((flags & ACK) === 0 || isAtMost(end, entry.receiveNext)) return HANDLED;
    if ((flags & FIN) === 0 || end !== ((entry.receiveNext + 1) | 0)) {
      // RFC 1122 section 4.2.2.13: data after close gets a reset.
      this.tcp.counters.TcpExtTCPAbortOnData++;
      sendResetFor(this.tcp, segment);
      this.remove(entry);
      return HANDLED;
    }
    entry.receiveNext = end;
    entry.state = TIME_WAIT;
    if (segment.hasTimestamp) entry.timestampRecent = segment.timestampValue;
    this.tcp.counters.TcpExtTW++;
    this.restart(entry);
    this.sendAck(entry);
    return HANDLED;
  }

  private arriveInTimeWait(entry: TimeWait, segment: Segment): number {
    const { flags } = segment;
    const isOld = this.isOldDuplicate(entry, segment);
    // MAY-2 of section 3.6.1: a SYN beyond everything seen, by sequence number or timestamp, begins a new connection.
    if ((flags & (SYN | RST | ACK)) === SYN && !isOld) {
      const laterNumber = isBefore(entry.receiveNext, segment.sequence);
      const laterTime =
        entry.timestamps && segment.hasTimestamp && isBefore(entry.timestampRecent, segment.timestampValue);
      if (laterNumber || laterTime) {
        this.tcp.counters.TcpExtTWRecycled++;
        this.tcp.reopenAfter = entry.sendNext;
        this.remove(entry);
        return REOPENS;
      }
    }
    if ((flags & RST) !== 0) {
      // RFC 5961 section 3.2 here as well: only the exact number ends it.
      if (!isOld && segment.sequence === entry.receiveNext) this.remove(entry);
      return HANDLED;
    }
    if (!isOld && segment.sequenceLength === 0 && segment.sequence === entry.receiveNext) return HANDLED;
    // A repeated FIN: our last ACK was lost. Answer, and wait 2 MSL from now on.
    if ((flags & FIN) !== 0 && !isOld) this.restart(entry);
    this.sendAck(entry);
    return HANDLED;
  }

  private isOldDuplicate(entry: TimeWait, segment: Segment): boolean {
    if (!entry.timestamps || !segment.hasTimestamp || (segment.flags & RST) !== 0) return false;
    return isBefore(segment.timestampValue, entry.timestampRecent);
  }

  private isInWindow(entry: TimeWait, sequence: number, end: number): boolean {
    return isAtMost(entry.receiveNext, end) && isAtMost(sequence, entry.receiveEdge);
  }

  private sendAck(entry: TimeWait): void {
    const { tcp } = this;
    const now = tcp.stack.now;
    let words = 0;
    if (entry.timestamps) {
      tcp.optionScratch[0] = TIMESTAMP_OPTION_WORD;
      tcp.optionScratch[1] = swap32((now + entry.timestampOffset) | 0);
      tcp.optionScratch[2] = swap32(entry.timestampRecent);
      words = 3;
    }
    entry.lastSentAt = now;
    emit(tcp, entry, entry, entry.sendNext, entry.receiveNext, ACK, entry.windowField, words, 64, 0);
  }

  private restart(entry: TimeWait): void {
    this.unlink(entry);
    entry.deadline = this.tcp.stack.now + this.tcp.options.timeWaitMilliseconds;
    this.append(entry);
  }

  private append(entry: TimeWait): void {
    entry.next = null;
    entry.previous = this.tail;
    if (this.tail === null) this.head = entry;
    else this.tail.next = entry;
    this.tail = entry;
    if (this.timer.position < 0) this.tcp.stack.timers.arm(this.timer, entry.deadline);
  }

  private unlink(entry: TimeWait): void {
    if (entry.previous === null) this.head = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === null) this.tail = entry.previous;
    else entry.next.previous = entry.previous;
    entry.next = null;
    entry.previous = null;
    if (this.head === null) this.tcp.stack.timers.disarm(this.timer);
  }

  private expire(now: number): void {
    while (this.head !== null && this.head.deadline <= now) this.remove(this.head);
    if (this.head !== null) this.tcp.stack.timers.arm(this.timer, this.head.deadline);
  }
}
