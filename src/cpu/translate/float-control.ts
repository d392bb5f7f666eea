/**
 * Floating point that depends on FPCR. WebAssembly rounds to nearest and knows neither flushing to zero nor the default NaN, so code
 * comes in two flavours: one for an FPCR of zero, and one in which these instructions are executed in software
 * (float/execute.ts). Translated code never looks at FPCR: who writes it stops, and the CPU goes on in the right flavour.
 */
import type { Fields } from "../decode/fields.ts";
import { controlledInstructions } from "../float/execute.ts";
import type { Controlled } from "../float/machine.ts";
import { stateOffset } from "../state.ts";
import { op } from "../wasm/opcodes.ts";
import { type Context, STATE, type Translation } from "./context.ts";

/** The translation of the table's line `index`: `native`, or in software where that is asked for or the only way. */
export function underFloatControl(
  index: number,
  native: Translation<Fields> | undefined,
): Translation<Fields> | undefined {
  const controlled = controlledInstructions[index];
  if (controlled === undefined || native === undefined) return native;
  return (context, f) => {
    if (!controlled.isAllocated(f)) return false;
    if (context.isSoftFloat || native(context, f) === false) executeInSoftware(context, f, controlled);
    return true;
  };
}

function executeInSoftware(context: Context, f: Fields, { kind }: Controlled): void {
  if (kind === "compare") {
    pushComparison(context, f);
    context.setPackedFlags();
    return;
  }
  if (kind === "fromGeneral") storeGeneral(context, f.Rn);
  else storeVectors(context, f);
  context.code.i32(context.word);
  context.call("executeFloat");
  context.code.op(op.drop);
  if (kind === "toGeneral") loadGeneral(context, f.Rd);
  else loadVector(context, f.Rd);
}

/** Pushes the flags; those of FCCMP are the given ones if its condition does not hold. */
function pushComparison(context: Context, f: Fields): void {
  const { code } = context;
  const isConditional = (context.word & 0xc00) === 0x400;
  storeVectors(context, f);
  if (isConditional) {
    context.condition(f.cond);
    code.if("i32");
  }
  code.i32(context.word);
  context.call("executeFloat");
  if (!isConditional) return;
  code
    .else()
    .i32(f.nzcv << 28)
    .end();
}

/** Every vector register that the instruction may read. */
function storeVectors(context: Context, f: Fields): void {
  for (const register of new Set([f.Rn, f.Rm, f.Ra, f.Rd, (f.M << 4) | f.Rm4])) {
    context.code.i32(0);
    context.v(register);
    context.code.memory(op.v128_store, STATE, 4, stateOffset.v + 16 * register);
  }
}

function loadVector(context: Context, register: number): void {
  context.code.i32(0).memory(op.v128_load, STATE, 4, stateOffset.v + 16 * register);
  context.setV(register);
}

function storeGeneral(context: Context, register: number): void {
  if (register === 31) return;
  context.code.i32(0);
  context.x(register);
  context.code.memory(op.i64_store, STATE, 3, 8 * register);
}

function loadGeneral(context: Context, register: number): void {
  if (register === 31) return;
  context.code.i32(0).memory(op.i64_load, STATE, 3, 8 * register);
  context.setX(register);
}
