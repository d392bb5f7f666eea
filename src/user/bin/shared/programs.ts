/** Where a program lies that is called by its name. */
import { X_OK } from "../../libakuma/constants.ts";
import type { Akuma } from "../../libakuma/index.ts";

/** The path of a program: the name itself where it has a slash, otherwise the first folder of PATH that has it. */
export function findProgram(akuma: Akuma, name: string, searchPath = "/bin"): string | undefined {
  if (name.includes("/")) return name;
  for (const folder of searchPath.split(":")) {
    const path = `${folder === "" ? "." : folder}/${name}`;
    if (akuma.faccessat(-100, path, X_OK) === 0) return path;
  }
  return undefined;
}
