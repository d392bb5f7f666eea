/** Machine code on virtual time: the same run each time, call for call; and time passes for who only computes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Kernel, VirtualScheduler } from "../src/index.ts";

const folder = join(import.meta.dirname, "fixtures/linux");

async function run(name: string, seed: number): Promise<{ trace: string[]; stdout: string; milliseconds: number }> {
  const time = new VirtualScheduler({ microtask: queueMicrotask, macrotask: setImmediate });
  const trace: string[] = [];
  const kernel = await Kernel.boot({ seed, time, strace: (line) => trace.push(line) });
  kernel.core.writeFile(`/bin/${name}`, readFileSync(join(folder, `${name}.elf`)), 0o755);
  const { stdout } = await (await kernel.spawn(`/bin/${name}`)).output();
  const milliseconds = time.clock.monotonicMilliseconds();
  await kernel.shutdown();
  return { trace, stdout, milliseconds };
}

for (const name of ["threads", "signals", "processes"]) {
  test(`${name} of one seed make the same calls at the same times`, async () => {
    const first = await run(name, 4711);
    const second = await run(name, 4711);
    assert.ok(first.trace.length > 50);
    assert.deepEqual(second.trace, first.trace);
    assert.deepEqual([second.stdout, second.milliseconds], [first.stdout, first.milliseconds]);
  });
}

test("a program that waits in a loop for an alarm gets it", async () => {
  const { stdout, milliseconds } = await run("signals", 1);
  assert.match(stdout, /alarm in a loop without calls 14\n/);
  assert.ok(milliseconds > 60 && milliseconds < 1000, `${milliseconds} ms`);
});
