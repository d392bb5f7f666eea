/** rm: removes files, with -r folders too. */
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { baseName, forEachPath } from "./shared/files.ts";
import { parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: rm [-fr] FILE...
  -r  folders and all that is in them    -f  no error for what is not there`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    force: { short: "f", long: "force" },
    recursive: { short: "r", long: "recursive" },
    alsoRecursive: { short: "R" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const force = values.force !== undefined;
  const recursive = values.recursive !== undefined || values.alsoRecursive !== undefined;
  if (operands.length === 0 && !force) return await usageError(akuma, "missing operand", usage, 1);
  return await forEachPath(akuma, operands, "cannot remove", async (path) => {
    const name = baseName(path);
    if (name === "/" || name === "." || name === "..") throw AkumaError.fromKind("InvalidInput", "refused");
    try {
      if (!recursive && akuma.fs.lstat(path).isDirectory) throw AkumaError.fromKind("IsADirectory", "Is a directory");
      await akuma.fs.remove(path, { recursive });
    } catch (error) {
      if (!(force && error instanceof AkumaError && error.kind === "NotFound")) throw error;
    }
  });
}
