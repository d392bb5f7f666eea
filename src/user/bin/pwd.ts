/** pwd: prints the working directory. */
import type { Akuma } from "../libakuma/index.ts";

export async function main(akuma: Akuma): Promise<void> {
  await akuma.print(akuma.fs.currentDir);
}
