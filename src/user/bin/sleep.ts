/** sleep: waits for so long, or as long as all its arguments together. */
import type { Akuma } from "../libakuma/index.ts";
import { parseSeconds, usageError } from "./shared/options.ts";

const usage = "usage: sleep NUMBER[s|m|h|d]...";
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export async function main(akuma: Akuma): Promise<number> {
  const words = akuma.arguments.slice(1);
  if (words.length === 0) return await usageError(akuma, "missing operand", usage, 1);
  let total = 0;
  for (const word of words) {
    if (word === "infinity") {
      total = Number.POSITIVE_INFINITY;
      continue;
    }
    const [, number = "", unit = ""] = /^(.*?)([smhd]?)$/.exec(word) ?? [];
    const milliseconds = parseSeconds(number);
    if (milliseconds === undefined) return await usageError(akuma, `invalid time interval '${word}'`, usage, 1);
    total += milliseconds * (UNITS[unit] ?? 1);
  }
  // nanosleep(2) takes no infinity; a day at a time is as good.
  while (total > 0) {
    const part = Math.min(total, 86_400_000);
    await akuma.sleep(part);
    total -= part;
  }
  return 0;
}
