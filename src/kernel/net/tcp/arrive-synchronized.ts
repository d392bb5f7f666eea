/**
 * A segment for a connection in SYN-RECEIVED (after a simultaneous open) or a synchronized state: RFC 9293 section 3.10.7.4, in its
 * order, with RFC 5961 and RFC 7323.
 */

import { ECONNREFUSED, ECONNRESET, EPIPE } from "../../../abi/errno.ts";
import { acknowledge, countDuplicate, judgeSacked, takeSackBlocks } from "./acknowledge.ts";
import type { TcpConnection } from "./connection.ts";
import { ACK, FIN, RST, type Segment, SYN } from "./header.ts";
import { takeSendWindow } from "./input-common.ts";
import { rememberRepeated } from "./sack.ts";
import { isAtMost, isBefore } from "./sequence.ts";
import {
  CAN_RECEIVE,
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
  TIME_WAIT,
} from "./state.ts";
import { probeDuplicated } from "./tail-loss-probe.ts";
import { takeText } from "./text.ts";
import { enterState } from "./transitions.ts";
import {
  dies,
  NOTHING,
  REPLY_ACK,
  REPLY_CHALLENGE,
  REPLY_OUT_OF_WINDOW,
  REPLY_RESET,
  to,
  type Verdict,
} from "./verdict.ts";

/** RFC 7323 section 5.5: a timestamp this old says nothing any more (24 days). */
const TIMESTAMP_OUTDATED_MILLISECONDS = 24 * 24 * 3_600_000;

export function arriveSynchronized(connection: TcpConnection, segment: Segment): Verdict {
  connection.segmentsIn++;
  const { flags } = segment;
  const { state } = connection;
  // RFC 7323 section 5.3 R1: an old timestamp marks an old duplicate, whatever its sequence number. Not for RST.
  if (connection.timestamps && (flags & RST) === 0) {
    if (!segment.hasTimestamp) {
      // Section 3.2: once negotiated, a segment without the option may be dropped; a SYN is still worth a challenge.
      if ((flags & SYN) === 0) return NOTHING;
    } else if (isOld(connection, segment)) {
      connection.tcp.counters.TcpExtPAWSEstab++;
      return REPLY_OUT_OF_WINDOW;
    }
  }
  // The peer's SYN|ACK crossing ours in a simultaneous open repeats the SYN we know; what remains of it is an ACK.
  if (state === SYN_RECEIVED && (flags & SYN) !== 0 && segment.sequence === connection.initialReceive) {
    if ((flags & ACK) === 0) return REPLY_ACK;
    segment.flags &= ~SYN;
    segment.sequence = (segment.sequence + 1) | 0;
  } else {
    // First: is any of it in the window? A closed window still takes ACKs and RSTs at RCV.NXT.
    const end = (segment.sequence + segment.sequenceLength) | 0;
    const inWindow = isAtMost(connection.receiveNext, end) && isAtMost(segment.sequence, connection.receiveEdge);
    if (!inWindow) {
      const isRepeated = segment.textLength > 0 && isBefore(end, connection.receiveNext);
      if (isRepeated) rememberRepeated(connection, segment.sequence, (segment.sequence + segment.textLength) | 0);
      return (flags & RST) !== 0 ? NOTHING : REPLY_OUT_OF_WINDOW;
    }
  }
  // Second: RST. RFC 5961 section 3.2: only one at exactly RCV.NXT is believed; one elsewhere in the window is questioned.
  if ((segment.flags & RST) !== 0) {
    if (segment.sequence !== connection.receiveNext) return REPLY_CHALLENGE;
    return resetByPeer(connection);
  }
  // Fourth: SYN. RFC 5961 section 4.2: whatever its number, it is questioned; a peer that restarted will answer with RST.
  if ((segment.flags & SYN) !== 0) {
    connection.tcp.counters.TcpExtTCPSYNChallenge++;
    return REPLY_CHALLENGE;
  }
  // Fifth: a segment without ACK is dropped.
  if ((segment.flags & ACK) === 0) return NOTHING;
  connection.lastReceivedAt = connection.tcp.stack.now;
  // RFC 7323 section 4.3: remember the timestamp of a segment that spans Last.ACK.sent.
  if (segment.hasTimestamp && isAtMost(segment.sequence, connection.lastAckSent)) {
    connection.timestampRecent = segment.timestampValue;
    connection.timestampRecentAt = connection.tcp.stack.now;
  }
  if (connection.state === SYN_RECEIVED) {
    // If SND.UNA < SEG.ACK =< SND.NXT, enter ESTABLISHED and continue; else send a reset.
    if (segment.acknowledgment !== connection.sendNext) return REPLY_RESET;
    connection.windowSequence = segment.sequence;
    enterState(connection, ESTABLISHED);
  }
  const answer = takeAcknowledgment(connection, segment);
  if (answer >= 0) return answer;
  // Sixth: urgent data has no place of its own here (RFC 6093 advises against it); it is read in line.
  return takeTextAndFin(connection, segment);
}

function isOld(connection: TcpConnection, segment: Segment): boolean {
  if (isAtMost(connection.timestampRecent, segment.timestampValue)) return false;
  return connection.tcp.stack.now - connection.timestampRecentAt < TIMESTAMP_OUTDATED_MILLISECONDS;
}

/** RST in the states of RFC 9293 section 3.10.7.4, second. */
function resetByPeer(connection: TcpConnection): Verdict {
  switch (connection.state) {
    case SYN_RECEIVED:
      return dies(ECONNREFUSED);
    case CLOSE_WAIT:
      // Linux tells a writer whose peer is done reading EPIPE.
      return dies(EPIPE);
    default:
      return dies(ECONNRESET);
  }
}

/** The ACK field. -1: go on with the segment. */
function takeAcknowledgment(connection: TcpConnection, segment: Segment): Verdict {
  const acknowledged = (segment.acknowledgment - connection.sendUnacknowledged) | 0;
  const unsent = (segment.acknowledgment - connection.sendNext) | 0;
  // It acknowledges something not yet sent: send an ACK, drop the segment.
  if (unsent > 0) return REPLY_CHALLENGE;
  // RFC 5961 section 5.2: older than the largest window ever seen cannot be an honest duplicate.
  if (acknowledged < 0 && -acknowledged > connection.largestSendWindow) return REPLY_CHALLENGE;
  const fresh = connection.sackPermitted && segment.sackBlocks > 0 ? takeSackBlocks(connection, segment) : 0;
  const window = segment.window << connection.sendScale;
  if (acknowledged > 0) {
    acknowledge(connection, segment.acknowledgment, segment.hasTimestamp, segment.timestampEcho);
    if (fresh > 0) judgeSacked(connection);
  } else if (fresh > 0) judgeSacked(connection);
  else if (acknowledged === 0 && isDuplicate(connection, segment, window)) countDuplicate(connection);
  if (acknowledged < 0) return -1;
  if (acknowledged === 0 && connection.probeIsOut && segment.textLength === 0) {
    probeDuplicated(connection, segment.acknowledgment, segment.sackBlocks);
  }
  takeSendWindow(connection, segment.sequence, segment.acknowledgment, window);
  if (connection.finSent && connection.sendUnacknowledged === connection.sendNext) return finAcknowledged(connection);
  return -1;
}

/** RFC 5681 section 2: outstanding data, no text, no SYN or FIN, the same ACK number, the same window. Counted where SACK is not in use. */
function isDuplicate(connection: TcpConnection, segment: Segment, window: number): boolean {
  if (connection.sackPermitted || connection.sendNext === connection.sendUnacknowledged) return false;
  return segment.textLength === 0 && (segment.flags & FIN) === 0 && window === connection.sendWindow;
}

/** Our FIN is acknowledged. -1: go on with the segment, its FIN may be the next step. */
function finAcknowledged(connection: TcpConnection): Verdict {
  switch (connection.state) {
    case FIN_WAIT_1:
      enterState(connection, FIN_WAIT_2);
      return -1;
    case CLOSING:
      return to(TIME_WAIT);
    case LAST_ACK:
      return to(CLOSED);
    default:
      return -1;
  }
}

/** Seventh and eighth: text and FIN. */
function takeTextAndFin(connection: TcpConnection, segment: Segment): Verdict {
  if (((1 << connection.state) & CAN_RECEIVE) === 0) {
    // After the peer's FIN there is nothing to take; a repeated FIN or text is acknowledged again.
    return segment.sequenceLength > 0 ? REPLY_ACK : NOTHING;
  }
  if (segment.sequenceLength === 0) return NOTHING;
  const end = (segment.sequence + segment.textLength) | 0;
  if (connection.isOrphan && segment.textLength > 0 && isBefore(connection.receiveNext, end)) {
    // RFC 1122 section 4.2.2.13: nobody will read this; the peer learns it by RST.
    connection.tcp.counters.TcpExtTCPAbortOnData++;
    return REPLY_RESET | to(CLOSED);
  }
  if (!takeText(connection, segment)) {
    if (segment.textLength === 0) return REPLY_ACK;
    return NOTHING;
  }
  connection.receiveNext = (connection.receiveNext + 1) | 0;
  connection.finReceived = true;
  connection.finIsHeld = false;
  switch (connection.state) {
    case ESTABLISHED:
      return REPLY_ACK | to(CLOSE_WAIT);
    case FIN_WAIT_1:
      return REPLY_ACK | to(CLOSING);
    default:
      return REPLY_ACK | to(TIME_WAIT);
  }
}
