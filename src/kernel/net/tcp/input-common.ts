/** Pieces that the fast and the long way of input share. */
import { type TcpConnection, WAIT_PERSIST } from "./connection.ts";
import { ACK, TCP_HEADER_BYTES, TIMESTAMP_OPTION_BYTES } from "./header.ts";
import { timeoutFor } from "./round-trip.ts";
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT_2 } from "./state.ts";

/** States in which the fast path may take a segment. */
const PREDICTABLE = (1 << ESTABLISHED) | (1 << CLOSE_WAIT) | (1 << FIN_WAIT_2);

/** To be called when state, held bytes or a held FIN change. */
export function refreshPrediction(connection: TcpConnection): void {
  const regular = ((1 << connection.state) & PREDICTABLE) !== 0 && !connection.isOrphan;
  if (!regular || connection.held !== null || connection.finIsHeld) {
    connection.predictedHeader = -1;
    return;
  }
  const headerBytes = connection.timestamps ? TCP_HEADER_BYTES + TIMESTAMP_OPTION_BYTES : TCP_HEADER_BYTES;
  connection.predictedHeader = (headerBytes << 2) | (ACK << 8);
}

/** RFC 9293 section 3.10.7.4, fifth: the window is taken from the newest segment only (SND.WL1, SND.WL2). `window` is scaled. */
export function takeSendWindow(
  connection: TcpConnection,
  sequence: number,
  acknowledgment: number,
  window: number,
): void {
  const newer = (sequence - connection.windowSequence) | 0;
  if (newer < 0 || (newer === 0 && ((acknowledgment - connection.windowAcknowledgment) | 0) < 0)) return;
  connection.windowSequence = sequence;
  connection.windowAcknowledgment = acknowledgment;
  if (window === connection.sendWindow) return;
  if (window > connection.sendWindow) {
    if (connection.waitingFor === WAIT_PERSIST) {
      connection.waitingFor = 0;
      connection.retransmitAt = Number.POSITIVE_INFINITY;
      connection.stalledSince = -1;
      connection.retransmitTimeout = timeoutFor(connection);
    }
    connection.tcp.markDirty(connection);
  }
  connection.sendWindow = window;
  if (window > connection.largestSendWindow) connection.largestSendWindow = window;
}
