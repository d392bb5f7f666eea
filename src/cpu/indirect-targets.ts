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
/** Each group is translated so often at most. */
const MAXIMUM_TRANSLATIONS = 8;

export class IndirectTargets {
  readonly #groupOf = new Map<number, RegionGroup>();
  readonly #grown = new Set<RegionGroup>();

  /** A branch from the region at `from` reached code at `to` that was not translated yet. */
  learn(from: number, to: number): void {
    if (Math.abs(from - to) > MAXIMUM_DISTANCE || this.#groupOf.has(to)) return;
    let group = this.#groupOf.get(from);
    if (group === undefined) {
      group = { entries: [from], translations: 0 };
      this.#groupOf.set(from, group);
    }
    if (group.entries.length >= MAXIMUM_ENTRIES || group.translations >= MAXIMUM_TRANSLATIONS) return;
    if (to !== from) group.entries.push(to);
    this.#groupOf.set(to, group);
    this.#grown.add(group);
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
