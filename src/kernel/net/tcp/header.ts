/**
 * The TCP header (RFC 9293 section 3.1) as words of the arena. A word read on a little-endian machine holds the
 * wire's bytes lowest first, so flags and lengths are masked where they stand and only numbers are swapped.
 *
 *   word 0   source port | destination port << 16       (both still in wire order)
 *   word 1   sequence number                            (swap32)
 *   word 2   acknowledgment number                      (swap32)
 *   word 3   data offset 0xf0 | flags << 8 | window << 16 (window: swap16)
 *   word 4   checksum | urgent pointer << 16
 *   word 5…  options
 */

export {
  TCP_ACK as ACK,
  TCP_FIN as FIN,
  TCP_HEADER_BYTES,
  TCP_PSH as PSH,
  TCP_RST as RST,
  TCP_SYN as SYN,
} from "../wire/tcp.ts";

export const IP_HEADER_BYTES = 20;
export const ETHERNET_HEADER_BYTES = 14;

/** Protocol number 6 in the pseudo-header, as a little-endian half word. */
export const PROTOCOL_HALF = 0x0600;
/** NOP, NOP, Timestamps, 10: the layout RFC 7323 appendix A recommends, in one word. */
export const TIMESTAMP_OPTION_WORD = 0x0a08_0101;
/** Bytes the timestamps option takes with its padding. */
export const TIMESTAMP_OPTION_BYTES = 12;

/** One segment's header in the machine's order: what the paths off the hot one work with. One record is used over and over. */
export class Segment {
  /** Raw words as in the packet: source address, destination address, ports. */
  keyRemote = 0;
  keyLocal = 0;
  keyPorts = 0;
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  /** As on the wire: unscaled. */
  window = 0;
  urgentPointer = 0;
  /** Where the text starts in the arena. */
  textOffset = 0;
  /** Bytes of text. */
  textLength = 0;

  hasTimestamp = false;
  timestampValue = 0;
  timestampEcho = 0;
  /** 0 when the option is absent. */
  maximumSegmentSize = 0;
  /** -1 when the option is absent. */
  windowScale = -1;
  sackPermitted = false;
  /** SACK blocks: pairs of edges. */
  sackBlocks = 0;
  readonly sackEdges: Int32Array = new Int32Array(8);

  /** SEG.LEN of RFC 9293 section 3.4: text, SYN and FIN. */
  get sequenceLength(): number {
    return this.textLength + ((this.flags >> 1) & 1) + (this.flags & 1);
  }
}
