import assert from "node:assert/strict";
import { test } from "node:test";
import * as dns from "@dnsquery/dns-packet";
import {
  EACCES,
  EAGAIN,
  ECONNREFUSED,
  EFAULT,
  EINTR,
  EINVAL,
  ENETUNREACH,
  ENOENT,
  ETIMEDOUT,
} from "../../abi/errno.ts";
import { SIGUSR1 } from "../../abi/signal.ts";
import { formatIpv4, parseIpv4 } from "../../base/ipv4-address.ts";
import type { TcpListener } from "../net/tcp/listener.ts";
import type { UdpEndpoint } from "../net/udp/endpoint.ts";
import { LOOPBACK, NetKernel, type NetProgram, result } from "../syscall/socket.fixture.ts";
import type { ResolverOptions } from "./resolver.ts";

type Answer = { type: string; name: string; ttl?: number; data: unknown };

/** A name server that answers only when the test says so. */
class Server {
  readonly kernel: NetKernel;
  readonly endpoint: UdpEndpoint;

  constructor(kernel: NetKernel, address: number = LOOPBACK, port = 53) {
    this.kernel = kernel;
    this.endpoint = kernel.net.udp.open();
    const reservation = kernel.net.udp.ports.reserve(address, port, { reuseAddress: false, reusePort: false });
    assert.ok(typeof reservation !== "number");
    this.endpoint.bind(reservation);
  }

  /** The next question; null when none has come. */
  question(): { id: number; name: string; address: number; port: number } | null {
    this.kernel.run();
    const buffer = new Uint8Array(1024);
    const length = this.endpoint.receive(buffer, 0, buffer.length);
    if (length < 0) return null;
    const packet = dns.decode(buffer.slice(0, length));
    const { lastAddress: address, lastPort: port } = this.endpoint;
    assert.equal(packet.type, "query");
    assert.deepEqual([packet.questions?.length, packet.questions?.[0]?.type, packet.flag_rd], [1, "A", true]);
    return { id: packet.id ?? 0, name: packet.questions?.[0]?.name ?? "", address, port };
  }

  send(to: { address: number; port: number }, bytes: Uint8Array): void {
    this.endpoint.sendTo(bytes, 0, bytes.length, to.address, to.port);
    this.kernel.run();
  }

  /** Answers the question with records; `flags` holds the response code. */
  answer(
    question: { id: number; name: string; address: number; port: number },
    answers: Answer[],
    more: object = {},
  ): void {
    this.send(question, encode(question, answers, more));
  }
}

function encode(question: { id: number; name: string }, answers: Answer[], more: object = {}): Uint8Array {
  return dns.encode({
    type: "response",
    id: question.id,
    questions: [{ type: "A", class: "IN", name: question.name }],
    answers: answers as never,
    ...more,
  });
}

const a = (name: string, data: string, ttl = 300): Answer => ({ type: "A", name, ttl, data });
const cname = (name: string, data: string, ttl = 300): Answer => ({ type: "CNAME", name, ttl, data });
const soa = (minimum: number): object => ({
  authorities: [
    {
      type: "SOA",
      name: "test",
      ttl: 3600,
      data: { mname: "m", rname: "r", serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
    },
  ],
});

function setUp(options: ResolverOptions = {}): { kernel: NetKernel; program: NetProgram; server: Server } {
  const kernel = new NetKernel({ resolver: { nameservers: [LOOPBACK], ...options } });
  return { kernel, program: kernel.program(), server: new Server(kernel) };
}

/** resolve_host: the outcome, and the address that came out of it. */
function resolve(program: NetProgram, name: string): { done(): number | string | null } {
  const at = program.put(name);
  const into = program.place(4);
  const outcome = program.start(300, at, name.length, into);
  return {
    done() {
      const value = result(outcome);
      if (value !== 0) return value;
      return [...program.memory.bytes.slice(into, into + 4)].join(".");
    },
  };
}

test("numbers, localhost, /etc/hosts and names that never leave are answered at once", () => {
  const { program, server } = setUp({
    readHosts: () => "10.1.2.3 box box.lan # comment\n::1 six\n10.1.2.4 BOX\nbad line\n",
  });
  assert.equal(resolve(program, "192.0.2.7").done(), "192.0.2.7");
  for (const name of ["localhost", "LocalHost.", "a.b.localhost"])
    assert.equal(resolve(program, name).done(), "127.0.0.1");
  assert.equal(resolve(program, "Box.lan").done(), "10.1.2.3");
  assert.equal(resolve(program, "box").done(), "10.1.2.3", "the first of two");
  for (const name of ["x.invalid", "abc.onion"]) assert.equal(resolve(program, name).done(), -ENOENT);
  for (const name of [
    "",
    ".",
    "a..b",
    "-a",
    "a-",
    "a b",
    "1.2.3",
    "127.1",
    "0x7f.1",
    "1.2.3.4.5",
    "ä.de",
    "x".repeat(64),
  ]) {
    assert.equal(resolve(program, name).done(), -EINVAL, name);
  }
  assert.equal(resolve(program, `${"a.".repeat(126)}a`).done(), null, "253 characters are a name");
  assert.ok(server.question() !== null);
  assert.equal(resolve(program, `${"a.".repeat(127)}a`).done(), -EINVAL);
  assert.equal(server.question(), null);
});

test("resolve_host: bad addresses", () => {
  const { program } = setUp();
  assert.equal(program.call(300, program.put("localhost"), 9, 16), -EFAULT);
  assert.equal(program.call(300, 16, 9, program.scratch), -EFAULT);
  assert.equal(program.call(300, program.put("localhost"), -1, program.scratch), -EFAULT);
  assert.equal(program.call(300, program.put("localhost"), 1 << 20, program.scratch), -EINVAL);
});

test("a question goes out with a random id, port and case, and its answer is cached for its time", () => {
  const { kernel, program, server } = setUp();
  const asking = resolve(program, "www.example.test");
  const question = server.question();
  assert.ok(question !== null);
  assert.equal(question.name.toLowerCase(), "www.example.test");
  assert.notEqual(question.name, "www.example.test");
  assert.ok(question.port >= 32768);
  server.answer(question, [a(question.name, "192.0.2.1", 60), a(question.name, "192.0.2.2", 30)]);
  assert.equal(asking.done(), "192.0.2.1");
  assert.equal(resolve(program, "WWW.example.test.").done(), "192.0.2.1");
  assert.equal(server.question(), null, "from the cache");
  kernel.advance(30_001);
  const again = resolve(program, "www.example.test");
  const second = server.question();
  assert.ok(second !== null, "the shortest time of the records counts");
  assert.notEqual(second.id, question.id);
  assert.notEqual(second.port, question.port);
  assert.equal(again.done(), null);
});

test("forged answers are not believed: other id, name, type, sender or port, and garbage", () => {
  const { kernel, program, server } = setUp();
  const elsewhere = new Server(kernel, LOOPBACK, 5353);
  const asking = resolve(program, "bank.test");
  const question = server.question();
  assert.ok(question !== null);
  const evil = [a("bank.test", "6.6.6.6")];
  elsewhere.answer(question, evil);
  server.answer({ ...question, id: question.id ^ 1 }, evil);
  server.answer({ ...question, name: "bank.test.evil" }, evil);
  server.send(question, dns.encode({ type: "response", id: question.id, questions: [], answers: evil as never }));
  server.send(
    question,
    dns.encode({
      type: "response",
      id: question.id,
      questions: [{ type: "AAAA", name: question.name }],
      answers: evil as never,
    }),
  );
  server.send(
    question,
    dns.encode({ type: "query", id: question.id, questions: [{ type: "A", name: question.name }] }),
  );
  server.send(question, new Uint8Array(3));
  server.send(question, encode(question, evil).slice(0, 20));
  server.answer({ ...question, port: question.port ^ 1 }, evil);
  assert.equal(asking.done(), null);
  server.answer(question, [a("other.test", "6.6.6.6"), a(question.name, "192.0.2.9")]);
  assert.equal(asking.done(), "192.0.2.9", "records of other names in the answer are left aside");
});

test("aliases are followed: in one answer, over several, and not for ever", () => {
  const { program, server } = setUp();
  const chained = resolve(program, "www.test");
  let question = server.question();
  assert.ok(question !== null);
  server.answer(question, [
    a("edge.cdn.test", "192.0.2.5", 10),
    cname("www.test", "cdn.test"),
    cname("cdn.test", "edge.cdn.test"),
  ]);
  assert.equal(chained.done(), "192.0.2.5");

  const split = resolve(program, "one.test");
  question = server.question();
  assert.ok(question !== null);
  server.answer(question, [cname("one.test", "two.test")]);
  question = server.question();
  assert.equal(question?.name.toLowerCase(), "two.test");
  assert.ok(question !== null);
  server.answer(question, [a("two.test", "192.0.2.6")]);
  assert.equal(split.done(), "192.0.2.6");

  const loop = resolve(program, "l0.test");
  for (let k = 0; loop.done() === null && k < 20; k++) {
    question = server.question();
    assert.ok(question !== null);
    server.answer(question, [cname(`l${k}.test`, `l${k + 1}.test`)]);
  }
  assert.equal(loop.done(), -EAGAIN);
  const circle = resolve(program, "circle.test");
  question = server.question();
  assert.ok(question !== null);
  server.answer(question, [cname("circle.test", "back.test"), cname("back.test", "circle.test")]);
  for (let k = 0; circle.done() === null && k < 20; k++) {
    const next = server.question();
    assert.ok(next !== null);
    server.answer(next, [cname("circle.test", "back.test"), cname("back.test", "circle.test")]);
  }
  assert.equal(circle.done(), -EAGAIN);
});

test("what does not exist is ENOENT, and remembered as long as the SOA says", () => {
  const { kernel, program, server } = setUp();
  for (const [name, flags] of [
    ["nx.test", 3],
    ["nodata.test", 0],
  ] as const) {
    const asking = resolve(program, name);
    const question = server.question();
    assert.ok(question !== null);
    server.answer(question, [], { flags, ...soa(20) });
    assert.equal(asking.done(), -ENOENT);
    assert.equal(resolve(program, name).done(), -ENOENT);
    assert.equal(server.question(), null);
    kernel.advance(20_001);
    resolve(program, name);
    assert.ok(server.question() !== null);
    kernel.advance(60_000);
    while (server.question() !== null);
  }
  const bare = resolve(program, "bare.test");
  const question = server.question();
  assert.ok(question !== null);
  server.answer(question, [], { flags: 3 });
  assert.equal(bare.done(), -ENOENT);
  resolve(program, "bare.test");
  assert.ok(server.question() !== null, "without a SOA nothing is remembered");
});

test("a silent server is asked again, twice as patiently each time, then ETIMEDOUT", () => {
  const { kernel, program, server } = setUp();
  const asking = resolve(program, "slow.test");
  const first = server.question();
  kernel.advance(1999);
  assert.equal(server.question(), null);
  kernel.advance(1);
  const second = server.question();
  assert.ok(first !== null && second !== null);
  assert.notEqual(first.port, second.port);
  kernel.advance(4000);
  assert.ok(server.question() !== null);
  kernel.advance(7999);
  assert.equal(asking.done(), null);
  kernel.advance(1);
  assert.equal(asking.done(), -ETIMEDOUT);
  assert.equal(kernel.net.udp.ports.size, 1, "only the server's own port is in use");
  assert.equal(kernel.timers.size, 0);
  const next = resolve(program, "slow.test");
  const question = server.question();
  assert.ok(question !== null, "failures are not remembered");
  server.answer(question, [a(question.name, "192.0.2.3")]);
  assert.equal(next.done(), "192.0.2.3");
});

test("the second server answers when the first is silent, fails, refuses or is not there", () => {
  const second = 0x7f00_0002;
  const { kernel, program, server } = setUp({ nameservers: [LOOPBACK, second] });
  const other = new Server(kernel, second);
  const ask = (
    name: string,
    first: (question: { id: number; name: string; address: number; port: number }) => void,
  ): void => {
    const asking = resolve(program, name);
    const question = server.question();
    assert.ok(question !== null);
    first(question);
    kernel.run();
    const moved = other.question();
    assert.ok(moved !== null, name);
    other.answer(moved, [a(moved.name, "192.0.2.4")]);
    assert.equal(asking.done(), "192.0.2.4");
  };
  ask("silent.test", () => kernel.advance(2000));
  ask("servfail.test", (question) => server.answer(question, [], { flags: 2 }));
  ask("refused.test", (question) => server.answer(question, [], { flags: 5 }));
  server.endpoint.close();
  const asking = resolve(program, "gone.test");
  kernel.run();
  const question = other.question();
  assert.ok(question !== null, "port unreachable: on to the next at once");
  other.answer(question, [a(question.name, "192.0.2.4")]);
  assert.equal(asking.done(), "192.0.2.4");
});

test("when every server fails: EAGAIN; refuses: EACCES; is not there: ECONNREFUSED; has no route: ENETUNREACH", () => {
  const { kernel, program, server } = setUp();
  for (const [flags, errno] of [
    [2, EAGAIN],
    [5, EACCES],
    [1, EAGAIN],
  ] as const) {
    const asking = resolve(program, `rcode${flags}.test`);
    const question = server.question();
    assert.ok(question !== null);
    server.answer(question, [], { flags });
    assert.equal(asking.done(), -errno);
    assert.equal(server.question(), null, "not asked again");
  }
  server.endpoint.close();
  const nobody = resolve(program, "nobody.test");
  kernel.advance(20_000);
  assert.equal(nobody.done(), -ECONNREFUSED);
  const far = new NetKernel({ resolver: { nameservers: [0x0808_0808] } });
  assert.equal(resolve(far.program(), "far.test").done(), -ENETUNREACH);
  const none = new NetKernel({ resolver: { nameservers: [] } });
  assert.equal(resolve(none.program(), "none.test").done(), -EAGAIN);
});

/** Accepts one connection on TCP port 53 and returns what to do with it. */
function tcpServer(kernel: NetKernel): TcpListener {
  const reservation = kernel.net.tcp.ports.reserve(LOOPBACK, 53, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  const listener = kernel.net.tcp.listen({ reservation, backlog: 8 });
  assert.ok(typeof listener !== "number");
  return listener;
}

test("a truncated answer, or one whose case was lost, is asked for again over TCP", () => {
  const { kernel, program, server } = setUp();
  const listener = tcpServer(kernel);
  for (const name of ["big.test", "caseless.test"]) {
    const asking = resolve(program, name);
    const question = server.question();
    assert.ok(question !== null);
    if (name === "big.test") server.answer(question, [], { flags: dns.TRUNCATED_RESPONSE });
    else server.answer({ ...question, name: "caseless.test" }, [a(name, "6.6.6.6")]);
    kernel.run();
    const connection = listener.accept();
    assert.ok(connection !== null);
    kernel.run();
    const buffer = new Uint8Array(600);
    const length = connection.receive(buffer, 0, buffer.length);
    assert.equal(((buffer[0] as number) << 8) | (buffer[1] as number), length - 2);
    const packet = dns.decode(buffer.slice(2, length));
    assert.notEqual(packet.id, question.id);
    const records = Array.from({ length: 60 }, (_, k) => a(name, `192.0.2.${k + 1}`));
    const reply = encode({ id: packet.id ?? 0, name: packet.questions?.[0]?.name ?? "" }, records);
    const framed = new Uint8Array(reply.length + 2);
    framed.set([reply.length >>> 8, reply.length & 0xff]);
    framed.set(reply, 2);
    // In pieces: the length's two bytes apart, then the rest.
    for (const [from, to] of [
      [0, 1],
      [1, 3],
      [3, 400],
      [400, framed.length],
    ] as const) {
      connection.send(framed, from, to - from);
      kernel.advance(300);
    }
    assert.equal(asking.done(), "192.0.2.1");
    connection.close();
    kernel.run();
  }
});

test("TCP that is refused, cut off or silent moves on, and ends", () => {
  const { kernel, program, server } = setUp({ rounds: 1 });
  const truncate = (name: string): { done(): number | string | null } => {
    const asking = resolve(program, name);
    const question = server.question();
    assert.ok(question !== null);
    server.answer(question, [], { flags: dns.TRUNCATED_RESPONSE });
    kernel.run();
    return asking;
  };
  assert.equal(truncate("refused.test").done(), -ECONNREFUSED);
  const listener = tcpServer(kernel);
  const cut = truncate("cut.test");
  listener.accept()?.close();
  kernel.run();
  assert.ok((cut.done() as number) < 0);
  const silent = truncate("silent.test");
  const connection = listener.accept();
  kernel.advance(9_999);
  assert.equal(silent.done(), null);
  kernel.advance(2);
  assert.equal(silent.done(), -ETIMEDOUT);
  connection?.close();
  kernel.advance(100_000);
  assert.equal(kernel.pool.usage().connections, 0);
});

test("identical questions at once are asked once; a signal ends one caller's wait, not the question", () => {
  const { kernel, program, server } = setUp();
  const other = kernel.program();
  const first = resolve(program, "shared.test");
  const second = resolve(other, "Shared.Test");
  assert.equal(kernel.resolver.pendingQueries, 1);
  const question = server.question();
  assert.ok(question !== null);
  assert.equal(server.question(), null);
  program.process.signals.setAction(SIGUSR1, { handler: 0x5000, flags: 0, mask: 0n });
  program.process.signals.deliver = () => {};
  program.process.signals.raise(SIGUSR1);
  kernel.run();
  assert.equal(first.done(), -EINTR);
  server.answer(question, [a(question.name, "192.0.2.8")]);
  assert.equal(second.done(), "192.0.2.8");
  assert.equal(kernel.resolver.pendingQueries, 0);
});

test("questions and the cache are bounded", () => {
  const { kernel, server } = setUp({ cacheEntries: 10, maximumQueries: 5 });
  const lookups = Array.from({ length: 8 }, (_, k) => kernel.resolver.lookup(`n${k}.test`));
  assert.deepEqual(
    lookups.map((lookup) => lookup.isDone),
    [false, false, false, false, false, true, true, true],
  );
  assert.equal(lookups[7]?.result, -EAGAIN);
  kernel.advance(60_000);
  while (server.question() !== null);
  for (let k = 0; k < 30; k++) {
    const lookup = kernel.resolver.lookup(`c${k}.test`);
    const question = server.question();
    assert.ok(question !== null);
    server.answer(question, [a(question.name, formatIpv4(0x0a000000 + k), 4_294_967_295)]);
    assert.equal(lookup.result, 0);
    assert.deepEqual(lookup.addresses, [parseIpv4(`10.0.0.${k}`)]);
  }
  assert.equal(kernel.resolver.cache.size, 0, "a time to live with its highest bit set is none");
  for (let k = 0; k < 30; k++) {
    kernel.resolver.lookup(`d${k}.test`);
    const question = server.question();
    assert.ok(question !== null);
    server.answer(question, [a(question.name, "10.0.0.1", 100)]);
  }
  assert.equal(kernel.resolver.cache.size, 10);
});

test("any bytes for an answer: no throw, no false address", () => {
  const { kernel, server } = setUp();
  const random = kernel.random;
  for (let k = 0; k < 300; k++) {
    const lookup = kernel.resolver.lookup(`fuzz${k}.test`);
    const question = server.question();
    assert.ok(question !== null);
    const reply = encode(question, [cname(question.name, "x.test"), a("x.test", "10.0.0.1")], soa(5));
    for (let flips = 0; flips < 1 + (k % 5); flips++) {
      const at = random.nextUint32() % reply.length;
      // The id stays, so that the bytes are looked at.
      if (at > 1) reply[at] = random.nextUint32();
    }
    server.send(question, k % 7 === 0 ? reply.slice(0, random.nextUint32() % reply.length) : reply);
    if (!lookup.isDone) {
      kernel.advance(60_000);
      while (server.question() !== null);
    }
    assert.equal(lookup.isDone, true);
    assert.equal(lookup.result === 0, lookup.addresses.length > 0);
  }
  assert.equal(kernel.resolver.pendingQueries, 0);
  assert.equal(kernel.arena.framesInUse, 0);
});
