/** ps: shows the processes, from /proc. There are no terminals' sessions here, so it always shows all of them. */
import type { Akuma } from "../libakuma/index.ts";
import { readOptional } from "./shared/files.ts";
import { usageError } from "./shared/options.ts";
import { formatListDate, formatTable, namesById, twoDigits } from "./shared/text.ts";

const usage = `usage: ps [-e] [-f] | ps aux
  -e, -A   all processes (as without it)
  -f       with user, parent and start`;

interface ProcessLine {
  pid: number;
  ppid: number;
  state: string;
  user: string;
  sizeKibibytes: number;
  command: string;
  /** Milliseconds since 1970. */
  started: number;
  ticks: number;
}

/** USER_HZ */
const TICKS_PER_SECOND = 100;

export async function main(akuma: Akuma): Promise<number> {
  let isFull = false;
  let isWide = false;
  for (const word of akuma.arguments.slice(1)) {
    if (word === "--help") {
      await akuma.print(usage);
      return 0;
    }
    if (/^-[eAfw]+$/.test(word)) isFull ||= word.includes("f");
    else if (/^[auxww]+$/.test(word)) isWide ||= word.includes("u");
    else return await usageError(akuma, `unsupported option '${word}'`, usage, 1);
  }
  const lines = await readProcesses(akuma);
  const now = akuma.realtimeMilliseconds();
  if (isWide) {
    const rows = lines.map((line) => [
      line.user,
      String(line.pid),
      "0.0",
      "0.0",
      String(line.sizeKibibytes),
      String(line.sizeKibibytes),
      "?",
      line.state,
      startText(line.started, now),
      timeText(line.ticks, false),
      line.command,
    ]);
    const header = ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"];
    await akuma.stdout.writeAll(formatTable([header, ...rows], "lrrrrrllrrl"));
  } else if (isFull) {
    const rows = lines.map((line) => [
      line.user,
      String(line.pid),
      String(line.ppid),
      "0",
      startText(line.started, now),
      "?",
      timeText(line.ticks, true),
      line.command,
    ]);
    const header = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
    await akuma.stdout.writeAll(formatTable([header, ...rows], "lrrrllrl"));
  } else {
    const rows = lines.map((line) => [
      String(line.pid).padStart(7),
      "?".padEnd(8),
      timeText(line.ticks, true),
      line.command,
    ]);
    await akuma.stdout.writeAll(formatTable([["PID", "TTY", "TIME", "CMD"], ...rows], "rlrl"));
  }
  return 0;
}

async function readProcesses(akuma: Akuma): Promise<ProcessLine[]> {
  const users = namesById(await readOptional(akuma, "/etc/passwd"));
  const uptime = Number((await readOptional(akuma, "/proc/uptime")).split(" ")[0]) * 1000;
  const booted = akuma.realtimeMilliseconds() - uptime;
  const lines: ProcessLine[] = [];
  for (const { name } of await akuma.fs.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // A process may end while it is looked at.
    const stat = await readOptional(akuma, `/proc/${name}/stat`);
    const status = await readOptional(akuma, `/proc/${name}/status`);
    const commandLine = await readOptional(akuma, `/proc/${name}/cmdline`);
    // The name in parentheses may hold anything, parentheses and blanks too.
    const close = stat.lastIndexOf(")");
    if (close < 0) continue;
    const program = stat.slice(stat.indexOf("(") + 1, close);
    const fields = stat.slice(close + 2).split(" ");
    const userId = Number(/^Uid:\s*(\d+)/m.exec(status)?.[1] ?? 0);
    lines.push({
      pid: Number(name),
      ppid: Number(fields[1]),
      state: fields[0] ?? "?",
      user: users.get(userId) ?? String(userId),
      sizeKibibytes: Math.ceil(Number(fields[20] ?? 0) / 1024),
      command: commandLine === "" ? `[${program}]` : commandLine.split("\0").join(" ").trimEnd(),
      started: booted + (Number(fields[19] ?? 0) * 1000) / TICKS_PER_SECOND,
      ticks: Number(fields[11] ?? 0) + Number(fields[12] ?? 0),
    });
  }
  return lines.sort((a, b) => a.pid - b.pid);
}

/** "22:13" today, "Nov14" before. */
function startText(started: number, now: number): string {
  const date = new Date(started);
  if (now - started < 86_400_000) return `${twoDigits(date.getUTCHours())}:${twoDigits(date.getUTCMinutes())}`;
  return formatListDate(started, now).slice(0, 6).replace(" ", "");
}

function timeText(ticks: number, hasHours: boolean): string {
  const seconds = Math.floor(ticks / TICKS_PER_SECOND);
  const minutes = Math.floor(seconds / 60);
  if (!hasHours) return `${minutes}:${twoDigits(seconds % 60)}`;
  return `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}`;
}
