import assert from "node:assert/strict";
import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import { ECONNREFUSED, ECONNRESET } from "../../abi/errno.ts";
import { HostListenError, type HostStream, type HostStreamEvents } from "../gateway/host-sockets.ts";
import { NodeHostResolver } from "./host-resolver.ts";
import { NodeHostSockets } from "./host-sockets.ts";

const LOOPBACK = 0x7f000001;

/** Takes notes of what a stream tells, and at most `appetite` bytes. */
class Recorder implements HostStreamEvents {
  readonly log: string[] = [];
  readonly bytes: number[] = [];
  received = 0;
  appetite = Number.POSITIVE_INFINITY;
  stream: HostStream | null = null;
  private readonly waiting: { text: string; resolve: () => void }[] = [];

  onOpen(): void {
    this.note("open");
  }
  onData(bytes: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(length, this.appetite);
    this.appetite -= taken;
    this.received += taken;
    if (this.received <= 1000) this.bytes.push(...bytes.subarray(offset, offset + taken));
    this.note("data");
    return taken;
  }
  onEnd(): void {
    this.note("end");
  }
  onWritable(): void {
    this.note("writable");
  }
  onError(errno: number): void {
    this.note(`error ${errno}`);
  }
  onClose(): void {
    this.note("close");
  }
  async until(text: string): Promise<void> {
    if (!this.log.includes(text)) await new Promise<void>((resolve) => this.waiting.push({ text, resolve }));
  }
  private note(text: string): void {
    this.log.push(text);
    for (const waiter of this.waiting) if (waiter.text === text) waiter.resolve();
  }
}

function write(stream: HostStream, bytes: Uint8Array): boolean {
  const buffer = stream.writeBuffer(bytes.length);
  assert.ok(buffer !== null);
  buffer.set(bytes);
  return stream.write(bytes.length);
}

async function server(
  onConnection: (socket: net.Socket) => void,
  host = "127.0.0.1",
): Promise<net.Server & { port: number }> {
  const result = net.createServer({ allowHalfOpen: true }, onConnection).listen(0, host);
  await once(result, "listening");
  return Object.assign(result, { port: (result.address() as net.AddressInfo).port });
}

test("connects, sends, receives, and both directions end on their own", async () => {
  const peer = await server((socket) => {
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("end", () => socket.end("bye"));
  });
  const sockets = new NodeHostSockets();
  const events = new Recorder();
  const stream = sockets.connectStream(LOOPBACK, peer.port, events);
  await events.until("open");
  assert.equal(write(stream, new TextEncoder().encode("hello ")), true);
  await events.until("data");
  stream.end();
  await events.until("end");
  assert.equal(new TextDecoder().decode(Uint8Array.from(events.bytes)), "hello bye");
  stream.close();
  peer.close();
  await once(peer, "close");
  assert.equal(sockets.buffers.detachedBytes, 0);
});

test("a connection that is refused says so, on 127.0.0.1 and ::1", async () => {
  const peer = await server(() => {});
  const { port } = peer;
  peer.close();
  await once(peer, "close");
  const events = new Recorder();
  new NodeHostSockets().connectStream(LOOPBACK, port, events);
  await events.until(`error ${ECONNREFUSED}`);
  assert.deepEqual(events.log, [`error ${ECONNREFUSED}`]);
});

test("the host's loopback is tried as ::1 too", async (context) => {
  const peer = await server((socket) => socket.end("six"), "::1").catch(() => null);
  if (peer === null) return context.skip("no IPv6 here");
  const events = new Recorder();
  const stream = new NodeHostSockets().connectStream(LOOPBACK, peer.port, events);
  await events.until("end");
  assert.deepEqual(events.log, ["open", "data", "end"]);
  stream.close();
  peer.close();
});

test("what is not taken is kept, reading stops, and goes on where it stopped", async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, k) => k);
  const peer = await server((socket) => socket.end(bytes));
  const events = new Recorder();
  events.appetite = 10;
  const stream = new NodeHostSockets().connectStream(LOOPBACK, peer.port, events);
  await events.until("data");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(events.received, 10);
  events.appetite = 7;
  stream.resume();
  assert.equal(events.received, 17, "what was kept is offered at once");
  assert.deepEqual(events.bytes, [...bytes.subarray(0, 17)]);
  events.appetite = Number.POSITIVE_INFINITY;
  stream.resume();
  await events.until("end");
  assert.equal(events.received, bytes.length);
  stream.close();
  peer.close();
});

test("a reader that does not read holds the writer back, with one buffer at most", async () => {
  let socket: net.Socket | undefined;
  const peer = await server((accepted) => {
    socket = accepted.pause();
  });
  const sockets = new NodeHostSockets();
  const events = new Recorder();
  const stream = sockets.connectStream(LOOPBACK, peer.port, events);
  await events.until("open");
  let sent = 0;
  for (;;) {
    const buffer = stream.writeBuffer(1 << 20);
    assert.ok(buffer !== null);
    for (let k = 0; k < buffer.length; k++) buffer[k] = sent + k;
    sent += buffer.length;
    if (!stream.write(buffer.length)) break;
    assert.ok(sent < 64 << 20, "never held back");
  }
  assert.equal(stream.writeBuffer(1), null);
  assert.ok(sockets.buffers.detachedBytes <= 256 * 1024);
  let received = 0;
  let wrong = 0;
  socket?.on("data", (chunk: Buffer) => {
    for (let k = 0; k < chunk.length; k += 4099) if (chunk[k] !== ((received + k) & 255)) wrong++;
    received += chunk.length;
  });
  socket?.resume();
  await events.until("writable");
  assert.equal(sockets.buffers.detachedBytes, 0);
  stream.end();
  await once(socket as net.Socket, "end");
  assert.equal(received, sent);
  assert.equal(wrong, 0);
  socket?.end();
  await events.until("end");
  stream.close();
  peer.close();
});

test("resets go both ways", async () => {
  const accepted: net.Socket[] = [];
  const errors: string[] = [];
  const peer = await server((socket) => {
    accepted.push(socket);
    socket.on("error", (error: NodeJS.ErrnoException) => errors.push(error.code ?? ""));
    socket.resume();
  });
  const sockets = new NodeHostSockets();
  const first = new Recorder();
  const stream = sockets.connectStream(LOOPBACK, peer.port, first);
  await first.until("open");
  while (accepted.length < 1) await new Promise((resolve) => setImmediate(resolve));
  stream.reset();
  await new Promise((resolve) => accepted[0]?.once("close", resolve));
  assert.deepEqual(errors, ["ECONNRESET"]);
  assert.deepEqual(first.log, ["open"], "nothing is told after reset()");

  const second = new Recorder();
  sockets.connectStream(LOOPBACK, peer.port, second);
  await second.until("open");
  while (accepted.length < 2) await new Promise((resolve) => setImmediate(resolve));
  accepted[1]?.resetAndDestroy();
  await second.until(`error ${ECONNRESET}`);
  peer.close();
});

test("accepted streams start paused and know who is there; a taken port says so", async () => {
  const sockets = new NodeHostSockets();
  const streams: HostStream[] = [];
  const listener = await sockets.listenStream("127.0.0.1", 0, (stream) => streams.push(stream));
  await assert.rejects(
    sockets.listenStream("127.0.0.1", listener.port, () => {}),
    (error) => error instanceof HostListenError && error.code === "EADDRINUSE",
  );
  const client = net.connect({ port: listener.port, host: "127.0.0.1" });
  client.write("ping");
  while (streams.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const stream = streams[0] as HostStream;
  assert.equal(stream.remoteAddress, LOOPBACK);
  assert.equal(stream.remotePort, client.localPort);
  const events = new Recorder();
  stream.events = events;
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(events.log, []);
  stream.resume();
  await events.until("data");
  assert.equal(new TextDecoder().decode(Uint8Array.from(events.bytes)), "ping");
  stream.reset();
  const [error] = (await once(client, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
  listener.close();
});

test("datagrams: connected sockets report refusal, bound ones know the sender", async () => {
  const sockets = new NodeHostSockets();
  const got: string[] = [];
  const echo = await sockets.bindDatagram("127.0.0.1", 0, {
    onMessage: (bytes, address, port) => {
      got.push(new TextDecoder().decode(bytes));
      echo.send(bytes, 0, bytes.length, address, port);
    },
    onError: () => {},
  });
  await assert.rejects(
    sockets.bindDatagram("127.0.0.1", echo.port, { onMessage: () => {}, onError: () => {} }),
    (error) => error instanceof HostListenError && error.code === "EADDRINUSE",
  );
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = sockets.connectDatagram(LOOPBACK, echo.port, {
      onMessage: (bytes) => {
        socket.close();
        resolve(new TextDecoder().decode(bytes));
      },
      onError: reject,
    });
    socket.send(new TextEncoder().encode("xping"), 1, 4);
  });
  assert.deepEqual(got, ["ping"]);
  assert.equal(answer, "ping");
  echo.close();
  const probe = dgram.createSocket("udp4").bind(0, "127.0.0.1");
  await once(probe, "listening");
  const closedPort = probe.address().port;
  probe.close();
  const errno = await new Promise<number>((resolve) => {
    const socket = sockets.connectDatagram(LOOPBACK, closedPort, {
      onMessage: () => {},
      onError: (value) => {
        socket.close();
        resolve(value);
      },
    });
    socket.send(new Uint8Array(1), 0, 1);
  });
  assert.equal(errno, ECONNREFUSED);
});

test("the host's hosts file counts", async () => {
  const resolver = new NodeHostResolver();
  const found = await resolver.addresses("localhost");
  assert.equal(found.status, "found");
  if (found.status === "found") assert.ok(found.values.includes(LOOPBACK));
  assert.equal((await resolver.addresses("no-such-name.invalid")).status === "found", false);
});
