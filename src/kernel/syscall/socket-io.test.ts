import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EACCES,
  EAFNOSUPPORT,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EDESTADDRREQ,
  EFAULT,
  EINTR,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
} from "../../abi/errno.ts";
import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP } from "../../abi/poll.ts";
import { SIGPIPE, SIGUSR1 } from "../../abi/signal.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  IPPROTO_ICMP,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_BROADCAST,
  SO_LINGER,
  SO_RCVBUF,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_SNDBUF,
  SO_SNDTIMEO,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import { LOOPBACK, NetKernel, type NetProgram, result } from "./socket.fixture.ts";

interface Connected {
  kernel: NetKernel;
  program: NetProgram;
  listener: number;
  client: number;
  server: number;
}

/** `receiveBuffer`: SO_RCVBUF of the listener, which the server's end inherits; 0 leaves it. */
function connected(receiveBuffer = 0): Connected {
  const kernel = new NetKernel();
  const program = kernel.program();
  const listener = program.listener(80);
  if (receiveBuffer > 0) program.setOption(listener, SOL_SOCKET, SO_RCVBUF, receiveBuffer);
  const [client, server] = program.pair(listener, 80);
  return { kernel, program, listener, client, server };
}

function setTimeval(program: NetProgram, fd: number, name: number, milliseconds: number): void {
  program.memory.writeInt64(program.scratch, Math.floor(milliseconds / 1000));
  program.memory.writeInt64(program.scratch + 8, (milliseconds % 1000) * 1000);
  assert.equal(program.call(208, fd, SOL_SOCKET, name, program.scratch, 16), 0);
}

function setLinger(program: NetProgram, fd: number, on: number, seconds: number): void {
  program.memory.writeUint32(program.scratch, on);
  program.memory.writeUint32(program.scratch + 4, seconds);
  assert.equal(program.call(208, fd, SOL_SOCKET, SO_LINGER, program.scratch, 8), 0);
}

/** Counts what SIGPIPE did instead of ending the process. */
function catchSigpipe(program: NetProgram): () => number[] {
  const caught: number[] = [];
  program.process.signals.setAction(SIGPIPE, { handler: 0x5000, flags: 0, mask: 0n });
  program.process.signals.deliver = (signal) => caught.push(signal);
  // Handlers run in the kernel's next turn.
  return () => {
    program.kernel.run();
    return caught;
  };
}

/** Sends without waiting until the connection takes no more; how many bytes it took. */
function fill(program: NetProgram, kernel: NetKernel, fd: number): number {
  let sent = 0;
  for (;;) {
    const taken = program.start(206, fd, program.buffer, 0x1_0000, MSG_DONTWAIT, 0, 0) as number;
    if (taken < 0) {
      assert.equal(taken, -EAGAIN);
      return sent;
    }
    sent += taken;
    kernel.run();
  }
}

test("send(2) and recv(2): bad addresses, bad states", () => {
  const { program, client, listener } = connected();
  assert.equal(program.call(206, client, 0, 5, 0, 0, 0), -EFAULT);
  assert.equal(program.call(206, client, 0x7fff_0000, 5, 0, 0, 0), -EFAULT);
  assert.equal(program.call(206, client, program.buffer, -1, 0, 0, 0), -EFAULT);
  assert.equal(program.call(207, client, 0, 5, 0, 0, 0), -EFAULT);
  assert.equal(program.call(206, client, 0, 0, 0, 0, 0), 0, "nothing to send, no address needed");
  const fresh = program.socket();
  assert.equal(program.recv(fresh), -ENOTCONN);
  assert.equal(program.recv(listener), -ENOTCONN);
  assert.equal(program.send(fresh, "x", MSG_NOSIGNAL), -EPIPE, "as Linux says of a stream that is not connected");
  assert.equal(program.send(listener, "x", MSG_NOSIGNAL), -EPIPE);
  assert.equal(program.send(client, "x", MSG_OOB), -EOPNOTSUPP);
  assert.equal(program.recv(client, 1, MSG_OOB), -EINVAL);
  assert.equal(program.recv(client, 1, MSG_ERRQUEUE), -EAGAIN);
  assert.equal(program.recv(client, 1, MSG_DONTWAIT), -EAGAIN);
});

test("recv(2) waits for bytes, for a time, or for a signal", () => {
  const { kernel, program, client, server } = connected();
  const receiving = program.recv(client);
  assert.equal(result(receiving), null);
  program.send(server, "here");
  kernel.run();
  assert.equal(result(receiving), 4);
  setTimeval(program, client, SO_RCVTIMEO, 250);
  const timed = program.recv(client);
  kernel.advance(249);
  assert.equal(result(timed), null);
  kernel.advance(1);
  assert.equal(result(timed), -EAGAIN);
  setTimeval(program, client, SO_RCVTIMEO, 0);
  const interrupted = program.recv(client);
  program.process.signals.setAction(SIGUSR1, { handler: 0x5000, flags: 0, mask: 0n });
  program.process.signals.deliver = () => {};
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(result(interrupted), -EINTR);
});

test("MSG_PEEK looks, MSG_WAITALL waits for all, MSG_TRUNC throws away, SO_RCVLOWAT holds back", () => {
  const { kernel, program, client, server } = connected();
  program.send(server, "abcdef");
  kernel.advance(300);
  assert.equal(program.receive(client, 3, MSG_PEEK), "abc");
  assert.equal(program.receive(client, 3), "abc");
  assert.equal(program.recv(client, 2, MSG_TRUNC), 2);
  assert.equal(program.receive(client, 10), "f");

  const all = program.recv(client, 8, MSG_WAITALL);
  program.send(server, "123");
  kernel.advance(300);
  assert.equal(result(all), null);
  program.send(server, "4567890");
  kernel.advance(300);
  assert.equal(result(all), 8);
  assert.equal(program.text(program.buffer, 8), "12345678");
  assert.equal(program.receive(client), "90");

  const peekAll = program.recv(client, 4, MSG_PEEK | MSG_WAITALL);
  program.send(server, "wx");
  kernel.advance(300);
  assert.equal(result(peekAll), null);
  program.send(server, "yz");
  kernel.advance(300);
  assert.equal(result(peekAll), 4);
  assert.equal(program.receive(client), "wxyz");

  program.setOption(client, SOL_SOCKET, SO_RCVLOWAT, 4);
  program.send(server, "abc");
  kernel.advance(300);
  assert.equal(program.poll(client) & POLLIN, 0);
  const lowWater = program.recv(client, 100);
  kernel.advance(300);
  assert.equal(result(lowWater), null);
  program.send(server, "de");
  kernel.advance(300);
  assert.equal(result(lowWater), 5);

  const ended = program.recv(client, 100, MSG_WAITALL);
  program.send(server, "last");
  program.shutdown(server, SHUT_WR);
  kernel.advance(300);
  assert.equal(result(ended), 4, "the end cuts MSG_WAITALL short");
});

test("a full send buffer: EAGAIN without waiting, waiting until all is taken, SO_SNDTIMEO", () => {
  const { kernel, program, client, server } = connected(8192);
  program.setOption(client, SOL_SOCKET, SO_SNDBUF, 8192);
  const sent = fill(program, kernel, client);
  assert.ok(sent > 0 && sent < 200_000, `${sent} bytes`);
  assert.equal(program.poll(client) & POLLOUT, 0);
  setTimeval(program, client, SO_SNDTIMEO, 100);
  const timed = program.start(206, client, program.buffer, 1000, 0, 0, 0);
  kernel.advance(100);
  assert.equal(result(timed), -EAGAIN);
  setTimeval(program, client, SO_SNDTIMEO, 0);
  const waiting = program.start(206, client, program.buffer, 60_000, 0, 0, 0);
  kernel.run();
  assert.equal(result(waiting), null);
  let received = 0;
  while (received < sent + 60_000) {
    const got = program.start(207, server, program.buffer, 0x1_0000, MSG_DONTWAIT, 0, 0) as number;
    if (got > 0) received += got;
    else assert.equal(got, -EAGAIN);
    kernel.advance(300);
  }
  assert.equal(result(waiting), 60_000);
  assert.equal(received, sent + 60_000);
  assert.equal(program.poll(client) & POLLOUT, POLLOUT);
});

test("a process that ends, or a peer, leaves a waiting send(2) with what it has moved", () => {
  const { kernel, program, client, server } = connected();
  program.setOption(client, SOL_SOCKET, SO_SNDBUF, 4096);
  fill(program, kernel, client);
  const caught = catchSigpipe(program);
  const waiting = program.start(206, client, program.buffer, 50_000, 0, 0, 0);
  kernel.run();
  setLinger(program, server, 1, 0);
  program.close(server);
  kernel.run();
  const moved = result(waiting) as number;
  // Nothing of this call had gone: it is told what happened. Otherwise it tells its bytes, and the next call the error.
  if (moved >= 0) assert.equal(program.send(client, "x"), -ECONNRESET);
  else assert.equal(moved, -ECONNRESET);
  assert.deepEqual(caught(), []);
  assert.equal(program.send(client, "x"), -EPIPE);
  assert.deepEqual(caught(), [SIGPIPE]);
});

test("a reset: the bytes before it, ECONNRESET once, then the end; EPIPE and SIGPIPE, or MSG_NOSIGNAL", () => {
  const { kernel, program, client, server } = connected();
  program.send(server, "before");
  kernel.run();
  setLinger(program, server, 1, 0);
  assert.equal(program.close(server), 0);
  kernel.run();
  const events = program.poll(client);
  for (const event of [POLLIN, POLLERR, POLLHUP, POLLRDHUP]) assert.ok((events & event) !== 0, `event ${event}`);
  assert.equal(program.receive(client), "before");
  assert.equal(program.recv(client), -ECONNRESET);
  assert.equal(program.recv(client), 0);
  assert.equal(program.name(client, true), -ENOTCONN);
  const caught = catchSigpipe(program);
  assert.equal(program.send(client, "x", MSG_NOSIGNAL), -EPIPE);
  assert.deepEqual(caught(), []);
  assert.equal(program.send(client, "x"), -EPIPE);
  assert.deepEqual(caught(), [SIGPIPE]);
  program.memory.bytes[program.buffer] = 65;
  assert.equal(program.call(64, client, program.buffer, 1), -EPIPE);
  assert.deepEqual(caught(), [SIGPIPE, SIGPIPE]);
  program.process.signals.setAction(SIGPIPE, { handler: 0, flags: 0, mask: 0n });
  program.send(client, "x");
  assert.equal(program.process.hasExited, true, "by default SIGPIPE ends the process");
  assert.equal(program.process.status, SIGPIPE);
});

test("after the peer's FIN, a reset is news for send(2) only", () => {
  const { kernel, program, client, server } = connected();
  program.close(server);
  kernel.run();
  assert.equal(program.send(client, "too late"), 8);
  kernel.advance(100);
  assert.equal(program.poll(client) & POLLERR, POLLERR);
  assert.equal(program.recv(client), 0);
  const caught = catchSigpipe(program);
  assert.equal(program.send(client, "x"), -EPIPE);
  assert.deepEqual(caught(), [SIGPIPE]);
});

test("closing with bytes unread resets the peer", () => {
  const { kernel, program, client, server } = connected();
  program.send(client, "nobody reads this");
  kernel.run();
  program.close(server);
  kernel.run();
  assert.equal(program.recv(client), -ECONNRESET);
});

test("writing after shutdown(2) is EPIPE, reading after it the end, also for a call that waits", () => {
  const { kernel, program, client, server } = connected();
  const caught = catchSigpipe(program);
  program.shutdown(client, SHUT_WR);
  assert.equal(program.send(client, "x"), -EPIPE);
  assert.deepEqual(caught(), [SIGPIPE]);
  const receiving = program.recv(server);
  kernel.run();
  assert.equal(result(receiving), 0);
  const waiting = program.recv(client);
  program.shutdown(client, SHUT_RD);
  kernel.run();
  assert.equal(result(waiting), 0);
});

test("MSG_MORE and read(2), write(2), readv(2), writev(2) on a socket", () => {
  const { kernel, program, client, server } = connected();
  program.send(client, "one ", MSG_MORE);
  kernel.run();
  assert.equal(program.recv(server, 10, MSG_DONTWAIT), -EAGAIN, "held back for company");
  program.send(client, "two");
  kernel.run();
  assert.equal(program.receive(server), "one two");
  const at = program.put("headbody");
  const vector = program.place(32);
  program.memory.writeInt64(vector, at);
  program.memory.writeInt64(vector + 8, 4);
  program.memory.writeInt64(vector + 16, at + 4);
  program.memory.writeInt64(vector + 24, 4);
  assert.equal(program.call(66, client, vector, 2), 8);
  assert.equal(program.call(64, client, at, 4), 4);
  kernel.advance(300);
  assert.equal(program.call(63, server, program.buffer, 5), 5);
  assert.equal(program.text(program.buffer, 5), "headb");
  program.memory.bytes.fill(0, at, at + 8);
  assert.equal(program.call(65, server, vector, 2), 7);
  assert.equal(program.text(at, 7), "odyhead");
});

test("close(2) with SO_LINGER waits for the peer's acknowledgment, at most the linger time", () => {
  const { kernel, program, client, server } = connected(4096);
  fill(program, kernel, client);
  setLinger(program, client, 1, 5);
  const closing = program.close(client);
  kernel.advance(2000);
  assert.equal(result(closing), null, "the peer does not read");
  assert.equal(program.recv(client), -9, "the descriptor is free at once");
  let end = -1;
  for (let turns = 0; turns < 500 && end !== 0; turns++) {
    end = program.start(207, server, program.buffer, 0x1_0000, MSG_DONTWAIT, 0, 0) as number;
    kernel.advance(5);
  }
  assert.equal(end, 0, "everything arrived, and the FIN");
  assert.equal(result(closing), 0);

  const other = connected(4096);
  fill(other.program, other.kernel, other.client);
  setLinger(other.program, other.client, 1, 3);
  const late = other.program.close(other.client);
  other.kernel.advance(2999);
  assert.equal(result(late), null);
  other.kernel.advance(1);
  assert.equal(result(late), 0, "as Linux: 0, and the rest goes on in the background");
  const exiting = connected();
  fill(exiting.program, exiting.kernel, exiting.client);
  setLinger(exiting.program, exiting.client, 1, 3);
  exiting.program.process.exit(0);
  assert.equal(exiting.kernel.openFiles.current, 0, "the end of a process does not wait");
});

test("close(2) with SO_LINGER does not wait on a socket that does not wait, nor when there is nothing to deliver", () => {
  const { kernel, program, client, server } = connected();
  fill(program, kernel, client);
  setLinger(program, client, 1, 5);
  program.setNonBlocking(client);
  assert.equal(program.close(client), 0);
  setLinger(program, server, 1, 5);
  program.call(24, server, 20, 0);
  assert.equal(program.close(server), 0, "another descriptor holds it");
});

test("UDP: datagrams with their sender, cut ones, several at once, none", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const server = program.udp();
  assert.equal(program.bind(server, 53), 0);
  const client = program.udp();
  assert.equal(program.sendTo(client, "question", 53), 8);
  kernel.run();
  program.memory.writeUint32(program.lengthAt, 16);
  assert.equal(program.call(207, server, program.buffer, 100, 0, program.scratch, program.lengthAt), 8);
  assert.equal(program.memory.readUint32(program.lengthAt), 16);
  const port = Number(program.addressAt(program.scratch).split(":")[1]);
  assert.equal(program.name(client), `0.0.0.0:${port}`);
  assert.equal(program.sendTo(server, "a long answer", port), 13);
  kernel.run();
  assert.equal(program.receive(client, 6, MSG_PEEK), "a long");
  assert.equal(program.recv(client, 6, MSG_PEEK | MSG_TRUNC), 13);
  assert.equal(program.receive(client, 6), "a long");
  assert.equal(program.recv(client, 6, MSG_DONTWAIT), -EAGAIN, "the rest of a datagram is lost");
  assert.equal(program.sendTo(server, "", port), 0);
  kernel.run();
  assert.equal(program.poll(client) & POLLIN, POLLIN);
  assert.equal(program.receive(client), "", "an empty datagram is one");
  const waiting = program.recv(client);
  program.sendTo(server, "woken", port);
  kernel.run();
  assert.equal(result(waiting), 5);
});

test("UDP: every error of sendto(2)", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const fd = program.udp();
  assert.equal(program.send(fd, "x"), -EDESTADDRREQ);
  assert.equal(program.sendTo(fd, "x", 0), -EINVAL);
  assert.equal(program.call(206, fd, program.buffer, 1, 0, program.inet(LOOPBACK, 9), 15), -EINVAL);
  assert.equal(program.call(206, fd, program.buffer, 1, 0, program.inet(LOOPBACK, 9), 200), -EINVAL);
  assert.equal(program.call(206, fd, program.buffer, 1, 0, 16, 16), -EFAULT);
  assert.equal(program.call(206, fd, program.buffer, 1, 0, program.inet(LOOPBACK, 9, AF_INET6), 16), -EAFNOSUPPORT);
  assert.equal(program.call(206, fd, program.buffer, 65_508, 0, program.inet(LOOPBACK, 9), 16), -EMSGSIZE);
  assert.equal(program.call(206, fd, program.buffer, 65_507, 0, program.inet(LOOPBACK, 9), 16), 65_507);
  assert.equal(program.sendTo(fd, "x", 9, 0x0a00_0207), -ENETUNREACH);
  assert.equal(program.sendTo(fd, "x", 9, LOOPBACK, MSG_OOB), -EOPNOTSUPP);
  const device = {
    mtu: 1500,
    linkType: "loopback" as const,
    transmit: (frame: number) => kernel.arena.freeFrame(frame),
    attach() {},
  };
  kernel.attach("eth0", device, 0x0a00_020f);
  const other = program.udp();
  assert.equal(program.sendTo(other, "x", 9, 0x0a00_02ff), -EACCES);
  assert.equal(program.connect(other, 9, 0x0a00_02ff), -EACCES);
  program.setOption(other, SOL_SOCKET, SO_BROADCAST, 1);
  assert.equal(program.sendTo(other, "x", 9, 0x0a00_02ff), 1);
});

test("UDP: connected sockets hear their peer only, send without an address, and learn of closed ports", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const server = program.udp();
  program.bind(server, 7000, LOOPBACK);
  const client = program.udp();
  assert.equal(program.connect(client, 7000), 0);
  assert.equal(program.name(client, true), "127.0.0.1:7000");
  const port = Number(String(program.name(client)).split(":")[1]);
  const stranger = program.udp();
  program.sendTo(stranger, "not for you", port);
  program.sendTo(server, "for you", port);
  kernel.run();
  assert.equal(program.receive(client), "for you");
  assert.equal(program.recv(client, 10, MSG_DONTWAIT), -EAGAIN);
  assert.equal(program.send(client, "to the peer"), 11);
  kernel.run();
  assert.equal(program.receive(server), "to the peer");
  program.close(server);
  const waiting = program.recv(client);
  assert.equal(program.send(client, "anyone?"), 7);
  kernel.run();
  assert.equal(result(waiting), -ECONNREFUSED);
  program.send(client, "anyone?");
  kernel.run();
  assert.equal(program.poll(client) & POLLERR, POLLERR);
  assert.equal(program.send(client, "x"), -ECONNREFUSED);
  program.send(client, "anyone?");
  kernel.run();
  assert.equal(program.socketError(client), ECONNREFUSED);
  assert.equal(program.call(203, client, program.inet(0, 0, AF_UNSPEC), 16), 0);
  assert.equal(program.name(client, true), -ENOTCONN);
  assert.equal(program.send(client, "x"), -EDESTADDRREQ);
  assert.equal(program.name(client), "0.0.0.0:0", "connect() had chosen the port");
  program.bind(client, port);
  program.connect(client, 7000);
  program.call(203, client, program.inet(0, 0, AF_UNSPEC), 16);
  program.sendTo(stranger, "now it is", port);
  kernel.run();
  assert.equal(program.receive(client), "now it is");
  assert.equal(program.sendTo(stranger, "x", 7000), 1);
  kernel.run();
  assert.equal(program.socketError(stranger), 0, "an unconnected one is told nothing");
});

test("UDP: shutdown(2) ends a waiting recv(2), and sending", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const fd = program.udp();
  program.connect(fd, 9);
  const waiting = program.recv(fd);
  assert.equal(program.shutdown(fd, SHUT_RDWR), 0);
  kernel.run();
  assert.equal(result(waiting), 0);
  const caught = catchSigpipe(program);
  assert.equal(program.send(fd, "x"), -EPIPE);
  assert.deepEqual(caught(), [], "SIGPIPE is for streams");
});

test("UDP: a receive buffer that is full drops what comes, and the queue stays bounded", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const server = program.udp();
  program.bind(server, 7000);
  program.setOption(server, SOL_SOCKET, SO_RCVBUF, 8192);
  const client = program.udp();
  for (let k = 0; k < 200; k++) {
    program.sendTo(client, "x".repeat(500), 7000);
    kernel.run();
  }
  let got = 0;
  while ((program.recv(server, 1000, MSG_DONTWAIT) as number) > 0) got++;
  assert.ok(got > 5 && got < 40, `${got} datagrams`);
});

test("ping sockets: an echo request out, its reply in, under an identifier of their own", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const fd = program.call(198, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  const request = Uint8Array.from([8, 0, 0, 0, 0xab, 0xcd, 0, 1, 104, 105]);
  program.memory.bytes.set(request, program.buffer);
  assert.equal(program.call(206, fd, program.buffer, request.length, 0, program.inet(LOOPBACK, 0), 16), 10);
  kernel.run();
  assert.equal(program.recv(fd), 10);
  const reply = program.memory.bytes.slice(program.buffer, program.buffer + 10);
  assert.equal(reply[0], 0, "echo reply");
  assert.equal(`127.0.0.1:${0}`, "127.0.0.1:0");
  assert.equal(String(program.name(fd)).split(":")[1], String(((reply[4] as number) << 8) | (reply[5] as number)));
  assert.deepEqual([...reply.slice(6)], [0, 1, 104, 105]);
  program.memory.bytes[program.buffer] = 13;
  assert.equal(program.call(206, fd, program.buffer, 10, 0, program.inet(LOOPBACK, 0), 16), -EINVAL);
  program.memory.bytes[program.buffer] = 8;
  assert.equal(program.call(206, fd, program.buffer, 7, 0, program.inet(LOOPBACK, 0), 16), -EINVAL);
});
