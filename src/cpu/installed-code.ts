/** The modules that one CPU has taken in: its table, and what in the table came from which guest addresses. */
import { type CodeModule, type CodeRegion, matches, overlaps } from "./region-module.ts";
import { PAGE_SHIFT } from "./state.ts";

type IsExecutable = ((address: number) => boolean) | undefined;

interface Installed {
  readonly module: CodeModule;
  /** By region: 1 if it stands in the table because of this module. */
  readonly isLive: Uint8Array;
  liveCount: number;
}

/** Bytes of modules in one CPU, beyond which it begins anew: a guest may write new code without end. */
const MAXIMUM_BYTES = 128 << 20;
/** A slot costs 0.1 µs: a new CPU has no more than it needs, one that grows gets some ahead. */
const SLOTS_AHEAD = 1024;

export class InstalledCode {
  readonly #table: WebAssembly.Table;
  readonly #miss: unknown;
  readonly #slotFor: (address: number) => number;
  readonly #modules = new Map<CodeModule, Installed>();
  readonly #byPage = new Map<number, Set<Installed>>();
  #byteLength = 0;

  /** `miss` is the function that stands for code that is not there. */
  constructor(table: WebAssembly.Table, miss: unknown, slotFor: (address: number) => number) {
    this.#table = table;
    this.#miss = miss;
    this.#slotFor = slotFor;
    this.reserve(1);
  }

  modules(): Iterable<CodeModule> {
    return this.#modules.keys();
  }

  /** Whether there is code for an address. */
  has(address: number): boolean {
    const slot = this.#slotFor(address);
    this.reserve(slot + 1);
    return this.#table.get(slot) !== this.#miss;
  }

  /** The module of this number, for which all modules are looked through. */
  withId(id: number): CodeModule | null {
    for (const module of this.#modules.keys()) if (module.id === id) return module;
    return null;
  }

  /** Has at least so many slots. */
  reserve(slotCount: number): void {
    const { length } = this.#table;
    if (slotCount > length) this.#table.grow(slotCount - length + Math.min(length, SLOTS_AHEAD), this.#miss);
  }

  /** Puts those regions of a module into the table whose words are those in memory. */
  install(module: CodeModule, memory: Int32Array, imports: Record<string, unknown>, isExecutable: IsExecutable): void {
    const former = this.#modules.get(module);
    if (former !== undefined) this.#forget(former);
    if (this.#byteLength > MAXIMUM_BYTES) this.clear();
    const isLive = new Uint8Array(module.regions.length);
    let liveCount = 0;
    // An instance puts all its functions into the table: what does not belong there is put back as it was.
    const putBack: [slot: number, before: unknown][] = [];
    for (const [index, region] of module.regions.entries()) {
      if (matches(region, memory) && mayExecute(region, isExecutable)) {
        isLive[index] = 1;
        liveCount++;
      } else {
        for (const slot of region.entries.map(this.#slotFor)) putBack.push([slot, this.#table.get(slot)]);
      }
    }
    new WebAssembly.Instance(module.compiled, { cpu: imports });
    for (const [slot, before] of putBack) this.#table.set(slot, before);
    const installed: Installed = { module, isLive, liveCount };
    this.#modules.set(module, installed);
    this.#byteLength += module.byteLength;
    for (const page of module.pages) {
      const those = this.#byPage.get(page);
      if (those === undefined) this.#byPage.set(page, new Set([installed]));
      else those.add(installed);
    }
  }

  /** Takes out what came from these addresses. */
  invalidate(start: number, end: number): void {
    for (const installed of this.#from(start, end)) {
      this.#removeIf(installed, (region) => overlaps(region, start, end));
    }
  }

  /** Takes out what came from these addresses, or from any, and is not there any more. */
  revalidate(memory: Int32Array, isExecutable: IsExecutable, start = 0, end: number = 2 ** 32): void {
    for (const installed of this.#from(start, end)) {
      this.#removeIf(
        installed,
        (region) => overlaps(region, start, end) && !(matches(region, memory) && mayExecute(region, isExecutable)),
      );
    }
  }

  /** Takes out everything. */
  clear(): void {
    for (const installed of [...this.#modules.values()]) this.#removeIf(installed, () => true);
  }

  /** What may have come from these addresses. */
  #from(start: number, end: number): Set<Installed> {
    const first = start >>> PAGE_SHIFT;
    const last = Math.floor((end - 1) / 2 ** PAGE_SHIFT);
    const found = new Set<Installed>();
    if (last - first >= this.#byPage.size) {
      for (const [page, those] of this.#byPage) {
        if (page >= first && page <= last) for (const installed of those) found.add(installed);
      }
      return found;
    }
    for (let page = first; page <= last; page++) {
      for (const installed of this.#byPage.get(page) ?? []) found.add(installed);
    }
    return found;
  }

  #removeIf(installed: Installed, condition: (region: CodeRegion) => boolean): void {
    for (const [index, region] of installed.module.regions.entries()) {
      if (installed.isLive[index] === 0 || !condition(region)) continue;
      installed.isLive[index] = 0;
      installed.liveCount--;
      for (const entry of region.entries) this.#table.set(this.#slotFor(entry), this.#miss);
    }
    if (installed.liveCount === 0) this.#forget(installed);
  }

  #forget(installed: Installed): void {
    if (!this.#modules.delete(installed.module)) return;
    this.#byteLength -= installed.module.byteLength;
    for (const page of installed.module.pages) {
      const those = this.#byPage.get(page);
      those?.delete(installed);
      if (those?.size === 0) this.#byPage.delete(page);
    }
  }
}

function mayExecute({ ranges }: CodeRegion, isExecutable: IsExecutable): boolean {
  if (isExecutable === undefined) return true;
  for (let index = 0; index < ranges.length; index += 2) {
    const end = ranges[index + 1] as number;
    for (
      let address = ranges[index] as number;
      address < end;
      address = ((address >>> PAGE_SHIFT) + 1) * 2 ** PAGE_SHIFT
    ) {
      if (!isExecutable(address)) return false;
    }
  }
  return true;
}
