/** Two TCP/IP stacks in one arena, joined by a cable of Ethernet frames; or one stack that talks to itself over loopback. */
import { type Arena, sharedArena } from "../src/base/arena.ts";
import { parseIpv4 } from "../src/base/ipv4-address.ts";
import { SeededRandom } from "../src/base/random.ts";
import type { Device } from "../src/kernel/net/device/device.ts";
import { createLoopback } from "../src/kernel/net/device/loopback.ts";
import { NetStack } from "../src/kernel/net/stack.ts";
import type { TcpConnection } from "../src/kernel/net/tcp/connection.ts";
import type { TcpListener } from "../src/kernel/net/tcp/listener.ts";

const PORT = 8080;
/** Polls without progress before a bench gives up rather than hang. */
const MAXIMUM_IDLE_POLLS = 1_000_000;

/** A device whose frames arrive at its peer at once (the peer's stack only queues them). */
class CableEnd implements Device {
  readonly mtu = 1500;
  readonly linkType = "ethernet";
  peer: CableEnd | null = null;
  frames = 0;
  private receive: ((frame: number, length: number) => void) | null = null;

  transmit(frame: number, length: number): void {
    this.frames++;
    this.peer?.receive?.(frame, length);
  }

  attach(receive: (frame: number, length: number) => void): void {
    this.receive = receive;
  }
}

/** Both ends of connections, and the polling that moves bytes between them. */
export class StackPair {
  readonly client: NetStack;
  readonly server: NetStack;
  /** Time as the stacks see it. Benches of many short connections let it pass faster than the clock on the wall. */
  now = 0;
  private readonly serverAddress: number;
  private readonly listener: TcpListener;
  private readonly ends: readonly CableEnd[];

  constructor(kind: "ethernet" | "loopback", backlog = 128) {
    const arena = sharedArena();
    this.client = makeStack(arena, 1);
    if (kind === "loopback") {
      createLoopback(this.client);
      this.server = this.client;
      this.serverAddress = address("127.0.0.1");
      this.ends = [];
    } else {
      this.server = makeStack(arena, 2);
      const ends = [new CableEnd(), new CableEnd()] as const;
      ends[0].peer = ends[1];
      ends[1].peer = ends[0];
      this.ends = ends;
      this.serverAddress = address("10.9.0.2");
      const [a, b] = [address("10.9.0.1"), this.serverAddress];
      this.client.addInterface({ name: "eth0", device: ends[0], addresses: [{ address: a, prefixLength: 24 }] });
      this.server.addInterface({ name: "eth0", device: ends[1], addresses: [{ address: b, prefixLength: 24 }] });
    }
    const reservation = this.server.tcp.ports.reserve(0, PORT, { reuseAddress: true, reusePort: false });
    if (typeof reservation === "number") throw new Error(`reserve: errno ${-reservation}`);
    const listener = this.server.tcp.listen({ reservation, backlog });
    if (typeof listener === "number") throw new Error(`listen: errno ${-listener}`);
    this.listener = listener;
  }

  /** Frames that went over the cable, both ways. */
  get frames(): number {
    return this.ends.reduce((sum, end) => sum + end.frames, 0);
  }

  /** One poll of each stack. */
  poll(now: number): void {
    this.now = now;
    this.client.poll(now);
    if (this.server !== this.client) this.server.poll(now);
  }

  /** Lets both stacks work until the condition holds, `stepMilliseconds` of their time after each poll without. */
  pollUntil(holds: () => boolean, stepMilliseconds: number): void {
    for (let polls = 0; !holds(); polls++) {
      if (polls > MAXIMUM_IDLE_POLLS) throw new Error("nothing happens any more");
      if (!this.client.needsPoll && !this.server.needsPoll) this.now += stepMilliseconds;
      this.poll(this.now);
    }
  }

  /** A connection that stands: the client's end and the server's. */
  connect(): [TcpConnection, TcpConnection] {
    const client = this.client.tcp.connect({ remoteAddress: this.serverAddress, remotePort: PORT });
    if (typeof client === "number") throw new Error(`connect: errno ${-client}`);
    let server: TcpConnection | null = null;
    this.pollUntil(() => {
      server ??= this.listener.accept();
      return server !== null && client.isEstablished;
    }, 0.1);
    return [client, server as unknown as TcpConnection];
  }
}

/** Sends bytes from one end and takes them at the other until so many have arrived. Returns when the last one has. */
export function transfer(
  pair: StackPair,
  from: TcpConnection,
  to: TcpConnection,
  bytes: number,
  clock: () => number,
): void {
  const out = new Uint8Array(65_536).fill(0x5a);
  const into = new Uint8Array(65_536);
  let toSend = bytes;
  let toReceive = bytes;
  let idle = 0;
  while (toReceive > 0) {
    while (toSend > 0) {
      const taken = from.send(out, 0, Math.min(out.length, toSend));
      if (taken < 0) throw new Error(`send: errno ${-taken}`);
      if (taken === 0) break;
      toSend -= taken;
    }
    pair.poll(clock());
    const before = toReceive;
    for (;;) {
      const got = to.receive(into, 0, into.length);
      if (got < 0) throw new Error(`receive: errno ${-got}`);
      if (got === 0) break;
      toReceive -= got;
    }
    idle = toReceive === before ? idle + 1 : 0;
    if (idle > MAXIMUM_IDLE_POLLS) throw new Error("the transfer stands still");
  }
}

function makeStack(arena: Arena, seed: number): NetStack {
  return new NetStack({ arena, random: new SeededRandom(seed) });
}

function address(text: string): number {
  const parsed = parseIpv4(text);
  if (parsed === undefined) throw new Error(`not an address: ${text}`);
  return parsed;
}
