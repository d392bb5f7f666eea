/**
 * Two stacks joined by a link that loses, delays, reorders, duplicates and damages frames, on a virtual clock: for tests of what a
 * stream survives.
 */
import { Arena } from "../../../base/arena.ts";
import { nextBelow, nextFraction, SeededRandom } from "../../../base/random.ts";
import type { Device, FrameReceiver } from "../device/device.ts";
import { NetStack } from "../stack.ts";
import type { TcpConnection } from "./connection.ts";
import type { TcpSocketOptions } from "./connection-options.ts";
import type { TcpListener } from "./listener.ts";
import { ArenaRingMemory, type ArenaRingMemoryOptions } from "./ring-memory.ts";
import type { TcpOptions } from "./tcp-options.ts";

export interface Weather {
  /** Probabilities per frame. */
  loss?: number;
  duplicate?: number;
  corrupt?: number;
  reorder?: number;
  /** One way, milliseconds. */
  delay?: number;
  jitter?: number;
  mtu?: number;
  /** Frames on the way in one direction; more are dropped, as in a router's queue. */
  queueFrames?: number;
}

interface Flying {
  at: number;
  order: number;
  bytes: Uint8Array;
}

class LinkEnd implements Device {
  readonly linkType = "ethernet";
  readonly mtu: number;
  peer: LinkEnd | null = null;
  private readonly network: BadNetwork;
  private receive: FrameReceiver = () => {};
  /** Ordered by arrival. */
  readonly flying: Flying[] = [];

  constructor(network: BadNetwork, mtu: number) {
    this.network = network;
    this.mtu = mtu;
  }

  transmit(frame: number, length: number): void {
    const { arena, random, weather } = this.network;
    const bytes = arena.bytes.slice(frame, frame + length);
    arena.freeFrame(frame);
    this.network.frames++;
    if (this.flying.length >= (weather.queueFrames ?? 10_000)) return;
    if (nextFraction(random) < (weather.loss ?? 0)) return;
    if (nextFraction(random) < (weather.corrupt ?? 0)) {
      // Behind the Ethernet header: the MAC addresses have no checksum here, so a wrong one would only be another loss.
      const bit = 14 * 8 + nextBelow(random, (length - 14) * 8);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    this.launch(bytes);
    if (nextFraction(random) < (weather.duplicate ?? 0)) this.launch(bytes.slice());
  }

  attach(receive: FrameReceiver): void {
    this.receive = receive;
  }

  private launch(bytes: Uint8Array): void {
    const { random, weather, now } = this.network;
    let delay = (weather.delay ?? 0) + nextFraction(random) * (weather.jitter ?? 0);
    if (nextFraction(random) < (weather.reorder ?? 0))
      delay += 1 + nextFraction(random) * 3 * (1 + (weather.delay ?? 0));
    const flying = { at: now + delay, order: this.network.order++, bytes };
    let at = this.flying.length;
    while (at > 0 && this.flying[at - 1]!.at > flying.at) at--;
    this.flying.splice(at, 0, flying);
  }

  nextArrival(): number {
    return this.flying[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Hands what has arrived to the other end. */
  land(now: number): void {
    const { arena } = this.network;
    while (this.flying.length > 0 && this.flying[0]!.at <= now) {
      const { bytes } = this.flying.shift()!;
      const frame = arena.allocateFrame(bytes.length);
      if (frame === 0) continue;
      arena.bytes.set(bytes, frame);
      this.peer!.receive(frame, bytes.length);
    }
  }
}

export interface BadNetworkOptions extends Weather {
  seed: number;
  tcp?: TcpOptions;
  clientTcp?: TcpOptions;
  memory?: ArenaRingMemoryOptions;
  arena?: Arena;
}

export const CLIENT_ADDRESS = 0x0a00_0001;
export const SERVER_ADDRESS = 0x0a00_0002;

let reusable: Arena | null = null;

export class BadNetwork {
  readonly arena: Arena;
  readonly random: SeededRandom;
  weather: Weather;
  now = 1000;
  order = 0;
  frames = 0;
  readonly client: NetStack;
  readonly server: NetStack;
  private readonly ends: [LinkEnd, LinkEnd];

  constructor(options: BadNetworkOptions) {
    reusable ??= new Arena({ totalBytes: 64 << 20, smallFrames: 8000, largeFrames: 64, checked: true });
    this.arena = options.arena ?? reusable;
    this.random = new SeededRandom(options.seed);
    this.weather = {};
    const mtu = options.mtu ?? 1500;
    this.ends = [new LinkEnd(this, mtu), new LinkEnd(this, mtu)];
    this.ends[0].peer = this.ends[1];
    this.ends[1].peer = this.ends[0];
    this.client = this.makeStack(
      options.seed + 1,
      CLIENT_ADDRESS,
      this.ends[0],
      options.clientTcp ?? options.tcp,
      options,
    );
    this.server = this.makeStack(options.seed + 2, SERVER_ADDRESS, this.ends[1], options.tcp, options);
    this.client.interfaces[0]!.neighbours.setPermanent(SERVER_ADDRESS, this.server.interfaces[0]!.macAddress);
    this.server.interfaces[0]!.neighbours.setPermanent(CLIENT_ADDRESS, this.client.interfaces[0]!.macAddress);
    this.weather = options;
  }

  private makeStack(
    seed: number,
    address: number,
    device: Device,
    tcp: TcpOptions | undefined,
    options: BadNetworkOptions,
  ): NetStack {
    const stack = new NetStack({
      arena: this.arena,
      random: new SeededRandom(seed),
      ringMemory: new ArenaRingMemory(this.arena, options.memory),
      ...(tcp === undefined ? {} : { tcp }),
    });
    stack.addInterface({ name: "eth0", device, addresses: [{ address, prefixLength: 24 }] });
    return stack;
  }

  listen(port = 80, backlog = 16, options?: TcpSocketOptions): TcpListener {
    const reservation = this.server.tcp.ports.reserve(0, port, { reuseAddress: false, reusePort: false });
    if (typeof reservation === "number") throw new Error(`bind: ${reservation}`);
    const listener = this.server.tcp.listen({ reservation, backlog, ...(options === undefined ? {} : { options }) });
    if (typeof listener === "number") throw new Error(`listen: ${listener}`);
    return listener;
  }

  connect(port = 80, options?: TcpSocketOptions): TcpConnection {
    const connection = this.client.tcp.connect({
      remoteAddress: SERVER_ADDRESS,
      remotePort: port,
      ...(options === undefined ? {} : { options }),
    });
    if (typeof connection === "number") throw new Error(`connect: ${connection}`);
    return connection;
  }

  /** Does everything that is due now. */
  settle(): void {
    for (let turn = 0; turn < 100_000; turn++) {
      for (const end of this.ends) end.land(this.now);
      if (!this.client.needsPoll && !this.server.needsPoll && this.nextEvent() > this.now) return;
      this.client.poll(this.now);
      this.server.poll(this.now);
    }
    throw new Error("the network does not come to rest");
  }

  nextEvent(): number {
    return Math.min(this.client.pollAt(), this.server.pollAt(), this.ends[0].nextArrival(), this.ends[1].nextArrival());
  }

  /** Moves to the next event; false when there will never be one, or none before `until`. */
  step(until: number = Number.POSITIVE_INFINITY): boolean {
    const next = this.nextEvent();
    if (next === Number.POSITIVE_INFINITY || next > until) return false;
    this.now = Math.max(this.now, next);
    this.settle();
    return true;
  }

  /** Lets time pass. */
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    this.settle();
    while (this.step(end));
    this.now = end;
    this.settle();
  }
}
