/** Says the size of its window at the start, after each change, and for each Ctrl-C; "crash" on stdin makes it throw, "quit" ends it. */
import type { Akuma } from "../../../src/user/libakuma/index.ts";

const SIGINT = 2;
const SIGWINCH = 28;
const TIOCGWINSZ = 0x5413;

export async function main(akuma: Akuma): Promise<number> {
  const say = async (what: string): Promise<void> => {
    const at = akuma.memory.heap.allocate(16);
    akuma.ioctl(0, TIOCGWINSZ, at);
    const rows = akuma.memory.readUint16(at);
    const columns = akuma.memory.readUint16(at + 2);
    akuma.memory.heap.free(at, 16);
    await akuma.print(`${what} ${rows}x${columns}`);
  };
  akuma.signal(SIGINT, () => void say("interrupted"));
  akuma.signal(SIGWINCH, () => void say("resized"));
  await say("started");
  for await (const line of akuma.stdin.lines()) {
    if (line === "quit") return 7;
    if (line === "crash")
      setImmediate(() => {
        throw new Error("as asked");
      });
    else await akuma.print(`line ${line}`);
  }
  return 0;
}
