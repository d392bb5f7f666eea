import type { Akuma } from "../../../src/user/libakuma/akuma.ts";

export async function main(akuma: Akuma): Promise<number> {
  const buffer = new Uint8Array(100);
  await akuma.sleep(1);
  const count = await akuma.read_fd(0, buffer);
  const typed = new TextDecoder().decode(buffer.slice(0, count));
  await akuma.stdout.write(`hello ${akuma.arguments[1]}, you typed: ${typed}`);
  return 7;
}
