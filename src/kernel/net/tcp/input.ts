/**
 * Every segment enters here. The fast path takes what a connection expects next (in-order text, ACKs of new data, with no
 * options but timestamps) on raw words, copying the text into the receive ring while summing it. All else goes the
 * long way of RFC 9293 section 3.10.7, which sums first.
 */
import { foldSum } from "../../../base/checksum.ts";
import { acknowledge } from "./acknowledge.ts";
import type { TcpConnection } from "./connection.ts";
import { PROTOCOL_HALF, TCP_HEADER_BYTES, TIMESTAMP_OPTION_BYTES, TIMESTAMP_OPTION_WORD } from "./header.ts";
import { takeSendWindow } from "./input-common.ts";
import { dispatchSegment } from "./input-dispatch.ts";
import { readOptions } from "./options.ts";
import { READABLE_EVENTS } from "./readiness.ts";
import { ensureReceiveRing } from "./rings.ts";
import { swap16, swap32 } from "./sequence.ts";
import type { Tcp } from "./tcp.ts";
import { textArrived } from "./text.ts";

/** Data offset and flags without PSH: what `predictedHeader` is compared with. Reserved bits must be zero. */
const PREDICTION_MASK = 0xf7ff;

/** See TransportProtocol.input: the segment may be anything at all; the frame is ours to free. */
export function inputSegment(
  tcp: Tcp,
  frame: number,
  ipOffset: number,
  transportOffset: number,
  transportLength: number,
): void {
  const { words } = tcp;
  tcp.counters.TcpInSegs++;
  if (transportLength < TCP_HEADER_BYTES || (transportOffset & 3) !== 0) {
    discard(tcp, frame);
    return;
  }
  const ip = ipOffset >> 2;
  const at = transportOffset >> 2;
  const connection = tcp.connectionTable.find(words[ip + 3]!, words[ip + 4]!, words[at]!);
  if (connection !== null && (words[at + 3]! & PREDICTION_MASK) === connection.predictedHeader) {
    if (inputPredicted(tcp, connection, frame, at, transportLength)) return;
  }
  inputSlowly(tcp, connection, frame, ip, at, transportLength);
}

/** True when the segment was dealt with and the frame freed; false leaves everything as it was for the long way. */
function inputPredicted(
  tcp: Tcp,
  connection: TcpConnection,
  frame: number,
  at: number,
  transportLength: number,
): boolean {
  const { words, arena } = tcp;
  const sequenceWord = words[at + 1]!;
  const acknowledgmentWord = words[at + 2]!;
  const word3 = words[at + 3]!;
  const sequence = swap32(sequenceWord);
  if (sequence !== connection.receiveNext) return false;
  const acknowledgment = swap32(acknowledgmentWord);
  const acknowledged = (acknowledgment - connection.sendUnacknowledged) | 0;
  if (acknowledged < 0 || ((connection.sendNext - acknowledgment) | 0) < 0) return false;

  const timestamps = connection.timestamps;
  const headerBytes = timestamps ? TCP_HEADER_BYTES + TIMESTAMP_OPTION_BYTES : TCP_HEADER_BYTES;
  const length = transportLength - headerBytes;
  if (length < 0 || (length === 0 && acknowledged === 0)) return false;
  let sum =
    connection.tcpSum +
    swap16(transportLength) +
    (sequenceWord & 0xffff) +
    (sequenceWord >>> 16) +
    (acknowledgmentWord & 0xffff) +
    (acknowledgmentWord >>> 16) +
    (word3 & 0xffff) +
    (word3 >>> 16) +
    (words[at + 4]! & 0xffff) +
    (words[at + 4]! >>> 16);
  let value = 0;
  let echo = 0;
  if (timestamps) {
    const valueWord = words[at + 6]!;
    const echoWord = words[at + 7]!;
    if (words[at + 5] !== TIMESTAMP_OPTION_WORD) return false;
    value = swap32(valueWord);
    echo = swap32(echoWord);
    if (((value - connection.timestampRecent) | 0) < 0) return false;
    sum +=
      (TIMESTAMP_OPTION_WORD & 0xffff) +
      (TIMESTAMP_OPTION_WORD >>> 16) +
      (valueWord & 0xffff) +
      (valueWord >>> 16) +
      (echoWord & 0xffff) +
      (echoWord >>> 16);
  }
  if (length > 0) {
    const end = (sequence + length) | 0;
    if (((connection.receiveEdge - end) | 0) < 0 || connection.finReceived) return false;
    if (!ensureReceiveRing(connection, end)) return false;
    // RCV.NXT moves only if the sum is right; until then these bytes are nobody's.
    sum += storeText(connection, (at << 2) + headerBytes, sequence, length);
  }
  if (foldSum(sum) !== 0xffff) {
    arena.freeFrame(frame);
    tcp.counters.TcpInErrs++;
    tcp.counters.TcpInCsumErrors++;
    return true;
  }

  const now = tcp.stack.now;
  connection.segmentsIn++;
  connection.lastReceivedAt = now;
  // RFC 7323 section 4.3: only a segment that spans Last.ACK.sent sets what is echoed.
  if (timestamps && ((sequence - connection.lastAckSent) | 0) <= 0) {
    connection.timestampRecent = value;
    connection.timestampRecentAt = now;
  }
  if (acknowledged > 0) acknowledge(connection, acknowledgment, timestamps, echo);
  takeSendWindow(connection, sequence, acknowledgment, swap16(word3 >>> 16) << connection.sendScale);
  if (length > 0) {
    connection.receiveNext = (sequence + length) | 0;
    connection.bytesReceived += length;
    connection.pendingEvents |= READABLE_EVENTS;
    textArrived(connection, length);
  }
  arena.freeFrame(frame);
  return true;
}

/** Copies text to its place in the receive ring; returns its sum. */
function storeText(connection: TcpConnection, from: number, sequence: number, length: number): number {
  const { arena } = connection.tcp;
  const size = connection.receiveRingBytes;
  const at = sequence & (size - 1);
  const first = size - at;
  if (length <= first) return arena.copyAndSum(connection.receiveRing + at, from, length);
  const head = arena.copyAndSum(connection.receiveRing + at, from, first);
  const tail = arena.copyAndSum(connection.receiveRing, from + first, length - first);
  return head + ((first & 1) === 0 ? tail : swap16(tail));
}

function inputSlowly(
  tcp: Tcp,
  connection: TcpConnection | null,
  frame: number,
  ip: number,
  at: number,
  transportLength: number,
): void {
  const { words, arena, segment } = tcp;
  const word3 = words[at + 3]!;
  const headerBytes = (word3 & 0xf0) >> 2;
  if (headerBytes < TCP_HEADER_BYTES || headerBytes > transportLength) {
    discard(tcp, frame);
    return;
  }
  const source = words[ip + 3]!;
  const destination = words[ip + 4]!;
  const pseudo =
    (source & 0xffff) +
    (source >>> 16) +
    (destination & 0xffff) +
    (destination >>> 16) +
    PROTOCOL_HALF +
    swap16(transportLength);
  if (arena.sum(at << 2, transportLength, pseudo) !== 0xffff) {
    tcp.counters.TcpInCsumErrors++;
    discard(tcp, frame);
    return;
  }
  segment.sequence = swap32(words[at + 1]!);
  segment.acknowledgment = swap32(words[at + 2]!);
  segment.flags = (word3 >>> 8) & 0x3f;
  segment.window = swap16(word3 >>> 16);
  segment.urgentPointer = swap16(words[at + 4]! >>> 16);
  segment.textOffset = (at << 2) + headerBytes;
  segment.textLength = transportLength - headerBytes;
  readOptions(arena.bytes, (at << 2) + TCP_HEADER_BYTES, segment.textOffset, segment);
  segment.keyRemote = source;
  segment.keyLocal = destination;
  segment.keyPorts = words[at]!;
  dispatchSegment(tcp, connection, segment);
  arena.freeFrame(frame);
}

function discard(tcp: Tcp, frame: number): void {
  tcp.counters.TcpInErrs++;
  tcp.arena.freeFrame(frame);
}
