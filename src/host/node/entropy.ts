/** The host's randomness, fetched a block at a time: a call to it costs more than what it gives. */
import { randomFillSync } from "node:crypto";
import type { RandomSource } from "../../base/random.ts";

const BLOCK_WORDS = 1024;

export class NodeEntropy implements RandomSource {
  private readonly block = new Uint32Array(BLOCK_WORDS);
  private used = BLOCK_WORDS;

  nextUint32(): number {
    if (this.used === BLOCK_WORDS) {
      randomFillSync(this.block);
      this.used = 0;
    }
    const word = this.block[this.used] as number;
    // What was given out is not kept.
    this.block[this.used++] = 0;
    return word;
  }

  fill(bytes: Uint8Array, offset: number, length: number): void {
    randomFillSync(bytes, offset, length);
  }
}
