import assert from "node:assert/strict";
import { test } from "node:test";
import * as dns from "@dnsquery/dns-packet";
import { ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH } from "../../abi/errno.ts";
import type { TcpConnection } from "../../kernel/net/tcp/connection.ts";
import type { TcpListener } from "../../kernel/net/tcp/listener.ts";
import type { UdpEndpoint } from "../../kernel/net/udp/endpoint.ts";
import { type FakeStream, ip, Network } from "./gateway.fixture.ts";

const SERVER = ip("93.184.216.34");
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function connect(network: Network, address: number, port: number): TcpConnection {
  const connection = network.guest.tcp.connect({ remoteAddress: address, remotePort: port });
  assert.ok(typeof connection !== "number", `connect: ${connection}`);
  network.settle();
  return connection;
}

function stream(network: Network, index = 0): FakeStream {
  const found = network.host.streams[index];
  assert.ok(found !== undefined, "the host was not asked to connect");
  return found;
}

/** An established connection and the host's stream behind it. */
function established(network: Network, address = SERVER, port = 80): [TcpConnection, FakeStream] {
  const connection = connect(network, address, port);
  const host = network.host.streams.at(-1) as FakeStream;
  host.events?.onOpen();
  network.settle();
  assert.equal(connection.stateName, "ESTABLISHED");
  return [connection, host];
}

function send(network: Network, connection: TcpConnection, text: string): void {
  assert.equal(connection.send(bytes(text), 0, text.length), text.length);
  network.settle();
}

function receive(connection: TcpConnection): string {
  const buffer = new Uint8Array(65_536);
  const length = connection.receive(buffer, 0, buffer.length);
  return length < 0 ? `errno ${-length}` : new TextDecoder().decode(buffer.subarray(0, length));
}

test("a SYN is answered only when the host has connected; then bytes and ends go both ways", () => {
  const network = new Network(true);
  const connection = connect(network, SERVER, 80);
  const host = stream(network);
  assert.deepEqual([host.remoteAddress, host.remotePort], [SERVER, 80]);
  network.pass(500);
  assert.equal(connection.stateName, "SYN-SENT");
  host.events?.onOpen();
  network.settle();
  assert.equal(connection.stateName, "ESTABLISHED");
  send(network, connection, "GET / HTTP/1.0\r\n\r\n");
  assert.equal(String.fromCharCode(...host.received), "GET / HTTP/1.0\r\n\r\n");
  host.deliver(bytes("200 OK"));
  network.settle();
  assert.equal(receive(connection), "200 OK");
  // The host ends first; the guest can still send.
  host.events?.onEnd();
  network.settle();
  assert.equal(connection.receiveFinished, true);
  send(network, connection, "thanks");
  assert.equal(String.fromCharCode(...host.received.slice(-6)), "thanks");
  assert.deepEqual(host.log, []);
  connection.close();
  network.settle();
  assert.deepEqual(host.log, ["end", "close"]);
  assert.equal(network.gateway.tcp.connections, 0);
  network.pass(120_000);
  assert.equal(network.arena.framesInUse, 0);
});

test("the guest ends first and still receives", () => {
  const network = new Network(true);
  const [connection, host] = established(network);
  send(network, connection, "question");
  connection.shutdownWrite();
  network.settle();
  assert.deepEqual(host.log, ["end"]);
  host.deliver(bytes("answer"));
  network.settle();
  assert.equal(receive(connection), "answer");
  host.events?.onEnd();
  network.settle();
  assert.equal(connection.receiveFinished, true);
  assert.deepEqual(host.log, ["end", "close"]);
});

test("what the host says, the guest hears: refused, unreachable, silence", () => {
  const network = new Network(true);
  const cases: [number, number][] = [
    [ECONNREFUSED, ECONNREFUSED],
    [EHOSTUNREACH, EHOSTUNREACH],
    [ENETUNREACH, ENETUNREACH],
  ];
  for (const [errno, expected] of cases) {
    const connection = connect(network, SERVER, 80);
    (network.host.streams.at(-1) as FakeStream).events?.onError(errno);
    network.settle();
    assert.equal(connection.error, expected);
    assert.equal(connection.stateName, "CLOSED");
  }
  assert.equal(network.gateway.tcp.connections, 0);
});

test("what is not granted is refused at once, without a host socket, and the operator is told the flag", async () => {
  const network = new Network("192.0.2.1:80");
  const connection = connect(network, SERVER, 443);
  await network.rest();
  assert.equal(connection.error, EHOSTUNREACH);
  assert.equal(network.host.streams.length, 0);
  assert.match(network.log[0] as string, /93\.184\.216\.34 port 443.*--allow-net=93\.184\.216\.34:443/);
  assert.equal(network.gateway.tcp.connections, 0);
});

test("a granted name opens the addresses that the host found for it, and no others", async () => {
  const network = new Network("example.com:443");
  network.host.names["example.com"] = { status: "found", values: [SERVER], timeToLiveSeconds: 60 };
  // The guest never asked us for the name: it has the address from elsewhere.
  const granted = connect(network, SERVER, 443);
  await network.rest();
  stream(network).events?.onOpen();
  network.settle();
  assert.equal(granted.stateName, "ESTABLISHED");
  for (const [address, port] of [
    [SERVER, 80],
    [ip("93.184.216.35"), 443],
    [ip("127.0.0.1"), 443],
    [ip("10.0.2.2"), 443],
  ] as const) {
    const refused = network.guest.tcp.connect({ remoteAddress: address, remotePort: port });
    assert.ok(typeof refused !== "number");
    await network.rest();
    assert.notEqual(refused.error, 0, `${address}:${port}`);
  }
  assert.equal(network.host.streams.length, 1);
});

test("a name that starts to lead inside stays outside (DNS rebinding)", async () => {
  const network = new Network("rebind.test");
  network.host.names["rebind.test"] = { status: "found", values: [SERVER], timeToLiveSeconds: 5 };
  connect(network, SERVER, 80);
  await network.rest();
  assert.equal(network.host.streams.length, 1);
  network.host.names["rebind.test"] = {
    status: "found",
    values: [ip("127.0.0.1"), ip("192.168.1.1")],
    timeToLiveSeconds: 5,
  };
  network.pass(10_000);
  for (const address of [ip("127.0.0.1"), ip("10.0.2.2"), ip("192.168.1.1")]) {
    network.guest.tcp.connect({ remoteAddress: address, remotePort: 80 });
    await network.rest();
  }
  assert.equal(network.host.streams.length, 1);
});

test("the gateway's address and, where the guest has no listener, 127.0.0.1 lead to the host's loopback if granted", async () => {
  const network = new Network("localhost:9000");
  for (const address of [ip("10.0.2.2"), ip("127.0.0.1")]) {
    const [connection, host] = established(network, address, 9000);
    assert.deepEqual([host.remoteAddress, host.remotePort], [ip("127.0.0.1"), 9000]);
    send(network, connection, "hello");
    host.deliver(bytes("world"));
    network.settle();
    assert.equal(receive(connection), "world");
  }
  for (const address of [ip("10.0.2.2"), ip("127.0.0.1"), ip("127.0.0.2")]) {
    const refused = connect(network, address, 9001);
    assert.notEqual(refused.error, 0);
  }
  assert.equal(network.host.streams.length, 2);
  assert.match(network.log.join("\n"), /nothing in the guest listens on tcp port 9001.*--allow-net=127\.0\.0\.1:9001/);
  const reservation = network.guest.tcp.ports.reserve(0, 9000, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  network.guest.tcp.listen({ reservation, backlog: 1 });
  connect(network, ip("127.0.0.1"), 9000);
  assert.equal(network.host.streams.length, 2, "the guest's own listener comes first");
});

test("a host that reads slowly closes the guest's window; nothing is lost when it goes on", () => {
  const network = new Network(true);
  const [connection, host] = established(network);
  host.room = 1;
  const chunk = Uint8Array.from({ length: 50_000 }, (_, k) => k);
  let sent = 0;
  for (let round = 0; round < 200; round++) {
    const taken = connection.send(chunk, sent % chunk.length, chunk.length - (sent % chunk.length));
    if (taken > 0) sent += taken;
    network.pass(10);
  }
  assert.ok(host.received.length <= 65_536);
  assert.ok(sent < 6 << 20, "bounded by both stacks' buffers");
  assert.equal(connection.send(chunk, 0, 1), 0, "held back");
  host.drain();
  network.pass(5000);
  assert.equal(host.received.length, sent);
  assert.ok(host.received.every((byte, k) => byte === ((k % chunk.length) & 255)));
});

test("a guest that does not read stops the reading from the host; nothing is lost when it goes on", () => {
  const network = new Network(true);
  const [connection, host] = established(network);
  const all = Uint8Array.from({ length: 3 << 20 }, (_, k) => k ^ (k >> 8));
  host.deliver(all);
  network.pass(1000);
  assert.equal(host.isReading, false);
  assert.ok(host.heldBytes > 1 << 20, `held ${host.heldBytes}`);
  const got = new Uint8Array(all.length);
  let length = 0;
  for (let round = 0; round < 10_000 && length < all.length; round++) {
    const count = connection.receive(got, length, 100_000);
    assert.ok(count >= 0);
    length += count;
    network.pass(1);
  }
  assert.deepEqual(got, all);
  assert.equal(host.heldBytes, 0);
});

test("resets go both ways", () => {
  const network = new Network(true);
  const [first, firstHost] = established(network);
  firstHost.events?.onError(ECONNRESET);
  network.settle();
  assert.equal(first.error, ECONNRESET);
  const [second, secondHost] = established(network);
  second.abort();
  network.settle();
  assert.deepEqual(secondHost.log, ["reset"]);
  assert.equal(network.gateway.tcp.connections, 0);
});

test("a server that speaks and hangs up before the handshake is over loses nothing", () => {
  const network = new Network(true);
  const connection = connect(network, SERVER, 25);
  const host = stream(network);
  host.events?.onOpen();
  host.isReading = true;
  host.deliver(bytes("220 hello"));
  assert.equal(host.heldBytes, 9);
  host.hangUp();
  network.settle();
  assert.equal(connection.stateName, "CLOSE-WAIT");
  assert.equal(receive(connection), "220 hello");
});

test("a guest that gives up while the host is connecting leaves no host socket behind", () => {
  const network = new Network(true);
  const connection = connect(network, SERVER, 80);
  connection.abort();
  network.pass(200_000);
  assert.deepEqual(stream(network).log, ["reset"]);
  assert.equal(network.gateway.tcp.connections, 0);
});

test("connections have a bound", () => {
  const network = new Network(true, { maximumConnections: 3 });
  for (let k = 0; k < 5; k++) connect(network, SERVER, 80 + k);
  assert.equal(network.host.streams.length, 3);
});

function listen(network: Network, port: number): TcpListener {
  const reservation = network.guest.tcp.ports.reserve(0, port, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  const listener = network.guest.tcp.listen({ reservation, backlog: 16 });
  assert.ok(typeof listener !== "number");
  return listener;
}

async function client(network: Network, address: number): Promise<FakeStream> {
  const { FakeStream: Stream } = await import("./gateway.fixture.ts");
  const result = new Stream(address, 50_000);
  network.host.accept[0]?.(result);
  return result;
}

test("a published port leads to the guest's listener, which sees who asks", async () => {
  const network = new Network(false);
  const listener = listen(network, 8080);
  assert.equal(await network.gateway.publish({ hostPort: 18_080, guestPort: 8080 }), 18_080);
  const local = await client(network, ip("127.0.0.1"));
  const remote = await client(network, ip("192.168.1.5"));
  local.deliver(bytes("GET /"));
  network.settle();
  const first = listener.accept() as TcpConnection;
  const second = listener.accept() as TcpConnection;
  assert.deepEqual([first.remoteAddress, second.remoteAddress].sort(), [ip("10.0.2.2"), ip("192.168.1.5")].sort());
  const served = first.remoteAddress === ip("10.0.2.2") ? first : second;
  assert.equal(receive(served), "GET /");
  send(network, served, "200 OK");
  assert.equal(String.fromCharCode(...local.received), "200 OK");
  served.close();
  network.settle();
  assert.deepEqual(local.log, ["end"]);
  local.events?.onEnd();
  network.settle();
  assert.deepEqual(local.log, ["end", "close"]);
  remote.events?.onError(ECONNRESET);
  network.settle();
  assert.equal(second.error + first.error, ECONNRESET);
  assert.equal(network.gateway.tcp.connections, 0);
});

test("a published port behind which nobody listens resets its clients at once", async () => {
  const network = new Network(false);
  await network.gateway.publish({ hostPort: 18_080, guestPort: 8080 });
  const nobody = await client(network, ip("127.0.0.1"));
  network.settle();
  assert.deepEqual(nobody.log, ["reset"]);
  assert.equal(network.gateway.tcp.connections, 0);
});

function open(network: Network): UdpEndpoint {
  return network.guest.udp.open();
}

test("datagrams out and back, one host socket per pair of ends, ended when idle", () => {
  const network = new Network("10.0.2.2:53,192.0.2.1");
  const endpoint = open(network);
  endpoint.sendTo(bytes("one"), 0, 3, ip("192.0.2.1"), 5000);
  endpoint.sendTo(bytes("two"), 0, 3, ip("192.0.2.1"), 5000);
  endpoint.sendTo(bytes("dns"), 0, 3, ip("10.0.2.2"), 53);
  network.settle();
  const [first, second] = network.host.datagrams;
  assert.deepEqual(
    first?.sent.map(({ text }) => text),
    ["one", "two"],
  );
  assert.deepEqual([first?.peer, second?.peer], [`${ip("192.0.2.1")}:5000`, `${ip("127.0.0.1")}:53`]);
  second?.events.onMessage(bytes("answer"), ip("127.0.0.1"), 53);
  network.settle();
  const buffer = new Uint8Array(100);
  assert.equal(endpoint.receive(buffer, 0, 100), 6);
  assert.deepEqual([endpoint.lastAddress, endpoint.lastPort], [ip("10.0.2.2"), 53], "from where the guest had sent to");
  network.pass(400_000);
  assert.deepEqual([first?.isClosed, second?.isClosed], [true, true]);
  assert.equal(network.gateway.udp.size, 0);
});

test("datagrams that are not granted, or that the host finds nobody for, come back as ICMP errors", () => {
  const network = new Network("192.0.2.1");
  const refused = open(network);
  refused.connect(SERVER, 53);
  refused.sendTo(bytes("x"), 0, 1, 0, 0);
  network.settle();
  assert.equal(refused.takeError(), EHOSTUNREACH);
  assert.equal(network.host.datagrams.length, 0);
  assert.match(network.log[0] as string, /udp to 93\.184\.216\.34 port 53.*--allow-net/);
  const nobody = open(network);
  nobody.connect(ip("192.0.2.1"), 53);
  nobody.sendTo(bytes("x"), 0, 1, 0, 0);
  network.settle();
  network.host.datagrams[0]?.events.onError(ECONNREFUSED);
  network.settle();
  assert.equal(nobody.takeError(), ECONNREFUSED);
  assert.equal(network.host.datagrams[0]?.isClosed, true);
});

test("UDP flows have a bound: the longest idle one makes room", () => {
  const network = new Network(true);
  const endpoint = open(network);
  for (let k = 0; k < 600; k++) {
    endpoint.sendTo(bytes("x"), 0, 1, SERVER, 1000 + k);
    network.pass(1);
  }
  assert.equal(network.gateway.udp.size, 512);
  assert.equal(network.host.datagrams.filter(({ isClosed }) => !isClosed).length, 512);
});

test("published datagram ports answer each client", async () => {
  const network = new Network(false);
  const reservation = network.guest.udp.ports.reserve(0, 7000, { reuseAddress: false, reusePort: false });
  assert.ok(typeof reservation !== "number");
  const endpoint = open(network);
  endpoint.bind(reservation);
  await network.gateway.publish({ protocol: "udp", hostPort: 17_000, guestPort: 7000 });
  const host = network.host.datagrams[0];
  const buffer = new Uint8Array(100);
  for (const [text, address, port] of [
    ["a", ip("127.0.0.1"), 4000],
    ["b", ip("127.0.0.1"), 4001],
    ["c", ip("192.168.1.7"), 4002],
  ] as const) {
    host?.events.onMessage(bytes(text), address, port);
    network.settle();
    assert.equal(endpoint.receive(buffer, 0, 100), 1);
    endpoint.sendTo(bytes(text.toUpperCase()), 0, 1, endpoint.lastAddress, endpoint.lastPort);
    network.settle();
    assert.deepEqual(host?.sent.at(-1), { text: text.toUpperCase(), address, port });
  }
});

test("names over UDP and over TCP at 10.0.2.3", async () => {
  const network = new Network("example.com");
  network.host.names["example.com"] = { status: "found", values: [SERVER], timeToLiveSeconds: 60 };
  const query = dns.encode({
    type: "query",
    id: 7,
    flags: dns.RECURSION_DESIRED,
    questions: [{ type: "A", name: "example.com" }],
  });
  const endpoint = open(network);
  endpoint.sendTo(query, 0, query.length, ip("10.0.2.3"), 53);
  await network.rest();
  const buffer = new Uint8Array(512);
  const length = endpoint.receive(buffer, 0, 512);
  const answer = dns.decode(buffer.subarray(0, length));
  assert.equal((answer.answers as { data: string }[])[0]?.data, "93.184.216.34");
  const connection = connect(network, ip("10.0.2.3"), 53);
  assert.equal(connection.stateName, "ESTABLISHED");
  const framed = new Uint8Array(2 + query.length);
  framed[1] = query.length;
  framed.set(query, 2);
  for (const byte of [...framed, ...framed]) {
    connection.send(Uint8Array.of(byte), 0, 1);
    network.pass(50);
  }
  await network.rest();
  const count = connection.receive(buffer, 0, 512);
  assert.equal(count, 2 * (length + 2));
  for (const at of [2, length + 4]) {
    const over = dns.decode(buffer.subarray(at, at + length));
    assert.equal((over.answers as { data: string }[])[0]?.data, "93.184.216.34");
  }
  network.pass(11_000);
  assert.equal(connection.receiveFinished, true, "an idle connection is closed");
});

test("the gateway answers pings of its own address and claims no others", () => {
  const network = new Network(true);
  const ping = network.guest.icmp.open();
  const echo = Uint8Array.from([8, 0, 0, 0, 0, 0, 0, 1, 42]);
  ping.sendTo(echo, 0, echo.length, ip("10.0.2.2"));
  ping.sendTo(echo, 0, echo.length, SERVER);
  ping.sendTo(echo, 0, echo.length, SERVER);
  network.settle();
  assert.equal(ping.queuedDatagrams, 1);
  // Refused, and said once.
  assert.equal(network.guest.counters.IcmpInDestUnreachs, 2);
  assert.equal(network.log.length, 1);
  assert.match(network.log[0] as string, /refused ping to 93\.184\.216\.34/);
});

test("closing resets what is open and leaves nothing in the arena", () => {
  const network = new Network(true);
  const [connection, host] = established(network);
  open(network).sendTo(bytes("x"), 0, 1, SERVER, 53);
  connect(network, SERVER, 81);
  network.settle();
  network.gateway.close();
  network.settle();
  assert.equal(connection.error, ECONNRESET);
  assert.deepEqual(host.log, ["reset"]);
  assert.equal(network.host.datagrams[0]?.isClosed, true);
  assert.equal(network.arena.framesInUse, 0);
});
