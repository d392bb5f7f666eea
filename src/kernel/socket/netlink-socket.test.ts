/** NETLINK_ROUTE: dumps of links, addresses, routes, as the C library and ip(8) ask for them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EBUSY, ENOBUFS, EPERM } from "../../abi/errno.ts";
import { AF_INET, AF_NETLINK, AF_UNSPEC, MSG_PEEK, MSG_TRUNC, SOCK_RAW } from "../../abi/socket.ts";
import { Arena } from "../../base/arena.ts";
import { SeededRandom } from "../../base/random.ts";
import { createLoopback } from "../net/device/loopback.ts";
import { Switch } from "../net/device/switch.ts";
import { NetStack } from "../net/stack.ts";
import { createSocket } from "./create-socket.ts";
import { MessageInfo } from "./kernel-socket.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { SocketAddress } from "./socket-address.ts";
import { SocketTable } from "./socket-table.ts";

const [GETLINK, GETADDR, GETROUTE, NEWLINK] = [18, 22, 26, 16];
const [REQUEST, ACK, DUMP] = [1, 4, 0x300];

interface Message {
  type: number;
  flags: number;
  sequence: number;
  portId: number;
  body: Uint8Array;
}

function makeTable(): SocketTable {
  const arena = new Arena({ totalBytes: 1 << 24, webAssembly: false });
  const net = new NetStack({ arena, random: new SeededRandom(3) });
  createLoopback(net);
  const device = new Switch().createPort({ arena });
  const netInterface = net.addInterface({
    name: "eth0",
    device,
    macAddress: Uint8Array.of(2, 0, 0, 0, 0, 9),
    addresses: [{ address: 0x0a00_020f, prefixLength: 24 }],
  });
  net.routes.add({ destination: 0, prefixLength: 0, gateway: 0x0a00_0202, netInterface, source: 0x0a00_020f });
  return new SocketTable(net, null);
}

function open(table: SocketTable, processId = 7): NetlinkSocket {
  const socket = createSocket(table, AF_NETLINK, SOCK_RAW, 0, { processId, userId: 0, groupId: 0 });
  assert.ok(socket instanceof NetlinkSocket);
  socket.retain();
  return socket;
}

function request(type: number, flags: number, body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(16 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, 99, true);
  bytes.set(body, 16);
  return bytes;
}

function send(socket: NetlinkSocket, bytes: Uint8Array): void {
  assert.equal(socket.sendMessage(bytes, 0, bytes.length, 0, null), bytes.length);
}

/** All messages that wait. */
function receive(socket: NetlinkSocket): Message[] {
  const messages: Message[] = [];
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = socket.receiveMessage(buffer, 0, buffer.length, 0, new MessageInfo());
    if (length < 0) return messages;
    const view = new DataView(buffer.buffer);
    for (let at = 0; at < length; at += (view.getUint32(at, true) + 3) & ~3) {
      messages.push({
        type: view.getUint16(at + 4, true),
        flags: view.getUint16(at + 6, true),
        sequence: view.getUint32(at + 8, true),
        portId: view.getUint32(at + 12, true),
        body: buffer.slice(at + 16, at + view.getUint32(at, true)),
      });
    }
  }
}

/** Attributes behind a fixed part of so many bytes. */
function attributes({ body }: Message, fixedBytes: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = new DataView(body.buffer);
  for (let at = fixedBytes; at < body.length; at += (view.getUint16(at, true) + 3) & ~3) {
    found.set(view.getUint16(at + 2, true), body.slice(at + 4, at + view.getUint16(at, true)));
  }
  return found;
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes).replace(/\0$/, "");

describe("dumps", () => {
  test("links, each with name, address and MTU", () => {
    const socket = open(makeTable());
    send(socket, request(GETLINK, REQUEST | DUMP, [AF_UNSPEC, 0, 0, 0]));
    const messages = receive(socket);
    assert.deepEqual(
      messages.map(({ type, flags, sequence, portId }) => [type, flags, sequence, portId]),
      [
        [16, 2, 99, 7],
        [16, 2, 99, 7],
        [3, 2, 99, 7],
      ],
    );
    const [lo, ethernet] = messages as [Message, Message];
    assert.equal(text(attributes(lo, 16).get(3)), "lo");
    assert.equal(text(attributes(ethernet, 16).get(3)), "eth0");
    assert.deepEqual(attributes(ethernet, 16).get(1), Uint8Array.of(2, 0, 0, 0, 0, 9));
    assert.equal(attributes(ethernet, 16).get(23)?.length, 200);
    const flags = new DataView(ethernet.body.buffer).getUint32(8, true);
    assert.equal(flags & 0x1_0041, 0x1_0041);
    assert.equal(new DataView(ethernet.body.buffer).getInt32(4, true), 2);
  });

  test("addresses of one family, none of another", () => {
    const socket = open(makeTable());
    send(socket, request(GETADDR, REQUEST | DUMP, [AF_INET, 0, 0, 0]));
    const [lo, ethernet, done, ...rest] = receive(socket);
    assert.ok(lo !== undefined && ethernet !== undefined);
    assert.deepEqual(rest, []);
    assert.equal(done?.type, 3);
    assert.deepEqual([...lo.body.slice(0, 4)], [AF_INET, 8, 0x80, 254]);
    assert.deepEqual([...ethernet.body.slice(0, 4)], [AF_INET, 24, 0x80, 0]);
    assert.deepEqual([...(attributes(ethernet, 8).get(2) ?? [])], [10, 0, 2, 15]);
    assert.deepEqual([...(attributes(ethernet, 8).get(4) ?? [])], [10, 0, 2, 255]);
    send(socket, request(GETADDR, REQUEST | DUMP, [10, 0, 0, 0]));
    assert.deepEqual(
      receive(socket).map(({ type }) => type),
      [3],
    );
  });

  test("routes, those to the machine itself in the local table", () => {
    const socket = open(makeTable());
    send(socket, request(GETROUTE, REQUEST | DUMP, [AF_INET, ...new Array<number>(11).fill(0)]));
    const routes = receive(socket).filter(({ type }) => type === 24);
    const main = routes.filter(({ body }) => body[4] === 254);
    assert.equal(main.length, 2);
    const standard = main.find(({ body }) => body[1] === 0) as Message;
    assert.deepEqual([...(attributes(standard, 12).get(5) ?? [])], [10, 0, 2, 2]);
    const subnet = main.find(({ body }) => body[1] === 24) as Message;
    assert.deepEqual([...(attributes(subnet, 12).get(1) ?? [])], [10, 0, 2, 0]);
    assert.deepEqual([...(attributes(subnet, 12).get(7) ?? [])], [10, 0, 2, 15]);
    assert.ok(routes.some(({ body }) => body[4] === 255 && body[1] === 32));
  });

  test("one at a time", () => {
    const socket = open(makeTable());
    const dump = request(GETLINK, REQUEST | DUMP, [0, 0, 0, 0]);
    send(socket, dump);
    send(socket, dump);
    const busy = receive(socket).find(({ type }) => type === 2);
    assert.equal(new DataView((busy as Message).body.buffer).getInt32(0, true), -EBUSY);
    send(socket, dump);
    assert.equal(receive(socket).length, 3);
  });
});

test("the route to an address, and a link by its name", () => {
  const socket = open(makeTable());
  const body = [AF_INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 1, 0, 93, 184, 216, 34];
  send(socket, request(GETROUTE, REQUEST, body));
  const [route] = receive(socket);
  assert.ok(route !== undefined);
  assert.deepEqual([...(attributes(route, 12).get(5) ?? [])], [10, 0, 2, 2]);
  assert.deepEqual([...(attributes(route, 12).get(7) ?? [])], [10, 0, 2, 15]);
  const name = [9, 0, 3, 0, ...Buffer.from("eth0\0"), 0, 0, 0];
  send(socket, request(GETLINK, REQUEST | ACK, [...new Array<number>(16).fill(0), ...name]));
  const [link, acknowledgment] = receive(socket);
  assert.equal(new DataView((link as Message).body.buffer).getInt32(4, true), 2);
  assert.equal(acknowledgment?.type, 2);
});

test("nothing can be changed", () => {
  const socket = open(makeTable());
  send(socket, request(NEWLINK, REQUEST | ACK, new Array<number>(16).fill(0)));
  const [answer] = receive(socket);
  assert.equal(new DataView((answer as Message).body.buffer).getInt32(0, true), -EPERM);
});

test("the process id is the address of its first socket, and free again after it", () => {
  const table = makeTable();
  const name = new SocketAddress();
  const [first, second] = [open(table), open(table)];
  first.bind(name.setNetlink(0, 0));
  second.bind(name.setNetlink(0, 0));
  first.localName(name);
  assert.equal(name.address, 7);
  second.localName(name);
  assert.equal(name.address, 0xffff_efff);
  first.drop();
  const third = open(table);
  third.bind(name.setNetlink(0, 0));
  third.localName(name);
  assert.equal(name.address, 7);
});

test("the length is told before the message is read", () => {
  const socket = open(makeTable());
  send(socket, request(GETADDR, REQUEST | DUMP, [AF_INET, 0, 0, 0]));
  const length = socket.receiveMessage(new Uint8Array(0), 0, 0, MSG_PEEK | MSG_TRUNC, null);
  assert.ok(length > 100);
  assert.equal(socket.readableBytes, length);
  assert.equal(socket.receiveMessage(new Uint8Array(length), 0, length, 0, null), length);
});

test("answers that nobody reads are bounded", () => {
  const socket = open(makeTable());
  const bytes = request(200, REQUEST, new Array<number>(4000).fill(1));
  for (let k = 0; k < 100; k++) send(socket, bytes);
  assert.equal(socket.receiveMessage(new Uint8Array(8192), 0, 8192, 0, null), -ENOBUFS);
  assert.ok(socket.receiveMessage(new Uint8Array(8192), 0, 8192, 0, null) > 4000);
  assert.ok(receive(socket).length < 60);
});
