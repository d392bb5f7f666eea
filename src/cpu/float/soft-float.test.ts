/** Software floating point against the host's, which rounds to nearest; the other modes by what they must be to each other. */
import assert from "node:assert/strict";
import test from "node:test";
import { SeededRandom } from "../../base/random.ts";
import { controlBit, double, type Format, half, single, statusBit } from "./format.ts";
import { SoftFloat } from "./soft-float.ts";

const ROUNDS = 3000;
const mode = { nearest: 0, up: 1 << 22, down: 2 << 22, zero: 3 << 22 } as const;
const view = new DataView(new ArrayBuffer(8));

function toNumber(format: Format, bits: bigint): number {
  if (format.bits === 64) {
    view.setBigUint64(0, bits);
    return view.getFloat64(0);
  }
  view.setUint32(0, Number(bits));
  return view.getFloat32(0);
}

function toBits(format: Format, value: number): bigint {
  if (format.bits === 64) {
    view.setFloat64(0, value);
    return view.getBigUint64(0);
  }
  view.setFloat32(0, value);
  return BigInt(view.getUint32(0));
}

/** Numbers of like size, so that they meet, and any bits at all, in turn. */
function randomNumber(format: Format, random: SeededRandom): number {
  const bits = (BigInt(random.nextUint32()) << 32n) | BigInt(random.nextUint32());
  if (random.nextUint32() % 2 === 0) return toNumber(format, BigInt.asUintN(format.bits, bits));
  return toNumber(format, toBits(format, ((random.nextUint32() | 0) / 2 ** 20) * 2 ** (random.nextUint32() % 4)));
}

const operations: Readonly<
  Record<
    string,
    readonly [(a: number, b: number) => number, (unit: SoftFloat, format: Format, a: bigint, b: bigint) => bigint]
  >
> = {
  add: [(a, b) => a + b, (unit, format, a, b) => unit.add(format, a, b)],
  sub: [(a, b) => a - b, (unit, format, a, b) => unit.sub(format, a, b)],
  mul: [(a, b) => a * b, (unit, format, a, b) => unit.mul(format, a, b)],
  div: [(a, b) => a / b, (unit, format, a, b) => unit.div(format, a, b)],
  sqrt: [(a) => Math.sqrt(a), (unit, format, a) => unit.sqrt(format, a)],
};

for (const [name, [expected, operation]] of Object.entries(operations)) {
  test(`${name}: to nearest as the host does, and the other modes around that`, () => {
    const random = new SeededRandom(7);
    const unit = new SoftFloat();
    for (let round = 0; round < ROUNDS; round++) {
      const format = round % 2 === 0 ? double : single;
      const [x, y] = [randomNumber(format, random), randomNumber(format, random)];
      const [a, b] = [toBits(format, x), toBits(format, y)];
      const compute = (control: number): number => {
        unit.control = control;
        unit.status = 0;
        return toNumber(format, operation(unit, format, a, b));
      };
      const exact = expected(x, y);
      const nearest = compute(mode.nearest);
      const isInexact = (unit.status & statusBit.inexact) !== 0;
      assert.ok(Object.is(nearest, format === double ? exact : Math.fround(exact)), `${name} ${x} ${y}: ${nearest}`);
      if (Number.isNaN(nearest)) continue;
      const [up, down, zero] = [compute(mode.up), compute(mode.down), compute(mode.zero)];
      assert.equal(up !== down, isInexact);
      assert.ok(down <= nearest && nearest <= up && (nearest === down || nearest === up));
      assert.equal(zero, Math.sign(up) < 0 || down < 0 ? up : down);
    }
  });
}

test("a sum of opposite numbers is minus zero when rounding down only", () => {
  const unit = new SoftFloat();
  assert.equal(unit.sub(double, toBits(double, 5), toBits(double, 5)), 0n);
  unit.control = mode.down;
  assert.equal(unit.sub(double, toBits(double, 5), toBits(double, 5)), double.signBit);
});

test("a fused product is rounded once", () => {
  const unit = new SoftFloat();
  const factor = toBits(double, 1 + 2 ** -30);
  assert.equal(unit.mulAdd(double, toBits(double, -(1 + 2 ** -29)), factor, factor), toBits(double, 2 ** -60));
  assert.equal(unit.status, 0);
});

test("flags: invalid, division by zero, overflow, underflow, inexact", () => {
  const flagsOf = (operate: (unit: SoftFloat) => bigint): number => {
    const unit = new SoftFloat();
    operate(unit);
    return unit.status;
  };
  const bits = (value: number): bigint => toBits(double, value);
  const { invalid, divideByZero, overflow, underflow, inexact } = statusBit;
  assert.equal(
    flagsOf((unit) => unit.div(double, bits(1), bits(0))),
    divideByZero,
  );
  assert.equal(
    flagsOf((unit) => unit.div(double, bits(0), bits(0))),
    invalid,
  );
  assert.equal(
    flagsOf((unit) => unit.mul(double, bits(1e300), bits(1e300))),
    overflow | inexact,
  );
  assert.equal(
    flagsOf((unit) => unit.mul(double, bits(1e-300), bits(1e-300))),
    underflow | inexact,
  );
  assert.equal(
    flagsOf((unit) => unit.mul(double, bits(2 ** -1070), bits(0.5))),
    0,
  );
  assert.equal(
    flagsOf((unit) => unit.div(double, bits(1), bits(3))),
    inexact,
  );
  assert.equal(
    flagsOf((unit) => unit.toFixed(double, bits(1e10), 0, 32, true, "zero")),
    invalid,
  );
});

test("FZ makes zeros of denormals, DN makes all NaNs the same, AHP has no infinity", () => {
  const unit = new SoftFloat();
  unit.control = controlBit.flushToZero;
  assert.equal(unit.add(single, 1n, 1n), 0n);
  assert.equal(unit.status, statusBit.inputDenormal);
  assert.equal(unit.mul(single, toBits(single, 2 ** -126), toBits(single, -0.5)), single.signBit);
  assert.equal(unit.status, statusBit.inputDenormal | statusBit.underflow);
  const nan = 0x7fc12345n;
  assert.equal(unit.add(single, nan, 0n), nan);
  unit.control = controlBit.defaultNan;
  assert.equal(unit.add(single, nan, 0n), single.defaultNan);
  assert.equal(unit.convert(single, half, toBits(single, 1e9)), half.infinity);
  unit.control = controlBit.alternativeHalf;
  assert.equal(unit.convert(single, half, toBits(single, 1e9)), 0x7fffn);
  assert.equal(unit.convert(half, single, 0x7c00n), toBits(single, 65536));
});
