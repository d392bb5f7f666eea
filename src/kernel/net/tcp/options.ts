/**
 * TCP options: maximum segment size (RFC 9293 section 3.7.1), window scale and timestamps (RFC 7323), SACK (RFC 2018).
 * Reading takes bytes from the arena into a Segment; writing fills words that the emitter places behind the header.
 */
import type { Segment } from "./header.ts";
import { TIMESTAMP_OPTION_WORD } from "./header.ts";
import { swap16, swap32 } from "./sequence.ts";

const END = 0;
const NO_OPERATION = 1;
const MAXIMUM_SEGMENT_SIZE = 2;
const WINDOW_SCALE = 3;
const SACK_PERMITTED = 4;
const SACK = 5;
const TIMESTAMPS = 8;

/** RFC 7323 section 2.3: a larger shift is used as 14. */
export const LARGEST_WINDOW_SCALE = 14;

/**
 * Fills the option fields of `segment` from bytes [from, to). Unknown options are skipped by their length; one with an
 * impossible length ends the reading (RFC 9293 MUST-7), and a known one of the wrong length is ignored.
 */
export function readOptions(bytes: Uint8Array, from: number, to: number, segment: Segment): void {
  segment.hasTimestamp = false;
  segment.maximumSegmentSize = 0;
  segment.windowScale = -1;
  segment.sackPermitted = false;
  segment.sackBlocks = 0;
  let at = from;
  while (at < to) {
    const kind = bytes[at]!;
    if (kind === END) return;
    if (kind === NO_OPERATION) {
      at++;
      continue;
    }
    if (at + 1 >= to) return;
    const length = bytes[at + 1]!;
    if (length < 2 || at + length > to) return;
    if (kind === MAXIMUM_SEGMENT_SIZE && length === 4) {
      segment.maximumSegmentSize = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    } else if (kind === WINDOW_SCALE && length === 3) {
      segment.windowScale = Math.min(bytes[at + 2]!, LARGEST_WINDOW_SCALE);
    } else if (kind === SACK_PERMITTED && length === 2) segment.sackPermitted = true;
    else if (kind === TIMESTAMPS && length === 10) {
      segment.hasTimestamp = true;
      segment.timestampValue = read32(bytes, at + 2);
      segment.timestampEcho = read32(bytes, at + 6);
    } else if (kind === SACK && length >= 10 && (length - 2) % 8 === 0) {
      segment.sackBlocks = Math.min((length - 2) / 8, 4);
      for (let k = 0; k < segment.sackBlocks * 2; k++) segment.sackEdges[k] = read32(bytes, at + 2 + 4 * k);
    }
    at += length;
  }
}

function read32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** What a SYN or SYN|ACK offers. */
export interface SynOffer {
  maximumSegmentSize: number;
  sackPermitted: boolean;
  timestamps: boolean;
  timestampValue: number;
  timestampEcho: number;
  /** -1: not offered. */
  windowScale: number;
}

/** Writes the options of a SYN into `words`; returns how many words. */
export function writeSynOptions(words: Int32Array, offer: SynOffer): number {
  let count = 0;
  words[count++] = MAXIMUM_SEGMENT_SIZE | (4 << 8) | (swap16(offer.maximumSegmentSize) << 16);
  if (offer.timestamps) {
    // SACK-permitted takes the place of the two NOPs before the timestamps.
    words[count++] = offer.sackPermitted
      ? SACK_PERMITTED | (2 << 8) | (TIMESTAMPS << 16) | (10 << 24)
      : TIMESTAMP_OPTION_WORD;
    words[count++] = swap32(offer.timestampValue);
    words[count++] = swap32(offer.timestampEcho);
  } else if (offer.sackPermitted) words[count++] = 0x0101 | (SACK_PERMITTED << 16) | (2 << 24);
  if (offer.windowScale >= 0)
    words[count++] = NO_OPERATION | (WINDOW_SCALE << 8) | (3 << 16) | (offer.windowScale << 24);
  return count;
}

/** The word before SACK blocks: NOP, NOP, SACK, length. */
export function sackOptionWord(blocks: number): number {
  return 0x0101 | (SACK << 16) | ((2 + 8 * blocks) << 24);
}
