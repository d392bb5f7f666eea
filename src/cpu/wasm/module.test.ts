import assert from "node:assert/strict";
import test from "node:test";
import { Bytes } from "./bytes.ts";
import { Code } from "./code.ts";
import { ModuleBuilder } from "./module.ts";
import { op } from "./opcodes.ts";

function instantiate(
  builder: ModuleBuilder,
  imports: Record<string, unknown> = {},
): Record<string, (...values: never[]) => unknown> {
  const bytes = builder.finish();
  assert.ok(WebAssembly.validate(bytes));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: imports as never });
  return instance.exports as Record<string, (...values: never[]) => unknown>;
}

/** A module with one function that yields one value. */
function evaluate(type: "i32" | "i64" | "f64", write: (code: Code) => void): unknown {
  const builder = new ModuleBuilder();
  const code = new Code();
  write(code);
  builder.exportFunction("f", builder.function(builder.type([], [type]), code));
  return instantiate(builder)["f"]?.();
}

test("constants of every size survive their encoding", () => {
  for (const value of [0, 1, -1, 63, 64, -64, -65, 127, 128, 0x7fffffff, -0x80000000]) {
    assert.equal(
      evaluate("i32", (code) => code.i32(value)),
      value,
    );
    assert.equal(
      evaluate("i64", (code) => code.i64(value)),
      BigInt(value),
    );
  }
  for (const value of [0x7fffffffffffffffn, -0x8000000000000000n, 0xffffffffn, 0xffffffffffffffffn]) {
    assert.equal(
      evaluate("i64", (code) => code.i64(value)),
      BigInt.asIntN(64, value),
    );
  }
  assert.equal(
    evaluate("f64", (code) => code.f64(-0.1)),
    -0.1,
  );
});

test("a loop with labels, and locals of mixed types", () => {
  const builder = new ModuleBuilder();
  const code = new Code(1);
  const sum = code.newLocal("i64");
  const unused = code.newLocal("v128");
  const left = code.newLocal("i32");
  code.v128(1n, 2n).set(unused);
  code.get(0).set(left);
  const done = code.block();
  const again = code.loop();
  code.get(left).op(op.i32_eqz).brIf(done);
  code.get(sum).get(left).op(op.i64_extend_i32_u).op(op.i64_add).set(sum);
  code.get(left).i32(1).op(op.i32_sub).set(left).br(again).end().end();
  code.get(sum);
  builder.exportFunction("sum", builder.function(builder.type(["i32"], ["i64"]), code));
  assert.equal(instantiate(builder)["sum"]?.(100 as never), 5050n);
  assert.throws(() => {
    const open = new Code();
    open.block();
    open.finish(new Bytes());
  });
});

test("imports, two memories, and an element segment at an imported place", () => {
  const builder = new ModuleBuilder();
  const nullary = builder.type([], ["i32"]);
  assert.equal(builder.type([], ["i32"]), nullary);
  builder.importMemory({ module: "env", name: "one", shared: false });
  builder.importMemory({ module: "env", name: "two", shared: true });
  builder.importTable("env", "table");
  builder.importGlobal("env", "place");
  const host = builder.importFunction("env", "host", nullary);
  const code = new Code();
  code.i32(0).opWith(op.call, host).memory(op.i32_store, 1, 2, 300);
  code.i32(0).memory(op.i32_load, 1, 2, 300).i32(1).op(op.i32_add);
  const number = builder.function(nullary, code);
  builder.elements(0, [number]);
  assert.throws(() => builder.importFunction("env", "late", nullary));
  const two = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 8 });
  instantiate(builder, { one: new WebAssembly.Memory({ initial: 1 }), two, table, place: 5, host: () => 41 });
  assert.equal((table.get(5) as () => number)(), 42);
  assert.equal(new Int32Array(two.buffer)[75], 41);
});

test("every opcode that the translator knows is an instruction", () => {
  // Shapes by what an opcode takes: enough to see that each number is the one its name says.
  const unary = { i32_clz: "i32", i64_ctz: "i64", i32_extend8_s: "i32", i64_extend32_s: "i64" } as const;
  for (const [name, type] of Object.entries(unary)) {
    const value = evaluate(type, (code) =>
      (type === "i32" ? code.i32(0x80) : code.i64(0x80000000)).op(op[name as keyof typeof unary]),
    );
    assert.deepEqual(
      [name, String(value)],
      [name, { i32_clz: "24", i64_ctz: "31", i32_extend8_s: "-128", i64_extend32_s: "-2147483648" }[name]],
    );
  }
});
