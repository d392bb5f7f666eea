import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Arena } from "../../base/arena.ts";
import { finishSum, pseudoHeaderSum, sumBytes } from "../../base/checksum.ts";
import { nextBelow, SeededRandom } from "../../base/random.ts";
import { Timer } from "../../base/timers.ts";
import { FaultyDevice } from "./device/faults.ts";
import { createLoopback } from "./device/loopback.ts";
import { Switch } from "./device/switch.ts";
import type { PortReservation } from "./ports.ts";
import { NetStack } from "./stack.ts";
import type { TcpConnection } from "./tcp/connection.ts";
import type { TcpListener } from "./tcp/listener.ts";
import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN } from "./wire/tcp.ts";
import {
  arpFrame,
  bytesOf,
  ethernetFrame,
  icmpFrame,
  icmpMessage,
  ipPacket,
  OUR_ADDRESS,
  PEER_ADDRESS,
  pattern,
  tcpFrame,
  udpFrame,
  udpSegment,
  Wire,
} from "./wire-peer.fixture.ts";

/** Another one with FUZZ_SEED=n. */
const FUZZ_SEED: number = Number(process.env["FUZZ_SEED"] ?? 4711);

function deliver(wire: Wire, frame: Uint8Array): void {
  const at = wire.arena.allocateFrame(frame.length);
  wire.arena.bytes.set(frame, at);
  wire.device.receive(at, frame.length);
}

describe("the stack's clockwork", () => {
  it("only queues what it receives, and says once that it needs a poll", () => {
    const wire = new Wire();
    let calls = 0;
    wire.stack.onNeedsPoll = () => calls++;
    assert.equal(wire.stack.needsPoll, false);
    assert.equal(wire.stack.pollAt(), Number.POSITIVE_INFINITY);
    deliver(wire, icmpFrame({ type: 8 }));
    deliver(wire, icmpFrame({ type: 8 }));
    assert.equal(calls, 1);
    assert.equal(wire.stack.needsPoll, true);
    assert.equal(wire.device.sent.length, 0);
    assert.ok(wire.stack.pollAt() <= wire.now);
    assert.equal(wire.stack.poll(wire.now), true);
    assert.equal(wire.device.sent.length, 2);
    assert.equal(wire.stack.needsPoll, false);
    assert.equal(wire.stack.poll(wire.now), false);
    assert.equal(calls, 1);
  });

  it("does a bounded amount of work per poll", () => {
    const wire = new Wire({ framesPerPoll: 10 });
    for (let k = 0; k < 25; k++) deliver(wire, icmpFrame({ type: 8 }));
    for (const [answered, more] of [
      [10, true],
      [20, true],
      [25, false],
    ] as const) {
      wire.stack.poll(wire.now);
      assert.equal(wire.device.sent.length, answered);
      assert.equal(wire.stack.needsPoll, more);
    }
  });

  it("never sits in one poll while two of its own endpoints keep each other busy", () => {
    const wire = new Wire({ framesPerPoll: 64 });
    createLoopback(wire.stack);
    // A datagram from the echo port to itself would travel for ever.
    const a = wire.stack.udp.open();
    a.bindForeign(0, 7);
    a.events.wake = (): void => {
      const buffer = new Uint8Array(10);
      const got = a.receive(buffer, 0, 10);
      if (got > 0) a.sendTo(buffer, 0, got, 0x7f000001, 7);
    };
    a.sendTo(bytesOf("x"), 0, 1, 0x7f000001, 7);
    wire.stack.poll(wire.now);
    assert.equal(wire.stack.needsPoll, true);
    assert.ok(wire.stack.counters.UdpInDatagrams <= 64);
    assert.ok(wire.stack.counters.UdpInDatagrams >= 4);
  });

  it("bounds its receive queue", () => {
    const wire = new Wire({ receiveQueueLimit: 10 });
    for (let k = 0; k < 15; k++) deliver(wire, icmpFrame({ type: 8 }));
    assert.equal(wire.stack.counters.LinkBacklogDrops, 5);
    assert.equal(wire.net.receiveDrops, 5);
    wire.poll();
    assert.equal(wire.device.sent.length, 10);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("fires timers when they are due, and tells when that is", () => {
    const wire = new Wire();
    const fired: number[] = [];
    const timer = new Timer((now) => fired.push(now));
    wire.stack.timers.arm(timer, wire.now + 50);
    assert.equal(wire.stack.pollAt(), wire.now + 50);
    wire.advance(49);
    assert.deepEqual(fired, []);
    wire.advance(2);
    assert.deepEqual(fired, [1050]);
  });

  it("a poll from within a poll does nothing", () => {
    const wire = new Wire();
    let inner: boolean | undefined;
    const timer = new Timer((now) => {
      inner = wire.stack.poll(now);
    });
    wire.stack.timers.arm(timer, wire.now);
    wire.poll();
    assert.equal(inner, false);
  });

  it("works on after a waiter has thrown", () => {
    const wire = new Wire();
    const timer = new Timer(() => {
      throw new Error("a faulty hook");
    });
    wire.stack.timers.arm(timer, wire.now);
    assert.throws(() => wire.stack.poll(wire.now), /faulty/);
    wire.send(icmpFrame({ type: 8 }));
    assert.equal(wire.recv().icmp?.type, 0);
  });

  it("sends and takes nothing over an interface that is down", () => {
    const wire = new Wire();
    wire.net.isUp = false;
    deliver(wire, icmpFrame({ type: 8 }));
    wire.poll();
    assert.equal(wire.net.receiveDrops, 1);
    wire.net.isUp = true;
    wire.send(icmpFrame({ type: 8 }));
    wire.recv();
    assert.deepEqual([wire.net.receivedFrames, wire.net.transmittedFrames], [1, 1]);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("draws a MAC that is unicast and locally administered where none is given", () => {
    const stack = new NetStack({ arena: new Wire().arena, random: new SeededRandom(5) });
    const { device } = new Wire();
    const net = stack.addInterface({ name: "eth0", device, addresses: [] });
    assert.equal((net.macAddress[0] as number) & 3, 2);
  });
});

describe("the end of a stack", () => {
  it("gives everything back to the arena that others share", () => {
    const arena = new Arena({ totalBytes: 16 << 20, smallFrames: 500, largeFrames: 20, checked: true });
    const link = new Switch();
    const [left, right] = [1, 2].map((k) => {
      const random = new SeededRandom(k);
      const stack = new NetStack({ arena, random });
      const device = new FaultyDevice(link.createPort({ arena }), {
        arena,
        random,
        transmit: { delayMilliseconds: 5 },
      });
      stack.addInterface({ name: "eth0", device, addresses: [{ address: 0x0a00_0000 + k, prefixLength: 24 }] });
      createLoopback(stack);
      return stack;
    }) as [NetStack, NetStack];
    const run = (from: number, to: number): void => {
      for (let now = from; now < to; now++) for (const stack of [left, right]) stack.poll(now);
    };
    const reservation = right.tcp.ports.reserve(0, 80, { reuseAddress: true, reusePort: false }) as PortReservation;
    const listener = right.tcp.listen({ reservation, backlog: 4 }) as TcpListener;
    const client = left.tcp.connect({ remoteAddress: 0x0a00_0002, remotePort: 80 }) as TcpConnection;
    run(0, 50);
    const server = listener.accept() as TcpConnection;
    assert.ok(client.isEstablished);
    client.send(new Uint8Array(20_000), 0, 20_000);
    run(50, 53);
    // A datagram that nobody reads, one that waits for a neighbour, half of one, and frames under way.
    const reader = left.udp.open();
    reader.bindForeign(0, 7);
    const sender = left.udp.open();
    sender.sendTo(bytesOf("x"), 0, 1, 0x7f00_0001, 7);
    sender.sendTo(bytesOf("x"), 0, 1, 0x0a00_0063, 7);
    run(53, 54);
    sender.sendTo(bytesOf("x"), 0, 1, 0x0a00_0002, 7);
    assert.ok(arena.framesInUse > 3);
    assert.ok(arena.blockBytesInUse > 0);
    left.close(54);
    left.close(54);
    assert.equal(left.pollAt(), Number.POSITIVE_INFINITY);
    assert.equal(left.poll(60), false);
    run(54, 60);
    right.close(60);
    assert.equal(arena.framesInUse, 0);
    assert.equal(arena.blockBytesInUse, 0);
    assert.equal(server.readableBytes, 0);
  });
});

describe("against whatever comes over the wire", () => {
  /** Frames that a mutation may start from. */
  const seeds: Uint8Array[] = [
    arpFrame({}),
    arpFrame({ operation: 2 }),
    udpFrame(pattern(40)),
    udpFrame("x", { destinationPort: 9999 }),
    icmpFrame({ type: 8 }, pattern(100)),
    icmpFrame({ type: 3, code: 3 }, ipPacket({ source: OUR_ADDRESS, destination: PEER_ADDRESS }, udpSegment("q"))),
    icmpFrame({ type: 3, code: 4, sequence: 600 }, ipPacket({ source: OUR_ADDRESS, protocol: 6 }, pattern(20))),
    ethernetFrame(ipPacket({ moreFragments: true }, udpSegment(pattern(56)))),
    ethernetFrame(ipPacket({ fragmentOffset: 64 }, pattern(24))),
    ethernetFrame(ipPacket({ protocol: 1 }, icmpMessage({ type: 8 }), Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0))),
    tcpFrame({ flags: TCP_SYN, options: { maximumSegmentSize: 1460, sackPermitted: true, windowScale: 7 } }),
    tcpFrame({ flags: TCP_SYN, sourcePort: 4001, options: { timestampValue: 5, timestampEcho: 0 } }),
    tcpFrame({ flags: TCP_ACK | TCP_PSH, sequence: 1001, acknowledgment: 1 }, "data"),
    tcpFrame({ flags: TCP_RST, sequence: 1001 }),
    tcpFrame({ flags: TCP_FIN | TCP_ACK, sequence: 1001, options: { sackBlocks: [1, 5, 9, 13] } }),
  ];

  function fuzzed(): { wire: Wire; listener: TcpListener; client: TcpConnection } {
    const arena = new Arena({ totalBytes: 16 << 20, smallFrames: 300, largeFrames: 70, checked: true });
    const wire = new Wire({ arena, knowsPeer: false });
    createLoopback(wire.stack);
    const endpoint = wire.stack.udp.open();
    endpoint.bindForeign(0, 7);
    const { tcp } = wire.stack;
    const reservation = tcp.ports.reserve(0, 80, { reuseAddress: true, reusePort: false }) as PortReservation;
    const listener = tcp.listen({ reservation, backlog: 4 }) as TcpListener;
    const client = tcp.connect({ remoteAddress: PEER_ADDRESS, remotePort: 4000 }) as TcpConnection;
    return { wire, listener, client };
  }

  /** What a server would do with what the fuzz has opened. */
  function serve(listener: TcpListener): void {
    for (let connection = listener.accept(); connection !== null; connection = listener.accept()) {
      connection.send(bytesOf("hello"), 0, 5);
      connection.close();
    }
  }

  function settle({ wire, listener, client }: ReturnType<typeof fuzzed>): void {
    serve(listener);
    listener.close();
    client.abort();
    for (const endpoint of [...wire.stack.udp.endpoints()]) endpoint.close();
    wire.device.sent.length = 0;
    wire.advance(200_000);
    assert.equal(wire.arena.framesInUse, 0, "no frame is lost");
  }

  it("random bytes do no harm", () => {
    const fixture = fuzzed();
    const { wire } = fixture;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 0x0800, 0x0806), (bytes, type) => {
        deliver(wire, type === 0 ? bytes : ethernetFrame(bytes, { type }));
        wire.poll();
      }),
      { numRuns: 2000 },
    );
    settle(fixture);
  });

  it("mutated frames do no harm, and every answer is well-formed", () => {
    const fixture = fuzzed();
    const { wire, listener } = fixture;
    const random = new SeededRandom(FUZZ_SEED);
    for (let round = 0; round < 20_000; round++) {
      const frame = (seeds[nextBelow(random, seeds.length)] as Uint8Array).slice();
      const mutations = 1 + nextBelow(random, 4);
      for (let k = 0; k < mutations; k++) frame[nextBelow(random, frame.length)] = nextBelow(random, 256);
      if (nextBelow(random, 4) !== 0) repairChecksums(frame);
      const kept = nextBelow(random, 8) === 0 ? nextBelow(random, frame.length + 1) : frame.length;
      deliver(wire, frame.subarray(0, kept));
      if (nextBelow(random, 4) === 0) wire.poll();
      if (nextBelow(random, 100) === 0) wire.advance(nextBelow(random, 3000));
      serve(listener);
      while (wire.device.sent.length > 0) wire.recv();
    }
    wire.poll();
    while (wire.device.sent.length > 0) wire.recv();
    settle(fixture);
    assert.equal([...wire.stack.tcp.connections()].length, 0);
    assert.equal(wire.arena.blockBytesInUse, 0);
  });

  it("forged copies of a live connection's frames do no harm", () => {
    const random = new SeededRandom(FUZZ_SEED);
    let moved = 0;
    for (let round = 0; round < 12; round++) {
      const arena = new Arena({ totalBytes: 32 << 20, smallFrames: 2000, largeFrames: 100, checked: true });
      const link = new Switch();
      const [left, right] = [1, 2].map((k) => {
        const stack = new NetStack({ arena, random: new SeededRandom(round * 2 + k) });
        const port = link.createPort({ arena });
        const send = port.transmit.bind(port);
        port.transmit = (frame, length) => {
          if (nextBelow(random, 6) === 0) {
            const copy = arena.bytes.slice(frame, frame + length);
            for (let k = 1 + nextBelow(random, 3); k > 0; k--) {
              copy[14 + nextBelow(random, Math.min(60, length - 14))] = nextBelow(random, 256);
            }
            repairChecksums(copy);
            const forged = arena.allocateFrame(length);
            if (forged !== 0) {
              arena.bytes.set(copy, forged);
              send(forged, length);
            }
          }
          send(frame, length);
        };
        stack.addInterface({ name: "eth0", device: port, addresses: [{ address: 0x0a00_0000 + k, prefixLength: 24 }] });
        return stack;
      }) as [NetStack, NetStack];
      const reservation = right.tcp.ports.reserve(0, 80, { reuseAddress: true, reusePort: false }) as PortReservation;
      const listener = right.tcp.listen({ reservation, backlog: 4 }) as TcpListener;
      const open: TcpConnection[] = [];
      const buffer = new Uint8Array(20_000);
      let now = 0;
      for (let turn = 0; turn < 400; turn++) {
        const at = Math.min(left.pollAt(), right.pollAt(), now + 1000);
        now = Math.max(now, at);
        left.poll(now);
        right.poll(now);
        if (turn % 40 === 0) {
          const connection = left.tcp.connect({ remoteAddress: 0x0a00_0002, remotePort: 80 });
          if (typeof connection !== "number") open.push(connection);
        }
        for (let c = listener.accept(); c !== null; c = listener.accept()) open.push(c);
        for (const connection of open) {
          moved += Math.max(0, connection.receive(buffer, 0, buffer.length));
          if (connection.isEstablished) connection.send(buffer, 0, nextBelow(random, 5000));
          if (nextBelow(random, 30) === 0) connection.shutdownWrite();
        }
      }
      for (const connection of open) {
        if (nextBelow(random, 2) === 0) connection.abort();
        else connection.close();
      }
      listener.close();
      for (let turn = 0; turn < 100_000; turn++) {
        const at = Math.min(left.pollAt(), right.pollAt());
        if (at === Number.POSITIVE_INFINITY) break;
        now = Math.max(now, at);
        left.poll(now);
        right.poll(now);
      }
      assert.equal(Math.min(left.pollAt(), right.pollAt()), Number.POSITIVE_INFINITY, "all comes to rest");
      assert.equal(arena.framesInUse, 0);
      assert.equal(arena.blockBytesInUse, 0);
      assert.equal([...left.tcp.connections(), ...right.tcp.connections()].length, 0);
      assert.equal(left.tcp.ports.size + right.tcp.ports.size, 0);
    }
    assert.ok(moved > 1e6, `the connections did live: ${moved} bytes`);
  });
});

/** Puts the checksums right again, so that mutations reach what lies behind them. */
function repairChecksums(frame: Uint8Array): void {
  const headerLength = ((frame[14] as number) & 15) * 4;
  const total = ((frame[16] as number) << 8) | (frame[17] as number);
  if (frame[12] !== 8 || frame[13] !== 0 || headerLength < 20 || 14 + headerLength > frame.length) return;
  const store = (at: number, initial: number, from: number, length: number): void => {
    if (at + 2 > frame.length) return;
    frame[at] = frame[at + 1] = 0;
    const checksum = finishSum(initial + sumBytes(frame, from, length));
    frame[at] = checksum;
    frame[at + 1] = checksum >>> 8;
  };
  store(24, 0, 14, headerLength);
  const length = total - headerLength;
  const from = 14 + headerLength;
  if (length < 8 || from + length > frame.length) return;
  const protocol = frame[23] as number;
  const word = (at: number): number => new DataView(frame.buffer, frame.byteOffset).getUint32(at);
  const pseudo = pseudoHeaderSum(word(26), word(30), protocol, length);
  if (protocol === 1) store(from + 2, 0, from, length);
  if (protocol === 6) store(from + 16, pseudo, from, length);
  if (protocol === 17) store(from + 6, pseudo, from, length);
}
