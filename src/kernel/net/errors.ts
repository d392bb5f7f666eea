/** What an ICMP error means to a socket (Linux's icmp_err_convert). */
import { ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENOPROTOOPT } from "../../abi/errno.ts";
import type { IcmpErrorKind } from "./protocols.ts";

/** The errno, positive. */
export function errnoForIcmp(kind: IcmpErrorKind): number {
  switch (kind) {
    case "net-unreachable":
      return ENETUNREACH;
    case "host-unreachable":
    case "time-exceeded":
    case "admin-prohibited":
      return EHOSTUNREACH;
    case "protocol-unreachable":
      return ENOPROTOOPT;
    case "port-unreachable":
      return ECONNREFUSED;
    case "fragmentation-needed":
      return EMSGSIZE;
  }
}

/** True for errors that will not pass by themselves: a connected datagram socket reports them without IP_RECVERR. */
export function isHardIcmpError(kind: IcmpErrorKind): boolean {
  return kind === "port-unreachable" || kind === "protocol-unreachable" || kind === "admin-prohibited";
}
