/** A guest's stack on a gateway whose host is made up: tests say what the host's sockets and resolver do. */
import { Arena } from "../../base/arena.ts";
import { VirtualClock } from "../../base/clock.ts";
import { parseIpv4 } from "../../base/ipv4-address.ts";
import { SeededRandom } from "../../base/random.ts";
import { createLoopback } from "../../kernel/net/device/loopback.ts";
import { NetStack } from "../../kernel/net/stack.ts";
import { GATEWAY_ADDRESS, Gateway, type GatewayOptions, GUEST_ADDRESS } from "./gateway.ts";
import { parseGrants } from "./grant-syntax.ts";
import type {
  HostDatagramEvents,
  HostDatagramSocket,
  HostListener,
  HostRecord,
  HostResolver,
  HostSockets,
  HostStream,
  HostStreamEvents,
  Resolution,
} from "./host-sockets.ts";

export const ip = (text: string): number => parseIpv4(text) as number;

export class FakeStream implements HostStream {
  events: HostStreamEvents | null;
  readonly remoteAddress: number;
  readonly remotePort: number;
  readonly log: string[] = [];
  /** What the guest has sent. */
  readonly received: number[] = [];
  /** Writes that the host takes before it lets one wait. */
  room = Number.POSITIVE_INFINITY;
  isReading = false;
  private held: Uint8Array = new Uint8Array(0);
  private buffer: Uint8Array | null = null;
  private isWaiting = false;
  private endWaits = false;

  constructor(address: number, port: number, events: HostStreamEvents | null = null) {
    this.remoteAddress = address;
    this.remotePort = port;
    this.events = events;
  }

  writeBuffer(wanted: number): Uint8Array | null {
    if (this.isWaiting) return null;
    this.buffer = new Uint8Array(Math.min(wanted, 65_536));
    return this.buffer;
  }
  write(length: number): boolean {
    for (const byte of (this.buffer as Uint8Array).subarray(0, length)) this.received.push(byte);
    this.isWaiting = --this.room <= 0;
    return !this.isWaiting;
  }
  /** The host has drained. */
  drain(room = Number.POSITIVE_INFINITY): void {
    this.room = room;
    this.isWaiting = false;
    this.events?.onWritable();
  }
  /** Bytes arrive from the host; what is not taken is kept. */
  deliver(bytes: Uint8Array): void {
    const all = new Uint8Array(this.held.length + bytes.length);
    all.set(this.held);
    all.set(bytes, this.held.length);
    this.held = all;
    if (this.isReading) this.offer();
  }
  /** The host has finished sending; told behind the last byte. */
  hangUp(): void {
    this.endWaits = this.held.length > 0;
    if (!this.endWaits) this.events?.onEnd();
  }
  get heldBytes(): number {
    return this.held.length;
  }
  end(): void {
    this.log.push("end");
  }
  resume(): void {
    this.isReading = true;
    this.offer();
  }
  reset(): void {
    this.log.push("reset");
    this.events = null;
  }
  close(): void {
    this.log.push("close");
    this.events = null;
  }
  private offer(): void {
    if (this.held.length === 0) return;
    const taken = this.events?.onData(this.held, 0, this.held.length) ?? 0;
    this.isReading = taken === this.held.length;
    this.held = this.held.subarray(taken);
    if (this.held.length > 0 || !this.endWaits) return;
    this.endWaits = false;
    this.events?.onEnd();
  }
}

export class FakeDatagramSocket implements HostDatagramSocket {
  readonly port: number;
  readonly sent: { text: string; address: number; port: number }[] = [];
  isClosed = false;
  readonly events: HostDatagramEvents;
  readonly peer: string;

  constructor(port: number, peer: string, events: HostDatagramEvents) {
    this.port = port;
    this.peer = peer;
    this.events = events;
  }
  send(bytes: Uint8Array, offset: number, length: number, address = 0, port = 0): void {
    this.sent.push({ text: new TextDecoder().decode(bytes.subarray(offset, offset + length)), address, port });
  }
  close(): void {
    this.isClosed = true;
  }
}

export class FakeHost implements HostSockets, HostResolver {
  readonly streams: FakeStream[] = [];
  readonly datagrams: FakeDatagramSocket[] = [];
  readonly accept: ((stream: HostStream) => void)[] = [];
  readonly names: Record<string, Resolution<number>> = {};
  readonly asked: string[] = [];

  connectStream(address: number, port: number, events: HostStreamEvents): HostStream {
    const stream = new FakeStream(address, port, events);
    this.streams.push(stream);
    return stream;
  }
  listenStream(_address: string, port: number, onConnection: (stream: HostStream) => void): Promise<HostListener> {
    this.accept.push(onConnection);
    return Promise.resolve({ port, close: () => {} });
  }
  connectDatagram(address: number, port: number, events: HostDatagramEvents): HostDatagramSocket {
    const socket = new FakeDatagramSocket(0, `${address}:${port}`, events);
    this.datagrams.push(socket);
    return socket;
  }
  bindDatagram(_address: string, port: number, events: HostDatagramEvents): Promise<HostDatagramSocket> {
    const socket = new FakeDatagramSocket(port, "", events);
    this.datagrams.push(socket);
    return Promise.resolve(socket);
  }
  addresses(name: string): Promise<Resolution<number>> {
    this.asked.push(name);
    return Promise.resolve(this.names[name] ?? { status: "absent", nameExists: false });
  }
  records(): Promise<Resolution<HostRecord>> {
    return Promise.resolve({ status: "absent", nameExists: true });
  }
}

export class Network {
  readonly clock: VirtualClock = new VirtualClock();
  readonly arena: Arena = new Arena({ totalBytes: 1 << 26, smallFrames: 4096, largeFrames: 16, checked: true });
  readonly host: FakeHost = new FakeHost();
  readonly log: string[] = [];
  readonly gateway: Gateway;
  readonly guest: NetStack;

  constructor(allowNet: string | boolean, options: Partial<GatewayOptions> = {}) {
    this.gateway = new Gateway({
      arena: this.arena,
      random: new SeededRandom(1),
      clock: this.clock,
      sockets: this.host,
      resolver: this.host,
      grants: parseGrants(allowNet),
      log: (line) => this.log.push(line),
      ...options,
    });
    this.guest = new NetStack({ arena: this.arena, random: new SeededRandom(2) });
    createLoopback(this.guest);
    const netInterface = this.guest.addInterface({
      name: "eth0",
      device: this.gateway.device,
      addresses: [{ address: GUEST_ADDRESS, prefixLength: 24 }],
    });
    this.guest.routes.add({
      destination: 0,
      prefixLength: 0,
      gateway: GATEWAY_ADDRESS,
      netInterface,
      source: GUEST_ADDRESS,
    });
    this.guest.loopbackForward = this.gateway.forwardsLoopback;
  }

  /** Polls until nothing happens any more. */
  settle(): void {
    for (let round = 0; round < 1000; round++) {
      const happened = this.guest.poll(this.clock.monotonicMilliseconds());
      if (!happened && !this.guest.needsPoll && !this.gateway.stack.needsPoll) return;
    }
    throw new Error("the network does not come to rest");
  }

  /** The same with everything that promises still have to say. */
  async rest(): Promise<void> {
    for (let k = 0; k < 3; k++) {
      this.settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.settle();
  }

  /** Lets time pass, deadline by deadline. */
  pass(milliseconds: number): void {
    const end = this.clock.monotonicMilliseconds() + milliseconds;
    this.settle();
    for (let at = this.guest.pollAt(); at <= end; at = this.guest.pollAt()) {
      this.clock.advanceTo(at);
      this.settle();
    }
    this.clock.advanceTo(end);
    this.settle();
  }
}
