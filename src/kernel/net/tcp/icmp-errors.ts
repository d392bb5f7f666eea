/**
 * ICMP errors about our segments (RFC 9293 section 3.9.2.2, RFC 5927): before the handshake they end the attempt; afterwards they
 * are hints, remembered for the case that the connection times out. "Fragmentation needed" lowers the segment size (RFC 1191).
 */

import { ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT } from "../../../abi/errno.ts";
import type { IcmpErrorKind } from "../protocols.ts";
import type { TcpConnection } from "./connection.ts";
import { resendInFlight } from "./recovery.ts";
import { isAtMost } from "./sequence.ts";
import { refreshSegmentBytes } from "./setup.ts";
import { SYN_RECEIVED, SYN_SENT } from "./state.ts";
import { fail } from "./transitions.ts";

/** Linux's min_pmtu: a smaller report is not believed (RFC 5927 section 7.2). */
const LEAST_PATH_MTU = 552;
/** RFC 1191 section 7.1: the plateaus of routers that do not name their MTU. */
const PLATEAUS: readonly number[] = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 576];

export function icmpErrorFor(connection: TcpConnection, kind: IcmpErrorKind, sequence: number, mtu: number): void {
  // RFC 5927 section 4.1: what is quoted must be in flight, or the error was made up.
  const offset = (sequence - connection.sendUnacknowledged) | 0;
  if (offset < 0 || isAtMost(connection.sendNext, sequence)) return;
  if (kind === "fragmentation-needed") {
    lowerPathMtu(connection, mtu);
    return;
  }
  const errno = errnoFor(kind);
  if (connection.state === SYN_SENT || connection.state === SYN_RECEIVED) {
    fail(connection, errno);
    return;
  }
  connection.softError = errno;
}

function lowerPathMtu(connection: TcpConnection, reported: number): void {
  let mtu = reported;
  if (mtu === 0) mtu = PLATEAUS.find((plateau) => plateau < connection.pathMtu) ?? LEAST_PATH_MTU;
  if (mtu < LEAST_PATH_MTU) mtu = LEAST_PATH_MTU;
  if (mtu >= connection.pathMtu) return;
  connection.pathMtu = mtu;
  refreshSegmentBytes(connection);
  if (connection.state === SYN_SENT || connection.state === SYN_RECEIVED) return;
  resendInFlight(connection);
}

function errnoFor(kind: IcmpErrorKind): number {
  switch (kind) {
    case "port-unreachable":
      return ECONNREFUSED;
    case "protocol-unreachable":
      return ENOPROTOOPT;
    case "net-unreachable":
      return ENETUNREACH;
    default:
      return EHOSTUNREACH;
  }
}
