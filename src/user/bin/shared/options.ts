/**
 * Command lines as getopt_long(3) reads them: -a, -abc, -n5, -n 5, --name, --name=value, --name value, "--" to end the
 * options, options and operands in any order.
 */
import type { Akuma } from "../../libakuma/index.ts";

export interface OptionSpecification {
  /** "n" for -n. */
  short?: string;
  /** "name" for --name. */
  long?: string;
  /** Given where the option takes a value: what the value is, for messages. */
  value?: string;
}

export interface ParsedOptions<Name extends string> {
  /** True for an option without a value. The last one counts where one comes twice. */
  values: Partial<Record<Name, string | true>>;
  operands: string[];
}

export interface OptionRules {
  /** The first operand ends the options: what follows belongs to it. */
  stopAtOperand?: boolean;
  /** Where an operand may look like an option ("-9"): true keeps it as one. */
  isOperand?: (argument: string) => boolean;
}

/** The options, or what is wrong with the line, worded as the C library does. */
export function parseOptions<Name extends string>(
  commandLine: readonly string[],
  specifications: Readonly<Record<Name, OptionSpecification>>,
  rules: OptionRules = {},
): ParsedOptions<Name> | string {
  const parsed: ParsedOptions<Name> = { values: {}, operands: [] };
  const names = Object.keys(specifications) as Name[];
  for (let k = 0; k < commandLine.length; k++) {
    const argument = commandLine[k] as string;
    if (argument === "--") {
      parsed.operands.push(...commandLine.slice(k + 1));
      break;
    }
    if (argument === "-" || !argument.startsWith("-") || rules.isOperand?.(argument) === true) {
      parsed.operands.push(argument);
      if (rules.stopAtOperand !== true) continue;
      parsed.operands.push(...commandLine.slice(k + 1));
      break;
    }
    const fault = argument.startsWith("--") ? takeLong(argument) : takeShort(argument);
    if (typeof fault === "string") return fault;
    if (fault) k++;

    /** Whether the next argument was used as well. */
    function takeLong(text: string): boolean | string {
      const [given = "", ...rest] = text.slice(2).split("=");
      const exact = names.filter((name) => specifications[name].long === given);
      // Abbreviations are allowed as long as they are unique.
      const found = exact.length > 0 ? exact : names.filter((name) => specifications[name].long?.startsWith(given));
      if (found.length > 1) return `option '--${given}' is ambiguous`;
      const name = found[0];
      if (name === undefined) return `unrecognized option '--${given}'`;
      const { long, value } = specifications[name];
      if (value === undefined) {
        if (rest.length > 0) return `option '--${long}' doesn't allow an argument`;
        parsed.values[name] = true;
        return false;
      }
      const next = rest.length > 0 ? rest.join("=") : commandLine[k + 1];
      if (next === undefined) return `option '--${long}' requires an argument`;
      parsed.values[name] = next;
      return rest.length === 0;
    }

    function takeShort(text: string): boolean | string {
      for (let at = 1; at < text.length; at++) {
        const letter = text[at] as string;
        const name = names.find((candidate) => specifications[candidate].short === letter);
        if (name === undefined) return `invalid option -- '${letter}'`;
        if (specifications[name].value === undefined) {
          parsed.values[name] = true;
          continue;
        }
        const rest = text.slice(at + 1);
        const next = rest !== "" ? rest : commandLine[k + 1];
        if (next === undefined) return `option requires an argument -- '${letter}'`;
        parsed.values[name] = next;
        return rest === "";
      }
      return false;
    }
  }
  return parsed;
}

/** The program's name without its folder. */
export function programName(akuma: Akuma): string {
  return akuma.arguments[0]?.split("/").pop() || "program";
}

/** A line on stderr that begins with the program's name. */
export async function complain(akuma: Akuma, message: string): Promise<void> {
  await akuma.stderr.writeAll(`${programName(akuma)}: ${message}\n`);
}

/** Says what is wrong with the command line and how it is meant; the exit code, 2 where not given. */
export async function usageError(akuma: Akuma, message: string, usage: string, code = 2): Promise<number> {
  await complain(akuma, message);
  await akuma.stderr.writeAll(`${usage}\n`);
  return code;
}

/** A whole number within bounds; undefined otherwise. */
export function parseWhole(text: string, least: number, most: number): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= least && value <= most ? value : undefined;
}

/** Seconds with an optional fraction, as milliseconds; undefined for anything else. */
export function parseSeconds(text: string): number | undefined {
  return /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) * 1000 : undefined;
}
