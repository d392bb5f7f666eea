/**
 * Runs the tests: every *.test.ts under src, test, scripts and bench, each file in a process of its own, as many at a time as
 * there are cores. Prints one line per file, what failed in full, what was skipped with its reason, and a total.
 *
 *     npm test [-- [PATH-PART…] [--name PATTERN] [--concurrency N]]
 */
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { run } from "node:test";
import { parseArgs, styleText } from "node:util";
import { Tally } from "./test-tally.ts";

/** A test that hangs is a failure, not a run without end. Far above what any file takes, even on a busy machine. */
const FILE_TIMEOUT_MILLISECONDS = 300_000;
const SLOWEST_SHOWN = 5;

const root = resolve(import.meta.dirname, "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: "string" },
    concurrency: { type: "string", default: String(availableParallelism()) },
  },
});

const all = globSync("{src,test,scripts,bench}/**/*.test.ts", { cwd: root }).sort();
const files = all.filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(`no test file${positionals.length > 0 ? ` matches ${positionals.join(", ")}` : ""} (of ${all.length})`);
  process.exit(1);
}

const started = performance.now();
const tally = new Tally();
const durations: { file: string; seconds: number }[] = [];
const stream = run({
  files: files.map((file) => resolve(root, file)),
  cwd: root,
  concurrency: Number(values.concurrency),
  timeout: FILE_TIMEOUT_MILLISECONDS,
  execArgv: ["--disable-warning=ExperimentalWarning"],
  ...(values.name === undefined ? {} : { testNamePatterns: [new RegExp(values.name)] }),
});

for await (const { type, data } of stream) {
  if (type === "test:pass" || type === "test:fail") {
    const inRoot = (path: string): string => (path.startsWith(root) ? relative(root, path) : path);
    const file = data.file === undefined ? undefined : inRoot(data.file);
    const failure = tally.add(type === "test:pass", { ...data, name: inRoot(data.name), file });
    if (failure !== null) console.log(`\n${styleText("red", "✗")} ${failure.title}\n${failure.detail}\n`);
  } else if (type === "test:summary" && data.file !== undefined) {
    const file = relative(root, data.file);
    const seconds = data.duration_ms / 1000;
    durations.push({ file, seconds });
    const mark = data.success ? styleText("green", "✓") : styleText("red", "✗");
    console.log(`${mark} ${file} ${styleText("dim", `${data.counts.tests} tests, ${seconds.toFixed(1)} s`)}`);
  } else if (type === "test:stderr" || type === "test:stdout") {
    process[type === "test:stderr" ? "stderr" : "stdout"].write(data.message);
  }
}

if (files.length > SLOWEST_SHOWN) {
  const slowest = durations.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST_SHOWN);
  console.log(`\nslowest: ${slowest.map(({ file, seconds }) => `${file} ${seconds.toFixed(1)} s`).join(", ")}`);
}
for (const { title, reason } of tally.skipped) console.log(`skipped: ${title}: ${reason}`);
if (tally.failures.length > 0) {
  console.log(`\n${styleText("red", "failed:")}`);
  for (const { title } of tally.failures) console.log(`  ${title}`);
}
console.log(`\n${files.length} files in ${((performance.now() - started) / 1000).toFixed(0)} s`);
console.log(tally.summary());
process.exit(tally.isGood ? 0 : 1);
