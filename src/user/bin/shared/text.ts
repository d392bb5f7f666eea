/** How programs print tables, dates, modes and sizes. */

import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "../../libakuma/constants.ts";

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const HALF_A_YEAR_MILLISECONDS = 182.6 * 86_400_000;

/** Columns as wide as their widest cell, one space apart; "r" in `alignment` aligns a column to the right. Ends of lines are bare. */
export function formatTable(rows: readonly (readonly string[])[], alignment = ""): string {
  const widths: number[] = [];
  for (const row of rows) for (const [k, cell] of row.entries()) widths[k] = Math.max(widths[k] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, k) => (alignment[k] === "r" ? cell.padStart(widths[k] ?? 0) : cell.padEnd(widths[k] ?? 0)))
        .join(" ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** As ls -l: "Nov 14 22:13", or "Nov 14  2023" where that is more than half a year away. In UTC. */
export function formatListDate(milliseconds: number, now: number): string {
  const date = new Date(milliseconds);
  const day = `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`;
  const isNear = milliseconds <= now && now - milliseconds < HALF_A_YEAR_MILLISECONDS;
  if (!isNear) return `${day}  ${date.getUTCFullYear()}`;
  return `${day} ${twoDigits(date.getUTCHours())}:${twoDigits(date.getUTCMinutes())}`;
}

export function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

const typeLetters: ReadonlyMap<number, string> = new Map([
  [S_IFSOCK, "s"],
  [S_IFLNK, "l"],
  [S_IFREG, "-"],
  [S_IFBLK, "b"],
  [S_IFDIR, "d"],
  [S_IFCHR, "c"],
  [S_IFIFO, "p"],
]);

/** "-rw-r--r--" for 0o100644. */
export function formatMode(mode: number): string {
  let text = typeLetters.get(mode & S_IFMT) ?? "?";
  for (let shift = 6; shift >= 0; shift -= 3) {
    const bits = (mode >>> shift) & 7;
    const special = ((mode >>> 9) >>> (shift / 3)) & 1;
    const letter = shift === 0 ? "t" : "s";
    const execute = special === 0 ? ((bits & 1) !== 0 ? "x" : "-") : (bits & 1) !== 0 ? letter : letter.toUpperCase();
    text += `${(bits & 4) !== 0 ? "r" : "-"}${(bits & 2) !== 0 ? "w" : "-"}${execute}`;
  }
  return text;
}

/** As ls -h: "512", "1.5K", "12M"; rounded up. */
export function formatHumanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < 5) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return String(bytes);
  const rounded = value < 10 ? (Math.ceil(value * 10) / 10).toFixed(1) : String(Math.ceil(value));
  return `${rounded}${"KMGTP"[unit - 1]}`;
}

/** "name:x:ID:…" lines of /etc/passwd or /etc/group as a map from number to name. */
export function namesById(text: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name !== undefined && id !== undefined && /^\d+$/.test(id)) names.set(Number(id), name);
  }
  return names;
}
