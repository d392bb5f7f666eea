import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Arena } from "../../../base/arena.ts";
import { SeededRandom } from "../../../base/random.ts";
import type { PortReservation } from "../ports.ts";
import { NetStack } from "../stack.ts";
import type { TcpConnection } from "../tcp/connection.ts";
import type { TcpListener } from "../tcp/listener.ts";
import { bytesOf, CaughtDevice, pattern } from "../wire-peer.fixture.ts";
import { FaultyDevice } from "./faults.ts";
import { createLoopback } from "./loopback.ts";
import { PcapDevice, PcapWriter } from "./pcap.ts";
import { Switch } from "./switch.ts";

/** 2023-11-14T22:13:20Z, where the virtual clock starts. */
const EPOCH_MILLISECONDS = 1_700_000_000_000;

const newArena = (): Arena => new Arena({ totalBytes: 32 << 20, smallFrames: 2000, largeFrames: 100, checked: true });

describe("a capture", () => {
  it("has the classic format", () => {
    const file: Uint8Array[] = [];
    const writer = new PcapWriter({ sink: (bytes) => file.push(bytes), snapBytes: 20 });
    writer.write(pattern(50), 10, 30, 1_700_000_000_123.456);
    const bytes = Buffer.concat(file);
    assert.equal(bytes.length, 24 + 16 + 20);
    assert.equal(bytes.readUInt32LE(0), 0xa1b2c3d4);
    assert.deepEqual([bytes.readUInt16LE(4), bytes.readUInt16LE(6)], [2, 4]);
    assert.deepEqual([bytes.readUInt32LE(16), bytes.readUInt32LE(20)], [20, 1]);
    assert.equal(bytes.readUInt32LE(24), 1_700_000_000);
    assert.ok(Math.abs(bytes.readUInt32LE(28) - 123_456) <= 1);
    assert.deepEqual([bytes.readUInt32LE(32), bytes.readUInt32LE(36)], [20, 30]);
    assert.deepEqual(bytes.subarray(40), Buffer.from(pattern(50).subarray(10, 30)));
    const nanoseconds: Uint8Array[] = [];
    new PcapWriter({ sink: (part) => nanoseconds.push(part), nanoseconds: true }).write(pattern(4), 0, 4, 1.5);
    const other = Buffer.concat(nanoseconds);
    assert.equal(other.readUInt32LE(0), 0xa1b23c4d);
    assert.deepEqual([other.readUInt32LE(24), other.readUInt32LE(28)], [0, 1_500_000]);
  });

  it("sees both ways of a wire, and each packet of a loopback once", () => {
    const arena = newArena();
    let seen = 0;
    const writer = new PcapWriter({ sink: () => seen++ });
    const inner = new CaughtDevice(arena);
    const device = new PcapDevice(inner, arena, writer, () => 0);
    device.attach((frame) => arena.freeFrame(frame));
    device.transmit(arena.allocateFrame(60), 60);
    inner.receive(arena.allocateFrame(60), 60);
    assert.equal(writer.packets, 2);
    assert.equal(device.mtu, inner.mtu);
    const stack = new NetStack({ arena, random: new SeededRandom(1) });
    createLoopback(stack, { wrap: (lo) => new PcapDevice(lo, arena, writer, () => 0) });
    stack.udp.open().sendTo(bytesOf("x"), 0, 1, 0x7f000001, 9);
    stack.poll(1);
    assert.equal(writer.packets, 4, "the datagram and the port unreachable");
    assert.equal(seen, 5);
    assert.equal(arena.framesInUse, 0);
  });

  it("passes on that the device inside holds frames back", () => {
    const arena = newArena();
    const faulty = new FaultyDevice(new CaughtDevice(arena), {
      arena,
      random: new SeededRandom(1),
      receive: { delayMilliseconds: 7 },
    });
    const device = new PcapDevice(faulty, arena, new PcapWriter({ sink: () => {} }), () => 0);
    const hook = (): void => {};
    device.onNeedsPoll = hook;
    assert.equal(faulty.onNeedsPoll, hook);
    assert.equal(device.pollAt?.(), Number.POSITIVE_INFINITY);
  });
});

interface Network {
  run(): void;
  left: NetStack;
  right: NetStack;
  arena: Arena;
  capture: Uint8Array[];
}

/** Two stacks on a switch, everything that passes the left one's port captured. */
function network(loss = 0): Network {
  const arena = newArena();
  const link = new Switch();
  const capture: Uint8Array[] = [];
  let now = 0;
  const writer = new PcapWriter({ sink: (bytes) => capture.push(bytes) });
  const stacks = [1, 2].map((k) => {
    const random = new SeededRandom(k);
    const stack = new NetStack({ arena, random });
    const transmit = { delayMilliseconds: 10, loss };
    const faulty = new FaultyDevice(link.createPort({ arena }), { arena, random, transmit });
    const device = k === 1 ? new PcapDevice(faulty, arena, writer, () => EPOCH_MILLISECONDS + now) : faulty;
    stack.addInterface({ name: "eth0", device, addresses: [{ address: 0x0a000000 + k, prefixLength: 24 }] });
    return stack;
  }) as [NetStack, NetStack];
  const [left, right] = stacks;
  const run = (): void => {
    for (let rounds = 0; rounds < 100_000; rounds++) {
      const next = Math.min(left.pollAt(), right.pollAt());
      if (next === Number.POSITIVE_INFINITY) return;
      now = Math.max(now, next);
      left.poll(now);
      right.poll(now);
    }
    assert.fail("the network does not come to rest");
  };
  return { run, left, right, arena, capture };
}

/** ARP, echo, fragments, errors, and a TCP connection from SYN to the end of TIME-WAIT. */
function converse({ run, left, right, arena }: Network): void {
  const ping = left.icmp.open();
  ping.sendTo(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3), 0, 11, 0x0a000002);
  const asking = left.udp.open();
  const answering = right.udp.open();
  answering.bindForeign(0, 7);
  for (const length of [0, 1, 1472, 1473, 9000]) asking.sendTo(pattern(length), 0, length, 0x0a000002, 7);
  asking.sendTo(pattern(10), 0, 10, 0x0a000002, 9999);
  run();
  const reservation = right.tcp.ports.reserve(0, 80, { reuseAddress: true, reusePort: false }) as PortReservation;
  const listener = right.tcp.listen({ reservation, backlog: 5 }) as TcpListener;
  const client = left.tcp.connect({ remoteAddress: 0x0a000002, remotePort: 80 }) as TcpConnection;
  const content = pattern(100_000);
  const buffer = new Uint8Array(100_000);
  let sent = 0;
  let got = 0;
  let server: TcpConnection | null = null;
  for (let rounds = 0; got < content.length && rounds < 10_000; rounds++) {
    const at = Math.min(left.pollAt(), right.pollAt());
    assert.notEqual(at, Number.POSITIVE_INFINITY);
    left.poll(at < 0 ? left.now : at);
    right.poll(at < 0 ? left.now : at);
    server ??= listener.accept();
    if (client.isEstablished && sent < content.length) sent += client.send(content, sent, content.length - sent);
    if (server !== null) got += Math.max(0, server.receive(buffer, got, buffer.length - got));
  }
  assert.deepEqual(buffer, content);
  client.close();
  server?.close();
  run();
  const refused = left.tcp.connect({ remoteAddress: 0x0a000002, remotePort: 81 }) as TcpConnection;
  run();
  assert.equal(refused.takeError(), 111);
  refused.close();
  listener.close();
  for (const endpoint of [ping, asking, answering]) endpoint.close();
  run();
  assert.equal(arena.framesInUse, 0);
}

/** What tshark is asked about each packet; a field that occurs twice (in what an ICMP error quotes) comes with a comma. */
const FIELDS = [
  "frame.protocols",
  "frame.time_epoch",
  "_ws.malformed",
  "_ws.expert.severity",
  "ip.checksum.status",
  "tcp.checksum.status",
  "udp.checksum.status",
  "icmp.checksum.status",
  "ip.flags.mf",
  "ip.frag_offset",
  "icmp.type",
] as const;
type Packet = Record<(typeof FIELDS)[number], string>;

/** Every packet of a capture as tshark reads it, with all checksums computed. */
function tshark(capture: readonly Uint8Array[]): Packet[] {
  const folder = mkdtempSync(join(tmpdir(), "akuma-pcap-"));
  try {
    const path = join(folder, "net.pcap");
    writeFileSync(path, Buffer.concat(capture));
    const checks = ["ip", "tcp", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
    const fields = FIELDS.flatMap((name) => ["-e", name]);
    const run = spawnSync("tshark", ["-r", path, ...checks, "-T", "fields", "-E", "separator=|", ...fields], {
      encoding: "utf8",
    });
    assert.equal(run.status, 0, run.stderr);
    const lines = run.stdout.split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const values = line.split("|");
      return Object.fromEntries(FIELDS.map((name, k) => [name, values[k] ?? ""])) as Packet;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const CHECKSUMS = ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status"] as const;
const SEVERITY_ERROR = 8_388_608;

/** Malformed, marked as an error, or with a checksum that is "bad" (0; 1 is "good", 2 "unverified" for what is only quoted in part). */
function isBad(packet: Packet): boolean {
  if (packet["_ws.malformed"] !== "") return true;
  if (packet["_ws.expert.severity"].split(",").some((value) => Number(value) >= SEVERITY_ERROR)) return true;
  return CHECKSUMS.some((name) => packet[name].split(",").includes("0"));
}

describe("tshark", () => {
  const found = spawnSync("tshark", ["--version"]).status === 0;
  const skip = found ? false : "tshark is not installed";

  it("finds no malformed packet and no bad checksum in a conversation", { skip }, () => {
    const net = network();
    converse(net);
    const packets = tshark(net.capture);
    assert.deepEqual(packets.filter(isBad), []);
    assert.equal(packets.length, net.capture.length - 1, "every packet is read");
    const count = (test: (packet: Packet) => boolean): number => packets.filter(test).length;
    assert.ok(count((packet) => packet["frame.protocols"].startsWith("eth:ethertype:arp")) >= 2);
    assert.ok(count((packet) => packet["tcp.checksum.status"] === "1" && packet["ip.checksum.status"] === "1") > 70);
    // Of 1,473 bytes two fragments, of 9,000 seven.
    assert.equal(
      count((packet) => packet["ip.flags.mf"] === "1" || Number(packet["ip.frag_offset"]) > 0),
      9,
    );
    assert.ok(count((packet) => packet["icmp.type"] === "3") >= 1);
    assert.ok(packets.every((packet) => packet["frame.time_epoch"].startsWith("170000")));
  });

  it("would notice a bad checksum", { skip }, () => {
    const net = network();
    net.left.udp.open().sendTo(pattern(10), 0, 10, 0x0a000002, 9999);
    net.run();
    const answer = net.capture.find((record) => record[16 + 12] === 8 && record[16 + 23] === 1) as Uint8Array;
    answer[answer.length - 1] = (answer[answer.length - 1] as number) ^ 1;
    assert.equal(tshark(net.capture).filter(isBad).length, 1);
  });
});

describe("a seeded run over a lossy switch", () => {
  it("gives the same capture, byte for byte", () => {
    const bytes = [network(0.02), network(0.02)].map((net) => {
      converse(net);
      return Buffer.concat(net.capture);
    });
    assert.ok((bytes[0]?.length ?? 0) > 100_000);
    assert.ok(bytes[0]?.equals(bytes[1] as Buffer));
  });
});
