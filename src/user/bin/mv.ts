/** mv: renames or moves files and folders. */
import { EXDEV } from "../libakuma/constants.ts";
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { baseName, forEachPath, isDirectory } from "./shared/files.ts";
import { complain, parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: mv FILE TO
       mv FILE... FOLDER`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    force: { short: "f", long: "force" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const to = operands.pop();
  if (to === undefined) return await usageError(akuma, "missing file operand", usage, 1);
  if (operands.length === 0) return await usageError(akuma, `missing destination after '${to}'`, usage, 1);
  const isFolder = isDirectory(akuma, to);
  if (operands.length > 1 && !isFolder) {
    await complain(akuma, `target '${to}' is not a directory`);
    return 1;
  }
  return await forEachPath(akuma, operands, "cannot move", (path) =>
    move(akuma, path, isFolder ? `${to}/${baseName(path)}` : to),
  );
}

async function move(akuma: Akuma, path: string, to: string): Promise<void> {
  try {
    await akuma.fs.rename(path, to);
  } catch (error) {
    // On another file system a file is copied and then removed.
    if (!(error instanceof AkumaError && error.errno === EXDEV) || akuma.fs.lstat(path).isDirectory) throw error;
    await akuma.fs.copy(path, to);
    await akuma.fs.remove(path);
  }
}
