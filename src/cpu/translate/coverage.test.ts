import assert from "node:assert/strict";
import test from "node:test";
import { instructions } from "../decode/table.ts";
import { handlers } from "./handlers.ts";

test("every line of the decoder's table is translated", () => {
  const missing = instructions.filter(({ index }) => handlers[index] === undefined).map(({ name }) => name);
  assert.deepEqual(missing, []);
});
