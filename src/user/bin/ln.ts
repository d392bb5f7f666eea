/** ln: makes links. */
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { baseName, forEachPath, isDirectory } from "./shared/files.ts";
import { parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: ln [-sf] TARGET [NAME]
  -s  a symbolic link    -f  in place of what has that name`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    symbolic: { short: "s", long: "symbolic" },
    force: { short: "f", long: "force" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const [target, given, ...rest] = operands;
  if (target === undefined || rest.length > 0) return await usageError(akuma, "expected a target and a name", usage, 1);
  const to = given ?? ".";
  const name = isDirectory(akuma, to) ? `${to}/${baseName(target)}` : to;
  return await forEachPath(akuma, [name], "failed to create link", async () => {
    if (values.force !== undefined) await removeOld(akuma, name);
    if (values.symbolic === undefined) await akuma.fs.link(target, name);
    else await akuma.fs.symlink(target, name);
  });
}

async function removeOld(akuma: Akuma, name: string): Promise<void> {
  try {
    await akuma.fs.remove(name);
  } catch (error) {
    if (!(error instanceof AkumaError && error.kind === "NotFound")) throw error;
  }
}
