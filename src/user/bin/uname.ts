/** uname: prints what system this is. */
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: uname [-asnrvm]
  -s  system   -n  host name   -r  release   -v  version   -m  machine   -a  all of them`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    all: { short: "a", long: "all" },
    systemName: { short: "s", long: "kernel-name" },
    nodeName: { short: "n", long: "nodename" },
    release: { short: "r", long: "kernel-release" },
    version: { short: "v", long: "kernel-version" },
    machine: { short: "m", long: "machine" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  if (operands.length > 0) return await usageError(akuma, `extra operand '${operands[0]}'`, usage, 1);
  const name = akuma.uname();
  if (typeof name === "number") throw AkumaError.fromErrno(name, "uname");
  const parts = ["systemName", "nodeName", "release", "version", "machine"] as const;
  const chosen = parts.filter((part) => values.all !== undefined || values[part] !== undefined);
  await akuma.print((chosen.length > 0 ? chosen : (["systemName"] as const)).map((part) => name[part]).join(" "));
  return 0;
}
