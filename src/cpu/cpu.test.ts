import assert from "node:assert/strict";
import test from "node:test";
import { Cpu, type CpuOptions } from "./cpu.ts";
import { encode } from "./differential.fixture.ts";

const CODE = 0x2000;
const nzcvRegister = { o0: 1, op1: 3, CRn: 4, CRm: 2, op2: 0 };

/** A CPU in 1 MiB with these words at CODE, ready to run them. */
function cpuWith(words: readonly number[], options: Partial<CpuOptions> = {}): Cpu {
  const cpu = new Cpu({ memory: new WebAssembly.Memory({ initial: 16 }), interpretThreshold: 0, ...options });
  write(cpu, words);
  cpu.pc = CODE;
  cpu.setX(31, 0x80000);
  return cpu;
}

function write(cpu: Cpu, words: readonly number[], address: number = CODE): void {
  new Uint32Array(cpu.memory.buffer, address, words.length).set(words);
}

const svc = encode("SVC", { imm16: 7 });
const move = (register: number, value: number): number => encode("MOVZ", { sf: 1, Rd: register, imm16: value });

test("a supervisor call stops behind itself, with registers in the state", () => {
  const cpu = cpuWith([move(0, 42), svc]);
  assert.deepEqual(cpu.run(10), { reason: "svc", immediate: 7 });
  assert.equal(cpu.x(0), 42n);
  assert.equal(cpu.pc, CODE + 8);
});

test("unknown words, breakpoints, and code outside memory", () => {
  const unknown = cpuWith([move(1, 3), 0xffffffff]);
  assert.deepEqual(unknown.run(10), { reason: "unknown", word: 0xffffffff, address: CODE + 4 });
  assert.equal(unknown.x(1), 3n);
  const breakpoint = cpuWith([encode("BRK", { imm16: 9 })]);
  assert.deepEqual(breakpoint.run(10), { reason: "breakpoint", immediate: 9, address: CODE });
  const outside = cpuWith([move(3, 0x10), encode("BR", { Rn: 3 })]);
  assert.deepEqual(outside.run(10), { reason: "fault", kind: "fetch", address: 0x10, isStore: false });
});

test("an endless loop, and endless recursion by calls, stop when the budget is spent, and go on", () => {
  const loop = cpuWith([encode("ADD_imm", { sf: 1, Rn: 0, Rd: 0, imm12: 1 }), encode("B", { imm26: -1 })]);
  assert.deepEqual(loop.run(1000), { reason: "budget" });
  const first = loop.x(0);
  assert.ok(first >= 990n && first <= 1000n);
  assert.deepEqual(loop.run(1000), { reason: "budget" });
  assert.ok(loop.x(0) > first);
  const recursion = cpuWith([encode("ADD_imm", { sf: 1, Rn: 0, Rd: 0, imm12: 1 }), encode("BL", { imm26: -1 })]);
  assert.deepEqual(recursion.run(5000), { reason: "budget" });
  assert.ok(recursion.x(0) >= 4990n);
});

test("page zero and what lies behind memory fault; with exactFaults registers and pc are those of the access", () => {
  for (const address of [0, 8, 0xff8, 0x200000, 0xfffffff0]) {
    const words = [move(1, 5), encode("LDR_unsigned", { sz: 1, Rn: 0, Rt: 2 }), svc];
    const cpu = cpuWith(words, { exactFaults: true });
    cpu.setX(0, address);
    assert.deepEqual(cpu.run(100), { reason: "fault", kind: "data", address, isStore: false });
    assert.equal(cpu.pc, CODE + 4);
    assert.equal(cpu.x(1), 5n);
    cpu.setX(0, 0x3000);
    assert.equal(cpu.run(100).reason, "svc");
  }
  const fast = cpuWith([encode("LDR_unsigned", { sz: 1, Rn: 0, Rt: 2 }), svc]);
  assert.equal(fast.run(100).reason, "fault");
});

test("code that changed runs anew after IC IVAU and after invalidate()", () => {
  const cpu = cpuWith([move(0, 1), svc]);
  cpu.run(10);
  write(cpu, [move(0, 2)]);
  cpu.invalidate(CODE, CODE + 4);
  cpu.pc = CODE;
  cpu.run(10);
  assert.equal(cpu.x(0), 2n);
  // Stores a new word over its own first instruction, and goes there again.
  const icIvau = encode("SYS", { op1: 3, CRn: 7, CRm: 5, op2: 1, Rt: 2 });
  const self = cpuWith([
    move(0, 1),
    encode("CBNZ", { sf: 1, Rt: 4, imm19: 5 }),
    move(4, 1),
    encode("STR_unsigned", { sz: 0, Rn: 2, Rt: 3 }),
    icIvau,
    encode("B", { imm26: -5 }),
    svc,
  ]);
  self.setX(2, CODE);
  self.setX(3, move(0, 77));
  self.setX(4, 0);
  assert.equal(self.run(100).reason, "svc");
  assert.equal(self.x(0), 77n);
});

test("flags left uncomputed are there for whoever asks, across regions and in threads saved", () => {
  const words = [
    encode("SUBS_imm", { sf: 1, Rn: 0, Rd: 31, imm12: 5 }),
    svc,
    encode("MRS", { ...nzcvRegister, Rt: 3 }),
    svc,
  ];
  for (const [value, nzcv] of [
    [5, 0x60000000],
    [4, 0x80000000],
    [6, 0x20000000],
  ] as const) {
    const cpu = cpuWith(words);
    cpu.setX(0, value);
    cpu.run(10);
    assert.equal(cpu.nzcv, nzcv);
    const saved = cpu.saveThread();
    cpu.nzcv = 0x10000000;
    assert.equal(cpu.nzcv, 0x10000000);
    cpu.restoreThread(saved);
    cpu.run(10);
    assert.equal(cpu.x(3), BigInt(nzcv));
  }
});

test("exclusive stores succeed once after a load of the same address, and not after CLREX or a change", () => {
  const load = encode("LDXR", { size: 3, Rn: 0, Rt: 1 });
  const store = (status: number): number => encode("STXR", { size: 3, Rs: status, Rn: 0, Rt: 2 });
  const change = encode("STR_unsigned", { sz: 1, Rn: 0, Rt: 6 });
  const cpu = cpuWith([load, store(3), store(4), load, encode("CLREX"), store(5), load, change, store(7), svc]);
  cpu.setX(0, 0x3000);
  cpu.setX(2, 11);
  cpu.setX(6, 12);
  cpu.run(10);
  assert.deepEqual(
    [3, 4, 5, 7].map((register) => cpu.x(register)),
    [0n, 1n, 1n, 1n],
  );
});

test("a supervisor call handled inside goes on without leaving", () => {
  const seen: bigint[] = [];
  const cpu = cpuWith([move(0, 1), svc, encode("ADD_imm", { sf: 1, Rn: 0, Rd: 0, imm12: 1 }), svc], {
    onSupervisorCall: () => {
      seen.push(cpu.x(0));
      cpu.setX(0, 10);
      return seen.length < 2;
    },
  });
  assert.equal(cpu.run(10).reason, "svc");
  assert.deepEqual(seen, [1n, 11n]);
});
