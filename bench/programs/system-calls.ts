/** A program of the guest: makes non-blocking system calls in a loop and prints the nanoseconds of one. Argument: how many. */
import { O_WRONLY } from "../../src/abi/file.ts";
import type { Akuma } from "../../src/user/libakuma/index.ts";

export async function main(akuma: Akuma): Promise<void> {
  const count = Number(akuma.arguments[1]);
  const nothing = akuma.open("/dev/null", O_WRONLY);
  if (typeof nothing !== "number" || nothing < 0) throw new Error("/dev/null cannot be opened");
  const byte = akuma.allocate(1);
  const lines = [
    measure("getppid", count, () => akuma.getppid()),
    measure("write-1-byte", count, () => akuma.write_fd(nothing, byte)),
  ];
  await akuma.stdout.write(lines.join(""));
}

function measure(name: string, count: number, call: () => number | Promise<number>): string {
  for (let warm = 0; warm < count / 10; warm++) call();
  const started = performance.now();
  for (let times = 0; times < count; times++) {
    if (typeof call() !== "number") throw new Error(`${name} blocked`);
  }
  return `${name} ${((performance.now() - started) * 1e6) / count}\n`;
}
