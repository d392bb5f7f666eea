/** What the programs about files have in common. */
import { type Akuma, AkumaError, reason } from "../../libakuma/index.ts";
import { complain } from "./options.ts";

/** Does something with each path; a path that fails is complained about and makes the exit code 1. */
export async function forEachPath(
  akuma: Akuma,
  paths: readonly string[],
  what: string,
  action: (path: string) => Promise<void> | void,
): Promise<number> {
  let code = 0;
  for (const path of paths) {
    try {
      await action(path);
    } catch (error) {
      if (!(error instanceof AkumaError)) throw error;
      await complain(akuma, `${what} '${path}': ${reason(error)}`);
      code = 1;
    }
  }
  return code;
}

export function isDirectory(akuma: Akuma, path: string): boolean {
  const stat = akuma.newfstatat(-100, path);
  return typeof stat !== "number" && stat.isDirectory;
}

/** The last part of a path: "c" of "/a/b/c/". */
export function baseName(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  return trimmed === "" ? "/" : trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** The text of a file that may not be there. */
export async function readOptional(akuma: Akuma, path: string): Promise<string> {
  try {
    return await akuma.fs.readTextFile(path);
  } catch {
    return "";
  }
}
