/** From results to exceptions: the high-level half's way to wait, to go on after signals, and to throw. */
import { EINTR } from "../../abi/errno.ts";
import type { Result } from "./calls.ts";
import { AkumaError } from "./error.ts";

/** The result, or AkumaError thrown for -errno. */
export function check(result: number, doing: string): number {
  if (result < 0) throw AkumaError.fromErrno(result, doing);
  return result;
}

/** Calls again as long as a signal interrupts it; -EINTR is never seen. At once where the call does not wait. */
export function retry(call: () => Result): Result {
  for (;;) {
    const result = call();
    if (typeof result !== "number") return settle(result, call);
    if (result !== -EINTR) return result;
  }
}

async function settle(first: Promise<number>, call: () => Result): Promise<number> {
  let result = await first;
  while (result === -EINTR) result = await call();
  return result;
}

/** As `retry`, throwing for -errno. */
export function complete(call: () => Result, doing: string): Result {
  const result = retry(call);
  return typeof result === "number" ? check(result, doing) : result.then((value) => check(value, doing));
}
