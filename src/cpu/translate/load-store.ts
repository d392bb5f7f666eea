/** Loads and stores of general and vector registers, single and in pairs, in every addressing form. */
import { type Fields, signed } from "../decode/fields.ts";
import type { Code } from "../wasm/code.ts";
import { op } from "../wasm/opcodes.ts";
import { type Context, GUEST, type Translation } from "./context.ts";

type Handlers = Record<string, Translation<Fields>>;

/** In place of a local: the address is on the stack. */
const ON_STACK = -1;
const LARGEST_FOLDED = 2048;

/** One kind of access: its size as an exponent of two, and how a register's value meets memory at address + offset. */
interface Access {
  readonly scale: number;
  /** Address in the local, or on the stack; the value goes to the register. */
  load?(context: Context, address: number, offset: number, register: number): void;
  store?(context: Context, address: number, offset: number, register: number): void;
}

function pushAddress({ code }: Context, address: number): Code {
  return address === ON_STACK ? code : code.get(address);
}

function loads(scale: number, opcode: number, extend?: number): Access {
  return {
    scale,
    load: (context, address, offset, register) => {
      pushAddress(context, address).memory(opcode, GUEST, 0, offset);
      if (extend !== undefined) context.code.op(extend);
      context.setX(register);
    },
  };
}

function stores(scale: number, opcode: number): Access {
  return {
    scale,
    store: (context, address, offset, register) => {
      pushAddress(context, address);
      context.x(register);
      context.code.memory(opcode, GUEST, 0, offset);
    },
  };
}

/** B, H, S, D and Q registers by the exponent of their size. */
export function loadVector(context: Context, address: number, offset: number, register: number, scale: number): void {
  pushAddress(context, address);
  if (scale >= 2) {
    const opcode = [op.v128_load32_zero, op.v128_load64_zero, op.v128_load][scale - 2] as number;
    context.code.memory(opcode, GUEST, 0, offset);
  } else {
    context.code.v128(0n, 0n).memory(scale === 0 ? op.v128_load8_lane : op.v128_load16_lane, GUEST, 0, offset);
    context.code.bytes.push(0);
  }
  context.setV(register);
}

export function storeVector(context: Context, address: number, offset: number, register: number, scale: number): void {
  const code = pushAddress(context, address);
  context.v(register);
  if (scale === 4) {
    code.memory(op.v128_store, GUEST, 0, offset);
    return;
  }
  const opcode = [op.v128_store8_lane, op.v128_store16_lane, op.v128_store32_lane, op.v128_store64_lane][
    scale
  ] as number;
  code.memory(opcode, GUEST, 0, offset);
  code.bytes.push(0);
}

function vectorAccess(scale: number, isLoad: boolean): Access {
  return isLoad
    ? { scale, load: (context, address, offset, register) => loadVector(context, address, offset, register, scale) }
    : { scale, store: (context, address, offset, register) => storeVector(context, address, offset, register, scale) };
}

/** By mnemonic; null: not allocated. */
const accesses: Readonly<Record<string, (f: Fields) => Access | null>> = {
  STRB: () => stores(0, op.i64_store8),
  LDRB: () => loads(0, op.i64_load8_u),
  LDRSB: (f) => (f.opx === 0 ? loads(0, op.i64_load8_s) : narrowSigned(0, op.i32_load8_s)),
  STRH: () => stores(1, op.i64_store16),
  LDRH: () => loads(1, op.i64_load16_u),
  LDRSH: (f) => (f.opx === 0 ? loads(1, op.i64_load16_s) : narrowSigned(1, op.i32_load16_s)),
  STR: (f) => (f.sz === 1 ? stores(3, op.i64_store) : stores(2, op.i64_store32)),
  LDR: (f) => (f.sz === 1 ? loads(3, op.i64_load) : loads(2, op.i64_load32_u)),
  LDRSW: () => loads(2, op.i64_load32_s),
  STR_v: (f) => vectorOf(f, false),
  LDR_v: (f) => vectorOf(f, true),
};

/** Sign-extended to 32 bits, then zero-extended. */
function narrowSigned(scale: number, opcode: number): Access {
  return loads(scale, opcode, op.i64_extend_i32_u);
}

function vectorOf(f: Fields, isLoad: boolean): Access | null {
  if (f.opx === 1) return f.size === 0 ? vectorAccess(4, isLoad) : null;
  return vectorAccess(f.size, isLoad);
}

type Form = "unsigned" | "unscaled" | "post" | "pre" | "reg";

function single(accessOf: (f: Fields) => Access | null, form: Form): Translation<Fields> {
  return (context, f) => {
    const access = accessOf(f);
    if (access === null || (form === "reg" && (f.option & 2) === 0)) return false;
    const offset = form === "unsigned" ? f.imm12 << access.scale : signed(f.imm9, 9);
    let folded = 0;
    if (form === "reg") {
      // Only the low halves count, so that all ways to extend are the same.
      context.address(f.Rn, 0);
      context.w(f.Rm);
      if (f.S === 1 && access.scale > 0) context.code.i32(access.scale).op(op.i32_shl);
      context.code.op(op.i32_add);
    } else {
      folded = pushBase(context, f.Rn, form === "post" ? 0 : offset);
    }
    access.store?.(context, ON_STACK, folded, f.Rt);
    access.load?.(context, ON_STACK, folded, f.Rt);
    if (form === "post" || form === "pre") writeBack(context, f.Rn, offset);
    return true;
  };
}

/**
 * Pushes the address for Xn|SP + offset less what it returns, for the instruction to add. So accesses through one base share their
 * address. No larger offsets, as a base in page 0 must not come to memory that is there.
 */
function pushBase(context: Context, base: number, offset: number): number {
  const folded = offset >= 0 && offset < LARGEST_FOLDED ? offset : 0;
  context.address(base, offset - folded);
  return folded;
}

function writeBack(context: Context, base: number, offset: number): void {
  context.xOrSp(base);
  context.code.i64(offset).op(op.i64_add);
  context.setXOrSp(base);
}

type PairForm = "post" | "pre" | "offset";

function pair(accessOf: (f: Fields) => Access | null, form: PairForm): Translation<Fields> {
  return (context, f) => {
    const access = accessOf(f);
    if (access === null) return false;
    const offset = signed(f.imm7, 7) * 2 ** access.scale;
    const step = 1 << access.scale;
    const folded = pushBase(context, f.Rn, form === "post" ? 0 : offset);
    const address = context.keep("i32");
    access.store?.(context, address, folded, f.Rt);
    access.store?.(context, address, folded + step, f.Rt2);
    access.load?.(context, address, folded, f.Rt);
    access.load?.(context, address, folded + step, f.Rt2);
    if (form !== "offset") writeBack(context, f.Rn, offset);
    return true;
  };
}

const pairAccesses: Readonly<Record<string, (f: Fields) => Access | null>> = {
  STP: (f) => (f.sf === 1 ? stores(3, op.i64_store) : stores(2, op.i64_store32)),
  LDP: (f) => (f.sf === 1 ? loads(3, op.i64_load) : loads(2, op.i64_load32_u)),
  LDPSW: () => loads(2, op.i64_load32_s),
  STP_v: (f) => (f.opc === 3 ? null : vectorAccess(2 + f.opc, false)),
  LDP_v: (f) => (f.opc === 3 ? null : vectorAccess(2 + f.opc, true)),
};

function literal(accessOf: (f: Fields) => Access | null): Translation<Fields> {
  return (context, f) => {
    const access = accessOf(f);
    if (access === null) return false;
    context.code.i64(context.pc + signed(f.imm19, 19) * 4);
    context.toMemoryAddress();
    access.load?.(context, ON_STACK, 0, f.Rt);
    return true;
  };
}

function allForms(): Handlers {
  const handlers: Handlers = {};
  for (const [name, accessOf] of Object.entries(accesses)) {
    for (const form of ["unsigned", "post", "pre", "reg"] as const)
      handlers[`${name}_${form}`] = single(accessOf, form);
    for (const letter of ["U", "T"]) {
      handlers[`${name.replace(/^(LD|ST)/, `$1${letter}`)}_unscaled`] = single(accessOf, "unscaled");
    }
  }
  for (const [name, accessOf] of Object.entries(pairAccesses)) {
    for (const form of ["post", "pre", "offset"] as const) handlers[`${name}_${form}`] = pair(accessOf, form);
    handlers[name.replace("P", "NP")] = pair(accessOf, "offset");
  }
  return handlers;
}

export const loadStore: Handlers = {
  ...allForms(),
  PRFM_unsigned: () => {},
  PRFUM_unscaled: () => {},
  PRFM_reg: (_context, f) => (f.option & 2) !== 0,
  PRFM_literal: () => {},
  LDR_literal: literal((f) => (f.sz === 1 ? loads(3, op.i64_load) : loads(2, op.i64_load32_u))),
  LDRSW_literal: literal(() => loads(2, op.i64_load32_s)),
  LDR_v_literal: literal((f) => (f.opc === 3 ? null : vectorAccess(2 + f.opc, true))),
};
