/** echo: prints its arguments. As of old, what is no option of its own is printed. */
import type { Akuma } from "../libakuma/index.ts";

export async function main(akuma: Akuma): Promise<number> {
  const words = akuma.arguments.slice(1);
  let endsLine = true;
  let escapes = false;
  while (words[0] !== undefined && /^-[neE]+$/.test(words[0])) {
    const flags = words.shift() as string;
    if (flags.includes("n")) endsLine = false;
    // The last one counts.
    for (const flag of flags) if (flag !== "n") escapes = flag === "e";
  }
  const text = words.join(" ");
  const [shown, isCut] = escapes ? decodeEscapes(text) : [text, false];
  await akuma.stdout.writeAll(shown + (endsLine && !isCut ? "\n" : ""));
  return 0;
}

const LETTERS: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** Backslash escapes; true where \c ended the output. */
function decodeEscapes(text: string): [string, boolean] {
  const end = /(?<!\\)(?:\\\\)*\\c/.exec(text);
  const used = end === null ? text : text.slice(0, end.index + end[0].length - 2);
  const shown = used.replace(/\\(?:0([0-7]{0,3})|x([0-9A-Fa-f]{1,2})|(.))/gs, (whole, octal, hex, letter) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal || "0", 8) & 0xff);
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return LETTERS[letter as string] ?? whole;
  });
  return [shown, end !== null];
}
