/** ICMP (RFC 792, RFC 1191 for the next hop's MTU). */
import { fieldTable, type HeaderField, readUint16, writeUint16 } from "./bytes.ts";

export const ICMP_HEADER_BYTES = 8;
export const ICMP_ECHO_REPLY = 0;
export const ICMP_DESTINATION_UNREACHABLE = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO_REQUEST = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETER_PROBLEM = 12;
export const ICMP_TIMESTAMP = 13;
export const ICMP_TIMESTAMP_REPLY = 14;

/** Codes of "destination unreachable". */
export const CODE_NET_UNREACHABLE = 0;
export const CODE_HOST_UNREACHABLE = 1;
export const CODE_PROTOCOL_UNREACHABLE = 2;
export const CODE_PORT_UNREACHABLE = 3;
export const CODE_ADMIN_PROHIBITED = 13;
/** Code of "time exceeded"; 0 is the time to live. */
export const CODE_REASSEMBLY_TIME_EXCEEDED = 1;

export const ICMP_FIELDS: readonly HeaderField[] = fieldTable(
  ["type", 8],
  ["code", 8],
  ["checksum", 16],
  ["identifier", 16],
  ["sequence", 16],
);

export interface IcmpHeader {
  type: number;
  code: number;
  /** In echo messages the identifier; elsewhere bytes 4 and 5 as they are. */
  identifier: number;
  /** In echo messages the sequence number; in "fragmentation needed" the next hop's MTU (RFC 1191 section 4). */
  sequence: number;
}

/** Null when fewer than 8 bytes are there. Does not check the checksum. */
export function readIcmp(bytes: Uint8Array, offset: number, length: number): IcmpHeader | null {
  if (length < ICMP_HEADER_BYTES) return null;
  return {
    type: bytes[offset] as number,
    code: bytes[offset + 1] as number,
    identifier: readUint16(bytes, offset + 4),
    sequence: readUint16(bytes, offset + 6),
  };
}

/** Writes the header with a checksum of zero: sum it when the data stands behind it. */
export function writeIcmp(bytes: Uint8Array, offset: number, header: IcmpHeader): void {
  bytes[offset] = header.type;
  bytes[offset + 1] = header.code;
  writeUint16(bytes, offset + 2, 0);
  writeUint16(bytes, offset + 4, header.identifier);
  writeUint16(bytes, offset + 6, header.sequence);
}

/** True for messages that report an error, to which no error may answer (RFC 1122 3.2.2). */
export function isIcmpError(type: number): boolean {
  return (
    type === ICMP_DESTINATION_UNREACHABLE ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETER_PROBLEM
  );
}
