import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  EBADF,
  ECONNABORTED,
  ECONNREFUSED,
  EFAULT,
  EINPROGRESS,
  EINTR,
  EINVAL,
  EISCONN,
  EMFILE,
  ENETUNREACH,
  ENFILE,
  ENOBUFS,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  ETIMEDOUT,
} from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../abi/poll.ts";
import { SIGUSR1 } from "../../abi/signal.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_UNSPEC,
  IPPROTO_ICMP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_ERROR,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDTIMEO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_SYNCNT,
} from "../../abi/socket.ts";
import { LOOPBACK, NetKernel, type NetProgram, result } from "./socket.fixture.ts";

const OUTSIDE = 0x0a00_0207;

function setUp(options: ConstructorParameters<typeof NetKernel>[0] = {}): { kernel: NetKernel; program: NetProgram } {
  const kernel = new NetKernel(options);
  return { kernel, program: kernel.program() };
}

/** Adds an interface from which nothing ever comes back. */
function addBlackHole(kernel: NetKernel): void {
  const device = {
    mtu: 1500,
    linkType: "loopback" as const,
    transmit: (frame: number) => kernel.arena.freeFrame(frame),
    attach() {},
  };
  kernel.attach("hole0", device, 0x0a00_020f);
}

function stateOf(kernel: NetKernel, program: NetProgram, fd: number): string {
  const file = program.process.descriptors.get(fd);
  for (const socket of kernel.sockets.all()) if (socket === file) return socket.state.kind;
  return "none";
}

function timeval(program: NetProgram, fd: number, name: number, milliseconds: number): number {
  program.memory.writeInt64(program.scratch, Math.floor(milliseconds / 1000));
  program.memory.writeInt64(program.scratch + 8, (milliseconds % 1000) * 1000);
  return program.call(208, fd, SOL_SOCKET, name, program.scratch, 16);
}

test("socket(2): kinds there are, and the error for those there are not", () => {
  const { program } = setUp();
  assert.equal(program.socket(), 0);
  assert.equal(program.call(198, AF_INET, SOCK_STREAM, IPPROTO_TCP), 1);
  assert.equal(program.call(198, AF_INET, SOCK_DGRAM, IPPROTO_UDP), 2);
  assert.equal(program.call(198, AF_INET, SOCK_DGRAM, IPPROTO_ICMP), 3);
  assert.equal(program.call(198, AF_UNIX, SOCK_STREAM, 0), 4);
  assert.equal(program.call(198, AF_INET6, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
  assert.equal(program.call(198, 16, SOCK_RAW, 9), -EPROTONOSUPPORT);
  assert.equal(program.call(198, 17, SOCK_RAW, 0), -EAFNOSUPPORT);
  assert.equal(program.call(198, -1, SOCK_STREAM, 0), -EAFNOSUPPORT);
  assert.equal(program.call(198, 99, SOCK_STREAM, 0), -EAFNOSUPPORT);
  assert.equal(program.call(198, AF_INET, 12, 0), -EINVAL);
  assert.equal(program.call(198, AF_INET, SOCK_STREAM | 0x100000, 0), -EINVAL);
  assert.equal(program.call(198, AF_INET, SOCK_STREAM, IPPROTO_UDP), -EPROTONOSUPPORT);
  assert.equal(program.call(198, AF_INET, SOCK_DGRAM, IPPROTO_TCP), -EPROTONOSUPPORT);
  assert.equal(program.call(198, AF_INET, SOCK_STREAM, -1), -EINVAL);
  assert.equal(program.call(198, AF_INET, SOCK_STREAM, 256), -EPROTONOSUPPORT);
  assert.equal(program.call(198, AF_INET, SOCK_STREAM, 263), -EINVAL);
  assert.equal(program.call(198, AF_INET, 5, 0), -ESOCKTNOSUPPORT);
  assert.equal(program.call(198, AF_INET, SOCK_RAW, IPPROTO_ICMP), 4 + 1);
  program.process.credentials.setUser(33);
  assert.equal(program.call(198, AF_INET, SOCK_RAW, IPPROTO_ICMP), -EPERM);
  assert.equal(program.call(198, AF_UNIX, SOCK_STREAM, 6), -EPROTONOSUPPORT);
});

test("socket(2): flags, the lowest descriptor, and the limits", () => {
  const { kernel, program } = setUp({ maximumSockets: 4 });
  const fd = program.socket(SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
  assert.equal(program.call(25, fd, 1), 1);
  assert.equal(program.call(25, fd, 3) & 0o4000, 0o4000);
  assert.equal(program.process.descriptors.get(fd)?.describe(), "socket:[1]");
  for (let k = 1; k < 4; k++) assert.equal(program.socket(), fd + k);
  assert.equal(program.socket(), -ENOBUFS);
  program.close(fd + 3);
  program.process.descriptors.limit = 3;
  assert.equal(program.socket(), -EMFILE);
  kernel.openFiles.maximum = kernel.openFiles.current;
  program.process.descriptors.limit = 64;
  assert.equal(program.socket(), -ENFILE);
  assert.equal(kernel.sockets.size, kernel.openFiles.current, "refused sockets are gone");
});

test("every call tells a bad descriptor from one that is no socket", () => {
  const { program } = setUp();
  const [pipe] = program.pipe();
  const calls: [number, ...number[]][] = [
    [200, program.inet(LOOPBACK, 1), 16],
    [201, 1],
    [202, 0, 0],
    [203, program.inet(LOOPBACK, 1), 16],
    [204, program.scratch, program.lengthAt],
    [205, program.scratch, program.lengthAt],
    [206, program.buffer, 1, 0, 0, 0],
    [207, program.buffer, 1, 0, 0, 0],
    [208, SOL_SOCKET, SO_ERROR, program.scratch, 4],
    [209, SOL_SOCKET, SO_ERROR, program.scratch, program.lengthAt],
    [210, SHUT_RD],
    [211, program.scratch, 0],
    [212, program.scratch, 0],
    [242, 0, 0, 0],
    [243, program.scratch, 1, 0, 0],
    [269, program.scratch, 1, 0],
  ];
  for (const [number, ...rest] of calls) {
    assert.equal(program.call(number, 77, ...rest), -EBADF, `call ${number}`);
    assert.equal(program.call(number, -1, ...rest), -EBADF, `call ${number}`);
    assert.equal(program.call(number, pipe, ...rest), -ENOTSOCK, `call ${number}`);
  }
});

test("bind(2): its errors, in Linux's order", () => {
  const { program } = setUp();
  const fd = program.socket();
  assert.equal(program.call(200, fd, program.inet(0, 80), 15), -EINVAL);
  assert.equal(program.call(200, fd, program.inet(0, 80), 129), -EINVAL);
  assert.equal(program.call(200, fd, program.inet(0, 80), -1), -EINVAL);
  assert.equal(program.call(200, fd, 0, 16), -EFAULT);
  assert.equal(program.call(200, fd, 0x7fff_0000, 16), -EFAULT);
  assert.equal(program.call(200, fd, program.inet(0, 80, AF_INET6), 16), -EAFNOSUPPORT);
  assert.equal(program.call(200, fd, program.inet(LOOPBACK, 80, AF_UNSPEC), 16), -EAFNOSUPPORT);
  assert.equal(program.bind(fd, 80, OUTSIDE), -EADDRNOTAVAIL);
  assert.equal(program.bind(fd, 80), 0);
  assert.equal(program.bind(fd, 81), -EINVAL);
  assert.equal(program.name(fd), "0.0.0.0:80");
  const other = program.socket();
  assert.equal(program.bind(other, 80), -EADDRINUSE);
  assert.equal(program.bind(other, 80, LOOPBACK), -EADDRINUSE);
  assert.equal(program.call(200, other, program.inet(0, 82, AF_UNSPEC), 16), 0, "old programs name no family");
  const ephemeral = program.socket();
  assert.equal(program.bind(ephemeral, 0), 0);
  const port = Number(String(program.name(ephemeral)).split(":")[1]);
  assert.ok(port >= 32768 && port <= 60999);
});

test("SO_REUSEADDR and SO_REUSEPORT let addresses be shared as Linux does", () => {
  const { program } = setUp();
  const reuse = (name: number): number => {
    const fd = program.socket();
    program.setOption(fd, SOL_SOCKET, name, 1);
    return fd;
  };
  const a = reuse(SO_REUSEADDR);
  const b = reuse(SO_REUSEADDR);
  assert.equal(program.bind(a, 80), 0);
  assert.equal(program.bind(b, 80), 0);
  assert.equal(program.listen(a), 0);
  assert.equal(program.listen(b), -EADDRINUSE);
  assert.equal(program.bind(reuse(SO_REUSEADDR), 80), -EADDRINUSE, "one of them listens");
  const c = reuse(SO_REUSEPORT);
  const d = reuse(SO_REUSEPORT);
  assert.equal(program.bind(c, 90), 0);
  assert.equal(program.bind(d, 90), 0);
  assert.equal(program.listen(c), 0);
  assert.equal(program.listen(d), 0);
  assert.equal(program.bind(reuse(SO_REUSEADDR), 90), -EADDRINUSE);
});

test("TIME-WAIT holds the port of the side that closed first, unless SO_REUSEADDR is set", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  const [client, server] = program.pair(listener, 80);
  program.close(server);
  kernel.run();
  program.close(client);
  program.close(listener);
  kernel.run();
  const again = program.socket();
  assert.equal(program.bind(again, 80), -EADDRINUSE);
  program.setOption(again, SOL_SOCKET, SO_REUSEADDR, 1);
  assert.equal(program.bind(again, 80), -EADDRINUSE, "the connection was made without the option");
  kernel.advance(61_000);
  assert.equal(program.bind(again, 80), 0, "and 60 seconds later it is free");
  assert.equal(program.listen(again), 0);
  const [client2, server2] = program.pair(again, 80);
  program.close(server2);
  kernel.run();
  program.close(client2);
  program.close(again);
  kernel.run();
  const restarted = program.socket();
  program.setOption(restarted, SOL_SOCKET, SO_REUSEADDR, 1);
  assert.equal(program.bind(restarted, 80), 0, "a server that sets it can be started again at once");
});

test("listen(2): on what it works, and again with another backlog", () => {
  const { kernel, program } = setUp();
  assert.equal(program.listen(program.udp()), -EOPNOTSUPP);
  const unbound = program.socket();
  assert.equal(program.listen(unbound), 0, "an ephemeral port is given");
  assert.notEqual(program.name(unbound), "0.0.0.0:0");
  assert.equal(program.listen(unbound, 5), 0);
  assert.equal(program.listen(unbound, -1), 0);
  const file = program.process.descriptors.get(unbound) as unknown as { state: { backlog: number } };
  assert.equal(file.state.backlog, 4096, "cut to somaxconn");
  const listener = program.listener(80);
  const [client] = program.pair(listener, 80);
  assert.equal(program.listen(client), -EINVAL);
  assert.equal(stateOf(kernel, program, listener), "Listening");
});

test("accept(2) waits, gives the peer's address, and loses no connection to an error", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  const accepting = program.start(202, listener, program.scratch + 64, program.lengthAt);
  program.memory.writeUint32(program.lengthAt, 16);
  const client = program.socket();
  const connecting = program.connect(client, 80);
  kernel.run();
  assert.equal(result(connecting), 0);
  const server = result(accepting) as number;
  assert.ok(server > client);
  assert.equal(program.addressAt(program.scratch + 64), program.name(client));
  assert.equal(program.memory.readUint32(program.lengthAt), 16);
  assert.equal(program.name(server), "127.0.0.1:80");
  assert.equal(program.name(server, true), program.name(client));

  program.connect(program.socket(), 80);
  kernel.run();
  assert.equal(program.call(202, listener, 16, program.lengthAt), -EFAULT);
  assert.equal(program.call(202, listener, program.scratch, 0), -EFAULT);
  program.memory.writeUint32(program.lengthAt, -1);
  assert.equal(program.call(202, listener, program.scratch, program.lengthAt), -EINVAL);
  program.process.descriptors.limit = 4;
  assert.equal(program.call(202, listener, 0, 0), -EMFILE);
  program.process.descriptors.limit = 64;
  // A short room cuts the address, and the length tells so.
  program.memory.writeUint32(program.lengthAt, 4);
  program.memory.bytes.fill(0xee, program.scratch, program.scratch + 16);
  assert.equal(program.call(242, listener, program.scratch, program.lengthAt, SOCK_NONBLOCK), 4);
  assert.equal(program.memory.readUint32(program.lengthAt), 16);
  assert.equal(program.memory.bytes[program.scratch + 4], 0xee);
  assert.equal(program.call(25, 4, 3) & 0o4000, 0o4000);

  program.setNonBlocking(listener);
  assert.equal(program.accept(listener), -EAGAIN);
  assert.equal(program.call(242, listener, 0, 0, 0x100), -EINVAL);
  assert.equal(program.accept(program.socket()), -EINVAL);
  assert.equal(program.accept(program.udp()), -EOPNOTSUPP);
});

test("accept(2) obeys SO_RCVTIMEO", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  timeval(program, listener, SO_RCVTIMEO, 1500);
  const accepting = program.accept(listener);
  kernel.advance(1499);
  assert.equal(result(accepting), null);
  kernel.advance(1);
  assert.equal(result(accepting), -EAGAIN);
});

test("the accept queue is bounded by the backlog", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80, 2);
  for (let k = 0; k < 8; k++) {
    const client = program.socket(SOCK_STREAM | SOCK_NONBLOCK);
    program.connect(client, 80);
  }
  kernel.advance(100);
  program.setNonBlocking(listener);
  let accepted = 0;
  while ((result(program.accept(listener)) as number) >= 0) accepted++;
  assert.equal(accepted, 3, "as Linux counts: one more than the backlog");
});

test("connect(2): blocking, and what it says of every state", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  const fd = program.socket();
  assert.equal(program.call(203, fd, program.inet(LOOPBACK, 80), 1), -EINVAL);
  assert.equal(program.call(203, fd, program.inet(LOOPBACK, 80), 15), -EINVAL);
  assert.equal(program.call(203, fd, 0, 16), -EFAULT);
  assert.equal(program.call(203, fd, program.inet(LOOPBACK, 80, AF_INET6), 16), -EAFNOSUPPORT);
  assert.equal(program.connect(fd, 80, OUTSIDE), -ENETUNREACH);
  assert.equal(stateOf(kernel, program, fd), "Unbound");
  assert.equal(program.connect(listener, 80), -EISCONN);
  const connecting = program.connect(fd, 80);
  assert.equal(result(connecting), null);
  assert.equal(stateOf(kernel, program, fd), "Bound");
  kernel.run();
  assert.equal(result(connecting), 0);
  assert.equal(program.connect(fd, 80), -EISCONN);
  assert.match(String(program.name(fd)), /^127\.0\.0\.1:\d+$/);
  assert.equal(program.name(fd, true), "127.0.0.1:80");
  assert.equal(stateOf(kernel, program, fd), "Connected");
});

test("connect(2) without blocking: EINPROGRESS, EALREADY, POLLOUT, SO_ERROR, 0 once, EISCONN", () => {
  const { kernel, program } = setUp();
  program.listener(80);
  const fd = program.socket(SOCK_STREAM | SOCK_NONBLOCK);
  assert.equal(program.connect(fd, 80), -EINPROGRESS);
  assert.equal(program.connect(fd, 80), -EALREADY);
  assert.equal(program.poll(fd), 0);
  kernel.run();
  assert.equal(program.poll(fd) & POLLOUT, POLLOUT);
  assert.equal(program.socketError(fd), 0);
  assert.equal(program.connect(fd, 80), 0);
  assert.equal(program.connect(fd, 80), -EISCONN);
});

test("a refused connection: ECONNREFUSED from connect(2) or through SO_ERROR, and the socket can try again", () => {
  const { kernel, program } = setUp();
  const fd = program.socket();
  const connecting = program.connect(fd, 80);
  kernel.run();
  assert.equal(result(connecting), -ECONNREFUSED);
  assert.equal(stateOf(kernel, program, fd), "Unbound");
  program.setNonBlocking(fd);
  assert.equal(program.connect(fd, 80), -EINPROGRESS);
  kernel.run();
  const events = program.poll(fd);
  for (const event of [POLLERR, POLLHUP, POLLIN, POLLOUT]) assert.ok((events & event) !== 0, `event ${event}`);
  assert.equal(program.socketError(fd), ECONNREFUSED);
  assert.equal(program.socketError(fd), 0);
  assert.equal(program.connect(fd, 80), -ECONNABORTED, "the error was told already");
  const bound = program.socket();
  program.bind(bound, 5000);
  const again = program.connect(bound, 80);
  kernel.run();
  assert.equal(result(again), -ECONNREFUSED);
  assert.equal(program.name(bound), "0.0.0.0:5000", "what bind() gave stays");
  program.listener(80);
  const third = program.connect(bound, 80);
  kernel.run();
  assert.equal(result(third), 0);
});

test("a connection that nobody answers ends with ETIMEDOUT", () => {
  const { kernel, program } = setUp();
  addBlackHole(kernel);
  const fd = program.socket();
  assert.equal(program.setOption(fd, IPPROTO_TCP, TCP_SYNCNT, 2), 0);
  const connecting = program.connect(fd, 80, OUTSIDE);
  kernel.advance(6900);
  assert.equal(result(connecting), null);
  kernel.advance(200);
  assert.equal(result(connecting), -ETIMEDOUT, "1 + 2 + 4 seconds");
});

test("SO_SNDTIMEO ends a connect(2) with EINPROGRESS, and a second one with EALREADY; a signal with EINTR", () => {
  const { kernel, program } = setUp();
  addBlackHole(kernel);
  const fd = program.socket();
  timeval(program, fd, SO_SNDTIMEO, 200);
  const connecting = program.connect(fd, 80, OUTSIDE);
  kernel.advance(200);
  assert.equal(result(connecting), -EINPROGRESS);
  const again = program.connect(fd, 80, OUTSIDE);
  kernel.advance(200);
  assert.equal(result(again), -EALREADY);
  const other = program.socket();
  const interrupted = program.connect(other, 80, OUTSIDE);
  program.process.signals.setAction(SIGUSR1, { handler: 0x5000, flags: 0, mask: 0n });
  program.process.signals.deliver = () => {};
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(result(interrupted), -EINTR);
});

test("connect(2) with AF_UNSPEC makes a socket new, in every state", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  const [client, server] = program.pair(listener, 80);
  const disconnect = (fd: number): number => program.call(203, fd, program.inet(0, 0, AF_UNSPEC), 16);
  assert.equal(disconnect(client), 0);
  assert.equal(stateOf(kernel, program, client), "Unbound");
  kernel.run();
  assert.equal(program.socketError(server), 104);
  const connecting = program.connect(client, 80);
  kernel.run();
  assert.equal(result(connecting), 0);
  assert.equal(disconnect(listener), 0);
  assert.equal(stateOf(kernel, program, listener), "Bound");
  assert.equal(program.accept(listener), -EINVAL);
  assert.equal(program.listen(listener), 0);
});

test("getsockname(2) and getpeername(2): before, during and after; short rooms and bad addresses", () => {
  const { program } = setUp();
  const fd = program.socket();
  assert.equal(program.name(fd), "0.0.0.0:0");
  assert.equal(program.name(fd, true), -ENOTCONN);
  assert.equal(program.name(program.udp(), true), -ENOTCONN);
  assert.equal(program.call(204, fd, program.scratch, 0), -EFAULT);
  program.memory.writeUint32(program.lengthAt, 16);
  assert.equal(program.call(204, fd, 8, program.lengthAt), -EFAULT);
  program.memory.writeUint32(program.lengthAt, -5);
  assert.equal(program.call(204, fd, program.scratch, program.lengthAt), -EINVAL);
  program.memory.writeUint32(program.lengthAt, 0);
  assert.equal(program.call(204, fd, 0, program.lengthAt), 0, "no room, no address needed");
  assert.equal(program.memory.readUint32(program.lengthAt), 16);
});

test("shutdown(2): what it closes, and what it says where there is nothing to close", () => {
  const { kernel, program } = setUp();
  assert.equal(program.shutdown(program.socket(), SHUT_RDWR), -ENOTCONN);
  assert.equal(program.shutdown(program.udp(), SHUT_RDWR), -ENOTCONN);
  const listener = program.listener(80);
  const [client, server] = program.pair(listener, 80);
  assert.equal(program.shutdown(client, 3), -EINVAL);
  assert.equal(program.shutdown(client, -1), -EINVAL);
  // Half close in one direction …
  assert.equal(program.shutdown(client, SHUT_WR), 0);
  kernel.run();
  assert.equal(program.receive(server), "");
  assert.equal(program.poll(server) & POLLRDHUP, POLLRDHUP);
  assert.equal(program.send(server, "still"), 5);
  kernel.run();
  assert.equal(program.receive(client), "still");
  assert.equal(stateOf(kernel, program, client), "Connected");
  // … and in the other.
  assert.equal(program.shutdown(server, SHUT_WR), 0);
  kernel.run();
  assert.equal(program.receive(client), "");
  assert.equal(program.shutdown(client, SHUT_WR), -ENOTCONN, "both FINs have been seen");

  const [client2, server2] = program.pair(listener, 80);
  assert.equal(program.shutdown(client2, SHUT_RD), 0);
  assert.equal(program.receive(client2), "");
  assert.equal(program.send(client2, "one way"), 7);
  kernel.run();
  assert.equal(program.receive(server2), "one way");
  assert.equal(program.shutdown(client2, SHUT_WR), 0);
  assert.equal(stateOf(kernel, program, client2), "Closing");
});

test("shutdown(2) of a listener wakes accept(2) with EINVAL", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  const accepting = program.accept(listener);
  assert.equal(program.shutdown(listener, SHUT_RD), 0);
  kernel.run();
  assert.equal(result(accepting), -EINVAL);
  assert.equal(stateOf(kernel, program, listener), "Bound");
});

test("a close in another task leaves a waiting accept(2) and recv(2) their socket", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  const client = program.socket();
  const accepting = program.accept(listener);
  assert.equal(program.close(listener), 0);
  assert.equal(program.accept(listener), -EBADF);
  const connecting = program.connect(client, 80);
  kernel.run();
  assert.equal(result(connecting), 0);
  const server = result(accepting) as number;
  assert.equal(server, listener, "its number had become free");
  kernel.run();
  const refused = program.connect(program.socket(), 80);
  kernel.run();
  assert.equal(result(refused), -ECONNREFUSED, "after the call the listener is gone");

  const receiving = program.recv(server, 100);
  program.close(server);
  const reused = program.udp();
  assert.equal(reused, server);
  program.send(client, "late");
  kernel.run();
  assert.equal(result(receiving), 4, "the call goes on with the socket it began with");
  assert.equal(program.text(program.buffer, 4), "late");
  kernel.run();
  assert.equal(program.receive(client), "", "and then it is closed");
});

test("a process that ends gives everything back, also what its waiting calls hold", () => {
  const { kernel, program } = setUp();
  const before = kernel.usage();
  const other = kernel.program();
  const listener = other.listener(80);
  const [client, server] = other.pair(listener, 80);
  other.accept(listener);
  other.recv(client);
  other.recv(server);
  other.process.exit(0);
  kernel.advance(70_000);
  assert.deepEqual(kernel.usage(), before);
  assert.ok(program);
});

test("descriptors of two processes share a socket; the last one closes it", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  const [client, server] = program.pair(listener, 80);
  const child = kernel.program(program);
  program.close(server);
  kernel.run();
  child.send(server, "from the child");
  kernel.run();
  assert.equal(program.receive(client), "from the child");
  child.process.exit(0);
  kernel.run();
  assert.equal(program.receive(client), "");
});
