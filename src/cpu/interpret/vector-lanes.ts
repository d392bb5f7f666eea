/** How the interpreter's Advanced SIMD reaches lanes of vector registers and puts a result together. */
import { type Machine, outcome } from "./machine.ts";

export const rnOf = (word: number): number => (word >>> 5) & 31;
export const rmOf = (word: number): number => (word >>> 16) & 31;
export const sizeOf = (word: number): number => (word >>> 22) & 3;
export const isQuad = (word: number): boolean => ((word >>> 30) & 1) === 1;

/** The result is put together here, as its register may be an operand too. */
const buffer = new ArrayBuffer(16);
export const resultLanes: readonly [Uint8Array, Uint16Array, Uint32Array] = [
  new Uint8Array(buffer),
  new Uint16Array(buffer),
  new Uint32Array(buffer),
];
export const resultWords: Int32Array = new Int32Array(buffer);

/** Moves the result to Vd; without Q the upper half becomes zero. */
export function finish(m: Machine, word: number, quad: boolean = isQuad(word)): number {
  m.setVector(
    word & 31,
    resultWords[0] as number,
    resultWords[1] as number,
    quad ? (resultWords[2] as number) : 0,
    quad ? (resultWords[3] as number) : 0,
  );
  return outcome.next;
}

type Lanes = { [index: number]: number };
export const lanesOf = (m: Machine, size: number, isSigned: boolean): Lanes =>
  (isSigned ? m.signedLanes[size] : m.unsignedLanes[size]) as Lanes;
export const resultOf = (size: number): Lanes => resultLanes[size as 0 | 1 | 2] as Lanes;
export const countOf = (word: number, size: number): number => (isQuad(word) ? 16 : 8) >> size;
