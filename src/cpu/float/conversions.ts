/** Floating-point conversions executed in software, by the names of the decoder's table. */
import type { Fields } from "../decode/fields.ts";
import { double, type Format, half, type Rounding, single } from "./format.ts";
import {
  always,
  byLanes,
  type Controlled,
  isScalar,
  isVector,
  type LaneOperation,
  laneCount,
  one,
  scalarFormat,
  vectorFormat,
} from "./machine.ts";

/** The lines of this file. */
export const conversions: Map<string, Controlled> = new Map();

const toIntegerRounding: Readonly<Record<string, Rounding>> = {
  N: "nearest",
  M: "down",
  A: "away",
  P: "up",
  Z: "zero",
};

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
        (fractionBits: (f: Fields) => number): LaneOperation =>
        (machine, f, format, index) => {
          const value = machine.lane(f.Rn, format.bits, index);
          return machine.unit.toFixed(format, value, fractionBits(f), format.bits, isSigned, rounding);
        };
      conversions.set(`${name}_gen`, general(isSigned, rounding, isScalar, noBits));
      conversions.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate(noBits)));
      conversions.set(`${name}_s`, byLanes(always, vectorFormat, one, operate(noBits)));
      if (letter !== "Z") continue;
      conversions.set(
        `${name}_fixed`,
        general(isSigned, rounding, isFixedGeneral, (f) => 64 - f.scale),
      );
      conversions.set(`${name}_fixed_v`, byLanes(isFixedVector, fixedFormat, laneCount, operate(fixedBits)));
      conversions.set(`${name}_fixed_s`, byLanes(isFixedScalar, fixedFormat, one, operate(fixedBits)));
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
      (fractionBits: (f: Fields) => number): LaneOperation =>
      (machine, f, format, index) =>
        machine.unit.fromFixed(format, extend(machine.lane(f.Rn, format.bits, index), format.bits), fractionBits(f));
    conversions.set(`${name}_gen`, general(isScalar, noBits));
    conversions.set(
      `${name}_fixed`,
      general(isFixedGeneral, (f) => 64 - f.scale),
    );
    conversions.set(`${name}_v`, byLanes(isVector, vectorFormat, laneCount, operate(noBits)));
    conversions.set(`${name}_s`, byLanes(always, vectorFormat, one, operate(noBits)));
    conversions.set(`${name}_fixed_v`, byLanes(isFixedVector, fixedFormat, laneCount, operate(fixedBits)));
    conversions.set(`${name}_fixed_s`, byLanes(isFixedScalar, fixedFormat, one, operate(fixedBits)));
  }
}

function addConversions(): void {
  const targetOf = (f: Fields): Format => scalarFormat({ ...f, ftype: f.opc });
  conversions.set(
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
  conversions.set("FCVTN_v", { kind: "vector", isAllocated: always, execute: narrow(null) });
  conversions.set("FCVTXN_v", { kind: "vector", isAllocated: (f) => f.sz === 1, execute: narrow("odd") });
  conversions.set(
    "FCVTXN_s",
    byLanes(
      (f) => f.sz === 1,
      () => single,
      one,
      (machine, f, format) => machine.unit.convert(double, format, machine.lane(f.Rn, 64, 0), "odd"),
    ),
  );
  conversions.set(
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

addToIntegers();
addFromIntegers();
addConversions();
