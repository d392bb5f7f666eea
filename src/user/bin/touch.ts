/** touch: makes files, or sets the times of those that are there to now. */
import { AT_FDCWD } from "../libakuma/constants.ts";
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { forEachPath } from "./shared/files.ts";
import { parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: touch [-c] FILE...
  -c  make no files`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    noCreate: { short: "c", long: "no-create" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  if (operands.length === 0) return await usageError(akuma, "missing file operand", usage, 1);
  return await forEachPath(akuma, operands, "cannot touch", async (path) => {
    if (!akuma.fs.exists(path)) {
      if (values.noCreate === undefined) (await akuma.fs.open(path, { write: true, create: true })).close();
      return;
    }
    const result = await akuma.utimensat(AT_FDCWD, path);
    if (result < 0) throw AkumaError.fromErrno(result, path);
  });
}
