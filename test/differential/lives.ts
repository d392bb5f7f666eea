/** Runs lives.c on the machine's Linux, and compiled for arm64 on Akuma. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compilers, runProgram } from "./machine-code.ts";

/** Mostly they let time pass. */
const PROCESSES = 10;

/** What each life printed, by its number. */
export type Lives = ReadonlyMap<string, string>;

async function withLives<Result>(
  compiler: string,
  options: readonly string[],
  use: (program: string) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "akuma-lives-"));
  try {
    const program = join(folder, "lives");
    const source = join(import.meta.dirname, "lives.c");
    execFileSync(compiler, ["-std=gnu11", "-O1", "-Wall", ...options, "-o", program, source, "-pthread"]);
    return await use(program);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parse(text: string): Map<string, string> {
  const lives = text.split(/^life /m).slice(1);
  return new Map(lives.map((life) => [life.slice(0, life.indexOf("\n")), life.slice(life.indexOf("\n") + 1)]));
}

export function livesOnLinux(count: number): Promise<Lives> {
  return withLives(compilers.host() as string, [], async (program) => {
    const each = Math.ceil(count / PROCESSES);
    const run = (index: number): Promise<string> =>
      new Promise((resolve, reject) => {
        const programArguments = [String(1 + index * each), String(each)];
        execFile(program, programArguments, (error, text) => (error === null ? resolve(text) : reject(error)));
      });
    return parse((await Promise.all(Array.from({ length: PROCESSES }, (_, index) => run(index)))).join(""));
  });
}

export function livesInMachineCode(count: number): Promise<Lives> {
  return withLives(compilers.arm64() as string, ["-static", "-DSETTLE_MILLISECONDS=3"], async (program) =>
    parse(await runProgram(readFileSync(program), ["1", String(count)])),
  );
}
