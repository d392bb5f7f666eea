/** A look at the permissions of the pages that an instruction is about to access, for programs that depend on protected pages. */
import type { Access } from "../decode/access.ts";
import { PAGE_SHIFT, PERMISSIONS, permission } from "../state.ts";
import { op } from "../wasm/opcodes.ts";
import { pushExtended } from "./arithmetic.ts";
import { type Context, STATE } from "./context.ts";

/** Pushes i32: not 0 if the access is forbidden. The local that holds its guest address. */
export function pushForbidden(context: Context, access: Access): number {
  const { code } = context;
  if (access.base === null) code.i64(context.pc + access.offset);
  else {
    context.xOrSp(access.base);
    code.i64(access.offset).op(op.i64_add);
  }
  if (access.index !== null) {
    pushExtended(context, access.index.register, access.index.option, access.index.shift);
    code.op(op.i64_add);
  }
  code.op(op.i32_wrap_i64);
  const address = context.keep("i32");
  const needed = (access.isLoad ? permission.read : 0) | (access.isStore ? permission.write : 0);
  const pushPermission = (): void => {
    code.i32(PAGE_SHIFT).op(op.i32_shr_u).memory(op.i32_load8_u, STATE, 0, PERMISSIONS);
  };
  code.get(address);
  pushPermission();
  if (access.byteLength > 1) {
    code
      .get(address)
      .i32(access.byteLength - 1)
      .op(op.i32_add);
    pushPermission();
    code.op(op.i32_and);
  }
  code.i32(needed).op(op.i32_and).i32(needed).op(op.i32_ne);
  return address;
}
