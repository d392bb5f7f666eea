import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EFAULT,
  EINVAL,
  EISCONN,
  EMFILE,
  EMSGSIZE,
  ENOENT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
} from "../../abi/errno.ts";
import { POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../abi/poll.ts";
import {
  AF_INET,
  AF_UNIX,
  AF_UNSPEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_WAITALL,
  SHUT_RD,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "../../abi/socket.ts";
import { NetKernel, type NetProgram, result } from "../syscall/socket.fixture.ts";

const SEQPACKET = 5;

function setUp(): { kernel: NetKernel; program: NetProgram } {
  const kernel = new NetKernel();
  return { kernel, program: kernel.program() };
}

function pairOf(program: NetProgram, type: number = SOCK_STREAM): [number, number] {
  const at = program.place(8);
  assert.equal(program.call(199, AF_UNIX, type, 0, at), 0);
  return [program.memory.readInt32(at), program.memory.readInt32(at + 4)];
}

/** A struct sockaddr_un; abstract names are written with "@". Its address and length. */
function unixName(program: NetProgram, name: string): [number, number] {
  const bytes = new TextEncoder().encode(name.replace("@", "\0"));
  const at = program.place(2 + bytes.length + 1);
  program.memory.writeUint16(at, AF_UNIX);
  program.memory.bytes.set(bytes, at + 2);
  return [at, 2 + bytes.length];
}

const bind = (program: NetProgram, fd: number, name: string): number =>
  program.call(200, fd, ...unixName(program, name));
const connect = (program: NetProgram, fd: number, name: string) => program.start(203, fd, ...unixName(program, name));

/** The path that getsockname(2) gives, and its length. */
function nameOf(program: NetProgram, fd: number, ofPeer = false): [string, number] {
  program.memory.writeUint32(program.lengthAt, 110);
  assert.equal(program.call(ofPeer ? 205 : 204, fd, program.scratch, program.lengthAt), 0);
  const length = program.memory.readInt32(program.lengthAt);
  return [program.text(program.scratch + 2, length - 2), length];
}

test("socketpair(2): both kinds, its errors, and descriptors given back when one is missing", () => {
  const { kernel, program } = setUp();
  assert.equal(program.call(199, AF_INET, SOCK_STREAM, 0, program.scratch), -EOPNOTSUPP);
  assert.equal(program.call(199, AF_UNIX, SOCK_STREAM, 0, 16), -EFAULT);
  assert.equal(program.call(199, AF_UNIX, SOCK_STREAM | 0x100, 0, program.scratch), -EINVAL);
  program.process.descriptors.limit = 1;
  assert.equal(program.call(199, AF_UNIX, SOCK_STREAM, 0, program.scratch), -EMFILE);
  assert.deepEqual([kernel.sockets.size, kernel.openFiles.current], [0, 0]);
  program.process.descriptors.limit = 64;
  const [a, b] = pairOf(program);
  assert.deepEqual([a, b], [0, 1]);
  assert.deepEqual(nameOf(program, a), ["", 2]);
});

test("a stream pair: bytes in order, whatever their pieces; peeking; the end; EPIPE", () => {
  const { kernel, program } = setUp();
  const [a, b] = pairOf(program);
  program.send(a, "one");
  program.send(a, "two");
  assert.equal(program.receive(b, 4, MSG_PEEK), "onet");
  assert.equal(program.receive(b, 2), "on");
  assert.equal(program.receive(b, 100), "etwo");
  assert.equal(program.recv(b, 10, MSG_DONTWAIT), -EAGAIN);
  const all = program.recv(b, 5, MSG_WAITALL);
  program.send(a, "abc");
  kernel.run();
  assert.equal(result(all), null);
  program.send(a, "de");
  kernel.run();
  assert.equal(result(all), 5);
  assert.equal(program.poll(b) & (POLLIN | POLLOUT | POLLHUP), POLLOUT);
  program.shutdown(a, SHUT_WR);
  assert.equal(program.receive(b), "");
  assert.equal(program.poll(b) & POLLRDHUP, POLLRDHUP);
  assert.equal(program.send(a, "x", MSG_NOSIGNAL), -EPIPE);
  assert.equal(program.send(b, "back"), 4);
  assert.equal(program.receive(a), "back");
  const waiting = program.recv(a);
  program.close(b);
  kernel.run();
  assert.equal(result(waiting), 0);
  assert.equal(program.poll(a) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
});

test("a close with bytes unread resets the peer; writing to a closed one is EPIPE", () => {
  const { program } = setUp();
  const [a, b] = pairOf(program);
  program.send(a, "unread");
  program.close(b);
  assert.equal(program.recv(a), -ECONNRESET);
  assert.equal(program.recv(a), 0);
  assert.equal(program.send(a, "x", MSG_NOSIGNAL), -EPIPE);
});

test("a full stream makes its writer wait, and wakes it when the reader has made room", () => {
  const { kernel, program } = setUp();
  const [a, b] = pairOf(program);
  let sent = 0;
  for (;;) {
    const taken = program.start(206, a, program.buffer, 0x1_0000, MSG_DONTWAIT, 0, 0) as number;
    if (taken < 0) break;
    sent += taken;
  }
  assert.ok(sent > 100_000 && sent <= 212_992, `${sent} bytes`);
  assert.equal(program.poll(a) & POLLOUT, 0);
  const waiting = program.start(206, a, program.buffer, 0x1_0000, 0, 0, 0);
  let received = 0;
  for (let k = 0; k < 100 && received < sent + 0x1_0000; k++) {
    const got = program.start(207, b, program.buffer, 30_000, MSG_DONTWAIT, 0, 0) as number;
    if (got > 0) received += got;
    kernel.run();
  }
  assert.equal(result(waiting), 0x1_0000);
  assert.equal(received, sent + 0x1_0000);
});

test("datagram pairs keep boundaries; sequenced packets too, and they end", () => {
  const { program } = setUp();
  for (const type of [SOCK_DGRAM, SEQPACKET]) {
    const [a, b] = pairOf(program, type);
    program.send(a, "first");
    program.send(a, "second");
    program.send(a, "");
    assert.equal(program.receive(b, 3), "fir");
    assert.equal(program.receive(b), "second");
    assert.equal(program.receive(b), "");
    assert.equal(program.recv(b, 10, MSG_DONTWAIT), -EAGAIN);
    assert.equal(program.call(206, a, program.buffer, 213_000, 0, 0, 0) < 0, true);
    program.close(b);
    const gone = program.send(a, "x", MSG_NOSIGNAL);
    assert.equal(gone, type === SOCK_DGRAM ? -ECONNREFUSED : -EPIPE);
  }
  const [a] = pairOf(program, SOCK_DGRAM);
  program.memory.bytes.fill(1, program.buffer, program.buffer + 10);
  const huge = program.start(206, a, 0x1000, 0x3_f000, 0, 0, 0);
  assert.equal(huge, -EMSGSIZE);
});

test("listening by abstract name: connect, accept, names, the bounded queue, resets for those never accepted", () => {
  const { kernel, program } = setUp();
  const listener = program.socket(SOCK_STREAM, AF_UNIX);
  assert.equal(program.listen(listener), -EINVAL, "nobody could find it");
  assert.equal(bind(program, listener, "@server"), 0);
  assert.equal(bind(program, listener, "@again"), -EINVAL);
  const client = program.socket(SOCK_STREAM, AF_UNIX);
  assert.equal(connect(program, client, "@server"), -ECONNREFUSED, "bound, but it does not listen");
  assert.equal(program.listen(listener, 1), 0);
  assert.equal(connect(program, client, "@nobody"), -ECONNREFUSED);
  assert.equal(connect(program, client, "/run/nobody"), -ENOENT);
  assert.equal(
    connect(program, program.socket(SOCK_DGRAM, AF_UNIX), "@server"),
    -ECONNREFUSED,
    "abstract names are each type's own",
  );
  assert.equal(connect(program, client, "@server"), 0);
  assert.equal(connect(program, client, "@server"), -EISCONN);
  assert.equal(program.send(client, "early"), 5);
  const server = program.accept(listener) as number;
  assert.equal(program.receive(server), "early");
  assert.deepEqual(nameOf(program, client, true), ["\0server", 9]);
  assert.deepEqual(nameOf(program, server, true), ["", 2]);
  const other = program.socket(SOCK_STREAM, AF_UNIX);
  assert.equal(bind(program, other, "@server"), -EADDRINUSE);

  const queued = [0, 1].map(() => {
    const fd = program.socket(SOCK_STREAM, AF_UNIX);
    assert.equal(connect(program, fd, "@server"), 0);
    return fd;
  });
  program.setNonBlocking(other);
  assert.equal(connect(program, other, "@server"), -EAGAIN);
  const patient = program.socket(SOCK_STREAM, AF_UNIX);
  const connecting = connect(program, patient, "@server");
  assert.equal(result(connecting), null);
  program.accept(listener);
  kernel.run();
  assert.equal(result(connecting), 0);
  program.close(listener);
  assert.equal(program.recv(queued[1] as number), -ECONNRESET);
  assert.equal(bind(program, other, "@server"), 0, "the name is free again");
});

test("datagrams by name: sender's name, EAGAIN and waking, connected and not", () => {
  const { kernel, program } = setUp();
  const server = program.socket(SOCK_DGRAM, AF_UNIX);
  bind(program, server, "@log");
  const client = program.socket(SOCK_DGRAM, AF_UNIX);
  assert.equal(program.send(client, "x"), -ENOTCONN);
  bind(program, client, "@me");
  const [to, length] = unixName(program, "@log");
  assert.equal(program.call(206, client, program.put("line"), 4, 0, to, length), 4);
  program.memory.writeUint32(program.lengthAt, 110);
  assert.equal(program.call(207, server, program.buffer, 100, 0, program.scratch, program.lengthAt), 4);
  assert.equal(program.memory.readInt32(program.lengthAt), 5);
  assert.equal(program.text(program.scratch + 2, 3), "\0me");
  assert.equal(connect(program, client, "@log"), 0);
  bind(program, program.socket(SOCK_DGRAM, AF_UNIX), "@stranger");
  const stranger = program.socket(SOCK_DGRAM, AF_UNIX);
  const [toClient, toLength] = unixName(program, "@me");
  assert.equal(program.call(206, stranger, program.put("x"), 1, 0, toClient, toLength), -EPERM);
  let sent = 0;
  while ((program.send(client, "x".repeat(1000), MSG_DONTWAIT) as number) > 0) sent++;
  assert.ok(sent > 50 && sent < 213);
  const waiting = program.send(client, "y".repeat(1000));
  assert.equal(result(waiting), null);
  for (let k = 0; k < sent; k++) program.recv(server);
  kernel.run();
  assert.equal(result(waiting), 1000);
  assert.equal(program.call(203, client, program.inet(0, 0, AF_UNSPEC), 16), 0);
  assert.equal(program.send(client, "x"), -ENOTCONN);
});

test("a pathname is a file: made by bind(2), followed through folders and links, and left behind", () => {
  const { program } = setUp();
  const listener = program.socket(SOCK_STREAM, AF_UNIX);
  assert.equal(bind(program, listener, "/nowhere/s"), -ENOENT);
  assert.equal(bind(program, listener, "/s"), 0);
  assert.deepEqual(nameOf(program, listener), ["/s\0", 5]);
  assert.equal(
    bind(program, program.socket(SOCK_STREAM, AF_UNIX), "s"),
    -EADDRINUSE,
    "the same file, by a relative path",
  );
  program.listen(listener);
  const status = program.place(128);
  assert.equal(program.call(79, -100, program.put("/s"), status, 0), 0);
  assert.equal(program.memory.readUint32(status + 16), 0o140755);
  assert.equal(program.call(36, program.put("/s"), -100, program.put("/link")), 0);
  const client = program.socket(SOCK_STREAM, AF_UNIX);
  assert.equal(connect(program, client, "/link"), 0);
  const server = program.accept(listener) as number;
  program.send(client, "hi");
  assert.equal(program.receive(server), "hi");
  assert.deepEqual(nameOf(program, client, true), ["/s\0", 5]);
  program.close(listener);
  assert.equal(
    connect(program, program.socket(SOCK_STREAM, AF_UNIX), "/s"),
    -ECONNREFUSED,
    "nobody behind it any more",
  );
  const again = program.socket(SOCK_STREAM, AF_UNIX);
  assert.equal(bind(program, again, "/s"), -EADDRINUSE, "the file is still there");
  assert.equal(program.call(35, -100, program.put("/s"), 0), 0);
  assert.equal(bind(program, again, "/s"), 0);
  assert.equal(bind(program, again, "/t"), -EINVAL);
  assert.equal(program.call(79, -100, program.put("/t"), status, 0), -ENOENT, "and no second file was made");
  assert.equal(connect(program, program.socket(SOCK_STREAM, AF_UNIX), "/"), -ECONNREFUSED);
});

test("an unnamed bind(2) gives an abstract name; shutdown(2) of one direction reaches the peer", () => {
  const { program } = setUp();
  const fd = program.socket(SOCK_STREAM, AF_UNIX);
  program.memory.writeUint16(program.scratch, AF_UNIX);
  assert.equal(program.call(200, fd, program.scratch, 2), 0);
  assert.match(nameOf(program, fd)[0], /^\0[0-9a-f]{5}$/);
  assert.equal(program.call(200, program.socket(SOCK_STREAM, AF_UNIX), program.scratch, 1), -EINVAL);
  assert.equal(program.call(200, program.socket(SOCK_STREAM, AF_UNIX), program.inet(0, 0), 16), -EINVAL);
  assert.equal(program.shutdown(fd, SHUT_RD), 0);
  assert.equal(program.receive(fd), -EINVAL);
  assert.equal(program.setOption(fd, 6, 1, 1), -EOPNOTSUPP);
  assert.equal(program.getOption(fd, 0, 1), -EOPNOTSUPP);
  const [a, b] = pairOf(program);
  program.shutdown(b, SHUT_RD);
  assert.equal(program.send(a, "x", MSG_NOSIGNAL), -EPIPE);
  assert.equal(program.receive(b), "");
});
