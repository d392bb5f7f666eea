/** mkdir: makes folders. */
import type { Akuma } from "../libakuma/index.ts";
import { forEachPath } from "./shared/files.ts";
import { parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: mkdir [-p] [-m MODE] FOLDER...
  -p  the folders above, too; no error for one that is there    -m  permissions, in octal`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    parents: { short: "p", long: "parents" },
    mode: { short: "m", long: "mode", value: "MODE" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  if (operands.length === 0) return await usageError(akuma, "missing operand", usage, 1);
  const mode = String(values.mode ?? "777");
  if (!/^[0-7]{1,4}$/.test(mode)) return await usageError(akuma, `invalid mode '${mode}'`, usage, 1);
  const recursive = values.parents !== undefined;
  return await forEachPath(akuma, operands, "cannot create directory", (path) =>
    akuma.fs.mkdir(path, { recursive, mode: Number.parseInt(mode, 8) }),
  );
}
