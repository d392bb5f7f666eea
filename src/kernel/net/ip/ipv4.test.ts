import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLoopback } from "../device/loopback.ts";
import type { UdpEndpoint } from "../udp/endpoint.ts";
import {
  BROADCAST_MAC,
  bytesOf,
  ethernetFrame,
  icmpFrame,
  ipPacket,
  OUR_ADDRESS,
  PEER_ADDRESS,
  pattern,
  text,
  udpFrame,
  udpSegment,
  Wire,
} from "../wire-peer.fixture.ts";

const ECHO_PORT = 7;

/** A wire with an endpoint on port 7. */
function listening(options: ConstructorParameters<typeof Wire>[0] = {}): { wire: Wire; endpoint: UdpEndpoint } {
  const wire = new Wire(options);
  const endpoint = wire.stack.udp.open();
  assert.equal(endpoint.bindForeign(0, ECHO_PORT), 0);
  return { wire, endpoint };
}

function read(endpoint: UdpEndpoint): string | number {
  const buffer = new Uint8Array(65_536);
  const got = endpoint.receive(buffer, 0, buffer.length);
  return got < 0 ? got : text(buffer.subarray(0, got));
}

describe("what IPv4 takes in", () => {
  it("a packet for us, and ignores what trails it (Ethernet's padding)", () => {
    const { wire, endpoint } = listening();
    const padded = new Uint8Array(60);
    padded.set(udpFrame("hi"));
    wire.send(padded);
    assert.equal(read(endpoint), "hi");
    assert.equal(wire.stack.counters.IpInDelivers, 1);
  });

  it("headers with options", () => {
    const { wire, endpoint } = listening();
    wire.send(ethernetFrame(ipPacket({}, udpSegment("opt"), Uint8Array.of(0x94, 4, 0, 0))));
    assert.equal(read(endpoint), "opt");
    wire.send(ethernetFrame(ipPacket({}, udpSegment("lsrr"), Uint8Array.of(131, 3, 4, 0))));
    assert.equal(read(endpoint), -11);
    assert.equal(wire.stack.counters.IpInHdrErrors, 1);
  });

  it("nothing with a bad version, length or checksum", () => {
    const { wire, endpoint } = listening();
    const good = ipPacket({}, udpSegment("x"));
    const broken = (at: number, value: number): void => {
      const packet = good.slice();
      packet[at] = value;
      // With its checksum put right again, so that only the field itself is wrong.
      packet[10] = packet[11] = 0;
      let sum = 0;
      for (let k = 0; k < 20; k += 2) sum += ((packet[k] as number) << 8) | (packet[k + 1] as number);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      packet[10] = ~sum >> 8;
      packet[11] = ~sum;
      wire.send(ethernetFrame(packet));
      assert.equal(read(endpoint), -11);
    };
    broken(0, 0x65);
    broken(0, 0x44);
    broken(0, 0x4f);
    broken(3, 19);
    assert.equal(wire.stack.counters.IpInHdrErrors, 4);
    broken(2, 0xff);
    assert.equal(wire.stack.counters.IpExtInTruncatedPkts, 1);
    const wrong = good.slice();
    wrong[8] = 3;
    wire.send(ethernetFrame(wrong));
    assert.equal(wire.stack.counters.IpInHdrErrors, 5);
    wire.send(ethernetFrame(good.subarray(0, 15)));
    assert.equal(wire.stack.counters.LinkInErrors, 1);
    wire.expectSilence();
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("no martians: impossible sources and destinations (RFC 1122 3.2.1.3)", () => {
    const { wire, endpoint } = listening();
    createLoopback(wire.stack);
    for (const source of [0, 0x7f000001, 0xe0000001, 0xf0000001, 0xffffffff, OUR_ADDRESS, 0x0a0000ff]) {
      wire.send(udpFrame("x", { source }));
      assert.equal(read(endpoint), -11, `source ${source.toString(16)}`);
    }
    assert.equal(wire.stack.counters.IpExtInMartians, 7);
    for (const destination of [0x7f000001, 0x0a000003, 0x08080808, 0xe0000001, 0]) {
      wire.send(udpFrame("x", { destination }));
      assert.equal(read(endpoint), -11, `destination ${destination.toString(16)}`);
    }
    wire.expectSilence();
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("broadcasts, to every endpoint on the port", () => {
    const { wire, endpoint } = listening();
    const other = wire.stack.udp.open();
    other.bindForeign(0, ECHO_PORT);
    for (const destination of [0xffffffff, 0x0a0000ff]) {
      wire.send(udpFrame("all", { destination }, { to: BROADCAST_MAC }));
      assert.equal(read(endpoint), "all");
      assert.equal(read(other), "all");
    }
    // Not a word about a broadcast that nobody wants.
    wire.send(udpFrame("all", { destination: 0xffffffff, destinationPort: 9999 }, { to: BROADCAST_MAC }));
    wire.expectSilence();
    // RFC 1122 3.3.6: unicast in a link broadcast.
    wire.send(udpFrame("sly", {}, { to: BROADCAST_MAC }));
    assert.equal(read(endpoint), -11);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("everything, when it takes any address", () => {
    const { wire, endpoint } = listening({ forwardAny: true });
    wire.send(udpFrame("far", { destination: 0x08080808 }));
    assert.equal(read(endpoint), "far");
    assert.equal(endpoint.lastDestination, 0x08080808);
    wire.send(udpFrame("loop", { destination: 0x7f000001 }));
    assert.equal(read(endpoint), "loop");
    // But nobody is claimed to be alive: communication administratively prohibited (RFC 1812 5.2.7.1).
    wire.send(icmpFrame({ type: 8 }, pattern(8), { destination: 0x08080808 }));
    const { icmp } = wire.recv();
    assert.deepEqual([icmp?.type, icmp?.code], [3, 13]);
    wire.expectSilence();
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("answers an unknown protocol with protocol unreachable, quoting the packet", () => {
    const wire = new Wire();
    const packet = ipPacket({ protocol: 132 }, bytesOf("an SCTP packet"));
    wire.send(ethernetFrame(packet));
    const { ip, icmp, data } = wire.recv();
    assert.deepEqual([icmp?.type, icmp?.code], [3, 2]);
    assert.deepEqual(Buffer.from(data), Buffer.from(packet));
    assert.equal(ip?.destination, PEER_ADDRESS);
    assert.equal(ip.source, OUR_ADDRESS);
  });
});

describe("what IPv4 sends", () => {
  it("cuts what exceeds the MTU into fragments that fit and add up", () => {
    const wire = new Wire({ mtu: 576 });
    const endpoint = wire.stack.udp.open();
    const content = pattern(3000);
    assert.equal(endpoint.sendTo(content, 0, content.length, PEER_ADDRESS, 9), 3000);
    const whole = new Uint8Array(3008);
    let identification = -1;
    let count = 0;
    for (let isLast = false; !isLast; count++) {
      const { ip, data } = wire.recv();
      assert.ok(ip);
      assert.ok(ip.totalLength <= 576);
      assert.equal(ip.fragmentOffset % 8, 0);
      assert.ok(identification === -1 || identification === ip.identification);
      identification = ip.identification;
      whole.set(data, ip.fragmentOffset);
      isLast = !ip.moreFragments;
    }
    assert.equal(count, 6);
    assert.deepEqual(whole.subarray(8), content);
    wire.expectSilence();
    assert.equal(wire.stack.counters.IpFragCreates, 6);
    assert.equal(wire.stack.counters.IpFragOKs, 1);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("does not cut what may not be cut", () => {
    const wire = new Wire({ mtu: 576 });
    const endpoint = wire.stack.udp.open();
    endpoint.dontFragment = true;
    assert.equal(endpoint.sendTo(pattern(600), 0, 600, PEER_ADDRESS, 9), -90);
    assert.equal(endpoint.sendTo(pattern(500), 0, 500, PEER_ADDRESS, 9), 500);
    assert.equal(wire.recv().ip?.dontFragment, true);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("survives an arena without frames", () => {
    const wire = new Wire({ mtu: 576 });
    const held: number[] = [];
    for (let frame = wire.arena.allocateFrame(60); frame !== 0; frame = wire.arena.allocateFrame(60)) held.push(frame);
    const endpoint = wire.stack.udp.open();
    assert.equal(endpoint.sendTo(pattern(10), 0, 10, PEER_ADDRESS, 9), -105);
    assert.equal(endpoint.sendTo(pattern(3000), 0, 3000, PEER_ADDRESS, 9), -105);
    for (const frame of held) wire.arena.freeFrame(frame);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("writes the type of service and time to live that it is told", () => {
    const wire = new Wire();
    const endpoint = wire.stack.udp.open();
    endpoint.typeOfService = 0x10;
    endpoint.timeToLive = 3;
    endpoint.sendTo(pattern(1), 0, 1, PEER_ADDRESS, 9);
    const { ip } = wire.recv();
    assert.equal(ip?.typeOfService, 0x10);
    assert.equal(ip.timeToLive, 3);
  });
});

describe("routes of a stack", () => {
  it("lead own addresses over loopback, neighbours directly, the rest nowhere", () => {
    const { stack, net } = new Wire();
    assert.equal(stack.route(0x7f000001), null, "no loopback yet");
    const lo = createLoopback(stack);
    assert.deepEqual(stack.route(0x7f000005), {
      netInterface: lo,
      nextHop: 0x7f000005,
      source: 0x7f000001,
      mtu: 65_535,
    });
    assert.deepEqual(stack.route(OUR_ADDRESS), {
      netInterface: lo,
      nextHop: OUR_ADDRESS,
      source: OUR_ADDRESS,
      mtu: 65_535,
    });
    assert.deepEqual(stack.route(0), { netInterface: lo, nextHop: 0x7f000001, source: 0x7f000001, mtu: 65_535 });
    const direct = { netInterface: net, nextHop: PEER_ADDRESS, source: OUR_ADDRESS, mtu: 1500 };
    assert.deepEqual(stack.route(PEER_ADDRESS), direct);
    assert.equal(stack.route(0x08080808), null);
    assert.equal(stack.route(PEER_ADDRESS, 0x7f000001), null, "127.x does not leave the host");
    assert.equal(stack.route(0xffffffff)?.netInterface, net);
    net.isUp = false;
    assert.equal(stack.route(PEER_ADDRESS), null);
  });

  it("lead unused ports of 127.0.0.0/8 to the gateway, where that is granted", () => {
    const { wire, endpoint } = listening();
    const { stack, net } = wire;
    const lo = createLoopback(stack);
    stack.routes.add({ destination: 0, prefixLength: 0, gateway: PEER_ADDRESS, netInterface: net });
    stack.loopbackForward = (port, protocol) => port === 9000 && protocol === "udp";
    assert.equal(stack.route(0x7f000001, 0, 9000, "tcp")?.netInterface, lo);
    assert.equal(stack.route(0x7f000001, 0, 9001, "udp")?.netInterface, lo);
    const granted = { netInterface: net, nextHop: PEER_ADDRESS, source: OUR_ADDRESS, mtu: 1500 };
    assert.deepEqual(stack.route(0x7f000001, 0, 9000, "udp"), granted);
    stack.loopbackForward = () => true;
    assert.equal(stack.route(0x7f000001, 0, ECHO_PORT, "udp")?.netInterface, lo, "someone listens here");
    // What comes back from 127.0.0.1 is let in only to who asked.
    const asker = stack.udp.open();
    assert.equal(asker.connect(0x7f000001, 9000), 0);
    asker.sendTo(bytesOf("q"), 0, 1, 0, 0);
    const question = wire.recv();
    assert.equal(question.ip?.destination, 0x7f000001);
    assert.equal(question.ip.source, OUR_ADDRESS);
    const back = { source: 0x7f000001, sourcePort: 9000, destinationPort: asker.localPort };
    wire.send(udpFrame("a", back));
    assert.equal(read(asker), "a");
    wire.send(udpFrame("b", { ...back, sourcePort: 9001 }));
    assert.equal(read(asker), -11);
    wire.send(udpFrame("c", { ...back, destinationPort: ECHO_PORT }));
    assert.equal(read(endpoint), -11);
    assert.equal(stack.counters.IpExtInMartians, 2);
  });
});
