/**
 * What the rules for a segment's arrival decide, as one number: how to answer, which state to enter, which error to report.
 * The rules (arrive-*.ts) return it; `applyVerdict` is the one place where it takes effect.
 */

import { sendChallengeAck, sendOutOfWindowAck } from "./challenge.ts";
import type { TcpConnection } from "./connection.ts";
import { sendResetFor } from "./emit.ts";
import type { Segment } from "./header.ts";
import { FIN_WAIT_2, type TcpState } from "./state.ts";
import type { Tcp } from "./tcp.ts";
import { becomeCompact, enterState, fail } from "./transitions.ts";

export type Verdict = number;

/** Answers; at most one in a verdict. */
export const NOTHING = 0;
/** An ACK at the next output. */
export const REPLY_ACK = 1;
/** An ACK for what lies outside the window, rate-limited unless it brought text. */
export const REPLY_OUT_OF_WINDOW = 2;
/** A challenge ACK (RFC 5961), rate-limited. */
export const REPLY_CHALLENGE = 3;
/** RST as RFC 9293 section 3.10.7.1 forms it from the segment. */
export const REPLY_RESET = 4;
const REPLY_MASK = 7;

/** To be added: enter this state. */
export function to(state: TcpState): Verdict {
  return state << 4;
}

/** To be added: the connection is over, with this errno. */
export function dies(errno: number): Verdict {
  return errno << 8;
}

export function applyVerdict(tcp: Tcp, connection: TcpConnection, segment: Segment, verdict: Verdict): void {
  switch (verdict & REPLY_MASK) {
    case REPLY_ACK:
      connection.ackNow = true;
      tcp.markDirty(connection);
      break;
    case REPLY_OUT_OF_WINDOW:
      sendOutOfWindowAck(connection, segment);
      break;
    case REPLY_CHALLENGE:
      sendChallengeAck(connection);
      break;
    case REPLY_RESET:
      sendResetFor(tcp, segment);
      break;
  }
  const state = (verdict >> 4) & 15;
  if (state !== 0) enterState(connection, state);
  const errno = verdict >> 8;
  if (errno !== 0) fail(connection, errno);
  if (connection.isOrphan && connection.state === FIN_WAIT_2) becomeCompact(connection, FIN_WAIT_2);
}
