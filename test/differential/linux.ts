/** The host's side: compiles linux-runner.c with what the scenarios name, and runs them on the host's kernel. */
import { execFileSync, spawn } from "node:child_process";
import { constants as access, accessSync, copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { errorNames } from "./constants.ts";
import type { CompiledScenario } from "./script.ts";

/** Most of them wait, if anything, so there may be more than there are cores. */
const SCENARIOS_AT_A_TIME = 12;
/** Kernels before this one lack calls that the scenarios make. */
const OLDEST_RELEASE = 6;
/** The releases that the table of differences was written for. */
const KNOWN_RELEASES: readonly string[] = ["6.18"];

/** Lines by the number of their call. */
export type Outcome = readonly string[];

/** The first of some programs that PATH has. */
export function findProgram(...names: readonly string[]): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        accessSync(path, access.X_OK);
        return path;
      } catch {
        // The next one.
      }
    }
  }
  return null;
}

/** The host's own. */
export function compiler(): string | null {
  return findProgram("cc", "gcc", "clang");
}

/** Why the host cannot be compared with; null when it can. */
export function reasonToSkip(): string | null {
  // Kernels differ among each other: not for every `npm test`.
  if (process.env["AKUMA_COMPARE"] !== "1") return "compares with the machine's Linux: set AKUMA_COMPARE=1";
  if (process.platform !== "linux") return "the host is not Linux";
  if (process.arch !== "x64" && process.arch !== "arm64") return `no one has tried it on ${process.arch}`;
  if (Number.parseInt(release(), 10) < OLDEST_RELEASE) return `the host's Linux ${release()} is older than 6.0`;
  return compiler() === null ? "there is no C compiler" : null;
}

export function isKnownRelease(): boolean {
  return KNOWN_RELEASES.some((known) => release().startsWith(`${known}.`));
}

/** Whether the host's kernel takes the test for root, as Akuma takes everybody. */
export function canBeRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The names in the steps: constants, and calls. */
function namesIn(scenarios: readonly CompiledScenario[]): string {
  const constants = new Set<string>();
  const calls = new Set<string>();
  for (const { steps } of scenarios) {
    for (const step of steps) {
      const words = step.split(" ");
      if (words[0] === "c") calls.add(words[5] as string);
      if (words[0] === "h" || words[0] === "p") continue;
      for (const word of words.slice(words[0] === "c" ? 6 : 1)) {
        for (const name of word.split(/[|+]/)) if (/^[A-Z_]/.test(name)) constants.add(name);
      }
    }
  }
  const list = (macro: string, names: Iterable<string>): string =>
    [`#ifdef ${macro}`, ...[...names].map((name) => `${macro}(${name})`), "#endif"].join("\n");
  return `${[list("CONSTANT", constants), list("CALL", calls), list("ERROR", errorNames.values())].join("\n")}\n`;
}

/** A folder in memory where there is one, as Akuma's files are. */
function temporaryFolder(): string {
  return mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "akuma-differential-"));
}

/** What linux-runner reads. */
export function inputOf(scenarios: readonly CompiledScenario[]): string {
  return scenarios.map(({ name, steps }) => `S ${name}\n${steps.join("\n")}\nE\n`).join("");
}

/** Compiles linux-runner.c for some scenarios and gives the program to `use`, after which it is removed. */
export async function withRunner<Result>(
  compilerPath: string,
  options: readonly string[],
  scenarios: readonly CompiledScenario[],
  use: (program: string) => Result | Promise<Result>,
): Promise<Result> {
  const build = mkdtempSync(join(tmpdir(), "akuma-differential-build-"));
  try {
    const program = join(build, "linux-runner");
    copyFileSync(join(import.meta.dirname, "linux-runner.c"), join(build, "linux-runner.c"));
    writeFileSync(join(build, "names.inc"), namesIn(scenarios));
    const all = ["-std=gnu11", "-O1", "-Wall", ...options, "-o", program, "linux-runner.c", "-pthread"];
    execFileSync(compilerPath, all, { cwd: build, stdio: ["ignore", "inherit", "inherit"] });
    return await use(program);
  } finally {
    rmSync(build, { recursive: true });
  }
}

export async function runOnLinux(scenarios: readonly CompiledScenario[]): Promise<Map<string, Outcome>> {
  const folder = temporaryFolder();
  try {
    const programArguments = [folder, String(SCENARIOS_AT_A_TIME)];
    return await withRunner(compiler() as string, [], scenarios, async (program) =>
      parseOutcomes(await runProgram(program, programArguments, inputOf(scenarios))),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runProgram(program: string, programArguments: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArguments, { stdio: ["pipe", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString());
      else reject(new Error(`linux-runner ended with ${code}`));
    });
    child.stdin.end(input);
  });
}

/** "S name", then lines "NUMBER outcome". */
export function parseOutcomes(text: string): Map<string, Outcome> {
  const outcomes = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("S ")) {
      lines = [];
      outcomes.set(line.slice(2), lines);
    } else if (line !== "") {
      const space = line.indexOf(" ");
      const index = Number(line.slice(0, space));
      if (Number.isInteger(index)) lines[index] = line.slice(space + 1);
      else lines.push(line);
    }
  }
  return outcomes;
}
