/** akuma run PROGRAM: a program of the guest, by name or path, or one of the host's: a module, an executable, a script. */
import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Kernel } from "../host/node/boot.ts";
import { CommandFailure } from "./errors.ts";
import { inspectExecutable } from "./executable.ts";
import { bootKernel, runInKernel, type SessionFlags } from "./session.ts";

const MODULE = /\.[cm]?[jt]s$/;

export async function runProgram(name: string, words: readonly string[], flags: SessionFlags): Promise<number> {
  const kernel = await bootKernel(flags);
  try {
    const path = await findProgram(kernel, name, flags.root !== undefined);
    return await runInKernel(kernel, path, flags, { arguments: words });
  } catch (error) {
    await kernel.shutdown();
    throw error;
  }
}

/** Node has run TypeScript since 22.18; an older one would say nothing useful about it. */
function checkTypeScript(name: string): void {
  if (!/\.[cm]?ts$/.test(name) || process.features.typescript) return;
  const instead = `compile ${name} to JavaScript, or use a newer Node`;
  throw new CommandFailure(`Node ${process.version} cannot run TypeScript (22.18 and newer can): ${instead}`, 126);
}

/** The path in the guest. What is the host's is made available there. */
async function findProgram(kernel: Kernel, name: string, hasRoot: boolean): Promise<string> {
  // An absolute path is the guest's, if there is such a file in it; a relative one the host's, where programs are started.
  if (name.startsWith("/") && (kernel.core.isExecutable(name) || hasRoot)) return name;
  if (MODULE.test(name)) return addModule(kernel, name);
  if (name.includes("/")) return addExecutable(kernel, name) ?? (name.startsWith("/") ? name : `/${name}`);
  const found = kernel.core.findProgram(name);
  if (found !== null) return found;
  if (hasRoot) {
    const folders = kernel.core.searchPath.split(":").join(", ");
    throw new CommandFailure(`there is no program ${name} in the root file system (looked in ${folders})`, 127);
  }
  const { programs } = await import("../user/bin/index.ts");
  throw new CommandFailure(
    `there is no program ${name} in /bin; there are: ${Object.keys(programs).sort().join(", ")}.\n       A module or an executable of yours is given as a path: ./${name}`,
    127,
  );
}

/** A module of the host's is put into /usr/bin. */
function addModule(kernel: Kernel, name: string): string {
  if (!existsSync(name)) throw new CommandFailure(`there is no module ${name}`, 127);
  checkTypeScript(name);
  const program = basename(name).replace(MODULE, "");
  const path = `/usr/bin/${program}`;
  kernel.addProgram(`usr/${program}`, pathToFileURL(resolve(name)), path);
  return path;
}

/** An executable or a script of the host's is put into /usr/local/bin, where it is found first; null if there is none. */
function addExecutable(kernel: Kernel, name: string): string | null {
  if (statSync(name, { throwIfNoEntry: false })?.isFile() !== true) return null;
  const { interpreter, isScript } = inspectExecutable(name);
  if (interpreter !== null && !kernel.core.isExecutable(interpreter)) {
    const what = isScript ? "is a script for" : "is linked dynamically and needs";
    throw new CommandFailure(
      `${name} ${what} ${interpreter}, which the guest does not have: give it a root file system that has, with --root`,
      127,
    );
  }
  const path = `/usr/local/bin/${basename(name)}`;
  kernel.addFile(path, name);
  return path;
}
