/** Options of level IPPROTO_TCP (tcp(7)), and what all levels together mean for the connection below. */
import { EINVAL, ENOENT, ENOPROTOOPT } from "../../abi/errno.ts";
import {
  SOMAXCONN,
  TCP_CONGESTION,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_QUICKACK,
  TCP_SYNCNT,
  TCP_USER_TIMEOUT,
} from "../../abi/socket.ts";
import type { TcpSocketOptions } from "../net/tcp/connection-options.ts";
import { putInt, readInt32 } from "./socket-options.ts";
import { putTcpInfo } from "./tcp-info.ts";
import type { TcpSocket } from "./tcp-socket.ts";

const TCP_FASTOPEN = 23;
const MAXIMUM_KEEP_SECONDS = 32_767;
const MAXIMUM_COUNT = 127;
const MINIMUM_MSS = 88;
const MAXIMUM_WINDOW = 32_767;
/** The one algorithm there is (RFC 9438). The name's field is 16 bytes long (TCP_CA_NAME_MAX). */
const CONGESTION_CONTROL = "cubic";
const CONGESTION_NAME_BYTES = 16;
/** TCP's answer before a connection knows better. */
const DEFAULT_MSS = 536;

export class TcpLevelOptions {
  noDelay = false;
  cork = false;
  quickAck = true;
  keepIdleSeconds = 7200;
  keepIntervalSeconds = 75;
  keepCount = 9;
  synRetries = 6;
  maximumSegmentBytes = 0;
  userTimeoutMilliseconds = 0;
  /** Kept and told; a connection is handed out when its handshake is done in any case. */
  deferAcceptSeconds = 0;
  fastOpenQueue = 0;

  clone(): TcpLevelOptions {
    return Object.assign(new TcpLevelOptions(), this);
  }
}

/** What every socket starts with. */
export const DEFAULT_TCP_LEVEL_OPTIONS: Readonly<TcpLevelOptions> = new TcpLevelOptions();

/** Everything that the connection needs to know, from all levels. */
export function connectionOptions(socket: TcpSocket): TcpSocketOptions {
  const { options, ipOptions, tcpOptions } = socket;
  return {
    noDelay: tcpOptions.noDelay,
    cork: tcpOptions.cork,
    quickAck: tcpOptions.quickAck,
    keepAlive: options.keepAlive,
    keepIdleMilliseconds: tcpOptions.keepIdleSeconds * 1000,
    keepIntervalMilliseconds: tcpOptions.keepIntervalSeconds * 1000,
    keepCount: tcpOptions.keepCount,
    lingerMilliseconds: options.isLingerOn ? options.lingerSeconds * 1000 : -1,
    userTimeoutMilliseconds: tcpOptions.userTimeoutMilliseconds,
    maxSegmentSize: tcpOptions.maximumSegmentBytes,
    typeOfService: ipOptions.typeOfService,
    timeToLive: ipOptions.timeToLive,
    // The doubled size counts bookkeeping that this stack does not have: half of it is for bytes.
    receiveBufferBytes: options.isReceiveBufferLocked ? options.receiveBufferBytes / 2 : 0,
    sendBufferBytes: options.isSendBufferLocked ? options.sendBufferBytes / 2 : 0,
    synRetries: tcpOptions.synRetries,
  };
}

export function setTcpOption(socket: TcpSocket, name: number, bytes: Uint8Array, at: number, length: number): number {
  if (name === TCP_CONGESTION) return setCongestion(bytes, at, length);
  if (length < 4) return -EINVAL;
  const options = socket.ownTcpOptions();
  const value = readInt32(bytes, at);
  switch (name) {
    case TCP_NODELAY:
      options.noDelay = value !== 0;
      break;
    case TCP_CORK:
      options.cork = value !== 0;
      break;
    case TCP_QUICKACK:
      options.quickAck = value !== 0;
      break;
    case TCP_MAXSEG:
      if (value !== 0 && (value < MINIMUM_MSS || value > MAXIMUM_WINDOW)) return -EINVAL;
      options.maximumSegmentBytes = value;
      break;
    case TCP_KEEPIDLE:
      if (value < 1 || value > MAXIMUM_KEEP_SECONDS) return -EINVAL;
      options.keepIdleSeconds = value;
      break;
    case TCP_KEEPINTVL:
      if (value < 1 || value > MAXIMUM_KEEP_SECONDS) return -EINVAL;
      options.keepIntervalSeconds = value;
      break;
    case TCP_KEEPCNT:
      if (value < 1 || value > MAXIMUM_COUNT) return -EINVAL;
      options.keepCount = value;
      break;
    case TCP_SYNCNT:
      if (value < 1 || value > MAXIMUM_COUNT) return -EINVAL;
      options.synRetries = value;
      break;
    case TCP_USER_TIMEOUT:
      if (value < 0) return -EINVAL;
      options.userTimeoutMilliseconds = value;
      break;
    case TCP_DEFER_ACCEPT:
      options.deferAcceptSeconds = roundToRetransmissions(value);
      return 0;
    case TCP_FASTOPEN:
      // As on a Linux where servers may not use it: taken, and without effect.
      if (value < 0 || socket.state.kind === "Connected") return -EINVAL;
      options.fastOpenQueue = Math.min(value, SOMAXCONN);
      return 0;
    default:
      return -ENOPROTOOPT;
  }
  socket.applyOptions();
  return 0;
}

/**
 * TCP_DEFER_ACCEPT is kept in SYN|ACKs sent, after 1, 2, 4 … and at most 120 seconds, 255 of them: the seconds until as many have
 * gone as the value asks for.
 */
function roundToRetransmissions(seconds: number): number {
  let elapsed = 0;
  for (let count = 0; elapsed < seconds && count < 255; count++) elapsed += Math.min(2 ** count, 120);
  return elapsed;
}

function setCongestion(bytes: Uint8Array, at: number, length: number): number {
  if (length < 1) return -EINVAL;
  let name = "";
  for (let k = 0; k < length && k < CONGESTION_NAME_BYTES - 1 && bytes[at + k] !== 0; k++) {
    name += String.fromCharCode(bytes[at + k] as number);
  }
  return name === CONGESTION_CONTROL ? 0 : -ENOENT;
}

export function getTcpOption(socket: TcpSocket, name: number, into: DataView): number {
  const options = socket.tcpOptions;
  switch (name) {
    case TCP_NODELAY:
      return putInt(into, Number(options.noDelay));
    case TCP_CORK:
      return putInt(into, Number(options.cork));
    case TCP_QUICKACK:
      return putInt(into, Number(options.quickAck));
    case TCP_MAXSEG: {
      const { connection } = socket;
      if (connection?.isEstablished === true) return putInt(into, connection.sendSegmentBytes);
      return putInt(into, options.maximumSegmentBytes || DEFAULT_MSS);
    }
    case TCP_KEEPIDLE:
      return putInt(into, options.keepIdleSeconds);
    case TCP_KEEPINTVL:
      return putInt(into, options.keepIntervalSeconds);
    case TCP_KEEPCNT:
      return putInt(into, options.keepCount);
    case TCP_SYNCNT:
      return putInt(into, options.synRetries);
    case TCP_USER_TIMEOUT:
      return putInt(into, options.userTimeoutMilliseconds);
    case TCP_DEFER_ACCEPT:
      return putInt(into, options.deferAcceptSeconds);
    case TCP_FASTOPEN:
      return putInt(into, options.fastOpenQueue);
    case TCP_INFO:
      return putTcpInfo(socket, into);
    case TCP_CONGESTION:
      for (let k = 0; k < CONGESTION_NAME_BYTES; k++) {
        into.setUint8(k, k < CONGESTION_CONTROL.length ? CONGESTION_CONTROL.charCodeAt(k) : 0);
      }
      return CONGESTION_NAME_BYTES;
    default:
      return -ENOPROTOOPT;
  }
}
