/** What the proofs share: a served folder on a free port, and outside programs run with their output kept. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root: string = resolve(import.meta.dirname, "../..");
/** The akuma command's source. */
export const main: string = join(root, "src/cli/main.ts");
const START_TIMEOUT_MILLISECONDS = 60_000;
const RUN_TIMEOUT_MILLISECONDS = 180_000;

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Kills a child, if it still runs, when the proof ends. */
export function endWithProof(child: ChildProcess): void {
  children.add(child);
  child.once("exit", () => children.delete(child));
}

/** A folder that is gone when the proof ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "akuma-proof-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

export interface Started {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  output(): string;
  /** Ends it as Ctrl-C would, and waits. Resolves to its exit code. */
  stop(): Promise<number | null>;
}

export interface Served extends Started {
  readonly url: string;
  readonly port: number;
}

/** Runs `akuma serve FOLDER` from source, published at a free port, and waits until that port answers. */
export async function serve(folder: string, ...flags: string[]): Promise<Served> {
  const port = await freePort();
  return start(port, ["serve", "--port", String(port), ...flags, folder]);
}

/** Runs `akuma` from source with these arguments, and waits until a port of the host that they publish answers HTTP. */
export async function start(
  port: number,
  argumentList: readonly string[],
  input: "ignore" | "pipe" = "ignore",
): Promise<Served> {
  const child = await startAnswering(argumentList, () => answers(port), input);
  return { url: `http://127.0.0.1:${port}`, port, ...child };
}

/** Runs `akuma` from source with these arguments, and waits until something is true of it. */
export async function startAnswering(
  argumentList: readonly string[],
  ready: () => Promise<boolean>,
  input: "ignore" | "pipe" = "ignore",
): Promise<Started> {
  const child = spawn(process.execPath, [main, ...argumentList], { stdio: [input, "pipe", "pipe"] });
  const ended = once(child, "exit") as Promise<[number | null]>;
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  child.stderr?.on("data", (chunk) => (output += chunk));
  endWithProof(child);
  const deadline = Date.now() + START_TIMEOUT_MILLISECONDS;
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error(`akuma ${argumentList[0]} ended with ${child.exitCode}:\n${output}`);
    if (Date.now() > deadline) throw new Error(`akuma ${argumentList[0]} does not answer:\n${output}`);
    await new Promise((wait) => setTimeout(wait, 50));
  }
  return {
    process: child,
    output: () => output,
    stop: async () => {
      child.kill("SIGINT");
      return (await ended)[0];
    },
  };
}

/** True when a request is answered, with whatever status. */
function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const request = get({ host: "127.0.0.1", port, agent: false }, (response) => {
      response.resume();
      settle(true);
    });
    request.on("error", () => settle(false));
  });
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** In milliseconds; then it is killed, and that is an error. */
  readonly timeout?: number;
  /** What its standard input has. */
  readonly input?: string;
}

/** Runs a program to its end, its output as text (latin1: bytes stay as they are). */
export function run(program: string, argumentList: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((settle, reject) => {
    const { input = "", ...rest } = options;
    const child = execFile(
      program,
      argumentList,
      { ...rest, encoding: "latin1", maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== "number")
          reject(new Error(`${error.message}\n${stdout}\n${stderr}`));
        else settle({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
    endWithProof(child);
    // A program may end before it has read all of it.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** Runs `akuma` from source with these arguments to its end. */
export function akuma(argumentList: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(process.execPath, [main, ...argumentList], { timeout: RUN_TIMEOUT_MILLISECONDS, ...options });
}

/** How many bytes of a process are in the host's memory (Linux). */
export function residentBytes(pid: number | undefined): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** Runs curl quietly. */
export function curl(...argumentList: string[]): Promise<Ran> {
  return run("curl", ["-sS", "--max-time", "60", ...argumentList]);
}

/** Prints that one part holds. */
export function holds(what: string): void {
  console.log(`  holds: ${what}`);
}

/** The lower-cased names and values of a header block as `curl -D` or `-I` prints it, and its status line. */
export function parseHeaders(text: string): { status: string; headers: Map<string, string> } {
  const [status = "", ...lines] = text.trim().split(/\r?\n/);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status, headers };
}
