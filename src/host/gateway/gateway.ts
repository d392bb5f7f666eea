/**
 * The gateway: a second stack at the other end of the guest's Ethernet link, as QEMU's user network has it. It takes what
 * the guest sends to any address and turns it into sockets of the host, as far as that is granted; it answers names at
 * 10.0.2.3, and leads clients of published host ports to the guest.
 *
 * It has no loop of its own: `device` is the guest's end of the link, and the guest's stack polls the gateway through it.
 */
import type { Arena } from "../../base/arena.ts";
import type { Clock } from "../../base/clock.ts";
import { parseIpv4 } from "../../base/ipv4-address.ts";
import type { RandomSource } from "../../base/random.ts";
import type { Device } from "../../kernel/net/device/device.ts";
import { NetStack } from "../../kernel/net/stack.ts";
import { ArenaRingMemory } from "../../kernel/net/tcp/ring-memory.ts";
import { DnsServer } from "./dns-server.ts";
import { DnsTransport } from "./dns-transport.ts";
import type { Grant } from "./grant-syntax.ts";
import { NetGrants } from "./grants.ts";
import type { HostResolver, HostSockets } from "./host-sockets.ts";
import { createLink } from "./link.ts";
import { NameService } from "./name-service.ts";
import { OutboundPolicy } from "./outbound-policy.ts";
import { TcpForwarder } from "./tcp-forwarder.ts";
import { UdpFlows } from "./udp-flows.ts";

/** The addresses of QEMU's user network. */
export const GATEWAY_ADDRESS: number = parseIpv4("10.0.2.2") as number;
export const DNS_ADDRESS: number = parseIpv4("10.0.2.3") as number;
export const GUEST_ADDRESS: number = parseIpv4("10.0.2.15") as number;
export const NETWORK_PREFIX_LENGTH = 24;
const DEFAULT_MTU = 1500;

export interface GatewayOptions {
  /** The guest's. */
  arena: Arena;
  random: RandomSource;
  clock: Clock;
  sockets: HostSockets;
  resolver: HostResolver;
  grants: readonly Grant[];
  /** True for an address of one of the host's own interfaces. */
  isOwnAddress?: (address: number) => boolean;
  /** Told what was refused, one line each. */
  log: (message: string) => void;
  /** Of the link, in bytes of IP. Default 1500. */
  mtu?: number;
  maximumConnections?: number;
}

export interface PublishOptions {
  protocol?: "tcp" | "udp";
  /** Text; default 127.0.0.1. */
  hostAddress?: string;
  /** 0 takes a free one. */
  hostPort: number;
  guestPort: number;
}

/** Rounds of poll and service in one go, before the guest's stack gets its turn. */
const ROUNDS_PER_POLL = 8;
/** Bulk must not keep new clients waiting: after so long the event loop gets its turn. */
const BUDGET_MILLISECONDS = 0.5;
/** Bounds of a connection's buffers: the link has no delay, and more than a host write of 256 KiB is no use. */
const RING_BYTES = 512 * 1024;

export class Gateway {
  /** The guest's end of the link, for its addInterface(); may be wrapped in middleware. */
  readonly device: Device;
  readonly stack: NetStack;
  readonly grants: NetGrants;
  readonly policy: OutboundPolicy;
  readonly tcp: TcpForwarder;
  readonly udp: UdpFlows;
  /** Asks whoever drives the guest's stack for a poll of it. Set this. */
  onNeedsPoll: (() => void) | null = null;
  private readonly clock: Clock;
  private readonly dns: DnsTransport;
  private work: (() => void)[] = [];
  private isPolling = false;
  private isClosed = false;

  constructor(options: GatewayOptions) {
    const { arena, random, clock, sockets } = options;
    this.clock = clock;
    const ringMemory = new ArenaRingMemory(arena, { maximumReceiveBytes: RING_BYTES, maximumSendBytes: RING_BYTES });
    this.stack = new NetStack({ arena, random, forwardAny: true, ringMemory });
    this.stack.now = clock.monotonicMilliseconds();
    const [guestEnd, gatewayEnd] = createLink(arena, options.mtu ?? DEFAULT_MTU);
    this.device = guestEnd;
    guestEnd.onPoll = (now) => this.poll(now);
    guestEnd.onPollAt = () => this.pollAt();
    this.stack.addInterface({
      name: "guest",
      device: gatewayEnd,
      addresses: [GATEWAY_ADDRESS, DNS_ADDRESS].map((address) => ({ address, prefixLength: NETWORK_PREFIX_LENGTH })),
    });
    this.stack.onNeedsPoll = () => {
      if (!this.isPolling) this.onNeedsPoll?.();
    };

    const addresses = { gatewayAddress: GATEWAY_ADDRESS, guestAddress: GUEST_ADDRESS, dnsAddress: DNS_ADDRESS };
    const { isOwnAddress } = options;
    this.grants = new NetGrants(options.grants, {
      ...addresses,
      ...(isOwnAddress === undefined ? {} : { isOwnAddress }),
    });
    const names = new NameService(options.resolver, this.grants, clock);
    this.policy = new OutboundPolicy({ grants: this.grants, names, clock, log: options.log, ...addresses });
    this.stack.icmp.onRefusedEcho = (destination) => this.policy.refusedEcho(destination);
    const schedule = (work: () => void): void => void this.work.push(work);
    const now = (): number => clock.monotonicMilliseconds();
    const common = { stack: this.stack, sockets, policy: this.policy, schedule, now, ...addresses };
    const limit = options.maximumConnections === undefined ? {} : { maximumConnections: options.maximumConnections };
    this.tcp = new TcpForwarder({ ...common, ...limit });
    this.udp = new UdpFlows(common);
    const server = new DnsServer(names, this.grants, this.policy);
    this.dns = new DnsTransport(this.stack, server, DNS_ADDRESS, schedule);
  }

  /** For NetStack.loopbackForward of the guest. */
  readonly forwardsLoopback: (port: number, protocol: "tcp" | "udp") => boolean = (port, protocol) =>
    this.policy.forwardsLoopback(port, protocol);

  /** Opens a host port that leads to a port of the guest; the port it got. Rejects with HostListenError. */
  async publish(options: PublishOptions): Promise<number> {
    const hostAddress = options.hostAddress ?? "127.0.0.1";
    const forwarder = options.protocol === "udp" ? this.udp : this.tcp;
    return (await forwarder.publish(hostAddress, options.hostPort, options.guestPort)).port;
  }

  /** Drives the gateway's stack and moves bytes between it and the host. Called by the guest's stack. */
  poll(nowMilliseconds: number): void {
    if (this.isPolling || this.isClosed) return;
    this.isPolling = true;
    const until = this.clock.monotonicMilliseconds() + BUDGET_MILLISECONDS;
    for (let round = 0; round < ROUNDS_PER_POLL; round++) {
      const happened = this.stack.poll(nowMilliseconds);
      const hadWork = this.runWork(until);
      if (!happened && !hadWork && !this.stack.needsPoll) break;
      if (this.clock.monotonicMilliseconds() > until) break;
    }
    this.isPolling = false;
    if (this.stack.needsPoll || this.tcp.hasWork) this.onNeedsPoll?.();
  }

  pollAt(): number {
    return this.isClosed ? Number.POSITIVE_INFINITY : this.stack.pollAt();
  }

  /** Closes every host socket. */
  close(): void {
    if (this.isClosed) return;
    this.tcp.close();
    this.udp.close();
    this.dns.close();
    this.stack.close(this.clock.monotonicMilliseconds());
    this.isClosed = true;
  }

  private runWork(until: number): boolean {
    const { work } = this;
    if (work.length === 0 && !this.tcp.hasWork && !this.udp.hasWork) return false;
    if (work.length > 0) {
      this.work = [];
      for (const run of work) run();
    }
    this.tcp.service(until);
    this.udp.service();
    return true;
  }
}
