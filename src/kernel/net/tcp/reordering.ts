/**
 * Reordering that was taken for loss. An echoed timestamp older than the retransmission proves it needless (the Eifel detection
 * algorithm, RFC 3522); then the window is given back (RFC 4015), and as far as segments were seen out of order they are not
 * taken for lost from then on (the threshold that RFC 4653 argues for, and Linux's tcp_reordering).
 */
import { LOSS_NONE, type TcpConnection } from "./connection.ts";
import { isBefore } from "./sequence.ts";

/** Linux's tcp_max_reordering, in segments. */
const LARGEST_THRESHOLD = 300;

/** A retransmission is about to be decided upon: what to go back to if it proves needless. A timeout in a recovery keeps the first. */
export function rememberWindow(connection: TcpConnection): void {
  if (connection.lossState !== LOSS_NONE) return;
  connection.undoWindow = connection.congestionWindow;
  connection.undoThreshold = connection.slowStartThreshold;
  connection.undoStamp = (connection.tcp.stack.now + connection.timestampOffset) | 0;
}

/**
 * The first ACK for new data since a recovery began: was it sent for the original? Every retransmission carries a timestamp of
 * `undoStamp` or later. To be asked once; later ACKs prove nothing.
 */
export function wasNeedless(connection: TcpConnection, echo: number): boolean {
  const isNeedless = connection.undoWindow > 0 && isBefore(echo, connection.undoStamp);
  if (!isNeedless) connection.undoWindow = 0;
  return isNeedless;
}

/**
 * Text from `from` to `acknowledgment` has arrived without having been sent again. If some that was sent later had arrived before,
 * then so many later segments are no sign of loss. To be called before the reports are trimmed.
 */
export function noteReordering(connection: TcpConnection, from: number, acknowledgment: number): void {
  const { sacked, sendSegmentBytes } = connection;
  // Reports that came with this ACK lie beyond it, and tell of the next gap.
  if (sacked !== null && !isBefore(sacked.start(0), acknowledgment)) return;
  const segments =
    sacked === null ? connection.duplicateAcks + 1 : Math.ceil(((sacked.highest - from) | 0) / sendSegmentBytes);
  if (segments <= connection.duplicateThreshold) return;
  connection.duplicateThreshold = Math.min(segments, LARGEST_THRESHOLD);
  connection.tcp.counters.TcpExtTCPSACKReorder++;
}
