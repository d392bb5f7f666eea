/** Options of level IPPROTO_IP (ip(7)), for every AF_INET socket. */
import { EINVAL, ENOPROTOOPT, ENOTCONN, EPERM } from "../../abi/errno.ts";
import { IP_MTU, IP_MTU_DISCOVER, IP_RECVERR, IP_TOS, IP_TTL } from "../../abi/socket.ts";
import type { InetSocket } from "./inet-socket.ts";
import { putInt, readInt32 } from "./socket-options.ts";

const IP_HDRINCL = 3;
export const IP_PKTINFO = 8;
export const IP_RECVTTL = 12;
const IP_RECVTOS = 13;
const IP_FREEBIND = 15;
const IP_TRANSPARENT = 19;
const IP_BIND_ADDRESS_NO_PORT = 24;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;

export const DEFAULT_TIME_TO_LIVE = 64;
/** IP_MTU_DISCOVER: WANT cuts datagrams that are too long, DO refuses them. */
const IP_PMTUDISC_WANT = 1;
export const IP_PMTUDISC_DO = 2;
export const IP_PMTUDISC_PROBE = 3;
const IP_PMTUDISC_OMIT = 5;

export class IpOptions {
  typeOfService = 0;
  timeToLive: number = DEFAULT_TIME_TO_LIVE;
  mtuDiscovery: number = IP_PMTUDISC_WANT;
  receivesErrors = false;
  /** May bind to addresses that are not its machine's. */
  freeBind = false;
  bindAddressNoPort = false;
  /** Which ancillary data recvmsg(2) gives. */
  tellsPacketInfo = false;
  tellsTimeToLive = false;
  multicastTimeToLive = 1;
  multicastLoop = true;

  clone(): IpOptions {
    return Object.assign(new IpOptions(), this);
  }
}

/** What every socket starts with. */
export const DEFAULT_IP_OPTIONS: Readonly<IpOptions> = new IpOptions();

export function setIpOption(socket: InetSocket, name: number, bytes: Uint8Array, at: number, length: number): number {
  const options = socket.ownIpOptions();
  // Unlike the other levels, this one takes a single byte as well.
  const value = length >= 4 ? readInt32(bytes, at) : length >= 1 ? (bytes[at] as number) : 0;
  switch (name) {
    case IP_TOS:
      // The lowest two bits are the congestion notification of RFC 3168, not a program's.
      options.typeOfService = socket.isStream ? (value & 0xfc) | (options.typeOfService & 3) : value & 0xff;
      break;
    case IP_TTL:
      if (length < 1 || (value !== -1 && (value < 1 || value > 255))) return -EINVAL;
      options.timeToLive = value === -1 ? DEFAULT_TIME_TO_LIVE : value;
      break;
    case IP_MTU_DISCOVER:
      if (value < 0 || value > IP_PMTUDISC_OMIT) return -EINVAL;
      options.mtuDiscovery = value;
      break;
    case IP_RECVERR:
      options.receivesErrors = value !== 0;
      break;
    case IP_FREEBIND:
      options.freeBind = value !== 0;
      return 0;
    case IP_BIND_ADDRESS_NO_PORT:
      options.bindAddressNoPort = value !== 0;
      return 0;
    case IP_PKTINFO:
      options.tellsPacketInfo = value !== 0;
      return 0;
    case IP_RECVTTL:
      options.tellsTimeToLive = value !== 0;
      return 0;
    case IP_MULTICAST_TTL:
      if (socket.isStream || value < -1 || value > 255) return -EINVAL;
      options.multicastTimeToLive = value === -1 ? 1 : value;
      return 0;
    case IP_MULTICAST_LOOP:
      options.multicastLoop = value !== 0;
      return 0;
    case IP_TRANSPARENT:
      return value === 0 ? 0 : -EPERM;
    default:
      return -ENOPROTOOPT;
  }
  socket.applyOptions();
  return 0;
}

export function getIpOption(socket: InetSocket, name: number, into: DataView): number {
  const options = socket.ipOptions;
  switch (name) {
    case IP_TOS:
      return putInt(into, options.typeOfService);
    case IP_TTL:
      return putInt(into, options.timeToLive);
    case IP_MTU_DISCOVER:
      return putInt(into, options.mtuDiscovery);
    case IP_RECVERR:
      return putInt(into, Number(options.receivesErrors));
    case IP_FREEBIND:
      return putInt(into, Number(options.freeBind));
    case IP_BIND_ADDRESS_NO_PORT:
      return putInt(into, Number(options.bindAddressNoPort));
    case IP_PKTINFO:
      return putInt(into, Number(options.tellsPacketInfo));
    case IP_RECVTTL:
      return putInt(into, Number(options.tellsTimeToLive));
    case IP_RECVTOS:
    case IP_TRANSPARENT:
    case IP_HDRINCL:
      return putInt(into, 0);
    case IP_MULTICAST_TTL:
      return putInt(into, options.multicastTimeToLive);
    case IP_MULTICAST_LOOP:
      return putInt(into, Number(options.multicastLoop));
    case IP_MTU: {
      const mtu = socket.pathMtu();
      return mtu === 0 ? -ENOTCONN : putInt(into, mtu);
    }
    default:
      return -ENOPROTOOPT;
  }
}
