/** cat: writes files, one after another, to stdout. */
import { type Akuma, AkumaError, type ByteStream, reason } from "../libakuma/index.ts";
import { complain, parseOptions, usageError } from "./shared/options.ts";

const usage = `usage: cat [-n] [FILE]...
Writes each FILE to stdout; "-", or no FILE, is stdin.
  -n, --number   number the lines`;

const BLOCK_BYTES = 128 * 1024;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    number: { short: "n", long: "number" },
    unbuffered: { short: "u" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  if (options.values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const copy = options.values.number === undefined ? copyBytes : numberLines();
  let code = 0;
  for (const path of options.operands.length > 0 ? options.operands : ["-"]) {
    try {
      if (path === "-") {
        await copy(akuma, akuma.stdin);
        continue;
      }
      using file = await akuma.fs.open(path);
      await copy(akuma, file);
    } catch (error) {
      if (!(error instanceof AkumaError)) throw error;
      await complain(akuma, `${path}: ${reason(error)}`);
      code = 1;
    }
  }
  return code;
}

async function copyBytes(akuma: Akuma, source: ByteStream): Promise<void> {
  const block = akuma.allocate(BLOCK_BYTES);
  try {
    for (;;) {
      const count = await source.read(block);
      if (count === 0) return;
      await akuma.stdout.writeAll(block.subarray(0, count));
    }
  } finally {
    akuma.free(block);
  }
}

/** Numbers go on from file to file. */
function numberLines(): (akuma: Akuma, source: ByteStream) => Promise<void> {
  let number = 0;
  return async (akuma, source) => {
    for await (const line of source.lines()) await akuma.print(`${String(++number).padStart(6)}\t${line}`);
  };
}
