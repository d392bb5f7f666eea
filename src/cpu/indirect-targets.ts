/**
 * Remembers where branches to registers go (jump tables, the dispatch of interpreters), so that regions that such branches
 * connect can be translated as one, which has them all as entries.
 */

/** Regions that branches to registers connect. */
export interface RegionGroup {
  /** The first entry is the one whose branch was seen first. */
  readonly entries: number[];
  translations: number;
}

/** Farther targets are other functions. */
const MAXIMUM_DISTANCE = 1 << 18;
const MAXIMUM_ENTRIES = 512;
/** Interpreted code knows no region: it is found by the branch's address within so many bytes. */
const NEAR = 4096;
/** Added to the address of an interpreted branch. */
export const INTERPRETED = 1;
/** Each group is translated so often at most. */
const MAXIMUM_TRANSLATIONS = 8;

export class IndirectTargets {
  readonly #groupOf = new Map<number, RegionGroup>();
  readonly #grown = new Set<RegionGroup>();

  /**
   * A branch reached code at `to` that was not translated yet: from the region at `from`, or, in interpreted code, from the
   * instruction at `from` − INTERPRETED.
   */
  learn(from: number, to: number): void {
    if (Math.abs(from - to) > MAXIMUM_DISTANCE) return;
    const isInterpreted = (from & INTERPRETED) !== 0;
    let group = isInterpreted ? this.#groupBefore(from) : this.#groupOf.get(from);
    if (group === undefined) {
      group = { entries: [], translations: 0 };
      if (!isInterpreted) this.#add(group, from);
    }
    const other = this.#groupOf.get(to);
    if (other === group) return;
    if (other === undefined) this.#add(group, to);
    else if (group.entries.length + other.entries.length <= MAXIMUM_ENTRIES) {
      for (const entry of other.entries) this.#add(group, entry);
      group.translations = Math.max(group.translations, other.translations);
      this.#grown.delete(other);
    }
  }

  #add(group: RegionGroup, entry: number): void {
    if (group.entries.length >= MAXIMUM_ENTRIES) return;
    group.entries.push(entry);
    this.#groupOf.set(entry, group);
    if (group.translations < MAXIMUM_TRANSLATIONS && group.entries.length > 1) this.#grown.add(group);
  }

  /** The group with the nearest entry before an instruction: most likely of the same function. */
  #groupBefore(address: number): RegionGroup | undefined {
    let nearest = address - NEAR;
    for (const entry of this.#groupOf.keys()) if (entry > nearest && entry <= address) nearest = entry;
    return this.#groupOf.get(nearest);
  }

  /** The groups with new entries since last asked. */
  takeGrown(): RegionGroup[] {
    if (this.#grown.size === 0) return none;
    const groups = [...this.#grown];
    this.#grown.clear();
    for (const group of groups) group.translations++;
    return groups;
  }

  /** After code has changed. */
  forget(): void {
    this.#groupOf.clear();
    this.#grown.clear();
  }
}

const none: RegionGroup[] = [];
