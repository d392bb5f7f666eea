import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ENOMEM } from "../../abi/errno.ts";
import {
  MADV_DONTFORK,
  MADV_WIPEONFORK,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import { AddressSpace } from "./address-space.ts";
import { advise } from "./address-space-changes.ts";
import { STACK_NAME } from "./area.ts";
import { BytesFile } from "./bytes-file.fixture.ts";
import { forkAddressSpace } from "./fork-memory.ts";
import { MemoryAccount } from "./memory-account.ts";
import { MachineMemory } from "./user-memory.ts";

const PAGE = 4096;
const IMAGE = 16 * PAGE;
const HEAP = 32 * PAGE;
const BASE = 64 * PAGE;
const STACK_TOP = 512 * PAGE;
const LIMIT = STACK_TOP;
const READ_WRITE = PROT_READ | PROT_WRITE;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

function makeParent(account: MemoryAccount = new MemoryAccount()): AddressSpace {
  const memory = new MachineMemory(0, LIMIT);
  return new AddressSpace(memory, { heapStart: HEAP, mapBase: BASE, mapLimit: LIMIT, account });
}

function map(
  space: AddressSpace,
  address: number,
  pages: number,
  protection = READ_WRITE,
  flags = 0,
  name = "",
): number {
  const fixed = address === 0 ? 0 : MAP_FIXED;
  const byteLength = pages * PAGE;
  return space.map({ address, byteLength, protection, flags: ANONYMOUS | fixed | flags, file: null, offset: 0, name });
}

function fork(parent: AddressSpace, previous: AddressSpace | null = null, stackPointer = 0): AddressSpace {
  const into = previous === null ? new MachineMemory(0, LIMIT) : previous.memory;
  const child = forkAddressSpace(parent, into, { stackPointer, previous });
  assert.ok(typeof child !== "number");
  return child;
}

/** The first byte of each page from `address` on. */
function firstBytes(space: AddressSpace, address: number, pages: number): number[] {
  return Array.from({ length: pages }, (_, page) => space.memory.bytes[address + page * PAGE] as number);
}

test("a child has what its parent had, and its own from then on", () => {
  const parent = makeParent();
  parent.moveBreak(HEAP + 3 * PAGE);
  const a = map(parent, 0, 2);
  const reserved = map(parent, 0, 100, 0);
  parent.memory.bytes.fill(5, HEAP, HEAP + 3 * PAGE);
  parent.memory.bytes.fill(6, a, a + PAGE);
  const child = fork(parent);
  assert.deepEqual(firstBytes(child, HEAP, 3), [5, 5, 5]);
  assert.deepEqual(firstBytes(child, a, 2), [6, 0]);
  assert.equal(child.heapEnd, HEAP + 3 * PAGE);
  assert.deepEqual(
    child.areas().map(({ start, end, name }) => ({ start, end, name })),
    parent.areas().map(({ start, end, name }) => ({ start, end, name })),
  );
  assert.equal(child.populatedBytes, 5 * PAGE);
  assert.ok(child.memory.byteLength < LIMIT, "nothing was made of the reservation");
  child.memory.bytes[a] = 9;
  child.unmap(reserved, 100 * PAGE);
  assert.equal(parent.memory.bytes[a], 6);
  assert.ok(parent.isMapped(reserved, 100 * PAGE));
});

test("of the stack the child gets what is in use", () => {
  const parent = makeParent();
  const stack = map(parent, STACK_TOP - 64 * PAGE, 64, READ_WRITE, MAP_GROWSDOWN, STACK_NAME);
  parent.memory.bytes.fill(7, stack, STACK_TOP);
  const child = fork(parent, null, STACK_TOP - 3 * PAGE + 16);
  assert.deepEqual(firstBytes(child, STACK_TOP - 4 * PAGE, 4), [0, 7, 7, 7]);
  // What a child before it left below is not shown to the next.
  child.memory.bytes.fill(8, stack, STACK_TOP);
  child.release();
  const next = fork(parent, child, STACK_TOP - PAGE);
  assert.ok(next.memory.bytes.subarray(stack, STACK_TOP - PAGE).every((byte) => byte === 0));
  assert.equal(next.memory.bytes[STACK_TOP - PAGE], 7);
});

test("pages of a file that neither could write are not copied again", () => {
  const file = new BytesFile(new Uint8Array(8 * PAGE).fill(1));
  const parent = makeParent();
  const flags = MAP_PRIVATE | MAP_FIXED;
  const text = { address: IMAGE, byteLength: 4 * PAGE, protection: PROT_READ | PROT_EXEC, flags, file, offset: 0 };
  parent.map(text);
  parent.map({ ...text, address: IMAGE + 4 * PAGE, offset: 4 * PAGE });
  const data = { ...text, address: IMAGE + 8 * PAGE, byteLength: PAGE, protection: READ_WRITE };
  parent.map(data);
  const first = fork(parent);
  // A mark where no write could have gone, by which a copy would be seen.
  first.memory.bytes[IMAGE] = 99;
  first.memory.bytes[IMAGE + 8 * PAGE] = 98;
  first.release();
  const second = fork(parent, first);
  assert.deepEqual(firstBytes(second, IMAGE, 9), [99, 1, 1, 1, 1, 1, 1, 1, 1]);
  // Once it could be written, it is copied.
  assert.equal(second.protect(IMAGE, 8 * PAGE, READ_WRITE), 0);
  second.release();
  const third = fork(parent, second);
  assert.equal(third.memory.bytes[IMAGE], 1);
  third.memory.bytes[IMAGE] = 99;
  third.release();
  // The same file mapped anew is another mapping.
  parent.map(text);
  assert.equal(fork(parent, third).memory.bytes[IMAGE], 1);
});

test("advice about fork", () => {
  const parent = makeParent();
  const a = map(parent, 0, 3);
  parent.memory.bytes.fill(4, a, a + 3 * PAGE);
  advise(parent, a, PAGE, MADV_DONTFORK);
  advise(parent, a + PAGE, PAGE, MADV_WIPEONFORK);
  const child = fork(parent);
  assert.ok(!child.isMapped(a, PAGE));
  assert.deepEqual(firstBytes(child, a + PAGE, 2), [0, 4]);
  assert.deepEqual(firstBytes(parent, a, 3), [4, 4, 4]);
});

test("a fork that the account or the memory has no room for is ENOMEM", () => {
  const account = new MemoryAccount(5 * PAGE);
  const parent = makeParent(account);
  map(parent, 0, 3);
  const into = new MachineMemory(0, LIMIT);
  // Compared first: an assertion would print the memory.
  assert.ok(forkAddressSpace(parent, into, { stackPointer: 0 }) === -ENOMEM);
  assert.equal(account.usedBytes, 3 * PAGE);
  parent.unmap(BASE, 2 * PAGE);
  const child = forkAddressSpace(parent, into, { stackPointer: 0 });
  assert.ok(typeof child !== "number");
  assert.equal(account.usedBytes, 4 * PAGE);
  child.release();
  assert.equal(account.usedBytes, 3 * PAGE);
  assert.ok(forkAddressSpace(parent, new MachineMemory(0, BASE), { stackPointer: 0 }) === -ENOMEM);
});

test("children in used memories are as those in new ones", () => {
  const step = fc.record({
    kind: fc.constantFrom("map", "unmap", "protect", "write", "fork"),
    who: fc.boolean(),
    page: fc.integer({ min: 0, max: 30 }),
    pages: fc.integer({ min: 1, max: 8 }),
    protection: fc.constantFrom(0, PROT_READ, READ_WRITE),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const parent = makeParent();
      let child = fork(parent);
      for (const [index, { kind, who, page, pages, protection }] of steps.entries()) {
        const space = who ? parent : child;
        const address = BASE + page * PAGE;
        if (kind === "map") map(space, address, pages, protection);
        else if (kind === "unmap") space.unmap(address, pages * PAGE);
        else if (kind === "protect") space.protect(address, pages * PAGE, protection);
        else if (kind === "write") {
          for (let k = 0; k < pages; k++) {
            const at = address + k * PAGE;
            if (space.isAccessible(at, PAGE, PROT_WRITE)) space.memory.bytes.fill((index % 255) + 1, at, at + PAGE);
          }
        } else {
          child.release();
          child = fork(parent, child);
          for (let k = 0; k < 40; k++) {
            const at = BASE + k * PAGE;
            assert.equal(child.isMapped(at, PAGE), parent.isMapped(at, PAGE));
            if (!parent.isAccessible(at, PAGE, PROT_READ)) continue;
            assert.deepEqual(child.memory.bytes.subarray(at, at + PAGE), parent.memory.bytes.subarray(at, at + PAGE));
          }
        }
        // What either gets anew is zero.
        if (kind === "map" && protection !== 0) {
          assert.ok(space.memory.bytes.subarray(address, address + pages * PAGE).every((byte) => byte === 0));
        }
      }
    }),
    { numRuns: 100 },
  );
});
