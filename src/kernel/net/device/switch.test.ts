import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Arena } from "../../../base/arena.ts";
import { SeededRandom } from "../../../base/random.ts";
import { NetStack } from "../stack.ts";
import { arpFrame, bytesOf, ethernetFrame, type Mac, text } from "../wire-peer.fixture.ts";
import { Switch, type SwitchPort } from "./switch.ts";

const small = (): Arena => new Arena({ totalBytes: 8 << 20, smallFrames: 200, largeFrames: 2, checked: true });
const mac = (low: number): Mac => ({ high: 0x0200, low });
const ALL: Mac = { high: 0xffff, low: 0xffffffff };

interface Host {
  port: SwitchPort;
  got: string[];
  send(from: Mac, to: Mac, content: string): void;
}

function host(link: Switch, arena: Arena, mtu = 1500): Host {
  const port = link.createPort({ arena, mtu });
  const got: string[] = [];
  port.attach((frame, length) => {
    got.push(text(arena.bytes.slice(frame + 14, frame + length)));
    arena.freeFrame(frame);
  });
  return {
    port,
    got,
    send(from, to, content): void {
      const bytes = ethernetFrame(bytesOf(content), { from, to });
      const frame = arena.allocateFrame(bytes.length);
      arena.bytes.set(bytes, frame);
      port.transmit(frame, bytes.length);
    },
  };
}

describe("the switch", () => {
  it("floods what it does not know, and learns from it", () => {
    const arena = small();
    const link = new Switch();
    const [a, b, c] = [host(link, arena), host(link, arena), host(link, arena)];
    a.send(mac(1), mac(2), "who?");
    assert.deepEqual([a.got, b.got, c.got], [[], ["who?"], ["who?"]]);
    b.send(mac(2), mac(1), "me");
    assert.deepEqual(a.got, ["me"]);
    a.send(mac(1), mac(2), "fine");
    assert.deepEqual(b.got, ["who?", "fine"]);
    assert.deepEqual(c.got, ["who?"], "others hear no more of it");
    a.send(mac(1), ALL, "all");
    assert.deepEqual([b.got.at(-1), c.got.at(-1)], ["all", "all"]);
    a.send(mac(1), mac(1), "self");
    assert.deepEqual(a.got, ["me"]);
    assert.equal(arena.framesInUse, 0);
  });

  it("follows a station that moves, and forgets a port that is unplugged", () => {
    const arena = small();
    const link = new Switch();
    const [a, b, c] = [host(link, arena), host(link, arena), host(link, arena)];
    b.send(mac(2), mac(9), "x");
    c.send(mac(2), mac(9), "x");
    a.send(mac(1), mac(2), "to c");
    assert.deepEqual([b.got.at(-1), c.got.at(-1)], ["x", "to c"]);
    b.send(mac(2), mac(9), "x");
    a.send(mac(1), mac(2), "to b");
    assert.equal(b.got.at(-1), "to b");
    b.port.close();
    a.send(mac(1), mac(2), "gone");
    assert.equal(c.got.at(-1), "gone", "flooded again");
    b.send(mac(2), mac(1), "unplugged");
    assert.equal(arena.framesInUse, 0);
  });

  it("stays bounded when a station makes addresses up", () => {
    const arena = small();
    const link = new Switch();
    const [a, b] = [host(link, arena), host(link, arena)];
    for (let k = 0; k < 20_000; k++) a.send({ high: 0x0200 + ((k & 7) << 2), low: k >> 3 }, ALL, "");
    b.send(mac(0x99999), mac(5), "x");
    assert.equal(a.got.length, 1);
    assert.equal(arena.framesInUse, 0);
  });

  it("drops what is too long for the port or too short for a frame", () => {
    const arena = small();
    const link = new Switch();
    const [a, b] = [host(link, arena), host(link, arena, 100)];
    a.send(mac(1), ALL, "x".repeat(101));
    a.send(mac(1), ALL, "x".repeat(100));
    const frame = arena.allocateFrame(13);
    a.port.transmit(frame, 13);
    assert.equal(b.got.length, 1);
    assert.equal(link.dropped, 2);
    assert.equal(arena.framesInUse, 0);
  });

  it("copies between stacks that have arenas of their own", () => {
    const [first, second] = [small(), small()];
    const link = new Switch();
    const [a, b] = [host(link, first), host(link, second)];
    a.send(mac(1), ALL, "across");
    assert.deepEqual(b.got, ["across"]);
    assert.equal(first.framesInUse + second.framesInUse, 0);
  });

  it("joins stacks: a datagram and its answer, addresses found by ARP", () => {
    const arena = small();
    const link = new Switch();
    const stacks = [1, 2, 3].map((k) => {
      const stack = new NetStack({ arena, random: new SeededRandom(k) });
      const addresses = [{ address: 0x0a000000 + k, prefixLength: 24 }];
      stack.addInterface({ name: "eth0", device: link.createPort({ arena }), addresses });
      return stack;
    }) as [NetStack, NetStack, NetStack];
    const run = (): void => {
      while (stacks.some((stack) => stack.needsPoll)) for (const stack of stacks) stack.poll(5);
    };
    const [client, server] = stacks;
    const asking = client.udp.open();
    const answering = server.udp.open();
    answering.bindForeign(0, 7);
    asking.sendTo(bytesOf("ping"), 0, 4, 0x0a000002, 7);
    run();
    const buffer = new Uint8Array(10);
    assert.equal(answering.receive(buffer, 0, 10), 4);
    answering.sendTo(bytesOf("pong"), 0, 4, answering.lastAddress, answering.lastPort);
    run();
    assert.equal(asking.receive(buffer, 0, 10), 4);
    assert.equal(text(buffer.subarray(0, 4)), "pong");
    assert.equal(arena.framesInUse, 0);
  });

  it("carries ARP frames as any others", () => {
    const arena = small();
    const link = new Switch();
    const [a, b] = [host(link, arena), host(link, arena)];
    const bytes = arpFrame({});
    const frame = arena.allocateFrame(bytes.length);
    arena.bytes.set(bytes, frame);
    a.port.transmit(frame, bytes.length);
    assert.equal(b.got.length, 1);
  });
});
