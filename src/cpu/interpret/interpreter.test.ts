/** The tiers together: what stops the interpreter and how exactly, and calls from either tier into the other. */
import assert from "node:assert/strict";
import test from "node:test";
import { CodeCache } from "../code-cache.ts";
import { Cpu, type CpuOptions } from "../cpu.ts";
import { encode } from "../differential.fixture.ts";

const CODE = 0x2000;
const CALLEE = 0x4000;
const onlyInterpreted = { interpretThreshold: Number.POSITIVE_INFINITY };

function cpuWith(words: readonly number[], options: Partial<CpuOptions> = onlyInterpreted): Cpu {
  const cpu = new Cpu({ memory: new WebAssembly.Memory({ initial: 16 }), ...options });
  write(cpu, CODE, words);
  cpu.pc = CODE;
  cpu.setX(31, 0x80000);
  return cpu;
}

function write(cpu: Cpu, address: number, words: readonly number[]): void {
  new Uint32Array(cpu.memory.buffer, address, words.length).set(words);
}

const svc = encode("SVC", { imm16: 7 });
const move = (register: number, value: number): number => encode("MOVZ", { sf: 1, Rd: register, imm16: value });
const increment = (register: number): number => encode("ADD_imm", { sf: 1, Rn: register, Rd: register, imm12: 1 });
const ret = encode("RET", { Rn: 30 });
/** Counts X0 down to 0 around this body, then stops. */
const loop = (body: readonly number[]): number[] => [
  ...body,
  encode("SUBS_imm", { sf: 1, Rn: 0, Rd: 0, imm12: 1 }),
  encode("B_cond", { cond: 1, imm19: -body.length - 1 }),
  svc,
];

test("what stops code is the same, and nothing is translated for it", () => {
  const cpu = cpuWith([move(0, 42), svc, 0xffffffff, encode("BRK", { imm16: 9 })]);
  assert.deepEqual(cpu.run(10), { reason: "svc", immediate: 7 });
  assert.equal(cpu.x(0), 42n);
  assert.equal(cpu.pc, CODE + 8);
  assert.deepEqual(cpu.run(10), { reason: "unknown", word: 0xffffffff, address: CODE + 8 });
  cpu.pc += 4;
  assert.deepEqual(cpu.run(10), { reason: "breakpoint", immediate: 9, address: CODE + 12 });
  for (const address of [0, 0x10, 0x2002, 0x100000, 0xfffffffc]) {
    cpu.pc = CODE;
    write(cpu, CODE, [encode("BR", { Rn: 3 })]);
    cpu.setX(3, address);
    assert.deepEqual(cpu.run(10), { reason: "fault", kind: "fetch", address, isStore: false });
    write(cpu, CODE, [ret]);
    cpu.setX(30, address);
    cpu.pc = CODE;
    assert.deepEqual(cpu.run(10), { reason: "fault", kind: "fetch", address, isStore: false });
  }
  assert.equal(cpu.statistics.modules, 0);
  assert.ok(cpu.interpretedInstructions > 0);
});

test("a fault names its address, and leaves pc and registers as they were", () => {
  for (const address of [0, 0xff8, 0xffc, 0x100000, 0xffffc, 0xfffffff8]) {
    for (const name of ["LDR_pre", "STR_pre"]) {
      const cpu = cpuWith([move(1, 5), encode(name, { sz: 1, Rn: 0, Rt: 1, imm9: 0 }), svc]);
      cpu.setX(0, address);
      assert.deepEqual(cpu.run(100), { reason: "fault", kind: "data", address, isStore: name === "STR_pre" });
      assert.equal(cpu.pc, CODE + 4);
      assert.deepEqual([cpu.x(0), cpu.x(1)], [BigInt(address), 5n]);
    }
  }
  const misaligned = cpuWith([encode("LDADD", { size: 3, Rn: 0, Rs: 1, Rt: 2 })]);
  misaligned.setX(0, 0x3004);
  assert.deepEqual(misaligned.run(1), { reason: "fault", kind: "misaligned", address: 0x3004, isStore: true });
});

test("endless loops and recursion stop when the budget is spent, and go on", () => {
  const cpu = cpuWith([increment(0), encode("B", { imm26: -1 })]);
  assert.deepEqual(cpu.run(1000), { reason: "budget" });
  const first = cpu.x(0);
  assert.ok(first >= 990n && first <= 1001n);
  assert.deepEqual(cpu.run(1000), { reason: "budget" });
  assert.ok(cpu.x(0) > first);
  for (const interpretThreshold of [Number.POSITIVE_INFINITY, 3]) {
    const recursion = cpuWith([increment(0), encode("BL", { imm26: -1 })], { interpretThreshold });
    assert.deepEqual(recursion.run(50_000), { reason: "budget" });
    assert.ok(recursion.x(0) >= 49_990n);
  }
});

test("a loop is translated after some rounds, and a function after some calls", () => {
  const cold = cpuWith(loop([increment(1)]), { interpretThreshold: 50 });
  cold.setX(0, 40);
  cold.run(1000);
  assert.deepEqual([cold.x(1), cold.statistics.modules], [40n, 0]);
  const hot = cpuWith(loop([increment(1)]), { interpretThreshold: 50 });
  hot.setX(0, 1000);
  hot.run(2000);
  assert.deepEqual([hot.x(1), hot.statistics.modules], [1000n, 1]);
  assert.ok(hot.interpretedInstructions >= 3 * 50 && hot.interpretedInstructions < 3 * 60);
});

test("what was never reached is left out of a region, and translated when it gets hot itself", () => {
  const cold = 5;
  const cpu = cpuWith(
    [
      encode("CBNZ", { sf: 1, Rt: 3, imm19: cold }),
      increment(1),
      encode("SUBS_imm", { sf: 1, Rn: 0, Rd: 0, imm12: 1 }),
      encode("B_cond", { cond: 1, imm19: -3 }),
      svc,
      increment(2),
      encode("B", { imm26: -cold }),
    ],
    { interpretThreshold: 50 },
  );
  const run = (rounds: number, takesColdPath: number): void => {
    cpu.pc = CODE;
    cpu.setX(0, rounds);
    cpu.setX(3, takesColdPath);
    assert.equal(cpu.run(10_000).reason, "svc");
  };
  run(1000, 0);
  assert.deepEqual([cpu.x(1), cpu.x(2)], [1000n, 0n]);
  assert.deepEqual([cpu.statistics.modules, cpu.statistics.instructions], [1, 4]);
  run(10, 1);
  assert.deepEqual([cpu.x(1), cpu.x(2), cpu.statistics.modules], [1010n, 10n, 1]);
  run(1000, 1);
  assert.deepEqual([cpu.x(1), cpu.x(2), cpu.statistics.modules], [2010n, 1010n, 2]);
  const before = cpu.interpretedInstructions;
  run(1000, 1);
  assert.ok(cpu.interpretedInstructions < before + 50);
});

test("what is nearly hot is translated along with what is hot", () => {
  const cpu = cpuWith(loop([encode("BLR", { Rn: 5 })]), { interpretThreshold: 50 });
  write(cpu, CALLEE, [increment(1), ret]);
  cpu.setX(0, 500);
  cpu.setX(5, CALLEE);
  assert.equal(cpu.run(10_000).reason, "svc");
  assert.equal(cpu.x(1), 500n);
  assert.deepEqual([cpu.statistics.modules, cpu.statistics.regions], [1, 2]);
});

test("code that another CPU translated is used at once", () => {
  const cache = new CodeCache();
  const first = cpuWith(loop([increment(1)]), { cache, interpretThreshold: 0 });
  first.setX(0, 5);
  first.run(100);
  const second = cpuWith(loop([increment(1)]), { cache });
  second.setX(0, 5);
  assert.equal(second.run(100).reason, "svc");
  assert.deepEqual([second.x(1), second.interpretedInstructions, second.statistics.modules], [5n, 0, 0]);
});

test("calls stay calls between the tiers", () => {
  // The caller's loop gets hot; the function it calls is a new one each time, and so stays cold.
  const setUp = (interpretThreshold: number): Cpu => {
    const cpu = cpuWith(
      loop([encode("BLR", { Rn: 5 }), encode("ADD_imm", { sf: 1, Rn: 5, Rd: 5, imm12: 16 }), encode("BLR", { Rn: 6 })]),
      { interpretThreshold },
    );
    for (let index = 0; index < 500; index++) write(cpu, CALLEE + 16 * index, [increment(1), ret]);
    // A hot function, which calls nothing.
    write(cpu, CALLEE - 64, [increment(2), ret]);
    cpu.setX(0, 500);
    cpu.setX(5, CALLEE);
    cpu.setX(6, CALLEE - 64);
    return cpu;
  };
  for (const threshold of [0, 20, Number.POSITIVE_INFINITY]) {
    const cpu = setUp(threshold);
    assert.equal(cpu.run(100_000).reason, "svc");
    assert.deepEqual([cpu.x(0), cpu.x(1), cpu.x(2)], [0n, 500n, 500n]);
  }
  const mixed = setUp(20);
  mixed.run(100_000);
  // The loop is translated and stays so: no more than the cold functions themselves are interpreted from then on.
  assert.ok(mixed.statistics.modules <= 4);
  assert.ok(mixed.interpretedInstructions < 500 * 2 + 30 * 10, `${mixed.interpretedInstructions}`);
});

test("deep recursion through both tiers comes back", () => {
  // Calls itself until X0 is 0, by a register so that the translator does not see it; saves X30 on the stack.
  const words = [
    encode("STR_pre", { sz: 1, Rn: 31, Rt: 30, imm9: -16 }),
    increment(1),
    encode("SUB_imm", { sf: 1, Rn: 0, Rd: 0, imm12: 1 }),
    encode("CBZ", { sf: 1, Rt: 0, imm19: 2 }),
    encode("BLR", { Rn: 6 }),
    increment(2),
    encode("LDR_post", { sz: 1, Rn: 31, Rt: 30, imm9: 16 }),
    ret,
  ];
  for (const interpretThreshold of [0, 1, 100, Number.POSITIVE_INFINITY]) {
    const cpu = cpuWith([encode("BLR", { Rn: 6 }), svc], { interpretThreshold });
    write(cpu, CALLEE, words);
    cpu.setX(6, CALLEE);
    cpu.setX(0, 5000);
    assert.equal(cpu.run(100_000).reason, "svc");
    assert.deepEqual([cpu.x(1), cpu.x(2), cpu.x(31)], [5000n, 5000n, 0x80000n]);
  }
});

test("flags that translated code left uncomputed are there for interpreted code", () => {
  const nzcv = { o0: 1, op1: 3, CRn: 4, CRm: 2, op2: 0 };
  for (const [name, sf] of [
    ["SUBS_reg", 1],
    ["SUBS_reg", 0],
    ["ADDS_reg", 1],
    ["ADDS_reg", 0],
    ["ANDS_reg", 1],
    ["ANDS_reg", 0],
  ] as const) {
    for (const [a, b] of [
      [5n, 5n],
      [4n, 5n],
      [0x80000000n, 1n],
      [1n << 63n, 1n],
      [(1n << 64n) - 1n, 1n],
      [0x7fffffffn, 0x7fffffffn],
    ]) {
      const cache = new CodeCache();
      const setter = [encode(name, { sf, Rn: 0, Rm: 1, Rd: 31 }), encode("BR", { Rn: 9 })];
      const results = [0, Number.POSITIVE_INFINITY].map((interpretThreshold) => {
        const cpu = cpuWith(setter, { cache, interpretThreshold });
        // The setter's code is the translator's in both CPUs; the words it branches to differ, so that the second interprets them.
        const reader = [
          encode("HINT", { op2: interpretThreshold === 0 ? 0 : 1 }),
          encode("MRS", { ...nzcv, Rt: 3 }),
          svc,
        ];
        write(cpu, CALLEE, reader);
        cpu.setX(9, CALLEE);
        cpu.setX(0, a as bigint);
        cpu.setX(1, b as bigint);
        cpu.run(10);
        assert.equal(cpu.interpretedInstructions, interpretThreshold === 0 ? 0 : 3);
        return cpu.x(3);
      });
      assert.equal(results[0], results[1]);
    }
  }
});

test("code that changed is never run stale", () => {
  const cpu = cpuWith([move(0, 1), svc]);
  cpu.run(10);
  write(cpu, CODE, [move(0, 2)]);
  cpu.pc = CODE;
  cpu.run(10);
  assert.equal(cpu.x(0), 2n);
  const invalidated: Cpu = cpuWith([encode("SYS", { op1: 3, CRn: 7, CRm: 5, op2: 1, Rt: 2 }), svc]);
  invalidated.setX(2, CODE);
  assert.equal(invalidated.run(10).reason, "svc");
});

test("what may not be executed faults when it is reached, by a branch or in passing", () => {
  const isExecutable = (address: number): boolean => address < 0x3000;
  const branching = cpuWith([encode("B", { imm26: 0x1000 / 4 })], { ...onlyInterpreted, isExecutable });
  assert.deepEqual(branching.run(10), { reason: "fault", kind: "fetch", address: 0x3000, isStore: false });
  const passing = cpuWith([], { ...onlyInterpreted, isExecutable });
  write(passing, 0x2ff8, [increment(1), increment(1), increment(1)]);
  passing.pc = 0x2ff8;
  assert.deepEqual(passing.run(10), { reason: "fault", kind: "fetch", address: 0x3000, isStore: false });
  assert.equal(passing.x(1), 2n);
});

test("what may not be executed any more faults as soon as the CPU was told", () => {
  let mayExecute = true;
  const forget: ((cpu: Cpu) => void)[] = [
    (cpu) => cpu.invalidate(CODE, CODE + 4096),
    (cpu) => cpu.revalidate(),
    (cpu) => cpu.reset(),
  ];
  for (const tell of forget) {
    mayExecute = true;
    const cpu = cpuWith([svc, svc], { ...onlyInterpreted, isExecutable: () => mayExecute });
    assert.equal(cpu.run(10).reason, "svc");
    mayExecute = false;
    tell(cpu);
    cpu.pc = CODE;
    assert.deepEqual(cpu.run(10), { reason: "fault", kind: "fetch", address: CODE, isStore: false });
  }
});

test("system registers read and keep the same in both tiers", () => {
  const registers = [
    [3, 3, 4, 2, 0],
    [3, 3, 4, 4, 0],
    [3, 3, 4, 4, 1],
    [3, 3, 13, 0, 2],
    [3, 3, 14, 0, 2],
    [3, 3, 13, 0, 3],
    [3, 3, 14, 0, 0],
    [3, 3, 0, 0, 1],
    [3, 3, 0, 0, 7],
    [3, 0, 0, 0, 0],
  ] as const;
  for (const [op0, op1, CRn, CRm, op2] of registers) {
    const place = { o0: op0 & 1, op1, CRn, CRm, op2 };
    const results = [0, Number.POSITIVE_INFINITY].map((interpretThreshold) => {
      const cpu = cpuWith([encode("MSR", { ...place, Rt: 0 }), encode("MRS", { ...place, Rt: 1 }), svc], {
        interpretThreshold,
      });
      cpu.setX(0, -1);
      // What cannot be written is an unknown instruction; it can be read still.
      const writing = cpu.run(10);
      cpu.pc = CODE + 4;
      return [writing, cpu.run(10), cpu.x(1)];
    });
    assert.deepEqual(results[1], results[0]);
  }
});
