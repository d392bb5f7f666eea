/** The registers that floating-point instructions executed in software work on, and the forms in which they come. */
import type { Fields } from "../decode/fields.ts";
import { stateOffset } from "../state.ts";
import { double, type Format, half, single } from "./format.ts";
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

/** Registers in the state memory, by lanes. */
export class Machine {
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

export const scalarFormat = (f: Fields): Format => (f.ftype === 1 ? double : f.ftype === 3 ? half : single);
export const vectorFormat = (f: Fields): Format => (f.sz === 1 ? double : single);

export const isScalar = ({ ftype }: Fields): boolean => ftype < 2;
export const always = (): boolean => true;
/** Lanes of double need a whole vector. */
export const isVector = (f: Fields): boolean => f.sz === 0 || f.Q === 1;

export function laneCount(f: Fields, format: Format): number {
  return (f.Q === 1 ? 128 : 64) / format.bits;
}

/** Computes a lane of the result. */
export type LaneOperation = (machine: Machine, f: Fields, format: Format, index: number) => bigint;

/** `lanes` gives how many there are and `operate` one of them. */
export function byLanes(
  isAllocated: Controlled["isAllocated"],
  formatOf: (f: Fields) => Format,
  lanes: (f: Fields, format: Format) => number,
  operate: LaneOperation,
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
export const one = (): number => 1;
