/** The UDP header (RFC 768). */
import { fieldTable, type HeaderField, readUint16, writeUint16 } from "./bytes.ts";

export const UDP_HEADER_BYTES = 8;

export const UDP_FIELDS: readonly HeaderField[] = fieldTable(
  ["sourcePort", 16],
  ["destinationPort", 16],
  ["length", 16],
  ["checksum", 16],
);

export interface UdpHeader {
  sourcePort: number;
  destinationPort: number;
  /** Header and data, in bytes. */
  length: number;
  /** 0: the sender computed none. */
  checksum: number;
}

/** Null for a header cut short or a length field outside 8…`length`. Does not check the checksum. */
export function readUdp(bytes: Uint8Array, offset: number, length: number): UdpHeader | null {
  if (length < UDP_HEADER_BYTES) return null;
  const header = {
    sourcePort: readUint16(bytes, offset),
    destinationPort: readUint16(bytes, offset + 2),
    length: readUint16(bytes, offset + 4),
    checksum: readUint16(bytes, offset + 6),
  };
  return header.length < UDP_HEADER_BYTES || header.length > length ? null : header;
}

export function writeUdp(bytes: Uint8Array, offset: number, header: UdpHeader): void {
  writeUint16(bytes, offset, header.sourcePort);
  writeUint16(bytes, offset + 2, header.destinationPort);
  writeUint16(bytes, offset + 4, header.length);
  writeUint16(bytes, offset + 6, header.checksum);
}
