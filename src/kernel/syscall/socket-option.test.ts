import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EADDRNOTAVAIL,
  EDOM,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOPROTOOPT,
  ENOTCONN,
  ENOTTY,
  EPERM,
} from "../../abi/errno.ts";
import { FIONREAD } from "../../abi/file.ts";
import {
  AF_INET,
  AF_UNIX,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_RECVERR,
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SO_ACCEPTCONN,
  SO_BROADCAST,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVLOWAT,
  SO_RCVTIMEO,
  SO_REUSEADDR,
  SO_SNDBUF,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_CONGESTION,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_QUICKACK,
  TCP_USER_TIMEOUT,
} from "../../abi/socket.ts";
import { NetKernel, type NetProgram } from "./socket.fixture.ts";

function setUp(): { kernel: NetKernel; program: NetProgram } {
  const kernel = new NetKernel();
  return { kernel, program: kernel.program() };
}

test("setsockopt(2) and getsockopt(2): their own errors", () => {
  const { program } = setUp();
  const fd = program.socket();
  assert.equal(program.call(208, fd, SOL_SOCKET, SO_REUSEADDR, program.scratch, -1), -EINVAL);
  assert.equal(program.call(208, fd, SOL_SOCKET, SO_REUSEADDR, program.scratch, 3), -EINVAL);
  assert.equal(program.call(208, fd, SOL_SOCKET, SO_REUSEADDR, 16, 4), -EFAULT);
  assert.equal(program.call(209, fd, SOL_SOCKET, SO_TYPE, program.scratch, 0), -EFAULT);
  program.memory.writeUint32(program.lengthAt, -1);
  assert.equal(program.call(209, fd, SOL_SOCKET, SO_TYPE, program.scratch, program.lengthAt), -EINVAL);
  program.memory.writeUint32(program.lengthAt, 4);
  assert.equal(program.call(209, fd, SOL_SOCKET, SO_TYPE, 16, program.lengthAt), -EFAULT);
  assert.equal(program.setOption(fd, SOL_SOCKET, 200, 1), -ENOPROTOOPT);
  assert.equal(program.getOption(fd, SOL_SOCKET, 200), -ENOPROTOOPT);
  assert.equal(program.setOption(fd, 250, 1, 1), -ENOPROTOOPT);
  assert.equal(program.setOption(fd, 41, 26, 1), -ENOPROTOOPT, "IPV6_V6ONLY has its place in AF_INET6");
  for (const name of [SO_TYPE, SO_PROTOCOL, SO_DOMAIN, SO_ERROR, SO_ACCEPTCONN, SO_SNDLOWAT]) {
    assert.equal(program.setOption(fd, SOL_SOCKET, name, 1), -ENOPROTOOPT, `option ${name}`);
  }
});

test("what a socket is: SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN", () => {
  const { program } = setUp();
  const kinds: [number, number, number][] = [
    [AF_INET, SOCK_STREAM, IPPROTO_TCP],
    [AF_INET, SOCK_DGRAM, IPPROTO_UDP],
    [AF_UNIX, SOCK_STREAM, 0],
  ];
  for (const [domain, type, protocol] of kinds) {
    const fd = program.call(198, domain, type, 0);
    assert.equal(program.getOption(fd, SOL_SOCKET, SO_DOMAIN), domain);
    assert.equal(program.getOption(fd, SOL_SOCKET, SO_TYPE), type);
    assert.equal(program.getOption(fd, SOL_SOCKET, SO_PROTOCOL), protocol);
    assert.equal(program.getOption(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
  }
  assert.equal(program.getOption(program.listener(80), SOL_SOCKET, SO_ACCEPTCONN), 1);
});

test("buffer sizes are doubled and kept within Linux's bounds", () => {
  const { program } = setUp();
  const fd = program.socket();
  assert.equal(program.getOption(fd, SOL_SOCKET, SO_SNDBUF), 16_384);
  assert.equal(program.getOption(fd, SOL_SOCKET, SO_RCVBUF), 131_072);
  assert.equal(program.getOption(program.udp(), SOL_SOCKET, SO_RCVBUF), 212_992);
  for (const name of [SO_SNDBUF, SO_RCVBUF]) {
    program.setOption(fd, SOL_SOCKET, name, 50_000);
    assert.equal(program.getOption(fd, SOL_SOCKET, name), 100_000);
    program.setOption(fd, SOL_SOCKET, name, 10_000_000);
    assert.equal(program.getOption(fd, SOL_SOCKET, name), 425_984);
    program.setOption(fd, SOL_SOCKET, name, -1);
    assert.equal(program.getOption(fd, SOL_SOCKET, name), 425_984);
    program.setOption(fd, SOL_SOCKET, name, 0);
    assert.equal(program.getOption(fd, SOL_SOCKET, name), name === SO_SNDBUF ? 4608 : 2304);
  }
});

test("flags of SOL_SOCKET keep what they are set to", () => {
  const { program } = setUp();
  const fd = program.socket();
  for (const name of [SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST]) {
    assert.equal(program.getOption(fd, SOL_SOCKET, name), 0);
    assert.equal(program.setOption(fd, SOL_SOCKET, name, 77), 0);
    assert.equal(program.getOption(fd, SOL_SOCKET, name), 1);
  }
  assert.equal(program.getOption(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
  program.setOption(fd, SOL_SOCKET, SO_RCVLOWAT, -1);
  assert.equal(program.getOption(fd, SOL_SOCKET, SO_RCVLOWAT), 0x7fffffff);
});

test("timeouts are struct timeval, SO_LINGER struct linger", () => {
  const { program } = setUp();
  const fd = program.socket();
  const at = program.scratch;
  const put = (seconds: number, microseconds: number, name: number, length = 16): number => {
    program.memory.writeInt64(at, seconds);
    program.memory.writeInt64(at + 8, microseconds);
    return program.call(208, fd, SOL_SOCKET, name, at, length);
  };
  for (const name of [SO_RCVTIMEO, SO_SNDTIMEO]) {
    assert.equal(put(1, 0, name, 8), -EINVAL);
    assert.equal(put(1, 1_000_000, name), -EDOM);
    assert.equal(put(1, -1, name), -EDOM);
    assert.equal(put(2, 345_678, name), 0);
    program.memory.writeUint32(program.lengthAt, 16);
    program.memory.bytes.fill(0, at, at + 16);
    assert.equal(program.call(209, fd, SOL_SOCKET, name, at, program.lengthAt), 0);
    assert.equal(program.memory.readInt64(at), 2);
    assert.equal(program.memory.readInt64(at + 8), 345_678);
  }
  program.memory.writeUint32(at, 1);
  program.memory.writeUint32(at + 4, 30);
  assert.equal(program.call(208, fd, SOL_SOCKET, SO_LINGER, at, 4), -EINVAL);
  assert.equal(program.call(208, fd, SOL_SOCKET, SO_LINGER, at, 8), 0);
  program.memory.bytes.fill(0, at, at + 8);
  program.memory.writeUint32(program.lengthAt, 8);
  program.call(209, fd, SOL_SOCKET, SO_LINGER, at, program.lengthAt);
  assert.deepEqual([program.memory.readInt32(at), program.memory.readInt32(at + 4)], [1, 30]);
});

test("options of IPPROTO_IP, a single byte among them", () => {
  const { kernel, program } = setUp();
  const fd = program.socket();
  assert.equal(program.getOption(fd, IPPROTO_IP, IP_TTL), 64);
  assert.equal(program.setOption(fd, IPPROTO_IP, IP_TTL, 0), -EINVAL);
  assert.equal(program.setOption(fd, IPPROTO_IP, IP_TTL, 256), -EINVAL);
  assert.equal(program.setOption(fd, IPPROTO_IP, IP_TTL, 5, 1), 0);
  assert.equal(program.getOption(fd, IPPROTO_IP, IP_TTL), 5);
  program.memory.writeUint32(program.lengthAt, 1);
  assert.equal(program.call(209, fd, IPPROTO_IP, IP_TTL, program.scratch, program.lengthAt), 0);
  assert.equal(program.memory.readUint32(program.lengthAt), 1);
  assert.equal(program.setOption(fd, IPPROTO_IP, IP_TTL, -1), 0);
  assert.equal(program.getOption(fd, IPPROTO_IP, IP_TTL), 64);
  program.setOption(fd, IPPROTO_IP, IP_TOS, 0x13);
  assert.equal(program.getOption(fd, IPPROTO_IP, IP_TOS), 0x10, "a stream's congestion bits are TCP's own");
  assert.equal(program.setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, 9), -EINVAL);
  assert.equal(program.setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, 2), 0);
  assert.equal(program.setOption(fd, IPPROTO_IP, IP_RECVERR, 1), 0);
  assert.equal(program.getOption(fd, IPPROTO_IP, IP_MTU), -ENOTCONN);
  assert.equal(program.setOption(fd, IPPROTO_IP, 200, 1), -ENOPROTOOPT);
  const [client] = program.pair(program.listener(80), 80);
  assert.equal(program.getOption(client, IPPROTO_IP, IP_MTU), 65_535);
  kernel.run();
});

test("options of IPPROTO_TCP: bounds, and what reaches the connection", () => {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  program.setOption(listener, IPPROTO_TCP, TCP_NODELAY, 1);
  const [client, server] = program.pair(listener, 80);
  assert.equal(program.getOption(server, IPPROTO_TCP, TCP_NODELAY), 1, "inherited from the listener");
  assert.equal(program.getOption(client, IPPROTO_TCP, TCP_NODELAY), 0);
  const bounds: [number, number, number][] = [
    [TCP_KEEPIDLE, 1, 32_767],
    [TCP_KEEPINTVL, 1, 32_767],
    [TCP_KEEPCNT, 1, 127],
    [TCP_MAXSEG, 88, 32_767],
  ];
  const fresh = program.socket();
  for (const [name, least, most] of bounds) {
    assert.equal(program.setOption(fresh, IPPROTO_TCP, name, least - 1), -EINVAL, `option ${name}`);
    assert.equal(program.setOption(fresh, IPPROTO_TCP, name, most + 1), -EINVAL);
    assert.equal(program.setOption(fresh, IPPROTO_TCP, name, most), 0);
    assert.equal(program.getOption(fresh, IPPROTO_TCP, name), most);
    assert.equal(program.setOption(fresh, IPPROTO_TCP, name, least), 0);
  }
  assert.equal(program.setOption(fresh, IPPROTO_TCP, TCP_NODELAY, 1, 3), -EINVAL);
  assert.equal(program.setOption(fresh, IPPROTO_TCP, TCP_USER_TIMEOUT, -1), -EINVAL);
  assert.equal(program.setOption(fresh, IPPROTO_TCP, TCP_INFO, 1), -ENOPROTOOPT);
  assert.equal(program.setOption(fresh, IPPROTO_TCP, 99, 1), -ENOPROTOOPT);
  assert.equal(program.setOption(program.udp(), IPPROTO_TCP, TCP_NODELAY, 1), -ENOPROTOOPT);
  for (const name of [TCP_CORK, TCP_QUICKACK, TCP_USER_TIMEOUT, TCP_DEFER_ACCEPT]) {
    assert.equal(program.setOption(client, IPPROTO_TCP, name, 1), 0);
    assert.equal(program.getOption(client, IPPROTO_TCP, name), 1);
  }
  program.setOption(client, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
  assert.equal(program.getOption(client, IPPROTO_TCP, TCP_DEFER_ACCEPT), 7, "1 + 2 + 4 seconds");
  const connection = [...kernel.net.tcp.connections()].find((one) => one.remotePort === 80);
  assert.equal(connection?.options.cork, true);
  assert.equal(connection?.options.userTimeoutMilliseconds, 1);
});

test("TCP_CONGESTION is a name, TCP_MAXSEG the connection's, TCP_INFO Linux's structure", () => {
  const { kernel, program } = setUp();
  const [client, server] = program.pair(program.listener(80), 80);
  program.memory.writeUint32(program.lengthAt, 64);
  assert.equal(program.call(209, client, IPPROTO_TCP, TCP_CONGESTION, program.scratch, program.lengthAt), 0);
  assert.equal(program.memory.readUint32(program.lengthAt), 16);
  assert.equal(program.text(program.scratch, 6), "cubic\0");
  const name = program.put("cubic");
  assert.equal(program.call(208, client, IPPROTO_TCP, TCP_CONGESTION, name, 5), 0);
  assert.equal(program.call(208, client, IPPROTO_TCP, TCP_CONGESTION, program.put("vegas"), 5), -ENOENT);
  assert.equal(program.getOption(program.socket(), IPPROTO_TCP, TCP_MAXSEG), 536);
  assert.ok(program.getOption(client, IPPROTO_TCP, TCP_MAXSEG) > 60_000);
  program.send(client, "hello");
  kernel.advance(100);
  const info = (fd: number): DataView => {
    program.memory.writeUint32(program.lengthAt, 512);
    assert.equal(program.call(209, fd, IPPROTO_TCP, TCP_INFO, program.scratch, program.lengthAt), 0);
    assert.equal(program.memory.readUint32(program.lengthAt), 248);
    return new DataView(program.memory.bytes.slice(program.scratch, program.scratch + 248).buffer);
  };
  const ours = info(client);
  assert.equal(ours.getUint8(0), 1, "TCP_ESTABLISHED");
  assert.equal(ours.getUint8(5) & 7, 7, "timestamps, SACK and window scaling");
  assert.ok(ours.getUint32(8, true) >= 200_000, "the retransmission timeout in microseconds");
  assert.ok(ours.getUint32(80, true) >= 1, "the congestion window in segments");
  assert.equal(info(server).getBigUint64(128, true), 5n, "bytes received");
  assert.equal(info(program.socket()).getUint8(0), 7, "TCP_CLOSE");
  program.memory.writeUint32(program.lengthAt, 8);
  program.memory.bytes.fill(0xee, program.scratch, program.scratch + 16);
  program.call(209, client, IPPROTO_TCP, TCP_INFO, program.scratch, program.lengthAt);
  assert.equal(program.memory.readUint32(program.lengthAt), 8);
  assert.equal(program.memory.bytes[program.scratch + 8], 0xee, "cut at the caller's room");
});

test("ioctl(2): bytes to read, the interfaces, and no changes to them", () => {
  const { kernel, program } = setUp();
  const [client, server] = program.pair(program.listener(80), 80);
  program.send(client, "seven b");
  kernel.run();
  const at = program.scratch;
  assert.equal(program.call(29, server, FIONREAD, at), 0);
  assert.equal(program.memory.readInt32(at), 7);
  assert.equal(program.call(29, server, FIONREAD, 8), -EFAULT);
  const ask = (request: number, name: string): number => {
    program.memory.bytes.fill(0, at, at + 40);
    program.memory.bytes.set(new TextEncoder().encode(name), at);
    return program.call(29, client, request, at);
  };
  assert.equal(ask(0x8915, "lo"), 0);
  assert.equal(program.addressAt(at + 16), "127.0.0.1:0");
  assert.equal(ask(0x8913, "lo"), 0);
  assert.equal(program.memory.readUint16(at + 16), 0x49, "UP, LOOPBACK, RUNNING");
  assert.equal(ask(0x891b, "lo"), 0);
  assert.equal(program.addressAt(at + 16), "255.0.0.0:0");
  assert.equal(ask(0x8921, "lo"), 0);
  assert.equal(program.memory.readInt32(at + 16), 65_536);
  assert.equal(ask(0x8933, "lo"), 0);
  assert.equal(program.memory.readInt32(at + 16), 1);
  assert.equal(ask(0x8927, "lo"), 0);
  assert.equal(program.memory.readUint16(at + 16), 772);
  assert.equal(ask(0x8915, "nope0"), -ENODEV);
  assert.equal(ask(0x8916, "lo"), -EPERM);
  assert.equal(ask(0x5401, "lo"), -ENOTTY);
  program.memory.bytes.fill(0, at, at + 40);
  program.memory.writeUint32(at + 16, 1);
  assert.equal(program.call(29, client, 0x8910, at), 0);
  assert.equal(program.text(at, 3), "lo\0");
  const list = program.place(80);
  program.memory.writeUint32(at, 80);
  program.memory.writeInt64(at + 8, list);
  assert.equal(program.call(29, client, 0x8912, at), 0);
  assert.equal(program.memory.readInt32(at), 40);
  assert.equal(program.text(list, 2), "lo");
  kernel.attach("bare0", { mtu: 1500, linkType: "loopback", transmit() {}, attach() {} }, 0x0a000001);
  (kernel.net.interfaces[1]?.addresses as unknown[]).length = 0;
  assert.equal(ask(0x8915, "bare0"), -EADDRNOTAVAIL);
});

test("an accepted connection's options are its own from its first change on, and its listener's too", () => {
  const { program } = setUp();
  const listener = program.listener(80);
  program.setOption(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
  const [client, server] = program.pair(listener, 80);
  assert.equal(program.getOption(server, SOL_SOCKET, SO_KEEPALIVE), 1);
  program.setOption(server, SOL_SOCKET, SO_KEEPALIVE, 0);
  program.setOption(server, IPPROTO_IP, IP_TTL, 9);
  assert.equal(program.getOption(listener, SOL_SOCKET, SO_KEEPALIVE), 1);
  program.setOption(listener, IPPROTO_TCP, TCP_NODELAY, 1);
  assert.equal(program.getOption(server, IPPROTO_TCP, TCP_NODELAY), 0);
  const [, second] = program.pair(listener, 80);
  assert.deepEqual(
    [
      program.getOption(second, SOL_SOCKET, SO_KEEPALIVE),
      program.getOption(second, IPPROTO_IP, IP_TTL),
      program.getOption(second, IPPROTO_TCP, TCP_NODELAY),
    ],
    [1, 64, 1],
  );
  assert.equal(program.getOption(client, SOL_SOCKET, SO_KEEPALIVE), 0, "no default was changed");
  assert.equal(program.getOption(program.socket(), IPPROTO_TCP, TCP_NODELAY), 0);
});
