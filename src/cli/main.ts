/** The `akuma` command: reads the command line, loads what the command needs, and ends with its exit code. */
import { buildCommands } from "./commands.ts";
import { CommandFailure, UsageError } from "./errors.ts";
import { printError } from "./style.ts";

/** Who reads our output may go away: `akuma … | head`. The program inside learns it by EPIPE; we have nothing to add. */
process.stdout.on("error", () => {});
process.stderr.on("error", () => {});

async function main(): Promise<number> {
  let exitCode = 0;
  try {
    await buildCommands((code) => {
      exitCode = code;
    }).parseAsync(process.argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommandFailure) {
      if (error.message !== "") printError(error.message);
      return error.exitCode;
    }
    if (error instanceof UsageError) {
      printError(`${error.message}\n       Try \`${error.tryThis}\` for more.`);
      return 2;
    }
    throw error;
  }
}

const code = await main();
// What was printed goes out first; then nothing that is still open keeps us.
const flushed = [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write("", resolve)));
await Promise.all(flushed);
process.exit(code);
