/**
 * What NETLINK_ROUTE tells of the stack (rtnetlink(7)): links, addresses, routes and neighbours. It only tells: interfaces and
 * routes belong to whoever booted the kernel.
 */
import { EINVAL, ENETUNREACH, ENODEV, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { AF_INET, AF_UNSPEC } from "../../abi/socket.ts";
import { prefixMask } from "../../base/ipv4-address.ts";
import type { InterfaceAddress, NetInterface } from "../net/interface.ts";
import type { RouteEntry } from "../net/ip/routes.ts";
import type { NetStack } from "../net/stack.ts";
import { interfaceFlags } from "./interface-control.ts";
import {
  findAttribute,
  MessageBuilder,
  type NetlinkHeader,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLMSG_HEADER_BYTES,
} from "./netlink-message.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const RTM_MAXIMUM = 127;
/** The lowest two bits of a type: NEW, DEL, GET, SET. */
const KIND_MASK = 3;
const KIND_GET = 2;

const IFINFO_BYTES = 16;
const RTMSG_BYTES = 12;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const IFF_LOWER_UP = 0x1_0000;
const OPERSTATE_UNKNOWN = 0;
const OPERSTATE_UP = 6;
const [IFLA_ADDRESS, IFLA_BROADCAST, IFLA_IFNAME, IFLA_MTU, IFLA_QDISC, IFLA_TXQLEN, IFLA_OPERSTATE] = [
  1, 2, 3, 4, 6, 13, 16,
] as const;
const [IFLA_LINKMODE, IFLA_STATS64, IFLA_GROUP, IFLA_CARRIER, IFLA_ALT_IFNAME] = [17, 23, 27, 33, 53] as const;
const [IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS] = [1, 2, 3, 4, 6, 8] as const;
const IFA_F_PERMANENT = 0x80;
const FOREVER = 0xffff_ffff;
const [RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE] = [1, 4, 5, 6, 7, 15] as const;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RTPROT_KERNEL = 2;
const RTPROT_BOOT = 3;
const [RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RT_SCOPE_HOST] = [0, 253, 254] as const;
const [RTN_UNICAST, RTN_LOCAL] = [1, 2] as const;
const [NDA_DST, NDA_LLADDR] = [1, 2] as const;
const [NUD_INCOMPLETE, NUD_REACHABLE, NUD_STALE, NUD_FAILED, NUD_PERMANENT] = [1, 2, 4, 0x20, 0x80] as const;
/** struct rtnl_link_stats64: 25 counters of 64 bits. */
const LINK_STATISTICS = 25;

/** Answers to a request: messages, or -errno. A dump's messages are parts of one answer. */
export function answerRoute(
  net: NetStack,
  bytes: Uint8Array,
  at: number,
  header: NetlinkHeader,
  portId: number,
): Uint8Array[] | number {
  const { type, flags } = header;
  if (type > RTM_MAXIMUM) return -EOPNOTSUPP;
  if (header.length < NLMSG_HEADER_BYTES + 1) return [];
  if ((type & KIND_MASK) !== KIND_GET) return -EPERM;
  const family = bytes[at + NLMSG_HEADER_BYTES] as number;
  const answer = new Answer(net, header.sequence, portId, (flags & NLM_F_DUMP) !== 0 ? NLM_F_MULTI : 0);
  if ((flags & NLM_F_DUMP) !== 0) return answer.dump(type, family);
  if (type === RTM_GETLINK) return answer.oneLink(bytes, at, at + header.length);
  return type === RTM_GETROUTE ? answer.oneRoute(bytes, at, at + header.length) : -EOPNOTSUPP;
}

class Answer {
  private readonly net: NetStack;
  private readonly sequence: number;
  private readonly portId: number;
  private readonly flags: number;

  constructor(net: NetStack, sequence: number, portId: number, flags: number) {
    this.net = net;
    this.sequence = sequence;
    this.portId = portId;
    this.flags = flags;
  }

  dump(type: number, family: number): Uint8Array[] | number {
    const isOurs = family === AF_UNSPEC || family === AF_INET;
    const { interfaces, routes } = this.net;
    switch (type) {
      case RTM_GETLINK:
        return interfaces.map((link) => this.link(link));
      case RTM_GETADDR:
        if (!isOurs) return [];
        return interfaces.flatMap((link) => link.addresses.map((address) => this.address(link, address)));
      case RTM_GETROUTE:
        return isOurs ? [...routes.list().map((route) => this.route(route)), ...this.localRoutes()] : [];
      case RTM_GETNEIGH:
        return isOurs ? this.neighbours() : [];
      default:
        return -EOPNOTSUPP;
    }
  }

  /** A link by its index, or by its name. */
  oneLink(bytes: Uint8Array, at: number, end: number): Uint8Array[] | number {
    const body = at + NLMSG_HEADER_BYTES;
    if (end - body < IFINFO_BYTES) return -EINVAL;
    const index = new DataView(bytes.buffer, bytes.byteOffset).getInt32(body + 4, true);
    const attributes = body + IFINFO_BYTES;
    const name =
      findAttribute(bytes, attributes, end, IFLA_IFNAME) ?? findAttribute(bytes, attributes, end, IFLA_ALT_IFNAME);
    if (index <= 0 && name === null) return -EINVAL;
    const text = name === null ? "" : new TextDecoder().decode(name.slice()).replace(/\0.*$/s, "");
    const link = this.net.interfaces.find((one) => (index > 0 ? one.index === index - 1 : one.name === text));
    return link === undefined ? -ENODEV : [this.link(link)];
  }

  /** The route that a packet to an address would take. */
  oneRoute(bytes: Uint8Array, at: number, end: number): Uint8Array[] | number {
    const body = at + NLMSG_HEADER_BYTES;
    if (end - body < RTMSG_BYTES) return -EINVAL;
    const destination = findAttribute(bytes, body + RTMSG_BYTES, end, RTA_DST);
    if (destination !== null && destination.length < 4) return -EINVAL;
    const [a = 0, b = 0, c = 0, d = 0] = destination ?? [];
    const address = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    const route = this.net.route(address);
    if (route === null) return -ENETUNREACH;
    const isLocal = this.net.isLocalAddress(address);
    const table = isLocal ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
    const message = this.begin(RTM_NEWROUTE)
      .uint8(AF_INET)
      .uint8(32)
      .uint16(0)
      .uint8(table)
      .uint8(0)
      .uint8(RT_SCOPE_UNIVERSE)
      .uint8(isLocal ? RTN_LOCAL : RTN_UNICAST)
      .uint32(0)
      .attribute32(RTA_TABLE, table)
      .attributeAddress(RTA_DST, address)
      .attribute32(RTA_OIF, route.netInterface.index + 1)
      .attributeAddress(RTA_PREFSRC, route.source);
    if (route.nextHop !== address && !isLocal) message.attributeAddress(RTA_GATEWAY, route.nextHop);
    return [message.finish()];
  }

  private begin(type: number): MessageBuilder {
    return new MessageBuilder(type, this.flags, this.sequence, this.portId);
  }

  private link(link: NetInterface): Uint8Array {
    const flags = interfaceFlags(link) | (link.isUp ? IFF_LOWER_UP : 0);
    const broadcast = new Uint8Array(6).fill(link.isLoopback ? 0 : 0xff);
    return this.begin(RTM_NEWLINK)
      .uint8(AF_UNSPEC)
      .uint8(0)
      .uint16(link.isLoopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER)
      .uint32(link.index + 1)
      .uint32(flags)
      .uint32(0)
      .attributeText(IFLA_IFNAME, link.name)
      .attribute32(IFLA_TXQLEN, 1000)
      .attribute8(IFLA_OPERSTATE, link.isLoopback || !link.isUp ? OPERSTATE_UNKNOWN : OPERSTATE_UP)
      .attribute8(IFLA_LINKMODE, 0)
      .attribute32(IFLA_MTU, link.mtu)
      .attribute32(IFLA_GROUP, 0)
      .attribute8(IFLA_CARRIER, link.isUp ? 1 : 0)
      .attributeText(IFLA_QDISC, "noqueue")
      .attribute(IFLA_ADDRESS, link.macAddress)
      .attribute(IFLA_BROADCAST, broadcast)
      .attribute(IFLA_STATS64, statistics(link))
      .finish();
  }

  private address(link: NetInterface, { address, prefixLength }: InterfaceAddress): Uint8Array {
    const message = this.begin(RTM_NEWADDR)
      .uint8(AF_INET)
      .uint8(prefixLength)
      .uint8(IFA_F_PERMANENT)
      .uint8(link.isLoopback ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE)
      .uint32(link.index + 1)
      .attributeAddress(IFA_ADDRESS, address)
      .attributeAddress(IFA_LOCAL, address);
    if (!link.isLoopback && prefixLength < 31) {
      message.attributeAddress(IFA_BROADCAST, address | ~prefixMask(prefixLength));
    }
    return message
      .attributeText(IFA_LABEL, link.name)
      .attribute32(IFA_FLAGS, IFA_F_PERMANENT)
      .attribute(IFA_CACHEINFO, new Uint8Array(Uint32Array.of(FOREVER, FOREVER, 0, 0).buffer))
      .finish();
  }

  private route(entry: RouteEntry): Uint8Array {
    const { netInterface, gateway, source, destination, prefixLength, metric } = entry;
    const isLocal = netInterface.isLoopback;
    const table = isLocal ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
    const message = this.begin(RTM_NEWROUTE)
      .uint8(AF_INET)
      .uint8(prefixLength)
      .uint16(0)
      .uint8(table)
      .uint8(gateway === 0 ? RTPROT_KERNEL : RTPROT_BOOT)
      .uint8(isLocal ? RT_SCOPE_HOST : gateway === 0 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE)
      .uint8(isLocal ? RTN_LOCAL : RTN_UNICAST)
      .uint32(0)
      .attribute32(RTA_TABLE, table);
    if (prefixLength > 0) message.attributeAddress(RTA_DST, destination);
    if (metric !== 0) message.attribute32(RTA_PRIORITY, metric);
    // The source of a default route is what its interface has: nobody has chosen it.
    if (source !== 0 && gateway === 0) message.attributeAddress(RTA_PREFSRC, source);
    if (gateway !== 0) message.attributeAddress(RTA_GATEWAY, gateway);
    return message.attribute32(RTA_OIF, netInterface.index + 1).finish();
  }

  /** Linux has each address of the machine's own in the local table. */
  private localRoutes(): Uint8Array[] {
    const entries: Uint8Array[] = [];
    for (const link of this.net.interfaces) {
      for (const { address } of link.addresses) {
        const message = this.begin(RTM_NEWROUTE)
          .uint8(AF_INET)
          .uint8(32)
          .uint16(0)
          .uint8(RT_TABLE_LOCAL)
          .uint8(RTPROT_KERNEL)
          .uint8(RT_SCOPE_HOST)
          .uint8(RTN_LOCAL)
          .uint32(0);
        message.attribute32(RTA_TABLE, RT_TABLE_LOCAL).attributeAddress(RTA_DST, address);
        entries.push(
          message
            .attributeAddress(RTA_PREFSRC, address)
            .attribute32(RTA_OIF, link.index + 1)
            .finish(),
        );
      }
    }
    return entries;
  }

  private neighbours(): Uint8Array[] {
    const states: Readonly<Record<string, number>> = {
      incomplete: NUD_INCOMPLETE,
      reachable: NUD_REACHABLE,
      failed: NUD_FAILED,
      permanent: NUD_PERMANENT,
    };
    const entries: Uint8Array[] = [];
    for (const link of this.net.interfaces) {
      for (const { address, state, macAddress } of link.neighbours.list()) {
        const number = states[state] ?? NUD_STALE;
        const message = this.begin(RTM_NEWNEIGH)
          .uint8(AF_INET)
          .uint8(0)
          .uint16(0)
          .uint32(link.index + 1);
        message.uint16(number).uint8(0).uint8(RTN_UNICAST).attributeAddress(NDA_DST, address);
        const isKnown = number !== NUD_INCOMPLETE && number !== NUD_FAILED;
        if (isKnown) message.attribute(NDA_LLADDR, Uint8Array.from(macAddress));
        entries.push(message.finish());
      }
    }
    return entries;
  }
}

function statistics(link: NetInterface): Uint8Array {
  const counters = new BigUint64Array(LINK_STATISTICS);
  const values = [
    link.receivedFrames,
    link.transmittedFrames,
    link.receivedBytes,
    link.transmittedBytes,
    link.receiveErrors,
    0,
    link.receiveDrops,
    link.transmitDrops,
  ];
  for (const [index, value] of values.entries()) counters[index] = BigInt(value);
  return new Uint8Array(counters.buffer);
}
