/**
 * Writes the body of one WebAssembly function: instructions as bytes, locals numbered as they are asked for, and structured control
 * with relative branch depths worked out from labels.
 */
import { op, type ValueType, valueType } from "./opcodes.ts";

/** A block, loop or if that is open; a branch names it by this number. */
export type Label = number;

/** Appends an unsigned LEB128 number below 2^32. */
export function appendUnsigned(bytes: number[], value: number): void {
  let rest = value >>> 0;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
}

function appendSigned32(bytes: number[], value: number): void {
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      bytes.push(low);
      return;
    }
    bytes.push(low | 0x80);
  }
}

/** Bytes of a number written by writePadded. */
export const PADDED_BYTES = 5;

/** Writes a number from 0 to 2^31 − 1 as five bytes of LEB128, so that another can take its place. */
export function writePadded(bytes: { [place: number]: number }, at: number, value: number): void {
  for (let place = 0; place < PADDED_BYTES - 1; place++) bytes[at + place] = ((value >>> (7 * place)) & 0x7f) | 0x80;
  bytes[at + PADDED_BYTES - 1] = value >>> 28;
}

function appendSigned64(bytes: number[], value: bigint): void {
  let rest = BigInt.asIntN(64, value);
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
      bytes.push(low);
      return;
    }
    bytes.push(low | 0x80);
  }
}

export class Code {
  /** Where instructions go; the translator swaps it to collect pieces. */
  bytes: number[] = [];
  readonly #locals: ValueType[] = [];
  readonly #parameterCount: number;
  readonly #offsetBias: number;
  #openBlocks = 0;

  /** `offsetBias` is added to the offset of every access to memory 0. */
  constructor(parameterCount = 0, offsetBias = 0) {
    this.#parameterCount = parameterCount;
    this.#offsetBias = offsetBias;
  }

  /** A new local of this type, zero at first. */
  newLocal(type: ValueType): number {
    return this.#parameterCount + this.#locals.push(type) - 1;
  }

  /** One instruction without immediates. */
  op(code: number): this {
    if (code < 0x10000) {
      this.bytes.push(code);
    } else {
      this.bytes.push(code >>> 16);
      appendUnsigned(this.bytes, code & 0xffff);
    }
    return this;
  }

  /** One instruction with unsigned immediates. */
  opWith(code: number, ...immediates: number[]): this {
    this.op(code);
    for (const immediate of immediates) appendUnsigned(this.bytes, immediate);
    return this;
  }

  get(local: number): this {
    return this.opWith(op.local_get, local);
  }
  set(local: number): this {
    return this.opWith(op.local_set, local);
  }
  tee(local: number): this {
    return this.opWith(op.local_tee, local);
  }

  i32(value: number): this {
    this.bytes.push(op.i32_const);
    appendSigned32(this.bytes, value);
    return this;
  }

  /** A constant that does not have to be known yet: see writePadded. */
  i32Padded(value: number): this {
    this.bytes.push(op.i32_const);
    writePadded(this.bytes, this.bytes.length, value);
    return this;
  }

  /** A constant given as a bigint of either sign, or as a safe integer. */
  i64(value: bigint | number): this {
    this.bytes.push(op.i64_const);
    if (typeof value === "number" && value === (value | 0)) appendSigned32(this.bytes, value);
    else appendSigned64(this.bytes, BigInt(value));
    return this;
  }

  f64(value: number): this {
    this.bytes.push(op.f64_const, ...new Uint8Array(new Float64Array([value]).buffer));
    return this;
  }

  f32(value: number): this {
    this.bytes.push(op.f32_const, ...new Uint8Array(new Float32Array([value]).buffer));
    return this;
  }

  /** A vector constant from its two halves. */
  v128(low: bigint, high: bigint): this {
    this.op(op.v128_const);
    this.bytes.push(...new Uint8Array(new BigUint64Array([BigInt.asUintN(64, low), BigInt.asUintN(64, high)]).buffer));
    return this;
  }

  /** A load or store; `alignment` is the exponent of two that the instruction states. */
  memory(code: number, memory: number, alignment: number, offset = 0): this {
    this.op(code);
    if (memory === 0) {
      this.bytes.push(alignment);
      appendUnsigned(this.bytes, offset + this.#offsetBias);
      return this;
    }
    this.bytes.push(alignment | 0x40);
    appendUnsigned(this.bytes, memory);
    appendUnsigned(this.bytes, offset);
    return this;
  }

  /** Shuffles two vectors by sixteen byte numbers from 0 to 31. */
  shuffle(lanes: readonly number[]): this {
    this.op(op.i8x16_shuffle);
    this.bytes.push(...lanes);
    return this;
  }

  block(type?: ValueType): Label {
    return this.#open(op.block, type);
  }
  loop(type?: ValueType): Label {
    return this.#open(op.loop, type);
  }
  if(type?: ValueType): Label {
    return this.#open(op.if, type);
  }
  else(): this {
    return this.op(op.else);
  }
  end(): this {
    this.#openBlocks--;
    return this.op(op.end);
  }

  br(label: Label): this {
    return this.opWith(op.br, this.#openBlocks - label);
  }
  brIf(label: Label): this {
    return this.opWith(op.br_if, this.#openBlocks - label);
  }

  #open(code: number, type: ValueType | undefined): Label {
    this.bytes.push(code, type === undefined ? 0x40 : valueType[type]);
    return ++this.#openBlocks;
  }

  /** The function's entry in the code section, without its length. */
  finish(): number[] {
    if (this.#openBlocks !== 0) throw new Error(`${this.#openBlocks} blocks are still open`);
    const groups: [count: number, type: number][] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last !== undefined && last[1] === valueType[type]) last[0]++;
      else groups.push([1, valueType[type]]);
    }
    const body: number[] = [];
    appendUnsigned(body, groups.length);
    for (const [count, type] of groups) {
      appendUnsigned(body, count);
      body.push(type);
    }
    for (const byte of this.bytes) body.push(byte);
    body.push(op.end);
    return body;
  }
}
