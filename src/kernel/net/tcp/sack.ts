/**
 * SACK as the receiver writes it (RFC 2018 section 4): the first block holds the segment that came last, the others repeat
 * what was reported most recently.
 */
import type { TcpConnection } from "./connection.ts";
import type { SequenceIntervals } from "./intervals.ts";
import { swap32 } from "./sequence.ts";

/** What one ACK can hold beside timestamps (RFC 2018 section 3), and without. */
const BLOCKS_WITH_TIMESTAMPS = 3;
const BLOCKS_ALONE = 4;
const REMEMBERED = 4;

/** How many blocks the next ACK carries. */
export function sackBlocksToSend(connection: TcpConnection): number {
  const { held } = connection;
  if (!connection.sackPermitted) return 0;
  const repeated = connection.repeatedStart === connection.repeatedEnd ? 0 : 1;
  return Math.min(repeated + (held?.count ?? 0), connection.timestamps ? BLOCKS_WITH_TIMESTAMPS : BLOCKS_ALONE);
}

/** Text in [start, end) came again: the next ACK says so in its first block (RFC 2883 section 4). */
export function rememberRepeated(connection: TcpConnection, start: number, end: number): void {
  connection.repeatedStart = start;
  connection.repeatedEnd = end;
}

/** A segment has been held at `sequence`: its block is reported first from now on. */
export function rememberHeld(connection: TcpConnection, sequence: number): void {
  connection.recentHeld ??= [];
  const recent = connection.recentHeld;
  recent.unshift(sequence);
  if (recent.length > REMEMBERED) recent.length = REMEMBERED;
}

/** Writes `blocks` pairs of edges from word `at` on. */
export function writeSackBlocks(connection: TcpConnection, words: Int32Array, at: number, blocks: number): void {
  const { held } = connection;
  let written = 0;
  if (connection.repeatedStart !== connection.repeatedEnd) {
    words[at] = swap32(connection.repeatedStart);
    words[at + 1] = swap32(connection.repeatedEnd);
    connection.repeatedStart = connection.repeatedEnd;
    written = 1;
  }
  if (held === null) return;
  const first = written;
  for (const sequence of connection.recentHeld ?? []) {
    if (written === blocks) return;
    if (!held.contains(sequence)) continue;
    if (writeBlock(held, held.find(sequence), words, at, first, written)) written++;
  }
  for (let index = 0; written < blocks && index < held.count; index++) {
    if (writeBlock(held, index, words, at, first, written)) written++;
  }
}

/** Writes one range as block number `written`; false when it stands among the blocks from `first` on already. */
function writeBlock(
  held: SequenceIntervals,
  index: number,
  words: Int32Array,
  at: number,
  first: number,
  written: number,
): boolean {
  const start = swap32(held.start(index));
  for (let k = first; k < written; k++) if (words[at + 2 * k] === start) return false;
  words[at + 2 * written] = start;
  words[at + 2 * written + 1] = swap32(held.end(index));
  return true;
}
