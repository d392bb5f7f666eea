import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../../abi/poll.ts";
import { WaitEntry } from "../../../base/wait-queue.ts";
import { createLoopback } from "../device/loopback.ts";
import type { PortReservation } from "../ports.ts";
import {
  bytesOf,
  ethernetFrame,
  ipPacket,
  OUR_ADDRESS,
  PEER_ADDRESS,
  pattern,
  text,
  udpFrame,
  udpSegment,
  Wire,
} from "../wire-peer.fixture.ts";
import type { UdpEndpoint } from "./endpoint.ts";

const SHARED = { reuseAddress: false, reusePort: true };
const ALONE = { reuseAddress: false, reusePort: false };

function open(wire: Wire, port: number, address = 0, flags = ALONE): UdpEndpoint {
  const endpoint = wire.stack.udp.open();
  const reservation = wire.stack.udp.ports.reserve(address, port, flags);
  assert.notEqual(typeof reservation, "number", `reserve: ${reservation}`);
  assert.equal(endpoint.bind(reservation as PortReservation), 0);
  return endpoint;
}

function read(endpoint: UdpEndpoint, room = 2000): string | number {
  const buffer = new Uint8Array(room);
  const got = endpoint.receive(buffer, 0, room);
  return got < 0 ? got : text(buffer.subarray(0, got));
}

function write(endpoint: UdpEndpoint, content: string, address = 0, port = 0): number {
  const bytes = bytesOf(`..${content}`);
  return endpoint.sendTo(bytes, 2, bytes.length - 2, address, port);
}

describe("a UDP endpoint", () => {
  it("receives what is sent to its port, and says from where", () => {
    const wire = new Wire();
    const endpoint = open(wire, 7);
    wire.send(udpFrame("hello"));
    wire.send(udpFrame("world", { sourcePort: 5001 }));
    assert.equal(endpoint.queuedDatagrams, 2);
    assert.equal(endpoint.nextLength, 5);
    assert.equal(read(endpoint), "hello");
    assert.deepEqual([endpoint.lastAddress, endpoint.lastPort, endpoint.lastLength], [PEER_ADDRESS, 5000, 5]);
    assert.equal(endpoint.lastDestination, OUR_ADDRESS);
    assert.equal(read(endpoint), "world");
    assert.equal(endpoint.lastPort, 5001);
    assert.equal(read(endpoint), -11);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("cuts what does not fit, tells the true length, and peeks without taking", () => {
    const wire = new Wire();
    const endpoint = open(wire, 7);
    wire.send(udpFrame("0123456789"));
    wire.send(udpFrame(""));
    const buffer = new Uint8Array(8).fill(46);
    assert.equal(endpoint.receive(buffer, 2, 4, true), 4);
    assert.equal(text(buffer), "..0123..");
    assert.equal(endpoint.lastLength, 10);
    assert.equal(read(endpoint, 4), "0123");
    assert.equal(endpoint.lastLength, 10);
    assert.equal(read(endpoint), "", "an empty datagram is one, too");
    assert.equal(read(endpoint), -11);
  });

  it("sends from an ephemeral port when it has none", () => {
    const wire = new Wire();
    const endpoint = wire.stack.udp.open();
    assert.equal(write(endpoint, "abc", PEER_ADDRESS, 9), 3);
    const { udp, ip, data } = wire.recv();
    assert.equal(text(data), "abc");
    assert.equal(udp?.destinationPort, 9);
    assert.equal(udp.sourcePort, endpoint.localPort);
    assert.ok(udp.sourcePort >= 32768 && udp.sourcePort <= 60999);
    assert.equal(ip?.source, OUR_ADDRESS);
    assert.equal(endpoint.localAddress, 0);
    endpoint.close();
    assert.equal(wire.stack.udp.ports.size, 0);
  });

  it("connected, hears its peer alone", () => {
    const wire = new Wire();
    const endpoint = open(wire, 7);
    assert.equal(endpoint.connect(PEER_ADDRESS, 5000), 0);
    assert.equal(endpoint.localAddress, OUR_ADDRESS);
    assert.equal(write(endpoint, "hi"), 2);
    assert.equal(wire.recv().udp?.destinationPort, 5000);
    wire.send(udpFrame("peer"));
    wire.send(udpFrame("other", { sourcePort: 5001 }));
    assert.equal(read(endpoint), "peer");
    assert.equal(read(endpoint), -11);
    const { icmp } = wire.recv();
    assert.deepEqual([icmp?.type, icmp?.code], [3, 3]);
    // An unconnected endpoint on the same port takes the rest.
    endpoint.disconnect();
    assert.equal(endpoint.localAddress, 0);
    wire.send(udpFrame("anyone", { sourcePort: 5001 }));
    assert.equal(read(endpoint), "anyone");
    assert.equal(write(endpoint, "x"), -89, "EDESTADDRREQ");
  });

  it("connected anew, forgets the old peer, and keeps it when the new one cannot be reached", () => {
    const wire = new Wire();
    createLoopback(wire.stack);
    const endpoint = open(wire, 7);
    assert.equal(endpoint.connect(0x7f000001, 1), 0);
    assert.equal(endpoint.localAddress, 0x7f000001);
    assert.equal(endpoint.connect(PEER_ADDRESS, 5000), 0);
    assert.equal(endpoint.localAddress, OUR_ADDRESS);
    assert.equal(endpoint.connect(0x08080808, 1), -101);
    wire.send(udpFrame("still here"));
    assert.equal(read(endpoint), "still here");
    endpoint.close();
    assert.equal([...wire.stack.udp.endpoints()].length, 0);
  });

  it("gives the better match the datagram", () => {
    const wire = new Wire();
    const any = open(wire, 7, 0, SHARED);
    const exact = open(wire, 7, OUR_ADDRESS, SHARED);
    const connected = open(wire, 7, 0, SHARED);
    connected.connect(PEER_ADDRESS, 5000);
    wire.send(udpFrame("1"));
    wire.send(udpFrame("2", { sourcePort: 5001 }));
    assert.equal(read(connected), "1");
    assert.equal(read(exact), "2");
    exact.close();
    wire.send(udpFrame("3", { sourcePort: 5001 }));
    assert.equal(read(any), "3");
  });

  it("shares a port with SO_REUSEPORT, each sender with the same one", () => {
    const wire = new Wire();
    const endpoints = [open(wire, 7, 0, SHARED), open(wire, 7, 0, SHARED), open(wire, 7, 0, SHARED)];
    const senders = (): string[] =>
      endpoints.map((endpoint) => {
        const got: number[] = [];
        while (read(endpoint) !== -11) got.push(endpoint.lastPort);
        return got.join();
      });
    for (let port = 1; port <= 60; port++) wire.send(udpFrame("x", { sourcePort: port }));
    const first = senders();
    for (const list of first) assert.ok(list.length > 10, `a fair share: ${first}`);
    for (let port = 1; port <= 60; port++) wire.send(udpFrame("x", { sourcePort: port }));
    assert.deepEqual(senders(), first);
  });

  it("wakes who waits, and is ready for what it can do", () => {
    const wire = new Wire();
    const endpoint = open(wire, 7);
    const woken: number[] = [];
    endpoint.events.add(new WaitEntry({ wake: (events) => woken.push(events) }), POLLIN);
    assert.equal(endpoint.readiness() & (POLLIN | POLLOUT | POLLERR), POLLOUT);
    wire.send(udpFrame("x"));
    assert.equal(woken.length, 1);
    assert.equal(endpoint.readiness() & POLLIN, POLLIN);
    read(endpoint);
    assert.equal(endpoint.readiness() & POLLIN, 0);
    endpoint.shutdownWrite();
    assert.equal(write(endpoint, "x", PEER_ADDRESS, 1), -32, "EPIPE");
    wire.send(udpFrame("y"));
    endpoint.shutdownRead();
    assert.equal(endpoint.readiness() & (POLLIN | POLLRDHUP | POLLHUP), POLLIN | POLLRDHUP | POLLHUP);
    wire.send(udpFrame("z"));
    assert.deepEqual(
      [read(endpoint), read(endpoint), read(endpoint)],
      ["y", "z", ""],
      "as Linux: nobody waits, but all is read",
    );
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("bounds its queue by bytes, and counts what it drops", () => {
    const wire = new Wire();
    const endpoint = open(wire, 7);
    endpoint.receiveBufferBytes = 10_000;
    for (let k = 0; k < 20; k++) wire.send(udpFrame(pattern(1000)));
    assert.equal(endpoint.queuedDatagrams, 7);
    assert.equal(endpoint.drops, 13);
    assert.equal(wire.stack.counters.UdpRcvbufErrors, 13);
    endpoint.close();
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("leaves a quarter of the frames to others", () => {
    const wire = new Wire();
    for (let port = 1; port <= 20; port++) {
      const endpoint = open(wire, port);
      endpoint.receiveBufferBytes = 1 << 24;
      for (let k = 0; k < 100; k++) wire.send(udpFrame("x", { destinationPort: port }));
    }
    assert.ok(wire.arena.framesInUse <= 1502, `${wire.arena.framesInUse}`);
    for (const endpoint of [...wire.stack.udp.endpoints()]) endpoint.close();
    assert.equal(wire.arena.framesInUse, 0);
    assert.equal([...wire.stack.udp.endpoints()].length, 0);
  });

  it("takes a checksum of zero for none, and no wrong one", () => {
    const wire = new Wire();
    const endpoint = open(wire, 7);
    const segment = udpSegment("zero");
    segment[6] = segment[7] = 0;
    wire.send(ethernetFrame(ipPacket({}, segment)));
    assert.equal(read(endpoint), "zero");
    segment[7] = 1;
    wire.send(ethernetFrame(ipPacket({}, segment)));
    const short = udpSegment("short");
    short[5] = 7;
    wire.send(ethernetFrame(ipPacket({}, short)));
    short[5] = 200;
    wire.send(ethernetFrame(ipPacket({}, short)));
    wire.send(ethernetFrame(ipPacket({}, short.subarray(0, 5))));
    assert.equal(read(endpoint), -11);
    assert.equal(wire.stack.counters.UdpInErrors, 4);
    assert.equal(wire.stack.counters.UdpInCsumErrors, 1);
    wire.expectSilence();
  });

  it("sends a sum of zero as all ones (RFC 768)", () => {
    const wire = new Wire();
    const endpoint = open(wire, 7, OUR_ADDRESS);
    let hits = 0;
    for (let k = 0; k < 0x1_0000; k += 1) {
      const bytes = Uint8Array.of(k >> 8, k);
      endpoint.sendTo(bytes, 0, 2, PEER_ADDRESS, 9);
      const frame = wire.device.sent.shift() as Uint8Array;
      if (frame[40] === 0xff && frame[41] === 0xff) hits++;
      assert.ok(frame[40] !== 0 || frame[41] !== 0);
    }
    assert.equal(hits, 1);
  });

  it("needs permission to broadcast", () => {
    const wire = new Wire();
    const endpoint = wire.stack.udp.open();
    for (const address of [0xffffffff, 0x0a0000ff]) {
      assert.equal(write(endpoint, "x", address, 9), -13, "EACCES");
      assert.equal(endpoint.connect(address, 9), -13);
      endpoint.broadcast = true;
      assert.equal(write(endpoint, "x", address, 9), 1);
      const { ethernet, ip } = wire.recv();
      assert.equal(ethernet.destinationLow, 0xffffffff);
      assert.equal(ip?.destination, address);
      endpoint.broadcast = false;
    }
  });

  it("sends to groups by their MAC (RFC 1112)", () => {
    const wire = new Wire();
    assert.equal(write(wire.stack.udp.open(), "x", 0xe0a1_0203, 9), 1);
    const { ethernet } = wire.recv();
    assert.deepEqual([ethernet.destinationHigh, ethernet.destinationLow], [0x0100, 0x5e21_0203]);
  });

  it("names the wrong uses", () => {
    const wire = new Wire();
    const endpoint = wire.stack.udp.open();
    assert.equal(write(endpoint, "x"), -89, "EDESTADDRREQ");
    assert.equal(write(endpoint, "x", PEER_ADDRESS, 0), -22);
    assert.equal(write(endpoint, "x", 0x08080808, 9), -101, "ENETUNREACH");
    assert.equal(endpoint.connect(0x08080808, 9), -101);
    assert.equal(endpoint.sendTo(new Uint8Array(65_508), 0, 65_508, PEER_ADDRESS, 9), -90, "EMSGSIZE");
    const taken = wire.stack.udp.ports.reserve(0, 7, ALONE) as PortReservation;
    assert.equal(endpoint.bind(taken), 0);
    assert.equal(endpoint.bind(taken), -22);
    assert.equal(wire.stack.udp.ports.reserve(0, 7, ALONE), -98);
    endpoint.close();
    endpoint.close();
    assert.equal(endpoint.bind(taken), -22);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("reports that nobody listens at the other end", () => {
    const wire = new Wire();
    createLoopback(wire.stack);
    const endpoint = wire.stack.udp.open();
    assert.equal(endpoint.connect(0x7f000001, 9), 0);
    assert.equal(write(endpoint, "x"), 1);
    wire.poll();
    assert.equal(endpoint.readiness() & POLLERR, POLLERR);
    assert.equal(write(endpoint, "y"), -111, "ECONNREFUSED");
    wire.poll();
    assert.equal(read(endpoint), -11, "the error was told once");
    assert.equal(write(endpoint, "z"), 1);
    wire.poll();
    assert.equal(read(endpoint), -111);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("carries the largest datagram over loopback", () => {
    const wire = new Wire();
    createLoopback(wire.stack);
    const server = open(wire, 7);
    const client = wire.stack.udp.open();
    const content = pattern(65_507);
    assert.equal(client.sendTo(content, 0, content.length, 0, 7), 65_507);
    wire.poll();
    const buffer = new Uint8Array(65_507);
    assert.equal(server.receive(buffer, 0, buffer.length), 65_507);
    assert.deepEqual(buffer, content);
    assert.equal(server.lastAddress, 0x7f000001);
    assert.equal(wire.arena.framesInUse, 0);
  });
});

describe("a gateway's endpoints", () => {
  it("are opened when a datagram to a new destination comes, and answer in its name", () => {
    const wire = new Wire({ forwardAny: true });
    const asked: number[][] = [];
    let flow: UdpEndpoint | null = null;
    wire.stack.udp.onDatagram = (source, sourcePort, destination, destinationPort) => {
      asked.push([source, sourcePort, destination, destinationPort]);
      if (destinationPort === 53) {
        flow = wire.stack.udp.open();
        assert.equal(flow.bindForeign(destination, destinationPort), 0);
        assert.equal(flow.connect(source, sourcePort), 0);
        return "accept";
      }
      return destinationPort === 54 ? "prohibit" : destinationPort === 55 ? "drop" : "refuse";
    };
    const to = { destination: 0x08080808, destinationPort: 53 };
    wire.send(udpFrame("q1", to));
    wire.send(udpFrame("q2", to));
    assert.deepEqual(asked, [[PEER_ADDRESS, 5000, 0x08080808, 53]]);
    assert.ok(flow !== null);
    const endpoint: UdpEndpoint = flow;
    assert.equal(read(endpoint), "q1");
    assert.equal(read(endpoint), "q2");
    assert.equal(write(endpoint, "answer"), 6);
    const { ip, udp } = wire.recv();
    assert.equal(ip?.source, 0x08080808);
    assert.equal(udp?.destinationPort, 5000);
    for (const [port, code] of [
      [54, 13],
      [56, 3],
    ] as const) {
      wire.send(udpFrame("x", { ...to, destinationPort: port }));
      const { ip, icmp } = wire.recv();
      assert.deepEqual([icmp?.type, icmp?.code, ip?.source], [3, code, 0x08080808]);
    }
    wire.send(udpFrame("x", { ...to, destinationPort: 55 }));
    wire.expectSilence();
    endpoint.close();
    assert.equal(wire.arena.framesInUse, 0);
  });
});
