/** cp: copies files, with -r folders too. */
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { baseName, forEachPath, isDirectory } from "./shared/files.ts";
import { complain, parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: cp [-r] FILE TO
       cp [-r] FILE... FOLDER
  -r  folders and all that is in them`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    recursive: { short: "r", long: "recursive" },
    alsoRecursive: { short: "R" },
    archive: { short: "a", long: "archive" },
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
  const recursive = [values.recursive, values.alsoRecursive, values.archive].some((value) => value !== undefined);
  const isFolder = isDirectory(akuma, to);
  if (operands.length > 1 && !isFolder) {
    await complain(akuma, `target '${to}' is not a directory`);
    return 1;
  }
  return await forEachPath(akuma, operands, "cannot copy", (path) =>
    copy(akuma, path, isFolder ? `${to}/${baseName(path)}` : to, recursive),
  );
}

async function copy(akuma: Akuma, path: string, to: string, recursive: boolean): Promise<void> {
  const stat = recursive ? akuma.fs.lstat(path) : akuma.fs.stat(path);
  if (stat.isSymbolicLink) {
    await akuma.fs.symlink(akuma.fs.readlink(path), to);
    return;
  }
  if (stat.isDirectory) {
    if (!recursive) throw AkumaError.fromKind("IsADirectory", "-r not specified; omitting directory");
    if (`${to}/`.startsWith(`${path.replace(/\/+$/, "")}/`)) {
      throw AkumaError.fromKind("InvalidInput", "a folder cannot be copied into itself");
    }
    await akuma.fs.mkdir(to, { recursive: true, mode: stat.mode & 0o777 });
    for (const { name } of await akuma.fs.readDir(path)) await copy(akuma, `${path}/${name}`, `${to}/${name}`, true);
    return;
  }
  const target = akuma.newfstatat(-100, to);
  if (typeof target !== "number" && target.device === stat.device && target.inode === stat.inode) {
    throw AkumaError.fromKind("InvalidInput", "they are the same file");
  }
  await akuma.fs.copy(path, to);
}
