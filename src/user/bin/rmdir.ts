/** rmdir: removes empty folders. */
import { AT_REMOVEDIR } from "../libakuma/constants.ts";
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { forEachPath } from "./shared/files.ts";
import { parseOptions, usageError } from "./shared/options.ts";

const usage = "usage: rmdir FOLDER...";

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), { help: { long: "help" } });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  if (options.operands.length === 0) return await usageError(akuma, "missing operand", usage, 1);
  return await forEachPath(akuma, options.operands, "failed to remove", async (path) => {
    const result = await akuma.unlinkat(-100, path, AT_REMOVEDIR);
    if (result < 0) throw AkumaError.fromErrno(result, path);
  });
}
