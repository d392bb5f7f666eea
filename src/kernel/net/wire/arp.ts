/** ARP for IPv4 over Ethernet (RFC 826). */
import { fieldTable, type HeaderField, readUint16, readUint32, writeUint16, writeUint32 } from "./bytes.ts";

export const ARP_PACKET_BYTES = 28;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export const ARP_FIELDS: readonly HeaderField[] = fieldTable(
  ["hardwareType", 16],
  ["protocolType", 16],
  ["hardwareLength", 8],
  ["protocolLength", 8],
  ["operation", 16],
  ["senderMac", 48],
  ["senderAddress", 32],
  ["targetMac", 48],
  ["targetAddress", 32],
);

export interface ArpPacket {
  operation: number;
  /** MAC addresses as the first two bytes and the last four, in network order. */
  senderHigh: number;
  senderLow: number;
  senderAddress: number;
  targetHigh: number;
  targetLow: number;
  targetAddress: number;
}

/** Null for anything but Ethernet and IPv4, and for a packet cut short. */
export function readArp(bytes: Uint8Array, offset: number, length: number): ArpPacket | null {
  if (length < ARP_PACKET_BYTES) return null;
  if (readUint32(bytes, offset) !== 0x0001_0800 || readUint16(bytes, offset + 4) !== 0x0604) return null;
  return {
    operation: readUint16(bytes, offset + 6),
    senderHigh: readUint16(bytes, offset + 8),
    senderLow: readUint32(bytes, offset + 10),
    senderAddress: readUint32(bytes, offset + 14),
    targetHigh: readUint16(bytes, offset + 18),
    targetLow: readUint32(bytes, offset + 20),
    targetAddress: readUint32(bytes, offset + 24),
  };
}

export function writeArp(bytes: Uint8Array, offset: number, packet: ArpPacket): void {
  writeUint32(bytes, offset, 0x0001_0800);
  writeUint16(bytes, offset + 4, 0x0604);
  writeUint16(bytes, offset + 6, packet.operation);
  writeUint16(bytes, offset + 8, packet.senderHigh);
  writeUint32(bytes, offset + 10, packet.senderLow);
  writeUint32(bytes, offset + 14, packet.senderAddress);
  writeUint16(bytes, offset + 18, packet.targetHigh);
  writeUint32(bytes, offset + 20, packet.targetLow);
  writeUint32(bytes, offset + 24, packet.targetAddress);
}
