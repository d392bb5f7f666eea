/** The commands with their flags, operands and help. What they do is loaded when one is used. */
import { Command, type CommanderError, type Help } from "commander";
import { CommandFailure, UsageError } from "./errors.ts";
import { addFlags, type KernelFlags, markBareFlags, parseInteger } from "./flags.ts";
import { printLine } from "./style.ts";

/** Takes the exit code of the command that ran. */
type Finish = (exitCode: number) => void;

class AkumaCommand extends Command {
  override createCommand(name?: string): AkumaCommand {
    return new AkumaCommand(name);
  }

  override parseOptions(words: string[]): ReturnType<Command["parseOptions"]> {
    const passesOn = (this as unknown as { _passThroughOptions: boolean })._passThroughOptions;
    return super.parseOptions(this.parent === null ? words : markBareFlags(this, words, passesOn));
  }
}

export function buildCommands(finish: Finish): Command {
  const program = new AkumaCommand("akuma")
    .description(
      "A Linux-compatible userspace kernel: runs programs on a TCP/IP stack of its own, without root, VM or container.",
    )
    .usage("COMMAND …")
    .option("-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .enablePositionalOptions()
    .configureHelp(HELP)
    .allowExcessArguments()
    .addHelpText("after", EXAMPLES)
    .action(async (flags: { version?: boolean }) => {
      const [unknown] = program.args;
      if (unknown !== undefined) throw new UsageError(`there is no command ${unknown}${suggestion(program, unknown)}`);
      if (flags.version === true) {
        const { readVersion } = await import("./version.ts");
        printLine(`akuma ${await readVersion()}`);
      } else program.outputHelp();
      finish(0);
    });
  addServe(program, finish);
  addWget(program, finish);
  addRun(program, finish);
  for (const command of [program, ...program.commands]) throwErrors(command);
  return program;
}

function addServe(program: Command, finish: Finish): void {
  const serve = program
    .command("serve")
    .usage("[flags] FOLDER")
    .description("serve a folder's files over HTTP, from /bin/httpd in the kernel")
    .argument("<FOLDER>", "what to serve; the guest sees it read-only as /public")
    .option(
      "-p, --port <PORT>",
      "port of the host (default: 8080, or the next free one)",
      parseInteger(0, 65_535, "a port"),
    )
    .option("--host <ADDRESS>", "address of the host to listen on; 0.0.0.0 for everyone", "127.0.0.1")
    .option("-l, --log", "print a line per request")
    .addHelpText(
      "after",
      "\nExamples:\n  akuma serve .\n  akuma serve --port 3000 --log dist\n  akuma serve --pcap packets.pcap --net-delay 50 public",
    );
  addFlags(serve, "isolate", "bufferPool", "strace", "pcap", "netDelay", "netLoss", "seed");
  serve.action(async (folder: string, flags: KernelFlags & { port?: number; host: string; log?: boolean }) => {
    const { serveFolder } = await import("./serve.ts");
    finish(await serveFolder(folder, flags));
  });
}

function addWget(program: Command, finish: Finish): void {
  const wget = program
    .command("wget")
    .usage("[flags] URL [FILE]")
    .description("fetch a URL with /bin/wget in the kernel, into the current folder")
    .argument("<URL>", "its host and port are granted, since you name them")
    .argument("[FILE]", 'where to put it; "-" prints it')
    .option("-q, --quiet", "print errors only")
    .option("-S, --server-response", "print the heads of the answers")
    .addHelpText(
      "after",
      "\nA redirect to another host needs --allow-net for that host.\n\nExamples:\n  akuma wget http://example.com/\n  akuma wget --allow-net=*.example.com http://example.com/big.iso big.iso\n  akuma wget http://localhost:9000/data.json - | jq .",
    );
  addFlags(wget, "allowNet", "isolate", "bufferPool", "strace", "pcap", "netDelay", "netLoss", "seed");
  wget.action(
    async (
      url: string,
      file: string | undefined,
      flags: KernelFlags & { quiet?: boolean; serverResponse?: boolean },
    ) => {
      const { fetchUrl } = await import("./wget.ts");
      finish(await fetchUrl(url, file, flags));
    },
  );
}

function addRun(program: Command, finish: Finish): void {
  const run = program
    .command("run")
    .usage("[flags] [--] PROGRAM [ARGUMENT…]")
    .description("run a program in the kernel")
    .argument(
      "<PROGRAM>",
      "the name of a program in the guest, a path there, a .ts or .js module of yours that exports main, or an arm64 executable or script of yours",
    )
    .argument("[ARGUMENT...]", "what the program gets")
    .passThroughOptions()
    .addHelpText(
      "after",
      "\nFlags stand before PROGRAM; what follows is the program's.\nOn a terminal that the program reads from, all keys are its own; Ctrl-] three times within a second ends it.\n\nExamples:\n  akuma run --publish 8080 --mount .:/public httpd --log\n  akuma run --allow-net=example.com:80 --strace -- wget http://example.com/\n  akuma run --isolate ./server.ts 8080\n  akuma run ./hello-arm64 world\n  akuma run --root debian.tar.zst -- /bin/sh\n  akuma run --root nginx-arm64.tar --publish 8080:80 -- nginx -g 'daemon off;'",
    );
  addFlags(
    run,
    "publish",
    "allowNet",
    "root",
    "mount",
    "env",
    "abi",
    "isolate",
    "memory",
    "processes",
    "bufferPool",
    "codeCache",
    "strace",
    "pcap",
    "netDelay",
    "netLoss",
    "seed",
  );
  run.action(async (name: string, words: string[], flags: KernelFlags) => {
    const { runProgram } = await import("./run.ts");
    finish(await runProgram(name, words, flags));
  });
}

/** What commander would print and exit with is thrown, in our words. */
function throwErrors(command: Command): void {
  command.configureOutput({ outputError: () => {} });
  command.exitOverride((error: CommanderError) => {
    if (error.exitCode === 0) throw new CommandFailure("", 0);
    const isRoot = command.parent === null;
    const message = error.message
      .replace(/^error: /, "")
      .replace(/<(\w+)>/, "$1")
      .replace(/\s*\n\s*/g, " ");
    throw new UsageError(message, isRoot ? "akuma --help" : `akuma ${command.name()} --help`);
  });
}

/** Flags as they are written: --pcap FILE, --allow-net[=LIST]. */
const HELP: Partial<Help> = {
  optionTerm: ({ flags }) => flags.replace(" [", "[=").replace(/[<>]/g, ""),
  subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
  commandUsage: (command) => [command.parent?.name(), command.name(), command.usage()].filter(Boolean).join(" "),
};

/** For a command that starts with the same letters. */
function suggestion(program: Command, unknown: string): string {
  const near = program.commands.find((command) => command.name().startsWith(unknown.slice(0, 2)));
  return near === undefined ? "" : ` (did you mean ${near.name()}?)`;
}

const EXAMPLES = `
Examples:
  akuma serve .                                 serve this folder at http://127.0.0.1:8080
  akuma wget http://example.com/                fetch a page into this folder
  akuma run --publish 8080:80 -- httpd -p 80    run a program of /bin
  akuma run ./my-program.ts                     run a module of yours
  akuma run --root debian.tar -- /bin/sh        run Linux/arm64 programs of a root file system

Programs reach nothing outside until --allow-net lets them. \`akuma run --help\` tells all flags.`;
