/**
 * Socket addresses as programs lay them in memory. sockaddr_in: family (little-endian) at 0, port at 2 and address at 4 (both in
 * network order), 16 bytes. sockaddr_un: family at 0, path from 2 on. sockaddr_nl: family at 0, port id at 4, groups at 8, all in
 * the machine's order. sockaddr_in6: family at 0, port at 2, address from 8 to 24, 28 bytes; of these the sockets of AF_INET6 know
 * the wildcard and those that stand for an IPv4 address (RFC 4291 section 2.5.5.2).
 */
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  AF_UNSPEC,
  SOCKADDR_IN_BYTES,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_NL_BYTES,
} from "../../abi/socket.ts";
import { IPV6_ONLY_ADDRESS } from "../net/ports.ts";

/** sizeof(struct sockaddr_storage): no address is longer (EINVAL). */
export const SOCKADDR_STORAGE_BYTES = 128;
/** sizeof(struct sockaddr_un): family and 108 bytes of path. */
export const SOCKADDR_UN_BYTES = 110;
/** SIN6_LEN_RFC2133: a sockaddr_in6 may lack the scope at its end. */
const SHORTEST_SOCKADDR_IN6_BYTES = 24;

/** What an IPv6 address is to a machine that has none of its own. */
export type Ipv6Kind = "wildcard" | "mapped" | "unreachable";

/** An address on its way in or out. One instance is used again and again: nothing is allocated per datagram. */
export class SocketAddress {
  family: number = AF_UNSPEC;
  /** Bytes that the caller gave; the sockets check that it is enough for their family. */
  byteLength = 0;
  /** AF_INET: number in host order, and port. AF_NETLINK: the port id, and a mask of groups. */
  address = 0;
  port = 0;
  /** AF_INET6: `address` is the IPv4 address where it is mapped, and 0 otherwise. */
  ipv6Kind: Ipv6Kind = "unreachable";
  /** AF_UNIX: one character per byte; empty for an unnamed socket, a leading NUL for an abstract name. */
  path = "";
  /** AF_UNIX: the file that a pathname leads to, once it was followed; the key by which sockets find each other. */
  node: object | null = null;
  /** What following it ended with, as -errno; 0 when it was found. Told by whoever comes to need the file. */
  error = 0;

  /** No address at all: what a stream socket has to say about where bytes came from. */
  clear(): this {
    this.family = AF_UNSPEC;
    this.byteLength = 0;
    this.address = 0;
    this.port = 0;
    this.ipv6Kind = "unreachable";
    this.path = "";
    this.node = null;
    this.error = 0;
    return this;
  }

  /** AF_UNIX: a path in the file system, neither abstract nor empty. */
  get isPathname(): boolean {
    return this.family === AF_UNIX && this.path !== "" && this.path.charCodeAt(0) !== 0;
  }

  /** As a socket of AF_INET6 tells an address of AF_INET. */
  map(): void {
    if (this.family !== AF_INET) return;
    this.family = AF_INET6;
    if (this.address === IPV6_ONLY_ADDRESS) this.address = 0;
  }

  setInet(address: number, port: number): this {
    this.family = AF_INET;
    this.byteLength = SOCKADDR_IN_BYTES;
    this.address = address;
    this.port = port;
    return this;
  }

  /**
   * As a socket of AF_INET6 takes an address: one that it can reach over IPv4 becomes one of AF_INET. Others stay, and are refused; what
   * is too short to be one gets a length that is too short for any.
   */
  unmap(isIpv6Only: boolean): void {
    if (this.family !== AF_INET6) return;
    if (this.byteLength < SHORTEST_SOCKADDR_IN6_BYTES) this.byteLength = 2;
    if (isIpv6Only || this.ipv6Kind === "unreachable") return;
    this.family = AF_INET;
    this.byteLength = SOCKADDR_IN_BYTES;
  }

  setNetlink(portId: number, groups: number): this {
    this.family = AF_NETLINK;
    this.byteLength = SOCKADDR_NL_BYTES;
    this.address = portId;
    this.port = groups;
    return this;
  }

  setUnix(path: string): this {
    this.family = AF_UNIX;
    this.path = path;
    this.byteLength = 2 + path.length;
    return this;
  }
}

/** Reads `byteLength` bytes (at most SOCKADDR_STORAGE_BYTES) at `at`. What is too short for its family stays zero; `byteLength` tells. */
export function decodeSocketAddress(bytes: Uint8Array, at: number, byteLength: number, into: SocketAddress): void {
  into.clear();
  into.byteLength = byteLength;
  if (byteLength < 2) return;
  into.family = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  if (into.family === AF_UNIX) {
    into.path = decodePath(bytes, at + 2, byteLength - 2);
    return;
  }
  if (into.family === AF_NETLINK) {
    if (byteLength < SOCKADDR_NL_BYTES) return;
    into.address = littleEndian(bytes, at + 4);
    into.port = littleEndian(bytes, at + 8);
    return;
  }
  if (byteLength < 8) return;
  if (into.family === AF_INET6) {
    decodeIpv6(bytes, at, byteLength, into);
    return;
  }
  into.port = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  into.address =
    (((bytes[at + 4] as number) << 24) |
      ((bytes[at + 5] as number) << 16) |
      ((bytes[at + 6] as number) << 8) |
      (bytes[at + 7] as number)) >>>
    0;
}

function decodeIpv6(bytes: Uint8Array, at: number, byteLength: number, into: SocketAddress): void {
  if (byteLength < SHORTEST_SOCKADDR_IN6_BYTES) return;
  into.port = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  const [high, middle, marker, low] = [8, 12, 16, 20].map((word) => littleEndian(bytes, at + word));
  if (high !== 0 || middle !== 0) return;
  if (marker === 0xffff_0000) {
    into.ipv6Kind = "mapped";
    for (let k = 20; k < 24; k++) into.address = ((into.address << 8) | (bytes[at + k] as number)) >>> 0;
  } else if (marker === 0 && low === 0) into.ipv6Kind = "wildcard";
}

/**
 * Writes as much of the address as `room` bytes hold and returns its true length: accept(2) and its kin cut what is too long
 * and tell the program by the length.
 */
export function encodeSocketAddress(from: SocketAddress, bytes: Uint8Array, at: number, room: number): number {
  if (from.family === AF_UNSPEC) return 0;
  if (from.family === AF_UNIX) return encodeUnix(from.path, bytes, at, room);
  if (from.family === AF_NETLINK) {
    for (let k = 0; k < SOCKADDR_NL_BYTES && k < room; k++) bytes[at + k] = netlinkByte(from, k);
    return SOCKADDR_NL_BYTES;
  }
  if (from.family === AF_INET6) {
    for (let k = 0; k < SOCKADDR_IN6_BYTES && k < room; k++) bytes[at + k] = ipv6Byte(from, k);
    return SOCKADDR_IN6_BYTES;
  }
  for (let k = 0; k < SOCKADDR_IN_BYTES && k < room; k++) bytes[at + k] = inetByte(from, k);
  return SOCKADDR_IN_BYTES;
}

function littleEndian(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

function netlinkByte(from: SocketAddress, index: number): number {
  if (index < 4) return index === 0 ? from.family : 0;
  return ((index < 8 ? from.address : from.port) >>> (8 * (index & 3))) & 0xff;
}

function inetByte(from: SocketAddress, index: number): number {
  if (index < 2) return index === 0 ? from.family : from.family >>> 8;
  if (index < 4) return index === 2 ? from.port >>> 8 : from.port & 0xff;
  return index < 8 ? (from.address >>> (8 * (7 - index))) & 0xff : 0;
}

function ipv6Byte(from: SocketAddress, index: number): number {
  if (index < 4) return inetByte(from, index);
  // The wildcard is all zero.
  if (from.address === 0 || index < 18 || index >= 24) return 0;
  return index < 20 ? 0xff : inetByte(from, index - 16);
}

/** unix(7): a pathname ends at its first NUL; an abstract name begins with one and is as long as it was said to be. */
function decodePath(bytes: Uint8Array, at: number, byteLength: number): string {
  const isAbstract = byteLength > 0 && bytes[at] === 0;
  let path = "";
  for (let k = 0; k < byteLength; k++) {
    const byte = bytes[at + k] as number;
    if (byte === 0 && !isAbstract) break;
    path += String.fromCharCode(byte);
  }
  return path;
}

function encodeUnix(path: string, bytes: Uint8Array, at: number, room: number): number {
  // A pathname is given back with its NUL, an unnamed socket as the family alone.
  const isPathname = path.length > 0 && path.charCodeAt(0) !== 0;
  const byteLength = 2 + path.length + (isPathname ? 1 : 0);
  for (let k = 0; k < byteLength && k < room; k++) {
    bytes[at + k] = k === 0 ? AF_UNIX : k === 1 ? 0 : k - 2 < path.length ? path.charCodeAt(k - 2) : 0;
  }
  return byteLength;
}
