/** What goes through the gateway comes out as it went in, whatever the two sides do and in whatever order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ECONNRESET } from "../../abi/errno.ts";
import { type FakeStream, ip, Network } from "./gateway.fixture.ts";

type Step =
  | { do: "guestSends" | "hostSends" | "guestReads"; bytes: number }
  | { do: "hostStalls" | "hostDrains" | "guestEnds" | "hostEnds" | "settle" }
  | { do: "pass"; milliseconds: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("guestSends", "hostSends", "guestReads"),
      bytes: fc.integer({ min: 1, max: 200_000 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("hostStalls", "hostDrains", "settle") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("guestEnds", "hostEnds") }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("pass" as const), milliseconds: fc.integer({ min: 1, max: 2000 }) }),
  },
) as fc.Arbitrary<Step>;

const byteAt = (seed: number, position: number): number => (position * 31 + (position >> 9) + seed) & 255;

class Side {
  sent = 0;
  readonly seed: number;
  hasEnded = false;

  constructor(seed: number) {
    this.seed = seed;
  }

  next(length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, k) => byteAt(this.seed, this.sent + k));
  }
}

function check(bytes: ArrayLike<number>, from: number, seed: number): void {
  for (let k = 0; k < bytes.length; k++) {
    if (bytes[k] !== byteAt(seed, from + k)) assert.fail(`wrong byte at ${from + k}`);
  }
}

test("property: both streams arrive whole and in order, and everything is closed in the end", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const network = new Network(true);
      const connection = network.guest.tcp.connect({ remoteAddress: ip("93.184.216.34"), remotePort: 80 });
      assert.ok(typeof connection !== "number");
      network.settle();
      const host = network.host.streams[0] as FakeStream;
      host.events?.onOpen();
      network.settle();
      const guestSide = new Side(1);
      const hostSide = new Side(2);
      let received = 0;
      const read = (bytes: number): number => {
        const buffer = new Uint8Array(bytes);
        const count = connection.receive(buffer, 0, bytes);
        assert.ok(count >= 0, `errno ${-count}`);
        check(buffer.subarray(0, count), received, hostSide.seed);
        received += count;
        return count;
      };
      for (const action of steps) {
        if (action.do === "guestSends" && !guestSide.hasEnded) {
          const taken = connection.send(guestSide.next(action.bytes), 0, action.bytes);
          assert.ok(taken >= 0, `errno ${-taken}`);
          guestSide.sent += taken;
        } else if (action.do === "hostSends" && !hostSide.hasEnded) {
          host.deliver(hostSide.next(action.bytes));
          hostSide.sent += action.bytes;
        } else if (action.do === "guestReads") read(action.bytes);
        else if (action.do === "hostStalls") host.room = 1;
        else if (action.do === "hostDrains") host.drain();
        else if (action.do === "guestEnds" && !guestSide.hasEnded) {
          guestSide.hasEnded = true;
          connection.shutdownWrite();
        } else if (action.do === "hostEnds" && !hostSide.hasEnded) {
          hostSide.hasEnded = true;
          host.hangUp();
        } else if (action.do === "pass") network.pass(action.milliseconds);
        else if (action.do === "settle") network.settle();
      }
      // Everyone finishes, reads what there is, and the connection ends.
      if (!guestSide.hasEnded) connection.shutdownWrite();
      if (!hostSide.hasEnded) host.hangUp();
      for (let round = 0; round < 10_000 && !(connection.receiveFinished && host.log.includes("close")); round++) {
        host.drain();
        network.pass(50);
        while (read(65_536) > 0) network.settle();
      }
      assert.equal(received, hostSide.sent);
      assert.equal(host.received.length, guestSide.sent);
      check(host.received, 0, guestSide.seed);
      assert.deepEqual(host.log, ["end", "close"]);
      connection.close();
      network.pass(200_000);
      assert.equal(network.gateway.tcp.connections, 0);
      assert.equal(network.arena.framesInUse, 0);
      assert.equal(network.arena.blockBytesInUse, 0);
    }),
    { numRuns: 25 },
  );
});

test("property: a reset of either side at any moment resets the other, and leaves nothing behind", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), fc.boolean(), (steps, byHost) => {
      const network = new Network(true);
      const connection = network.guest.tcp.connect({ remoteAddress: ip("93.184.216.34"), remotePort: 80 });
      assert.ok(typeof connection !== "number");
      network.settle();
      const host = network.host.streams[0] as FakeStream;
      host.events?.onOpen();
      network.settle();
      for (const action of steps) {
        if (action.do === "guestSends") connection.send(new Uint8Array(action.bytes), 0, action.bytes);
        else if (action.do === "hostSends") host.deliver(new Uint8Array(action.bytes));
        else if (action.do === "hostStalls") host.room = 1;
        else if (action.do === "settle") network.settle();
      }
      if (byHost) host.events?.onError(ECONNRESET);
      else connection.abort();
      network.pass(1000);
      if (byHost) assert.equal(connection.stateName, "CLOSED");
      else assert.deepEqual(host.log, ["reset"]);
      connection.close();
      network.pass(200_000);
      assert.equal(network.gateway.tcp.connections, 0);
      assert.equal(network.arena.framesInUse, 0);
      assert.equal(network.arena.blockBytesInUse, 0);
    }),
    { numRuns: 40 },
  );
});
