import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EEXIST, EFAULT, EINVAL, ENOMEM, EPERM } from "../../abi/errno.ts";
import {
  MADV_DONTNEED,
  MADV_FREE,
  MADV_WIPEONFORK,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import { RLIMIT_AS, RLIMIT_DATA } from "../../abi/resource.ts";
import { AddressSpace, type AddressSpaceOptions } from "./address-space.ts";
import { advise, remap } from "./address-space-changes.ts";
import { HEAP_NAME } from "./area.ts";
import { MemoryAccount } from "./memory-account.ts";
import { MachineMemory } from "./user-memory.ts";

const PAGE = 4096;
const HEAP = 16 * PAGE;
const BASE = 64 * PAGE;
const LIMIT = 256 * PAGE;
const READ_WRITE = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

function makeSpace(options: Partial<AddressSpaceOptions> = {}): AddressSpace {
  const memory = new MachineMemory(0, LIMIT);
  return new AddressSpace(memory, { heapStart: HEAP, mapBase: BASE, mapLimit: LIMIT, ...options });
}

function map(space: AddressSpace, byteLength: number, protection = READ_WRITE, address = 0, flags = 0): number {
  return space.map({ address, byteLength, protection, flags: ANONYMOUS | flags, file: null, offset: 0 });
}

/** "10-12 rw-" per area, in pages. */
function show(space: AddressSpace): string[] {
  return space.areas().map((area) => {
    const bits = ["r", "w", "x"].map((letter, bit) => ((area.protection >> bit) & 1 ? letter : "-")).join("");
    return `${area.start / PAGE}-${area.end / PAGE} ${bits}`;
  });
}

test("a reservation without access costs nothing until it gets some", () => {
  const account = new MemoryAccount(8 * PAGE);
  const space = makeSpace({ limitBytes: 4 * PAGE, account });
  assert.equal(map(space, 100 * PAGE, 0), BASE);
  assert.equal(space.memory.byteLength, 0);
  assert.equal(account.usedBytes, 0);
  assert.equal(space.protect(BASE + 2 * PAGE, 4 * PAGE, READ_WRITE), 0);
  assert.equal(account.usedBytes, 4 * PAGE);
  assert.equal(space.protect(BASE + 20 * PAGE, PAGE, READ_WRITE), -ENOMEM);
  assert.deepEqual(show(space), ["64-66 ---", "66-70 rw-", "70-164 ---"]);
  // Access taken away keeps the bytes, and their price.
  space.memory.bytes[BASE + 2 * PAGE] = 7;
  assert.equal(space.protect(BASE + 2 * PAGE, 4 * PAGE, 0), 0);
  assert.equal(space.populatedBytes, 4 * PAGE);
  assert.equal(space.protect(BASE + 2 * PAGE, 4 * PAGE, PROT_READ), 0);
  assert.equal(space.memory.bytes[BASE + 2 * PAGE], 7);
});

test("the kernel's bound counts what was touched, until the space is released", () => {
  const account = new MemoryAccount(8 * PAGE);
  const space = makeSpace({ account });
  const other = makeSpace({ account });
  const a = map(space, 4 * PAGE);
  assert.equal(space.unmap(a, 4 * PAGE), 0);
  assert.equal(account.usedBytes, 4 * PAGE);
  // The same place again, which costs nothing more.
  assert.equal(map(space, 6 * PAGE), a);
  assert.equal(account.usedBytes, 6 * PAGE);
  assert.equal(map(other, 3 * PAGE), -ENOMEM);
  assert.equal(other.populatedBytes, 0);
  space.retain();
  space.release();
  assert.equal(account.usedBytes, 6 * PAGE);
  space.release();
  assert.equal(account.usedBytes, 0);
  assert.ok(map(other, 3 * PAGE) > 0);
});

test("hints and demands", () => {
  const space = makeSpace();
  assert.equal(map(space, PAGE, READ_WRITE, 100 * PAGE + 5), 100 * PAGE);
  assert.equal(map(space, PAGE, READ_WRITE, 100 * PAGE), BASE);
  // A hint beyond the memory, in the page at 0, or negative, is only a hint.
  assert.equal(map(space, PAGE, READ_WRITE, 0xc0_0000_0000), BASE + PAGE);
  assert.equal(map(space, PAGE, READ_WRITE, 8), BASE + 2 * PAGE);
  assert.equal(map(space, PAGE, READ_WRITE, -PAGE), BASE + 3 * PAGE);
  assert.equal(map(space, PAGE, READ_WRITE, 0xc0_0000_0000, MAP_FIXED), -ENOMEM);
  assert.equal(map(space, PAGE, READ_WRITE, 0, MAP_FIXED), -EPERM);
  assert.equal(map(space, PAGE, READ_WRITE, BASE, MAP_FIXED_NOREPLACE), -EEXIST);
  assert.equal(map(space, PAGE, READ_WRITE, 20 * PAGE, MAP_FIXED_NOREPLACE), 20 * PAGE);
  assert.equal(map(space, 200 * PAGE), -ENOMEM);
  assert.equal(map(space, 0), -EINVAL);
  assert.equal(map(space, -5), -ENOMEM);
  assert.equal(map(space, Number.MAX_SAFE_INTEGER), -ENOMEM);
  // Above the base there is no room any more: below it there is.
  assert.equal(map(space, 155 * PAGE), 101 * PAGE);
  assert.equal(map(space, 33 * PAGE), 21 * PAGE);
});

test("the heap ends at the next area, and MAP_FIXED may cut it", () => {
  const space = makeSpace();
  assert.equal(space.moveBreak(0), HEAP);
  assert.equal(space.moveBreak(HEAP + 3 * PAGE + 5), HEAP + 3 * PAGE + 5);
  assert.equal(space.areas()[0]?.name, HEAP_NAME);
  assert.equal(map(space, PAGE, PROT_READ, HEAP + 6 * PAGE, MAP_FIXED), HEAP + 6 * PAGE);
  assert.equal(space.moveBreak(HEAP + 7 * PAGE), HEAP + 3 * PAGE + 5);
  assert.equal(space.moveBreak(HEAP + 6 * PAGE), HEAP + 6 * PAGE);
  space.memory.bytes[HEAP + PAGE] = 1;
  assert.equal(map(space, PAGE, PROT_READ, HEAP + PAGE, MAP_FIXED), HEAP + PAGE);
  assert.equal(space.memory.bytes[HEAP + PAGE], 0);
  assert.deepEqual(show(space), ["16-17 rw-", "17-18 r--", "18-22 rw-", "22-23 r--"]);
  assert.equal(space.moveBreak(HEAP), HEAP);
  assert.deepEqual(show(space), ["22-23 r--"]);
});

test("code that goes or loses its execution is told of", () => {
  const changed: string[] = [];
  const space = makeSpace({ onCodeChange: (start, end) => changed.push(`${start / PAGE}-${end / PAGE}`) });
  const take = (): string => changed.splice(0).join(" ");
  const a = map(space, 10 * PAGE, PROT_READ | PROT_EXEC);
  assert.equal(take(), "");
  space.protect(a + PAGE, PAGE, PROT_READ | PROT_WRITE);
  assert.equal(take(), "65-66");
  space.protect(a + PAGE, PAGE, PROT_READ | PROT_EXEC);
  assert.equal(take(), "");
  assert.deepEqual(show(space), ["64-74 r-x"]);
  map(space, 2 * PAGE, PROT_READ, a + 3 * PAGE, MAP_FIXED);
  assert.equal(take(), "67-69");
  space.unmap(a + 8 * PAGE, 20 * PAGE);
  assert.equal(take(), "72-74");
  assert.ok(space.isAccessible(a, 3 * PAGE, PROT_EXEC));
  assert.ok(!space.isAccessible(a, 4 * PAGE, PROT_EXEC));
  assert.ok(space.isMapped(a, 8 * PAGE));
  assert.ok(!space.isMapped(a, 8 * PAGE + 1));
});

test("mremap demands a place of its own, and may leave the old one mapped", () => {
  const space = makeSpace();
  const a = map(space, 4 * PAGE);
  space.memory.bytes.fill(3, a, a + 4 * PAGE);
  assert.equal(remap(space, a, 4 * PAGE, 2 * PAGE, MREMAP_FIXED, a + 8 * PAGE), -EINVAL);
  assert.equal(remap(space, a, 4 * PAGE, 4 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, a + 2 * PAGE), -EINVAL);
  assert.equal(remap(space, a, 4 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, a + 8 * PAGE), a + 8 * PAGE);
  assert.deepEqual(show(space), ["72-74 rw-"]);
  const b = a + 8 * PAGE;
  assert.equal(remap(space, b, 2 * PAGE, 2 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, 0), BASE);
  assert.deepEqual(show(space), ["64-66 rw-", "72-74 rw-"]);
  assert.deepEqual([space.memory.bytes[BASE], space.memory.bytes[b]], [3, 0]);
  assert.equal(remap(space, 9 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
  assert.equal(remap(space, BASE, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0), -EFAULT);
  assert.equal(remap(space, BASE, 0, PAGE, MREMAP_MAYMOVE, 0), -EINVAL);
  assert.equal(remap(space, BASE, PAGE, 0, 0, 0), -EINVAL);
  assert.equal(remap(space, BASE, -PAGE, PAGE, 0, 0), -EINVAL);
  assert.equal(remap(space, BASE, PAGE, Number.MAX_SAFE_INTEGER, MREMAP_MAYMOVE, 0), -ENOMEM);
});

test("RLIMIT_AS counts reservations, RLIMIT_DATA what is private and can be written", () => {
  const limits = Array.from({ length: 16 }, () => ({ current: Number.POSITIVE_INFINITY }));
  const space = makeSpace({ limits });
  const [addressSpace, data] = [limits[RLIMIT_AS], limits[RLIMIT_DATA]];
  assert.ok(addressSpace !== undefined && data !== undefined);
  addressSpace.current = 10 * PAGE;
  const a = map(space, 8 * PAGE, 0);
  assert.equal(map(space, 3 * PAGE), -ENOMEM);
  assert.equal(map(space, 8 * PAGE, 0, a, MAP_FIXED), a);
  assert.equal(remap(space, a, 8 * PAGE, 11 * PAGE, MREMAP_MAYMOVE, 0), -ENOMEM);
  addressSpace.current = Number.POSITIVE_INFINITY;
  data.current = 2 * PAGE;
  assert.equal(map(space, 3 * PAGE), -ENOMEM);
  assert.ok(map(space, 3 * PAGE, PROT_READ) > 0);
  assert.equal(space.moveBreak(HEAP + 3 * PAGE), HEAP);
  assert.equal(space.moveBreak(HEAP + 2 * PAGE), HEAP + 2 * PAGE);
});

test("advice: what is unmapped is told at the end, after the rest was done", () => {
  const space = makeSpace();
  const a = map(space, 6 * PAGE);
  space.memory.bytes.fill(3, a, a + 6 * PAGE);
  space.unmap(a + 2 * PAGE, PAGE);
  assert.equal(advise(space, a, 4 * PAGE, MADV_DONTNEED), -ENOMEM);
  assert.deepEqual(
    [0, 1, 3, 4].map((page) => space.memory.bytes[a + page * PAGE]),
    [0, 0, 0, 3],
  );
  assert.equal(advise(space, a + 3 * PAGE, PAGE, MADV_FREE), 0);
  assert.equal(advise(space, a, PAGE, 77), -EINVAL);
  assert.equal(advise(space, a + 1, PAGE, MADV_FREE), -EINVAL);
  assert.equal(advise(space, a, -1, MADV_FREE), -EINVAL);
  assert.equal(advise(space, 9 * PAGE, 0, MADV_FREE), 0);
  assert.equal(advise(space, a, PAGE, MADV_WIPEONFORK), 0);
  assert.deepEqual(show(space), ["64-65 rw-", "65-66 rw-", "67-70 rw-"]);
});

/** What each page is, kept in the plainest way: null is not mapped. */
interface ModelPage {
  protection: number;
  value: number;
}

const PAGES = LIMIT / PAGE;

class Model {
  readonly pages: (ModelPage | null)[] = new Array(PAGES).fill(null);
  breakPage = HEAP / PAGE;

  free(from: number, count: number): boolean {
    return from >= 1 && from + count <= PAGES && this.pages.slice(from, from + count).every((page) => page === null);
  }

  gap(count: number): number {
    for (let k = BASE / PAGE; k + count <= PAGES; k++) if (this.free(k, count)) return k;
    for (let k = this.breakPage; k + count <= PAGES; k++) if (this.free(k, count)) return k;
    return -1;
  }

  set(from: number, count: number, page: () => ModelPage | null): void {
    for (let k = from; k < from + count; k++) this.pages[k] = page();
  }
}

const protectionOf = fc.constantFrom(0, PROT_READ, READ_WRITE, PROT_READ | PROT_EXEC);
const pageOf = fc.integer({ min: 1, max: PAGES - 1 });
const countOf = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 90 }));
const stepOf = fc.record({
  kind: fc.constantFrom("map", "hint", "fixed", "unmap", "protect", "brk", "remap", "remapFixed", "forget", "write"),
  page: pageOf,
  other: pageOf,
  count: countOf,
  otherCount: countOf,
  protection: protectionOf,
});
type Step = typeof stepOf extends fc.Arbitrary<infer T> ? T : never;

function apply(space: AddressSpace, model: Model, step: Step, value: number): void {
  const { kind, page, other, protection } = step;
  const count = Math.min(step.count, PAGES - page);
  const fresh = (): ModelPage => ({ protection, value: 0 });
  const [address, length] = [page * PAGE, count * PAGE];
  switch (kind) {
    case "map":
    case "hint": {
      const isFree = kind === "hint" && model.free(page, count);
      const at = isFree ? page : model.gap(count);
      const result = map(space, length, protection, kind === "hint" ? address : 0);
      assert.equal(result, at < 0 ? -ENOMEM : at * PAGE);
      if (at >= 0) model.set(at, count, fresh);
      return;
    }
    case "fixed":
      assert.equal(map(space, length, protection, address, MAP_FIXED), address);
      model.set(page, count, fresh);
      return;
    case "unmap":
      assert.equal(space.unmap(address, length), 0);
      model.set(page, count, () => null);
      return;
    case "protect": {
      let k = page;
      for (; k < page + count; k++) {
        const there = model.pages[k];
        if (there === null || there === undefined) break;
        there.protection = protection;
      }
      assert.equal(space.protect(address, length, protection), k < page + count ? -ENOMEM : 0);
      return;
    }
    case "brk": {
      const wish = HEAP / PAGE + step.count;
      const isFree = wish <= model.breakPage || model.free(model.breakPage, wish - model.breakPage);
      const result = space.moveBreak(wish * PAGE);
      assert.equal(result, (isFree ? wish : model.breakPage) * PAGE);
      if (!isFree) return;
      if (wish < model.breakPage) model.set(wish, model.breakPage - wish, () => null);
      else model.set(model.breakPage, wish - model.breakPage, () => ({ protection: READ_WRITE, value: 0 }));
      model.breakPage = wish;
      return;
    }
    case "forget": {
      const isWhole = model.pages.slice(page, page + count).every((there) => there !== null);
      assert.equal(advise(space, address, length, MADV_DONTNEED), isWhole ? 0 : -ENOMEM);
      for (const there of model.pages.slice(page, page + count)) if (there !== null) there.value = 0;
      return;
    }
    case "write":
      for (let k = page; k < page + count; k++) {
        const there = model.pages[k];
        if (!there || (there.protection & PROT_WRITE) === 0) continue;
        there.value = value;
        space.memory.bytes.fill(value, k * PAGE, k * PAGE + PAGE);
      }
      return;
    case "remap":
    case "remapFixed":
      remapBoth(space, model, step, count, kind === "remapFixed" ? Math.min(other, PAGES - step.otherCount) : 0);
  }
}

/** Whether `count` pages from `page` lie in one area of the space: what Linux asks is about areas, which the model does not have. */
function inOneArea(space: AddressSpace, page: number, count: number): boolean {
  const area = space.list.find(page * PAGE);
  return area !== null && area.end >= (page + count) * PAGE;
}

function remapBoth(space: AddressSpace, model: Model, step: Step, count: number, target: number): void {
  const { page, otherCount } = step;
  const flags = MREMAP_MAYMOVE | (target > 0 ? MREMAP_FIXED : 0);
  const isWhole = inOneArea(space, page, Math.min(count, target > 0 ? otherCount : count));
  const old = model.pages.slice(page, page + count);
  const first = old[0] as ModelPage | null;
  const endsArea = space.list.find(page * PAGE)?.end === (page + count) * PAGE;
  const result = remap(space, page * PAGE, count * PAGE, otherCount * PAGE, flags, target * PAGE);
  if (target > 0 && page + count > target && target + otherCount > page) {
    assert.equal(result, -EINVAL);
    return;
  }
  if (first === null) {
    assert.equal(result, -EFAULT);
    return;
  }
  if (target > 0 && count === otherCount) {
    // Without a change of size, areas move with the holes between them.
    assert.equal(result, target * PAGE);
    for (const [k, there] of old.entries()) {
      if (there === null) continue;
      model.pages[target + k] = there;
      model.pages[page + k] = null;
    }
    return;
  }
  if (target === 0 && otherCount <= count) {
    assert.equal(result, page * PAGE);
    for (let k = page + otherCount; k < page + count; k++) model.pages[k] = null;
    return;
  }
  if (!isWhole) {
    assert.equal(result, -EFAULT);
    return;
  }
  if (target > 0) model.set(target, otherCount, () => null);
  for (let k = page + otherCount; k < page + count; k++) model.pages[k] = null;
  const fresh = (): ModelPage => ({ protection: first.protection, value: 0 });
  if (target === 0 && endsArea && model.free(page + count, otherCount - count)) {
    assert.equal(result, page * PAGE);
    model.set(page + count, otherCount - count, fresh);
    return;
  }
  const at = target > 0 ? target : model.gap(otherCount);
  assert.equal(result, at < 0 ? -ENOMEM : at * PAGE);
  if (at < 0) return;
  const kept = Math.min(count, otherCount);
  model.set(page, kept, () => null);
  for (let k = 0; k < otherCount; k++) model.pages[at + k] = k < kept ? (old[k] as ModelPage) : fresh();
}

test("areas and bytes are those of a plain table of pages", () => {
  fc.assert(
    fc.property(fc.array(stepOf, { maxLength: 60 }), (steps) => {
      const space = makeSpace();
      const model = new Model();
      for (const [index, step] of steps.entries()) {
        apply(space, model, step, (index % 255) + 1);
        check(space, model);
      }
    }),
    { numRuns: 300 },
  );
});

function check(space: AddressSpace, model: Model): void {
  const protections: (number | null)[] = new Array(PAGES).fill(null);
  let populated = 0;
  let previous: { end: number } = { end: 0 };
  for (const area of space.areas()) {
    assert.ok(area.start >= previous.end && area.end > area.start && area.end <= LIMIT, "sorted, apart, within");
    protections.fill(area.protection, area.start / PAGE, area.end / PAGE);
    if (area.isPopulated) populated += area.byteLength;
    previous = area;
  }
  assert.deepEqual(
    protections,
    model.pages.map((page) => (page === null ? null : page.protection)),
  );
  assert.equal(space.populatedBytes, populated);
  const { bytes } = space.memory;
  for (const [k, page] of model.pages.entries()) {
    if (page === null || page.protection === 0) continue;
    assert.equal(bytes[k * PAGE], page.value, `first byte of page ${k}`);
    assert.equal(bytes[k * PAGE + PAGE - 1], page.value, `last byte of page ${k}`);
  }
}
