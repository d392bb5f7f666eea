/** Code runs as FPCR says from the instruction after the one that writes it, wherever that stands, and whoever writes it. */
import assert from "node:assert/strict";
import test from "node:test";
import { Cpu, type CpuOptions } from "./cpu.ts";
import { encode } from "./differential.fixture.ts";
import { stateOffset } from "./state.ts";

const CODE = 0x2000;
const SET_MODE = 0x3000;
const fpcr = { o0: 1, op1: 3, CRn: 4, CRm: 4, op2: 0 };
const fpsr = { ...fpcr, op2: 1 };
const svc = encode("SVC");
const UP = 1 << 22;
const third = { nearest: 0x3fd5555555555555n, up: 0x3fd5555555555556n } as const;

/** D1 = 1 and D2 = 3; a function at SET_MODE puts X0 into FPCR. */
function cpuWith(words: readonly number[], options: Partial<CpuOptions> = {}): Cpu {
  const cpu = new Cpu({ memory: new WebAssembly.Memory({ initial: 16 }), ...options });
  const write = (address: number, code: readonly number[]): void =>
    new Uint32Array(cpu.memory.buffer, address, code.length).set(code);
  write(CODE, words);
  write(SET_MODE, [encode("MSR", { ...fpcr, Rt: 0 }), encode("RET", { Rn: 30 })]);
  cpu.view.setFloat64(stateOffset.v + 16, 1, true);
  cpu.view.setFloat64(stateOffset.v + 32, 3, true);
  cpu.pc = CODE;
  return cpu;
}

const divideInto = (register: number): number => encode("FDIV", { ftype: 1, Rn: 1, Rm: 2, Rd: register });
const moveMode = (mode: number): number => encode("MOVZ", { sf: 1, Rd: 0, imm16: mode >>> 16, hw: 1 });
const callSetMode = (place: number): number => encode("BL", { imm26: (SET_MODE - CODE) / 4 - place });

function result(cpu: Cpu, register: number): bigint {
  return cpu.view.getBigUint64(stateOffset.v + 16 * register, true);
}

test("a function that sets the rounding mode, and one that sets it back", () => {
  const cpu = cpuWith([
    divideInto(3),
    moveMode(UP),
    callSetMode(2),
    divideInto(4),
    moveMode(0),
    callSetMode(5),
    divideInto(5),
    svc,
  ]);
  for (let round = 0; round < 2; round++) {
    cpu.pc = CODE;
    assert.equal(cpu.run(1000).reason, "svc");
    assert.deepEqual(
      [3, 4, 5].map((register) => result(cpu, register)),
      [third.nearest, third.up, third.nearest],
    );
  }
});

test("a thread brings its own FPCR", () => {
  const cpu = cpuWith([divideInto(3), svc]);
  const usual = cpu.saveThread();
  cpu.run(100);
  assert.equal(result(cpu, 3), third.nearest);
  cpu.restoreThread(usual);
  cpu.view.setInt32(stateOffset.fpcr, UP, true);
  cpu.run(100);
  assert.equal(result(cpu, 3), third.up);
  cpu.restoreThread(usual);
  cpu.run(100);
  assert.equal(result(cpu, 3), third.nearest);
});

test("code that changes while the other flavour runs is new in both", () => {
  const cpu = cpuWith([divideInto(3), svc]);
  cpu.run(100);
  cpu.view.setInt32(stateOffset.fpcr, UP, true);
  new Uint32Array(cpu.memory.buffer, CODE, 1)[0] = encode("FADD", { ftype: 1, Rn: 1, Rm: 2, Rd: 3 });
  cpu.invalidate(CODE, CODE + 4);
  for (const mode of [UP, 0]) {
    cpu.view.setInt32(stateOffset.fpcr, mode, true);
    cpu.view.setBigUint64(stateOffset.v + 48, 0n, true);
    cpu.pc = CODE;
    cpu.run(100);
    assert.equal(cpu.view.getFloat64(stateOffset.v + 48, true), 4);
  }
});

test("exception flags are kept where asked for", () => {
  const words = [encode("MSR", { ...fpsr, Rt: 31 }), divideInto(3), encode("MRS", { ...fpsr, Rt: 4 }), svc];
  const cpu = cpuWith(words, { floatExceptions: true });
  cpu.run(100);
  assert.equal(cpu.x(4), 0x10n);
  assert.equal(result(cpu, 3), third.nearest);
});

test("flags of a comparison reach later blocks in both flavours", () => {
  const [GT, PL] = [12, 5];
  for (const mode of [0, UP]) {
    const cpu = cpuWith([
      encode("FCMP", { ftype: 1, Rn: 1, Rm: 2 }),
      encode("B_cond", { cond: GT, imm19: 2 }),
      encode("CSINC", { sf: 1, Rd: 0, Rn: 31, Rm: 31, cond: PL }),
      svc,
    ]);
    cpu.view.setUint32(stateOffset.fpcr, mode, true);
    assert.equal(cpu.run(1000).reason, "svc");
    assert.equal(cpu.x32(0), 1, `FPCR ${mode.toString(16)}`);
  }
});
