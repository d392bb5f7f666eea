/**
 * The hot way out: one segment of a connection, built in a frame slot from the connection's header template. Headers are
 * written as whole words, the text is copied from the send ring and summed in one pass, and nothing is allocated.
 */
import { foldSum } from "../../../base/checksum.ts";
import type { TcpConnection } from "./connection.ts";
import {
  ACK,
  ETHERNET_HEADER_BYTES,
  IP_HEADER_BYTES,
  PROTOCOL_HALF,
  TCP_HEADER_BYTES,
  TIMESTAMP_OPTION_BYTES,
  TIMESTAMP_OPTION_WORD,
} from "./header.ts";
import { sackOptionWord } from "./options.ts";
import { chooseWindow } from "./receive.ts";
import { sackBlocksToSend, writeSackBlocks } from "./sack.ts";
import { swap16, swap32 } from "./sequence.ts";

/** "Don't fragment" in the second half of IP word 1. */
const DO_NOT_FRAGMENT = 0x0040;

/** Computes what does not change from segment to segment. */
export function refreshTemplate(connection: TcpConnection): void {
  const { typeOfService, timeToLive } = connection.options;
  const source = connection.keyLocal;
  const destination = connection.keyRemote;
  connection.ipWord0 = 0x45 | (typeOfService << 8);
  connection.ipWord2 = timeToLive | PROTOCOL_HALF;
  const addresses = (source & 0xffff) + (source >>> 16) + (destination & 0xffff) + (destination >>> 16);
  connection.ipSum = foldSum(addresses + connection.ipWord0 + connection.ipWord2 + DO_NOT_FRAGMENT);
  const ports = connection.outPorts;
  connection.tcpSum = foldSum(addresses + PROTOCOL_HALF + (ports & 0xffff) + (ports >>> 16));
}

/**
 * Sends `length` bytes of the send ring from `sequence` on, with these flags. The ACK, the window, timestamps and SACK blocks
 * are filled in, and what was owed in ACKs is settled. False when the arena has no frame left: nothing was sent.
 */
export function transmit(connection: TcpConnection, sequence: number, flags: number, length: number): boolean {
  const { tcp } = connection;
  const { arena, words } = tcp;
  const timestamps = connection.timestamps;
  const hasReport = connection.held !== null || connection.repeatedStart !== connection.repeatedEnd;
  const blocks = hasReport && length === 0 ? sackBlocksToSend(connection) : 0;
  let headerBytes = timestamps ? TCP_HEADER_BYTES + TIMESTAMP_OPTION_BYTES : TCP_HEADER_BYTES;
  if (blocks > 0) headerBytes += 4 + 8 * blocks;
  const segmentBytes = headerBytes + length;
  const frame = arena.allocateFrame(ETHERNET_HEADER_BYTES + IP_HEADER_BYTES + segmentBytes);
  if (frame === 0) return false;

  const ip = (frame + ETHERNET_HEADER_BYTES) >> 2;
  const lengthHalf = swap16(IP_HEADER_BYTES + segmentBytes);
  const identification = (connection.identification + 1) & 0xffff;
  connection.identification = identification;
  words[ip] = connection.ipWord0 | (lengthHalf << 16);
  words[ip + 1] = identification | (DO_NOT_FRAGMENT << 16);
  words[ip + 2] = connection.ipWord2 | ((~foldSum(connection.ipSum + lengthHalf + identification) & 0xffff) << 16);
  words[ip + 3] = connection.keyLocal;
  words[ip + 4] = connection.keyRemote;

  const at = ip + 5;
  const sequenceWord = swap32(sequence);
  const acknowledgmentWord = swap32(connection.receiveNext);
  const word3 = (headerBytes << 2) | (flags << 8) | (swap16(chooseWindow(connection)) << 16);
  words[at] = connection.outPorts;
  words[at + 1] = sequenceWord;
  words[at + 2] = acknowledgmentWord;
  words[at + 3] = word3;
  let sum =
    connection.tcpSum +
    swap16(segmentBytes) +
    (sequenceWord & 0xffff) +
    (sequenceWord >>> 16) +
    (acknowledgmentWord & 0xffff) +
    (acknowledgmentWord >>> 16) +
    (word3 & 0xffff) +
    (word3 >>> 16);
  if (timestamps) {
    const valueWord = swap32((tcp.stack.now + connection.timestampOffset) | 0);
    const echoWord = swap32(connection.timestampRecent);
    words[at + 5] = TIMESTAMP_OPTION_WORD;
    words[at + 6] = valueWord;
    words[at + 7] = echoWord;
    sum +=
      (TIMESTAMP_OPTION_WORD & 0xffff) +
      (TIMESTAMP_OPTION_WORD >>> 16) +
      (valueWord & 0xffff) +
      (valueWord >>> 16) +
      (echoWord & 0xffff) +
      (echoWord >>> 16);
  }
  if (blocks > 0) {
    const from = at + (timestamps ? 8 : 5);
    words[from] = sackOptionWord(blocks);
    writeSackBlocks(connection, words, from + 1, blocks);
    sum += arena.sum(from * 4, 4 + 8 * blocks);
  }
  if (length > 0) sum += copyText(connection, (at << 2) + headerBytes, sequence, length);
  words[at + 4] = ~foldSum(sum) & 0xffff;

  connection.segmentsOut++;
  tcp.counters.TcpOutSegs++;
  if ((flags & ACK) !== 0) {
    connection.lastAckSent = connection.receiveNext;
    connection.ackNow = false;
    connection.ackAt = Number.POSITIVE_INFINITY;
  }
  connection.netInterface.sendIp(frame, IP_HEADER_BYTES + segmentBytes, connection.nextHop);
  return true;
}

/** Copies from the send ring, where a byte lies at its sequence number modulo the ring's size; returns the sum. */
function copyText(connection: TcpConnection, to: number, sequence: number, length: number): number {
  const { arena } = connection.tcp;
  const size = connection.sendRingBytes;
  const from = sequence & (size - 1);
  const first = size - from;
  if (length <= first) return arena.copyAndSum(to, connection.sendRing + from, length);
  const head = arena.copyAndSum(to, connection.sendRing + from, first);
  const tail = arena.copyAndSum(to + first, connection.sendRing, length - first);
  // Bytes behind an odd count stand in the other half of their words (RFC 1071 section 2 (B)).
  return head + ((first & 1) === 0 ? tail : swap16(tail));
}
