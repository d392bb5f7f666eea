/** ls: lists files and folders. */
import type { Akuma, Stat } from "../libakuma/index.ts";
import { AkumaError, reason } from "../libakuma/index.ts";
import { readOptional } from "./shared/files.ts";
import { complain, parseOptions, usageError } from "./shared/options.ts";
import { formatHumanSize, formatListDate, formatMode, formatTable, namesById } from "./shared/text.ts";

const usage = `usage: ls [-aAdhilrRStF1] [FILE]...
  -a  also names that begin with a dot     -A  the same without . and ..
  -d  folders themselves, not their files  -F  mark folders with /, links with @, programs with *
  -h  sizes with K, M, G                   -i  inode numbers
  -l  one line each with all about it      -1  one name a line
  -r  the other way round                  -R  folders in folders
  -S  largest first                        -t  newest first`;

interface Entry {
  name: string;
  path: string;
  stat: Stat;
}

type Flags = Partial<
  Record<
    | "all"
    | "almostAll"
    | "directory"
    | "classify"
    | "human"
    | "inode"
    | "long"
    | "one"
    | "reverse"
    | "recursive"
    | "size"
    | "time",
    string | true
  >
>;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    all: { short: "a", long: "all" },
    almostAll: { short: "A", long: "almost-all" },
    directory: { short: "d", long: "directory" },
    classify: { short: "F", long: "classify" },
    human: { short: "h", long: "human-readable" },
    inode: { short: "i", long: "inode" },
    long: { short: "l" },
    one: { short: "1" },
    reverse: { short: "r", long: "reverse" },
    recursive: { short: "R", long: "recursive" },
    size: { short: "S" },
    time: { short: "t" },
    help: { long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage);
  if (options.values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  return await new Listing(akuma, options.values).run(options.operands.length > 0 ? options.operands : ["."]);
}

class Listing {
  private readonly akuma: Akuma;
  private readonly flags: Flags;
  private users = new Map<number, string>();
  private groups = new Map<number, string>();
  private code = 0;
  private hasPrinted = false;

  constructor(akuma: Akuma, flags: Flags) {
    this.akuma = akuma;
    this.flags = flags;
  }

  async run(operands: readonly string[]): Promise<number> {
    if (this.flags.long !== undefined) {
      this.users = namesById(await readOptional(this.akuma, "/etc/passwd"));
      this.groups = namesById(await readOptional(this.akuma, "/etc/group"));
    }
    const files: Entry[] = [];
    const folders: Entry[] = [];
    for (const path of operands) {
      const stat = await this.statOf(path, path, this.flags.long === undefined);
      if (stat === undefined) this.code = 2;
      else (stat.isDirectory && this.flags.directory === undefined ? folders : files).push({ name: path, path, stat });
    }
    if (files.length > 0) await this.print(files, false);
    const hasTitles = operands.length > 1 || this.flags.recursive !== undefined;
    for (const { path } of this.sorted(folders)) await this.listFolder(path, hasTitles);
    return this.code;
  }

  private async listFolder(path: string, hasTitle: boolean): Promise<void> {
    let entries: Entry[];
    try {
      entries = await this.readFolder(path);
    } catch (error) {
      if (!(error instanceof AkumaError)) throw error;
      await complain(this.akuma, `cannot open directory '${path}': ${reason(error)}`);
      this.code = 2;
      return;
    }
    if (hasTitle) await this.akuma.stdout.writeAll(`${this.hasPrinted ? "\n" : ""}${path}:\n`);
    await this.print(entries, true);
    this.hasPrinted = true;
    if (this.flags.recursive === undefined) return;
    for (const entry of this.sorted(entries)) {
      if (entry.stat.isDirectory && entry.name !== "." && entry.name !== "..") await this.listFolder(entry.path, true);
    }
  }

  private async readFolder(path: string): Promise<Entry[]> {
    const names = (await this.akuma.fs.readDir(path)).map((entry) => entry.name);
    if (this.flags.all !== undefined) names.push(".", "..");
    const showsDots = this.flags.all !== undefined || this.flags.almostAll !== undefined;
    const prefix = path.endsWith("/") ? path : `${path}/`;
    const entries: Entry[] = [];
    for (const name of names) {
      if (name.startsWith(".") && !showsDots) continue;
      const stat = await this.statOf(prefix + name, name, false);
      if (stat !== undefined) entries.push({ name, path: prefix + name, stat });
    }
    return entries;
  }

  private async statOf(path: string, _name: string, follows: boolean): Promise<Stat | undefined> {
    try {
      return follows && this.akuma.fs.exists(path) ? this.akuma.fs.stat(path) : this.akuma.fs.lstat(path);
    } catch (error) {
      if (!(error instanceof AkumaError)) throw error;
      await complain(this.akuma, `cannot access '${path}': ${reason(error)}`);
      this.code = Math.max(this.code, 1);
      return undefined;
    }
  }

  private sorted(entries: readonly Entry[]): Entry[] {
    const { size, time, reverse } = this.flags;
    const sorted = [...entries].sort((a, b) => {
      const bySize = size === undefined ? 0 : b.stat.size - a.stat.size;
      const byTime = time === undefined ? 0 : b.stat.modifiedMilliseconds - a.stat.modifiedMilliseconds;
      return bySize || byTime || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
    });
    return reverse === undefined ? sorted : sorted.reverse();
  }

  private async print(entries: readonly Entry[], isFolder: boolean): Promise<void> {
    const sorted = this.sorted(entries);
    const { stdout } = this.akuma;
    if (this.flags.long !== undefined) {
      const blocks = entries.reduce((sum, { stat }) => sum + stat.blocks, 0) * 512;
      const total = this.flags.human === undefined ? String(Math.ceil(blocks / 1024)) : formatHumanSize(blocks);
      await stdout.writeAll(`${isFolder ? `total ${total}\n` : ""}${this.longLines(sorted)}`);
      return;
    }
    const names = sorted.map((entry) => this.inode(entry) + this.shown(entry));
    const isList = this.flags.one !== undefined || !stdout.isTerminal;
    await stdout.writeAll(isList ? names.map((name) => `${name}\n`).join("") : inColumns(names, stdout.columns));
  }

  private inode(entry: Entry): string {
    return this.flags.inode === undefined ? "" : `${entry.stat.inode} `;
  }

  private longLines(entries: readonly Entry[]): string {
    const now = this.akuma.realtimeMilliseconds();
    const rows = entries.map((entry) => {
      const { stat } = entry;
      const isDevice = (stat.mode & 0o170000) === 0o020000 || (stat.mode & 0o170000) === 0o060000;
      const device = `${stat.specialDevice >>> 8}, ${stat.specialDevice & 0xff}`;
      const size = this.flags.human === undefined ? String(stat.size) : formatHumanSize(stat.size);
      const target = stat.isSymbolicLink ? ` -> ${this.targetOf(entry.path)}` : "";
      return [
        this.inode(entry) + formatMode(stat.mode),
        String(stat.links),
        this.users.get(stat.userId) ?? String(stat.userId),
        this.groups.get(stat.groupId) ?? String(stat.groupId),
        isDevice ? device : size,
        formatListDate(stat.modifiedMilliseconds, now),
        this.shown(entry) + target,
      ];
    });
    return formatTable(rows, "lrllrll");
  }

  private targetOf(path: string): string {
    const target = this.akuma.readlinkat(-100, path);
    return typeof target === "string" ? target : "?";
  }

  /** A control character in a name must not reach the terminal. */
  private shown({ name, stat }: Entry): string {
    let clean = "";
    for (const character of name) clean += character < " " || character === "\x7f" ? "?" : character;
    if (this.flags.classify === undefined) return clean;
    const mark = stat.isDirectory
      ? "/"
      : stat.isSymbolicLink
        ? "@"
        : stat.isFile && (stat.mode & 0o111) !== 0
          ? "*"
          : "";
    return clean + mark;
  }
}

/** Names sorted down the columns of a terminal. */
function inColumns(names: readonly string[], width: number): string {
  if (names.length === 0) return "";
  const column = Math.max(...names.map((name) => name.length)) + 2;
  const columns = Math.max(1, Math.floor(width / column));
  const rows = Math.ceil(names.length / columns);
  let text = "";
  for (let row = 0; row < rows; row++) {
    let line = "";
    for (let k = row; k < names.length; k += rows) line += (names[k] as string).padEnd(column);
    text += `${line.trimEnd()}\n`;
  }
  return text;
}
