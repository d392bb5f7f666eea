/** The module that every CPU needs once: the dispatcher loop, and the function that stands for code not translated yet. */

import { translatedType } from "./region-module.ts";
import { shiftLane, shiftLaneType } from "./runtime-shift.ts";
import { flagKind, STOP, stateOffset, stopCode } from "./state.ts";
import { newFlagLocals, pushPacked } from "./translate/flags.ts";
import { OVERDRAFT, pushSlot } from "./translate/region.ts";
import { Code } from "./wasm/code.ts";
import { ModuleBuilder } from "./wasm/module.ts";
import { op } from "./wasm/opcodes.ts";

/** Results of cpu.arrive that are no address, as page 0 is none. */
export const arrival = {
  /** The CPU must see to it, with no calls under way. */
  absent: 0,
  /** There is a translated function now. */
  translated: 1,
} as const;

/**
 * Exports `run(pc)`, `enter(pc, depth)` and `miss`; imports cpu.state, cpu.map, cpu.table, and cpu.arrive, which gets what a
 * translated function gets, when there is none. It returns one of `arrival`, or what that function would return.
 */
export function buildRuntime(): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const type = builder.type(...translatedType);
  builder.importMemory({ module: "cpu", name: "state", shared: false });
  builder.importMemory({ module: "cpu", name: "map", shared: false });
  builder.importTable("cpu", "table");
  const arrive = builder.importFunction("cpu", "arrive", type);

  const run = new Code(1);
  const again = run.loop();
  const budget = run.newLocal("i32");
  run.i32(0).i32(0).memory(op.i32_load, 0, 2, stateOffset.budget).i32(1).op(op.i32_sub).tee(budget);
  run.memory(op.i32_store, 0, 2, stateOffset.budget);
  run.get(budget).i32(-OVERDRAFT).op(op.i32_lt_s).if();
  run.i32(0).get(0).memory(op.i32_store, 0, 2, stateOffset.pc);
  run.i32(0).i32(stopCode.budget).memory(op.i32_store, 0, 2, stateOffset.stop);
  run.op(op.return).end();
  run.get(0).i32(0);
  pushSlot(run, 0, 1);
  run.opWith(op.call_indirect, type, 0).tee(0).i32(STOP).op(op.i32_ne).brIf(again).end();
  builder.exportFunction("run", builder.function(builder.type(["i32"], []), run));

  const enter = new Code(2);
  enter.get(0).get(1);
  pushSlot(enter, 0, 1);
  enter.opWith(op.return_call_indirect, type, 0);
  builder.exportFunction("enter", builder.function(type, enter));

  // Goes on where it was called from, so that the calls under way stay calls.
  const miss = new Code(2);
  miss.i32(0).get(0).memory(op.i32_store, 0, 2, stateOffset.pc);
  const result = miss.newLocal("i32");
  miss.get(0).get(1).opWith(op.call, arrive).tee(result).i32(arrival.translated).op(op.i32_gt_u).if();
  miss.get(result).op(op.return).end();
  miss.get(result).if();
  miss.get(0).get(1);
  pushSlot(miss, 0, 1);
  miss.opWith(op.return_call_indirect, type, 0).end();
  miss.i32(0).i32(stopCode.miss).memory(op.i32_store, 0, 2, stateOffset.stop);
  miss.i32(STOP);
  builder.exportFunction("miss", builder.function(type, miss));
  for (const double of [false, true]) {
    const name = double ? "64" : "32";
    builder.exportFunction(`nan${name}`, builder.function(builder.type(["v128", "v128"], ["v128"]), nanOf(double, 2)));
    const fused = builder.type(["v128", "v128", "v128"], ["v128"]);
    builder.exportFunction(`fusedNan${name}`, builder.function(fused, nanOf(double, 3)));
  }
  builder.exportFunction("shiftLane", builder.function(builder.type(...shiftLaneType), shiftLane()));
  builder.exportFunction("packFlags", builder.function(builder.type([], ["i32"]), packFlags()));
  builder.exportFunction("isFused", builder.function(builder.type([], ["i32"]), probeFusion()));
  return builder.finish();
}

/**
 * The NaN that an operation on these operands gives, in every lane (FPProcessNaNs and FPProcessNaNs3 in the manual): the first
 * signalling NaN made quiet, else the first quiet one, else the default. Of three, the first is the addend of the other two's
 * product; infinity times zero gives the default NaN if the addend is a quiet NaN.
 */
function nanOf(double: boolean, operands: 2 | 3): Code {
  const code = new Code(operands);
  const quiet = double ? 0x0008000000000000n : 0x0040000000400000n;
  const defaultNan = double ? 0x7ff8000000000000n : 0x7fc000007fc00000n;
  const not = double ? op.f64x2_ne : op.f32x4_ne;
  const equal = double ? op.i64x2_eq : op.i32x4_eq;
  const result = code.newLocal("v128");
  const isNan = (operand: number): Code => code.get(operand).get(operand).op(not);
  const choose = (): Code => code.op(op.v128_bitselect).set(result);
  const pushQuiet = (operand: number): Code => code.get(operand).v128(quiet, quiet).op(op.v128_or).get(result);
  code.v128(defaultNan, defaultNan).set(result);
  const order = operands === 2 ? [1, 0] : [2, 1, 0];
  for (const operand of order) {
    pushQuiet(operand);
    isNan(operand);
    choose();
  }
  if (operands === 3) {
    // The product is no number although neither factor is a NaN.
    code.v128(defaultNan, defaultNan).get(result);
    const product = code.newLocal("v128");
    code
      .get(1)
      .get(2)
      .op(double ? op.f64x2_mul : op.f32x4_mul)
      .set(product);
    code.get(product).get(product).op(not);
    code
      .get(1)
      .get(1)
      .op(double ? op.f64x2_eq : op.f32x4_eq)
      .op(op.v128_and);
    code
      .get(2)
      .get(2)
      .op(double ? op.f64x2_eq : op.f32x4_eq)
      .op(op.v128_and);
    choose();
  }
  for (const operand of order) {
    pushQuiet(operand);
    isNan(operand).get(operand).v128(quiet, quiet).op(op.v128_and).v128(0n, 0n).op(equal).op(op.v128_and);
    choose();
  }
  code.get(result);
  return code;
}

/** NZCV from the state, computed from the operands where they were left there. */
function packFlags(): Code {
  const code = new Code();
  const locals = newFlagLocals(code);
  const kind = code.newLocal("i32");
  const load = (opcode: number, offset: number): Code => code.i32(0).memory(opcode, 0, 2, offset);
  load(op.i32_load, stateOffset.flagKind).set(kind);
  load(op.i64_load, stateOffset.flagA)
    .tee(locals.a)
    .tee(locals.result)
    .op(op.i32_wrap_i64)
    .tee(locals.narrowA)
    .set(locals.narrowResult);
  load(op.i64_load, stateOffset.flagB).tee(locals.b).op(op.i32_wrap_i64).set(locals.narrowB);
  for (const name of ["sub", "add", "logic"] as const) {
    for (const wide of [false, true]) {
      code
        .get(kind)
        .i32(flagKind[name] + (wide ? 1 : 0))
        .op(op.i32_eq)
        .if();
      if (name !== "logic") {
        if (wide)
          code
            .get(locals.a)
            .get(locals.b)
            .op(name === "add" ? op.i64_add : op.i64_sub)
            .set(locals.result);
        else
          code
            .get(locals.narrowA)
            .get(locals.narrowB)
            .op(name === "add" ? op.i32_add : op.i32_sub)
            .set(locals.narrowResult);
      }
      pushPacked(code, locals, { kind: name, wide });
      code.op(op.return).end();
    }
  }
  load(op.i32_load, stateOffset.nzcv);
  return code;
}

/** Whether relaxed_madd rounds once: (1 + 2^-30)² − (1 + 2^-29) is 2^-60 only then. */
function probeFusion(): Code {
  const code = new Code();
  code
    .f64(1 + 2 ** -30)
    .op(op.f64x2_splat)
    .f64(1 + 2 ** -30)
    .op(op.f64x2_splat)
    .f64(-(1 + 2 ** -29))
    .op(op.f64x2_splat);
  code
    .op(op.f64x2_relaxed_madd)
    .opWith(op.f64x2_extract_lane, 0)
    .f64(2 ** -60)
    .op(op.f64_eq);
  return code;
}
