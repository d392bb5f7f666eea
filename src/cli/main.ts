/** The `akuma` command: reads the command line, loads what the command needs, and ends with its exit code. */
import { buildCommands } from "./commands.ts";
import { CommandFailure, UsageError } from "./errors.ts";
import { printError } from "./style.ts";

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

let code = await main();
// What was printed goes out first; then nothing that is still open keeps us.
for (const stream of [process.stdout, process.stderr]) {
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    stream.once("error", resolve);
    stream.write("", (failure) => resolve(failure ?? stream.errored));
  });
  // Whoever read it may have gone: that is no error of ours. A full disk is.
  if (error !== null && error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") {
    if (stream === process.stdout) printError(`cannot write the output: ${error.message}`);
    code ||= 1;
  }
}
process.exit(code);
