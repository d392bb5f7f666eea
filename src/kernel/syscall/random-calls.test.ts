/** Random calls with random arguments: whatever a program gives, it gets a number or waits, and the kernel stays whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SIGKILL } from "../../abi/signal.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { definitionsOf, Strace } from "../gate/strace.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

setLockChecking(true);

/** Values that mean something to some call, and values that mean nothing to any. */
const argument: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -2, max: 20 }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(0x2000, 0x2008, 0x2040, 0x2100, 0x3_fff8, 0x3_ffff, 0x4_0000, 8, 4095, 4096),
  },
  { weight: 2, arbitrary: fc.nat(0x4_0000) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 31 }).map((shift) => 1 << shift) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31), -(2 ** 53), 0xffff_ffff, 1e300) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, 0.5, 4096.25, -0, Number.POSITIVE_INFINITY, -1.5) },
);

const word: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.integer(),
  fc.constantFrom(0x2000, 0x2100),
);

const step = fc.record({
  choice: fc.nat(1_000_000),
  values: fc.array(argument, { minLength: 6, maxLength: 6 }),
  words: fc.array(word, { minLength: 8, maxLength: 8 }),
});

/** Virtual time moves in small steps: a short interval timer fires at every deadline on the way. */
const STEP_MILLISECONDS = 7;

function exercise(
  abi: "linux" | "akuma",
  steps: readonly { choice: number; values: number[]; words: number[] }[],
): void {
  const kernel = new TestKernel();
  const programs: TestProgram[] = [kernel.spawn(null, abi)];
  // Every call is traced as well: what strace makes of bad arguments must not throw either.
  const strace = new Strace((line) => assert.ok(line.length < 20_000), definitionsOf(kernel.gate));
  const numbers = Object.keys(kernel.gate.table(abi).definitions).map(Number);
  for (const { choice, values, words } of steps) {
    let program = programs[choice % programs.length] as TestProgram;
    if (program.process.hasExited || choice % 17 === 0) {
      program = kernel.spawn(programs[0]?.process.hasExited === false ? programs[0] : null, abi);
      programs[Math.min(choice % 5, programs.length)] = program;
      program.process.signals.deliver = () => {};
      program.process.tracer = choice % 2 === 0 ? strace : null;
    }
    // Something to find behind addresses.
    for (const [index, value] of words.entries()) program.memory.writeUint32(0x2000 + 8 * index, value);
    const number = numbers[choice % numbers.length] as number;
    const outcome = program.start(number, ...values);
    if (typeof outcome === "number") {
      assert.ok(Number.isInteger(outcome) && outcome > -4096, `call ${number}(${values}) gave ${outcome}`);
    }
    kernel.advance(STEP_MILLISECONDS);
  }
  for (const process of [...kernel.processes.all()]) process.signals.raise(SIGKILL);
  kernel.run();
  assert.equal(kernel.openFiles.current, 0, "open files are left");
  assert.equal(kernel.openFiles.pipeBytes, 0, "pipes are left");
  assert.equal(kernel.timers.size, 0, "timers are left");
  assert.equal(kernel.processes.size, 0, "processes are left");
}

for (const abi of ["linux", "akuma"] as const) {
  test(`${abi}: random calls never throw and leave nothing behind`, () => {
    const numRuns = Number(process.env["FUZZ_RUNS"] ?? 60);
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: "max" }), (steps) => exercise(abi, steps)),
      { numRuns },
    );
  });
}
