import type { Akuma } from "../../../src/user/libakuma/akuma.ts";

export async function main(akuma: Akuma): Promise<void> {
  await akuma.stdout.write("looping\n");
  for (;;);
}
