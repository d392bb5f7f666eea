/** Options of level IPPROTO_IPV6 (ipv6(7)), for sockets of AF_INET6. */
import { EINVAL, ENOPROTOOPT } from "../../abi/errno.ts";
import type { InetSocket } from "./inet-socket.ts";
import { putInt, readInt32 } from "./socket-options.ts";

export const IPV6_V6ONLY = 26;

export function setIpv6Option(socket: InetSocket, name: number, bytes: Uint8Array, at: number, length: number): number {
  if (name !== IPV6_V6ONLY) return -ENOPROTOOPT;
  // Not once there is a port: it is another family's port.
  if (length < 4 || socket.hasPort) return -EINVAL;
  socket.isIpv6Only = readInt32(bytes, at) !== 0;
  return 0;
}

export function getIpv6Option(socket: InetSocket, name: number, into: DataView): number {
  return name === IPV6_V6ONLY ? putInt(into, Number(socket.isIpv6Only)) : -ENOPROTOOPT;
}
