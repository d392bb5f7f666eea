/** What a connection's state, as RFC 9293 has it, means for the socket above it. */
import type { TcpConnection } from "../net/tcp/connection.ts";
import { CAN_RECEIVE, CAN_SEND, CLOSED, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from "../net/tcp/state.ts";
import type { SocketAddressV4, SocketState } from "./socket-state.ts";

/** Nothing more will come of it: for the socket, a connection in TIME-WAIT is as good as closed. */
export function isOver(connection: TcpConnection): boolean {
  return connection.state === CLOSED || connection.state === TIME_WAIT;
}

/** Whether connect(2) with AF_UNSPEC leaves ECONNRESET behind. */
export function isResetByDisconnect(connection: TcpConnection): boolean {
  const unanswered = CAN_RECEIVE | CAN_SEND | (1 << SYN_SENT) | (1 << SYN_RECEIVED);
  return ((1 << connection.state) & unanswered) !== 0;
}

/** Of a connection or a listener. */
export function localEnd(end: { localAddress: number; localPort: number }): SocketAddressV4 {
  return { address: end.localAddress, port: end.localPort };
}

export function connectedState(connection: TcpConnection): SocketState {
  const { remoteAddress, remotePort } = connection;
  return {
    kind: "Connected",
    localAddress: localEnd(connection),
    remoteAddress: { address: remoteAddress, port: remotePort },
  };
}
