/** akuma run PROGRAM: a program of /bin, a file of the guest, or a module of the host's. */
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Kernel } from "../host/node/boot.ts";
import { CommandFailure } from "./errors.ts";
import { bootKernel, runInKernel, type SessionFlags } from "./session.ts";

const MODULE = /\.[cm]?[jt]s$/;

export async function runProgram(name: string, words: readonly string[], flags: SessionFlags): Promise<number> {
  const kernel = await bootKernel(flags);
  const path = await findProgram(kernel, name);
  return await runInKernel(kernel, path, flags, { arguments: words });
}

/** Node has run TypeScript since 22.18; an older one would say nothing useful about it. */
async function checkTypeScript(kernel: Kernel, name: string): Promise<void> {
  if (!/\.[cm]?ts$/.test(name) || process.features.typescript) return;
  await kernel.shutdown();
  const instead = `compile ${name} to JavaScript, or use a newer Node`;
  throw new CommandFailure(`Node ${process.version} cannot run TypeScript (22.18 and newer can): ${instead}`, 126);
}

/** The path in the guest. A module of the host's is put into /usr/bin there. */
async function findProgram(kernel: Kernel, name: string): Promise<string> {
  if (MODULE.test(name) && !name.startsWith("/bin/")) {
    if (existsSync(name)) {
      await checkTypeScript(kernel, name);
      const program = basename(name).replace(MODULE, "");
      const path = `/usr/bin/${program}`;
      kernel.addProgram(`usr/${program}`, pathToFileURL(resolve(name)), path);
      return path;
    }
    await kernel.shutdown();
    throw new CommandFailure(`there is no module ${name}`, 127);
  }
  if (name.includes("/")) return name.startsWith("/") ? name : `/${name}`;
  const { programs } = await import("../user/bin/index.ts");
  if (!(name in programs)) {
    await kernel.shutdown();
    throw new CommandFailure(
      `there is no program ${name} in /bin; there are: ${Object.keys(programs).sort().join(", ")}.\n       A module of yours is given as a path: ./${name}.ts`,
      127,
    );
  }
  return `/bin/${name}`;
}
