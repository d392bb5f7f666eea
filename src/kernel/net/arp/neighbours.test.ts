import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  arpFrame,
  BROADCAST_MAC,
  bytesOf,
  type Decoded,
  GATEWAY_ADDRESS,
  OUR_ADDRESS,
  OUR_MAC,
  PEER_ADDRESS,
  PEER_MAC,
  text,
  udpFrame,
  Wire,
} from "../wire-peer.fixture.ts";
import { MAXIMUM_NEIGHBOURS, PENDING_PER_NEIGHBOUR } from "./neighbours.ts";

const THIRD_MAC = { high: 0x0200, low: 0x99 };

function strange(): Wire {
  return new Wire({ knowsPeer: false });
}

/** Sends a datagram to the peer from outside poll(), then lets the stack work. */
function say(wire: Wire, content: string, address = PEER_ADDRESS): void {
  const endpoint = wire.stack.udp.open();
  const bytes = bytesOf(content);
  assert.equal(endpoint.sendTo(bytes, 0, bytes.length, address, 9), bytes.length);
  endpoint.close();
  wire.poll();
}

function expectRequest(wire: Wire, to = BROADCAST_MAC, target = PEER_ADDRESS): void {
  const { ethernet, arp } = wire.recv();
  assert.equal(arp?.operation, 1);
  assert.equal(arp.senderAddress, OUR_ADDRESS);
  assert.equal(arp.targetAddress, target);
  assert.equal(ethernet.destinationHigh, to.high);
  assert.equal(ethernet.destinationLow, to.low);
  assert.equal(ethernet.sourceLow, OUR_MAC.low);
}

function reply(from = PEER_MAC): Uint8Array {
  return arpFrame({ operation: 2, targetHigh: OUR_MAC.high, targetLow: OUR_MAC.low }, { to: OUR_MAC, from });
}

const state = (wire: Wire, address = PEER_ADDRESS): string | undefined =>
  [...wire.net.neighbours.list()].find((neighbour) => neighbour.address === address)?.state;

function assertTo(frame: Decoded, content: string, mac = PEER_MAC): void {
  assert.equal(text(frame.data), content);
  assert.equal(frame.ethernet.destinationHigh, mac.high);
  assert.equal(frame.ethernet.destinationLow, mac.low);
}

describe("the neighbour cache", () => {
  it("asks once, then sends what waited, in order", () => {
    const wire = strange();
    say(wire, "one");
    say(wire, "two");
    expectRequest(wire);
    wire.expectSilence();
    wire.send(reply());
    assertTo(wire.recv(), "one");
    assertTo(wire.recv(), "two");
    assert.equal(state(wire), "reachable");
    say(wire, "three");
    assertTo(wire.recv(), "three");
    wire.expectSilence();
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("asks three times a second apart, then gives up, frees what waited and tells the sender", () => {
    const wire = strange();
    const endpoint = wire.stack.udp.open();
    endpoint.receiveErrors = true;
    assert.equal(endpoint.connect(PEER_ADDRESS, 9), 0);
    assert.equal(endpoint.sendTo(bytesOf("x"), 0, 1, 0, 0), 1);
    wire.poll();
    for (let attempt = 0; attempt < 3; attempt++) {
      expectRequest(wire);
      wire.expectSilence();
      wire.advance(1000);
    }
    wire.expectSilence();
    assert.equal(endpoint.takeError(), 113, "EHOSTUNREACH");
    assert.equal(state(wire), "failed");
    assert.equal(wire.arena.framesInUse, 0);
    assert.equal(wire.stack.pollAt(), Number.POSITIVE_INFINITY);
    say(wire, "again");
    expectRequest(wire);
    wire.send(reply());
    assertTo(wire.recv(), "again");
  });

  it("bounds what waits: the oldest frame gives way", () => {
    const wire = strange();
    const sent = PENDING_PER_NEIGHBOUR + 8;
    for (let k = 0; k < sent; k++) say(wire, `${k}`);
    expectRequest(wire);
    assert.equal(wire.arena.framesInUse, PENDING_PER_NEIGHBOUR);
    wire.send(reply());
    for (let k = 8; k < sent; k++) assertTo(wire.recv(), `${k}`);
    assert.equal(wire.stack.counters.ArpPendingDrops, 8);
  });

  it("bounds its entries while a whole network is scanned", () => {
    const wire = new Wire({ knowsPeer: false, addresses: [{ address: OUR_ADDRESS, prefixLength: 16 }] });
    for (let k = 0; k < 2 * MAXIMUM_NEIGHBOURS; k++) say(wire, "?", 0x0a00_1000 + k);
    assert.equal(wire.net.neighbours.size, MAXIMUM_NEIGHBOURS);
    assert.ok(wire.arena.framesInUse <= 1024);
    wire.device.sent.length = 0;
    wire.advance(5000);
    assert.equal(wire.arena.framesInUse, 0);
  });

  it("answers who asks for us, and remembers who asked", () => {
    const wire = strange();
    wire.send(arpFrame({}));
    const { arp, ethernet } = wire.recv();
    assert.equal(arp?.operation, 2);
    assert.equal(arp.senderAddress, OUR_ADDRESS);
    assert.equal(arp.senderLow, OUR_MAC.low);
    assert.equal(arp.targetAddress, PEER_ADDRESS);
    assert.equal(ethernet.destinationLow, PEER_MAC.low);
    say(wire, "known");
    assertTo(wire.recv(), "known");
  });

  it("keeps still when others are asked for, and learns nothing from it", () => {
    const wire = strange();
    wire.send(arpFrame({ targetAddress: GATEWAY_ADDRESS }));
    wire.expectSilence();
    assert.equal(wire.net.neighbours.size, 0);
  });

  it("answers a probe (sender 0.0.0.0, RFC 5227) without learning", () => {
    const wire = strange();
    wire.send(arpFrame({ senderAddress: 0 }));
    assert.equal(wire.recv().arp?.operation, 2);
    assert.equal(wire.net.neighbours.size, 0);
  });

  it("ignores replies that nobody asked for", () => {
    const wire = strange();
    wire.send(reply());
    assert.equal(wire.net.neighbours.size, 0);
  });

  it("does not let a forged reply take over a neighbour that answered lately", () => {
    const wire = strange();
    say(wire, "one");
    expectRequest(wire);
    wire.send(reply());
    assertTo(wire.recv(), "one");
    wire.send(reply(THIRD_MAC));
    // The old one is asked directly, and stays when it answers.
    expectRequest(wire, PEER_MAC);
    say(wire, "two");
    assertTo(wire.recv(), "two");
    wire.send(reply());
    assert.equal(state(wire), "reachable");
    say(wire, "three");
    assertTo(wire.recv(), "three");
  });

  it("believes a new MAC when the old one no longer answers", () => {
    const wire = strange();
    say(wire, "one");
    expectRequest(wire);
    wire.send(reply());
    assertTo(wire.recv(), "one");
    wire.send(arpFrame({ targetAddress: PEER_ADDRESS }, { from: THIRD_MAC }));
    for (let attempt = 0; attempt < 3; attempt++) {
      expectRequest(wire, PEER_MAC);
      wire.advance(1000);
    }
    assert.equal(state(wire), "failed");
    wire.send(arpFrame({ targetAddress: PEER_ADDRESS }, { from: THIRD_MAC }));
    say(wire, "two");
    assertTo(wire.recv(), "two", THIRD_MAC);
  });

  it("checks after a while, only while it is used (RFC 4861 7.3.3)", () => {
    const wire = strange();
    say(wire, "one");
    expectRequest(wire);
    wire.send(reply());
    assertTo(wire.recv(), "one");
    wire.advance(3_600_000);
    wire.expectSilence();
    assert.equal(wire.stack.pollAt(), Number.POSITIVE_INFINITY, "an idle neighbour costs no timer");
    say(wire, "two");
    assertTo(wire.recv(), "two");
    assert.equal(state(wire), "delay");
    wire.advance(5000);
    expectRequest(wire, PEER_MAC);
    wire.send(reply());
    assert.equal(state(wire), "reachable");
  });

  it("defends its own address, once in ten seconds (RFC 5227 2.4)", () => {
    const wire = strange();
    const conflict = arpFrame({ senderAddress: OUR_ADDRESS, targetAddress: OUR_ADDRESS }, { from: THIRD_MAC });
    wire.advance(60_000);
    wire.send(conflict);
    expectRequest(wire, BROADCAST_MAC, OUR_ADDRESS);
    wire.send(conflict);
    wire.expectSilence();
    wire.advance(10_000);
    wire.send(conflict);
    expectRequest(wire, BROADCAST_MAC, OUR_ADDRESS);
    assert.equal(wire.stack.counters.ArpConflicts, 3);
  });

  it("announces its addresses when told to", () => {
    const wire = strange();
    wire.net.neighbours.announce();
    expectRequest(wire, BROADCAST_MAC, OUR_ADDRESS);
  });

  it("does not learn group or zero MACs, nor hosts from elsewhere", () => {
    const wire = strange();
    wire.send(arpFrame({ senderHigh: 0x0100 }));
    wire.send(arpFrame({ senderHigh: 0, senderLow: 0 }));
    wire.expectSilence();
    wire.send(arpFrame({ senderAddress: 0x0808_0808 }));
    assert.equal(wire.recv().arp?.operation, 2);
    assert.equal(wire.net.neighbours.size, 0);
    assert.equal(wire.stack.counters.ArpInErrors, 2);
  });

  it("keeps permanent entries against everyone", () => {
    const wire = new Wire();
    wire.send(reply(THIRD_MAC));
    wire.send(arpFrame({}, { from: THIRD_MAC }));
    wire.recv();
    say(wire, "x");
    assertTo(wire.recv(), "x");
    assert.equal(wire.net.neighbours.remove(PEER_ADDRESS), true);
    say(wire, "y");
    expectRequest(wire);
  });

  it("sends what is for others' networks to the gateway", () => {
    const wire = strange();
    wire.stack.routes.add({ destination: 0, prefixLength: 0, gateway: GATEWAY_ADDRESS, netInterface: wire.net });
    say(wire, "far", 0x0808_0808);
    expectRequest(wire, BROADCAST_MAC, GATEWAY_ADDRESS);
    wire.send(arpFrame({ operation: 2, senderAddress: GATEWAY_ADDRESS }, { to: OUR_MAC, from: THIRD_MAC }));
    const frame = wire.recv();
    assertTo(frame, "far", THIRD_MAC);
    assert.equal(frame.ip?.destination, 0x0808_0808);
  });

  it("leaves alone what is addressed to another MAC", () => {
    const wire = strange();
    wire.send(udpFrame("x", {}, { to: THIRD_MAC }));
    wire.expectSilence();
    assert.equal(wire.stack.counters.IpInReceives, 0);
  });
});
