/**
 * Executes one floating-point instruction in software, on the registers in the state memory, as FPCR says and with FPSR kept. Which
 * instructions: all whose result depends on FPCR.
 */
import { decode, extractFields } from "../decode/decoder.ts";
import type { Fields } from "../decode/fields.ts";
import { instructions } from "../decode/table.ts";
import { stateOffset } from "../state.ts";
import { double, type Format, half, type Rounding, single } from "./format.ts";
import { SoftFloat } from "./soft-float.ts";

/** What the translator must know to have an instruction executed here. */
export interface Controlled {
  /** Where its result goes, and for "fromGeneral" its operand comes from; otherwise vector registers. */
  readonly kind: "vector" | "fromGeneral" | "toGeneral" | "compare";
  /** Whether the form is an instruction at all. */
  readonly isAllocated: (f: Fields) => boolean;
  /** The flags in bits 31 to 28 for "compare". */
  readonly execute: (machine: Machine, f: Fields) => number | undefined;
}

type Binary = (unit: SoftFloat, format: Format, a: bigint, b: bigint) => bigint;
type Unary = (unit: SoftFloat, format: Format, a: bigint) => bigint;

/** Registers in the state memory, by lanes. */
class Machine {
  readonly unit: SoftFloat = new SoftFloat();
  view: DataView = new DataView(new ArrayBuffer(0));

  general(register: number): bigint {
    return register === 31 ? 0n : this.view.getBigUint64(8 * register, true);
  }
  setGeneral(register: number, value: bigint): void {
    if (register !== 31) this.view.setBigUint64(8 * register, value, true);
  }

  lane(register: number, bits: number, index: number): bigint {
    const at = stateOffset.v + 16 * register + (bits >> 3) * index;
    if (bits === 64) return this.view.getBigUint64(at, true);
    return BigInt(bits === 32 ? this.view.getUint32(at, true) : this.view.getUint16(at, true));
  }

  /** Lanes from `first` up; those above become zero, those below stay. */
  setLanes(register: number, bits: number, values: readonly bigint[], first = 0): void {
    const at = stateOffset.v + 16 * register;
    if (first === 0) this.view.setBigUint64(at, 0n, true);
    this.view.setBigUint64(at + 8, 0n, true);
    for (const [index, value] of values.entries()) {
      const place = at + (bits >> 3) * (first + index);
      if (bits === 64) this.view.setBigUint64(place, value, true);
      else if (bits === 32) this.view.setUint32(place, Number(value), true);
      else this.view.setUint16(place, Number(value), true);
    }
  }
}

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

const toIntegerRounding: Readonly<Record<string, Rounding>> = {
  N: "nearest",
  M: "down",
  A: "away",
  P: "up",
  Z: "zero",
};

const scalarFormat = (f: Fields): Format => (f.ftype === 1 ? double : f.ftype === 3 ? half : single);
const vectorFormat = (f: Fields): Format => (f.sz === 1 ? double : single);

const isScalar = ({ ftype }: Fields): boolean => ftype < 2;
const always = (): boolean => true;
/** Lanes of double need a whole vector. */
const isVector = (f: Fields): boolean => f.sz === 0 || f.Q === 1;

function laneCount(f: Fields, format: Format): number {
  return (f.Q === 1 ? 128 : 64) / format.bits;
}

/** `lanes` gives how many there are and `operate` one of them. */
function byLanes(
  isAllocated: Controlled["isAllocated"],
  formatOf: (f: Fields) => Format,
  lanes: (f: Fields, format: Format) => number,
  operate: (machine: Machine, f: Fields, format: Format, index: number) => bigint,
): Controlled {
  const execute: Controlled["execute"] = (machine, f) => {
    const format = formatOf(f);
    const values: bigint[] = [];
    const count = lanes(f, format);
    for (let index = 0; index < count; index++) values.push(operate(machine, f, format, index));
    machine.setLanes(f.Rd, format.bits, values);
    return undefined;
  };
  return { kind: "vector", isAllocated, execute };
}
const one = (): number => 1;

/** The element that a by-element form names. */
function element(machine: Machine, f: Fields, format: Format): bigint {
  const index = format.bits === 64 ? f.H : (f.H << 1) | f.L;
  return machine.lane((f.M << 4) | f.Rm4, format.bits, index);
}

const controlled = new Map<string, Controlled>();

function addBinaries(): void {
  for (const [name, binary] of Object.entries(binaries)) {
    const operate = (machine: Machine, f: Fields, { bits }: Format, index: number): readonly [bigint, bigint] => [
      machine.lane(f.Rn, bits, index),
      machine.lane(f.Rm, bits, index),
    ];
    const ofLanes: Parameters<typeof byLanes>[3] = (machine, f, format, index) =>
      binary(machine.unit, format, ...operate(machine, f, format, index));
    const ofPair: typeof ofLanes = (machine, f, format, index) => {
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
    const byElement: typeof ofLanes = (machine, f, format, index) =>
      binary(machine.unit, format, machine.lane(f.Rn, format.bits, index), element(machine, f, format));
    const isElement = (f: Fields): boolean => f.sz === 0 || f.L === 0;
    controlled.set(name, byLanes(isScalar, scalarFormat, one, ofLanes));
    controlled.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, ofLanes));
    controlled.set(`${name}_s`, byLanes(always, vectorFormat, one, ofLanes));
    controlled.set(`${name}P_v`, byLanes(isVector, vectorFormat, laneCount, ofPair));
    controlled.set(`${name}P_s`, byLanes(always, vectorFormat, one, ofPair));
    controlled.set(
      `${name}_elem`,
      byLanes((f) => isVector(f) && isElement(f), vectorFormat, laneCount, byElement),
    );
    controlled.set(`${name}_selem`, byLanes(isElement, vectorFormat, one, byElement));
    controlled.set(`${name}V`, {
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
    const operate: Parameters<typeof byLanes>[3] = (machine, f, format, index) =>
      unary(machine.unit, format, machine.lane(f.Rn, format.bits, index));
    controlled.set(name, byLanes(isScalar, scalarFormat, one, operate));
    controlled.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate));
    controlled.set(`${name}_s`, byLanes(always, vectorFormat, one, operate));
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
  controlled.set("FMADD", scalar(false, false));
  controlled.set("FMSUB", scalar(true, false));
  controlled.set("FNMADD", scalar(true, true));
  controlled.set("FNMSUB", scalar(false, true));
  for (const name of ["FMLA", "FMLS"]) {
    const operate =
      (byElement: boolean): Parameters<typeof byLanes>[3] =>
      (machine, f, format, index) => {
        const n = machine.lane(f.Rn, format.bits, index) ^ (name === "FMLS" ? format.signBit : 0n);
        const m = byElement ? element(machine, f, format) : machine.lane(f.Rm, format.bits, index);
        return machine.unit.mulAdd(format, machine.lane(f.Rd, format.bits, index), n, m);
      };
    const isElement = (f: Fields): boolean => f.sz === 0 || f.L === 0;
    controlled.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate(false)));
    controlled.set(
      `${name}_elem`,
      byLanes((f) => isVector(f) && isElement(f), vectorFormat, laneCount, operate(true)),
    );
    controlled.set(`${name}_selem`, byLanes(isElement, vectorFormat, one, operate(true)));
  }
}

/** Fraction bits and format of a shift's immediate in a vector fixed-point form. */
const fixedFormat = (f: Fields): Format => ((f.immh & 8) !== 0 ? double : single);
const fixedBits = (f: Fields): number => 2 * fixedFormat(f).bits - ((f.immh << 3) | f.immb);
const isFixedScalar = (f: Fields): boolean => f.immh >= 4;
const isFixedVector = (f: Fields): boolean => f.immh >= 4 && (f.immh < 8 || f.Q === 1);
const isFixedGeneral = (f: Fields): boolean => f.ftype < 2 && (f.sf === 1 || f.scale >= 32);
const noBits = (): number => 0;

function addToIntegers(): void {
  const general = (
    isSigned: boolean,
    rounding: Rounding,
    isAllocated: Controlled["isAllocated"],
    fractionBits: (f: Fields) => number,
  ): Controlled => ({
    kind: "toGeneral",
    isAllocated,
    execute: (machine, f) => {
      const format = scalarFormat(f);
      const width = f.sf === 1 ? 64 : 32;
      const value = machine.lane(f.Rn, format.bits, 0);
      machine.setGeneral(f.Rd, machine.unit.toFixed(format, value, fractionBits(f), width, isSigned, rounding));
      return undefined;
    },
  });
  for (const [letter, rounding] of Object.entries(toIntegerRounding)) {
    for (const sign of ["S", "U"]) {
      const name = `FCVT${letter}${sign}`;
      const isSigned = sign === "S";
      const operate =
        (fractionBits: (f: Fields) => number): Parameters<typeof byLanes>[3] =>
        (machine, f, format, index) => {
          const value = machine.lane(f.Rn, format.bits, index);
          return machine.unit.toFixed(format, value, fractionBits(f), format.bits, isSigned, rounding);
        };
      controlled.set(`${name}_gen`, general(isSigned, rounding, isScalar, noBits));
      controlled.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate(noBits)));
      controlled.set(`${name}_s`, byLanes(always, vectorFormat, one, operate(noBits)));
      if (letter !== "Z") continue;
      controlled.set(
        `${name}_fixed`,
        general(isSigned, rounding, isFixedGeneral, (f) => 64 - f.scale),
      );
      controlled.set(`${name}_fixed_v`, byLanes(isFixedVector, fixedFormat, laneCount, operate(fixedBits)));
      controlled.set(`${name}_fixed_s`, byLanes(isFixedScalar, fixedFormat, one, operate(fixedBits)));
    }
  }
}

function addFromIntegers(): void {
  for (const [name, isSigned] of [
    ["SCVTF", true],
    ["UCVTF", false],
  ] as const) {
    const extend = (value: bigint, width: number): bigint => (isSigned ? BigInt.asIntN(width, value) : value);
    const general = (isAllocated: Controlled["isAllocated"], fractionBits: (f: Fields) => number): Controlled => ({
      kind: "fromGeneral",
      isAllocated,
      execute: (machine, f) => {
        const format = scalarFormat(f);
        const width = f.sf === 1 ? 64 : 32;
        const value = extend(BigInt.asUintN(width, machine.general(f.Rn)), width);
        machine.setLanes(f.Rd, format.bits, [machine.unit.fromFixed(format, value, fractionBits(f))]);
        return undefined;
      },
    });
    const operate =
      (fractionBits: (f: Fields) => number): Parameters<typeof byLanes>[3] =>
      (machine, f, format, index) =>
        machine.unit.fromFixed(format, extend(machine.lane(f.Rn, format.bits, index), format.bits), fractionBits(f));
    controlled.set(`${name}_gen`, general(isScalar, noBits));
    controlled.set(
      `${name}_fixed`,
      general(isFixedGeneral, (f) => 64 - f.scale),
    );
    controlled.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate(noBits)));
    controlled.set(`${name}_s`, byLanes(always, vectorFormat, one, operate(noBits)));
    controlled.set(`${name}_fixed_v`, byLanes(isFixedVector, fixedFormat, laneCount, operate(fixedBits)));
    controlled.set(`${name}_fixed_s`, byLanes(isFixedScalar, fixedFormat, one, operate(fixedBits)));
  }
}

function addConversions(): void {
  const targetOf = (f: Fields): Format => scalarFormat({ ...f, ftype: f.opc });
  controlled.set(
    "FCVT",
    byLanes(
      (f) => f.ftype !== 2 && f.opc !== 2 && f.ftype !== f.opc,
      targetOf,
      one,
      (machine, f, format) => {
        const from = scalarFormat(f);
        return machine.unit.convert(from, format, machine.lane(f.Rn, from.bits, 0));
      },
    ),
  );
  const narrow =
    (rounding: Rounding | null): Controlled["execute"] =>
    (machine, f) => {
      const [from, to] = f.sz === 1 ? [double, single] : [single, half];
      const values: bigint[] = [];
      for (let index = 0; index < 128 / from.bits; index++) {
        const mode = rounding ?? machine.unit.rounding;
        values.push(machine.unit.convert(from, to, machine.lane(f.Rn, from.bits, index), mode));
      }
      machine.setLanes(f.Rd, to.bits, values, f.Q * values.length);
      return undefined;
    };
  controlled.set("FCVTN_v", { kind: "vector", isAllocated: always, execute: narrow(null) });
  controlled.set("FCVTXN_v", { kind: "vector", isAllocated: (f) => f.sz === 1, execute: narrow("odd") });
  controlled.set(
    "FCVTXN_s",
    byLanes(
      (f) => f.sz === 1,
      () => single,
      one,
      (machine, f, format) => machine.unit.convert(double, format, machine.lane(f.Rn, 64, 0), "odd"),
    ),
  );
  controlled.set(
    "FCVTL_v",
    byLanes(
      always,
      vectorFormat,
      (_, format) => 128 / format.bits,
      (machine, f, format, index) => {
        const from = f.sz === 1 ? single : half;
        const first = f.Q * (64 / from.bits);
        return machine.unit.convert(from, format, machine.lane(f.Rn, from.bits, first + index));
      },
    ),
  );
}

/** Flags of a comparison: less, equal, greater, unordered. */
const orderFlags = [0x80000000 | 0, 0x60000000, 0x20000000, 0x30000000] as const;

function addCompares(): void {
  for (const name of ["FCMP", "FCMPE", "FCMP_zero", "FCMPE_zero", "FCCMP", "FCCMPE"]) {
    const signals = name.includes("PE");
    const withZero = name.endsWith("_zero");
    controlled.set(name, {
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
addToIntegers();
addFromIntegers();
addConversions();
addCompares();

/** By the line's index: how to execute it here, or undefined if it does not depend on FPCR. */
export const controlledInstructions: readonly (Controlled | undefined)[] = instructions.map(({ name }) =>
  controlled.get(name),
);

const machine = new Machine();

/** Executes an instruction that has its entry in `controlledInstructions`; the flags that a comparison gives. */
export function executeFloat(state: DataView, word: number): number {
  const instruction = decode(word >>> 0);
  const entry = instruction === null ? undefined : controlledInstructions[instruction.index];
  if (instruction === null || entry === undefined) return 0;
  machine.view = state;
  machine.unit.control = state.getInt32(stateOffset.fpcr, true);
  machine.unit.status = state.getInt32(stateOffset.fpsr, true);
  const flags = entry.execute(machine, extractFields(instruction, word));
  state.setInt32(stateOffset.fpsr, machine.unit.status, true);
  return flags ?? 0;
}
