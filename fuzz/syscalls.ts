/**
 * Random system calls with random arguments from a TypeScript program. Nothing may throw, hang or leak: after each program has
 * ended, open files, sockets, frames and rings are back to where they were.
 */
import assert from "node:assert/strict";
import { nextBelow, SeededRandom } from "../src/base/random.ts";
import { setLockChecking } from "../src/base/ranked-lock.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import type { Akuma } from "../src/user/libakuma/akuma.ts";
import { VirtualNetwork } from "../test/support/virtual-network.ts";

const CALLS_PER_PROGRAM = 2000;
/** Calls that may wait at the same time before the program gives up and another one starts. */
const MOST_WAITING = 200;
const HIGHEST_NUMBER = 460;
/** exit, exit_group and the akuma ABI's exit end the program too early to be of use each time. */
const RARE: ReadonlySet<number> = new Set([0, 93, 94]);

const paths = [
  "/tmp/a",
  "/tmp/b/c",
  "/",
  ".",
  "..",
  "",
  "/proc/self/fd/3",
  "/proc/net/tcp",
  "/dev/null",
  "/dev/zero",
  "/dev/tty",
  "/etc/hosts",
  "/bin/echo",
  "/proc/self",
  "a/../b",
  "x".repeat(300),
  "/tmp/loop",
];
const flags = [0, 1, 2, 4, 8, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x4000, 0x10000, 0x80000, 0o2000000, -1];
const oddNumbers = [
  0,
  1,
  2,
  3,
  7,
  8,
  16,
  100,
  127,
  4095,
  4096,
  65_535,
  65_536,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_ffff,
  -1,
  -2,
  -100,
  2 ** 32,
  2 ** 40,
  2 ** 52,
  -(2 ** 31),
  -(2 ** 52),
];

export interface FuzzResult {
  calls: number;
  succeeded: number;
  waited: number;
  programs: number;
}

function makeArgument(random: SeededRandom, base: number, room: number): number {
  switch (nextBelow(random, 9)) {
    case 0:
    case 1:
      return nextBelow(random, 12); // a descriptor, or a small number
    case 2:
    case 3:
    case 4:
      return base + nextBelow(random, room) * (nextBelow(random, 2) === 0 ? 1 : 0); // an address
    case 5:
      return (flags[nextBelow(random, flags.length)] as number) | (flags[nextBelow(random, flags.length)] as number);
    case 6:
      return oddNumbers[nextBelow(random, oddNumbers.length)] as number;
    case 7:
      return nextBelow(random, 300);
    default:
      return random.nextUint32();
  }
}

/** Puts something into the program's memory that calls may take for a path, an address, a vector or a request. */
function scribble(random: SeededRandom, bytes: Uint8Array, base: number, room: number): void {
  const view = new DataView(bytes.buffer);
  const at = base + (nextBelow(random, 4) === 0 ? nextBelow(random, room - 512) : 0);
  switch (nextBelow(random, 7)) {
    case 0: {
      const path = paths[nextBelow(random, paths.length)] as string;
      bytes.set(new TextEncoder().encode(`${path}\0`), at);
      break;
    }
    case 1: // struct sockaddr_in
      view.setUint16(at, [2, 2, 2, 1, 10, 0][nextBelow(random, 6)] as number, true);
      view.setUint16(at + 2, [0, 7, 8080, 40_000][nextBelow(random, 4)] as number);
      view.setUint32(at + 4, [0, 0x7f000001, 0x0a000001, 0x0a000002, 0xffffffff][nextBelow(random, 5)] as number);
      break;
    case 2: // struct iovec[], struct pollfd[]
      for (let k = 0; k < 8; k++) view.setUint32(at + 4 * k, makeArgument(random, base, room) >>> 0, true);
      break;
    case 3: // struct timespec, timeval
      for (let k = 0; k < 4; k++)
        view.setUint32(at + 4 * k, [0, 1, 1000, 0xffff_ffff][nextBelow(random, 4)] as number, true);
      break;
    case 4: {
      const requests = [
        '{"path":"/bin/true"}',
        '{"path":"/bin/echo","files":[[1,1],[0,99]]}',
        '{"path":5}',
        "{",
        "null",
        '{"path":"/tmp/a"}',
      ];
      bytes.set(new TextEncoder().encode(`${requests[nextBelow(random, requests.length)]}\0`), at);
      break;
    }
    default:
      random.fill(bytes, at, 64);
  }
}

/** One program's worth of calls; resolves when the program has returned. */
function fuzzProgram(random: SeededRandom, result: FuzzResult): (akuma: Akuma) => Promise<number> {
  return async (akuma) => {
    const { gate } = akuma;
    const room = 64 * 1024;
    const buffer = akuma.allocate(room);
    const base = buffer.byteOffset;
    const bytes = new Uint8Array(gate.memory);
    let waiting = 0;
    for (let k = 0; k < CALLS_PER_PROGRAM && waiting < MOST_WAITING; k++) {
      if (nextBelow(random, 2) === 0) scribble(random, bytes, base, room);
      let number = nextBelow(random, HIGHEST_NUMBER);
      // Half of the calls are to sockets, files and descriptors.
      if (nextBelow(random, 2) === 0) {
        const favourites = [
          198, 199, 200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 242, 56, 57, 63, 64, 23, 24, 25,
          59, 20, 21, 22, 73,
        ];
        number = favourites[nextBelow(random, favourites.length)] as number;
      }
      if (RARE.has(number) && nextBelow(random, 50) !== 0) continue;
      const a = (): number => makeArgument(random, base, room);
      const answer = gate.call(number, a(), a(), a(), a(), a(), a());
      result.calls++;
      if (typeof answer === "number") {
        assert.ok(Number.isFinite(answer), `call ${number} gave ${answer}`);
        if (answer >= 0) result.succeeded++;
      } else {
        result.waited++;
        waiting++;
        void answer.then(() => waiting--);
      }
      // Lets the network and the clock get a turn.
      if (k % 100 === 99) await akuma.sleep(1);
    }
    return 0;
  };
}

function usage(kernel: Kernel): Record<string, number> {
  return {
    openFiles: kernel.openFiles.current,
    sockets: kernel.sockets.size,
    processes: kernel.processes.size,
  };
}

/** Runs programs until `isDone`; throws on the first thing that is wrong, with the seed in the message. */
export async function fuzzSyscalls(seed: number, isDone: (result: FuzzResult) => boolean): Promise<FuzzResult> {
  const result: FuzzResult = { calls: 0, succeeded: 0, waited: 0, programs: 0 };
  const before = setLockChecking(true);
  try {
    for (let round = seed; !isDone(result); round++) {
      const random = new SeededRandom(round);
      const network = new VirtualNetwork({ seed: round, kernels: 2 });
      const kernel = network.kernels[0] as Kernel;
      const start = usage(kernel);
      try {
        for (let k = 0; k < 4; k++) {
          const abi = nextBelow(random, 4) === 0 ? "akuma" : "linux";
          const end = await network.run(0, fuzzProgram(random, result) as never, { abi });
          assert.doesNotMatch(end.output, /Error|undefined/, `a program threw: ${end.output}`);
          result.programs++;
        }
        // Children may still run and connections linger: an hour of virtual time ends them.
        for (const process of [...kernel.processes.all()]) process.signals.raise(9);
        await network.run(1, async (akuma) => {
          await akuma.sleep(3_600_000);
        });
        assert.deepEqual(usage(kernel), start, "something leaked");
        network.shutdown();
        const { arena } = kernel.net;
        assert.equal(arena.framesInUse, 0, "frames leaked");
      } catch (error) {
        throw new Error(`fuzzing system calls with seed ${round}: ${(error as Error).message}`, { cause: error });
      } finally {
        network.shutdown();
      }
    }
  } finally {
    setLockChecking(before);
  }
  return result;
}
