/**
 * UDP between the guest and the host, one flow per pair of ends: an endpoint in the gateway's stack that stands for the peer,
 * and a way to the peer on the host. Flows are bounded in number and end when nothing has moved for a while (RFC 4787).
 */
import { ECONNREFUSED } from "../../abi/errno.ts";
import { Timer } from "../../base/timers.ts";
import { WaitEntry, type Waiter } from "../../base/wait-queue.ts";
import { PROTOCOL_UDP } from "../../kernel/net/protocols.ts";
import type { NetStack } from "../../kernel/net/stack.ts";
import type { UdpEndpoint } from "../../kernel/net/udp/endpoint.ts";
import type { DatagramVerdict } from "../../kernel/net/udp/udp.ts";
import { CODE_HOST_UNREACHABLE, CODE_PORT_UNREACHABLE } from "../../kernel/net/wire/icmp.ts";
import type { HostDatagramSocket, HostSockets } from "./host-sockets.ts";
import type { OutboundPolicy } from "./outbound-policy.ts";
import { sendUnreachable } from "./unreachable.ts";

export interface UdpFlowsOptions {
  stack: NetStack;
  sockets: HostSockets;
  policy: OutboundPolicy;
  gatewayAddress: number;
  guestAddress: number;
  /** Milliseconds, as the stack is told them. */
  now: () => number;
  /** Default 512; the one that has been idle for longest makes room. */
  maximumFlows?: number;
  /** Default 5 minutes, as RFC 4787 REQ-5 recommends. */
  idleMilliseconds?: number;
}

/** How often idle flows are looked for. */
const SWEEP_MILLISECONDS = 15_000;
const MAXIMUM_DATAGRAM_BYTES = 65_507;

class Flow implements Waiter {
  readonly key: string;
  readonly endpoint: UdpEndpoint;
  readonly entry: WaitEntry;
  /** Sends a datagram of the guest's to the peer. */
  readonly send: (bytes: Uint8Array, offset: number, length: number) => void;
  readonly close: () => void;
  usedAt = 0;
  isScheduled = false;
  private readonly schedule: (flow: Flow) => void;

  constructor(
    key: string,
    endpoint: UdpEndpoint,
    schedule: (flow: Flow) => void,
    send: Flow["send"],
    close: () => void,
  ) {
    this.key = key;
    this.endpoint = endpoint;
    this.schedule = schedule;
    this.send = send;
    this.close = close;
    this.entry = new WaitEntry(this);
    endpoint.events.add(this.entry);
  }

  wake(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.schedule(this);
  }
}

export class UdpFlows {
  private readonly options: UdpFlowsOptions;
  private readonly stack: NetStack;
  private readonly flows = new Map<string, Flow>();
  private readonly ready: Flow[] = [];
  private readonly published = new Set<HostDatagramSocket>();
  private readonly sweepTimer: Timer;
  private readonly scratch: Uint8Array = new Uint8Array(MAXIMUM_DATAGRAM_BYTES);
  private readonly scheduleFlow: (flow: Flow) => void = (flow) => this.ready.push(flow);

  constructor(options: UdpFlowsOptions) {
    this.options = options;
    this.stack = options.stack;
    this.sweepTimer = new Timer((now) => this.sweep(now));
    this.stack.udp.onDatagram = (source, sourcePort, destination, destinationPort) =>
      this.onDatagram(source, sourcePort, destination, destinationPort);
  }

  get size(): number {
    return this.flows.size;
  }

  get hasWork(): boolean {
    return this.ready.length > 0;
  }

  /** Sends what arrived in the last poll to the host. */
  service(): void {
    for (let flow = this.ready.pop(); flow !== undefined; flow = this.ready.pop()) {
      flow.isScheduled = false;
      const { endpoint } = flow;
      // The guest's port has gone, or it may not hear us: nothing to do about a datagram.
      endpoint.takeError();
      while (!endpoint.isClosed && endpoint.queuedDatagrams > 0) {
        const length = endpoint.receive(this.scratch, 0, this.scratch.length);
        if (length < 0) break;
        flow.usedAt = this.stack.now;
        flow.send(this.scratch, 0, length);
      }
    }
  }

  /** Hands datagrams to a host port on to a port of the guest. Rejects with HostListenError. The port it got. */
  async publish(hostAddress: string, hostPort: number, guestPort: number): Promise<HostDatagramSocket> {
    const onMessage = (bytes: Uint8Array, address: number, port: number): void => {
      if (port !== 0) this.fromClient(socket, bytes, address, port, guestPort);
    };
    const socket = await this.options.sockets.bindDatagram(hostAddress, hostPort, { onMessage, onError: () => {} });
    this.published.add(socket);
    return socket;
  }

  close(): void {
    for (const flow of [...this.flows.values()]) this.end(flow);
    for (const socket of this.published) socket.close();
    this.published.clear();
    this.stack.timers.disarm(this.sweepTimer);
  }

  /** The guest sends where no flow leads yet. */
  private onDatagram(
    source: number,
    sourcePort: number,
    destination: number,
    destinationPort: number,
  ): DatagramVerdict {
    const { policy, gatewayAddress } = this.options;
    const decision = policy.decide(destination, destinationPort, "udp");
    // Names are being resolved: UDP programs send again.
    if (typeof decision !== "boolean") return "drop";
    if (!decision) return "prohibit";
    if (sourcePort === 0 || source === gatewayAddress) return "drop";
    const endpoint = this.open(destination, destinationPort, source, sourcePort);
    if (endpoint === null) return "drop";
    const key = `${source}:${sourcePort}>${destination}:${destinationPort}`;
    const socket = this.options.sockets.connectDatagram(policy.hostAddress(destination), destinationPort, {
      onMessage: (bytes) => this.toGuest(key, bytes),
      onError: (errno) => this.failed(key, errno),
    });
    this.add(
      key,
      endpoint,
      (bytes, offset, length) => socket.send(bytes, offset, length),
      () => socket.close(),
    );
    return "accept";
  }

  private fromClient(
    socket: HostDatagramSocket,
    bytes: Uint8Array,
    address: number,
    port: number,
    guestPort: number,
  ): void {
    const key = `${address}:${port}<${guestPort}`;
    if (!this.flows.has(key)) {
      const { gatewayAddress, guestAddress } = this.options;
      // The guest sees who it is that asks, unless that is the host itself.
      const isHost = address === 0 || address >>> 24 === 127;
      const endpoint = isHost
        ? this.open(gatewayAddress, 0, guestAddress, guestPort)
        : this.open(address, port, guestAddress, guestPort);
      if (endpoint === null) return;
      this.add(
        key,
        endpoint,
        (reply, offset, length) => socket.send(reply, offset, length, address, port),
        () => {},
      );
    }
    this.toGuest(key, bytes);
  }

  /** An endpoint that stands for a peer; port 0 takes a free one. */
  private open(address: number, port: number, guestAddress: number, guestPort: number): UdpEndpoint | null {
    const endpoint = this.stack.udp.open();
    let result: number;
    if (port !== 0) result = endpoint.bindForeign(address, port);
    else {
      const reserved = this.stack.udp.ports.reserve(address, 0, { reuseAddress: false, reusePort: false });
      result = typeof reserved === "number" ? reserved : endpoint.bind(reserved);
    }
    if (result >= 0) result = endpoint.connect(guestAddress, guestPort);
    if (result >= 0) return endpoint;
    endpoint.close();
    return null;
  }

  private add(key: string, endpoint: UdpEndpoint, send: Flow["send"], close: () => void): void {
    const flow = new Flow(key, endpoint, this.scheduleFlow, send, close);
    flow.usedAt = this.options.now();
    if (this.flows.size >= (this.options.maximumFlows ?? 512)) this.endLongestIdle();
    if (this.flows.size === 0) this.stack.timers.arm(this.sweepTimer, flow.usedAt + SWEEP_MILLISECONDS);
    this.flows.set(key, flow);
  }

  private toGuest(key: string, bytes: Uint8Array): void {
    const flow = this.flows.get(key);
    if (flow === undefined) return;
    flow.usedAt = this.options.now();
    flow.endpoint.sendTo(bytes, 0, bytes.length, 0, 0);
    this.stack.requestPoll();
  }

  /** The host's socket failed: the guest is told as the network would tell it. */
  private failed(key: string, errno: number): void {
    const flow = this.flows.get(key);
    if (flow === undefined) return;
    const { endpoint } = flow;
    const code = errno === ECONNREFUSED ? CODE_PORT_UNREACHABLE : CODE_HOST_UNREACHABLE;
    sendUnreachable(
      this.stack,
      {
        protocol: PROTOCOL_UDP,
        source: endpoint.remoteAddress,
        sourcePort: endpoint.remotePort,
        destination: endpoint.localAddress,
        destinationPort: endpoint.localPort,
      },
      code,
    );
    this.end(flow);
    this.stack.requestPoll();
  }

  private sweep(now: number): void {
    const idle = this.options.idleMilliseconds ?? 300_000;
    for (const flow of this.flows.values()) if (now - flow.usedAt >= idle) this.end(flow);
    if (this.flows.size > 0) this.stack.timers.arm(this.sweepTimer, now + SWEEP_MILLISECONDS);
  }

  private endLongestIdle(): void {
    let oldest: Flow | null = null;
    for (const flow of this.flows.values()) if (oldest === null || flow.usedAt < oldest.usedAt) oldest = flow;
    if (oldest !== null) this.end(oldest);
  }

  private end(flow: Flow): void {
    this.flows.delete(flow.key);
    flow.endpoint.events.remove(flow.entry);
    flow.endpoint.close();
    flow.close();
  }
}
