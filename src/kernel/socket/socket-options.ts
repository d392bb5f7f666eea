/** Options of SOL_SOCKET (socket(7)): their values for one socket, and how setsockopt(2) and getsockopt(2) read and write them. */
import { EDOM, EINVAL, ENOPROTOOPT, EOPNOTSUPP } from "../../abi/errno.ts";
import {
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DEBUG,
  SO_DOMAIN,
  SO_DONTROUTE,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SO_PRIORITY,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_TYPE,
} from "../../abi/socket.ts";
import type { KernelSocket } from "./kernel-socket.ts";

export const SO_PASSCRED = 16;
/** On 64-bit machines the same as the older numbers. */
const SO_RCVTIMEO_NEW = 66;
const SO_SNDTIMEO_NEW = 67;

/** net.core.wmem_max and rmem_max: what a program may ask for, before doubling. */
export const MAXIMUM_BUFFER_BYTES = 212_992;
/** SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF: what it gets at least. */
export const MINIMUM_SEND_BUFFER_BYTES = 4608;
export const MINIMUM_RECEIVE_BUFFER_BYTES = 2304;

const TIMEVAL_BYTES = 16;
const LINGER_BYTES = 8;
const LARGEST_INT = 0x7fffffff;
const NEVER = Number.POSITIVE_INFINITY;

export class SocketOptions {
  reuseAddress = false;
  reusePort = false;
  keepAlive = false;
  broadcast = false;
  debug = false;
  dontRoute = false;
  outOfBandInline = false;
  priority = 0;
  isLingerOn = false;
  lingerSeconds = 0;
  /** As getsockopt(2) tells them: twice what was asked for, since Linux counts its own overhead too. */
  sendBufferBytes: number;
  receiveBufferBytes: number;
  /** The program chose the size itself: no autotuning. */
  isSendBufferLocked = false;
  isReceiveBufferLocked = false;
  receiveLowWaterBytes = 1;
  receiveTimeoutMilliseconds: number = NEVER;
  sendTimeoutMilliseconds: number = NEVER;

  constructor(sendBufferBytes: number, receiveBufferBytes: number) {
    this.sendBufferBytes = sendBufferBytes;
    this.receiveBufferBytes = receiveBufferBytes;
  }

  /** For a socket that changes what it shared with others. */
  clone(): SocketOptions {
    return Object.assign(new SocketOptions(0, 0), this);
  }
}

export function readInt32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** A signed 64-bit number, exact up to 2^53. */
function readInt64(bytes: Uint8Array, at: number): number {
  return readInt32(bytes, at + 4) * 0x1_0000_0000 + (readInt32(bytes, at) >>> 0);
}

/** Writes an int and returns its length. */
export function putInt(into: DataView, value: number): number {
  into.setInt32(0, value, true);
  return 4;
}

export function setSocketLevelOption(
  socket: KernelSocket,
  name: number,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  if (length < 4) return -EINVAL;
  const options = socket.ownOptions();
  const value = readInt32(bytes, at);
  switch (name) {
    case SO_DEBUG:
      options.debug = value !== 0;
      return 0;
    case SO_REUSEADDR:
      options.reuseAddress = value !== 0;
      break;
    case SO_REUSEPORT:
      options.reusePort = value !== 0;
      break;
    case SO_TYPE:
    case SO_PROTOCOL:
    case SO_DOMAIN:
    case SO_ERROR:
    case SO_ACCEPTCONN:
    case SO_SNDLOWAT:
      return -ENOPROTOOPT;
    case SO_PASSCRED:
      // Of AF_UNIX, which knows it before it comes here.
      return -EOPNOTSUPP;
    case SO_DONTROUTE:
      options.dontRoute = value !== 0;
      return 0;
    case SO_BROADCAST:
      options.broadcast = value !== 0;
      break;
    case SO_SNDBUF:
      options.sendBufferBytes = Math.max(2 * Math.min(value >>> 0, MAXIMUM_BUFFER_BYTES), MINIMUM_SEND_BUFFER_BYTES);
      options.isSendBufferLocked = true;
      break;
    case SO_RCVBUF: {
      const asked = Math.min(value >>> 0, MAXIMUM_BUFFER_BYTES);
      options.receiveBufferBytes = Math.max(2 * asked, MINIMUM_RECEIVE_BUFFER_BYTES);
      options.isReceiveBufferLocked = true;
      break;
    }
    case SO_KEEPALIVE:
      options.keepAlive = value !== 0;
      break;
    case SO_OOBINLINE:
      options.outOfBandInline = value !== 0;
      return 0;
    case SO_PRIORITY:
      options.priority = value;
      return 0;
    case SO_LINGER:
      if (length < LINGER_BYTES) return -EINVAL;
      options.isLingerOn = value !== 0;
      if (options.isLingerOn) options.lingerSeconds = Math.max(0, readInt32(bytes, at + 4));
      break;
    case SO_RCVLOWAT:
      options.receiveLowWaterBytes = value < 0 ? LARGEST_INT : Math.max(1, value);
      break;
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_NEW: {
      const timeout = readTimeout(bytes, at, length);
      if (timeout < 0) return timeout;
      options.receiveTimeoutMilliseconds = timeout;
      return 0;
    }
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_NEW: {
      const timeout = readTimeout(bytes, at, length);
      if (timeout < 0) return timeout;
      options.sendTimeoutMilliseconds = timeout;
      return 0;
    }
    default:
      return -ENOPROTOOPT;
  }
  socket.applyOptions();
  return 0;
}

/** A struct timeval in milliseconds: all zero means no timeout, a negative number of seconds none to wait at all. */
function readTimeout(bytes: Uint8Array, at: number, length: number): number {
  if (length < TIMEVAL_BYTES) return -EINVAL;
  const seconds = readInt64(bytes, at);
  const microseconds = readInt64(bytes, at + 8);
  if (microseconds < 0 || microseconds >= 1_000_000) return -EDOM;
  if (seconds < 0) return 0;
  return seconds === 0 && microseconds === 0 ? NEVER : seconds * 1000 + microseconds / 1000;
}

export function getSocketLevelOption(socket: KernelSocket, name: number, into: DataView): number {
  const { options } = socket;
  switch (name) {
    case SO_DEBUG:
      return putInt(into, Number(options.debug));
    case SO_REUSEADDR:
      return putInt(into, Number(options.reuseAddress));
    case SO_REUSEPORT:
      return putInt(into, Number(options.reusePort));
    case SO_TYPE:
      return putInt(into, socket.socketType);
    case SO_PROTOCOL:
      return putInt(into, socket.protocol);
    case SO_DOMAIN:
      return putInt(into, socket.domain);
    case SO_ERROR:
      return putInt(into, socket.takeError());
    case SO_ACCEPTCONN:
      return putInt(into, Number(socket.isListener));
    case SO_DONTROUTE:
      return putInt(into, Number(options.dontRoute));
    case SO_BROADCAST:
      return putInt(into, Number(options.broadcast));
    case SO_SNDBUF:
      return putInt(into, options.sendBufferBytes);
    case SO_RCVBUF:
      return putInt(into, options.receiveBufferBytes);
    case SO_KEEPALIVE:
      return putInt(into, Number(options.keepAlive));
    case SO_OOBINLINE:
      return putInt(into, Number(options.outOfBandInline));
    case SO_PRIORITY:
      return putInt(into, options.priority);
    case SO_LINGER:
      into.setInt32(0, Number(options.isLingerOn), true);
      into.setInt32(4, options.lingerSeconds, true);
      return LINGER_BYTES;
    case SO_RCVLOWAT:
      return putInt(into, options.receiveLowWaterBytes);
    case SO_SNDLOWAT:
      return putInt(into, 1);
    case SO_PASSCRED:
      return -EOPNOTSUPP;
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_NEW:
      return putTimeout(into, options.receiveTimeoutMilliseconds);
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_NEW:
      return putTimeout(into, options.sendTimeoutMilliseconds);
    default:
      return -ENOPROTOOPT;
  }
}

function putTimeout(into: DataView, milliseconds: number): number {
  const microseconds = milliseconds === NEVER ? 0 : Math.round(milliseconds * 1000);
  into.setBigInt64(0, BigInt(Math.floor(microseconds / 1_000_000)), true);
  into.setBigInt64(8, BigInt(microseconds % 1_000_000), true);
  return TIMEVAL_BYTES;
}
