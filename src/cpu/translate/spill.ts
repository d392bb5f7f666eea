/** Moves guest registers and flags between locals and the state, where a region is entered, left, or calls another. */
import { flagKind, stateOffset } from "../state.ts";
import { op } from "../wasm/opcodes.ts";
import { type Context, type RegisterSet, STATE } from "./context.ts";
import type { FlagPlace } from "./flag-flow.ts";
import { pushPacked } from "./flags.ts";

export function storeState(context: Context, offset: number, value: number): void {
  context.code.i32(0).i32(value).memory(op.i32_store, STATE, 2, offset);
}

export function spillRegisters(context: Context, set: RegisterSet): void {
  const { code } = context;
  for (let rest = set.general; rest !== 0; rest &= rest - 1) {
    const register = 31 - Math.clz32(rest & -rest);
    code
      .i32(0)
      .get(context.generalLocal(register))
      .memory(op.i64_store, STATE, 3, 8 * register);
  }
  for (let rest = set.vector; rest !== 0; rest &= rest - 1) {
    const register = 31 - Math.clz32(rest & -rest);
    code.i32(0).get(context.vectorLocal(register));
    code.memory(op.v128_store, STATE, 4, stateOffset.v + 16 * register);
  }
}

export function reloadRegisters(context: Context, set: RegisterSet): void {
  const { code } = context;
  for (let rest = set.general; rest !== 0; rest &= rest - 1) {
    const register = 31 - Math.clz32(rest & -rest);
    code
      .i32(0)
      .memory(op.i64_load, STATE, 3, 8 * register)
      .set(context.generalLocal(register));
  }
  for (let rest = set.vector; rest !== 0; rest &= rest - 1) {
    const register = 31 - Math.clz32(rest & -rest);
    code.i32(0).memory(op.v128_load, STATE, 4, stateOffset.v + 16 * register);
    code.set(context.vectorLocal(register));
  }
}

/** Most flags are never looked at again: leave the operands, which costs less than computing them. */
export function spillFlags(context: Context, place: FlagPlace): void {
  if (place === "state") return;
  const { code, flagLocals: locals } = context;
  if (place === "packed" || place.kind === "compare" || place.kind === "conditional") {
    code.i32(0);
    pushPacked(code, locals, place === "packed" ? null : place);
    code.memory(op.i32_store, STATE, 2, stateOffset.nzcv);
    storeState(context, stateOffset.flagKind, flagKind.computed);
    return;
  }
  const { kind, wide } = place;
  storeState(context, stateOffset.flagKind, flagKind[kind] + (wide ? 1 : 0));
  const store = (operand: number, offset: number): void => {
    code
      .i32(0)
      .get(operand)
      .memory(wide ? op.i64_store : op.i32_store, STATE, 2, offset);
  };
  if (kind === "logic") {
    store(wide ? locals.result : locals.narrowResult, stateOffset.flagA);
    return;
  }
  store(wide ? locals.a : locals.narrowA, stateOffset.flagA);
  store(wide ? locals.b : locals.narrowB, stateOffset.flagB);
}

/** From where one block leaves the flags to where the next expects them. */
export function moveFlags(context: Context, from: FlagPlace, to: FlagPlace): void {
  if (from === to) return;
  if (to === "state") {
    spillFlags(context, from);
    return;
  }
  // Operands are expected only where they are left.
  if (from === "state") context.call("packFlags");
  else pushPacked(context.code, context.flagLocals, from === "packed" ? null : from);
  context.code.set(context.flagLocals.packed);
}
