/** What the command itself prints: colours only on a terminal, and never where NO_COLOR asks for none (no-color.org). */
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

function paint(stream: NodeJS.WriteStream, style: Style, text: string): string {
  const { NO_COLOR, TERM } = process.env;
  const isPlain = !stream.isTTY || (NO_COLOR !== undefined && NO_COLOR !== "") || TERM === "dumb";
  return isPlain ? text : styleText(style, text, { validateStream: false });
}

const opened = new Set<NodeJS.WriteStream>();

/** Whoever reads our output may go away: `akuma … | head`. The program inside learns it by EPIPE; we have nothing to add. */
function write(stream: NodeJS.WriteStream, text: string): void {
  if (!opened.has(stream)) stream.on("error", () => {});
  opened.add(stream);
  stream.write(text);
}

export function printError(message: string): void {
  write(process.stderr, `${paint(process.stderr, "red", "akuma:")} ${message}\n`);
}

/** A line of the kernel's log. On a terminal it may come upon a progress bar: the line is cleared first. */
export function printLog(message: string): void {
  const clear = process.stderr.isTTY ? "\r\x1b[K" : "";
  write(process.stderr, `${clear}${paint(process.stderr, "yellow", "akuma:")} ${message}\n`);
}

export function printLine(text: string): void {
  write(process.stdout, `${text}\n`);
}

/** For addresses to open. */
export function emphasize(text: string): string {
  return paint(process.stdout, ["bold", "cyan"], text);
}

export function dim(text: string): string {
  return paint(process.stdout, "dim", text);
}

/** A line of strace. */
export function printTrace(line: string): void {
  write(process.stderr, `${line}\n`);
}
