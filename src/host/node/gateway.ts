/** The gateway with the sockets and the resolver of Node behind it, ready to be connected to a kernel. */
import type { Arena } from "../../base/arena.ts";
import type { Clock } from "../../base/clock.ts";
import { formatIpv4 } from "../../base/ipv4-address.ts";
import type { RandomSource } from "../../base/random.ts";
import type { Device } from "../../kernel/net/device/device.ts";
import type { NetStack } from "../../kernel/net/stack.ts";
import { DNS_ADDRESS, GATEWAY_ADDRESS, Gateway, GUEST_ADDRESS, NETWORK_PREFIX_LENGTH } from "../gateway/gateway.ts";
import { type Grant, parseGrants } from "../gateway/grant-syntax.ts";
import { HostListenError } from "../gateway/host-sockets.ts";
import { parsePublish } from "../gateway/publish-syntax.ts";
import { NodeHostResolver } from "./host-resolver.ts";
import { NodeHostSockets } from "./host-sockets.ts";

export interface NodeGatewayOptions {
  /** The kernel's. */
  arena: Arena;
  random: RandomSource;
  clock: Clock;
  /** False: nothing; true: everything; else grants as grant-syntax.ts reads them, each possibly a list. */
  allowNet: boolean | readonly string[];
  log: (message: string) => void;
  mtu?: number;
}

/** A host port that leads to the guest. */
export interface PublishedPort {
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
  readonly protocol: "tcp" | "udp";
}

export class NodeGateway {
  readonly gateway: Gateway;
  /** The guest's end of the link. */
  readonly guestDevice: Device;
  /** What the guest's interface is configured with. */
  readonly guestAddress: { address: number; prefixLength: number; gateway: number } = {
    address: GUEST_ADDRESS,
    prefixLength: NETWORK_PREFIX_LENGTH,
    gateway: GATEWAY_ADDRESS,
  };
  readonly nameserver: number = DNS_ADDRESS;
  /** Host sockets are its memory: for figures. */
  readonly sockets: NodeHostSockets = new NodeHostSockets();

  /** Throws GrantSyntaxError. */
  constructor(options: NodeGatewayOptions) {
    const { allowNet, ...rest } = options;
    const grants: Grant[] = typeof allowNet === "boolean" ? parseGrants(allowNet) : allowNet.flatMap(parseGrants);
    const resolver = new NodeHostResolver();
    this.gateway = new Gateway({ ...rest, grants, sockets: this.sockets, resolver, isOwnAddress });
    this.guestDevice = this.gateway.device;
  }

  /** Lets the guest's stack drive the gateway: its device must be one of the stack's. `requestTurn` has the stack polled soon. */
  attach(stack: NetStack, requestTurn: () => void): void {
    stack.loopbackForward = this.gateway.forwardsLoopback;
    this.gateway.onNeedsPoll = requestTurn;
  }

  /** Publishes a port written as publish.ts reads it. Rejects with PublishSyntaxError or HostListenError. */
  async publish(text: string): Promise<PublishedPort> {
    const options = { hostAddress: "127.0.0.1", ...parsePublish(text) };
    try {
      return { ...options, hostPort: await this.gateway.publish(options) };
    } catch (error) {
      if (error instanceof HostListenError) throw new HostListenError(error.code, explain(error.code, options));
      throw error;
    }
  }

  close(): void {
    this.gateway.close();
  }
}

function explain(
  code: string,
  { hostAddress, hostPort, guestPort }: { hostAddress: string; hostPort: number; guestPort: number },
): string {
  const where = `${hostAddress}:${hostPort}`;
  switch (code) {
    case "EADDRINUSE":
      return `port ${hostPort} on ${hostAddress} is in use: publish another one, such as ${hostPort + 1}:${guestPort}, or 0:${guestPort} for a free one`;
    case "EACCES":
      return `not allowed to listen on ${where}: ports below 1024 need privileges; publish one above, such as 8080:${guestPort}`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${hostAddress} is no address of this host: publish on 127.0.0.1 (this host only) or 0.0.0.0 (everyone)`;
    default:
      return `cannot listen on ${where}: ${code}`;
  }
}

/** Asked for addresses that a granted name leads to: seldom enough to ask the system each time. */
function isOwnAddress(address: number): boolean {
  const text = formatIpv4(address);
  const interfaces = Object.values(process.getBuiltinModule("node:os").networkInterfaces());
  return interfaces.some((list) => list?.some((own) => own.address === text) === true);
}
