import assert from "node:assert/strict";
import test from "node:test";
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  ECONNREFUSED,
  EINVAL,
  ENETUNREACH,
  ENOPROTOOPT,
  EPROTONOSUPPORT,
} from "../../abi/errno.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_ICMP,
  IPPROTO_IPV6,
  SO_DOMAIN,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOCKADDR_IN6_BYTES,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import { IPV6_V6ONLY } from "../socket/ipv6-options.ts";
import { formatProcNetTcp } from "../socket/proc-net.ts";
import { LOOPBACK, NetKernel, type NetProgram, result } from "./socket.fixture.ts";

const WILDCARD = "0".repeat(32);
const LOOPBACK_6 = `${"0".repeat(31)}1`;
const MAPPED_LOOPBACK = "00000000000000000000ffff7f000001";
const FAR = "20010db8000000000000000000000001";

function setUp(options: ConstructorParameters<typeof NetKernel>[0] = {}): { kernel: NetKernel; program: NetProgram } {
  const kernel = new NetKernel(options);
  return { kernel, program: kernel.program() };
}

/** A struct sockaddr_in6 in the scratch room, its address as 32 hexadecimal digits. */
function inet6(program: NetProgram, address: string, port: number): number {
  const { memory, scratch } = program;
  memory.bytes.fill(0, scratch, scratch + SOCKADDR_IN6_BYTES);
  memory.writeUint16(scratch, AF_INET6);
  memory.bytes[scratch + 2] = port >>> 8;
  memory.bytes[scratch + 3] = port;
  for (let k = 0; k < 16; k++) memory.bytes[scratch + 8 + k] = Number.parseInt(address.slice(2 * k, 2 * k + 2), 16);
  return scratch;
}

function bind6(program: NetProgram, fd: number, address: string, port: number, length = SOCKADDR_IN6_BYTES): number {
  return program.call(200, fd, inet6(program, address, port), length);
}

/** getsockname(2) or getpeername(2): address in hexadecimal, colon, port. */
function name6(program: NetProgram, fd: number, ofPeer = false): string {
  program.memory.writeUint32(program.lengthAt, 128);
  assert.equal(program.call(ofPeer ? 205 : 204, fd, program.scratch, program.lengthAt), 0);
  return addressAt6(program, program.scratch, program.memory.readUint32(program.lengthAt));
}

function addressAt6(program: NetProgram, at: number, length: number): string {
  assert.equal(length, SOCKADDR_IN6_BYTES);
  const bytes = program.memory.bytes.slice(at, at + SOCKADDR_IN6_BYTES);
  assert.equal(program.memory.readUint16(at), AF_INET6);
  const digits = [...bytes.subarray(8, 24)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${digits}:${((bytes[2] as number) << 8) | (bytes[3] as number)}`;
}

test("socket(2) of AF_INET6: streams and datagrams", () => {
  const { program } = setUp();
  const stream = program.socket(SOCK_STREAM, AF_INET6);
  assert.equal(program.getOption(stream, SOL_SOCKET, SO_DOMAIN), AF_INET6);
  assert.ok(program.socket(SOCK_DGRAM, AF_INET6) > stream);
  assert.equal(program.socket(SOCK_DGRAM, AF_INET6, IPPROTO_ICMP), -EPROTONOSUPPORT);
  assert.equal(program.socket(SOCK_RAW, AF_INET6, 58), -EPROTONOSUPPORT);
  assert.equal(name6(program, stream), `${WILDCARD}:0`);
});

test("a listener on the wildcard of IPv6 takes connections of both families, under mapped addresses", () => {
  const { kernel, program } = setUp();
  const listener = program.socket(SOCK_STREAM, AF_INET6);
  assert.equal(bind6(program, listener, WILDCARD, 80), 0);
  assert.equal(program.listen(listener), 0);
  assert.equal(name6(program, listener), `${WILDCARD}:80`);
  assert.equal(program.bind(program.socket(), 80), -EADDRINUSE, "the port is IPv4's too");

  const client = program.socket();
  const connecting = program.connect(client, 80);
  kernel.run();
  assert.equal(result(connecting), 0);
  const clientPort = String(program.name(client)).split(":")[1];
  program.memory.writeUint32(program.lengthAt, 128);
  const server = program.call(202, listener, program.scratch, program.lengthAt);
  const length = program.memory.readUint32(program.lengthAt);
  assert.equal(addressAt6(program, program.scratch, length), `${MAPPED_LOOPBACK}:${clientPort}`);
  assert.equal(name6(program, server), `${MAPPED_LOOPBACK}:80`);
  assert.equal(name6(program, server, true), `${MAPPED_LOOPBACK}:${clientPort}`);
  assert.equal(result(program.send(client, "hello")), 5);
  kernel.run();
  assert.equal(program.receive(server), "hello");

  const mapped = program.socket(SOCK_STREAM, AF_INET6);
  const second = program.start(203, mapped, inet6(program, MAPPED_LOOPBACK, 80), SOCKADDR_IN6_BYTES);
  kernel.run();
  assert.equal(result(second), 0);
  assert.equal(name6(program, mapped, true), `${MAPPED_LOOPBACK}:80`);
});

test("addresses that only IPv6 could reach are refused, and those that are none", () => {
  const { kernel, program } = setUp();
  const fd = program.socket(SOCK_STREAM, AF_INET6);
  assert.equal(bind6(program, fd, LOOPBACK_6, 80), -EADDRNOTAVAIL);
  assert.equal(bind6(program, fd, FAR, 80), -EADDRNOTAVAIL);
  assert.equal(bind6(program, fd, "00000000000000000000ffff0a090807", 80), -EADDRNOTAVAIL, "not ours");
  assert.equal(bind6(program, fd, WILDCARD, 80, 23), -EINVAL);
  assert.equal(program.call(203, fd, inet6(program, FAR, 80), SOCKADDR_IN6_BYTES), -ENETUNREACH);
  assert.equal(program.call(203, fd, inet6(program, LOOPBACK_6, 80), SOCKADDR_IN6_BYTES), -ENETUNREACH);
  const refused = program.start(203, fd, inet6(program, MAPPED_LOOPBACK, 81), SOCKADDR_IN6_BYTES);
  kernel.run();
  assert.equal(result(refused), -ECONNREFUSED);
  assert.equal(bind6(program, fd, MAPPED_LOOPBACK, 80, 24), 0, "the scope may be left out");
  assert.equal(program.call(203, program.socket(), inet6(program, FAR, 80), SOCKADDR_IN6_BYTES), -EAFNOSUPPORT);
});

test("IPV6_V6ONLY: the port is another one than IPv4's, and nobody comes", () => {
  const { kernel, program } = setUp();
  const four = program.listener(80);
  const six = program.socket(SOCK_STREAM, AF_INET6);
  assert.equal(program.getOption(six, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  assert.equal(program.setOption(six, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
  assert.equal(program.getOption(six, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  assert.equal(program.setOption(six, IPPROTO_IPV6, 9999, 1), -ENOPROTOOPT);
  assert.equal(program.setOption(four, IPPROTO_IPV6, IPV6_V6ONLY, 1), -ENOPROTOOPT);
  assert.equal(bind6(program, six, MAPPED_LOOPBACK, 80), -EINVAL);
  assert.equal(bind6(program, six, WILDCARD, 80), 0);
  assert.equal(program.setOption(six, IPPROTO_IPV6, IPV6_V6ONLY, 0), -EINVAL, "it has a port");
  assert.equal(program.listen(six), 0);
  assert.equal(name6(program, six), `${WILDCARD}:80`);
  program.setNonBlocking(six);
  program.pair(four, 80);
  assert.equal(program.call(202, six, 0, 0), -11);
  const another = program.socket(SOCK_STREAM, AF_INET6);
  program.setOption(another, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  assert.equal(bind6(program, another, WILDCARD, 80), -EADDRINUSE);
  assert.equal(program.call(203, another, inet6(program, MAPPED_LOOPBACK, 80), SOCKADDR_IN6_BYTES), -ENETUNREACH);
  assert.equal(formatProcNetTcp(kernel.system.sockets).match(/ 0A /g)?.length, 1, "not in IPv4's table");
});

test("datagrams of AF_INET6 carry IPv4", () => {
  const { kernel, program } = setUp();
  const server = program.socket(SOCK_DGRAM, AF_INET6);
  assert.equal(bind6(program, server, WILDCARD, 53), 0);
  const four = program.udp();
  assert.equal(result(program.sendTo(four, "four", 53)), 4);
  kernel.run();
  program.memory.writeUint32(program.lengthAt, 128);
  assert.equal(program.call(207, server, program.buffer, 100, 0, program.scratch, program.lengthAt), 4);
  const from = addressAt6(program, program.scratch, program.memory.readUint32(program.lengthAt));
  assert.equal(from, `${MAPPED_LOOPBACK}:${String(program.name(four)).split(":")[1]}`);

  const six = program.socket(SOCK_DGRAM, AF_INET6);
  const send = (address: string): number =>
    program.call(206, six, program.outgoing, 3, 0, inet6(program, address, 53), SOCKADDR_IN6_BYTES);
  assert.equal(send(MAPPED_LOOPBACK), 3);
  assert.equal(send(FAR), -ENETUNREACH);
  // As on Linux, a datagram socket may be given an address of AF_INET as it is.
  assert.equal(program.call(206, six, program.outgoing, 3, 0, program.inet(LOOPBACK, 53, AF_INET), 16), 3);
  kernel.run();
  assert.equal(String(program.receive(server)).length, 3);
  assert.equal(String(program.receive(server)).length, 3);
});
