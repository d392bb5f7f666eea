/**
 * Mutated frames into live stacks: valid traffic between two kernels of which some frames are changed, cut, repeated or replaced
 * by noise, most with their checksums made right again so that the change gets past the first check. Nothing may throw, hang
 * or leak. What the programs read may be wrong here: a forged segment with a right checksum is a segment.
 */
import assert from "node:assert/strict";
import type { Arena } from "../src/base/arena.ts";
import { nextBelow, nextFraction, SeededRandom } from "../src/base/random.ts";
import { setLockChecking } from "../src/base/ranked-lock.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import type { Device, FrameReceiver } from "../src/kernel/net/device/device.ts";
import type { Akuma } from "../src/user/libakuma/akuma.ts";
import { VirtualNetwork } from "../test/support/virtual-network.ts";

const MUTATED = 0.2;
const IP = 14;

/** Big-endian 16-bit ones'-complement sum, the plain way. */
function sum(bytes: Uint8Array, from: number, to: number, initial: number): number {
  let total = initial;
  for (let at = from; at < to; at += 2)
    total += ((bytes[at] as number) << 8) + (at + 1 < to ? (bytes[at + 1] as number) : 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

/** Makes the checksums of an IPv4 frame right again, as far as its lengths make sense. */
function repair(frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < IP + 20 || view.getUint16(12) !== 0x0800) return;
  const headerBytes = ((frame[IP] as number) & 15) * 4;
  const totalBytes = Math.min(view.getUint16(IP + 2), frame.length - IP);
  if (headerBytes < 20 || headerBytes > totalBytes) return;
  view.setUint16(IP + 10, 0);
  view.setUint16(IP + 10, ~sum(frame, IP, IP + headerBytes, 0) & 0xffff);
  const protocol = frame[IP + 9] as number;
  const field = { 1: 2, 6: 16, 17: 6 }[protocol];
  const from = IP + headerBytes;
  const to = IP + totalBytes;
  if (field === undefined || from + field + 2 > to) return;
  view.setUint16(from + field, 0);
  const pseudo = protocol === 1 ? 0 : sum(frame, IP + 12, IP + 20, protocol + (to - from));
  view.setUint16(from + field, ~sum(frame, from, to, pseudo) & 0xffff);
}

/** Changes some of what is sent. */
export class MutatingDevice implements Device {
  readonly mtu: number;
  readonly linkType: "ethernet" | "loopback";
  mutated = 0;
  private readonly inner: Device;
  private readonly arena: Arena;
  private readonly random: SeededRandom;

  constructor(inner: Device, arena: Arena, random: SeededRandom) {
    this.inner = inner;
    this.arena = arena;
    this.random = random;
    this.mtu = inner.mtu;
    this.linkType = inner.linkType;
  }

  attach(receive: FrameReceiver): void {
    this.inner.attach(receive);
  }

  transmit(frame: number, length: number): void {
    const { arena, random } = this;
    if (nextFraction(random) < MUTATED) {
      const copies = 1 + nextBelow(random, 2);
      for (let k = 0; k < copies; k++) this.sendMutant(frame, length);
      if (nextBelow(random, 4) === 0) {
        arena.freeFrame(frame);
        return;
      }
    }
    this.inner.transmit(frame, length);
  }

  private sendMutant(frame: number, length: number): void {
    const { arena, random } = this;
    const mutant = arena.allocateFrame(1514);
    if (mutant === 0) return;
    arena.copy(mutant, frame, length);
    let mutantLength = length;
    const bytes = arena.bytes.subarray(mutant, mutant + 1514);
    switch (nextBelow(random, 6)) {
      case 0:
        mutantLength = nextBelow(random, length + 1); // cut
        break;
      case 1:
        mutantLength = Math.min(1514, length + nextBelow(random, 200)); // longer than it says
        break;
      case 2:
        random.fill(bytes, IP, length - IP); // noise behind the Ethernet header
        break;
      default:
        for (let k = 1 + nextBelow(random, 4); k > 0; k--) {
          const at =
            nextBelow(random, 3) === 0 ? nextBelow(random, length) : 12 + nextBelow(random, Math.min(60, length - 12));
          bytes[at] =
            nextBelow(random, 3) === 0 ? random.nextUint32() : (bytes[at] as number) ^ (1 << nextBelow(random, 8));
        }
    }
    if (nextBelow(random, 10) < 8) repair(arena.bytes.subarray(mutant, mutant + mutantLength));
    this.mutated++;
    this.inner.transmit(mutant, mutantLength);
  }
}

export interface FrameFuzzResult {
  mutated: number;
  connections: number;
  rounds: number;
}

async function server(akuma: Akuma): Promise<number> {
  await using listener = await akuma.net.TcpListener.bind("0.0.0.0:7");
  const datagrams = await akuma.net.UdpSocket.bind("0.0.0.0:7");
  const buffer = new Uint8Array(65_536);
  void (async () => {
    for (;;) {
      const { length, address } = await datagrams.recvFrom(buffer);
      await datagrams.sendTo(buffer.subarray(0, length), address).catch(() => {});
    }
  })().catch(() => {});
  for await (const { stream } of listener) {
    void (async () => {
      await using connection = stream;
      const own = new Uint8Array(4096);
      for (;;) {
        const count = await connection.read(own);
        if (count === 0) return;
        await connection.writeAll(own.subarray(0, count));
      }
    })().catch(() => {});
  }
  return 0;
}

function client(connections: number, result: FrameFuzzResult): (akuma: Akuma) => Promise<number> {
  return async (akuma) => {
    const one = async (): Promise<void> => {
      await using stream = await akuma.net.TcpStream.connect("10.0.0.1:7");
      stream.setReadTimeout(60_000);
      const block = new Uint8Array(3000);
      for (let k = 0; k < 20; k++) {
        await stream.writeAll(block);
        if ((await stream.read(block)) === 0) return;
      }
    };
    const all = Array.from({ length: connections }, async () => {
      result.connections++;
      await one().catch(() => {});
    });
    const datagram = async (): Promise<void> => {
      const socket = await akuma.net.UdpSocket.bind("0.0.0.0:0");
      socket.setReadTimeout(100);
      for (let k = 0; k < 20; k++) {
        await socket.sendTo(new Uint8Array(k * 300), "10.0.0.1:7").catch(() => {});
        await socket.recvFrom(new Uint8Array(8000)).catch(() => {});
      }
    };
    await Promise.all([...all, datagram()]);
    return 0;
  };
}

/** Runs rounds until `isDone`; throws with the seed in the message. */
export async function fuzzFrames(seed: number, isDone: (result: FrameFuzzResult) => boolean): Promise<FrameFuzzResult> {
  const result: FrameFuzzResult = { mutated: 0, connections: 0, rounds: 0 };
  const before = setLockChecking(true);
  try {
    for (let round = seed; !isDone(result); round++) {
      const devices: MutatingDevice[] = [];
      const network = new VirtualNetwork({
        seed: round,
        kernels: 2,
        wrap: (device, arena, k) => {
          const mutating = new MutatingDevice(device, arena, new SeededRandom(round * 7 + k));
          devices.push(mutating);
          return mutating;
        },
      });
      try {
        const serving = network.run(0, server);
        await network.run(1, client(8, result));
        for (const kernel of network.kernels)
          for (const process of [...kernel.processes.all()]) process.signals.raise(9);
        await serving;
        // Retransmissions, keep-alives and TIME_WAIT come to their ends.
        await network.run(1, async (akuma) => {
          await akuma.sleep(7_200_000);
        });
        for (const kernel of network.kernels) {
          assert.equal([...kernel.net.tcp.connections()].length, 0, "connections are left");
          assert.equal(kernel.sockets.size, 0, "sockets are left");
        }
        network.shutdown();
        const { arena } = (network.kernels[0] as Kernel).net;
        assert.equal(arena.framesInUse, 0, "frames leaked");
      } catch (error) {
        throw new Error(`fuzzing frames with seed ${round}: ${(error as Error).message}`, { cause: error });
      } finally {
        network.shutdown();
      }
      for (const device of devices) result.mutated += device.mutated;
      result.rounds++;
    }
  } finally {
    setLockChecking(before);
  }
  return result;
}
