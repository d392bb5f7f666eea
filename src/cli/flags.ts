/** The flags that several commands share, and what their values may be. */
import { type Command, InvalidArgumentError, Option } from "commander";

/** Values as the command line gives them, checked where that needs no kernel. */
export interface KernelFlags {
  publish?: string[];
  /** The lowest first. */
  root?: string[];
  mount?: MountFlag[];
  /** Undefined: nothing is granted. */
  allowNet?: GrantFlag;
  strace?: string | true;
  pcap?: string;
  netDelay?: number;
  /** Percent. */
  netLoss?: number;
  seed?: number;
  env?: Record<string, string>;
  abi?: "linux" | "akuma";
  isolate?: boolean;
  /** Bytes. */
  memory?: number;
  processes?: number;
  bufferPool?: "auto" | "specification";
  codeCache?: string;
}

export interface MountFlag {
  hostPath: string;
  guestPath: string;
  writable: boolean;
}

/** True: everything. */
export type GrantFlag = true | string[];

/** Stands for "without a value"; no argument of a process can contain it. */
const BARE = "\0";

function collect<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}

/** "HOST:GUEST" or "HOST:GUEST:rw"; the guest's path is absolute. */
export function parseMount(text: string): MountFlag {
  const match = /^(.+?):(\/[^:]*)(?::(rw|ro))?$/.exec(text);
  if (match === null) {
    throw new InvalidArgumentError(
      "write it as HOSTFOLDER:/GUESTFOLDER, or HOSTFOLDER:/GUESTFOLDER:rw to let it be written.",
    );
  }
  const [, hostPath = "", guestPath = "", access] = match;
  return { hostPath, guestPath, writable: access === "rw" };
}

export function parseEnvironment(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("write it as NAME=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

export function parseNumber(from: number, to: number, unit: string): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= from && value <= to)) throw new InvalidArgumentError(`expected ${unit} from ${from} to ${to}.`);
    return value;
  };
}

export function parseInteger(from: number, to: number, unit: string): (text: string) => number {
  return (text) => {
    if (!/^\d+$/.test(text)) throw new InvalidArgumentError(`expected ${unit} from ${from} to ${to}.`);
    return parseNumber(from, to, unit)(text);
  };
}

const unitBytes: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const LEAST_SIZE: number = 16 << 20;

/** "512M", "2g", "1GiB": bytes, or with K, M and G powers of 1024. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?$/i.exec(text.trim());
  const bytes = Math.floor(Number(match?.[1]) * (unitBytes[match?.[2]?.toUpperCase() ?? ""] ?? Number.NaN));
  if (!(bytes >= LEAST_SIZE && bytes <= Number.MAX_SAFE_INTEGER))
    throw new InvalidArgumentError("write it as a number with K, M or G, 16M at least.");
  return bytes;
}

function parseGrant(text: string, before?: GrantFlag): GrantFlag {
  if (text === BARE || before === true) return true;
  return [...(before ?? []), text];
}

export type FlagName =
  | "publish"
  | "allowNet"
  | "root"
  | "mount"
  | "env"
  | "abi"
  | "isolate"
  | "memory"
  | "processes"
  | "bufferPool"
  | "codeCache"
  | "strace"
  | "pcap"
  | "netDelay"
  | "netLoss"
  | "seed";

const NETWORK = "Network:";
const PROGRAM = "Program:";
const WATCH = "Watch and disturb:";

function option(group: string, flags: string, description: string): Option {
  return new Option(flags, description).helpGroup(group);
}

const options: Readonly<Record<FlagName, () => Option>> = {
  publish: () =>
    option(
      NETWORK,
      "--publish <PORT>",
      "let the host reach a port of the guest: [ADDRESS:][HOSTPORT:]PORT[/udp]; on 127.0.0.1 unless ADDRESS says otherwise",
    ).argParser(collect((text) => text)),
  allowNet: () =>
    option(
      NETWORK,
      "--allow-net [LIST]",
      "let the guest reach everything, or only LIST: example.com, *.example.com, 192.0.2.7, 10.0.0.0/8, localhost, each with :PORT or :FIRST-LAST if you like, separated by commas",
    ).argParser(parseGrant),
  root: () =>
    option(
      PROGRAM,
      "--root <PATH>",
      "the guest's root file system: a folder, a .tar, .tar.gz or .tar.zst, or an image from docker save; what the guest changes is kept in memory. May be given several times, the last one on top",
    ).argParser(collect((text) => text)),
  mount: () =>
    option(
      PROGRAM,
      "--mount <FOLDERS>",
      "HOSTFOLDER:/GUESTFOLDER[:rw]: show a folder of the host in the guest; it cannot be written unless :rw",
    ).argParser(collect(parseMount)),
  env: () =>
    option(PROGRAM, "--env <NAME=VALUE>", "set a variable of the program's environment").argParser(parseEnvironment),
  abi: () =>
    option(PROGRAM, "--abi <NAME>", "whose system call numbers the program speaks")
      .choices(["linux", "akuma"])
      .default("linux"),
  isolate: () => option(PROGRAM, "--isolate", "run the program in a thread of its own, so that it can be stopped"),
  memory: () =>
    option(
      PROGRAM,
      "--memory <SIZE>",
      "what machine code may have of the host's memory: 512M, 2G …; a program gets three quarters of it at most (default: half of the host's memory)",
    ).argParser(parseSize),
  processes: () =>
    option(
      PROGRAM,
      "--processes <N>",
      "processes and threads that there may be at once; a program gets a quarter of them at most (default: 4096)",
    ).argParser(parseInteger(4, 4096, "a whole number")),
  bufferPool: () =>
    option(
      PROGRAM,
      "--buffer-pool <PROFILE>",
      "how sockets get memory: growing with use, or the specification's 32 pairs of 4 KiB",
    )
      .choices(["auto", "specification"])
      .default("auto"),
  codeCache: () =>
    option(
      PROGRAM,
      "--code-cache <FOLDER>",
      "keep translated machine code in FOLDER, so that programs start faster the next time",
    ),
  strace: () =>
    option(WATCH, "--strace [FILE]", "print every system call to stderr, or to FILE").argParser((text) =>
      text === BARE ? true : text,
    ),
  pcap: () => option(WATCH, "--pcap <FILE>", "write every packet of eth0 to FILE, for Wireshark or tcpdump"),
  netDelay: () =>
    option(WATCH, "--net-delay <MS>", "delay packets by so many milliseconds, each way").argParser(
      parseNumber(0, 60_000, "milliseconds"),
    ),
  netLoss: () =>
    option(WATCH, "--net-loss <PERCENT>", "lose so many of the packets").argParser(parseNumber(0, 100, "percent")),
  seed: () =>
    option(WATCH, "--seed <N>", "make the kernel's randomness repeatable").argParser(
      parseInteger(0, 0xffff_ffff, "a whole number"),
    ),
};

export function addFlags(command: Command, ...names: FlagName[]): Command {
  for (const name of names) command.addOption(options[name]());
  return command;
}

/**
 * A flag with an optional value takes it only after "=": `--allow-net URL` grants everything, and URL is an operand. Looks at
 * the flags of `command` up to the first operand where it passes the rest on, and marks those without a value.
 */
export function markBareFlags(command: Command, words: readonly string[], stopAtOperand: boolean): string[] {
  const marked: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--" || (stopAtOperand && !word.startsWith("-"))) return [...marked, ...words.slice(at)];
    const found = command.options.find((candidate) => candidate.long === word || candidate.short === word);
    marked.push(found?.optional === true ? `${word}=${BARE}` : word);
    const value = words[at + 1];
    if (found?.required === true && value !== undefined) {
      marked.push(value);
      at++;
    }
  }
  return marked;
}
