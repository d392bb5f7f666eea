import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLoopback } from "../device/loopback.ts";
import { readIcmp } from "../wire/icmp.ts";
import {
  BROADCAST_MAC,
  bytesOf,
  ethernetFrame,
  icmpFrame,
  icmpMessage,
  ipPacket,
  OUR_ADDRESS,
  PEER_ADDRESS,
  pattern,
  udpFrame,
  udpSegment,
  Wire,
} from "../wire-peer.fixture.ts";
import { TokenBucket } from "./rate-limit.ts";

const ECHO = Uint8Array.of(8, 0, 0, 0, 0xbe, 0xef, 0x12, 0x34, 1, 2, 3, 4);

describe("echo", () => {
  it("is answered with the same bytes", () => {
    const wire = new Wire();
    for (const length of [0, 1, 56, 1472]) {
      wire.send(icmpFrame({ type: 8, identifier: 0xabcd, sequence: 7 }, pattern(length), { typeOfService: 0x10 }));
      const { ip, icmp, data } = wire.recv();
      assert.deepEqual(icmp, { type: 0, code: 0, identifier: 0xabcd, sequence: 7 });
      assert.deepEqual(Buffer.from(data), Buffer.from(pattern(length)));
      assert.equal(ip?.source, OUR_ADDRESS);
      assert.equal(ip.destination, PEER_ADDRESS);
      assert.equal(ip.timeToLive, 64);
      assert.equal(ip.typeOfService, 0x10);
    }
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("is answered in fragments when it came in fragments", () => {
    const wire = new Wire();
    const message = icmpMessage({ type: 8, identifier: 1 }, pattern(3000));
    const header = { protocol: 1, identification: 3 };
    wire.send(ethernetFrame(ipPacket({ ...header, moreFragments: true }, message.subarray(0, 1480))));
    wire.send(
      ethernetFrame(ipPacket({ ...header, fragmentOffset: 1480, moreFragments: true }, message.subarray(1480, 2960))),
    );
    wire.send(ethernetFrame(ipPacket({ ...header, fragmentOffset: 2960 }, message.subarray(2960))));
    const parts = [wire.recv(), wire.recv(), wire.recv()];
    const whole = Buffer.concat(parts.map((part) => part.data));
    assert.deepEqual(readIcmp(whole, 0, whole.length), { type: 0, code: 0, identifier: 1, sequence: 0 });
    assert.deepEqual(whole.subarray(8), Buffer.from(pattern(3000)));
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("is not answered with a bad checksum, to a broadcast address, or when told not to", () => {
    const wire = new Wire();
    const frame = icmpFrame({ type: 8 }, pattern(10));
    frame[40] = (frame[40] as number) ^ 1;
    wire.send(frame);
    assert.equal(wire.stack.counters.IcmpInCsumErrors, 1);
    const message = icmpMessage({ type: 8 });
    wire.send(ethernetFrame(ipPacket({ protocol: 1, destination: 0xffffffff }, message), { to: BROADCAST_MAC }));
    wire.send(ethernetFrame(ipPacket({ protocol: 1 }, message.subarray(0, 7))));
    wire.stack.icmp.answersEcho = false;
    wire.send(icmpFrame({ type: 8 }, pattern(10)));
    wire.expectSilence();
    assert.equal(wire.arena.framesInUse, 0);
  });
});

describe("errors out", () => {
  it("port unreachable quotes the datagram, at most 576 bytes in all", () => {
    const wire = new Wire();
    for (const length of [3, 1400]) {
      const frame = udpFrame(pattern(length), { destinationPort: 9999 });
      wire.send(frame);
      const { ip, icmp, data } = wire.recv();
      assert.deepEqual(icmp, { type: 3, code: 3, identifier: 0, sequence: 0 });
      assert.deepEqual(Buffer.from(data), Buffer.from(frame.subarray(14, Math.min(frame.length, 14 + 548))));
      assert.ok(ip !== undefined && ip.totalLength <= 576);
      assert.equal(ip.typeOfService, 0xc0);
    }
    assert.equal(wire.stack.counters.UdpNoPorts, 2);
  });

  it("are kept back where RFC 1122 3.2.2 forbids them", () => {
    const wire = new Wire();
    const segment = udpSegment("x", { destinationPort: 9999 });
    // About an ICMP error, to a broadcast, from no single host, and about a later fragment.
    wire.send(icmpFrame({ type: 3, code: 3 }, ipPacket({ source: OUR_ADDRESS, destination: PEER_ADDRESS }, segment)));
    wire.send(ethernetFrame(ipPacket({ destination: 0x0a0000ff, protocol: 99 }, segment), { to: BROADCAST_MAC }));
    wire.send(ethernetFrame(ipPacket({ source: 0x0a0000ff }, segment)));
    wire.send(ethernetFrame(ipPacket({ fragmentOffset: 800, protocol: 99 }, segment)));
    wire.advance(31_000);
    wire.expectSilence();
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("are limited in rate", () => {
    const wire = new Wire();
    const frame = udpFrame("x", { destinationPort: 9999 });
    for (let k = 0; k < 80; k++) wire.send(frame);
    assert.equal(wire.device.sent.length, 50);
    assert.equal(wire.stack.counters.IcmpOutRateLimitGlobal, 30);
    wire.advance(10);
    for (let k = 0; k < 80; k++) wire.send(frame);
    assert.equal(wire.device.sent.length, 60);
  });

  it("a bucket refills with time, up to its burst", () => {
    const bucket = new TokenBucket(1000, 3);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => bucket.take(0)),
      [true, true, true, false],
    );
    assert.equal(bucket.take(0.5), false);
    assert.equal(bucket.take(1), true);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => bucket.take(1e9)),
      [true, true, true, false],
    );
  });
});

describe("errors in", () => {
  const quoted = (sourcePort: number, options: { source?: number; protocol?: number } = {}): Uint8Array => {
    const addresses = { source: options.source ?? OUR_ADDRESS, destination: PEER_ADDRESS };
    const segment = udpSegment("q", { ...addresses, sourcePort, destinationPort: 9 });
    return ipPacket({ ...addresses, protocol: options.protocol ?? 17 }, segment).subarray(0, 28);
  };

  it("reach the connected endpoint that sent the datagram", () => {
    const wire = new Wire();
    const endpoint = wire.stack.udp.open();
    endpoint.connect(PEER_ADDRESS, 9);
    const cases: [type: number, code: number, errno: number][] = [
      [3, 3, 111],
      [3, 2, 92],
      [3, 13, 113],
      [3, 0, 0],
      [3, 1, 0],
      [11, 0, 0],
      [3, 77, 0],
      [12, 0, 0],
      [5, 1, 0],
    ];
    for (const [type, code, errno] of cases) {
      wire.send(icmpFrame({ type, code }, quoted(endpoint.localPort)));
      assert.equal(endpoint.takeError(), errno, `type ${type} code ${code}`);
    }
    endpoint.receiveErrors = true;
    wire.send(icmpFrame({ type: 3, code: 1 }, quoted(endpoint.localPort)));
    assert.equal(endpoint.takeError(), 113);
    wire.send(icmpFrame({ type: 3, code: 0 }, quoted(endpoint.localPort)));
    assert.equal(endpoint.takeError(), 101);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("reach nobody else", () => {
    const wire = new Wire();
    const endpoint = wire.stack.udp.open();
    endpoint.connect(PEER_ADDRESS, 9);
    wire.send(icmpFrame({ type: 3, code: 3 }, quoted(endpoint.localPort ^ 1)));
    wire.send(icmpFrame({ type: 3, code: 3 }, quoted(endpoint.localPort, { source: PEER_ADDRESS })));
    wire.send(icmpFrame({ type: 3, code: 3 }, quoted(endpoint.localPort).subarray(0, 27)));
    const version6 = quoted(endpoint.localPort).slice();
    version6[0] = 0x65;
    wire.send(icmpFrame({ type: 3, code: 3 }, version6));
    const longHeader = quoted(endpoint.localPort).slice();
    longHeader[0] = 0x4f;
    wire.send(icmpFrame({ type: 3, code: 3 }, longHeader));
    assert.equal(endpoint.takeError(), 0);
    assert.ok(wire.stack.counters.IcmpInErrors >= 4);
    wire.expectSilence();
  });
});

describe("ping endpoints", () => {
  it("send echo requests under their identifier and get the replies", () => {
    const wire = new Wire();
    const endpoint = wire.stack.icmp.open();
    assert.equal(endpoint.sendTo(ECHO, 0, ECHO.length, PEER_ADDRESS), ECHO.length);
    const { ip, icmp, data } = wire.recv();
    assert.equal(ip?.destination, PEER_ADDRESS);
    assert.deepEqual(icmp, { type: 8, code: 0, identifier: endpoint.localPort, sequence: 0x1234 });
    assert.deepEqual(Buffer.from(data), Buffer.of(1, 2, 3, 4));
    wire.send(icmpFrame({ ...icmp, type: 0 }, data, { timeToLive: 55 }));
    const buffer = new Uint8Array(100);
    assert.equal(endpoint.receive(buffer, 0, 100), 12);
    assert.deepEqual(readIcmp(buffer, 0, 12), { type: 0, code: 0, identifier: endpoint.localPort, sequence: 0x1234 });
    assert.equal(endpoint.lastAddress, PEER_ADDRESS);
    assert.equal(endpoint.lastTimeToLive, 55);
    // Replies to others' identifiers are not ours.
    wire.send(icmpFrame({ type: 0, identifier: endpoint.localPort ^ 1 }, data));
    assert.equal(endpoint.receive(buffer, 0, 100), -11);
    endpoint.close();
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("reach the stack itself over loopback", () => {
    const wire = new Wire();
    createLoopback(wire.stack);
    const endpoint = wire.stack.icmp.open();
    for (const address of [0x7f000001, OUR_ADDRESS]) {
      assert.equal(endpoint.sendTo(ECHO, 0, ECHO.length, address), ECHO.length);
      wire.poll();
      assert.equal(endpoint.receive(new Uint8Array(100), 0, 100), 12);
      assert.equal(endpoint.lastAddress, address);
    }
    wire.expectSilence();
  });

  it("refuse what is no echo request, and identifiers in use", () => {
    const wire = new Wire();
    const endpoint = wire.stack.icmp.open();
    assert.equal(endpoint.bindTo(0, 99), 0);
    assert.equal(wire.stack.icmp.open().bindTo(0, 99), -98);
    assert.equal(endpoint.bindTo(0, 98), -22);
    const reply = ECHO.slice();
    reply[0] = 0;
    assert.equal(endpoint.sendTo(reply, 0, 12, PEER_ADDRESS), -22);
    assert.equal(endpoint.sendTo(ECHO, 0, 7, PEER_ADDRESS), -22);
    assert.equal(endpoint.sendTo(ECHO, 0, 12, 0x08080808), -101);
    assert.equal(endpoint.sendTo(ECHO, 0, 12, 0xffffffff), -13);
    assert.equal(endpoint.sendTo(new Uint8Array(70_000), 0, 70_000, PEER_ADDRESS), -90);
    endpoint.close();
    assert.equal(wire.stack.icmp.open().bindTo(0, 99), 0);
  });

  it("hear about unreachable hosts when connected or asked to", () => {
    const wire = new Wire();
    const endpoint = wire.stack.icmp.open();
    endpoint.connect(PEER_ADDRESS);
    endpoint.sendTo(ECHO, 0, ECHO.length, 0);
    wire.recv();
    const original = ipPacket(
      { source: OUR_ADDRESS, destination: PEER_ADDRESS, protocol: 1 },
      icmpMessage({ type: 8, identifier: endpoint.localPort }, bytesOf("data")),
    );
    wire.send(icmpFrame({ type: 3, code: 13 }, original));
    assert.equal(endpoint.sendTo(ECHO, 0, ECHO.length, 0), -113);
    wire.send(icmpFrame({ type: 11, code: 0 }, original));
    assert.equal(endpoint.takeError(), 0);
    endpoint.receiveErrors = true;
    wire.send(icmpFrame({ type: 11, code: 0 }, original));
    assert.equal(endpoint.takeError(), 113);
  });
});
