/** From a file of the host into a TCP connection: the bytes are read into the send buffer, also those beyond four gigabytes. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { EAGAIN, EPIPE } from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/file.ts";
import { SIG_IGN, SIGPIPE } from "../../abi/signal.ts";
import { SHUT_WR } from "../../abi/socket.ts";
import { Arena } from "../../base/arena.ts";
import { SeededRandom } from "../../base/random.ts";
import { createLoopback } from "../../kernel/net/device/loopback.ts";
import { NetStack } from "../../kernel/net/stack.ts";
import { SocketAddress } from "../../kernel/socket/socket-address.ts";
import { SocketTable } from "../../kernel/socket/socket-table.ts";
import { TcpSocket } from "../../kernel/socket/tcp-socket.ts";
import { Guest } from "../../kernel/vfs/guest.fixture.ts";
import { HostFs } from "../../kernel/vfs/hostfs/hostfs.ts";
import { NodeHostFiles } from "./host-files.ts";

const OFFSET = 0x7000;
const FAR = 5 * 2 ** 30;

test("sendfile from a mounted folder into a socket", async (context) => {
  const folder = fs.mkdtempSync(join(tmpdir(), "akuma-sendfile-"));
  context.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const contents = Buffer.from(Uint8Array.from({ length: 700_000 }, (_, k) => (k * 13 + (k >> 9)) & 0xff));
  const host = fs.openSync(join(folder, "large"), "w");
  fs.writeSync(host, contents, 0, contents.length, FAR);
  fs.closeSync(host);

  const guest = new Guest();
  guest.mkdir("/mnt");
  guest.mounts.mount("/mnt", new HostFs(new NodeHostFiles(folder)), { readOnly: true });
  const net = new NetStack({ arena: new Arena(), random: new SeededRandom(3) });
  createLoopback(net);
  const sockets = new SocketTable(net, null);
  let now = 0;
  const turn = (): void => {
    now += 1;
    net.poll(now);
    guest.clock.advanceTo(now);
    guest.run();
  };
  const make = (socket: TcpSocket): TcpSocket => {
    assert.equal(sockets.add(socket), 0);
    return socket;
  };
  const address = new SocketAddress();
  address.setInet(0x7f000001, 9000);
  const listener = make(new TcpSocket(sockets));
  assert.equal(listener.bind(address), 0);
  assert.equal(listener.listen(1), 0);
  const client = make(new TcpSocket(sockets));
  client.connect(address);
  for (let k = 0; k < 5; k++) turn();
  assert.equal(client.connectResult(), 0);
  const server = make(listener.accept() as TcpSocket);

  const output = guest.install(server);
  const input = guest.open("/mnt/large");
  guest.memory.writeInt64(OFFSET, FAR - 3);
  const result = guest.callAny(71, [output, input, OFFSET, 2 ** 31]);
  const received: Buffer[] = [];
  const buffer = Buffer.alloc(100_000);
  let length = 0;
  const drain = (): void => {
    const count = client.read(buffer, 0, buffer.length);
    if (count <= 0) return;
    received.push(Buffer.from(buffer.subarray(0, count)));
    length += count;
  };
  for (let k = 0; k < 2000 && length < contents.length + 3; k++) {
    drain();
    turn();
  }
  assert.equal(await result, contents.length + 3);
  assert.equal(guest.memory.readInt64(OFFSET), FAR + contents.length);
  assert.ok(Buffer.concat(received).equals(Buffer.concat([Buffer.alloc(3), contents])));

  // Without blocking, what fits; and nothing is read from the file that the socket has no room for.
  server.flags |= O_NONBLOCK;
  const expected: Buffer[] = [];
  let sent = 0;
  for (;;) {
    guest.memory.writeInt64(OFFSET, FAR);
    const count = guest.call(71, output, input, OFFSET, 1 << 20);
    if (count === -EAGAIN) break;
    assert.ok(count > 0 && sent < 2 ** 26);
    assert.equal(guest.memory.readInt64(OFFSET), FAR + count);
    expected.push(contents.subarray(0, count));
    sent += count;
  }
  assert.equal(guest.memory.readInt64(OFFSET), FAR);
  assert.ok(sent > 0);
  length = 0;
  received.length = 0;
  for (let k = 0; k < 5000 && length < sent; k++) {
    drain();
    turn();
  }
  assert.ok(Buffer.concat(received).equals(Buffer.concat(expected)));

  guest.process.signals.setAction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
  server.shutdown(SHUT_WR);
  guest.memory.writeInt64(OFFSET, FAR);
  assert.equal(guest.call(71, output, input, OFFSET, 10), -EPIPE);
});
