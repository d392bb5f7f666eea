/** The states of RFC 9293 section 3.3.2, with the numbers that Linux shows in /proc/net/tcp and TCP_INFO. */

export type TcpState = number;

export const ESTABLISHED = 1;
export const SYN_SENT = 2;
export const SYN_RECEIVED = 3;
export const FIN_WAIT_1 = 4;
export const FIN_WAIT_2 = 5;
export const TIME_WAIT = 6;
export const CLOSED = 7;
export const CLOSE_WAIT = 8;
export const LAST_ACK = 9;
export const LISTEN = 10;
export const CLOSING = 11;

const names: readonly string[] = [
  "",
  "ESTABLISHED",
  "SYN-SENT",
  "SYN-RECEIVED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "TIME-WAIT",
  "CLOSED",
  "CLOSE-WAIT",
  "LAST-ACK",
  "LISTEN",
  "CLOSING",
];

/** "SYN-SENT" for 2, as RFC 9293 names them. */
export function stateName(state: TcpState): string {
  return names[state] ?? `state ${state}`;
}

/** Sets of states as bit masks: `(1 << state) & SET`. */
export const SYNCHRONIZED: number =
  (1 << ESTABLISHED) |
  (1 << FIN_WAIT_1) |
  (1 << FIN_WAIT_2) |
  (1 << CLOSE_WAIT) |
  (1 << CLOSING) |
  (1 << LAST_ACK) |
  (1 << TIME_WAIT);

/** The peer may still send data and we take it. */
export const CAN_RECEIVE: number = (1 << ESTABLISHED) | (1 << FIN_WAIT_1) | (1 << FIN_WAIT_2);

/** The user may still queue data. */
export const CAN_SEND: number = (1 << ESTABLISHED) | (1 << CLOSE_WAIT);

/** Data or a FIN of ours may be on its way or waiting to go. */
export const HAS_OUTPUT: number =
  (1 << ESTABLISHED) | (1 << CLOSE_WAIT) | (1 << FIN_WAIT_1) | (1 << CLOSING) | (1 << LAST_ACK);
