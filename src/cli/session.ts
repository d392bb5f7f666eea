/** Boots a kernel as the flags say, runs one program in it on the host's terminal, and hands signals on. */
import { closeSync, existsSync, openSync, statSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { type BootOptions, Kernel, type MountOption } from "../host/node/boot.ts";
import type { KernelProcess, SpawnOptions } from "../host/node/kernel-process.ts";
import { hostTerminal } from "../host/node/terminal.ts";
import { CommandFailure, UsageError } from "./errors.ts";
import type { KernelFlags, MountFlag } from "./flags.ts";
import { printError, printLog, printTrace } from "./style.ts";

/** Errors of boot that the user can do something about: their message says what. */
const USAGE_ERRORS = new Set(["GrantSyntaxError", "PublishSyntaxError"]);

export type SessionFlags = Partial<KernelFlags>;

/** Boots; `more` adds what the command itself needs. Throws UsageError and CommandFailure. */
export async function bootKernel(flags: SessionFlags, more: BootOptions = {}): Promise<Kernel> {
  const options: BootOptions = { log: printLog, ...more };
  const mounts = mountsOf(flags.mount ?? []);
  options.mounts = { ...mounts, ...more.mounts };
  if (flags.root !== undefined) {
    for (const path of flags.root) {
      if (!existsSync(path)) throw new CommandFailure(`there is no folder or archive ${path} to be the root`);
    }
    options.root = flags.root;
  }
  if (flags.publish !== undefined) options.publish = [...flags.publish, ...(more.publish ?? [])];
  if (options.allowNet === undefined && flags.allowNet !== undefined) options.allowNet = flags.allowNet;
  if (flags.pcap !== undefined) options.pcap = flags.pcap;
  if (flags.netDelay !== undefined) options.netDelayMilliseconds = flags.netDelay;
  if (flags.netLoss !== undefined) options.netLoss = flags.netLoss / 100;
  if (flags.seed !== undefined) options.seed = flags.seed;
  if (flags.bufferPool !== undefined) options.bufferPool = flags.bufferPool;
  if (flags.codeCache !== undefined) options.codeCache = flags.codeCache;
  if (flags.memory !== undefined) options.memoryBytes = flags.memory;
  if (flags.processes !== undefined) options.maximumProcesses = flags.processes;
  if (flags.strace !== undefined) options.strace = traceTo(flags.strace);
  try {
    return await Kernel.boot(options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (USAGE_ERRORS.has(error.name)) throw new UsageError(error.message);
    if (error.name === "HostListenError" || "code" in error) throw new CommandFailure(error.message, 1, error);
    throw error;
  }
}

/** Runs a program on the host's stdin, stdout and stderr; its exit code, or 128 and the signal's number. */
export async function runInKernel(
  kernel: Kernel,
  path: string,
  flags: SessionFlags,
  options: SpawnOptions,
): Promise<number> {
  const process = await startProgram(kernel, path, flags, options);
  return await waitFor(kernel, process);
}

export async function startProgram(
  kernel: Kernel,
  path: string,
  flags: SessionFlags,
  options: SpawnOptions,
): Promise<KernelProcess> {
  try {
    return await kernel.spawn(path, {
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      environment: { TERM: process.env["TERM"] ?? "dumb", ...noColor(), ...flags.env },
      ...(flags.abi === undefined ? {} : { abi: flags.abi }),
      ...(flags.isolate === true ? { isolate: "worker" } : {}),
      ...options,
    });
  } catch (error) {
    await kernel.shutdown();
    if (error instanceof Error && "code" in error)
      throw new CommandFailure(error.message, error.code === "ENOENT" ? 127 : 126);
    throw error;
  }
}

/**
 * Waits for the program's end while signals to us become signals to it: the second of a kind kills. Ctrl-C is such a signal only
 * while nobody in the guest reads from the terminal; from then on it is a key, as often as it is struck, for those in the
 * guest's foreground. The way out of there is Ctrl-], three times within a second.
 */
export async function waitFor(kernel: Kernel, guest: KernelProcess): Promise<number> {
  const asked = new Set<string>();
  const terminal = hostTerminal(kernel.core);
  const pass = (signal: NodeJS.Signals): void => {
    if (asked.has(signal)) guest.kill("SIGKILL");
    else if (signal === "SIGINT" && terminal !== null && terminal.shown.foregroundGroup !== 0)
      terminal.shown.signal(constants.signals.SIGINT);
    else if (!(signal === "SIGHUP" && terminal?.host.checkHangUp() === true)) guest.kill(signal);
    asked.add(signal);
  };
  if (terminal !== null) terminal.host.onEscape = () => guest.kill("SIGKILL");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, pass);
  // A program in our own realm may leave a promise that rejects, or throw in a callback: that ends the program, not the
  // kernel, and everything is closed in order.
  const crash = (error: unknown): void => {
    printError(`uncaught in a program: ${error instanceof Error ? error.stack : String(error)}`);
    guest.kill(asked.has("SIGABRT") ? "SIGKILL" : "SIGABRT");
    asked.add("SIGABRT");
  };
  process.on("uncaughtException", crash);
  const { code, signal } = await guest.exited;
  await kernel.shutdown();
  process.off("uncaughtException", crash);
  if (code !== null) return code;
  const number = constants.signals[signal as NodeJS.Signals] ?? 0;
  if (signal !== "SIGINT" && signal !== "SIGTERM" && signal !== "SIGHUP" && signal !== "SIGPIPE") {
    printError(`the program was ended by ${signal}`);
  }
  return 128 + number;
}

function mountsOf(mounts: readonly MountFlag[]): Record<string, MountOption> {
  const result: Record<string, MountOption> = {};
  for (const { hostPath, guestPath, writable } of mounts) {
    checkFolder(hostPath);
    if (guestPath in result) throw new UsageError(`two folders are to be mounted at ${guestPath}`, "akuma run --help");
    result[guestPath] = { path: hostPath, writable };
  }
  return result;
}

/** Throws CommandFailure for what is no folder of the host. */
export function checkFolder(path: string): void {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new CommandFailure(`there is no folder ${path}`);
  if (!status.isDirectory()) throw new CommandFailure(`${path} is no folder`);
}

/** Lines of strace to stderr, or to a file. */
function traceTo(target: string | true): (line: string) => void {
  if (target === true) return printTrace;
  let file: number;
  try {
    file = openSync(target, "w");
  } catch (error) {
    throw new CommandFailure(`cannot write ${target}: ${(error as Error).message}`);
  }
  let lines: string[] = [];
  const flush = (): void => {
    const text = lines.join("");
    lines = [];
    if (text !== "") writeSync(file, text);
  };
  process.on("exit", () => {
    flush();
    closeSync(file);
  });
  return (line) => {
    lines.push(`${line}\n`);
    if (lines.length >= 256) flush();
  };
}

function noColor(): Record<string, string> {
  const value = process.env["NO_COLOR"];
  return value === undefined ? {} : { NO_COLOR: value };
}
