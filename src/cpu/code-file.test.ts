import assert from "node:assert/strict";
import test from "node:test";
import { SeededRandom } from "../base/random.ts";
import { CodeCache } from "./code-cache.ts";
import { type CodeStore, decodeRegions, encodeRegions } from "./code-file.ts";
import { Cpu, type CpuOptions } from "./cpu.ts";
import { encode } from "./differential.fixture.ts";

const CODE = 0x12000;
const move = (register: number, value: number): number => encode("MOVZ", { sf: 1, Rd: register, imm16: value });
const addTo = (register: number, value: number): number =>
  encode("ADD_imm", { sf: 1, Rn: register, Rd: register, imm12: value });
const link = encode("ORR_reg", { sf: 1, Rn: 31, Rm: 30, Rd: 20 });
const unlink = encode("ORR_reg", { sf: 1, Rn: 31, Rm: 20, Rd: 30 });
const ret = encode("RET", { Rn: 30 });
const pause = new Array<number>(50).fill(encode("HINT"));
/** Calls a function in the next part of memory, which is too long to be copied; X0 = 1 + 40 + 2. */
const caller = [move(0, 1), link, encode("BL", { imm26: 0x4000 - 2 }), unlink, addTo(0, 2), encode("SVC"), ret];
const callee = [addTo(0, 40), ...pause, ret];

class MemoryStore implements CodeStore {
  readonly files = new Map<string, Uint8Array>();
  load(key: string): Uint8Array | null {
    return this.files.get(key) ?? null;
  }
  save(key: string, bytes: Uint8Array): void {
    assert.match(key, /^[0-9a-f]+$/);
    this.files.set(key, bytes);
  }
}

/** A program in a new process of the host with this store: X0, and how many regions had to be translated. */
function runWith(store: CodeStore, options: Partial<CpuOptions> = {}, first: number = callee[0] as number): number[] {
  const cache = new CodeCache({ store });
  // Other slots than those of the run that saved it.
  for (let index = 0; index < 7; index++) cache.map.slotFor(0x80000 + 4 * index);
  const cpu = new Cpu({ memory: new WebAssembly.Memory({ initial: 16 }), cache, interpretThreshold: 0, ...options });
  new Uint32Array(cpu.memory.buffer).set(caller, CODE / 4);
  new Uint32Array(cpu.memory.buffer).set(callee.with(0, first), CODE / 4 + 0x4000);
  cpu.pc = CODE;
  assert.equal(cpu.run(1000).reason, "svc");
  cache.save();
  return [cpu.x32(0), cpu.statistics.regions];
}

test("what one run translated another does not have to, unless its words or its way differ", () => {
  const store = new MemoryStore();
  const [result, regions] = runWith(store);
  assert.equal(result, 43);
  assert.equal(store.files.size, 2);
  assert.deepEqual(runWith(store), [43, 0]);
  assert.deepEqual(runWith(store, {}, addTo(0, 41)), [44, 1]);
  assert.deepEqual(runWith(store, { faultMode: "precise" }), [43, regions]);
  assert.deepEqual(runWith(store), [43, 0]);
});

test("the interpreter uses what another run translated at once", () => {
  const store = new MemoryStore();
  runWith(store);
  assert.deepEqual(runWith(store, { interpretThreshold: 250 }), [43, 0]);
});

test("bytes come back as they were, and damaged ones not at all", () => {
  const store = new MemoryStore();
  runWith(store);
  const random = new SeededRandom(7);
  for (const bytes of store.files.values()) {
    const regions = decodeRegions(bytes);
    assert.ok(regions !== null && regions.length > 0);
    assert.deepEqual(encodeRegions(regions), bytes);
    for (let round = 0; round < 500; round++) {
      const damaged = bytes.slice();
      const at = random.nextUint32() % bytes.length;
      damaged[at] = (damaged[at] as number) ^ (1 << (random.nextUint32() % 8));
      assert.equal(decodeRegions(damaged), null, `byte ${at}`);
      assert.equal(decodeRegions(bytes.subarray(0, at)), null, `the first ${at} bytes`);
    }
    assert.equal(decodeRegions(new Uint8Array([...bytes, 0, 0, 0, 0])), null);
  }
});

test("whatever a store gives, the result is right", () => {
  const good = new MemoryStore();
  runWith(good);
  const random = new SeededRandom(11);
  for (let round = 0; round < 40; round++) {
    const store = new MemoryStore();
    for (const [key, bytes] of good.files) {
      const damaged = bytes.slice(0, bytes.length - 4 * (random.nextUint32() % 3));
      for (let change = random.nextUint32() % 4; change > 0; change--) {
        damaged[random.nextUint32() % damaged.length] = random.nextUint32() & 255;
      }
      // Files under each other's names.
      const others = [...good.files.keys()];
      store.files.set(round % 3 === 0 ? (others[random.nextUint32() % 2] as string) : key, damaged);
    }
    assert.equal(runWith(store)[0], 43);
    assert.deepEqual(runWith(store), [43, 0], "what was damaged is good again");
  }
});

test("bodies that are no code, though their sum is right, are passed over", () => {
  const store = new MemoryStore();
  runWith(store);
  for (const [key, bytes] of store.files) {
    const regions = decodeRegions(bytes) ?? [];
    for (const { body } of regions) body[body.length - 3] = 0xff;
    store.files.set(key, encodeRegions(regions));
  }
  assert.equal(runWith(store)[0], 43);
});

test("code that the guest makes anew again and again does not fill the store", () => {
  const store = new MemoryStore();
  const cache = new CodeCache({ store });
  const cpu = new Cpu({ memory: new WebAssembly.Memory({ initial: 16 }), cache });
  const icIvau = encode("SYS", { op1: 3, CRn: 7, CRm: 5, op2: 1, Rt: 2 });
  for (let round = 0; round < 100; round++) {
    new Uint32Array(cpu.memory.buffer).set([icIvau, encode("B", { imm26: 0x3fff })], CODE / 4);
    new Uint32Array(cpu.memory.buffer).set([move(0, round), encode("SVC")], CODE / 4 + 0x4000);
    cpu.setX(2, CODE + 0x10000);
    cpu.pc = CODE;
    assert.equal(cpu.run(100).reason, "svc");
    assert.equal(cpu.x32(0), round);
    cache.save();
  }
  assert.ok(store.files.size <= 2, `${store.files.size} files`);
});
