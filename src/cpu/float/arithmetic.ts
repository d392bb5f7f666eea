/** Floating-point arithmetic and comparison executed in software, by the names of the decoder's table. */
import type { Fields } from "../decode/fields.ts";
import { type Format, single } from "./format.ts";
import {
  always,
  byLanes,
  type Controlled,
  isScalar,
  isVector,
  type LaneOperation,
  laneCount,
  type Machine,
  one,
  scalarFormat,
  vectorFormat,
} from "./machine.ts";
import type { SoftFloat } from "./soft-float.ts";

type Binary = (unit: SoftFloat, format: Format, a: bigint, b: bigint) => bigint;
type Unary = (unit: SoftFloat, format: Format, a: bigint) => bigint;

function ones(format: Format, isTrue: boolean): bigint {
  return isTrue ? (1n << BigInt(format.bits)) - 1n : 0n;
}

function compares(signals: boolean, holds: (order: number) => boolean, isAbsolute = false): Binary {
  return (unit, format, a, b) => {
    const operand = (bits: bigint): bigint => (isAbsolute ? bits & ~format.signBit : bits);
    const order = unit.compare(format, operand(a), operand(b), signals);
    return ones(format, order !== null && holds(order));
  };
}

const binaries: Readonly<Record<string, Binary>> = {
  FADD: (unit, format, a, b) => unit.add(format, a, b),
  FSUB: (unit, format, a, b) => unit.sub(format, a, b),
  FMUL: (unit, format, a, b) => unit.mul(format, a, b),
  FDIV: (unit, format, a, b) => unit.div(format, a, b),
  FNMUL: (unit, format, a, b) => unit.mul(format, a, b) ^ format.signBit,
  FABD: (unit, format, a, b) => unit.sub(format, a, b) & ~format.signBit,
  FMULX: (unit, format, a, b) => unit.mulExtended(format, a, b),
  FMAX: (unit, format, a, b) => unit.extremum(format, a, b, 1),
  FMIN: (unit, format, a, b) => unit.extremum(format, a, b, -1),
  FMAXNM: (unit, format, a, b) => unit.extremumNumber(format, a, b, 1),
  FMINNM: (unit, format, a, b) => unit.extremumNumber(format, a, b, -1),
  FRECPS: (unit, format, a, b) => unit.reciprocalStep(format, a, b),
  FRSQRTS: (unit, format, a, b) => unit.reciprocalRootStep(format, a, b),
  FCMEQ: compares(false, (order) => order === 0),
  FCMGE: compares(true, (order) => order >= 0),
  FCMGT: compares(true, (order) => order > 0),
  FACGE: compares(true, (order) => order >= 0, true),
  FACGT: compares(true, (order) => order > 0, true),
};

function compareZero(signals: boolean, holds: (order: number) => boolean): Unary {
  const compare = compares(signals, holds);
  return (unit, format, a) => compare(unit, format, a, 0n);
}

const unaries: Readonly<Record<string, Unary>> = {
  FSQRT: (unit, format, a) => unit.sqrt(format, a),
  FRINTN: (unit, format, a) => unit.roundToIntegral(format, a, "nearest", false),
  FRINTP: (unit, format, a) => unit.roundToIntegral(format, a, "up", false),
  FRINTM: (unit, format, a) => unit.roundToIntegral(format, a, "down", false),
  FRINTZ: (unit, format, a) => unit.roundToIntegral(format, a, "zero", false),
  FRINTA: (unit, format, a) => unit.roundToIntegral(format, a, "away", false),
  FRINTX: (unit, format, a) => unit.roundToIntegral(format, a, unit.rounding, true),
  FRINTI: (unit, format, a) => unit.roundToIntegral(format, a, unit.rounding, false),
  FRECPE: (unit, format, a) => unit.reciprocalEstimate(format, a),
  FRSQRTE: (unit, format, a) => unit.reciprocalRootEstimate(format, a),
  FRECPX: (unit, format, a) => unit.reciprocalExponent(format, a),
  FCMEQ_zero: compareZero(false, (order) => order === 0),
  FCMGE_zero: compareZero(true, (order) => order >= 0),
  FCMGT_zero: compareZero(true, (order) => order > 0),
  FCMLE_zero: compareZero(true, (order) => order <= 0),
  FCMLT_zero: compareZero(true, (order) => order < 0),
};

/** The element that a by-element form names. */
function element(machine: Machine, f: Fields, format: Format): bigint {
  const index = format.bits === 64 ? f.H : (f.H << 1) | f.L;
  return machine.lane((f.M << 4) | f.Rm4, format.bits, index);
}

/** The lines of this file. */
export const arithmetic: Map<string, Controlled> = new Map<string, Controlled>();

function addBinaries(): void {
  for (const [name, binary] of Object.entries(binaries)) {
    const operate = (machine: Machine, f: Fields, { bits }: Format, index: number): readonly [bigint, bigint] => [
      machine.lane(f.Rn, bits, index),
      machine.lane(f.Rm, bits, index),
    ];
    const ofLanes: LaneOperation = (machine, f, format, index) =>
      binary(machine.unit, format, ...operate(machine, f, format, index));
    const ofPair: LaneOperation = (machine, f, format, index) => {
      const count = laneCount(f, format);
      const register = 2 * index < count ? f.Rn : f.Rm;
      const first = (2 * index) % count;
      return binary(
        machine.unit,
        format,
        machine.lane(register, format.bits, first),
        machine.lane(register, format.bits, first + 1),
      );
    };
    const byElement: LaneOperation = (machine, f, format, index) =>
      binary(machine.unit, format, machine.lane(f.Rn, format.bits, index), element(machine, f, format));
    const isElement = (f: Fields): boolean => f.sz === 0 || f.L === 0;
    arithmetic.set(name, byLanes(isScalar, scalarFormat, one, ofLanes));
    arithmetic.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, ofLanes));
    arithmetic.set(`${name}_s`, byLanes(always, vectorFormat, one, ofLanes));
    arithmetic.set(`${name}P_v`, byLanes(isVector, vectorFormat, laneCount, ofPair));
    arithmetic.set(`${name}P_s`, byLanes(always, vectorFormat, one, ofPair));
    arithmetic.set(
      `${name}_elem`,
      byLanes((f) => isVector(f) && isElement(f), vectorFormat, laneCount, byElement),
    );
    arithmetic.set(`${name}_selem`, byLanes(isElement, vectorFormat, one, byElement));
    arithmetic.set(`${name}V`, {
      kind: "vector",
      isAllocated: always,
      execute: (machine, f) => across(machine, f, binary),
    });
  }
}

/** All four single lanes: the halves' results together. */
function across(machine: Machine, f: Fields, binary: Binary): undefined {
  const [a, b, c, d] = [0, 1, 2, 3].map((index) => machine.lane(f.Rn, 32, index)) as [bigint, bigint, bigint, bigint];
  const [low, high] = [binary(machine.unit, single, a, b), binary(machine.unit, single, c, d)];
  machine.setLanes(f.Rd, 32, [binary(machine.unit, single, low, high)]);
}

function addUnaries(): void {
  for (const [name, unary] of Object.entries(unaries)) {
    const operate: LaneOperation = (machine, f, format, index) =>
      unary(machine.unit, format, machine.lane(f.Rn, format.bits, index));
    arithmetic.set(name, byLanes(isScalar, scalarFormat, one, operate));
    arithmetic.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate));
    arithmetic.set(`${name}_s`, byLanes(always, vectorFormat, one, operate));
  }
}

/** (±n × m) ± a in their scalar, vector and by-element forms. */
function addMultiplyAdds(): void {
  const scalar = (negateProduct: boolean, negateAddend: boolean): Controlled =>
    byLanes(isScalar, scalarFormat, one, (machine, f, format) => {
      const operand = (register: number, negate: boolean): bigint =>
        machine.lane(register, format.bits, 0) ^ (negate ? format.signBit : 0n);
      return machine.unit.mulAdd(
        format,
        operand(f.Ra, negateAddend),
        operand(f.Rn, negateProduct),
        operand(f.Rm, false),
      );
    });
  arithmetic.set("FMADD", scalar(false, false));
  arithmetic.set("FMSUB", scalar(true, false));
  arithmetic.set("FNMADD", scalar(true, true));
  arithmetic.set("FNMSUB", scalar(false, true));
  for (const name of ["FMLA", "FMLS"]) {
    const operate =
      (byElement: boolean): LaneOperation =>
      (machine, f, format, index) => {
        const n = machine.lane(f.Rn, format.bits, index) ^ (name === "FMLS" ? format.signBit : 0n);
        const m = byElement ? element(machine, f, format) : machine.lane(f.Rm, format.bits, index);
        return machine.unit.mulAdd(format, machine.lane(f.Rd, format.bits, index), n, m);
      };
    const isElement = (f: Fields): boolean => f.sz === 0 || f.L === 0;
    arithmetic.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate(false)));
    arithmetic.set(
      `${name}_elem`,
      byLanes((f) => isVector(f) && isElement(f), vectorFormat, laneCount, operate(true)),
    );
    arithmetic.set(`${name}_selem`, byLanes(isElement, vectorFormat, one, operate(true)));
  }
}

/** Flags of a comparison: less, equal, greater, unordered. */
const orderFlags = [0x80000000 | 0, 0x60000000, 0x20000000, 0x30000000] as const;

function addCompares(): void {
  for (const name of ["FCMP", "FCMPE", "FCMP_zero", "FCMPE_zero", "FCCMP", "FCCMPE"]) {
    const signals = name.includes("PE");
    const withZero = name.endsWith("_zero");
    arithmetic.set(name, {
      kind: "compare",
      isAllocated: isScalar,
      execute: (machine, f) => {
        const format = scalarFormat(f);
        const b = withZero ? 0n : machine.lane(f.Rm, format.bits, 0);
        const order = machine.unit.compare(format, machine.lane(f.Rn, format.bits, 0), b, signals);
        return orderFlags[order === null ? 3 : order + 1];
      },
    });
  }
}

addBinaries();
addUnaries();
addMultiplyAdds();
addCompares();
