/**
 * Exclusive loads and stores, acquire and release, and the atomic memory operations of FEAT_LSE. A store-exclusive is a
 * compare-exchange with the value that the load saw. Misaligned accesses trap, as on hardware.
 */
import type { Fields } from "../decode/fields.ts";
import { NULL_GUARD, stateOffset } from "../state.ts";
import { op } from "../wasm/opcodes.ts";
import { type Context, GUEST, STATE, type Translation } from "./context.ts";
import { lowMask } from "./operators.ts";

type Handlers = Record<string, Translation<Fields>>;

/** i64 opcodes by the exponent of the size. */
const atomicLoad = [op.i64_atomic_load8_u, op.i64_atomic_load16_u, op.i64_atomic_load32_u, op.i64_atomic_load];
const atomicStore = [op.i64_atomic_store8, op.i64_atomic_store16, op.i64_atomic_store32, op.i64_atomic_store];
const exchangeIfEqual = [
  op.i64_atomic_cmpxchg8,
  op.i64_atomic_cmpxchg16,
  op.i64_atomic_cmpxchg32,
  op.i64_atomic_cmpxchg,
];

/** What an access to the base register's address takes, in a temporary. */
function addressOf(context: Context, base: number): number {
  context.xOrSp(base);
  context.code.op(op.i32_wrap_i64).i32(NULL_GUARD).op(op.i32_sub);
  return context.keep("i32");
}

function storeState(context: Context, offset: number, local: number, type: "i32" | "i64"): void {
  const code = context.code.i32(0).get(local);
  if (type === "i32") code.memory(op.i32_store, STATE, 2, offset);
  else code.memory(op.i64_store, STATE, 3, offset);
}

function loadExclusive(context: Context, f: Fields): void {
  const { code } = context;
  const address = addressOf(context, f.Rn);
  code.get(address).memory(atomicLoad[f.size] as number, GUEST, f.size);
  const value = context.keep("i64");
  storeState(context, stateOffset.exclusiveAddress, address, "i32");
  storeState(context, stateOffset.exclusiveLow, value, "i64");
  code.get(value);
  context.setX(f.Rt);
}

/** Pushes i32: whether the monitor is on this address; the monitor is cleared. */
function pushMonitorHeld(context: Context, address: number): void {
  context.code.i32(0).memory(op.i32_load, STATE, 2, stateOffset.exclusiveAddress).get(address).op(op.i32_eq);
  context.clearExclusive();
}

function pushExpected(context: Context, offset: number = stateOffset.exclusiveLow): void {
  context.code.i32(0).memory(op.i64_load, STATE, 3, offset);
}

function storeExclusive(context: Context, f: Fields): void {
  const { code } = context;
  const address = addressOf(context, f.Rn);
  pushMonitorHeld(context, address);
  code.if("i32");
  code.get(address);
  pushExpected(context);
  context.x(f.Rt);
  if (f.size < 3) code.i64(lowMask(8 << f.size)).op(op.i64_and);
  code.memory(exchangeIfEqual[f.size] as number, GUEST, f.size);
  pushExpected(context);
  code.op(op.i64_ne);
  code.else().i32(1).end();
  context.setW(f.Rs);
}

/** A pair of words is one doubleword; of doublewords, two loads (tasks take turns on one JavaScript thread). */
function loadExclusivePair(context: Context, f: Fields): void {
  const { code } = context;
  const address = addressOf(context, f.Rn);
  code.get(address).memory(op.i64_atomic_load, GUEST, 3);
  const low = context.keep("i64");
  storeState(context, stateOffset.exclusiveAddress, address, "i32");
  storeState(context, stateOffset.exclusiveLow, low, "i64");
  if (f.sz === 0) {
    code.get(low).op(op.i32_wrap_i64);
    context.setW(f.Rt);
    code.get(low).i64(32).op(op.i64_shr_u);
    context.setX(f.Rt2);
    return;
  }
  code.get(address).memory(op.i64_load, GUEST, 3, 8);
  const high = context.keep("i64");
  storeState(context, stateOffset.exclusiveHigh, high, "i64");
  code.get(low);
  context.setX(f.Rt);
  code.get(high);
  context.setX(f.Rt2);
}

function storeExclusivePair(context: Context, f: Fields): void {
  const { code } = context;
  const address = addressOf(context, f.Rn);
  pushMonitorHeld(context, address);
  code.if("i32");
  if (f.sz === 0) {
    code.get(address);
    pushExpected(context);
    context.w(f.Rt);
    code.op(op.i64_extend_i32_u);
    context.x(f.Rt2);
    code.i64(32).op(op.i64_shl).op(op.i64_or).memory(op.i64_atomic_cmpxchg, GUEST, 3);
    pushExpected(context);
    code.op(op.i64_ne);
  } else {
    code.get(address).memory(op.i64_atomic_load, GUEST, 3);
    pushExpected(context);
    code.op(op.i64_eq).get(address).memory(op.i64_load, GUEST, 3, 8);
    pushExpected(context, stateOffset.exclusiveHigh);
    code.op(op.i64_eq).op(op.i32_and).if("i32");
    code.get(address);
    context.x(f.Rt);
    code.memory(op.i64_store, GUEST, 3).get(address);
    context.x(f.Rt2);
    code.memory(op.i64_store, GUEST, 3, 8).i32(0).else().i32(1).end();
  }
  code.else().i32(1).end();
  context.setW(f.Rs);
}

function loadAcquire(context: Context, f: Fields): void {
  context.code.get(addressOf(context, f.Rn)).memory(atomicLoad[f.size] as number, GUEST, f.size);
  context.setX(f.Rt);
}

function storeRelease(context: Context, f: Fields): void {
  context.code.get(addressOf(context, f.Rn));
  context.x(f.Rt);
  context.code.memory(atomicStore[f.size] as number, GUEST, f.size);
}

function pushNarrowed(context: Context, register: number, size: number): void {
  context.x(register);
  if (size < 3) context.code.i64(lowMask(8 << size)).op(op.i64_and);
}

function compareAndSwap(context: Context, f: Fields): void {
  context.code.get(addressOf(context, f.Rn));
  pushNarrowed(context, f.Rs, f.size);
  context.x(f.Rt);
  context.code.memory(exchangeIfEqual[f.size] as number, GUEST, f.size);
  context.setX(f.Rs);
}

/** Even register pairs; the same split of pairs as for exclusive loads. */
function compareAndSwapPair(context: Context, f: Fields): boolean {
  if (((f.Rs | f.Rt) & 1) === 1) return false;
  const { code } = context;
  const address = addressOf(context, f.Rn);
  const next = f.Rs + 1;
  const nextValue = f.Rt + 1;
  if (f.sz === 0) {
    const pushPair = (low: number, high: number): void => {
      context.w(low);
      code.op(op.i64_extend_i32_u);
      context.x(high);
      code.i64(32).op(op.i64_shl).op(op.i64_or);
    };
    code.get(address);
    pushPair(f.Rs, next);
    pushPair(f.Rt, nextValue);
    code.memory(op.i64_atomic_cmpxchg, GUEST, 3);
    const old = context.keep("i64");
    code.get(old).op(op.i32_wrap_i64);
    context.setW(f.Rs);
    code.get(old).i64(32).op(op.i64_shr_u);
    context.setX(next);
    return true;
  }
  code.get(address).memory(op.i64_atomic_load, GUEST, 3);
  const low = context.keep("i64");
  code.get(address).memory(op.i64_load, GUEST, 3, 8);
  const high = context.keep("i64");
  code.get(low);
  context.x(f.Rs);
  code.op(op.i64_eq).get(high);
  context.x(next);
  code.op(op.i64_eq).op(op.i32_and).if();
  code.get(address);
  context.x(f.Rt);
  code.memory(op.i64_store, GUEST, 3).get(address);
  context.x(nextValue);
  code.memory(op.i64_store, GUEST, 3, 8).end();
  code.get(low);
  context.setX(f.Rs);
  code.get(high);
  context.setX(next);
  return true;
}

/** Read, modify, write with a WebAssembly operation; `prepare` changes the operand on the stack. */
function readModifyWrite(opcodes: readonly number[], prepare?: (context: Context) => void): Translation<Fields> {
  return (context, f) => {
    context.code.get(addressOf(context, f.Rn));
    context.x(f.Rs);
    prepare?.(context);
    context.code.memory(opcodes[f.size] as number, GUEST, f.size);
    context.setX(f.Rt);
  };
}

/** Minimum and maximum: a loop around compare-exchange. */
function extremum(comparison: number, isSigned: boolean): Translation<Fields> {
  return (context, f) => {
    const { code } = context;
    const extended = (local: number): void => {
      code.get(local);
      if (isSigned && f.size < 3) code.op([op.i64_extend8_s, op.i64_extend16_s, op.i64_extend32_s][f.size] as number);
    };
    const address = addressOf(context, f.Rn);
    pushNarrowed(context, f.Rs, f.size);
    const operand = context.keep("i64");
    const old = context.temporary("i64");
    const again = code.loop();
    code
      .get(address)
      .memory(atomicLoad[f.size] as number, GUEST, f.size)
      .set(old);
    code.get(address).get(old).get(old).get(operand);
    extended(old);
    extended(operand);
    code
      .op(comparison)
      .op(op.select)
      .memory(exchangeIfEqual[f.size] as number, GUEST, f.size);
    code.get(old).op(op.i64_ne).brIf(again).end();
    code.get(old);
    context.setX(f.Rt);
  };
}

export const exclusive: Handlers = {
  LDXR: loadExclusive,
  LDAXR: loadExclusive,
  STXR: storeExclusive,
  STLXR: storeExclusive,
  LDXP: loadExclusivePair,
  LDAXP: loadExclusivePair,
  STXP: storeExclusivePair,
  STLXP: storeExclusivePair,
  LDAR: loadAcquire,
  LDAPR: loadAcquire,
  STLR: storeRelease,
  CAS: compareAndSwap,
  CASP: compareAndSwapPair,
  LDADD: readModifyWrite([op.i64_atomic_add8, op.i64_atomic_add16, op.i64_atomic_add32, op.i64_atomic_add]),
  LDCLR: readModifyWrite([op.i64_atomic_and8, op.i64_atomic_and16, op.i64_atomic_and32, op.i64_atomic_and], (context) =>
    context.code.i64(-1).op(op.i64_xor),
  ),
  LDEOR: readModifyWrite([op.i64_atomic_xor8, op.i64_atomic_xor16, op.i64_atomic_xor32, op.i64_atomic_xor]),
  LDSET: readModifyWrite([op.i64_atomic_or8, op.i64_atomic_or16, op.i64_atomic_or32, op.i64_atomic_or]),
  SWP: readModifyWrite([op.i64_atomic_xchg8, op.i64_atomic_xchg16, op.i64_atomic_xchg32, op.i64_atomic_xchg]),
  LDSMAX: extremum(op.i64_gt_s, true),
  LDSMIN: extremum(op.i64_lt_s, true),
  LDUMAX: extremum(op.i64_gt_u, false),
  LDUMIN: extremum(op.i64_lt_u, false),
};
