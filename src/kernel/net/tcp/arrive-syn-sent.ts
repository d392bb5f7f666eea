/** A segment for a connection in SYN-SENT: RFC 9293 section 3.10.7.3. */
import { ECONNREFUSED } from "../../../abi/errno.ts";
import type { TcpConnection } from "./connection.ts";
import { ACK, RST, type Segment, SYN } from "./header.ts";
import { measureRoundTrip } from "./round-trip.ts";
import { adoptPeerOptions } from "./setup.ts";
import { ESTABLISHED, SYN_RECEIVED } from "./state.ts";
import { takeText } from "./text.ts";
import { enterState } from "./transitions.ts";
import { dies, NOTHING, REPLY_ACK, REPLY_RESET, type Verdict } from "./verdict.ts";

export function arriveInSynSent(connection: TcpConnection, segment: Segment): Verdict {
  const { flags } = segment;
  connection.segmentsIn++;
  // First: an ACK must be for our SYN, which is all we have sent; otherwise a reset, and the segment is dropped.
  const hasAck = (flags & ACK) !== 0;
  if (hasAck && segment.acknowledgment !== connection.sendNext) {
    return (flags & RST) !== 0 ? NOTHING : REPLY_RESET;
  }
  // RFC 7323 section 5.3: an echo that is none of ours means an old segment.
  if (hasAck && segment.hasTimestamp && connection.timestamps && !isPlausibleEcho(connection, segment)) {
    return (flags & RST) !== 0 ? NOTHING : REPLY_RESET;
  }
  // Second: with an acceptable ACK a RST means refusal; without ACK it is dropped (RFC 5961 section 3.2).
  if ((flags & RST) !== 0) return hasAck ? dies(ECONNREFUSED) : NOTHING;
  // Fourth: neither SYN nor RST: dropped.
  if ((flags & SYN) === 0) return NOTHING;

  adoptPeerOptions(connection, segment);
  connection.lastReceivedAt = connection.tcp.stack.now;
  if (!hasAck) {
    // Simultaneous open: our SYN goes out again with the ACK, from SYN-RECEIVED.
    enterState(connection, SYN_RECEIVED);
    connection.synPending = true;
    return NOTHING;
  }
  const now = connection.tcp.stack.now;
  connection.sendUnacknowledged = segment.acknowledgment;
  if (connection.timedAt >= 0) measureRoundTrip(connection, now - connection.timedAt);
  connection.timedAt = -1;
  connection.sendWindow = segment.window;
  connection.largestSendWindow = segment.window;
  connection.windowSequence = segment.sequence;
  connection.windowAcknowledgment = segment.acknowledgment;
  enterState(connection, ESTABLISHED);
  if (segment.textLength > 0) {
    segment.sequence = (segment.sequence + 1) | 0;
    segment.flags &= ~SYN;
    takeText(connection, segment);
  }
  // Acknowledged at once, with the first data if there is some already.
  return REPLY_ACK;
}

function isPlausibleEcho(connection: TcpConnection, segment: Segment): boolean {
  const age = (connection.tcp.stack.now + connection.timestampOffset - segment.timestampEcho) | 0;
  const sinceStart = Math.ceil(connection.tcp.stack.now - connection.openedAt) + 1;
  return age >= -1 && age <= sinceStart;
}
