/** IPv4 addresses and ports: as text, and as struct sockaddr_in in process memory. */
import { AF_INET } from "../../abi/socket.ts";
import type { Memory } from "./memory.ts";

const DOTTED = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** The number of "10.0.2.15" (10 in the highest byte); undefined where the text is no dotted quad. */
export function parseIpv4(text: string): number | undefined {
  const match = DOTTED.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    // A leading zero meant octal to some parsers: refused, as inet_pton(3) does.
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`;
}

/** An IPv4 address with a port. Immutable. */
export class SocketAddrV4 {
  /** "127.0.0.1" */
  readonly ip: string;
  readonly port: number;
  /** The address as a number, its first byte highest. */
  readonly address: number;

  /** Throws RangeError for text that is no IPv4 address and for ports outside 0 to 65535. */
  constructor(ip: string | number, port: number) {
    const address = typeof ip === "string" ? parseIpv4(ip) : ip >>> 0;
    if (address === undefined) throw new RangeError(`not an IPv4 address: ${ip}`);
    if (!Number.isInteger(port) || port < 0 || port > 0xffff) throw new RangeError(`not a port: ${port}`);
    this.address = address;
    this.ip = formatIpv4(address);
    this.port = port;
  }

  /** From "127.0.0.1:80"; undefined where the text is something else (a name and a port, for example). */
  static parse(text: string): SocketAddrV4 | undefined {
    const parts = splitHostPort(text);
    const address = parts === undefined ? undefined : parseIpv4(parts.host);
    return parts === undefined || address === undefined ? undefined : new SocketAddrV4(address, parts.port);
  }

  toString(): string {
    return `${this.ip}:${this.port}`;
  }
}

/** "host:port" taken apart; undefined where there is no port or it is out of range. */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const colon = text.lastIndexOf(":");
  const portText = text.slice(colon + 1);
  if (colon < 1 || !/^\d{1,5}$/.test(portText) || Number(portText) > 0xffff) return undefined;
  return { host: text.slice(0, colon), port: Number(portText) };
}

/** Writes a struct sockaddr_in of 16 bytes. */
export function writeSocketAddress(memory: Memory, at: number, address: number, port: number): void {
  memory.writeUint16(at, AF_INET);
  memory.view.setUint16(at + 2, port);
  memory.view.setUint32(at + 4, address);
  memory.writeInt64(at + 8, 0);
}

export function readSocketAddress(memory: Memory, at: number): SocketAddrV4 {
  return new SocketAddrV4(memory.view.getUint32(at + 4), memory.view.getUint16(at + 2));
}
