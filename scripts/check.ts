/**
 * Everything a change must pass, in order of cost; stops at the first step that fails and names it.
 *
 *     npm run check [-- STEP…]      STEP: format, types, layers, tracked, unused, test (all when none is named)
 */
import { spawnSync } from "node:child_process";
import { delimiter, dirname, join, resolve } from "node:path";
import { styleText } from "node:util";

interface Step {
  readonly name: string;
  readonly what: string;
  readonly command: readonly string[];
}

const root = resolve(import.meta.dirname, "..");
const steps: readonly Step[] = [
  {
    name: "format",
    what: "formatting and lint",
    command: ["biome", "check", "--error-on-warnings", `--colors=${process.stdout.isTTY ? "force" : "off"}`],
  },
  { name: "types", what: "types, zone by zone", command: ["tsc", "-b"] },
  { name: "layers", what: "imports point downwards", command: ["node", "scripts/check-layers.ts"] },
  { name: "tracked", what: "nothing of this machine is tracked", command: ["node", "scripts/check-tracked.ts"] },
  { name: "unused", what: "unused files, exports and dependencies", command: ["knip", "--no-progress"] },
  { name: "test", what: "tests", command: ["node", "scripts/test.ts"] },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`no step ${unknown.join(", ")}; there are ${steps.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

// The tools, and the project's own Node, stand in node_modules/.bin.
const path = [join(root, "node_modules", ".bin"), dirname(process.execPath), process.env["PATH"]].join(delimiter);
const started = performance.now();
for (const { name, what, command } of steps.filter((step) => wanted.length === 0 || wanted.includes(step.name))) {
  const stepStarted = performance.now();
  console.log(styleText("bold", `\n== ${name}: ${what}`));
  const [program = "", ...argumentList] = command;
  const result = spawnSync(program, argumentList, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH: path },
  });
  const seconds = ((performance.now() - stepStarted) / 1000).toFixed(1);
  if (result.status !== 0) {
    const how = result.error?.message ?? result.signal ?? `code ${result.status}`;
    console.error(styleText("red", `\n== ${name} failed (${how}, ${seconds} s): ${command.join(" ")}`));
    process.exit(1);
  }
  console.log(styleText("dim", `== ${name}: good (${seconds} s)`));
}
console.log(`\neverything that was checked is good (${((performance.now() - started) / 1000).toFixed(0)} s)`);
