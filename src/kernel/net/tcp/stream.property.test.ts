/**
 * Whatever the network does to frames (loss, reordering, duplication, flipped bits), a stream arrives whole and equal, or the
 * connection fails with an error: never wrong bytes, never a hang. Afterwards nothing is left in use.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ENOBUFS } from "../../../abi/errno.ts";
import { Arena } from "../../../base/arena.ts";
import { nextBelow, nextFraction, SeededRandom } from "../../../base/random.ts";
import { BadNetwork, type BadNetworkOptions } from "./bad-network.fixture.ts";
import type { TcpConnection } from "./connection.ts";

/** One direction of a connection: what is to be sent, and what came. */
class Flow {
  readonly content: Uint8Array;
  readonly got: Uint8Array;
  sent = 0;
  received = 0;
  finished = false;
  error = 0;

  constructor(random: SeededRandom, length: number) {
    this.content = new Uint8Array(length);
    random.fill(this.content, 0, length);
    this.got = new Uint8Array(length + 1);
  }

  write(connection: TcpConnection, most: number): void {
    if (this.error !== 0 || this.finished) return;
    if (this.sent < this.content.length) {
      const taken = connection.send(this.content, this.sent, Math.min(most, this.content.length - this.sent));
      // Out of ring memory: a program would try again.
      if (taken < 0 && taken !== -ENOBUFS) this.error = taken;
      else this.sent += Math.max(0, taken);
    }
    if (this.sent === this.content.length) {
      this.finished = true;
      connection.shutdownWrite();
    }
  }

  read(connection: TcpConnection, most: number): void {
    if (this.error !== 0) return;
    const taken = connection.receive(this.got, this.received, Math.min(most, this.got.length - this.received));
    if (taken < 0) {
      this.error = taken;
      return;
    }
    for (let k = 0; k < taken; k++) {
      if (this.got[this.received + k] !== this.content[this.received + k]) {
        assert.fail(`byte ${this.received + k} is wrong`);
      }
    }
    this.received += taken;
  }
}

function runOnce(options: BadNetworkOptions, sizes: [number, number]): "whole" | "failed" {
  const network = new BadNetwork(options);
  const { arena } = network;
  const frames = arena.framesInUse;
  const blocks = arena.blockBytesInUse;
  const random = new SeededRandom(options.seed * 31 + 7);
  const listener = network.listen();
  const client = network.connect();
  const up = new Flow(random, sizes[0]);
  const down = new Flow(random, sizes[1]);
  let server: TcpConnection | null = null;
  const hurry = nextFraction(random) < 0.5;
  const chunk = (): number => (hurry ? 65_536 : 1 + nextBelow(random, 5000));
  const deadline = network.now + 3_600_000;
  let failed = false;
  const isDone = (): boolean => up.received === sizes[0] && down.received === sizes[1];
  for (;;) {
    const before = up.sent + up.received + down.sent + down.received;
    server ??= listener.accept();
    if (client.isEstablished) up.write(client, chunk());
    if (client.stateName !== "SYN-SENT") down.read(client, chunk());
    if (server !== null) {
      down.write(server, chunk());
      up.read(server, chunk());
    }
    if (isDone() && client.receiveFinished && server?.receiveFinished) break;
    failed = up.error < 0 || down.error < 0 || client.error !== 0 || (server?.error ?? 0) !== 0;
    if (failed) break;
    const progress = up.sent + up.received + down.sent + down.received - before;
    if (progress === 0 && network.nextEvent() > deadline) {
      assert.fail(
        `hangs: ${client.stateName} ${server?.stateName} ${up.received}/${sizes[0]} ${down.received}/${sizes[1]}`,
      );
    }
    // Sometimes the users are slow.
    if (nextFraction(random) < 0.1) network.advance(nextFraction(random) * 50);
    else {
      network.settle();
      if (!network.step(network.now + 20)) network.now += 5;
    }
  }
  client.close();
  server?.close();
  listener.close();
  network.weather = {};
  network.advance(1_200_000);
  assert.equal(arena.framesInUse, frames, "frames leak");
  assert.equal(arena.blockBytesInUse, blocks, "rings leak");
  for (const stack of [network.client, network.server]) {
    assert.equal([...stack.tcp.connections()].length, 0, "connections leak");
    assert.equal([...stack.tcp.timeWaiting()].length, 0);
    assert.equal([...stack.tcp.halfOpen()].length, 0);
    assert.equal(stack.tcp.ports.size, 0, "ports leak");
    assert.equal(stack.tcp.orphans, 0);
    assert.equal(stack.timers.size, 0, "timers leak");
  }
  return failed ? "failed" : "whole";
}

const RUNS = Number(process.env["TCP_STREAM_RUNS"] ?? 150);
const FIRST = Number(process.env["TCP_STREAM_SEED"] ?? 1);

test("a stream through a bad network arrives whole or fails", () => {
  let whole = 0;
  for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
    const random = new SeededRandom(seed);
    const bad = (most: number): number => (nextFraction(random) < 0.4 ? 0 : nextFraction(random) * most);
    const flip = (): boolean => nextFraction(random) < 0.75;
    const tcp = { timestamps: flip(), windowScaling: flip(), selectiveAcknowledgment: flip() };
    const options: BadNetworkOptions = {
      seed,
      loss: bad(0.15),
      duplicate: bad(0.1),
      corrupt: bad(0.05),
      reorder: bad(0.3),
      delay: nextFraction(random) < 0.3 ? 0 : nextFraction(random) * 60,
      jitter: bad(10),
      mtu: flip() ? 1500 : 576 + nextBelow(random, 1000),
      tcp: { ...tcp, congestion: flip() ? "cubic" : "newreno" },
      clientTcp: flip() ? { ...tcp, timestamps: flip(), selectiveAcknowledgment: flip() } : tcp,
      ...(flip() ? {} : { memory: { initialBytes: 4096, maximumReceiveBytes: 4096, maximumSendBytes: 4096 } }),
    };
    const size = (): number => nextBelow(random, flip() ? 20_000 : 200_000);
    try {
      if (runOnce(options, [size(), size()]) === "whole") whole++;
    } catch (error) {
      throw new Error(`seed ${seed} ${JSON.stringify(options)}: ${(error as Error).message}`, { cause: error });
    }
  }
  assert.ok(whole >= RUNS * 0.9, `${whole} of ${RUNS} arrived`);
});

test("short of frames and of ring memory, streams arrive whole all the same", () => {
  // Blocks come out of what frames leave over: 256 KiB, and never more than a few dozen frames at once.
  const arena = new Arena({ totalBytes: 512 << 10, smallFrames: 36, largeFrames: 0, checked: true });
  for (let seed = 1; seed <= RUNS / 10; seed++) {
    const random = new SeededRandom(seed);
    const options = { seed, arena, delay: 5, loss: seed % 2 === 0 ? 0.02 : 0 };
    const outcome = runOnce(options, [100_000 + nextBelow(random, 300_000), 100_000 + nextBelow(random, 300_000)]);
    assert.equal(outcome, "whole", `seed ${seed}`);
  }
});
