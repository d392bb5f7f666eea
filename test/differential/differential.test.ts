/** Akuma's system calls against those of the Linux that the test runs on. See README.md. */
import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { compare } from "./compare.ts";
import { differences } from "./differences.ts";
import { canBeRoot, isKnownRelease, reasonToSkip } from "./linux.ts";
import { scenarios } from "./scenarios/index.ts";

const MOST_REPORTS = 20;

test("scenarios have names of their own", () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
});

const reason = reasonToSkip();

test("every call is answered as Linux answers it", { skip: reason ?? false }, async (context) => {
  const wanted = scenarios.filter(({ needsRoot }) => needsRoot !== true || canBeRoot());
  const { calls, disagreements, reports } = await compare(wanted);
  const known = disagreements.filter((one) => one.known !== null);
  const text = `${wanted.length} scenarios, ${calls} calls, ${known.length} with known differences`;
  context.diagnostic(text);
  assert.ok(calls > 2000, text);
  const report = `${reports.slice(0, MOST_REPORTS).join("\n\n")}\n${reports.length} scenarios differ`;
  if (!isKnownRelease()) {
    // Kernels differ among each other too: what one of another release answers is news, not a failure.
    if (reports.length > 0) context.diagnostic(`Linux ${release()} was not compared with before.\n${report}`);
    return;
  }
  if (reports.length > 0) assert.fail(report);
  const unused = differences.filter((line) => !disagreements.some((one) => one.known === line));
  assert.deepEqual(
    unused.map((line) => `${line.scenario} ${line.call}: ${line.reason}`),
    [],
    "these differences are gone: take them out of the table",
  );
});
