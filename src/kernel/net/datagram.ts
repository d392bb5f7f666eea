/**
 * What UDP endpoints and ping endpoints have in common: a bounded queue of received frames that stay where they arrived
 * until they are read, a pending error, and readiness.
 */
import { EAGAIN } from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "../../abi/poll.ts";
import { FRAME_HEADROOM_BYTES, SMALL_FRAME_BYTES } from "../../base/arena.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import type { PacketOptions } from "./ip/ipv4.ts";
import type { Route } from "./ip/routes.ts";
import type { NetStack } from "./stack.ts";
import { DEFAULT_TIME_TO_LIVE } from "./wire/ipv4.ts";

/** Linux's net.core.rmem_default, and what a datagram is charged beyond its bytes. */
const DEFAULT_RECEIVE_BUFFER_BYTES = 212_992;
const OVERHEAD_BYTES = 256;
const HEADROOM = FRAME_HEADROOM_BYTES;

export abstract class DatagramEndpoint implements PacketOptions {
  readonly stack: NetStack;
  readonly events: WaitQueue = new WaitQueue();
  localAddress = 0;
  localPort = 0;
  /** Of the peer; 0 while not connected. */
  remoteAddress = 0;
  remotePort = 0;
  isConnected = false;
  isClosed = false;
  /** Pending socket error, a positive errno; 0 for none. */
  error = 0;

  receiveBufferBytes: number = DEFAULT_RECEIVE_BUFFER_BYTES;
  /** SO_BROADCAST: may send to broadcast addresses. */
  broadcast = false;
  timeToLive: number = DEFAULT_TIME_TO_LIVE;
  typeOfService = 0;
  /** IP_MTU_DISCOVER's "do": never cut a datagram, -EMSGSIZE instead. */
  dontFragment = false;
  /** IP_RECVERR: reports errors that may pass (host or network unreachable) as well, and while not connected. */
  receiveErrors = false;

  /** Of the datagram that `receive` returned last: its true length, where it came from, where it was sent to, the TTL left. */
  lastLength = 0;
  lastAddress = 0;
  lastPort = 0;
  lastDestination = 0;
  lastTimeToLive = 0;
  /** Datagrams dropped because the queue was full. */
  drops = 0;
  queuedDatagrams = 0;
  queuedBytes = 0;

  private head = 0;
  private tail = 0;
  private isReadShut = false;
  protected isWriteShut = false;
  /** The way to the last destination, valid while the routing table stays as it was. */
  private routeKnown: Route | null = null;
  private routeDestination = -1;
  private routeSource = 0;
  private routePort = 0;
  private routeGeneration = -1;

  constructor(stack: NetStack) {
    this.stack = stack;
  }

  /** The pending error as a positive errno, cleared; 0 for none. */
  takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }

  readiness(): number {
    let events = this.isWriteShut && this.isReadShut ? POLLHUP : 0;
    events |= POLLOUT | POLLWRNORM;
    if (this.queuedDatagrams > 0) events |= POLLIN | POLLRDNORM;
    if (this.isReadShut) events |= POLLIN | POLLRDNORM | POLLRDHUP;
    if (this.error !== 0) events |= POLLERR;
    return events;
  }

  /** Bytes of the next datagram (FIONREAD); 0 for none. */
  get nextLength(): number {
    return this.queuedDatagrams === 0 ? 0 : this.payloadLength(this.head);
  }

  /** Nobody waits for datagrams any more. As on Linux, those that have come, and come still, can be read. */
  shutdownRead(): void {
    this.isReadShut = true;
    this.events.wake(POLLIN | POLLRDNORM | POLLRDHUP);
  }

  shutdownWrite(): void {
    this.isWriteShut = true;
    this.events.wake(POLLHUP);
  }

  /**
   * Copies the next datagram into `buffer` and returns how many bytes; what does not fit is lost (see `lastLength`).
   * -EAGAIN when none is there (after shutdownRead() 0), the pending error negated when there is one.
   */
  receive(buffer: Uint8Array, offset: number, length: number, peek = false): number {
    if (this.error !== 0) return -this.takeError();
    if (this.queuedDatagrams === 0) return this.isReadShut ? 0 : -EAGAIN;
    const frame = this.head;
    const { words } = this.stack.arena;
    const meta = (frame - HEADROOM) >> 2;
    const payload = words[meta + 1] as number;
    const payloadLength = words[meta + 2] as number;
    const copied = Math.min(length, payloadLength);
    this.stack.arena.copyOut(buffer, offset, payload, copied);
    this.lastLength = payloadLength;
    this.readSource(words[meta + 3] as number, payload);
    if (!peek) this.removeHead();
    return copied;
  }

  /** Sets lastAddress, lastPort, lastDestination and lastTimeToLive from the IP header at `ip` and what stands before `payload`. */
  protected abstract readSource(ip: number, payload: number): void;

  /** Queues a frame whose `payloadLength` bytes stand at `payload`. Owns the frame. False when it was dropped. */
  protected enqueue(frame: number, ip: number, payload: number, payloadLength: number): boolean {
    const { arena } = this.stack;
    const charge = payloadLength + OVERHEAD_BYTES;
    const isFull = this.queuedBytes + charge > this.receiveBufferBytes && this.queuedDatagrams > 0;
    if (isFull || this.isUnderPressure(frame)) {
      this.drops++;
      arena.freeFrame(frame);
      return false;
    }
    const meta = (frame - HEADROOM) >> 2;
    arena.words[meta] = 0;
    arena.words[meta + 1] = payload;
    arena.words[meta + 2] = payloadLength;
    arena.words[meta + 3] = ip;
    if (this.queuedDatagrams++ === 0) this.head = frame;
    else arena.words[(this.tail - HEADROOM) >> 2] = frame;
    this.tail = frame;
    this.queuedBytes += charge;
    this.events.wake(POLLIN | POLLRDNORM);
    return true;
  }

  /** Sets the pending error (a positive errno) and tells who waits. */
  protected raise(errno: number): void {
    this.error = errno;
    this.events.wake(POLLERR | POLLIN | POLLOUT);
  }

  protected clearQueue(): void {
    while (this.queuedDatagrams > 0) this.removeHead();
  }

  /** The route to a destination, looked up only when something changed since the last call. */
  protected routeTo(destination: number, port: number, protocol: "udp"): Route | null {
    const { stack } = this;
    const isKnown =
      this.routeDestination === destination &&
      this.routeSource === this.localAddress &&
      this.routePort === port &&
      this.routeGeneration === stack.routes.generation &&
      this.routeKnown?.netInterface.isUp === true;
    // What goes to 127.x may be granted or taken back at any time.
    if (isKnown && (destination >>> 24 !== 127 || stack.loopbackForward === null)) return this.routeKnown;
    this.routeKnown = stack.route(destination, this.localAddress, port, protocol);
    this.routeDestination = destination;
    this.routeSource = this.localAddress;
    this.routePort = port;
    this.routeGeneration = stack.routes.generation;
    return this.routeKnown;
  }

  /** Datagrams nobody reads must not take the frames that TCP needs. */
  private isUnderPressure(frame: number): boolean {
    const { arena } = this.stack;
    return arena.frameCapacity(frame) === SMALL_FRAME_BYTES
      ? arena.smallFramesInUse > arena.smallFrames * 0.75
      : arena.largeFramesInUse > arena.largeFrames * 0.75;
  }

  private payloadLength(frame: number): number {
    return this.stack.arena.words[((frame - HEADROOM) >> 2) + 2] as number;
  }

  private removeHead(): void {
    const frame = this.head;
    const { arena } = this.stack;
    this.queuedBytes -= this.payloadLength(frame) + OVERHEAD_BYTES;
    this.queuedDatagrams--;
    this.head = arena.words[(frame - HEADROOM) >> 2] as number;
    arena.freeFrame(frame);
  }
}
