import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../kernel.fixture.ts";

test("hello", async () => {
  using world = new World();
  const result = await world.run(async (akuma) => {
    await akuma.print("hello");
    return 3;
  });
  assert.deepEqual(result, { code: 3, signal: null, stdout: "hello\n", stderr: "" });
});
