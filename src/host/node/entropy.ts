/**
 * The host's randomness, fetched a block at a time: a call to it costs more than what it gives. Read from the operating
 * system's own device where there is one, because loading Node's crypto module takes a good part of the time to boot.
 */
import type { RandomSource } from "../../base/random.ts";

const BLOCK_WORDS = 1024;
const DEVICE = "/dev/urandom";

export class NodeEntropy implements RandomSource {
  private readonly block = new Uint32Array(BLOCK_WORDS);
  private used = BLOCK_WORDS;
  private device = -1;

  nextUint32(): number {
    if (this.used === BLOCK_WORDS) {
      this.fill(new Uint8Array(this.block.buffer), 0, this.block.byteLength);
      this.used = 0;
    }
    const word = this.block[this.used] as number;
    // What was given out is not kept.
    this.block[this.used++] = 0;
    return word;
  }

  fill(bytes: Uint8Array, offset: number, length: number): void {
    if (length === 0) return;
    if (!this.readDevice(bytes, offset, length)) {
      process.getBuiltinModule("node:crypto").randomFillSync(bytes, offset, length);
    }
  }

  /** False where the device is missing or gave less than was asked for. */
  private readDevice(bytes: Uint8Array, offset: number, length: number): boolean {
    const fs = process.getBuiltinModule("node:fs");
    try {
      if (this.device < 0) this.device = fs.openSync(DEVICE, "r");
      for (let done = 0; done < length; ) {
        const count = fs.readSync(this.device, bytes, offset + done, length - done, null);
        if (count <= 0) return false;
        done += count;
      }
      return true;
    } catch {
      return false;
    }
  }
}
