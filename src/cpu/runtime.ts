/** The module that every CPU needs once: the dispatcher loop, and the function that stands for code not translated yet. */
import { STOP, stateOffset, stopCode } from "./state.ts";
import { pushSlot } from "./translate/region.ts";
import { Code } from "./wasm/code.ts";
import { ModuleBuilder } from "./wasm/module.ts";
import { op, type ValueType } from "./wasm/opcodes.ts";

/** The type of translated functions: own address and call depth in, next address or STOP out. */
export const translatedType: readonly [readonly ValueType[], readonly ValueType[]] = [["i32", "i32"], ["i32"]];

/** Exports `run(pc)` and `miss`; imports cpu.state and cpu.table. */
export function buildRuntime(): Uint8Array<ArrayBuffer> {
  const builder = new ModuleBuilder();
  const type = builder.type(...translatedType);
  builder.importMemory({ module: "cpu", name: "state", shared: false });
  builder.importTable("cpu", "table");

  const run = new Code(1);
  const again = run.loop();
  run.get(0).i32(0);
  pushSlot(run, 0, 0);
  run.opWith(op.call_indirect, type, 0).tee(0).i32(STOP).op(op.i32_ne).brIf(again).end();
  builder.exportFunction("run", builder.function(builder.type(["i32"], []), run));

  const miss = new Code(2);
  miss.i32(0).get(0).memory(op.i32_store, 0, 2, stateOffset.pc);
  miss.i32(0).i32(stopCode.miss).memory(op.i32_store, 0, 2, stateOffset.stop);
  miss.i32(STOP);
  builder.exportFunction("miss", builder.function(type, miss));
  return builder.finish();
}
