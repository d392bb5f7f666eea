/** What the stack asks of the protocols above IP. TCP, UDP and ICMP each implement it. */
import type { NetInterface } from "./interface.ts";

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

/** What an ICMP error reports about a packet of ours (RFC 1122 3.2.2.1, RFC 1191). */
export type IcmpErrorKind =
  | "net-unreachable"
  | "host-unreachable"
  | "protocol-unreachable"
  | "port-unreachable"
  | "fragmentation-needed"
  | "admin-prohibited"
  | "time-exceeded";

export interface TransportProtocol {
  /**
   * A whole, valid IP packet for us. The callee owns `frame` (the slot to free). The IP header stands at `ipOffset`, the
   * transport's `transportLength` bytes at `transportOffset`; addresses in host order. The transport checksum is unchecked.
   */
  input(
    netInterface: NetInterface,
    frame: number,
    ipOffset: number,
    transportOffset: number,
    transportLength: number,
    source: number,
    destination: number,
  ): void;
  /** An ICMP error that quotes a packet of ours. `source` and `sourcePort` are ours; `sequence` is TCP's (0 elsewhere), `mtu` 0 unless known. */
  icmpError(
    kind: IcmpErrorKind,
    source: number,
    destination: number,
    sourcePort: number,
    destinationPort: number,
    sequence: number,
    mtu: number,
  ): void;
}

/** What the stack asks of TCP on top of that. */
export interface TcpProtocol extends TransportProtocol {
  /** Sends what is due (data, ACKs, SYNs of connect()). Called in poll() after received frames were drained and timers fired. */
  output(): void;
  /** True when a listener would take a SYN to this address and port. */
  isListening(address: number, port: number): boolean;
  /** True when a connection in any state has exactly these ends. */
  isConnected(localAddress: number, localPort: number, remoteAddress: number, remotePort: number): boolean;
}
