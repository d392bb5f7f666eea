/** Akuma's system calls against those of the Linux that the test runs on. See README.md. */
import assert from "node:assert/strict";
import { release } from "node:os";
import { before, suite, type TestContext, test } from "node:test";
import { runOnAkuma } from "./akuma.ts";
import { type Comparison, compare, type Outcomes } from "./compare.ts";
import { type Difference, differences } from "./differences.ts";
import { canBeRoot, isKnownRelease, reasonToSkip, runOnLinux } from "./linux.ts";
import { livesInMachineCode, livesOnLinux } from "./lives.ts";
import { reasonToSkipMachineCode, runInMachineCode } from "./machine-code.ts";
import { scenarios } from "./scenarios/index.ts";
import { compile } from "./script.ts";

const MOST_REPORTS = 20;
const LIVES = 40;
/** On Linux a busy machine can have a life's time go by before all is done. */
const LIFE_TRIES = 4;

test("scenarios have names of their own", () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
});

suite("every call is answered as Linux answers it", { skip: reasonToSkip() ?? false }, () => {
  const compiled = scenarios.filter(({ needsRoot }) => needsRoot !== true || canBeRoot()).map(compile);
  const used = new Set<Difference>();
  let onLinux: Outcomes;

  before(async () => {
    onLinux = await runOnLinux(compiled);
  });

  function judge(context: TestContext, onAkuma: Outcomes): void {
    const { calls, disagreements, reports }: Comparison = compare(compiled, onLinux, onAkuma);
    const known = disagreements.flatMap((one) => one.known ?? []);
    for (const line of known) used.add(line);
    const text = `${compiled.length} scenarios, ${calls} calls, ${known.length} with known differences`;
    context.diagnostic(text);
    assert.ok(calls > 2000, text);
    if (reports.length === 0) return;
    const report = `${reports.slice(0, MOST_REPORTS).join("\n\n")}\n${reports.length} scenarios differ`;
    // Kernels differ among each other too: what one of another release answers is news, not a failure.
    if (!isKnownRelease()) context.diagnostic(`Linux ${release()} was not compared with before.\n${report}`);
    else assert.fail(report);
  }

  test("to a TypeScript program", async (context) => {
    judge(context, await runOnAkuma(compiled));
  });

  test("to machine code", { skip: reasonToSkipMachineCode() ?? false }, async (context) => {
    judge(context, await runInMachineCode(compiled));
  });

  test("the table has no differences that are gone", { skip: !isKnownRelease() }, () => {
    const gone = differences.filter((line) => !used.has(line));
    assert.deepEqual(
      gone.map((line) => `${line.scenario} ${line.call}: ${line.reason}`),
      [],
      "take them out of the table",
    );
  });
});

test("processes live as on Linux", { skip: reasonToSkip() ?? reasonToSkipMachineCode() ?? false }, async () => {
  const akuma = await livesInMachineCode(LIVES);
  assert.equal(akuma.size, LIVES);
  const open = new Set(akuma.keys());
  let linux = "";
  for (let k = 0; k < LIFE_TRIES && open.size > 0; k++) {
    const lives = await livesOnLinux(LIVES);
    for (const life of open) if (lives.get(life) === akuma.get(life)) open.delete(life);
    linux = lives.get([...open][0] ?? "") ?? "";
  }
  const [first] = open;
  if (first !== undefined) assert.equal(akuma.get(first), linux, `life ${first}, and ${open.size - 1} others`);
});
