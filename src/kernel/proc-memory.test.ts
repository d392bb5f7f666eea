import assert from "node:assert/strict";
import { test } from "node:test";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from "../abi/memory.ts";
import {
  argumentsText,
  environmentText,
  mapsText,
  memoryFigures,
  smapsRollupText,
  smapsText,
  statmText,
} from "./proc-memory.ts";
import { statText, statusText } from "./proc-status.ts";
import { TestKernel } from "./syscall/calls.fixture.ts";
import { AddressSpace } from "./task/address-space.ts";
import { STACK_NAME } from "./task/area.ts";
import { BytesFile } from "./task/bytes-file.fixture.ts";
import { forkAddressSpace } from "./task/fork-memory.ts";
import { MachineMemory } from "./task/user-memory.ts";

const PAGE = 4096;
const ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS;

function makeProgram() {
  const program = new TestKernel().spawn();
  const space = new AddressSpace(new MachineMemory(0, 1 << 24), { heapStart: 0x20_0000, mapBase: 0x40_0000 });
  const file = new BytesFile(new Uint8Array(8 * PAGE).fill(1));
  const flags = MAP_PRIVATE | MAP_FIXED;
  const text = { address: 0x10_0000, byteLength: 4 * PAGE, protection: PROT_READ | PROT_EXEC, flags, file, offset: 0 };
  space.map(text);
  space.map({ ...text, address: 0x11_0000, byteLength: PAGE, protection: PROT_READ | PROT_WRITE, offset: 4 * PAGE });
  space.moveBreak(0x20_0000 + 2 * PAGE);
  space.map({ address: 0, byteLength: 16 * PAGE, protection: 0, flags: ANONYMOUS, file: null, offset: 0 });
  const shared = MAP_SHARED | MAP_ANONYMOUS;
  space.map({ address: 0, byteLength: PAGE, protection: PROT_READ | PROT_WRITE, flags: shared, file: null, offset: 0 });
  const stack = { byteLength: 32 * PAGE, protection: PROT_READ | PROT_WRITE, file: null, offset: 0, name: STACK_NAME };
  space.map({ ...stack, address: 0x80_0000 - 32 * PAGE, flags: ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN });
  space.memory.bytes.fill(1, 0x80_0000 - 3 * PAGE, 0x80_0000);
  program.process.addressSpace = space;
  return program;
}

test("cmdline is what lies on the stack, and a title that goes on into the environment ends at its 0", () => {
  const { process } = makeProgram();
  const { addressSpace, memory } = process;
  assert.equal(argumentsText(process), "test\0", "what it was started with, where nothing lies on a stack");
  const argumentStart = 0x80_0000 - 64;
  addressSpace.strings = { argumentStart, argumentEnd: argumentStart + 6, environmentEnd: argumentStart + 20 };
  const place = (text: string): void => memory.bytes.set(new TextEncoder().encode(text), argumentStart);
  place("ab\0cd\0HOME=/\0TERM=a\0");
  assert.equal(argumentsText(process), "ab\0cd\0");
  assert.equal(environmentText(process), "HOME=/\0TERM=a\0");
  place("one title\0");
  assert.equal(argumentsText(process), "one title\0");
  place("a title without any end to it");
  assert.equal(argumentsText(process), "a title without any e".slice(0, 20));
  addressSpace.unmap(0x7e_0000, 0x2_0000);
  assert.equal(argumentsText(process), "");
  assert.equal(environmentText(process), "");
  process.exit(0);
  assert.equal(argumentsText(process), "");
});

test("maps has a line for each area, as proc(5) lays it out", () => {
  const { process } = makeProgram();
  assert.equal(
    mapsText(process),
    [
      "00100000-00104000 r-xp 00000000 00:01 1                                  /bytes",
      "00110000-00111000 rw-p 00004000 00:01 1                                  /bytes",
      "00200000-00202000 rw-p 00000000 00:00 0                                  [heap]",
      "00400000-00410000 ---p 00000000 00:00 0 ",
      "00410000-00411000 rw-s 00000000 00:00 0                                  /dev/zero (deleted)",
      "007e0000-00800000 rw-p 00000000 00:00 0                                  [stack]",
      "",
    ].join("\n"),
  );
  process.exit(0);
  assert.equal(mapsText(process), "");
});

test("sizes count what is mapped, and resident sizes what was accessible, of stacks what is used", () => {
  const { process } = makeProgram();
  const figures = memoryFigures(process);
  assert.equal(figures.mapped, (4 + 1 + 2 + 16 + 1 + 32) * PAGE);
  assert.equal(figures.resident, (4 + 1 + 2 + 1 + 3) * PAGE);
  assert.equal(figures.data, (1 + 2) * PAGE);
  assert.equal(statmText(process), "56 11 5 0 0 35 0\n");
  process.fileSystem.umask = 0;
  const status = statusText(process, process.mainThread);
  assert.match(status, /^VmSize:\t {5}224 kB$/m);
  assert.match(status, /^VmRSS:\t {6}44 kB$/m);
  assert.match(status, /^RssFile:\t {6}16 kB$/m);
  const fields = statText(process, process.mainThread, 0).split(" ");
  assert.deepEqual(fields.slice(22, 24), [String(56 * PAGE), "11"]);
});

test("smaps: what a fork has copied counts as shared, what is new as private", () => {
  const program = makeProgram();
  const { process } = program;
  const heap = (text: string): string => text.slice(text.indexOf("[heap]")).split("VmFlags")[0] as string;
  assert.match(heap(smapsText(process)), /^Private_Dirty: {9}8 kB$/m);
  const child = program.kernel.spawn(program).process;
  const memory = new MachineMemory(0, 1 << 24);
  const space = forkAddressSpace(process.addressSpace, memory, { stackPointer: 0x80_0000 - PAGE });
  assert.ok(typeof space !== "number");
  child.addressSpace = space;
  for (const each of [process, child]) {
    assert.match(heap(smapsText(each)), /^Shared_Dirty: {10}8 kB$/m);
    assert.match(heap(smapsText(each)), /^Private_Dirty: {9}0 kB$/m);
  }
  space.map({
    address: 0,
    byteLength: PAGE,
    protection: PROT_READ | PROT_WRITE,
    flags: ANONYMOUS,
    file: null,
    offset: 0,
  });
  const rollup = smapsRollupText(child);
  assert.match(rollup, /^00100000-00800000 ---p 00000000 00:00 0 {34}\[rollup\]$/m);
  assert.match(rollup, /^Private_Dirty: {9}4 kB$/m);
  assert.match(rollup, /^Shared_Clean: {9}16 kB$/m);
});
