/** socket(2): which kinds of sockets there are, and the errno for each kind that there is not. */
import { EAFNOSUPPORT, EINVAL, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT } from "../../abi/errno.ts";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  IPPROTO_ICMP,
  IPPROTO_IP,
  IPPROTO_RAW,
  IPPROTO_TCP,
  IPPROTO_UDP,
  NETLINK_ROUTE,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
} from "../../abi/socket.ts";
import { IcmpSocket } from "./icmp-socket.ts";
import type { Credentials, KernelSocket } from "./kernel-socket.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { RawSocket } from "./raw-socket.ts";
import type { SocketTable } from "./socket-table.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { UdpSocket } from "./udp-socket.ts";
import { SOCK_SEQPACKET, UnixSocket } from "./unix-socket.ts";

/** AF_MAX: what is not below it is EAFNOSUPPORT, whatever the type. */
const FAMILIES = 46;
/** SOCK_MAX and IPPROTO_MAX: what is not below them is EINVAL. */
const SOCKET_TYPES = 11;
const PROTOCOLS = 263;

/**
 * A new socket in the table, or -errno. `type` without SOCK_NONBLOCK and SOCK_CLOEXEC; `credentials` of whoever asks, and
 * whether he may have raw ones (CAP_NET_RAW).
 */
export function createSocket(
  table: SocketTable,
  domain: number,
  type: number,
  protocol: number,
  credentials: Credentials,
  mayUseRaw = false,
): KernelSocket | number {
  if (domain < 0 || domain >= FAMILIES) return -EAFNOSUPPORT;
  if (type < 0 || type >= SOCKET_TYPES) return -EINVAL;
  let socket: KernelSocket | number;
  if (domain === AF_INET) socket = createInet(table, type, protocol, mayUseRaw);
  else if (domain === AF_INET6) socket = createInet6(table, type, protocol, mayUseRaw);
  else if (domain === AF_NETLINK) socket = createNetlink(table, type, protocol, credentials);
  else if (domain === AF_UNIX) socket = createUnix(table, type, protocol, credentials);
  else return -EAFNOSUPPORT;
  if (typeof socket === "number") return socket;
  const result = table.add(socket);
  if (result < 0) {
    // Never held by anybody: one reference taken and given back releases what it has opened.
    socket.retain().drop();
    return result;
  }
  return socket;
}

/** raw(7). IPPROTO_RAW, with which programs write whole headers, is not there. */
function createRaw(table: SocketTable, protocol: number, mayUseRaw: boolean): KernelSocket | number {
  if (protocol === IPPROTO_IP) return -EPROTONOSUPPORT;
  if (!mayUseRaw) return -EPERM;
  if (protocol >= IPPROTO_RAW) return -EPROTONOSUPPORT;
  const endpoint = table.net.raw.add(protocol);
  return typeof endpoint === "number" ? endpoint : new RawSocket(table, protocol, endpoint);
}

function createInet(table: SocketTable, type: number, protocol: number, mayUseRaw: boolean): KernelSocket | number {
  if (protocol < 0 || protocol >= PROTOCOLS) return -EINVAL;
  switch (type) {
    case SOCK_STREAM:
      return protocol === IPPROTO_IP || protocol === IPPROTO_TCP ? new TcpSocket(table) : -EPROTONOSUPPORT;
    case SOCK_DGRAM:
      if (protocol === IPPROTO_ICMP) return new IcmpSocket(table);
      return protocol === IPPROTO_IP || protocol === IPPROTO_UDP ? new UdpSocket(table) : -EPROTONOSUPPORT;
    case SOCK_RAW:
      return createRaw(table, protocol, mayUseRaw);
    default:
      return -ESOCKTNOSUPPORT;
  }
}

/** ipv6(7): sockets that carry IPv4. Nothing is there for raw ones to carry. */
function createInet6(table: SocketTable, type: number, protocol: number, mayUseRaw: boolean): KernelSocket | number {
  if (protocol < 0 || protocol >= PROTOCOLS) return -EINVAL;
  if (type === SOCK_STREAM && (protocol === IPPROTO_IP || protocol === IPPROTO_TCP)) {
    return new TcpSocket(table, undefined, undefined, undefined, AF_INET6);
  }
  if (type === SOCK_DGRAM && (protocol === IPPROTO_IP || protocol === IPPROTO_UDP))
    return new UdpSocket(table, AF_INET6);
  if (type === SOCK_RAW) return mayUseRaw ? -EPROTONOSUPPORT : -EPERM;
  return type === SOCK_STREAM || type === SOCK_DGRAM ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
}

/** netlink(7). Only the protocol for links, addresses and routes is there. */
function createNetlink(
  table: SocketTable,
  type: number,
  protocol: number,
  credentials: Credentials,
): KernelSocket | number {
  if (type !== SOCK_RAW && type !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
  if (protocol !== NETLINK_ROUTE) return -EPROTONOSUPPORT;
  return new NetlinkSocket(table, type, credentials.processId);
}

function createUnix(
  table: SocketTable,
  type: number,
  protocol: number,
  credentials: Credentials,
): KernelSocket | number {
  if (protocol !== 0 && protocol !== AF_UNIX) return -EPROTONOSUPPORT;
  if (type === SOCK_STREAM || type === SOCK_DGRAM || type === SOCK_SEQPACKET) {
    return new UnixSocket(table, type, credentials);
  }
  // As Linux has it for BSD's sake: a raw socket of this family is one for datagrams.
  return type === SOCK_RAW ? new UnixSocket(table, SOCK_DGRAM, credentials) : -ESOCKTNOSUPPORT;
}
