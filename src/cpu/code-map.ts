/**
 * The map from guest addresses to table slots, one for all CPUs of a cache: a slot is the place, in every CPU's table, of the
 * function that stands for the code at an address in that CPU's process. So translated code may name slots and fit any CPU.
 */
import { PAGE_DIRECTORY, PAGE_SHIFT, SLOT_PAGE_BYTES, SLOT_PAGES } from "./state.ts";

const WASM_PAGE = 65536;
const FIRST_SLOT_PAGES = 15;

export class CodeMap {
  readonly memory: WebAssembly.Memory;
  #slotCount = 1;
  #nextPage = SLOT_PAGE_BYTES;
  #words: Int32Array;

  constructor() {
    const bytes = SLOT_PAGES + (1 + FIRST_SLOT_PAGES) * SLOT_PAGE_BYTES;
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / WASM_PAGE) });
    this.#words = new Int32Array(this.memory.buffer);
  }

  /** One more than the highest slot; slot 0 is never given. */
  get slotCount(): number {
    return this.#slotCount;
  }

  /** The slot of an address, given to it now if it has none. */
  slotFor(address: number): number {
    const directory = (PAGE_DIRECTORY >>> 2) + (address >>> PAGE_SHIFT);
    let page = this.#words[directory] as number;
    if (page === 0) {
      page = this.#addPage();
      this.#words[directory] = page;
    }
    const place = (SLOT_PAGES + page + (address & 0xffc)) >>> 2;
    const slot = this.#words[place] as number;
    if (slot !== 0) return slot;
    this.#words[place] = this.#slotCount;
    return this.#slotCount++;
  }

  #addPage(): number {
    const page = this.#nextPage;
    this.#nextPage += SLOT_PAGE_BYTES;
    const length = this.memory.buffer.byteLength;
    if (SLOT_PAGES + this.#nextPage > length) {
      // Half as much again as the slots have by now: growing costs something for each module that imports the memory.
      this.memory.grow(Math.max(1, Math.ceil((length - SLOT_PAGES) / 2 / WASM_PAGE)));
      this.#words = new Int32Array(this.memory.buffer);
    }
    return page;
  }
}
