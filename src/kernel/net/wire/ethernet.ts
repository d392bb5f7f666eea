/** Ethernet II: destination, source and type (IEEE 802.3; RFC 894 for IPv4). */
import { fieldTable, type HeaderField, readUint16, writeUint16 } from "./bytes.ts";

export const ETHERNET_HEADER_BYTES = 14;
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
/** The same as a little-endian load gives them. */
export const ETHERTYPE_IPV4_RAW = 0x0008;
export const ETHERTYPE_ARP_RAW = 0x0608;

export const ETHERNET_FIELDS: readonly HeaderField[] = fieldTable(["destination", 48], ["source", 48], ["type", 16]);

/** A MAC address as two numbers: its first two bytes and its last four, in network order. */
export interface EthernetHeader {
  destinationHigh: number;
  destinationLow: number;
  sourceHigh: number;
  sourceLow: number;
  type: number;
}

/** Null when fewer than 14 bytes are there. */
export function readEthernet(bytes: Uint8Array, offset: number, length: number): EthernetHeader | null {
  if (length < ETHERNET_HEADER_BYTES) return null;
  const at = offset;
  return {
    destinationHigh: readUint16(bytes, at),
    destinationLow: readUint16(bytes, at + 2) * 65_536 + readUint16(bytes, at + 4),
    sourceHigh: readUint16(bytes, at + 6),
    sourceLow: readUint16(bytes, at + 8) * 65_536 + readUint16(bytes, at + 10),
    type: readUint16(bytes, at + 12),
  };
}

export function writeEthernet(bytes: Uint8Array, offset: number, header: EthernetHeader): void {
  writeUint16(bytes, offset, header.destinationHigh);
  writeUint16(bytes, offset + 2, header.destinationLow >>> 16);
  writeUint16(bytes, offset + 4, header.destinationLow);
  writeUint16(bytes, offset + 6, header.sourceHigh);
  writeUint16(bytes, offset + 8, header.sourceLow >>> 16);
  writeUint16(bytes, offset + 10, header.sourceLow);
  writeUint16(bytes, offset + 12, header.type);
}

/** "02:00:00:00:00:01" */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  return Array.from(bytes.subarray(offset, offset + 6), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
