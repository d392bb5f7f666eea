/**
 * One block of memory per realm in which frames and socket rings live. A frame is an (offset, length) pair in a slot;
 * ownership passes with it and whoever consumes it frees it. No object, view or slice is made per packet.
 *
 * Frame data starts at an offset ≡ 2 mod 4, so that behind the 14 bytes of Ethernet the IP and TCP headers lie on words.
 */
import { BlockAllocator, LARGEST_BLOCK_BYTES } from "./block-allocator.ts";
import type { ChecksumKernel } from "./checksum.ts";
import { createJavaScriptKernel } from "./checksum-javascript.ts";
import { createWasmKernel } from "./checksum-wasm.ts";

export interface ArenaOptions {
  /** Bytes in all, a multiple of 64 KiB. Untouched pages cost nothing: the operating system maps them on first use. */
  totalBytes?: number;
  /** How many slots for frames up to SMALL_FRAME_BYTES. */
  smallFrames?: number;
  /** How many slots for frames up to LARGE_FRAME_BYTES. */
  largeFrames?: number;
  /** False keeps to plain JavaScript for copies and sums. Default: WebAssembly where the realm allows it. */
  webAssembly?: boolean;
  /** Throws on a frame freed twice or at a wrong offset. For tests. */
  checked?: boolean;
}

export const SMALL_FRAME_BYTES = 1600;
/** A 64 KiB IP packet (65,535 bytes) behind an Ethernet header, with room for the longest IP header before its data. */
export const LARGE_FRAME_BYTES = 65_608;
/** Bytes before every frame, 4-byte aligned, that belong to the frame's owner: links of queues, lengths. */
export const FRAME_HEADROOM_BYTES = 18;

/** Slots are whole cache lines, and no power of two apart, which would crowd them into few cache sets. */
const SMALL_STRIDE_BYTES = 1664;
const LARGE_STRIDE_BYTES = 65_664;
const WASM_PAGE_BYTES = 65_536;
/** Half a gigabyte of address space; V8 answers twice as much with a full garbage collection at once. */
const DEFAULT_TOTAL_BYTES = 1 << 29;
const MINIMUM_TOTAL_BYTES = 1 << 26;

export class Arena {
  /** Views of the whole memory, never detached: the memory does not grow. */
  readonly bytes: Uint8Array;
  readonly halves: Uint16Array;
  readonly words: Int32Array;
  readonly totalBytes: number;
  readonly smallFrames: number;
  readonly largeFrames: number;
  /** True where the WebAssembly kernel moves the bytes. */
  readonly isAccelerated: boolean;
  /** Moves bytes; the ranges may overlap. */
  readonly copy: (to: number, from: number, byteLength: number) => void;
  /** Partial checksum over little-endian words, folded to 16 bits; see checksum.ts. */
  readonly sum: (offset: number, byteLength: number, initial?: number) => number;
  /** Both at once; the ranges must not overlap. */
  readonly copyAndSum: (to: number, from: number, byteLength: number) => number;

  private readonly largeBase: number;
  private readonly smallFree: Int32Array;
  private readonly largeFree: Int32Array;
  private smallFreeCount = 0;
  private largeFreeCount = 0;
  /** Slots are handed out from here until they have all been used once; so an arena costs nothing to create. */
  private smallFresh: number;
  private largeFresh: number;
  private readonly smallEnd: number;
  private readonly largeEnd: number;
  private readonly blocks: BlockAllocator;
  private readonly slotStates: Uint8Array | null;

  constructor(options: ArenaOptions = {}) {
    const memory = createMemory(options);
    const buffer = memory instanceof ArrayBuffer ? memory : memory.buffer;
    this.bytes = new Uint8Array(buffer);
    this.halves = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
    this.totalBytes = buffer.byteLength;
    const { kernel, isAccelerated } = createKernel(memory, this.bytes, this.halves, this.words);
    this.isAccelerated = isAccelerated;
    this.copy = kernel.copy;
    this.sum = kernel.sum;
    this.copyAndSum = kernel.copyAndSum;

    // Offset 0 means "none", so the first cache line is never handed out.
    const small = options.smallFrames ?? Math.floor((this.totalBytes * 0.0625) / SMALL_STRIDE_BYTES);
    const large = options.largeFrames ?? Math.floor((this.totalBytes * 0.125) / LARGE_STRIDE_BYTES);
    const smallBase = 64;
    this.largeBase = smallBase + small * SMALL_STRIDE_BYTES;
    const blockBase = (this.largeBase + large * LARGE_STRIDE_BYTES + 4095) & ~4095;
    if (blockBase > this.totalBytes) throw new RangeError("arena too small for its frames");
    this.smallFrames = small;
    this.largeFrames = large;
    this.smallFresh = smallBase + FRAME_HEADROOM_BYTES;
    this.largeFresh = this.largeBase + FRAME_HEADROOM_BYTES;
    this.smallEnd = this.largeBase;
    this.largeEnd = this.largeBase + large * LARGE_STRIDE_BYTES;
    this.smallFree = new Int32Array(small);
    this.largeFree = new Int32Array(large);
    this.blocks = new BlockAllocator(blockBase, this.totalBytes);
    this.slotStates = options.checked === true ? new Uint8Array(small + large) : null;
  }

  /**
   * A slot for a frame of up to `byteLength` bytes: the offset (≡ 2 mod 4) of byte 0 of its Ethernet header, 0 when
   * exhausted or longer than LARGE_FRAME_BYTES. The bytes are not cleared.
   */
  allocateFrame(byteLength: number): number {
    let offset = 0;
    if (byteLength <= SMALL_FRAME_BYTES) {
      if (this.smallFreeCount > 0) offset = this.smallFree[--this.smallFreeCount] as number;
      else if (this.smallFresh < this.smallEnd) {
        offset = this.smallFresh;
        this.smallFresh += SMALL_STRIDE_BYTES;
      }
    } else if (byteLength <= LARGE_FRAME_BYTES) {
      if (this.largeFreeCount > 0) offset = this.largeFree[--this.largeFreeCount] as number;
      else if (this.largeFresh < this.largeEnd) {
        offset = this.largeFresh;
        this.largeFresh += LARGE_STRIDE_BYTES;
      }
    }
    if (this.slotStates !== null && offset !== 0) this.slotStates[this.slotOf(offset)] = 1;
    return offset;
  }

  freeFrame(offset: number): void {
    if (this.slotStates !== null) {
      const slot = this.slotOf(offset);
      if (this.slotStates[slot] !== 1) throw new Error(`frame ${offset} freed but not in use`);
      this.slotStates[slot] = 0;
    }
    if (offset < this.largeBase) this.smallFree[this.smallFreeCount++] = offset;
    else this.largeFree[this.largeFreeCount++] = offset;
  }

  /** How long a frame in this slot may be. */
  frameCapacity(offset: number): number {
    return offset < this.largeBase ? SMALL_FRAME_BYTES : LARGE_FRAME_BYTES;
  }

  get framesInUse(): number {
    return this.smallFramesInUse + this.largeFramesInUse;
  }

  get smallFramesInUse(): number {
    const fresh = (this.smallEnd + FRAME_HEADROOM_BYTES - this.smallFresh) / SMALL_STRIDE_BYTES;
    return this.smallFrames - fresh - this.smallFreeCount;
  }

  get largeFramesInUse(): number {
    const fresh = (this.largeEnd + FRAME_HEADROOM_BYTES - this.largeFresh) / LARGE_STRIDE_BYTES;
    return this.largeFrames - fresh - this.largeFreeCount;
  }

  /** A block of a power of two between 2 KiB and 16 MiB, aligned to 4 KiB or to its size if smaller; 0 when exhausted. Not cleared. */
  allocateBlock(byteLength: number): number {
    return this.blocks.allocate(byteLength);
  }

  /** `byteLength` is the one it was allocated with. */
  freeBlock(offset: number, byteLength: number): void {
    this.blocks.free(offset, byteLength);
  }

  get blockBytesInUse(): number {
    return this.blocks.bytesInUse;
  }

  /** How much of the blocks there is in use: 0 to 1. */
  get blockUse(): number {
    return this.blocks.bytesInUse / this.blocks.totalBytes;
  }

  /** Copies bytes of `buffer` into the arena. */
  copyIn(to: number, buffer: Uint8Array, offset: number, byteLength: number): void {
    const bytes = this.bytes;
    if (byteLength <= 64) for (let k = 0; k < byteLength; k++) bytes[to + k] = buffer[offset + k] as number;
    else if (offset === 0 && byteLength === buffer.length) bytes.set(buffer, to);
    else bytes.set(buffer.subarray(offset, offset + byteLength), to);
  }

  /** Copies bytes of the arena out into `buffer`. */
  copyOut(buffer: Uint8Array, offset: number, from: number, byteLength: number): void {
    const bytes = this.bytes;
    if (byteLength <= 64) for (let k = 0; k < byteLength; k++) buffer[offset + k] = bytes[from + k] as number;
    else buffer.set(bytes.subarray(from, from + byteLength), offset);
  }

  /** In checked arenas: the slot's number, or a throw for an offset that no slot has. */
  private slotOf(offset: number): number {
    const small = offset < this.largeBase;
    const base = (small ? 64 : this.largeBase) + FRAME_HEADROOM_BYTES;
    const slot = (offset - base) / (small ? SMALL_STRIDE_BYTES : LARGE_STRIDE_BYTES);
    if (!Number.isInteger(slot) || slot < 0 || offset >= this.largeEnd) throw new Error(`no frame starts at ${offset}`);
    return small ? slot : this.smallFrames + slot;
  }
}

function createMemory(options: ArenaOptions): WebAssembly.Memory | ArrayBuffer {
  const wanted = Math.ceil((options.totalBytes ?? DEFAULT_TOTAL_BYTES) / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;
  // A realm short of address space gets a smaller arena; an explicit size is a promise and is kept or fails.
  const least = options.totalBytes === undefined ? MINIMUM_TOTAL_BYTES : wanted;
  for (let total = wanted; ; total /= 2) {
    try {
      if (options.webAssembly === false || typeof WebAssembly === "undefined") return new ArrayBuffer(total);
      const pages = total / WASM_PAGE_BYTES;
      return new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch (error) {
      if (total / 2 < least) throw error;
    }
  }
}

/** The fastest kernel that this realm allows over the memory. */
function createKernel(
  memory: WebAssembly.Memory | ArrayBuffer,
  bytes: Uint8Array,
  halves: Uint16Array,
  words: Int32Array,
): { kernel: ChecksumKernel; isAccelerated: boolean } {
  if (!(memory instanceof ArrayBuffer)) {
    const kernel = createWasmKernel(memory);
    if (kernel !== null) return { kernel, isAccelerated: true };
  }
  return { kernel: createJavaScriptKernel(bytes, halves, words), isAccelerated: false };
}

let shared: Arena | null = null;

/** The realm's arena, made on first use. */
export function sharedArena(): Arena {
  shared ??= new Arena();
  return shared;
}

export { LARGEST_BLOCK_BYTES };
