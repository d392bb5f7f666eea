/** wget: fetches a file over HTTP. */
import { SIGHUP, SIGINT, SIGPIPE, SIGTERM } from "../libakuma/constants.ts";
import { type Akuma, AkumaError } from "../libakuma/index.ts";
import { fileNameOf, parseUrl } from "./http/url.ts";
import { complain, parseOptions, parseSeconds, parseWhole, usageError } from "./shared/options.ts";
import { type Destination, FileDestination, StandardOutput } from "./wget/destination.ts";
import { Download } from "./wget/download.ts";
import { ExitCode, Failure } from "./wget/failure.ts";

const usage = `usage: wget [options] URL [FILE]
Fetches URL (http://HOST[:PORT]/PATH) and writes it to FILE, by default the last part of its path; "-" is stdout.
  -O, --output-document FILE      the same as FILE
  -P, --directory-prefix FOLDER   where the file goes when FILE is not given
  -q, --quiet                     print errors only
  -S, --server-response           print the heads of the answers
  -t, --tries NUMBER              how often to try when a connection breaks (3; 0 for ever)
  -T, --timeout SECONDS           give up when nothing comes for so long (900; 0 never)
  -U, --user-agent NAME           what to call itself
  -h, --help                      print this text
Exit codes: 0 all is well, 1 other errors, 2 command line, 3 files, 4 network, 6 authentication, 7 protocol, 8 the
server answered with an error.`;

const DEFAULT_TIMEOUT_MILLISECONDS = 900_000;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    output: { short: "O", long: "output-document", value: "FILE" },
    prefix: { short: "P", long: "directory-prefix", value: "FOLDER" },
    quiet: { short: "q", long: "quiet" },
    heads: { short: "S", long: "server-response" },
    tries: { short: "t", long: "tries", value: "NUMBER" },
    timeout: { short: "T", long: "timeout", value: "SECONDS" },
    agent: { short: "U", long: "user-agent", value: "NAME" },
    help: { short: "h", long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, ExitCode.parse);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return ExitCode.success;
  }
  const [urlText, fileOperand, ...rest] = operands;
  if (urlText === undefined) return await usageError(akuma, "missing URL", usage, ExitCode.parse);
  if (rest.length > 0) return await usageError(akuma, `extra operand '${rest[0]}'`, usage, ExitCode.parse);
  const tries = parseWhole(String(values.tries ?? 3), 0, 1_000_000);
  if (tries === undefined) return await usageError(akuma, `invalid number '${values.tries}'`, usage, ExitCode.parse);
  const timeout = values.timeout === undefined ? DEFAULT_TIMEOUT_MILLISECONDS : parseSeconds(String(values.timeout));
  if (timeout === undefined) return await usageError(akuma, `invalid time '${values.timeout}'`, usage, ExitCode.parse);
  const agent = String(values.agent ?? "akuma-wget/0.1");
  if (/[^\x20-\x7e]/.test(agent)) return await usageError(akuma, "invalid user agent", usage, ExitCode.parse);

  const url = parseUrl(urlText);
  if ("fault" in url) {
    await complain(akuma, `${urlText}: ${url.fault}`);
    return ExitCode.generic;
  }
  const isQuiet = values.quiet !== undefined;
  let destination: Destination | null = null;
  try {
    const given = (values.output as string | undefined) ?? fileOperand;
    const path = given ?? freeName(akuma, values.prefix as string | undefined, fileNameOf(url));
    destination = path === "-" ? new StandardOutput(akuma) : await FileDestination.create(akuma, path);
    cleanUpOnSignals(akuma, destination);
    await new Download(akuma, url, destination, {
      tries: tries === 0 ? Number.POSITIVE_INFINITY : tries,
      timeoutMilliseconds: timeout === 0 ? Number.POSITIVE_INFINITY : timeout,
      userAgent: agent,
      showsProgress: !isQuiet && akuma.stderr.isTerminal,
      tell: (line) => (isQuiet ? Promise.resolve() : akuma.stderr.writeAll(`${line}\n`)),
      tellsHeads: values.heads !== undefined && !isQuiet,
    }).run();
    return ExitCode.success;
  } catch (error) {
    destination?.discard();
    if (error instanceof Failure) {
      await complain(akuma, error.message);
      return error.code;
    }
    // What is left can only come from looking at files; the network's errors are all Failures.
    if (!(error instanceof AkumaError)) throw error;
    await complain(akuma, error.message);
    return ExitCode.fileIo;
  }
}

/** As GNU wget: a file that is there already is not overwritten by a name that nobody chose. */
function freeName(akuma: Akuma, folder: string | undefined, name: string): string {
  const path = folder === undefined ? name : `${folder.replace(/\/+$/, "")}/${name}`;
  if (!akuma.fs.exists(path)) return path;
  for (let k = 1; ; k++) if (!akuma.fs.exists(`${path}.${k}`)) return `${path}.${k}`;
}

/** A signal that ends the program takes the incomplete file with it, and then does what it would have done. */
function cleanUpOnSignals(akuma: Akuma, destination: Destination): void {
  akuma.signal(SIGPIPE, "ignore");
  for (const signal of [SIGHUP, SIGINT, SIGTERM]) {
    akuma.signal(signal, () => {
      destination.discard();
      akuma.signal(signal, "default");
      akuma.kill(akuma.getpid(), signal);
    });
  }
}
