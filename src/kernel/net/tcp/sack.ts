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
  if (held === null || !connection.sackPermitted) return 0;
  return Math.min(held.count, connection.timestamps ? BLOCKS_WITH_TIMESTAMPS : BLOCKS_ALONE);
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
  const held = connection.held!;
  let written = 0;
  for (const sequence of connection.recentHeld ?? []) {
    if (written === blocks) return;
    if (!held.contains(sequence)) continue;
    if (writeBlock(held, held.find(sequence), words, at, written)) written++;
  }
  for (let index = 0; written < blocks && index < held.count; index++) {
    if (writeBlock(held, index, words, at, written)) written++;
  }
}

/** Writes one range as the next block; false when it stands there already. */
function writeBlock(held: SequenceIntervals, index: number, words: Int32Array, at: number, written: number): boolean {
  const start = swap32(held.start(index));
  for (let k = 0; k < written; k++) if (words[at + 2 * k] === start) return false;
  words[at + 2 * written] = start;
  words[at + 2 * written + 1] = swap32(held.end(index));
  return true;
}
