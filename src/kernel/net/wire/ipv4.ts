/** The IPv4 header (RFC 791). The readable form; ip/ipv4.ts reads the same fields as raw words. */
import { finishSum, sumBytes } from "../../../base/checksum.ts";
import { fieldTable, type HeaderField, readUint16, readUint32, writeUint16, writeUint32 } from "./bytes.ts";

export const IPV4_HEADER_BYTES = 20;
export const IPV4_MAXIMUM_HEADER_BYTES = 60;
export const IPV4_MAXIMUM_BYTES = 65_535;
export const DEFAULT_TIME_TO_LIVE = 64;

export const IPV4_FIELDS: readonly HeaderField[] = fieldTable(
  ["version", 4],
  ["headerWords", 4],
  ["typeOfService", 8],
  ["totalLength", 16],
  ["identification", 16],
  ["reservedFlag", 1],
  ["dontFragment", 1],
  ["moreFragments", 1],
  ["fragmentOffset", 13],
  ["timeToLive", 8],
  ["protocol", 8],
  ["checksum", 16],
  ["source", 32],
  ["destination", 32],
);

export interface Ipv4Header {
  /** Bytes, options included: 20…60, a multiple of 4. */
  headerLength: number;
  typeOfService: number;
  totalLength: number;
  identification: number;
  dontFragment: boolean;
  moreFragments: boolean;
  /** In bytes, a multiple of 8. */
  fragmentOffset: number;
  timeToLive: number;
  protocol: number;
  checksum: number;
  source: number;
  destination: number;
}

/** Null for another version, a header or packet that does not fit `length`, or a wrong checksum. */
export function readIpv4(bytes: Uint8Array, offset: number, length: number): Ipv4Header | null {
  if (length < IPV4_HEADER_BYTES) return null;
  const header = readIpv4Fields(bytes, offset);
  if ((bytes[offset] as number) >> 4 !== 4 || header.headerLength < IPV4_HEADER_BYTES) return null;
  if (header.totalLength < header.headerLength || header.totalLength > length) return null;
  if (sumBytes(bytes, offset, header.headerLength) !== 0xffff) return null;
  return header;
}

/** The fields of the first 20 bytes as they stand, unchecked: for headers quoted in ICMP errors. */
export function readIpv4Fields(bytes: Uint8Array, offset: number): Ipv4Header {
  const fragment = readUint16(bytes, offset + 6);
  return {
    headerLength: ((bytes[offset] as number) & 15) * 4,
    typeOfService: bytes[offset + 1] as number,
    totalLength: readUint16(bytes, offset + 2),
    identification: readUint16(bytes, offset + 4),
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: (fragment & 0x1fff) * 8,
    timeToLive: bytes[offset + 8] as number,
    protocol: bytes[offset + 9] as number,
    checksum: readUint16(bytes, offset + 10),
    source: readUint32(bytes, offset + 12),
    destination: readUint32(bytes, offset + 16),
  };
}

/** Writes the header with its checksum computed (`header.checksum` is not read). Options, if any, must stand there already. */
export function writeIpv4(bytes: Uint8Array, offset: number, header: Omit<Ipv4Header, "checksum">): void {
  bytes[offset] = 0x40 | (header.headerLength >> 2);
  bytes[offset + 1] = header.typeOfService;
  writeUint16(bytes, offset + 2, header.totalLength);
  writeUint16(bytes, offset + 4, header.identification);
  const flags = (header.dontFragment ? 0x4000 : 0) | (header.moreFragments ? 0x2000 : 0);
  writeUint16(bytes, offset + 6, flags | (header.fragmentOffset >> 3));
  bytes[offset + 8] = header.timeToLive;
  bytes[offset + 9] = header.protocol;
  writeUint16(bytes, offset + 10, 0);
  writeUint32(bytes, offset + 12, header.source);
  writeUint32(bytes, offset + 16, header.destination);
  const checksum = finishSum(sumBytes(bytes, offset, header.headerLength));
  bytes[offset + 10] = checksum;
  bytes[offset + 11] = checksum >>> 8;
}

/** What a walk over the options of a header finds (RFC 791 3.1, RFC 7126). */
export type Ipv4OptionsVerdict = "fine" | "malformed" | "source-route";

export function checkIpv4Options(bytes: Uint8Array, offset: number, headerLength: number): Ipv4OptionsVerdict {
  const end = offset + headerLength;
  for (let at = offset + IPV4_HEADER_BYTES; at < end; ) {
    const kind = bytes[at] as number;
    if (kind === 0) return "fine"; // end of the list
    if (kind === 1) {
      at++; // no operation
      continue;
    }
    const length = at + 1 < end ? (bytes[at + 1] as number) : 0;
    if (length < 2 || at + length > end) return "malformed";
    if (kind === 131 || kind === 137) return "source-route";
    at += length;
  }
  return "fine";
}
