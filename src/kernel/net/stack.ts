/**
 * The TCP/IP stack, sans-I/O: frames and the time go in (`receive`, `poll`), frames go out through devices, and `pollAt`
 * says when to come back. It reads no clock, starts no timer and draws randomness only from the source it is given.
 */
import type { Arena } from "../../base/arena.ts";
import { FRAME_HEADROOM_BYTES } from "../../base/arena.ts";
import { prefixMask } from "../../base/ipv4-address.ts";
import type { RandomSource } from "../../base/random.ts";
import { TimerHeap } from "../../base/timers.ts";
import { Counters } from "./counters.ts";
import { Icmp } from "./icmp/icmp.ts";
import { type InterfaceConfig, NetInterface } from "./interface.ts";
import {
  isLoopbackAddress,
  isMulticastAddress,
  LIMITED_BROADCAST_ADDRESS,
  LOOPBACK_ADDRESS,
  swapWord,
} from "./ip/addresses.ts";
import { Ipv4 } from "./ip/ipv4.ts";
import { RawSockets } from "./ip/raw.ts";
import { type Route, RouteTable } from "./ip/routes.ts";
import type { RingMemory } from "./tcp/ring-memory.ts";
import { Tcp, type TcpOptions } from "./tcp/tcp.ts";
import { Udp } from "./udp/udp.ts";

export interface NetStackOptions {
  arena: Arena;
  random: RandomSource;
  tcp?: TcpOptions;
  /** Where TCP's rings come from; default: blocks of the arena. */
  ringMemory?: RingMemory;
  /** Sixteen bytes for keyed hashes (initial sequence numbers, ports); default: drawn from `random`. */
  hostSecret?: Uint8Array;
  /** Takes packets to every address as its own ("any IP"): for a gateway. */
  forwardAny?: boolean;
  /** Frames that may wait in `receive`'s queue; more are dropped. Default 16,384. */
  receiveQueueLimit?: number;
  /** Received frames that one poll() works off at most. Default 1,024. */
  framesPerPoll?: number;
}

const HEADROOM = FRAME_HEADROOM_BYTES;
/** What one round of poll() is charged beyond its frames: output alone must not go on for ever either. */
const ROUND_COST = 8;
/** How often close() polls to let resets out. */
const CLOSING_ROUNDS = 64;

export class NetStack {
  readonly arena: Arena;
  readonly random: RandomSource;
  readonly timers: TimerHeap = new TimerHeap();
  readonly counters: Counters = new Counters();
  readonly interfaces: NetInterface[] = [];
  readonly routes: RouteTable = new RouteTable();
  readonly hostSecret: Uint8Array;
  readonly forwardAny: boolean;
  readonly ipv4: Ipv4;
  readonly icmp: Icmp;
  readonly raw: RawSockets;
  readonly udp: Udp;
  readonly tcp: Tcp;

  /** Milliseconds, as the last poll() was told. Outside poll() it may be long past: arm timers and send in poll(). */
  now = 0;
  isPolling = false;
  isClosed = false;
  /** Frames or output wait for a poll(). */
  needsPoll = false;
  /** Called when `needsPoll` turns true outside poll(). Must not call poll() itself. */
  onNeedsPoll: (() => void) | null = null;
  /** Says whether what a local program sends to 127.0.0.0/8 on a port where nobody listens goes to the default gateway. */
  loopbackForward: ((port: number, protocol: "tcp" | "udp") => boolean) | null = null;
  loopback: NetInterface | null = null;

  /** Raw (as loaded from a packet) addresses that are ours, and broadcast addresses of our subnets. */
  private localRaw: Int32Array = new Int32Array(0);
  private broadcastRaw: Int32Array = new Int32Array(0);

  private readonly receiveQueueLimit: number;
  private readonly framesPerPoll: number;
  private queueHead = 0;
  private queueTail = 0;
  private queueCount = 0;
  private outputRequested = false;

  constructor(options: NetStackOptions) {
    this.arena = options.arena;
    this.random = options.random;
    this.forwardAny = options.forwardAny ?? false;
    this.receiveQueueLimit = options.receiveQueueLimit ?? 16_384;
    this.framesPerPoll = options.framesPerPoll ?? 1024;
    this.hostSecret = new Uint8Array(16);
    if (options.hostSecret === undefined) this.random.fill(this.hostSecret, 0, 16);
    else this.hostSecret.set(options.hostSecret.subarray(0, 16));
    this.ipv4 = new Ipv4(this);
    this.icmp = new Icmp(this);
    this.raw = new RawSockets(this);
    this.udp = new Udp(this);
    this.tcp = new Tcp(this, options.tcp ?? {}, options.ringMemory);
  }

  /** Adds an interface, with a route to the subnet of each of its addresses. */
  addInterface(config: InterfaceConfig): NetInterface {
    const netInterface = new NetInterface(this, this.interfaces.length, config, this.macAddressFor(config));
    this.interfaces.push(netInterface);
    if (netInterface.isLoopback) this.loopback ??= netInterface;
    for (const { address, prefixLength } of netInterface.addresses) {
      const destination = (address & prefixMask(prefixLength)) >>> 0;
      this.routes.add({ destination, prefixLength, netInterface, source: address });
    }
    this.indexAddresses();
    config.device.attach((frame, length) => this.receive(netInterface, frame, length));
    if (config.device.poll !== undefined) config.device.onNeedsPoll = () => this.requestPoll();
    return netInterface;
  }

  /** A frame has arrived; ownership passes. Queues it for poll(); drops it when the queue is full. */
  receive(netInterface: NetInterface, frame: number, length: number): void {
    if (this.queueCount >= this.receiveQueueLimit || !netInterface.isUp || this.isClosed) {
      netInterface.receiveDrops++;
      this.counters.LinkBacklogDrops++;
      this.arena.freeFrame(frame);
      return;
    }
    const words = this.arena.words;
    const meta = (frame - HEADROOM) >> 2;
    words[meta] = 0;
    words[meta + 1] = length;
    words[meta + 2] = netInterface.index;
    if (this.queueCount++ === 0) this.queueHead = frame;
    else words[(this.queueTail - HEADROOM) >> 2] = frame;
    this.queueTail = frame;
    if (!this.needsPoll) this.signal();
  }

  /** Asks for a poll(): something is to be sent, or a timer was armed for a time already past. */
  requestPoll(): void {
    if (this.isClosed) return;
    this.outputRequested = true;
    if (!this.needsPoll) this.signal();
  }

  /**
   * Works off received frames, fires timers, lets the protocols send. Does a bounded amount of work: while `needsPoll` is
   * still true on return, call again. True when anything happened.
   */
  poll(nowMilliseconds: number): boolean {
    if (this.isPolling || this.isClosed) return false;
    this.now = nowMilliseconds;
    this.isPolling = true;
    try {
      return this.work(nowMilliseconds);
    } finally {
      this.isPolling = false;
      // Connections that have had their turn and want another get it in the next poll.
      if (this.tcp.hasPendingOutput) this.outputRequested = true;
      this.needsPoll = this.queueCount > 0 || this.outputRequested;
    }
  }

  /** When to call poll() next: `now` when something waits already, Infinity when nothing ever will. */
  pollAt(): number {
    if (this.isClosed) return Number.POSITIVE_INFINITY;
    if (this.needsPoll) return this.now;
    let at = this.timers.nextDeadline();
    for (const { device } of this.interfaces) {
      if (device.pollAt !== undefined) at = Math.min(at, device.pollAt());
    }
    return at;
  }

  /**
   * Ends the stack: resets connections, closes endpoints, gives every frame and ring back to the arena, which others may
   * share. Nothing is received or sent from here on.
   */
  close(nowMilliseconds: number): void {
    if (this.isClosed) return;
    for (const listener of [...this.tcp.listeners()]) listener.close();
    for (const connection of [...this.tcp.connections()]) connection.abort();
    for (const endpoint of [...this.udp.endpoints()]) endpoint.close();
    for (const endpoint of [...this.icmp.endpoints()]) endpoint.close();
    for (const endpoint of [...this.raw.endpoints()]) endpoint.close();
    for (let round = 0; round < CLOSING_ROUNDS; round++) if (!this.poll(nowMilliseconds)) break;
    this.isClosed = true;
    this.needsPoll = false;
    while (this.queueCount > 0) {
      const frame = this.queueHead;
      this.queueHead = this.arena.words[(frame - HEADROOM) >> 2] as number;
      this.queueCount--;
      this.arena.freeFrame(frame);
    }
    this.ipv4.reassembly.clear();
    for (const netInterface of this.interfaces) {
      netInterface.neighbours.clear();
      netInterface.isUp = false;
      netInterface.device.close?.();
    }
  }

  /**
   * How to reach `destination`; null for ENETUNREACH. `source` (0: choose) is kept if given. `destinationPort` and
   * `protocol` let a grant send what is meant for an unused port of 127.0.0.0/8 to the gateway.
   */
  route(destination: number, source = 0, destinationPort = 0, protocol: "tcp" | "udp" = "tcp"): Route | null {
    const target = destination === 0 ? LOOPBACK_ADDRESS : destination;
    if (this.isLocalAddress(target)) {
      if (destinationPort !== 0 && isLoopbackAddress(target) && this.loopbackForward !== null) {
        const forwarded = this.routeForwarded(target, source, destinationPort, protocol);
        if (forwarded !== null) return forwarded;
      }
      const netInterface = this.loopback;
      if (netInterface === null || !netInterface.isUp) return null;
      const own = isLoopbackAddress(target) ? LOOPBACK_ADDRESS : target;
      return { netInterface, nextHop: target, source: source || own, mtu: Math.min(netInterface.mtu, 65_535) };
    }
    // RFC 1122 3.2.1.3 (g): 127.x must not appear outside a host.
    if (isLoopbackAddress(source) && !this.forwardAny) return null;
    let entry = this.routes.lookup(target);
    if (entry === null && (target === LIMITED_BROADCAST_ADDRESS || isMulticastAddress(target))) {
      for (const netInterface of this.interfaces) {
        if (netInterface.isLoopback || !netInterface.isUp) continue;
        entry = { destination: target, prefixLength: 32, gateway: 0, netInterface, source: 0, metric: 0 };
        break;
      }
    }
    if (entry === null) return null;
    const { netInterface } = entry;
    const direct = entry.gateway === 0 || target === LIMITED_BROADCAST_ADDRESS || isMulticastAddress(target);
    const nextHop = direct ? target : entry.gateway;
    const chosen = source || entry.source || netInterface.sourceFor(nextHop);
    return { netInterface, nextHop, source: chosen, mtu: Math.min(netInterface.mtu, 65_535) };
  }

  /** True for an address that packets to us may carry (not for broadcasts). */
  isLocalAddress(address: number): boolean {
    if (address >>> 24 === 127) return this.loopback !== null;
    for (const netInterface of this.interfaces) if (netInterface.hasAddress(address)) return true;
    return false;
  }

  /** The same for an address as loaded from a packet; 127.0.0.0/8 is the caller's. */
  isLocalRaw(raw: number): boolean {
    const local = this.localRaw;
    for (let k = 0; k < local.length; k++) if (local[k] === raw) return true;
    return false;
  }

  /** True for the broadcast address of one of our subnets and for 255.255.255.255, as loaded from a packet. */
  isBroadcastRaw(raw: number): boolean {
    const broadcasts = this.broadcastRaw;
    for (let k = 0; k < broadcasts.length; k++) if (broadcasts[k] === raw) return true;
    return raw === -1;
  }

  private routeForwarded(target: number, source: number, port: number, protocol: "tcp" | "udp"): Route | null {
    const taken = protocol === "tcp" ? this.tcp.isListening(target, port) : this.udp.isBound(target, port);
    if (taken || this.loopbackForward?.(port, protocol) !== true) return null;
    const gateway = this.routes.list().find((e) => e.prefixLength === 0 && e.gateway !== 0 && e.netInterface.isUp);
    if (gateway === undefined) return null;
    const { netInterface } = gateway;
    const own = source === 0 || isLoopbackAddress(source) ? netInterface.sourceFor(gateway.gateway) : source;
    return { netInterface, nextHop: gateway.gateway, source: own, mtu: Math.min(netInterface.mtu, 65_535) };
  }

  private work(nowMilliseconds: number): boolean {
    this.pollDevices();
    let budget = this.framesPerPoll;
    let happened = false;
    for (;;) {
      const requested = this.outputRequested;
      this.outputRequested = false;
      const drained = this.drain(budget);
      budget -= drained + ROUND_COST;
      const fired = this.timers.expire(nowMilliseconds);
      this.tcp.output();
      if (drained === 0 && fired === 0 && !requested) break;
      happened = true;
      if (budget <= 0 || (this.queueCount === 0 && !this.outputRequested)) break;
    }
    // What was handed to a device that holds frames back gets its time now.
    this.pollDevices();
    return happened;
  }

  private pollDevices(): void {
    for (const { device } of this.interfaces) device.poll?.(this.now);
  }

  private drain(limit: number): number {
    const words = this.arena.words;
    let drained = 0;
    while (this.queueCount > 0 && drained < limit) {
      const frame = this.queueHead;
      const meta = (frame - HEADROOM) >> 2;
      this.queueHead = words[meta] as number;
      this.queueCount--;
      drained++;
      const netInterface = this.interfaces[words[meta + 2] as number] as NetInterface;
      this.ipv4.inputFrame(netInterface, frame, words[meta + 1] as number);
    }
    return drained;
  }

  private signal(): void {
    this.needsPoll = true;
    if (!this.isPolling) this.onNeedsPoll?.();
  }

  private macAddressFor(config: InterfaceConfig): Uint8Array {
    if (config.macAddress !== undefined) return config.macAddress;
    const mac = new Uint8Array(6);
    if (config.device.linkType === "loopback") return mac;
    this.random.fill(mac, 0, 6);
    mac[0] = ((mac[0] as number) & 0xfc) | 2; // locally administered, unicast
    return mac;
  }

  private indexAddresses(): void {
    const local: number[] = [];
    const broadcasts: number[] = [];
    for (const { addresses } of this.interfaces) {
      for (const { address, prefixLength } of addresses) {
        // 127.x is ours on the loopback interface alone: Ipv4 sees to that.
        if (isLoopbackAddress(address)) continue;
        local.push(swapWord(address));
        if (prefixLength < 31) broadcasts.push(swapWord(address | ~prefixMask(prefixLength)));
      }
    }
    this.localRaw = Int32Array.from(local);
    this.broadcastRaw = Int32Array.from(broadcasts);
  }
}
