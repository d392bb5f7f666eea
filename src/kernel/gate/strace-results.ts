/** What stands behind the equals sign. */
import { errnoName, errnoText } from "../../abi/errno.ts";
import { F_GETFD, F_GETFL } from "../../abi/file.ts";
import { openFlagsText, type TracedCall } from "./strace-arguments.ts";
import { descriptorFlags, flagNames, hexadecimal, pointer } from "./strace-names.ts";
import { descriptorSetText, octal, pollText, timespecText } from "./strace-values.ts";

/** Calls whose result is an address. */
const addressResults: ReadonlySet<string> = new Set(["brk", "mmap", "mremap"]);
const selectNames: readonly string[] = ["in", "out", "except"];

/** "3", "-1 EAGAIN (Resource temporarily unavailable)", "0x802 (flags O_RDWR|O_NONBLOCK)", "1 ([{fd=3, revents=POLLIN}])". */
export function resultText(call: TracedCall): string {
  const { result } = call;
  const { name } = call.definition;
  if (result < 0) return `-1 ${errnoName(result)} (${errnoText(result)})`;
  if (addressResults.has(name)) return pointer(result);
  if (name === "umask") return octal(result);
  if (name === "fcntl") return fcntlResult(call);
  if (name === "ppoll" || name === "pselect6") return readinessResult(call);
  return `${result}`;
}

function fcntlResult(call: TracedCall): string {
  const { result } = call;
  if (call.values[1] === F_GETFL) return `${hexadecimal(result)} (flags ${openFlagsText(result)})`;
  if (call.values[1] === F_GETFD && result !== 0) {
    return `${hexadecimal(result)} (flags ${flagNames(result, descriptorFlags)})`;
  }
  return `${result}`;
}

function readinessResult(call: TracedCall): string {
  const { memory, result, values } = call;
  if (result === 0) return "0 (Timeout)";
  const [first = 0, second = 0, third = 0, , fifth = 0] = values;
  const isPoll = call.definition.name === "ppoll";
  const timeout = isPoll ? third : fifth;
  const parts: string[] = [];
  if (isPoll) parts.push(pollText(memory, first, second >>> 0, true));
  else {
    for (let set = 0; set < 3; set++) {
      const at = values[set + 1] ?? 0;
      const text = at === 0 ? "[]" : descriptorSetText(memory, at, first);
      if (text !== "[]") parts.push(`${selectNames[set]} ${text}`);
    }
  }
  if (timeout !== 0) parts.push(`left ${timespecText(memory, timeout)}`);
  return `${result} (${parts.join(", ")})`;
}
