/** When the host's process may end by itself: not while a program runs, and not later than the last one. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

const index = new URL("../src/index.ts", import.meta.url).href;
const leavesChild = new URL("./support/programs/leaves-child.ts", import.meta.url).href;

/** Runs a script in a Node of its own; what it printed. Throws when it does not end by itself. */
function run(script: string): string {
  const source = `import { Kernel } from ${JSON.stringify(index)};\nconst kernel = await Kernel.boot();\n${script}`;
  return execFileSync(process.execPath, ["--input-type=module", "--eval", source], {
    encoding: "utf8",
    timeout: 30_000,
  });
}

test("a script that waits for a sleeping program stays alive until it ends, without a shutdown", () => {
  const script = `const sleep = await kernel.spawn("/bin/sleep", { arguments: ["0.1"] });
    console.log((await sleep.exited).code);`;
  assert.equal(run(script), "0\n");
});

test("a child that outlives its parent keeps the script alive, and its end ends it", () => {
  const script = `kernel.addProgram("leaves-child", new URL(${JSON.stringify(leavesChild)}));
    const parent = await kernel.spawn("/bin/leaves-child");
    console.log((await parent.exited).code);
    process.on("exit", () => console.log([...kernel.core.processes.all()].length));`;
  assert.equal(run(script), "0\n0\n");
});
