/**
 * The condition flags, evaluated late: an instruction that sets them leaves its operands in locals, and a condition is computed
 * from these, so that a comparison and its branch become one WebAssembly comparison.
 */
import type { Code } from "../wasm/code.ts";
import { op } from "../wasm/opcodes.ts";

/** What the flags follow from. The operands are in the locals of FlagLocals. */
export type PendingFlags =
  | { readonly kind: "sub" | "add" | "logic"; readonly wide: boolean }
  | { readonly kind: "compare" }
  /** CCMP and its kin: `inner` if the local `chosen` is set, otherwise the constant. */
  | { readonly kind: "conditional"; readonly inner: PendingFlags; readonly otherwise: number };

const simplePending = new Map<string, PendingFlags>();
const conditionalPending = new Map<PendingFlags, PendingFlags[]>();

/** One object for each kind, so that kinds can be compared. */
export function pendingFlags(kind: "sub" | "add" | "logic" | "compare", wide: boolean): PendingFlags {
  const key = `${kind} ${wide}`;
  let pending = simplePending.get(key);
  if (pending === undefined) {
    pending = kind === "compare" ? { kind } : { kind, wide };
    simplePending.set(key, pending);
  }
  return pending;
}

/** The same for conditional comparisons; `inner` comes from pendingFlags. */
export function conditionalFlags(inner: PendingFlags, otherwise: number): PendingFlags {
  let list = conditionalPending.get(inner);
  if (list === undefined) {
    list = Array.from({ length: 16 }, (_, nzcv) => ({ kind: "conditional", inner, otherwise: nzcv }));
    conditionalPending.set(inner, list);
  }
  return list[otherwise] as PendingFlags;
}

/** One set serves a whole region: only the last setter's operands are ever wanted. */
export interface FlagLocals {
  /** i64 operands and result. */
  readonly a: number;
  readonly b: number;
  readonly result: number;
  /** i32 operands and result. */
  readonly narrowA: number;
  readonly narrowB: number;
  readonly narrowResult: number;
  /** f64 operands of a comparison. */
  readonly floatA: number;
  readonly floatB: number;
  readonly chosen: number;
  /** NZCV in bits 31 to 28, where the flags are not pending. */
  readonly packed: number;
}

export function newFlagLocals(code: Code): FlagLocals {
  return {
    a: code.newLocal("i64"),
    b: code.newLocal("i64"),
    result: code.newLocal("i64"),
    narrowA: code.newLocal("i32"),
    narrowB: code.newLocal("i32"),
    narrowResult: code.newLocal("i32"),
    floatA: code.newLocal("f64"),
    floatB: code.newLocal("f64"),
    chosen: code.newLocal("i32"),
    packed: code.newLocal("i32"),
  };
}

/** Condition codes as encoded (C1.2.4); the lowest bit inverts all but AL. */
const EQ = 0;
const CS = 2;
const MI = 4;
const VS = 6;
const HI = 8;
const GE = 10;
const GT = 12;

/** Whether a condition holds for constant flags (N Z C V as bits 3 to 0). */
export function conditionHolds(condition: number, nzcv: number): boolean {
  const [n, z, c, v] = [(nzcv >> 3) & 1, (nzcv >> 2) & 1, (nzcv >> 1) & 1, nzcv & 1];
  const base = [z, c, n, v, c & (z ^ 1), n === v ? 1 : 0, n === v && z === 0 ? 1 : 0, 1][condition >> 1];
  return (base === 1) !== ((condition & 1) === 1 && condition !== 15);
}

/** Pushes an i32, 0 or 1: whether `condition` holds. `pending` null: from the packed local. */
export function pushCondition(code: Code, locals: FlagLocals, pending: PendingFlags | null, condition: number): void {
  if (condition >= 14) {
    code.i32(1);
    return;
  }
  if (pending === null) {
    pushPackedCondition(code, locals.packed, condition);
    return;
  }
  switch (pending.kind) {
    case "conditional":
      code.get(locals.chosen);
      pushCondition(code, locals, pending.inner, condition);
      // Both are 0 or 1: an AND or an implication.
      if (conditionHolds(condition, pending.otherwise))
        code.op(op.i32_and).get(locals.chosen).op(op.i32_eqz).op(op.i32_or);
      else code.op(op.i32_and);
      return;
    case "compare":
      pushFloatCondition(code, locals, condition);
      return;
    case "logic":
      pushLogicCondition(code, locals, pending.wide, condition);
      return;
    case "sub":
      if (pushSubtractCondition(code, locals, pending.wide, condition)) return;
  }
  pushFromFlags(code, locals, pending, condition);
}

function pushPackedCondition(code: Code, packed: number, condition: number): void {
  const bit = (shift: number): Code => code.get(packed).i32(shift).op(op.i32_shr_u).i32(1).op(op.i32_and);
  switch (condition & ~1) {
    case EQ:
      bit(30);
      break;
    case CS:
      bit(29);
      break;
    case MI:
      bit(31);
      break;
    case VS:
      bit(28);
      break;
    case HI:
      code.get(packed).i32(0x60000000).op(op.i32_and).i32(0x20000000).op(op.i32_eq);
      break;
    case GE:
      bit(31);
      bit(28).op(op.i32_eq);
      break;
    case GT:
      bit(31);
      bit(28).op(op.i32_eq);
      bit(30).op(op.i32_eqz).op(op.i32_and);
      break;
  }
  if ((condition & 1) === 1) code.op(op.i32_eqz);
}

function pushSubtractCondition(code: Code, locals: FlagLocals, wide: boolean, condition: number): boolean {
  const narrow = [
    op.i32_eq,
    op.i32_ne,
    op.i32_ge_u,
    op.i32_lt_u,
    0,
    0,
    0,
    0,
    op.i32_gt_u,
    op.i32_le_u,
    op.i32_ge_s,
    op.i32_lt_s,
    op.i32_gt_s,
    op.i32_le_s,
  ];
  const broad = [
    op.i64_eq,
    op.i64_ne,
    op.i64_ge_u,
    op.i64_lt_u,
    0,
    0,
    0,
    0,
    op.i64_gt_u,
    op.i64_le_u,
    op.i64_ge_s,
    op.i64_lt_s,
    op.i64_gt_s,
    op.i64_le_s,
  ];
  const comparison = (wide ? broad : narrow)[condition];
  if (comparison === undefined || comparison === 0) return false;
  code
    .get(wide ? locals.a : locals.narrowA)
    .get(wide ? locals.b : locals.narrowB)
    .op(comparison);
  return true;
}

/** C = V = 0. */
function pushLogicCondition(code: Code, locals: FlagLocals, wide: boolean, condition: number): void {
  const zero = (comparison: number, wideComparison: number): void => {
    if (wide) code.get(locals.result).i64(0).op(wideComparison);
    else code.get(locals.narrowResult).i32(0).op(comparison);
  };
  switch (condition) {
    case EQ:
    case HI + 1:
      if (condition === EQ) zero(op.i32_eq, op.i64_eq);
      else code.i32(1);
      return;
    case EQ + 1:
      zero(op.i32_ne, op.i64_ne);
      return;
    case MI:
    case GE + 1:
      zero(op.i32_lt_s, op.i64_lt_s);
      return;
    case MI + 1:
    case GE:
      zero(op.i32_ge_s, op.i64_ge_s);
      return;
    case GT:
      zero(op.i32_gt_s, op.i64_gt_s);
      return;
    case GT + 1:
      zero(op.i32_le_s, op.i64_le_s);
      return;
    default: // CS, VS and HI are false, CC and VC true.
      code.i32(condition & 1);
  }
}

/** After FCMP: less N, equal ZC, greater C, unordered CV. */
function pushFloatCondition(code: Code, locals: FlagLocals, condition: number): void {
  const compare = (comparison: number): Code => code.get(locals.floatA).get(locals.floatB).op(comparison);
  switch (condition & ~1) {
    case EQ:
      compare(op.f64_eq);
      break;
    case CS:
      compare(op.f64_lt).op(op.i32_eqz);
      break;
    case MI:
      compare(op.f64_lt);
      break;
    case VS:
      code.get(locals.floatA).get(locals.floatA).op(op.f64_ne);
      code.get(locals.floatB).get(locals.floatB).op(op.f64_ne).op(op.i32_or);
      break;
    case HI:
      compare(op.f64_le).op(op.i32_eqz);
      break;
    case GE:
      compare(op.f64_ge);
      break;
    case GT:
      compare(op.f64_gt);
      break;
  }
  if ((condition & 1) === 1) code.op(op.i32_eqz);
}

/** From single flags, for the rarer conditions. */
function pushFromFlags(code: Code, locals: FlagLocals, pending: PendingFlags, condition: number): void {
  const flag = (name: "n" | "z" | "c" | "v"): void => pushFlag(code, locals, pending, name);
  switch (condition & ~1) {
    case EQ:
      flag("z");
      break;
    case CS:
      flag("c");
      break;
    case MI:
      flag("n");
      break;
    case VS:
      flag("v");
      break;
    case HI:
      flag("c");
      flag("z");
      code.op(op.i32_eqz).op(op.i32_and);
      break;
    case GE:
      flag("n");
      flag("v");
      code.op(op.i32_eq);
      break;
    case GT:
      flag("n");
      flag("v");
      code.op(op.i32_eq);
      flag("z");
      code.op(op.i32_eqz).op(op.i32_and);
      break;
  }
  if ((condition & 1) === 1) code.op(op.i32_eqz);
}

function pushFlag(code: Code, locals: FlagLocals, pending: PendingFlags, name: "n" | "z" | "c" | "v"): void {
  if (pending.kind === "compare" || pending.kind === "conditional") {
    pushCondition(code, locals, pending, { n: MI, z: EQ, c: CS, v: VS }[name]);
    return;
  }
  const { wide } = pending;
  const [a, b, result] = wide
    ? [locals.a, locals.b, locals.result]
    : [locals.narrowA, locals.narrowB, locals.narrowResult];
  switch (name) {
    case "n":
      if (wide) code.get(result).i64(0).op(op.i64_lt_s);
      else code.get(result).i32(0).op(op.i32_lt_s);
      return;
    case "z":
      code.get(result).op(wide ? op.i64_eqz : op.i32_eqz);
      return;
    case "c":
      if (pending.kind === "logic") code.i32(0);
      else if (pending.kind === "sub")
        code
          .get(a)
          .get(b)
          .op(wide ? op.i64_ge_u : op.i32_ge_u);
      else
        code
          .get(result)
          .get(a)
          .op(wide ? op.i64_lt_u : op.i32_lt_u);
      return;
    case "v": {
      if (pending.kind === "logic") {
        code.i32(0);
        return;
      }
      // Signed overflow: operands alike (add) or unlike (sub) in sign, and the result's sign differs from the first's.
      const [xor, and] = wide ? [op.i64_xor, op.i64_and] : [op.i32_xor, op.i32_and];
      code
        .get(a)
        .get(pending.kind === "sub" ? b : result)
        .op(xor);
      code
        .get(pending.kind === "sub" ? a : b)
        .get(result)
        .op(xor)
        .op(and);
      if (wide) code.i64(0).op(op.i64_lt_s);
      else code.i32(0).op(op.i32_lt_s);
      return;
    }
  }
}

/** Pushes NZCV in bits 31 to 28 as an i32. */
export function pushPacked(code: Code, locals: FlagLocals, pending: PendingFlags | null): void {
  if (pending === null) {
    code.get(locals.packed);
    return;
  }
  if (pending.kind === "conditional") {
    pushPacked(code, locals, pending.inner);
    code
      .i32(pending.otherwise << 28)
      .get(locals.chosen)
      .op(op.select);
    return;
  }
  pushFlag(code, locals, pending, "n");
  code.i32(31).op(op.i32_shl);
  pushFlag(code, locals, pending, "z");
  code.i32(30).op(op.i32_shl).op(op.i32_or);
  if (pending.kind === "logic") return;
  pushFlag(code, locals, pending, "c");
  code.i32(29).op(op.i32_shl).op(op.i32_or);
  pushFlag(code, locals, pending, "v");
  code.i32(28).op(op.i32_shl).op(op.i32_or);
}
