/** kill: sends a signal to processes. */
import { SIGTERM, signalName, signalNumber } from "../libakuma/constants.ts";
import { type Akuma, AkumaError, reason } from "../libakuma/index.ts";
import { complain, usageError } from "./shared/options.ts";

const usage = `usage: kill [-s SIGNAL | -SIGNAL] PID...
       kill -l [NUMBER]
Sends SIGNAL (a name or a number; TERM) to each PID; -PID is a process group.`;

export async function main(akuma: Akuma): Promise<number> {
  const words = akuma.arguments.slice(1);
  const first = words[0];
  if (first === undefined) return await usageError(akuma, "missing process id", usage);
  if (first === "--help") {
    await akuma.print(usage);
    return 0;
  }
  if (first === "-l" || first === "-L") return await list(akuma, words[1]);
  let signal: number | undefined = SIGTERM;
  if (first === "-s" || first === "-n") {
    signal = signalNumber(words[1] ?? "");
    if (signal === undefined) return await usageError(akuma, `invalid signal '${words[1] ?? ""}'`, usage);
    words.splice(0, 2);
  } else if (first.startsWith("-") && first !== "--") {
    signal = signalNumber(first.slice(1));
    if (signal === undefined) return await usageError(akuma, `invalid signal '${first.slice(1)}'`, usage);
    words.shift();
  }
  if (words[0] === "--") words.shift();
  if (words.length === 0) return await usageError(akuma, "missing process id", usage);
  let code = 0;
  for (const word of words) {
    if (!/^-?\d{1,10}$/.test(word)) {
      await complain(akuma, `'${word}' is no process id`);
      code = 1;
      continue;
    }
    const result = akuma.kill(Number(word), signal);
    if (result >= 0) continue;
    await complain(akuma, `(${word}) - ${reason(AkumaError.fromErrno(result, ""))}`);
    code = 1;
  }
  return code;
}

async function list(akuma: Akuma, number: string | undefined): Promise<number> {
  if (number !== undefined) {
    // As a shell reports the end of a program: 128 and the signal.
    const signal = signalNumber(number);
    if (signal === undefined) {
      const status = /^\d+$/.test(number) ? Number(number) - 128 : 0;
      if (status < 1 || status > 31) return await usageError(akuma, `invalid signal '${number}'`, usage);
      await akuma.print(signalName(status).slice(3));
      return 0;
    }
    await akuma.print(/^\d+$/.test(number) ? signalName(signal).slice(3) : String(signal));
    return 0;
  }
  const names = Array.from({ length: 31 }, (_, k) => signalName(k + 1).slice(3));
  await akuma.print(names.join(" "));
  return 0;
}
