/**
 * SYN cookies (RFC 4987 section 3.6): when the SYN queue is full, what would be remembered goes into the initial sequence
 * number instead, and comes back in the ACK. Window scale and SACK ride in the low bits of our timestamp, as far as the peer uses timestamps.
 *
 *   bits 31…27 minute counter | 26…24 MSS index | 23…0 keyed hash of the ends, the peer's ISN, counter and index
 */
import type { Segment } from "./header.ts";
import { sipHash, sipResult } from "./siphash.ts";

/** Common MSS values; a cookie says the largest that the peer takes. */
const SEGMENT_SIZES: readonly number[] = [536, 1024, 1220, 1300, 1400, 1440, 1460, 8960];
/** How long one value of the counter lasts; a cookie is good for one to two of them. */
export const COOKIE_PERIOD_MILLISECONDS = 64_000;

/** No window scale, in the timestamp's low bits. */
const NO_SCALE = 15;
const TIMESTAMP_BITS = 5;

function mac(key: Int32Array, segment: Segment, peerSequence: number, counter: number, index: number): number {
  sipHash(key, segment.keyRemote, segment.keyLocal, segment.keyPorts, peerSequence);
  return sipHash(key, sipResult[0]!, sipResult[1]!, counter, index) & 0xff_ffff;
}

/** The initial sequence number for the SYN in `segment`. */
export function makeCookie(key: Int32Array, segment: Segment, nowMilliseconds: number): number {
  const counter = Math.floor(nowMilliseconds / COOKIE_PERIOD_MILLISECONDS);
  let index = SEGMENT_SIZES.length - 1;
  while (index > 0 && SEGMENT_SIZES[index]! > segment.maximumSegmentSize) index--;
  return ((counter & 31) << 27) | (index << 24) | mac(key, segment, segment.sequence, counter, index);
}

/** The MSS that the ACK in `segment` brings back; 0 when it answers no cookie of ours, or one too old. */
export function checkCookie(key: Int32Array, segment: Segment, nowMilliseconds: number): number {
  const cookie = (segment.acknowledgment - 1) | 0;
  const peerSequence = (segment.sequence - 1) | 0;
  const current = Math.floor(nowMilliseconds / COOKIE_PERIOD_MILLISECONDS);
  const age = (current - (cookie >>> 27)) & 31;
  if (age > 1 || current - age < 0) return 0;
  const index = (cookie >>> 24) & 7;
  if ((cookie & 0xff_ffff) !== mac(key, segment, peerSequence, current - age, index)) return 0;
  return SEGMENT_SIZES[index]!;
}

/** Our timestamp (without offset) with the peer's options in its low bits; never later than `clock`. */
export function encodeTimestamp(clock: number, windowScale: number, sackPermitted: boolean): number {
  const bits = (windowScale < 0 ? NO_SCALE : windowScale) | (sackPermitted ? 16 : 0);
  const low = (1 << TIMESTAMP_BITS) - 1;
  const value = (clock & ~low) | bits;
  return ((value - clock) | 0) > 0 ? (value - low - 1) | 0 : value;
}

/** Window scale (-1: none) from the echoed timestamp. */
export function decodeWindowScale(echo: number): number {
  const scale = echo & 15;
  return scale === NO_SCALE ? -1 : scale;
}

export function decodeSackPermitted(echo: number): boolean {
  return (echo & 16) !== 0;
}
