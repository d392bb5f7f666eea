import assert from "node:assert/strict";
import test from "node:test";
import { CodeCache } from "./code-cache.ts";
import { Cpu, type CpuOptions } from "./cpu.ts";
import { encode } from "./differential.fixture.ts";

const CODE = 0x2000;
const svc = encode("SVC", { imm16: 7 });
const move = (register: number, value: number): number => encode("MOVZ", { sf: 1, Rd: register, imm16: value });
const add = (register: number, value: number): number =>
  encode("ADD_imm", { sf: 1, Rn: register, Rd: register, imm12: value });
const call = (words: number): number => encode("BL", { imm26: words });
const saveLink = encode("ORR_reg", { sf: 1, Rn: 31, Rm: 30, Rd: 20 });

function newCpu(options: Partial<CpuOptions> = {}): Cpu {
  return new Cpu({ memory: new WebAssembly.Memory({ initial: 16 }), interpretThreshold: 0, ...options });
}

function write(cpu: Cpu, words: readonly number[], address: number = CODE): void {
  new Uint32Array(cpu.memory.buffer, address, words.length).set(words);
}

/** Runs from CODE to a supervisor call; X0 there. */
function resultOf(cpu: Cpu): number {
  cpu.pc = CODE;
  cpu.setX(31, 0x80000);
  assert.equal(cpu.run(100_000).reason, "svc");
  return cpu.x32(0);
}

test("a second CPU takes in what the first translated, and does not where one word differs", () => {
  const cache = new CodeCache();
  // The function is too long to be copied into its caller.
  const long = [add(0, 40), ...new Array<number>(20).fill(encode("HINT")), encode("RET", { Rn: 30 })];
  const words = [move(0, 1), saveLink, call(4), add(0, 2), svc, encode("BRK"), ...long];
  const first = newCpu({ cache });
  write(first, words);
  assert.equal(resultOf(first), 43);
  assert.ok(first.statistics.regions >= 2);
  const second = newCpu({ cache });
  write(second, words);
  assert.equal(resultOf(second), 43);
  assert.equal(second.statistics.regions, 0);
  // The function that is called differs: only that is translated again.
  const third = newCpu({ cache });
  write(third, words.with(6, add(0, 50)));
  assert.equal(resultOf(third), 53);
  assert.equal(third.statistics.regions, 1);
  assert.deepEqual([resultOf(first), resultOf(second)], [43, 43]);
});

test("CPUs that want code translated otherwise do not share it", () => {
  const cache = new CodeCache();
  for (const options of [{}, { exactFaults: true }, { maximumInstructions: 2 }]) {
    const cpu = newCpu({ cache, ...options });
    write(cpu, [move(0, 5), svc]);
    assert.equal(resultOf(cpu), 5);
    assert.ok(cpu.statistics.regions > 0);
  }
  const shared = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
  const cpu = newCpu({ cache, memory: shared, shared: true });
  write(cpu, [move(0, 5), svc]);
  assert.equal(resultOf(cpu), 5);
});

test("a CPU that is used again runs what is in memory by then", () => {
  const cache = new CodeCache();
  const cpu = newCpu({ cache });
  write(cpu, [move(0, 1), svc]);
  assert.equal(resultOf(cpu), 1);
  cpu.setX(5, 99);
  cpu.reset();
  assert.deepEqual([cpu.x32(5), cpu.x32(0), cpu.pc], [0, 0, 0]);
  write(cpu, [move(0, 2), svc]);
  cpu.revalidate([[0x4000, 0x5000]]);
  assert.equal(resultOf(cpu), 1, "nothing was said of that range");
  cpu.revalidate([[CODE, CODE + 4]]);
  assert.equal(resultOf(cpu), 2);
  write(cpu, [move(0, 1), svc]);
  cpu.revalidate();
  const { regions } = cpu.statistics;
  assert.equal(resultOf(cpu), 1);
  assert.equal(cpu.statistics.regions, regions, "the code of before is still in the cache");
});

test("code that is rewritten again and again neither goes stale nor grows without bound", () => {
  const cache = new CodeCache({ maximumBytes: 20_000 });
  const cpu = newCpu({ cache });
  for (let round = 0; round < 500; round++) {
    write(cpu, [move(0, round), svc]);
    cpu.invalidate(CODE, CODE + 8);
    assert.equal(resultOf(cpu), round);
    assert.ok(cache.byteLength <= 20_000);
  }
  assert.ok(cache.moduleCount < 60);
});

test("a cache whose slots are all given begins anew, and its CPUs with it", () => {
  const cache = new CodeCache({ maximumSlots: 50 });
  const cpus = [newCpu({ cache }), newCpu({ cache })];
  for (let round = 0; round < 200; round++) {
    for (const [index, cpu] of cpus.entries()) {
      const at = CODE + 64 * round;
      write(cpu, [encode("B", { imm26: 16 * round })]);
      write(cpu, [move(0, round + index), svc], Math.max(at, CODE + 4));
      cpu.invalidate(CODE, CODE + 4);
      if (round > 0) assert.equal(resultOf(cpu), round + index);
    }
  }
  assert.ok(cache.map.slotCount < 60);
});

/** A chain of functions far from each other, each of which calls the next; `seed` makes them differ. */
function writeChain(cpu: Cpu, length: number, seed: number): void {
  write(cpu, [move(0, 0), call(0x400 - 1), svc, encode("BRK")]);
  for (let place = 1; place <= length; place++) {
    const at = CODE + 0x1000 * place;
    const push = encode("STR_pre", { sz: 1, Rn: 31, Rt: 30, imm9: -16 & 0x1ff });
    const pop = encode("LDR_post", { sz: 1, Rn: 31, Rt: 30, imm9: 16 });
    const next = place === length ? encode("HINT") : call(0x400 - 2);
    write(cpu, [push, add(0, place === length ? seed : 1), next, pop, encode("RET", { Rn: 30 })], at);
  }
}

test("modules that several CPUs took in become one, and it fits where only part of it does", () => {
  const cache = new CodeCache();
  // Small regions that know few callees, so that there are many modules.
  const length = 200;
  const run = (seed: number): Cpu => {
    const cpu = newCpu({ cache });
    writeChain(cpu, length, seed);
    assert.equal(resultOf(cpu), length - 1 + seed);
    return cpu;
  };
  const cpus = [run(1), run(1), run(1)];
  const before = cache.moduleCount;
  assert.ok(before > 10, `${before} modules`);
  for (const cpu of cpus) cpu.reset();
  assert.equal(cache.moduleCount, 1);
  const same = run(1);
  assert.equal(same.statistics.regions, 0);
  const other = run(2);
  assert.equal(other.statistics.regions, 1, "only the last function is another one");
  assert.deepEqual([...cpus, same].map(resultOf), new Array(4).fill(length));
  assert.equal(resultOf(other), length + 1);
});

test("code is not taken in from where nothing may be executed", () => {
  const cache = new CodeCache();
  let mayExecute = true;
  const options = { cache, isExecutable: (address: number) => mayExecute || address >= 0x3000 };
  const cpu = newCpu(options);
  write(cpu, [move(0, 1), svc]);
  assert.equal(resultOf(cpu), 1);
  mayExecute = false;
  const other = newCpu(options);
  write(other, [move(0, 1), svc]);
  other.pc = CODE;
  assert.deepEqual(other.run(100), { reason: "fault", kind: "fetch", address: CODE, isStore: false });
  cpu.revalidate();
  cpu.pc = CODE;
  assert.deepEqual(cpu.run(100), { reason: "fault", kind: "fetch", address: CODE, isStore: false });
  mayExecute = true;
  assert.equal(resultOf(cpu), 1);
});

test("the guest's memory may grow between runs, and code in what is new runs", () => {
  const cpu = newCpu();
  write(cpu, [encode("BR", { Rn: 9 })]);
  cpu.setX(9, 16 << 16);
  cpu.pc = CODE;
  assert.deepEqual(cpu.run(100), { reason: "fault", kind: "fetch", address: 16 << 16, isStore: false });
  cpu.memory.grow(1);
  write(cpu, [move(0, 3), svc], 16 << 16);
  assert.equal(resultOf(cpu), 3);
});

test("threads are switched by copying bytes", () => {
  const cpu = newCpu();
  cpu.setX(3, 7);
  const bytes = new Uint8Array(cpu.saveThread().length);
  cpu.saveThreadInto(bytes);
  cpu.setX(3, 8);
  cpu.restoreThread(bytes);
  assert.equal(cpu.x(3), 7n);
});
