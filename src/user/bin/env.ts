/** env: prints the environment, or runs a program in a changed one. */
import { ENOENT } from "../libakuma/constants.ts";
import { type Akuma, AkumaError, reason } from "../libakuma/index.ts";
import { complain, parseOptions, usageError } from "./shared/options.ts";
import { findProgram } from "./shared/programs.ts";

const usage = `usage: env [-i] [-u NAME] [NAME=VALUE]... [PROGRAM [ARGUMENT]...]
  -i  begin with an empty environment    -u  without NAME`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(
    akuma.arguments.slice(1),
    {
      ignore: { short: "i", long: "ignore-environment" },
      unset: { short: "u", long: "unset", value: "NAME" },
      help: { long: "help" },
    },
    { stopAtOperand: true },
  );
  if (typeof options === "string") return await usageError(akuma, options, usage, 125);
  if (options.values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const variables = new Map<string, string>();
  const set = (entry: string): void => {
    const equals = entry.indexOf("=");
    variables.set(entry.slice(0, equals), entry.slice(equals + 1));
  };
  if (options.values.ignore === undefined) for (const entry of akuma.environment) set(entry);
  if (options.values.unset !== undefined) variables.delete(String(options.values.unset));
  const words = [...options.operands];
  while (words[0]?.includes("=") === true) set(words.shift() as string);
  const environment = [...variables].map(([name, value]) => `${name}=${value}`);
  const program = words[0];
  if (program === undefined) {
    await akuma.stdout.writeAll(environment.map((entry) => `${entry}\n`).join(""));
    return 0;
  }
  const path = findProgram(akuma, program, variables.get("PATH"));
  const child = await akuma.spawn({ path: path ?? program, arguments: words, environment });
  if (child < 0) {
    await complain(akuma, `'${program}': ${reason(AkumaError.fromErrno(child, ""))}`);
    return child === -ENOENT ? 127 : 126;
  }
  const ended = await akuma.wait4(child);
  if (typeof ended === "number") return 125;
  const [, status] = ended;
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
