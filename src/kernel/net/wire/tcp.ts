/** The TCP header and its options (RFC 9293 3.1, RFC 7323, RFC 2018). The readable form, for SYNs, tests and tools. */
import { fieldTable, type HeaderField, readUint16, readUint32, writeUint16, writeUint32 } from "./bytes.ts";

export const TCP_HEADER_BYTES = 20;

export const TCP_FIN = 0x01;
export const TCP_SYN = 0x02;
export const TCP_RST = 0x04;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;

export const TCP_FIELDS: readonly HeaderField[] = fieldTable(
  ["sourcePort", 16],
  ["destinationPort", 16],
  ["sequence", 32],
  ["acknowledgment", 32],
  ["headerWords", 4],
  ["reserved", 4],
  ["flags", 8],
  ["window", 16],
  ["checksum", 16],
  ["urgentPointer", 16],
);

const OPTION_END = 0;
const OPTION_NO_OPERATION = 1;
const OPTION_MAXIMUM_SEGMENT_SIZE = 2;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
const OPTION_TIMESTAMPS = 8;

/** What a header's options say; a field is absent when its option is. */
export interface TcpOptionValues {
  maximumSegmentSize?: number;
  /** Shift count, at most 14 (RFC 7323 2.3). */
  windowScale?: number;
  sackPermitted?: boolean;
  timestampValue?: number;
  timestampEcho?: number;
  /** Pairs of left and right edge, up to four blocks. */
  sackBlocks?: number[];
}

export interface TcpHeader {
  sourcePort: number;
  destinationPort: number;
  /** int32, to be compared as ((a - b) | 0) < 0. */
  sequence: number;
  acknowledgment: number;
  /** Bytes, options included: 20…60. */
  headerLength: number;
  flags: number;
  /** As it stands, unscaled. */
  window: number;
  checksum: number;
  urgentPointer: number;
  options: TcpOptionValues;
}

/** Null for a header that does not fit `length`. Does not check the checksum; malformed options end the list. */
export function readTcp(bytes: Uint8Array, offset: number, length: number): TcpHeader | null {
  if (length < TCP_HEADER_BYTES) return null;
  const headerLength = ((bytes[offset + 12] as number) >> 4) * 4;
  if (headerLength < TCP_HEADER_BYTES || headerLength > length) return null;
  return {
    sourcePort: readUint16(bytes, offset),
    destinationPort: readUint16(bytes, offset + 2),
    sequence: readUint32(bytes, offset + 4) | 0,
    acknowledgment: readUint32(bytes, offset + 8) | 0,
    headerLength,
    flags: bytes[offset + 13] as number,
    window: readUint16(bytes, offset + 14),
    checksum: readUint16(bytes, offset + 16),
    urgentPointer: readUint16(bytes, offset + 18),
    options: readTcpOptions(bytes, offset + TCP_HEADER_BYTES, headerLength - TCP_HEADER_BYTES),
  };
}

/** Unknown options are skipped by their length (RFC 9293 MUST-6); a length that does not fit ends the walk (MUST-7). */
export function readTcpOptions(bytes: Uint8Array, offset: number, length: number): TcpOptionValues {
  const values: TcpOptionValues = {};
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const kind = bytes[at] as number;
    if (kind === OPTION_END) break;
    if (kind === OPTION_NO_OPERATION) {
      at++;
      continue;
    }
    const size = at + 1 < end ? (bytes[at + 1] as number) : 0;
    if (size < 2 || at + size > end) break;
    if (kind === OPTION_MAXIMUM_SEGMENT_SIZE && size === 4) values.maximumSegmentSize = readUint16(bytes, at + 2);
    else if (kind === OPTION_WINDOW_SCALE && size === 3) values.windowScale = Math.min(bytes[at + 2] as number, 14);
    else if (kind === OPTION_SACK_PERMITTED && size === 2) values.sackPermitted = true;
    else if (kind === OPTION_TIMESTAMPS && size === 10) {
      values.timestampValue = readUint32(bytes, at + 2);
      values.timestampEcho = readUint32(bytes, at + 6);
    } else if (kind === OPTION_SACK && size >= 10 && (size - 2) % 8 === 0) {
      values.sackBlocks = [];
      for (let k = at + 2; k < at + size; k += 4) values.sackBlocks.push(readUint32(bytes, k) | 0);
    }
    at += size;
  }
  return values;
}

/** Bytes the options take, padded to words. */
export function tcpOptionsLength(values: TcpOptionValues): number {
  let length = 0;
  if (values.maximumSegmentSize !== undefined) length += 4;
  if (values.sackPermitted === true) length += 2;
  if (values.timestampValue !== undefined) length += 10;
  if (values.windowScale !== undefined) length += 3;
  if (values.sackBlocks !== undefined) length += 2 + values.sackBlocks.length * 4;
  return (length + 3) & ~3;
}

/** Writes the options, padded with no-operations to words; returns how many bytes. At most 40 fit a header: the caller sees to it. */
export function writeTcpOptions(bytes: Uint8Array, offset: number, values: TcpOptionValues): number {
  let at = offset;
  if (values.maximumSegmentSize !== undefined) {
    bytes[at] = OPTION_MAXIMUM_SEGMENT_SIZE;
    bytes[at + 1] = 4;
    writeUint16(bytes, at + 2, values.maximumSegmentSize);
    at += 4;
  }
  if (values.sackPermitted === true) {
    bytes[at] = OPTION_SACK_PERMITTED;
    bytes[at + 1] = 2;
    at += 2;
  }
  if (values.timestampValue !== undefined) {
    bytes[at] = OPTION_TIMESTAMPS;
    bytes[at + 1] = 10;
    writeUint32(bytes, at + 2, values.timestampValue);
    writeUint32(bytes, at + 6, values.timestampEcho ?? 0);
    at += 10;
  }
  if (values.windowScale !== undefined) {
    bytes[at] = OPTION_WINDOW_SCALE;
    bytes[at + 1] = 3;
    bytes[at + 2] = values.windowScale;
    at += 3;
  }
  if (values.sackBlocks !== undefined) {
    bytes[at] = OPTION_SACK;
    bytes[at + 1] = 2 + values.sackBlocks.length * 4;
    at += 2;
    for (const edge of values.sackBlocks) {
      writeUint32(bytes, at, edge);
      at += 4;
    }
  }
  while (((at - offset) & 3) !== 0) bytes[at++] = OPTION_NO_OPERATION;
  return at - offset;
}

/** Writes header and options with a checksum of zero; returns the header's length. `headerLength` and `checksum` are not read. */
export function writeTcp(
  bytes: Uint8Array,
  offset: number,
  header: Omit<TcpHeader, "headerLength" | "checksum">,
): number {
  const headerLength = TCP_HEADER_BYTES + writeTcpOptions(bytes, offset + TCP_HEADER_BYTES, header.options);
  writeUint16(bytes, offset, header.sourcePort);
  writeUint16(bytes, offset + 2, header.destinationPort);
  writeUint32(bytes, offset + 4, header.sequence);
  writeUint32(bytes, offset + 8, header.acknowledgment);
  bytes[offset + 12] = (headerLength >> 2) << 4;
  bytes[offset + 13] = header.flags;
  writeUint16(bytes, offset + 14, header.window);
  writeUint16(bytes, offset + 16, 0);
  writeUint16(bytes, offset + 18, header.urgentPointer);
  return headerLength;
}
