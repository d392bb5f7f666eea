/**
 * Writes the body of one WebAssembly function: instructions as bytes, locals numbered as they are asked for, and structured control
 * with relative branch depths worked out from labels.
 */
import { Bytes } from "./bytes.ts";
import { op, type ValueType, valueType } from "./opcodes.ts";

/** A block, loop or if that is open; a branch names it by this number. */
export type Label = number;

export class Code {
  /** Where instructions go; the translator swaps it to collect pieces. */
  bytes: Bytes = new Bytes();
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
      this.bytes.unsigned(code & 0xffff);
    }
    return this;
  }

  /** One instruction with unsigned immediates. */
  opWith(code: number, ...immediates: number[]): this {
    this.op(code);
    for (const immediate of immediates) this.bytes.unsigned(immediate);
    return this;
  }

  get(local: number): this {
    this.bytes.push(op.local_get);
    this.bytes.unsigned(local);
    return this;
  }
  set(local: number): this {
    this.bytes.push(op.local_set);
    this.bytes.unsigned(local);
    return this;
  }
  tee(local: number): this {
    this.bytes.push(op.local_tee);
    this.bytes.unsigned(local);
    return this;
  }

  i32(value: number): this {
    this.bytes.push(op.i32_const);
    this.bytes.signed32(value);
    return this;
  }

  /** A constant that does not have to be known yet: see writePadded. */
  i32Padded(value: number): this {
    this.bytes.push(op.i32_const);
    this.bytes.padded(value);
    return this;
  }

  /** A constant given as a bigint of either sign, or as a safe integer. */
  i64(value: bigint | number): this {
    this.bytes.push(op.i64_const);
    if (typeof value === "number" && value === (value | 0)) this.bytes.signed32(value);
    else this.bytes.signed64(BigInt(value));
    return this;
  }

  f64(value: number): this {
    this.bytes.push(op.f64_const);
    this.#raw(new Float64Array([value]));
    return this;
  }

  f32(value: number): this {
    this.bytes.push(op.f32_const);
    this.#raw(new Float32Array([value]));
    return this;
  }

  /** A vector constant from its two halves. */
  v128(low: bigint, high: bigint): this {
    this.op(op.v128_const);
    this.#raw(new BigUint64Array([BigInt.asUintN(64, low), BigInt.asUintN(64, high)]));
    return this;
  }

  /** A load or store; `alignment` is the exponent of two that the instruction states. */
  memory(code: number, memory: number, alignment: number, offset = 0): this {
    this.op(code);
    if (memory === 0) {
      this.bytes.push(alignment);
      this.bytes.unsigned(offset + this.#offsetBias);
      return this;
    }
    this.bytes.push(alignment | 0x40);
    this.bytes.unsigned(memory);
    this.bytes.unsigned(offset);
    return this;
  }

  /** Shuffles two vectors by sixteen byte numbers from 0 to 31. */
  shuffle(lanes: readonly number[]): this {
    this.op(op.i8x16_shuffle);
    for (const lane of lanes) this.bytes.push(lane);
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

  brTable(labels: readonly Label[], otherwise: Label): this {
    this.bytes.push(op.br_table);
    this.bytes.unsigned(labels.length);
    for (const label of labels) this.bytes.unsigned(this.#openBlocks - label);
    this.bytes.unsigned(this.#openBlocks - otherwise);
    return this;
  }

  #open(code: number, type: ValueType | undefined): Label {
    this.bytes.push(code);
    this.bytes.push(type === undefined ? 0x40 : valueType[type]);
    return ++this.#openBlocks;
  }

  #raw(values: ArrayBufferView): void {
    this.bytes.append(new Uint8Array(values.buffer), 0, values.byteLength);
  }

  /** The function's entry in the code section, without its length, and where in it the instructions start. */
  finish(): { body: Uint8Array; codeStart: number } {
    if (this.#openBlocks !== 0) throw new Error(`${this.#openBlocks} blocks are still open`);
    const groups: [count: number, type: number][] = [];
    for (const type of this.#locals) {
      const last = groups.at(-1);
      if (last !== undefined && last[1] === valueType[type]) last[0]++;
      else groups.push([1, valueType[type]]);
    }
    const body = new Bytes(this.bytes.length + 64);
    body.unsigned(groups.length);
    for (const [count, type] of groups) {
      body.unsigned(count);
      body.push(type);
    }
    const codeStart = body.length;
    body.appendAll(this.bytes);
    body.push(op.end);
    return { body: body.data.slice(0, body.length), codeStart };
  }
}
