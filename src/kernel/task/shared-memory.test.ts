import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { EACCES, ENOMEM } from "../../abi/errno.ts";
import { O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../abi/file.ts";
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_MAYMOVE,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";
import { MountTable } from "../vfs/mount-table.ts";
import { openPath } from "../vfs/open-path.ts";
import { RegularFile } from "../vfs/vfs-file.ts";
import { AddressSpace } from "./address-space.ts";
import { advise, remap } from "./address-space-changes.ts";
import { forkAddressSpace } from "./fork-memory.ts";
import { MemoryAccount } from "./memory-account.ts";
import { MachineMemory } from "./user-memory.ts";

const PAGE = 4096;
const BASE = 64 * PAGE;
const LIMIT = 256 * PAGE;
const READ_WRITE = PROT_READ | PROT_WRITE;

function makeSpace(account: MemoryAccount = new MemoryAccount()): AddressSpace {
  return new AddressSpace(new MachineMemory(0, LIMIT), {
    heapStart: 16 * PAGE,
    mapBase: BASE,
    mapLimit: LIMIT,
    account,
  });
}

function fork(parent: AddressSpace, previous: AddressSpace | null = null): AddressSpace {
  const into = previous?.memory ?? new MachineMemory(0, LIMIT);
  const child = forkAddressSpace(parent, into, { stackPointer: 0, previous });
  assert.ok(typeof child !== "number");
  return child;
}

function mapShared(space: AddressSpace, pages: number): number {
  const flags = MAP_SHARED | MAP_ANONYMOUS;
  return space.map({ address: 0, byteLength: pages * PAGE, protection: READ_WRITE, flags, file: null, offset: 0 });
}

/** A process's turn: it sees and writes its memory. */
function turn<T>(space: AddressSpace, run: (bytes: Uint8Array) => T): T {
  space.enter();
  return run(space.memory.bytes);
}

class Files {
  readonly context: FileSystemContext = new MountTable(new MemFs({ clock: new VirtualClock() })).rootContext();

  open(flags: number = O_RDWR): RegularFile {
    const file = openPath(this.context, "/file", flags | O_CREAT, 0o644);
    assert.ok(file instanceof RegularFile);
    return file.retain();
  }

  write(text: string, position: number): void {
    const file = this.open(O_WRONLY);
    const bytes = new TextEncoder().encode(text);
    assert.equal(file.writeAt(bytes, 0, bytes.length, position), bytes.length);
    file.drop();
  }

  read(length = 100): string {
    const file = this.open(O_RDONLY);
    const bytes = new Uint8Array(length);
    const count = file.readAt(bytes, 0, length, 0);
    file.drop();
    return new TextDecoder().decode(bytes.subarray(0, count));
  }
}

function mapFile(
  space: AddressSpace,
  file: RegularFile,
  pages: number,
  protection = READ_WRITE,
  flags = MAP_SHARED,
  offset = 0,
): number {
  return space.map({ address: 0, byteLength: pages * PAGE, protection, flags, file, offset });
}

function textAt(bytes: Uint8Array, address: number, length: number): string {
  return new TextDecoder().decode(bytes.slice(address, address + length));
}

function put(bytes: Uint8Array, address: number, text: string): void {
  bytes.set(new TextEncoder().encode(text), address);
}

test("parent and children see each other's writes to anonymous shared memory", () => {
  const parent = makeSpace();
  const a = mapShared(parent, 3);
  turn(parent, (bytes) => put(bytes, a, "one"));
  const child = fork(parent);
  const other = fork(parent);
  assert.equal(
    turn(child, (bytes) => textAt(bytes, a, 3)),
    "one",
  );
  turn(child, (bytes) => put(bytes, a + 2 * PAGE, "two"));
  assert.equal(
    turn(other, (bytes) => textAt(bytes, a + 2 * PAGE, 3)),
    "two",
  );
  turn(other, (bytes) => put(bytes, a, "ONE"));
  assert.equal(
    turn(parent, (bytes) => textAt(bytes, a, 3) + textAt(bytes, a + 2 * PAGE, 3)),
    "ONEtwo",
  );
  // A child's last writes stay when it has gone, and a memory used again gets what is shared as well.
  turn(child, (bytes) => put(bytes, a, "end"));
  child.release();
  assert.equal(
    turn(parent, (bytes) => textAt(bytes, a, 3)),
    "end",
  );
  assert.equal(
    turn(fork(parent, child), (bytes) => textAt(bytes, a, 3)),
    "end",
  );
});

test("with one process left there is nothing to exchange", () => {
  const account = new MemoryAccount();
  const parent = makeSpace(account);
  const a = mapShared(parent, 4);
  assert.equal(account.usedBytes, 4 * PAGE);
  const child = fork(parent);
  assert.equal(account.usedBytes, 12 * PAGE, "two copies and what is published");
  child.release();
  parent.unmap(a, 4 * PAGE);
  assert.equal(account.usedBytes, 4 * PAGE);
  parent.release();
  assert.equal(account.usedBytes, 0);
  const poor = makeSpace(new MemoryAccount(9 * PAGE));
  mapShared(poor, 4);
  const into = new MachineMemory(0, LIMIT);
  assert.ok(forkAddressSpace(poor, into, { stackPointer: 0 }) === -ENOMEM);
});

test("a shared mapping that was reserved first, then made accessible, then moved", () => {
  const parent = makeSpace();
  const a = parent.map({
    address: 0,
    byteLength: 4 * PAGE,
    protection: 0,
    flags: MAP_SHARED | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  parent.protect(a, 2 * PAGE, READ_WRITE);
  const child = fork(parent);
  turn(parent, (bytes) => put(bytes, a + PAGE, "p"));
  const moved = remap(child, a, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 2, a + 20 * PAGE);
  assert.equal(
    turn(child, (bytes) => textAt(bytes, moved + PAGE, 1)),
    "p",
  );
  turn(child, (bytes) => put(bytes, moved, "c"));
  assert.equal(
    turn(parent, (bytes) => textAt(bytes, a, 1)),
    "c",
  );
  // The rest of the reservation, in both.
  parent.protect(a + 2 * PAGE, 2 * PAGE, READ_WRITE);
  advise(parent, a, 4 * PAGE, MADV_DONTNEED);
  assert.equal(
    turn(parent, (bytes) => textAt(bytes, a, 1)),
    "c",
    "what is shared cannot be forgotten by one",
  );
});

test("an object mapped twice by one process is equal to itself from call to call", () => {
  const space = makeSpace();
  const a = mapShared(space, 2);
  turn(space, (bytes) => put(bytes, a, "first"));
  const b = remap(space, a, 0, 2 * PAGE, MREMAP_MAYMOVE, 0);
  assert.ok(b > 0 && b !== a);
  assert.equal(
    turn(space, (bytes) => textAt(bytes, b, 5)),
    "first",
  );
  turn(space, (bytes) => put(bytes, b, "other"));
  assert.equal(
    turn(space, (bytes) => textAt(bytes, a, 5)),
    "other",
  );
});

test("writes to a mapping of a file show in reads, and writes to the file in mappings", () => {
  const files = new Files();
  files.write("hello, world", 0);
  const file = files.open();
  const one = makeSpace();
  const two = makeSpace();
  const a = mapFile(one, file, 1);
  const b = mapFile(two, file, 1);
  file.drop();
  turn(one, (bytes) => put(bytes, a, "HELLO"));
  assert.equal(files.read(), "HELLO, world");
  assert.equal(
    turn(two, (bytes) => textAt(bytes, b, 12)),
    "HELLO, world",
  );
  files.write("W", 7);
  turn(two, (bytes) => put(bytes, b + 8, "ORLD and what lies behind the end"));
  assert.equal(
    turn(one, (bytes) => textAt(bytes, a, 12)),
    "HELLO, WORLD",
  );
  assert.equal(files.read(), "HELLO, WORLD");
  files.open(O_RDWR | O_TRUNC).drop();
  assert.equal(
    turn(one, (bytes) => textAt(bytes, a, 5)),
    "\0\0\0\0\0",
  );
  files.write("new and longer", 0);
  assert.equal(
    turn(two, (bytes) => textAt(bytes, b, 14)),
    "new and longer",
  );
});

test("what was written reaches the file when it is unmapped, synchronized, or its process ends", () => {
  const files = new Files();
  files.write("0123456789", 0);
  const space = makeSpace();
  const map = (): number => {
    const file = files.open(O_RDWR | O_APPEND);
    const address = mapFile(space, file, 2);
    file.drop();
    return address;
  };
  let address = map();
  turn(space, (bytes) => put(bytes, address, "A"));
  assert.equal(space.synchronize(address, address + PAGE), 0);
  turn(space, (bytes) => put(bytes, address + 1, "B"));
  space.unmap(address, PAGE);
  assert.equal(files.read(), "AB23456789");
  space.unmap(address, 2 * PAGE);
  const node = files.open();
  assert.equal(node.node.inode.mapping, null);
  address = map();
  turn(space, (bytes) => put(bytes, address + 2, "C"));
  space.release();
  assert.equal(node.node.inode.mapping, null);
  assert.equal(files.read(), "ABC3456789");
  node.drop();
});

test("a file open for reading can be mapped shared, but never written so", () => {
  const files = new Files();
  files.write("text", 0);
  const file = files.open(O_RDONLY);
  const space = makeSpace();
  assert.equal(mapFile(space, file, 1), -EACCES);
  const a = mapFile(space, file, 1, PROT_READ);
  assert.equal(space.protect(a, PAGE, READ_WRITE), -EACCES);
  files.write("T", 0);
  assert.equal(
    turn(space, (bytes) => textAt(bytes, a, 4)),
    "Text",
  );
  const writer = files.open(O_WRONLY);
  assert.equal(mapFile(space, writer, 1, PROT_READ), -EACCES);
});

test("private mappings keep what they were mapped with, and get it back when they forget", () => {
  const files = new Files();
  files.write("text", 0);
  const file = files.open();
  const space = makeSpace();
  const a = mapFile(space, file, 2, READ_WRITE, MAP_PRIVATE);
  space.memory.bytes[a] = 88;
  space.memory.bytes[a + PAGE] = 88;
  files.write("T", 0);
  assert.equal(textAt(space.memory.bytes, a, 4), "Xext");
  assert.equal(files.read(), "Text");
  advise(space, a, 2 * PAGE, MADV_DONTNEED);
  assert.equal(textAt(space.memory.bytes, a, 4), "Text");
  assert.equal(space.memory.bytes[a + PAGE], 0);
});

test("processes and files agree, whoever writes", () => {
  const PAGES = 4;
  const step = fc.record({
    kind: fc.constantFrom("store", "store", "write", "map", "unmap", "fork", "end", "sync"),
    who: fc.nat(3),
    page: fc.nat(PAGES - 1),
    byte: fc.nat(PAGE - 1),
    isFile: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const files = new Files();
      const file = files.open();
      file.truncate(PAGES * PAGE);
      const model = new Uint8Array(PAGES * PAGE);
      const anonymousModel = new Uint8Array(PAGES * PAGE);
      const first = makeSpace();
      const anonymous = mapShared(first, PAGES);
      const at = anonymous + 64 * PAGE;
      const spaces = [first];
      const mapAt = (space: AddressSpace, page: number, pages: number): void => {
        const address = at + page * PAGE;
        const flags = MAP_SHARED | 0x10;
        const request = { address, byteLength: pages * PAGE, protection: READ_WRITE, flags, file, offset: page * PAGE };
        assert.equal(space.map(request), address);
      };
      mapAt(first, 0, PAGES);
      for (const [index, { kind, who, page, byte, isFile }] of steps.entries()) {
        const space = spaces[who % spaces.length] as AddressSpace;
        const value = (index % 250) + 1;
        const position = page * PAGE + byte;
        space.enter();
        const { bytes } = space.memory;
        if (kind === "store" && isFile && space.isMapped(at + position, 1))
          bytes[at + position] = model[position] = value;
        else if (kind === "store") bytes[anonymous + position] = anonymousModel[position] = value;
        else if (kind === "write") {
          file.writeAt(new Uint8Array([value]), 0, 1, position);
          model[position] = value;
        } else if (kind === "map") mapAt(space, page, 1);
        else if (kind === "unmap") space.unmap(at + page * PAGE, PAGE);
        else if (kind === "sync") space.synchronize(at, at + PAGES * PAGE);
        else if (kind === "fork" && spaces.length < 4) spaces.push(fork(space));
        else if (kind === "end" && spaces.length > 1) {
          space.release();
          spaces.splice(spaces.indexOf(space), 1);
        }
        const reader = spaces[(who + 1) % spaces.length] as AddressSpace;
        reader.enter();
        const seen = reader.memory.bytes;
        assert.equal(seen[anonymous + position], anonymousModel[position]);
        if (reader.isMapped(at + position, 1)) assert.equal(seen[at + position], model[position]);
        if (index % 8 !== 0) continue;
        const contents = new Uint8Array(PAGES * PAGE);
        file.readAt(contents, 0, contents.length, 0);
        assert.ok(contents.every((there, k) => there === model[k]));
      }
      for (const space of spaces) space.release();
      const contents = new Uint8Array(PAGES * PAGE);
      file.readAt(contents, 0, contents.length, 0);
      assert.ok(contents.every((there, k) => there === model[k]));
      assert.equal(file.node.inode.mapping, null);
    }),
    { numRuns: 100 },
  );
});
