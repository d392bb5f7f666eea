/**
 * The small kernel of calls.fixture.ts with a network: a stack with loopback, a socket table and a resolver. Several such kernels may
 * share a switch and a clock. A turn goes as the real kernel's; time moves when a test says so.
 */
import { AF_INET, SO_ERROR, SOCK_DGRAM, SOCK_STREAM, SOCKADDR_IN_BYTES, SOL_SOCKET } from "../../abi/socket.ts";
import { Arena } from "../../base/arena.ts";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { Gate } from "../gate/gate.ts";
import { SyscallTable } from "../gate/syscall-table.ts";
import type { Device } from "../net/device/device.ts";
import { createLoopback } from "../net/device/loopback.ts";
import { NetStack } from "../net/stack.ts";
import type { TcpOptions } from "../net/tcp/tcp.ts";
import { Resolver, type ResolverOptions } from "../resolver/resolver.ts";
import { type BufferPool, type BufferPoolOptions, createBufferPool } from "../socket/buffer-pool.ts";
import { SocketTable } from "../socket/socket-table.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";
import { MountTable } from "../vfs/mount-table.ts";
import { type Outcome, TestKernel, TestProgram } from "./calls.fixture.ts";
import { descriptorCalls } from "./descriptor.ts";
import { epollCalls } from "./epoll.ts";
import { identityCalls } from "./identity.ts";
import { linkCalls } from "./link.ts";
import { messageCalls } from "./message.ts";
import { pipeCalls } from "./pipe.ts";
import { pollCalls } from "./poll.ts";
import { processCalls } from "./process.ts";
import { readWriteCalls } from "./read-write.ts";
import { resolveHostCalls } from "./resolve-host.ts";
import { signalCalls } from "./signal.ts";
import { socketCalls } from "./socket.ts";
import { socketIoCalls } from "./socket-io.ts";
import { socketOptionCalls } from "./socket-option.ts";
import { spliceCalls } from "./splice.ts";
import { statCalls } from "./stat.ts";

export const LOOPBACK = 0x7f00_0001;

const calls = [
  ...descriptorCalls,
  ...epollCalls,
  ...identityCalls,
  ...linkCalls,
  ...messageCalls,
  ...pipeCalls,
  ...pollCalls,
  ...processCalls,
  ...readWriteCalls,
  ...resolveHostCalls,
  ...signalCalls,
  ...spliceCalls,
  ...statCalls,
  ...socketCalls,
  ...socketIoCalls,
  ...socketOptionCalls,
];

export interface NetOptions {
  seed?: number;
  pool?: BufferPoolOptions;
  tcp?: TcpOptions;
  resolver?: ResolverOptions;
  arena?: Arena;
  clock?: VirtualClock;
  maximumSockets?: number;
}

/** An arena that complains about double frees; plain JavaScript, so that many of them cost nothing. */
export function testArena(): Arena {
  return new Arena({ totalBytes: 1 << 26, webAssembly: false, checked: true });
}

export class NetKernel extends TestKernel {
  override readonly clock: VirtualClock;
  override readonly random: SeededRandom;
  override readonly gate: Gate;
  readonly arena: Arena;
  readonly pool: BufferPool;
  readonly net: NetStack;
  readonly sockets: SocketTable;
  override readonly mounts: MountTable;
  readonly resolver: Resolver;
  /** Kernels on the same wire: they run when this one does. */
  readonly neighbours: NetKernel[] = [this];

  constructor(options: NetOptions = {}) {
    super();
    this.clock = options.clock ?? new VirtualClock();
    this.random = new SeededRandom(options.seed ?? 1);
    this.arena = options.arena ?? testArena();
    this.pool = createBufferPool(this.arena, options.pool);
    this.net = new NetStack({
      arena: this.arena,
      random: this.random,
      ringMemory: this.pool,
      ...(options.tcp === undefined ? {} : { tcp: options.tcp }),
    });
    createLoopback(this.net);
    this.mounts = new MountTable(new MemFs({ clock: this.clock, maximumBytes: 1 << 20 }));
    const limits = options.maximumSockets === undefined ? {} : { maximum: options.maximumSockets };
    this.sockets = new SocketTable(this.net, this.pool, limits);
    this.resolver = new Resolver(this, options.resolver ?? { nameservers: [] });
    const table = new SyscallTable(calls);
    this.gate = new Gate(this.system, { linux: table, akuma: table });
  }

  /** Adds an interface with a default route through `gateway`, if given. */
  attach(name: string, device: Device, address: number, gateway = 0): void {
    const netInterface = this.net.addInterface({ name, device, addresses: [{ address, prefixLength: 24 }] });
    if (gateway !== 0) {
      this.net.routes.add({ destination: 0, prefixLength: 0, gateway, netInterface, source: address });
    }
  }

  /** Puts both on one wire. */
  join(other: NetKernel): void {
    this.neighbours.push(other);
    other.neighbours.push(this);
  }

  /** One turn after another, until nothing is left to do at this time. */
  override run(): void {
    let happened: boolean;
    do {
      happened = false;
      for (const kernel of this.neighbours) happened = kernel.turn() || happened;
    } while (happened);
  }

  private turn(): boolean {
    const now = this.now();
    const polled = this.net.poll(now);
    const expired = this.timers.expire(now);
    let ran = 0;
    for (let task = this.runQueue.shift(); task !== undefined; task = this.runQueue.shift()) {
      this.gate.resume(task);
      ran++;
    }
    this.sockets.collect();
    return polled || expired > 0 || ran > 0 || this.net.needsPoll;
  }

  override advance(milliseconds: number): void {
    const end = this.now() + milliseconds;
    for (;;) {
      this.run();
      let next = Number.POSITIVE_INFINITY;
      for (const kernel of this.neighbours) {
        next = Math.min(next, kernel.timers.nextDeadline(), kernel.net.pollAt());
      }
      if (next > end) break;
      this.clock.advanceTo(next);
    }
    this.clock.advanceTo(end);
    this.run();
  }

  program(parent: NetProgram | null = null): NetProgram {
    const program = new NetProgram(this, parent, "linux");
    const root = this.mounts.root();
    Object.assign(program.process.fileSystem, { root, workingDirectory: root, umask: 0o022 });
    return program;
  }

  /** What is in use, for tests that nothing leaks. */
  usage(): Record<string, number> {
    const { connections, bytesInUse } = this.pool.usage();
    return {
      frames: this.arena.framesInUse,
      sockets: this.sockets.size,
      openFiles: this.openFiles.current,
      connections,
      ringBytes: bytesInUse,
      tcpPorts: this.net.tcp.ports.size,
      udpPorts: this.net.udp.ports.size,
    };
  }
}

/** A program with the socket calls under their names; each returns what the call does. */
export class NetProgram extends TestProgram {
  declare readonly kernel: NetKernel;
  /** Room for addresses, lengths and values, used by one helper at a time. */
  readonly scratch: number = this.place(512);
  readonly lengthAt: number = this.place(16);
  readonly buffer: number = this.place(0x1_0000);
  readonly outgoing: number = this.place(0x1000);

  socket(type: number = SOCK_STREAM, domain: number = AF_INET, protocol = 0): number {
    return this.call(198, domain, type, protocol);
  }

  /** A struct sockaddr_in in the scratch room. */
  inet(address: number, port: number, family: number = AF_INET): number {
    const { memory, scratch } = this;
    memory.writeUint16(scratch, family);
    memory.bytes[scratch + 2] = port >>> 8;
    memory.bytes[scratch + 3] = port;
    for (let k = 0; k < 4; k++) memory.bytes[scratch + 4 + k] = address >>> (8 * (3 - k));
    memory.bytes.fill(0, scratch + 8, scratch + 16);
    return scratch;
  }

  bind(fd: number, port: number, address = 0): number {
    return this.call(200, fd, this.inet(address, port), SOCKADDR_IN_BYTES);
  }

  listen(fd: number, backlog = 16): number {
    return this.call(201, fd, backlog);
  }

  /** A listening socket on a port of every address. */
  listener(port: number, backlog = 16): number {
    const fd = this.socket();
    const results = [this.bind(fd, port), this.listen(fd, backlog)];
    if (results.some((result) => result !== 0)) throw new Error(`listener: ${results}`);
    return fd;
  }

  connect(fd: number, port: number, address: number = LOOPBACK): Outcome {
    return this.start(203, fd, this.inet(address, port), SOCKADDR_IN_BYTES);
  }

  accept(fd: number): Outcome {
    return this.start(202, fd, 0, 0);
  }

  /** A connection to a listener of this kernel, both ends: client and server. */
  pair(listener: number, port: number): [number, number] {
    const client = this.socket();
    const connecting = this.connect(client, port);
    this.kernel.run();
    if (result(connecting) !== 0) throw new Error(`connect: ${result(connecting)}`);
    const server = this.call(202, listener, 0, 0);
    if (server < 0) throw new Error(`accept: ${server}`);
    return [client, server];
  }

  send(fd: number, text: string, flags = 0): Outcome {
    const bytes = new TextEncoder().encode(text);
    this.memory.bytes.set(bytes, this.outgoing);
    return this.start(206, fd, this.outgoing, bytes.length, flags, 0, 0);
  }

  sendTo(fd: number, text: string, port: number, address: number = LOOPBACK, flags = 0): Outcome {
    const bytes = new TextEncoder().encode(text);
    this.memory.bytes.set(bytes, this.outgoing);
    return this.start(206, fd, this.outgoing, bytes.length, flags, this.inet(address, port), SOCKADDR_IN_BYTES);
  }

  recv(fd: number, length = 1024, flags = 0): Outcome {
    return this.start(207, fd, this.buffer, length, flags, 0, 0);
  }

  /** Text received at once, or a negative errno. */
  receive(fd: number, length = 1024, flags = 0): string | number {
    const outcome = this.recv(fd, length, flags);
    if (typeof outcome !== "number") throw new Error("recv waits");
    return outcome < 0 ? outcome : this.text(this.buffer, outcome);
  }

  shutdown(fd: number, how: number): number {
    return this.call(210, fd, how);
  }

  close(fd: number): Outcome {
    return this.start(57, fd);
  }

  setNonBlocking(fd: number): void {
    this.call(25, fd, 4, this.call(25, fd, 3) | 0o4000);
  }

  setOption(fd: number, level: number, name: number, value: number, length = 4): number {
    this.memory.writeUint32(this.scratch, value);
    return this.call(208, fd, level, name, this.scratch, length);
  }

  /** An int option's value, or a negative errno. */
  getOption(fd: number, level: number, name: number): number {
    this.memory.writeUint32(this.lengthAt, 4);
    const outcome = this.call(209, fd, level, name, this.scratch, this.lengthAt);
    return outcome < 0 ? outcome : this.memory.readInt32(this.scratch);
  }

  socketError(fd: number): number {
    return this.getOption(fd, SOL_SOCKET, SO_ERROR);
  }

  /** getsockname(2) or getpeername(2): "127.0.0.1:80", or a negative errno. */
  name(fd: number, ofPeer = false): string | number {
    this.memory.writeUint32(this.lengthAt, SOCKADDR_IN_BYTES);
    const outcome = this.call(ofPeer ? 205 : 204, fd, this.scratch, this.lengthAt);
    return outcome < 0 ? outcome : this.addressAt(this.scratch);
  }

  addressAt(at: number): string {
    const bytes = this.memory.bytes.slice(at, at + 8);
    return `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}:${((bytes[2] as number) << 8) | (bytes[3] as number)}`;
  }

  udp(): number {
    return this.socket(SOCK_DGRAM);
  }

  /** poll(2) of one descriptor without waiting: its revents. */
  poll(fd: number, events = 0x7fff): number {
    const at = this.scratch;
    this.memory.writeUint32(at, fd);
    this.memory.writeUint32(at + 4, events);
    this.memory.writeInt64(at + 16, 0);
    this.memory.writeInt64(at + 24, 0);
    const outcome = this.call(73, at, 1, at + 16, 0, 0);
    return outcome < 0 ? outcome : this.memory.readUint16(at + 6);
  }
}

/** The result of a call; null while it waits. */
export function result(outcome: Outcome): number | null {
  return typeof outcome === "number" ? outcome : outcome.result;
}
