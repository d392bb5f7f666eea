/** The tally against real runs of node:test, one file of each kind. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, run, test } from "node:test";
import { Tally } from "./test-tally.ts";

const folder = mkdtempSync(join(tmpdir(), "akuma-tally-"));
after(() => rmSync(folder, { recursive: true }));

async function tallyOf(source: string): Promise<Tally> {
  const file = join(folder, "sample.test.ts");
  writeFileSync(file, `import { after, describe, it, test } from "node:test";\n${source}`);
  const tally = new Tally();
  // What marks this process as a test's child would make the inner run report in another format.
  const { NODE_TEST_CONTEXT: context, ...environment } = process.env;
  process.env = environment;
  try {
    for await (const { type, data } of run({ files: [file] })) {
      if (type === "test:pass" || type === "test:fail") tally.add(type === "test:pass", data);
    }
  } finally {
    if (context !== undefined) process.env["NODE_TEST_CONTEXT"] = context;
  }
  return tally;
}

test("counts tests in suites and out of them, and keeps the reasons of those skipped", async () => {
  const tally = await tallyOf(`
    test("a", () => {});
    test("b", { skip: "no tool" }, () => {});
    describe("s", () => { it("c", () => {}); it("d", () => {}); });
    test("e", async (t) => { await t.test("f", () => {}); });
  `);
  assert.equal(tally.summary(), "5 passed, 0 failed, 1 skipped");
  assert.equal(tally.skipped[0]?.reason, "no tool");
  assert.ok(tally.isGood);
});

test("a failing test in a suite counts once, with its own error", async () => {
  const tally = await tallyOf(`describe("s", () => { it("x", () => { throw new Error("broken here"); }); });`);
  assert.equal(tally.summary(), "0 passed, 1 failed");
  assert.match(tally.failures[0]?.title ?? "", / x$/);
  assert.match(tally.failures[0]?.detail ?? "", /broken here/);
});

test("a failing hook, a rejection after the end and a bad exit code are failures", async () => {
  const hook = await tallyOf(`describe("s", () => { after(() => { throw new Error("hook"); }); it("x", () => {}); });`);
  assert.equal(hook.summary(), "1 passed, 1 failed");
  const exit = await tallyOf(`test("x", () => {}); setTimeout(() => process.exit(3), 50);`);
  assert.equal(exit.failures.length, 1);
  assert.ok(!exit.isGood);
});

test("a file that holds no test has failed", async () => {
  const tally = await tallyOf("");
  assert.equal(tally.summary(), "0 passed, 1 failed");
  assert.match(tally.failures[0]?.detail ?? "", /holds no test/);
});

test("a run in which no test ran is not good", () => {
  assert.equal(new Tally().isGood, false);
});
