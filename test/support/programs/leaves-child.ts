import type { Akuma } from "../../../src/user/libakuma/akuma.ts";

/** Starts a program that outlives it. */
export async function main(akuma: Akuma): Promise<void> {
  await akuma.spawn({ path: "/bin/sleep", arguments: ["sleep", "0.05"] });
}
