import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Arena } from "../../../base/arena.ts";
import { SeededRandom } from "../../../base/random.ts";
import { CaughtDevice } from "../wire-peer.fixture.ts";
import { type FaultProfile, FaultyDevice } from "./faults.ts";

interface Bench {
  arena: Arena;
  device: FaultyDevice;
  inner: CaughtDevice;
  got: number[];
  /** Sends a frame whose first word is its number. */
  send(number: number, length?: number): void;
  numbers(): number[];
}

function bench(transmit: FaultProfile, receive: FaultProfile = {}, seed = 1): Bench {
  const arena = new Arena({ totalBytes: 8 << 20, smallFrames: 2000, largeFrames: 2, checked: true });
  const inner = new CaughtDevice(arena);
  const device = new FaultyDevice(inner, {
    arena,
    random: new SeededRandom(seed),
    transmit,
    receive,
    queueLimit: 1000,
  });
  const got: number[] = [];
  device.attach((frame) => {
    got.push(arena.bytes[frame] as number);
    arena.freeFrame(frame);
  });
  return {
    arena,
    device,
    inner,
    got,
    send(number, length = 100): void {
      const frame = arena.allocateFrame(length);
      arena.bytes.fill(0, frame, frame + length);
      arena.bytes[frame] = number >> 8;
      arena.bytes[frame + 1] = number;
      device.transmit(frame, length);
    },
    numbers(): number[] {
      return inner.sent.splice(0).map((bytes) => ((bytes[0] as number) << 8) | (bytes[1] as number));
    },
  };
}

const count = (to: number): number[] => Array.from({ length: to }, (_, k) => k);

describe("a bad link", () => {
  it("without faults passes everything at once", () => {
    const { device, send, numbers } = bench({});
    for (const k of count(10)) send(k);
    assert.deepEqual(numbers(), count(10));
    assert.equal(device.pollAt(), Number.POSITIVE_INFINITY);
  });

  it("loses about as many as it is told", () => {
    const { device, arena, send, numbers } = bench({ loss: 0.25 });
    for (const k of count(1000)) send(k);
    const { length } = numbers();
    assert.ok(length > 690 && length < 810, `${length}`);
    assert.equal(device.lost, 1000 - length);
    assert.equal(arena.framesInUse, 0);
  });

  it("duplicates and flips single bits", () => {
    const { device, send, inner, numbers } = bench({ duplicate: 0.5 });
    for (const k of count(100)) send(k);
    assert.equal(numbers().length, 100 + device.duplicated);
    assert.ok(device.duplicated > 30);
    assert.equal(inner.sent.length, 0);
    const corrupting = bench({ corrupt: 1 });
    const bits = new Set<number>();
    for (let k = 0; k < 300; k++) corrupting.send(0, 60);
    for (const bytes of corrupting.inner.sent) {
      const flipped = [...bytes].flatMap((byte, at) =>
        count(8)
          .filter((bit) => (byte >> bit) & 1)
          .map((bit) => at * 8 + bit),
      );
      assert.equal(flipped.length, 1);
      bits.add(flipped[0] as number);
    }
    assert.ok(bits.size > 100);
  });

  it("delays by the time it is told, in order", () => {
    const { device, send, numbers } = bench({ delayMilliseconds: 20 });
    device.poll(100);
    send(1);
    assert.ok(device.pollAt() <= 100, "the frame wants a stamp");
    device.poll(100);
    device.poll(105);
    send(2);
    device.poll(105);
    assert.equal(device.pollAt(), 120);
    device.poll(119.9);
    assert.deepEqual(numbers(), []);
    device.poll(120);
    assert.deepEqual(numbers(), [1]);
    device.poll(1000);
    assert.deepEqual(numbers(), [2]);
    assert.equal(device.pollAt(), Number.POSITIVE_INFINITY);
  });

  it("lets frames overtake each other under jitter, and never before the delay", () => {
    const { device, send, numbers } = bench({ delayMilliseconds: 10, jitterMilliseconds: 10 });
    for (const k of count(100)) send(k);
    device.poll(0);
    device.poll(9.99);
    assert.deepEqual(numbers(), []);
    device.poll(20);
    const order = numbers();
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      count(100),
    );
    assert.notDeepEqual(order, count(100));
  });

  it("limits the rate", () => {
    const { device, send, numbers } = bench({ bytesPerSecond: 100_000 });
    for (const k of count(10)) send(k, 1000);
    device.poll(0);
    device.poll(45);
    assert.deepEqual(numbers(), count(4));
    device.poll(100);
    assert.equal(numbers().length, 6);
  });

  it("holds no more than its queue", () => {
    const { device, arena, send } = bench({ delayMilliseconds: 1 });
    for (const k of count(1100)) send(k);
    assert.equal(device.heldFrames, 1000);
    assert.equal(device.lost, 100);
    device.poll(0);
    device.poll(1);
    assert.equal(arena.framesInUse, 0);
  });

  it("works on what arrives, too, and asks to be polled", () => {
    const { device, arena, inner, got } = bench({}, { delayMilliseconds: 5 });
    let asked = 0;
    device.onNeedsPoll = () => asked++;
    inner.receive(arena.allocateFrame(60), 60);
    assert.equal(asked, 1);
    device.poll(10);
    assert.equal(got.length, 0);
    device.poll(15);
    assert.equal(got.length, 1);
    assert.equal(arena.framesInUse, 0);
  });

  it("repeats itself with the same seed", () => {
    const run = (seed: number): number[] => {
      const profile = { loss: 0.1, duplicate: 0.1, delayMilliseconds: 3, jitterMilliseconds: 9, reorder: 0.1 };
      const { device, send, numbers } = bench(profile, {}, seed);
      for (const k of count(200)) {
        send(k);
        device.poll(k / 10);
      }
      device.poll(1000);
      return numbers();
    };
    assert.deepEqual(run(7), run(7));
    assert.notDeepEqual(run(7), run(8));
  });
});
