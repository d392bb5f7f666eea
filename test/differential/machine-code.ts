/**
 * Akuma's side once more, by machine code: linux-runner.c compiled for arm64 is a program of a kernel on virtual time. So the
 * calls pass through registers, libc and the layouts of structures as a real program's do.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { BytesFile, CallbackFile } from "../../src/kernel/file/host-file.ts";
import { makeDirectories } from "../../src/kernel/vfs/kernel-files.ts";
import { World } from "../../src/user/kernel.fixture.ts";
import { findProgram, compiler as hostCompiler, inputOf, type Outcome, parseOutcomes, withRunner } from "./linux.ts";
import type { CompiledScenario } from "./script.ts";

const COMPILER = "aarch64-linux-gnu-gcc";
const PROGRAM = "/bin/linux-runner";
/**
 * Waiting costs nothing on virtual time, so one at a time will do. The outcomes of a run are memory that its processes share,
 * all of which is copied from one to the next; with few in a run it is little.
 */
const SCENARIOS_AT_A_TIME = 1;
const SCENARIOS_IN_A_RUN = 8;
/** What a call has set going on loopback has happened on Linux when it returns; here it takes a turn of the kernel. */
const OPTIONS: readonly string[] = ["-static", "-DSETTLE_MILLISECONDS=1", "-DPOLL_MILLISECONDS=20"];

export const compilers = { host: hostCompiler, arm64: (): string | null => findProgram(COMPILER) } as const;

/** Why no machine code can be made; null when it can. */
export function reasonToSkipMachineCode(): string | null {
  const compiler = compilers.arm64();
  if (compiler === null) return `there is no ${COMPILER} (Debian's gcc-aarch64-linux-gnu)`;
  const library = execFileSync(compiler, ["-print-file-name=libc.a"], { encoding: "utf8" }).trim();
  return existsSync(library) ? null : "there is no libc.a for arm64 (Debian's libc6-dev-arm64-cross)";
}

export async function runInMachineCode(scenarios: readonly CompiledScenario[]): Promise<Map<string, Outcome>> {
  const compiler = compilers.arm64() as string;
  const bytes = await withRunner(compiler, OPTIONS, scenarios, (program) => readFileSync(program));
  using world = new World(7);
  world.kernel.writeFile(PROGRAM, bytes, 0o755);
  const outcomes = new Map<string, Outcome>();
  for (let first = 0; first < scenarios.length; first += SCENARIOS_IN_A_RUN) {
    const folder = `/tmp/${first}`;
    makeDirectories(world.kernel.fileSystem, folder);
    const input = inputOf(scenarios.slice(first, first + SCENARIOS_IN_A_RUN));
    const text = await runIn(world, input, [folder, String(SCENARIOS_AT_A_TIME)]);
    for (const [name, lines] of parseOutcomes(text)) outcomes.set(name, lines);
  }
  return outcomes;
}

/** What a program prints in a kernel of its own. */
export async function runProgram(bytes: Uint8Array, programArguments: readonly string[]): Promise<string> {
  using world = new World(7);
  world.kernel.writeFile(PROGRAM, bytes, 0o755);
  return await runIn(world, "", programArguments);
}

/** What the program prints. */
async function runIn(world: World, input: string, programArguments: readonly string[]): Promise<string> {
  const { kernel } = world;
  const { openFiles } = kernel;
  const output: Buffer[] = [];
  const collect = (): CallbackFile => new CallbackFile(openFiles, (chunk) => output.push(Buffer.from(chunk)));
  const process = kernel.start(PROGRAM, {
    files: [new BytesFile(openFiles, Buffer.from(input)), collect(), collect()],
    arguments: programArguments,
  });
  if (typeof process === "number") throw new Error(`cannot start ${PROGRAM}: ${process}`);
  const { code, signal } = await kernel.exited(process);
  const text = Buffer.concat(output).toString();
  if (code === 0) return text;
  throw new Error([`the program ended with ${signal ?? code}`, text.slice(-200), ...world.log.slice(-10)].join("\n"));
}
