/** Raw sockets: copies of packets, the filter, and frames that are all given back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EPERM, EPROTONOSUPPORT } from "../../abi/errno.ts";
import { AF_INET, IPPROTO_ICMP, IPPROTO_RAW, MSG_DONTWAIT, SOCK_RAW } from "../../abi/socket.ts";
import { Arena } from "../../base/arena.ts";
import { finishSum, sumBytes } from "../../base/checksum.ts";
import { SeededRandom } from "../../base/random.ts";
import { createLoopback } from "../net/device/loopback.ts";
import { NetStack } from "../net/stack.ts";
import { createSocket } from "./create-socket.ts";
import { MessageInfo } from "./kernel-socket.ts";
import { RawSocket } from "./raw-socket.ts";
import { SocketAddress } from "./socket-address.ts";
import { SocketTable } from "./socket-table.ts";

const LOOPBACK = 0x7f00_0001;

function makeTable(): SocketTable {
  const arena = new Arena({ totalBytes: 1 << 24, webAssembly: false, checked: true });
  const net = new NetStack({ arena, random: new SeededRandom(3) });
  createLoopback(net);
  return new SocketTable(net, null);
}

function open(table: SocketTable, protocol = IPPROTO_ICMP): RawSocket {
  const nobody = { processId: 1, userId: 0, groupId: 0 };
  const socket = createSocket(table, AF_INET, SOCK_RAW, protocol, nobody, true);
  assert.ok(socket instanceof RawSocket, `${String(socket)}`);
  socket.retain();
  return socket;
}

function echo(payload: number): Uint8Array {
  const bytes = new Uint8Array(8 + payload).fill(0x61);
  bytes.set([8, 0, 0, 0, 0x12, 0x34, 0, 1]);
  const sum = finishSum(sumBytes(bytes, 0, bytes.length));
  new DataView(bytes.buffer).setUint16(2, sum, true);
  return bytes;
}

function poll(table: SocketTable): void {
  for (let k = 0; k < 8; k++) table.net.poll(k);
}

test("a request and its answer are both seen, with their headers", () => {
  const table = makeTable();
  const socket = open(table);
  const request = echo(2000);
  const to = new SocketAddress().setInet(LOOPBACK, 0);
  assert.equal(socket.sendMessage(request, 0, request.length, 0, to, null), request.length);
  poll(table);
  const buffer = new Uint8Array(4096);
  const info = new MessageInfo();
  assert.equal(socket.receiveMessage(buffer, 0, buffer.length, MSG_DONTWAIT, info), request.length + 20);
  assert.equal(buffer[0], 0x45);
  assert.equal(buffer[9], IPPROTO_ICMP);
  assert.equal(buffer[20], 8);
  assert.equal(info.source.address, LOOPBACK);
  assert.equal(socket.receiveMessage(buffer, 0, buffer.length, MSG_DONTWAIT, info), request.length + 20);
  assert.equal(buffer[20], 0);
  assert.deepEqual(buffer.slice(28, 28 + 2000), request.slice(8));
  assert.equal(socket.receiveMessage(buffer, 0, buffer.length, MSG_DONTWAIT, info), -EAGAIN);
  socket.drop();
  poll(table);
  assert.equal(table.net.arena.smallFramesInUse + table.net.arena.largeFramesInUse, 0);
});

test("packets of a protocol that only a raw socket knows are not answered with an error", () => {
  const table = makeTable();
  const [icmp, other] = [open(table), open(table, 99)];
  const to = new SocketAddress().setInet(LOOPBACK, 0);
  other.sendMessage(new Uint8Array(10), 0, 10, 0, to, null);
  poll(table);
  assert.equal(other.receiveMessage(new Uint8Array(64), 0, 64, MSG_DONTWAIT, null), 30);
  assert.equal(icmp.receiveMessage(new Uint8Array(64), 0, 64, MSG_DONTWAIT, null), -EAGAIN);
  other.drop();
  const sender = open(table, 98);
  sender.drop();
});

test("packets that nobody reads are bounded, and given back with the socket", () => {
  const table = makeTable();
  const socket = open(table);
  const request = echo(1000);
  const to = new SocketAddress().setInet(LOOPBACK, 0);
  for (let k = 0; k < 500; k++) {
    socket.sendMessage(request, 0, request.length, 0, to, null);
    poll(table);
  }
  assert.ok(socket.endpoint.drops > 100);
  assert.ok(socket.endpoint.queuedBytes < 300_000);
  socket.drop();
  assert.equal(table.net.arena.smallFramesInUse + table.net.arena.largeFramesInUse, 0);
});

test("who may have one", () => {
  const table = makeTable();
  const nobody = { processId: 1, userId: 33, groupId: 33 };
  assert.equal(createSocket(table, AF_INET, SOCK_RAW, IPPROTO_ICMP, nobody, false), -EPERM);
  assert.equal(createSocket(table, AF_INET, SOCK_RAW, IPPROTO_RAW, nobody, true), -EPROTONOSUPPORT);
  assert.equal(createSocket(table, AF_INET, SOCK_RAW, 0, nobody, true), -EPROTONOSUPPORT);
});
