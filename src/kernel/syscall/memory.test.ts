import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EBADF, EEXIST, EFAULT, EINVAL, ENODEV, ENOMEM, EPERM } from "../../abi/errno.ts";
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_SYNC,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import { TestKernel } from "./calls.fixture.ts";

const BRK = 214;
const MUNMAP = 215;
const MREMAP = 216;
const MMAP = 222;
const MPROTECT = 226;
const MSYNC = 227;
const MLOCK = 228;
const MUNLOCK = 229;
const MLOCKALL = 230;
const MINCORE = 232;
const MLOCK2 = 284;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;
const READ_WRITE = PROT_READ | PROT_WRITE;
/** As the fixture makes them. */
const START = 0x4_0000;
const LIMIT = 0x20_0000;

test("brk moves the end of the heap within bounds, and gives zeroed memory", () => {
  const program = new TestKernel().spawn();
  assert.equal(program.call(BRK, 0), START);
  assert.equal(program.call(BRK, START + 5000), START + 5000);
  assert.ok(program.memory.isValid(START, 5000));
  program.memory.bytes.fill(9, START, START + 5000);
  assert.equal(program.call(BRK, START + 10), START + 10);
  assert.equal(program.call(BRK, START - 1), START + 10);
  assert.equal(program.call(BRK, LIMIT + 1), START + 10);
  assert.equal(program.call(BRK, LIMIT), LIMIT);
  // The page that the break lies in stays as it is; those behind it are given back.
  assert.deepEqual([...program.memory.bytes.slice(START + 4094, START + 4098)], [9, 9, 0, 0]);
});

test("mmap hands out zeroed pages above the heap, and takes them back", () => {
  const program = new TestKernel().spawn();
  const a = program.call(MMAP, 0, 5000, READ_WRITE, ANONYMOUS, -1, 0);
  assert.ok(a > START && a % 4096 === 0);
  program.memory.bytes.fill(7, a, a + 8192);
  const b = program.call(MMAP, 0, 4096, READ_WRITE, ANONYMOUS, -1, 0);
  assert.equal(b, a + 8192);
  assert.equal(program.call(MUNMAP, a, 5000), 0);
  assert.equal(program.call(MMAP, 0, 8192, READ_WRITE, ANONYMOUS, -1, 0), a);
  assert.ok(program.memory.bytes.slice(a, a + 8192).every((byte) => byte === 0));
  // The heap does not grow into mappings.
  assert.equal(program.call(BRK, a + 1), START);
  assert.equal(program.call(BRK, a), a);
});

test("fixed addresses", () => {
  const program = new TestKernel().spawn();
  const a = program.call(MMAP, 0, 8192, READ_WRITE, ANONYMOUS, -1, 0);
  program.memory.bytes.fill(7, a, a + 8192);
  assert.equal(program.call(MMAP, a + 4096, 4096, READ_WRITE, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST);
  assert.equal(program.call(MMAP, a + 4096, 4096, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), a + 4096);
  assert.equal(program.memory.bytes[a + 4095], 7);
  assert.equal(program.memory.bytes[a + 4096], 0);
  assert.equal(program.call(MMAP, a + 1, 4096, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -EINVAL);
  assert.equal(program.call(MMAP, LIMIT, 4096, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -ENOMEM);
  assert.equal(program.call(MMAP, 0, 4096, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0), -EPERM);
});

test("mremap grows in place or moves", () => {
  const program = new TestKernel().spawn();
  const a = program.call(MMAP, 0, 4096, READ_WRITE, ANONYMOUS, -1, 0);
  program.memory.bytes.fill(5, a, a + 4096);
  assert.equal(program.call(MREMAP, a, 4096, 8192, 0), a);
  const b = program.call(MMAP, 0, 4096, READ_WRITE, ANONYMOUS, -1, 0);
  assert.equal(b, a + 8192);
  assert.equal(program.call(MREMAP, a, 8192, 12_288, 0), -ENOMEM);
  const moved = program.call(MREMAP, a, 8192, 12_288, MREMAP_MAYMOVE);
  assert.equal(moved, b + 4096);
  assert.deepEqual([program.memory.bytes[moved + 4095], program.memory.bytes[moved + 4096]], [5, 0]);
  assert.equal(program.call(MREMAP, moved, 12_288, 4096, 0), moved);
  assert.equal(program.call(MMAP, 0, 8192, READ_WRITE, ANONYMOUS, -1, 0), a);
});

test("errors", () => {
  const program = new TestKernel().spawn();
  const [readFd] = program.pipe();
  assert.equal(program.call(MMAP, 0, 0, READ_WRITE, ANONYMOUS, -1, 0), -EINVAL);
  assert.equal(program.call(MMAP, 0, -5, READ_WRITE, ANONYMOUS, -1, 0), -ENOMEM);
  assert.equal(program.call(MMAP, 0, 4096, READ_WRITE, MAP_ANONYMOUS, -1, 0), -EINVAL);
  assert.equal(program.call(MMAP, 0, 4096, READ_WRITE, ANONYMOUS, -1, 5), -EINVAL);
  assert.equal(program.call(MMAP, 0, LIMIT, READ_WRITE, ANONYMOUS, -1, 0), -ENOMEM);
  assert.equal(program.call(MMAP, 0, 4096, PROT_READ, MAP_PRIVATE, 99, 0), -EBADF);
  assert.equal(program.call(MMAP, 0, 4096, PROT_READ, MAP_PRIVATE, readFd, 0), -ENODEV);
  assert.equal(program.call(MUNMAP, 1, 4096), -EINVAL);
  assert.equal(program.call(MUNMAP, 0x10_0000, 4096), 0);
  assert.equal(program.call(226, START, 4096, 0), -ENOMEM);
  assert.equal(program.call(226, 0x2000, 4096, 0), 0);
  const akuma = new TestKernel().spawn(null, "akuma");
  assert.equal(akuma.call(MMAP, 0, LIMIT, READ_WRITE, ANONYMOUS, -1, 0), -1);
  assert.equal(akuma.call(3, 0), START);
});

test("madvise(MADV_DONTNEED) zeroes", () => {
  const program = new TestKernel().spawn();
  const a = program.call(MMAP, 0, 8192, READ_WRITE, ANONYMOUS, -1, 0);
  program.memory.bytes.fill(5, a, a + 8192);
  assert.equal(program.call(233, a, 4096, MADV_DONTNEED), 0);
  assert.deepEqual([program.memory.bytes[a], program.memory.bytes[a + 4096]], [0, 5]);
  assert.equal(program.call(233, a + 8192, 4096, MADV_DONTNEED), -ENOMEM);
});

test("calls that nothing comes of look at their ranges all the same", () => {
  const program = new TestKernel().spawn();
  const a = program.call(MMAP, 0, 3 * 4096, READ_WRITE, ANONYMOUS, -1, 0);
  program.call(MUNMAP, a + 4096, 4096);
  program.call(MPROTECT, a + 8192, 4096, 0);
  assert.equal(program.call(MSYNC, a, 4096, MS_SYNC), 0);
  assert.equal(program.call(MSYNC, a, 8192, MS_SYNC), -ENOMEM);
  assert.equal(program.call(MSYNC, a, 4096, MS_SYNC | MS_ASYNC), -EINVAL);
  assert.equal(program.call(MLOCK, a + 5, 4000), 0);
  assert.equal(program.call(MLOCK, a, 8192), -ENOMEM);
  assert.equal(program.call(MLOCK, a + 8192, 4096), -ENOMEM);
  assert.equal(program.call(MUNLOCK, a + 8192, 4096), 0);
  assert.equal(program.call(MLOCK2, a, 4096, 2), -EINVAL);
  assert.equal(program.call(MLOCKALL, 0), -EINVAL);
  assert.equal(program.call(MLOCKALL, 1), 0);
  const vector = program.put("\0\0\0");
  assert.equal(program.call(MINCORE, a, 4096, vector), 0);
  assert.deepEqual([...program.memory.bytes.slice(vector, vector + 2)], [1, 0]);
  assert.equal(program.call(MINCORE, a, 8192, vector), -ENOMEM);
  assert.equal(program.call(MINCORE, a, 4096, 8), -EFAULT);
  assert.equal(program.call(MINCORE, a + 1, 4096, vector), -EINVAL);
});

test("mprotect tells wrong ranges from wrong protections", () => {
  const program = new TestKernel().spawn();
  const a = program.call(MMAP, 0, 8192, READ_WRITE, ANONYMOUS, -1, 0);
  assert.equal(program.call(MPROTECT, a + 1, 4096, PROT_READ), -EINVAL);
  assert.equal(program.call(MPROTECT, a, -4096, 0x40), -ENOMEM);
  assert.equal(program.call(MPROTECT, a, 4096, 0x40), -EINVAL);
  assert.equal(program.call(MPROTECT, a, 0, PROT_READ), 0);
  assert.equal(program.call(MPROTECT, a + 4096, 8192, PROT_READ), -ENOMEM);
  // What lies before the hole was changed.
  assert.ok(!program.process.addressSpace.isAccessible(a + 4096, 4096, PROT_WRITE));
});

test("mappings never overlap each other or the heap", () => {
  const step = fc.record({
    kind: fc.constantFrom("map", "unmap", "brk", "remap"),
    pages: fc.integer({ min: 1, max: 40 }),
    which: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const program = new TestKernel().spawn();
      const heldBefore = program.process.addressSpace.mappedBytes;
      const live: { start: number; length: number }[] = [];
      let heapEnd = START;
      for (const { kind, pages, which } of steps) {
        const length = pages * 4096;
        const chosen = live[which % Math.max(1, live.length)];
        if (kind === "map") {
          const start = program.call(MMAP, 0, length, READ_WRITE, ANONYMOUS, -1, 0);
          if (start >= 0) live.push({ start, length });
        } else if (kind === "brk") heapEnd = program.call(BRK, START + length);
        else if (chosen === undefined) continue;
        else if (kind === "unmap") {
          program.call(MUNMAP, chosen.start, chosen.length);
          live.splice(live.indexOf(chosen), 1);
        } else {
          const start = program.call(MREMAP, chosen.start, chosen.length, length, MREMAP_MAYMOVE);
          if (start >= 0) Object.assign(chosen, { start, length });
        }
        const sorted = [...live].sort((x, y) => x.start - y.start);
        let at = heapEnd;
        for (const mapping of sorted) {
          assert.ok(mapping.start >= at, "overlap");
          at = mapping.start + mapping.length;
        }
        assert.ok(at <= LIMIT);
        assert.equal(
          program.process.addressSpace.mappedBytes,
          heldBefore + heapEnd - START + live.reduce((sum, m) => sum + m.length, 0),
        );
      }
    }),
    { numRuns: 100 },
  );
});
