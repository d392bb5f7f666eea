/**
 * From a segment's addresses and ports to what belongs to them: open addressing on the raw words of the packet, so that a
 * lookup makes no key. Deletion moves later entries of the run back; there are no tombstones.
 */
import type { RandomSource } from "../../../base/random.ts";

/** Raw words as they stand in a packet that arrives: source address, destination address, both ports. */
export interface TableEntry {
  readonly keyRemote: number;
  readonly keyLocal: number;
  readonly keyPorts: number;
}

const INITIAL_CAPACITY = 16;

export class ConnectionTable<T extends TableEntry> {
  /** Three words of key per slot; meaningful where `values` has an entry. */
  private keys: Int32Array = new Int32Array(3 * INITIAL_CAPACITY);
  private values: (T | null)[] = new Array<T | null>(INITIAL_CAPACITY).fill(null);
  private mask = INITIAL_CAPACITY - 1;
  private readonly seed: number;
  size = 0;

  constructor(random: RandomSource) {
    // Unknown to senders, who could otherwise pick ports that all fall into one run.
    this.seed = random.nextUint32() | 0;
  }

  find(remote: number, local: number, ports: number): T | null {
    const { keys, values, mask } = this;
    let slot = this.slotFor(remote, local, ports);
    for (;;) {
      const value = values[slot]!;
      if (value === null) return null;
      const at = slot * 3;
      if (keys[at + 2] === ports && keys[at] === remote && keys[at + 1] === local) return value;
      slot = (slot + 1) & mask;
    }
  }

  /** The key must not be there yet. */
  insert(entry: T): void {
    if (this.size * 2 >= this.values.length) this.resize(this.values.length * 2);
    this.place(entry);
    this.size++;
  }

  /** Does nothing when the entry is not there. */
  remove(entry: T): void {
    const { values, mask } = this;
    let slot = this.slotFor(entry.keyRemote, entry.keyLocal, entry.keyPorts);
    for (; ; slot = (slot + 1) & mask) {
      const value = values[slot]!;
      if (value === null) return;
      if (value === entry) break;
    }
    this.size--;
    this.closeGap(slot);
    if (this.values.length > INITIAL_CAPACITY && this.size * 8 < this.values.length)
      this.resize(this.values.length / 2);
  }

  *entries(): Iterable<T> {
    for (const value of this.values) if (value !== null) yield value;
  }

  /** Moves back every later entry of the run that may stand in the hole (Knuth, volume 3, section 6.4, algorithm R). */
  private closeGap(from: number): void {
    const { keys, values, mask } = this;
    let hole = from;
    let slot = from;
    for (;;) {
      slot = (slot + 1) & mask;
      const value = values[slot]!;
      if (value === null) break;
      const home = this.slotFor(value.keyRemote, value.keyLocal, value.keyPorts);
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      values[hole] = value;
      keys.copyWithin(hole * 3, slot * 3, slot * 3 + 3);
      hole = slot;
    }
    values[hole] = null;
  }

  private place(entry: T): void {
    const { keys, values, mask } = this;
    let slot = this.slotFor(entry.keyRemote, entry.keyLocal, entry.keyPorts);
    while (values[slot] !== null) slot = (slot + 1) & mask;
    values[slot] = entry;
    keys[slot * 3] = entry.keyRemote;
    keys[slot * 3 + 1] = entry.keyLocal;
    keys[slot * 3 + 2] = entry.keyPorts;
  }

  private resize(capacity: number): void {
    const before = this.values;
    this.keys = new Int32Array(3 * capacity);
    this.values = new Array<T | null>(capacity).fill(null);
    this.mask = capacity - 1;
    for (const value of before) if (value !== null) this.place(value);
  }

  private slotFor(remote: number, local: number, ports: number): number {
    let hash = Math.imul(remote ^ this.seed, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ ports, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ local, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & this.mask;
  }
}
