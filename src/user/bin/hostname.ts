/** hostname: prints the host's name. */
import { type Akuma, AkumaError } from "../libakuma/index.ts";

export async function main(akuma: Akuma): Promise<number> {
  if (akuma.arguments.length > 1) {
    await akuma.stderr.writeAll("hostname: you must be root to change the host name\n");
    return 1;
  }
  const name = akuma.uname();
  if (typeof name === "number") throw AkumaError.fromErrno(name, "uname");
  await akuma.print(name.nodeName);
  return 0;
}
