/** Loads and stores of vector structures: LD1 to LD4, ST1 to ST4, whole registers, single lanes, and replicated. */
import type { Fields } from "../decode/fields.ts";
import { op } from "../wasm/opcodes.ts";
import { type Context, GUEST, type Translation } from "./context.ts";
import { loadVector, storeVector } from "./load-store.ts";
import { setVector } from "./vector-helpers.ts";

type Handlers = Record<string, Translation<Fields>>;

const loadLane = [op.v128_load8_lane, op.v128_load16_lane, op.v128_load32_lane, op.v128_load64_lane];
const storeLane = [op.v128_store8_lane, op.v128_store16_lane, op.v128_store32_lane, op.v128_store64_lane];
const loadSplat = [op.v128_load8_splat, op.v128_load16_splat, op.v128_load32_splat, op.v128_load64_splat];

function moveLane(
  context: Context,
  isLoad: boolean,
  size: number,
  index: number,
  address: number,
  offset: number,
  register: number,
): void {
  const { code } = context;
  code.get(address);
  context.v(register);
  code.memory((isLoad ? loadLane : storeLane)[size] as number, GUEST, 0, offset);
  code.bytes.push(index);
  if (isLoad) context.setV(register);
}

/** Adds to the base register: Xm, or the size of what was moved for Rm = 31. */
function writeBack(context: Context, f: Fields, byteLength: number): void {
  context.xOrSp(f.Rn);
  if (f.Rm === 31) context.code.i64(byteLength);
  else context.x(f.Rm);
  context.code.op(op.i64_add);
  context.setXOrSp(f.Rn);
}

function addressOf(context: Context, f: Fields): number {
  context.address(f.Rn, 0);
  return context.keep("i32");
}

/** LD1 and ST1 of consecutive registers; `interleaved` for LD2 to LD4. */
function multiple(isLoad: boolean, registers: number, interleaved: boolean, post: boolean): Translation<Fields> {
  return (context, f) => {
    if (interleaved && f.size === 3 && f.Q === 0) return false;
    const registerBytes = f.Q === 1 ? 16 : 8;
    const address = addressOf(context, f);
    for (let place = 0; place < registers; place++) {
      const register = (f.Rt + place) % 32;
      if (!interleaved) {
        if (isLoad) loadVector(context, address, place * registerBytes, register, f.Q === 1 ? 4 : 3);
        else storeVector(context, address, place * registerBytes, register, f.Q === 1 ? 4 : 3);
        continue;
      }
      if (isLoad && f.Q === 0) {
        context.code.v128(0n, 0n);
        context.setV(register);
      }
      for (let index = 0; index < registerBytes >> f.size; index++) {
        moveLane(context, isLoad, f.size, index, address, (index * registers + place) << f.size, register);
      }
    }
    if (post) writeBack(context, f, registers * registerBytes);
    return true;
  };
}

/** One lane of each register. The lane's number is in Q, S and size, less the bits that its size takes. */
function lane(isLoad: boolean, registers: number, width: "b" | "h" | "s", post: boolean): Translation<Fields> {
  return (context, f) => {
    let size = { b: 0, h: 1, s: 2 }[width];
    let index = (f.Q << 3) | (f.S << 2) | f.size;
    if (width === "h") {
      if ((f.size & 1) !== 0) return false;
      index >>= 1;
    } else if (width === "s") {
      if (f.size === 1 && f.S === 0) size = 3;
      else if (f.size !== 0) return false;
      index = size === 3 ? f.Q : index >> 2;
    }
    const address = addressOf(context, f);
    for (let place = 0; place < registers; place++) {
      moveLane(context, isLoad, size, index, address, place << size, (f.Rt + place) % 32);
    }
    if (post) writeBack(context, f, registers << size);
    return true;
  };
}

function replicate(registers: number, post: boolean): Translation<Fields> {
  return (context, f) => {
    const address = addressOf(context, f);
    for (let place = 0; place < registers; place++) {
      context.code.get(address).memory(loadSplat[f.size] as number, GUEST, 0, place << f.size);
      setVector(context, (f.Rt + place) % 32, f.Q);
    }
    if (post) writeBack(context, f, registers << f.size);
    return true;
  };
}

function allForms(): Handlers {
  const handlers: Handlers = {};
  for (const post of [false, true]) {
    const suffix = post ? "_post" : "";
    for (const isLoad of [false, true]) {
      const name = isLoad ? "LD" : "ST";
      for (const count of [1, 2, 3, 4]) {
        handlers[`${name}1_x${count}${suffix}`] = multiple(isLoad, count, false, post);
        if (count > 1) handlers[`${name}${count}_multi${suffix}`] = multiple(isLoad, count, true, post);
        for (const width of ["b", "h", "s"] as const) {
          handlers[`${name}${count}_lane_${width}${suffix}`] = lane(isLoad, count, width, post);
        }
        if (isLoad) handlers[`LD${count}R${suffix}`] = replicate(count, post);
      }
    }
  }
  return handlers;
}

export const structure: Handlers = allForms();
