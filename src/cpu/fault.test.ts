import assert from "node:assert/strict";
import test from "node:test";
import { SeededRandom } from "../base/random.ts";
import { Cpu, type CpuOptions, type FaultMode } from "./cpu.ts";
import { encode } from "./differential.fixture.ts";
import { dataAccessOf } from "./fault.ts";
import { permission } from "./state.ts";

const CODE = 0x2000;
const DATA = 0x8000;
const BLOCK_WORDS = 16;
const svc = encode("SVC", { imm16: 7 });
const move = (register: number, value: number): number => encode("MOVZ", { sf: 1, Rd: register, imm16: value });

function cpuWith(words: readonly number[], options: Partial<CpuOptions> = {}): Cpu {
  const cpu = new Cpu({ memory: new WebAssembly.Memory({ initial: 16 }), interpretThreshold: 0, ...options });
  new Uint32Array(cpu.memory.buffer, CODE, words.length).set(words);
  cpu.pc = CODE;
  cpu.setX(31, 0x80000);
  return cpu;
}

const NE = 1;
/**
 * Random blocks that branch to each other. Each counts X21 down and loads from X24 (valid) or, when that is 0, from page 0; the flags of
 * the countdown are read behind the load.
 */
function randomProgram(random: SeededRandom): number[] {
  const blocks = 6;
  const below = (bound: number): number => random.nextUint32() % bound;
  const words: number[] = [];
  for (let block = 0; block < blocks; block++) {
    const start = words.length;
    const filler = (): number => {
      const [Rd, Rn, Rm] = [below(8), below(8), below(8)];
      switch (below(8)) {
        case 0:
          return encode("SUBS_reg", { sf: 1, Rd, Rn, Rm });
        case 1:
          return encode("EOR_reg", { sf: 1, Rd, Rn, Rm });
        case 2:
          return encode("LDR_unsigned", { sz: 1, Rt: Rd, Rn: 24, imm12: below(16) });
        case 3:
          return encode("STR_unsigned", { sz: 1, Rt: Rd, Rn: 24, imm12: below(16) });
        case 4:
          return encode("ADD_v", { Q: 1, size: 2, Rd, Rn, Rm });
        case 5:
          return encode("CSEL", { sf: 1, Rd, Rn, Rm, cond: below(14) });
        case 6:
          return encode("ADD_imm", { sf: 1, Rd: 28 + below(4), Rn: 28 + below(4), imm12: below(64) });
        default:
          return encode("ADD_imm", { sf: 1, Rd, Rn, imm12: below(4096) });
      }
    };
    for (let count = below(4); count > 0; count--) words.push(filler());
    words.push(encode("SUBS_imm", { sf: 1, Rd: 21, Rn: 21, imm12: 1 }));
    words.push(encode("CSEL", { sf: 1, Rd: 23, Rn: 24, Rm: 31, cond: NE }));
    if (below(2) === 0) words.push(encode("STR_unsigned", { sz: 1, Rt: below(8), Rn: 24, imm12: below(16) }));
    words.push(encode("LDR_unsigned", { sz: 1, Rt: below(8), Rn: 23, imm12: below(16) }));
    if (below(2) === 0) words.push(encode("CSINC", { sf: 1, Rd: below(8), Rn: 1, Rm: 2, cond: below(14) }));
    for (let count = below(3); count > 0; count--) words.push(filler());
    const distance = (below(blocks) - block) * BLOCK_WORDS - (words.length - start);
    if (below(3) === 0) words.push(encode("CBZ", { sf: 1, Rt: below(8), imm19: distance }));
    else words.push(encode("B_cond", { cond: below(14), imm19: distance }));
    while (words.length < start + BLOCK_WORDS) words.push(encode("HINT"));
  }
  words.push(encode("B", { imm26: -words.length }));
  return words;
}

function registersOf(cpu: Cpu, general: readonly number[]): bigint[] {
  const vectors = Array.from({ length: 16 }, (_, half) => cpu.view.getBigUint64(272 + 8 * half, true));
  return [...general.map((register) => cpu.x(register)), ...(general.length > 4 ? vectors : [])];
}
const all = Array.from({ length: 32 }, (_, register) => register);

/** Lets a program fault some times, each time going on at the instruction with a good address; what there was to see. */
function runThrough(words: readonly number[], options: Partial<CpuOptions>, seen: readonly number[]): unknown[] {
  const cpu = cpuWith(words, options);
  if (options.faultMode === "checked") cpu.setPermissions(0x1000, 0x100000, permission.read | permission.write);
  for (let register = 0; register < 8; register++) {
    cpu.setX(register, 0x9e3779b97f4a7c15n * BigInt(register + 1));
    cpu.view.setBigUint64(272 + 16 * register, 0x9e3779b97f4a7c15n * BigInt(register + 77), true);
  }
  cpu.setX(24, DATA);
  cpu.setX(21, 3);
  const result: unknown[] = [];
  for (let fault = 0; fault < 5; fault++) {
    const stop = cpu.run(1_000_000);
    result.push(seen.length < 32 ? stop.reason : stop, cpu.pc, registersOf(cpu, seen));
    cpu.setX(23, DATA);
    cpu.setX(21, 2 + fault);
  }
  result.push([...new Uint8Array(cpu.memory.buffer, DATA, 128)]);
  return result;
}

test("after a fault registers are those of an execution one instruction at a time, and it can go on there", () => {
  const random = new SeededRandom(20260711);
  let faults = 0;
  for (let round = 0; round < 8; round++) {
    const words = randomProgram(random);
    const expected = runThrough(words, { exactFaults: true }, all);
    faults += expected.filter((item) => (item as { kind?: string }).kind === "data").length;
    for (const faultMode of ["precise", "checked"] as const) {
      assert.deepEqual(runThrough(words, { faultMode }, all), expected, `${faultMode}, round ${round}`);
    }
    const frame = [28, 29, 30, 31];
    const first = (items: readonly unknown[]): unknown[] => items.slice(0, 3);
    assert.deepEqual(
      first(runThrough(words, {}, frame)),
      first(runThrough(words, { exactFaults: true }, frame)),
      `fast, round ${round}`,
    );
  }
  assert.ok(faults > 25, `${faults} faults`);
});

test("a fault tells its instruction, its kind and where it was aimed", () => {
  const load = encode("LDR_reg", { sz: 1, Rn: 0, Rm: 1, option: 6, S: 1, Rt: 2 });
  for (const [mode, address] of [
    ["fast", null],
    ["precise", 0x200000 - 16],
  ] as const) {
    const cpu = cpuWith([move(5, 1), load, svc], { faultMode: mode });
    cpu.setX(0, 0x200000);
    cpu.setX(1, -2);
    assert.deepEqual(cpu.run(10), { reason: "fault", kind: "data", address, isStore: false });
    assert.equal(cpu.pc, CODE + 4);
  }
  const store = encode("STP_v_pre", { opc: 2, Rn: 0, Rt: 1, Rt2: 2, imm7: -1 & 0x7f });
  const cpu = cpuWith([move(0, 0x20), store], { faultMode: "precise" });
  assert.deepEqual(cpu.run(10), { reason: "fault", kind: "data", address: 0x10, isStore: true });
  const atomic = cpuWith([move(0, DATA + 4), encode("LDAXR", { size: 3, Rn: 0, Rt: 1 })], { faultMode: "precise" });
  assert.deepEqual(atomic.run(10), { reason: "fault", kind: "misaligned", address: DATA + 4, isStore: false });
  assert.equal(atomic.pc, CODE + 4);
});

test("dataAccessOf knows every form of address", () => {
  const cpu = cpuWith([]);
  cpu.setX(1, 0x10000);
  cpu.setX(2, 0xffff_ffff_ffff_ff80n);
  const cases: readonly [word: number, address: number, byteLength: number][] = [
    [encode("LDRB_unsigned", { Rn: 1, imm12: 5 }), 0x10005, 1],
    [encode("LDRSH_unsigned", { Rn: 1, imm12: 5 }), 0x1000a, 2],
    [encode("STR_v_unsigned", { opx: 1, Rn: 1, imm12: 2 }), 0x10020, 16],
    [encode("LDUR_v_unscaled", { size: 3, Rn: 1, imm9: -3 & 0x1ff }), 0xfffd, 8],
    [encode("LDTRSH_unscaled", { Rn: 1, imm9: -3 & 0x1ff }), 0xfffd, 2],
    [encode("LDRSW_post", { Rn: 1, imm9: 8 }), 0x10000, 4],
    [encode("STR_pre", { sz: 1, Rn: 1, imm9: 8 }), 0x10008, 8],
    [encode("LDR_reg", { sz: 1, Rn: 1, Rm: 2, option: 3, S: 0 }), 0xff80, 8],
    [encode("LDRB_reg", { Rn: 1, Rm: 2, option: 2 }), 0xff80, 1],
    [encode("LDR_literal", { sz: 1, imm19: 4 }), CODE + 16, 8],
    [encode("LDPSW_offset", { Rn: 1, imm7: 1 }), 0x10004, 8],
    [encode("LDP_v_post", { opc: 2, Rn: 1, imm7: 1 }), 0x10000, 32],
    [encode("LDXP", { sz: 1, Rn: 1 }), 0x10000, 16],
    [encode("CAS", { size: 1, Rn: 1 }), 0x10000, 2],
    [encode("LDADD", { size: 2, Rn: 1 }), 0x10000, 4],
    [encode("LD1_x3", { Q: 1, Rn: 1 }), 0x10000, 48],
    [encode("ST4_multi", { Q: 0, Rn: 1 }), 0x10000, 32],
    [encode("LD3_lane_s", { size: 1, Rn: 1 }), 0x10000, 24],
    [encode("LD2R", { size: 1, Rn: 1 }), 0x10000, 4],
  ];
  for (const [word, address, byteLength] of cases) {
    const access = dataAccessOf(cpu.view, word, CODE);
    assert.deepEqual([access?.address, access?.byteLength], [address, byteLength], word.toString(16));
  }
  assert.equal(dataAccessOf(cpu.view, encode("ADD_imm"), CODE), null);
  assert.equal(dataAccessOf(cpu.view, encode("PRFM_unsigned"), CODE), null);
});

test("permissions of pages are kept to where that is asked for, by crossing accesses too", () => {
  const load = encode("LDR_unsigned", { sz: 1, Rn: 0, Rt: 1 });
  const store = encode("STR_unsigned", { sz: 1, Rn: 2, Rt: 1 });
  const cpu = cpuWith([load, store, svc], { faultMode: "checked" });
  cpu.setPermissions(0x10000, 0x11000, permission.read);
  cpu.setPermissions(0x11000, 0x12000, permission.read | permission.write);
  const at = (from: number, to: number): unknown => {
    cpu.pc = CODE;
    cpu.setX(0, from);
    cpu.setX(2, to);
    const stop = cpu.run(10);
    return stop.reason === "fault" ? [cpu.pc - CODE, stop.address, stop.isStore] : stop.reason;
  };
  assert.equal(at(0x10000, 0x11000), "svc");
  assert.equal(at(0x10ffc, 0x11ff8), "svc");
  assert.deepEqual(at(0x11ffc, 0x11000), [0, 0x11ffc, false]);
  assert.deepEqual(at(0x10000, 0x10008), [4, 0x10008, true]);
  assert.deepEqual(at(0x10000, 0x10ffc), [4, 0x10ffc, true]);
  assert.deepEqual(at(0, 0x11000), [0, 0, false]);
  cpu.setPermissions(0x10000, 0x11000, 0);
  assert.deepEqual(at(0x10000, 0x11000), [0, 0x10000, false]);
});

test("in a CPU that is used again nothing is permitted", () => {
  const load = encode("LDR_unsigned", { sz: 1, Rn: 0, Rt: 1 });
  const cpu = cpuWith([load, svc]);
  const run = (): string => {
    cpu.pc = CODE;
    cpu.setX(0, 0x10000);
    return cpu.run(10).reason;
  };
  cpu.setPermissions(0x10000, 0x11000, permission.read);
  cpu.setFaultMode("checked");
  assert.equal(run(), "svc");
  cpu.reset();
  assert.equal(run(), "fault");
  cpu.setFaultMode("fast");
  assert.equal(run(), "svc");
});

test("a change of the fault mode in a supervisor call holds for the calls under way", () => {
  // Calls a function whose supervisor call changes the mode; the load behind the call faults.
  const words = [
    move(5, 1),
    encode("BL", { imm26: 4 }),
    move(5, 2),
    encode("LDR_unsigned", { sz: 1, Rn: 0, Rt: 2 }),
    svc,
    svc,
    encode("RET", { Rn: 30 }),
  ];
  for (const mode of ["fast", "precise"] as FaultMode[]) {
    const cpu = cpuWith(words, {
      onSupervisorCall: () => {
        cpu.setFaultMode(mode);
        return true;
      },
    });
    const stop = cpu.run(100);
    assert.deepEqual([stop.reason, cpu.pc], ["fault", CODE + 12]);
    assert.equal(cpu.x32(5), mode === "fast" ? 1 : 2);
  }
});

for (const interpretThreshold of [0, 20, Number.POSITIVE_INFINITY]) {
  const name = `a stack that the host has spent is no loss: calls go on with an empty one; interpreted up to ${interpretThreshold} times`;
  test(name, () => {
    // sum(n) = n + sum(n - 1), 250 calls deep, from where there is next to no stack left.
    const words = [
      move(0, 250),
      encode("BL", { imm26: 2 }),
      svc,
      encode("CBZ", { sf: 1, Rt: 0, imm19: 6 }),
      encode("STP_pre", { sf: 1, Rn: 31, Rt: 0, Rt2: 30, imm7: -2 & 0x7f }),
      encode("SUB_imm", { sf: 1, Rn: 0, Rd: 0, imm12: 1 }),
      encode("BL", { imm26: -3 }),
      encode("LDP_post", { sf: 1, Rn: 31, Rt: 1, Rt2: 30, imm7: 2 }),
      encode("ADD_reg", { sf: 1, Rn: 0, Rm: 1, Rd: 0 }),
      encode("RET", { Rn: 30 }),
    ];
    const cpu = cpuWith(words, { interpretThreshold });
    assert.equal(cpu.run(10_000).reason, "svc");
    const outcomes = new Set<string>();
    const descend = (depth: number): string => {
      if (depth > 0) return descend(depth - 1);
      cpu.pc = CODE;
      cpu.setX(31, 0x80000);
      const stop = cpu.run(10_000);
      if (stop.reason === "svc") assert.equal(cpu.x32(0), (250 * 251) / 2);
      return stop.reason === "fault" ? stop.kind : stop.reason;
    };
    let deepest = 100;
    for (;;) {
      try {
        descend(deepest);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        break;
      }
      deepest += 100;
    }
    for (let depth = Math.max(0, deepest - 1000); depth < deepest; depth += 29) {
      try {
        outcomes.add(descend(depth));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        outcomes.add("no stack for run() itself");
      }
    }
    assert.ok(outcomes.has("svc"));
  });
}
