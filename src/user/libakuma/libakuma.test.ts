/** libakuma on a real kernel, in both ABIs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "../kernel.fixture.ts";
import {
  AF_INET,
  EBADF,
  ENOENT,
  IPPROTO_TCP,
  O_CREAT,
  O_RDWR,
  SEEK_END,
  SEEK_SET,
  SIGTERM,
  SIGUSR1,
  SOCK_STREAM,
  TCP_NODELAY,
} from "./constants.ts";
import { AkumaError, Shutdown, SocketAddrV4 } from "./index.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

for (const abi of ["linux", "akuma"] as const) {
  test(`the specification's wrappers, ${abi} ABI`, async () => {
    using world = new World();
    await world.inside(
      async (akuma) => {
        const fd = await akuma.open("/tmp/file", O_CREAT | O_RDWR);
        assert.equal(fd, 3);
        assert.equal(await akuma.write_fd(fd, bytes("hello")), 5);
        assert.equal(akuma.lseek(fd, -4, SEEK_END), 1);
        const into = new Uint8Array(10);
        assert.equal(await akuma.read_fd(fd, into), 4);
        assert.equal(text(into.subarray(0, 4)), "ello");
        const stat = akuma.fstat(fd);
        assert.ok(typeof stat !== "number");
        assert.deepEqual([stat.size, stat.isFile, stat.isDirectory, stat.mode & 0o777], [5, true, false, 0o644]);
        assert.equal(akuma.close(fd), 0);
        assert.equal(akuma.close(fd), -EBADF);
        assert.equal(akuma.fstat(99), -EBADF);
        assert.equal(await akuma.open("/nope", 0), -ENOENT);

        const listener = akuma.socket(AF_INET, SOCK_STREAM, 0);
        const address = new SocketAddrV4("127.0.0.1", 7000);
        assert.equal(akuma.bind(listener, address), 0);
        assert.equal(akuma.listen(listener, 5), 0);
        const client = akuma.socket(AF_INET, SOCK_STREAM, 0);
        assert.equal(await akuma.connect(client, address), 0);
        const server = await akuma.accept(listener);
        assert.ok(server > client);
        // Bytes outside of process memory and inside of it.
        assert.equal(await akuma.send(client, bytes("ping"), 0), 4);
        const block = akuma.allocate(16);
        assert.equal(await akuma.recv(server, block, 0), 4);
        assert.equal(text(block.slice(0, 4)), "ping");
        assert.equal(akuma.shutdown(client, Shutdown.Write), 0);
        assert.equal(await akuma.recv(server, block, 0), 0);
        akuma.free(block);

        assert.deepEqual(await akuma.resolve_host("localhost"), Uint8Array.of(127, 0, 0, 1));
        const unknown = await akuma.resolve_host("no.such.name");
        assert.ok(typeof unknown === "number" && unknown < 0);
        const started = akuma.monotonicMilliseconds();
        await akuma.sleep(1500);
        assert.ok(akuma.monotonicMilliseconds() - started >= 1500);
      },
      { abi },
    );
  });
}

test("net as std::net has it", async () => {
  using world = new World();
  await world.inside(async (akuma) => {
    const { net } = akuma;
    await using listener = await net.TcpListener.bind("127.0.0.1:0");
    const local = listener.localAddr();
    assert.ok(local.port >= 32768);
    const served: string[] = [];
    const serving = (async () => {
      for await (const { stream, address } of listener) {
        await using connection = stream;
        assert.equal(address.ip, "127.0.0.1");
        const request = await connection.readText();
        served.push(request);
        await connection.writeAll(request.toUpperCase());
        if (request === "stop") return;
      }
    })();
    for (const word of ["one", "stop"]) {
      await using stream = await net.TcpStream.connect(`localhost:${local.port}`);
      assert.deepEqual({ ...stream.peerAddr() }, { ...local });
      stream.setNoDelay(true);
      assert.equal(stream.noDelay(), true);
      await stream.writeAll(word);
      stream.shutdown(net.Shutdown.Write);
      assert.equal(await stream.readText(), word.toUpperCase());
      assert.equal(stream.takeError(), undefined);
    }
    await serving;
    assert.deepEqual(served, ["one", "stop"]);
    await assert.rejects(
      net.TcpListener.bind(local),
      (error) => error instanceof net.Error && error.kind === "AddrInUse",
    );
    await assert.rejects(net.TcpStream.connect("127.0.0.1:1"), { kind: "ConnectionRefused", code: "ECONNREFUSED" });
    await assert.rejects(net.TcpStream.connectTimeout("127.0.0.1:1", 1000), { kind: "ConnectionRefused" });
    await assert.rejects(net.TcpStream.connect("nonsense"), { kind: "InvalidInput" });
    assert.equal(await net.resolve("10.1.2.3"), "10.1.2.3");
    assert.deepEqual((await net.lookupHost("localhost:80")).map(String), ["127.0.0.1:80"]);
  });
});

test("read timeouts, non-blocking streams, and what is left of a broken one", async () => {
  using world = new World();
  await world.inside(async ({ net }) => {
    const listener = await net.TcpListener.bind("127.0.0.1:7001");
    const stream = await net.TcpStream.connect("127.0.0.1:7001");
    const { stream: peer } = await listener.accept();
    stream.setReadTimeout(100);
    const buffer = new Uint8Array(4);
    await assert.rejects(async () => stream.read(buffer), { kind: "WouldBlock" });
    stream.setReadTimeout(null);
    stream.setNonblocking(true);
    assert.throws(() => stream.read(buffer), { kind: "WouldBlock" });
    stream.setNonblocking(false);
    await peer.writeAll("abcdef");
    assert.equal(await stream.peek(buffer), 4);
    await stream.readExact(buffer);
    assert.equal(text(buffer), "abcd");
    // The peer closes with bytes of ours unread: a reset.
    await stream.writeAll("x");
    peer.close();
    await stream.read(buffer);
    await assert.rejects(
      async () => {
        for (let k = 0; k < 3; k++) await stream.writeAll("more");
      },
      (error) => error instanceof AkumaError && ["ConnectionReset", "BrokenPipe"].includes(error.kind),
    );
    stream.close();
    stream.close();
    listener.close();
  });
});

test("what a listener is set to, its connections are", async () => {
  using world = new World();
  await world.inside(async (akuma) => {
    const listener = await akuma.net.TcpListener.bind("127.0.0.1:7003");
    assert.equal(akuma.setsockopt(listener.fd, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    await akuma.net.TcpStream.connect("127.0.0.1:7003");
    assert.equal((await listener.accept()).stream.noDelay(), true);
  });
});

test("UDP, connected and not", async () => {
  using world = new World();
  await world.inside(async ({ net }) => {
    using a = await net.UdpSocket.bind("127.0.0.1:0");
    using b = await net.UdpSocket.bind("127.0.0.1:0");
    const buffer = new Uint8Array(100);
    assert.equal(await a.sendTo("hello", b.localAddr()), 5);
    const { length, address } = await b.recvFrom(buffer);
    assert.equal(text(buffer.subarray(0, length)), "hello");
    assert.equal(String(address), String(a.localAddr()));
    await b.connect(address);
    assert.equal(await b.send("back"), 4);
    assert.equal((await a.recvFrom(buffer)).length, 4);
    b.setReadTimeout(50);
    await assert.rejects(async () => b.recv(buffer), { kind: "WouldBlock" });
    await a.sendTo("", b.localAddr());
    assert.equal(await b.recv(buffer), 0);
    await assert.rejects(a.sendTo(new Uint8Array(70_000), b.localAddr()), { code: "EMSGSIZE" });
    using c = await net.UdpSocket.bind("127.0.0.1:0");
    await c.connect("127.0.0.1:9");
    await c.send("x");
    await assert.rejects(async () => c.recv(buffer), { kind: "ConnectionRefused" });
  });
});

test("fs", async () => {
  using world = new World();
  await world.inside(async ({ fs }) => {
    await fs.mkdir("/tmp/a/b", { recursive: true });
    await fs.mkdir("/tmp/a/b", { recursive: true });
    await assert.rejects(fs.mkdir("/tmp/a"), { kind: "AlreadyExists" });
    const large = Uint8Array.from({ length: 300_000 }, (_, k) => k);
    await fs.writeFile("/tmp/a/large", large);
    assert.deepEqual(await fs.readFile("/tmp/a/large"), large);
    await fs.writeFile("/tmp/a/ä", "grün");
    await fs.writeFile("/tmp/a/ä", " blau", { append: true });
    assert.equal(await fs.readTextFile("/tmp/a/ä"), "grün blau");
    await fs.symlink("ä", "/tmp/a/link");
    assert.equal(fs.readlink("/tmp/a/link"), "ä");
    assert.deepEqual([fs.lstat("/tmp/a/link").isSymbolicLink, fs.stat("/tmp/a/link").isFile], [true, true]);
    const names = (await fs.readDir("/tmp/a")).map(({ name, isFile, isDirectory }) => [name, isFile, isDirectory]);
    assert.deepEqual(names.sort(), [
      ["b", false, true],
      ["large", true, false],
      ["link", false, false],
      ["ä", true, false],
    ]);
    await fs.rename("/tmp/a/ä", "/tmp/a/c");
    assert.deepEqual([fs.exists("/tmp/a/ä"), fs.exists("/tmp/a/c"), fs.exists("/tmp/a/link")], [false, true, false]);
    assert.equal(await fs.copy("/tmp/a/large", "/tmp/copy"), 300_000);
    await fs.setTimes("/tmp/copy", 1000, 2500);
    assert.equal(fs.stat("/tmp/copy").modifiedMilliseconds, 2500);
    await fs.setPermissions("/tmp/copy", 0o600);
    assert.equal(fs.stat("/tmp/copy").mode & 0o777, 0o600);
    using file = await fs.open("/tmp/copy", { read: true, write: true });
    assert.equal(file.seek(5), 5);
    await file.writeAll("X");
    assert.equal(file.seek(0, SEEK_SET), 0);
    const head = new Uint8Array(7);
    await file.readExact(head);
    assert.equal(head[5], 88);
    assert.equal(await file.readAt(head, 299_998), 2);
    await assert.rejects(file.readExact(new Uint8Array(400_000)), { kind: "UnexpectedEof" });
    file.setLength(3);
    assert.equal(file.stat().size, 3);
    await assert.rejects(fs.open("/tmp/copy", { write: true, createNew: true }), { kind: "AlreadyExists" });
    await assert.rejects(fs.readFile("/tmp/a"), { kind: "IsADirectory" });
    await assert.rejects(fs.remove("/tmp/a"), { kind: "DirectoryNotEmpty" });
    await fs.remove("/tmp/a", { recursive: true });
    await assert.rejects(async () => fs.stat("/tmp/a"), {
      kind: "NotFound",
      message: "/tmp/a: No such file or directory",
    });
    await assert.rejects(fs.readFile("/tmp/\0"), { kind: "InvalidInput" });
  });
});

test("many folder entries", async () => {
  using world = new World();
  await world.inside(async ({ fs }) => {
    for (let k = 0; k < 3000; k++)
      (await fs.open(`/tmp/file with a long name ${k}`, { write: true, create: true })).close();
    const names = new Set((await fs.readDir("/tmp")).map(({ name }) => name));
    assert.equal(names.size, 3000);
  });
});

test("memory grows with use and is given back", async () => {
  using world = new World();
  await world.inside((akuma) => {
    const { heap } = akuma.memory;
    const before = heap.bytesInUse;
    const blocks = Array.from({ length: 50 }, (_, k) => akuma.allocate(100_000 + k));
    for (const [k, block] of blocks.entries()) block.fill(k);
    assert.ok(akuma.gate.memory.byteLength > 5_000_000);
    for (const [k, block] of blocks.entries()) assert.ok(block.every((byte) => byte === k));
    const ranges = blocks
      .map((block) => [block.byteOffset, block.byteOffset + block.length])
      .sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
    for (let k = 1; k < ranges.length; k++) assert.ok((ranges[k]?.[0] ?? 0) >= (ranges[k - 1]?.[1] ?? 0));
    for (const block of blocks) akuma.free(block);
    assert.equal(heap.bytesInUse, before);
    const size = akuma.gate.memory.byteLength;
    for (let k = 0; k < 1000; k++) akuma.free(akuma.allocate(100_000));
    assert.equal(akuma.gate.memory.byteLength, size);
    assert.throws(() => akuma.allocate(2 ** 30), { kind: "OutOfMemory" });
    assert.equal(heap.tryAllocate(2 ** 30), 0);
    akuma.free(akuma.allocate(1000));
  });
});

test("nothing stays allocated after calls", async () => {
  using world = new World();
  await world.inside(async (akuma) => {
    const { fs, net, memory } = akuma;
    const round = async (): Promise<void> => {
      await fs.writeFile("/tmp/x", "x");
      await fs.readFile("/tmp/x");
      await fs.readDir("/tmp");
      await assert.rejects(fs.readFile("/nope"));
      const listener = await net.TcpListener.bind("127.0.0.1:7002");
      const stream = await net.TcpStream.connectTimeout("127.0.0.1:7002", 1000);
      const { stream: peer } = await listener.accept();
      await stream.writeAll("x");
      await peer.read(new Uint8Array(1));
      for (const one of [stream, peer, listener]) one.close();
      await net.resolve("localhost");
      await akuma.poll([], 1);
    };
    await round();
    const before = memory.heap.bytesInUse;
    for (let k = 0; k < 3; k++) await round();
    assert.equal(memory.heap.bytesInUse, before);
  });
});

test("signals: handled, ignored, by default, and a handler that fails", async () => {
  using world = new World();
  const handled = await world.run(async (akuma) => {
    const got: number[] = [];
    akuma.signal(SIGUSR1, (signal) => got.push(signal));
    akuma.kill(akuma.getpid(), SIGUSR1);
    await akuma.sleep(10);
    akuma.signal(SIGUSR1, "ignore");
    akuma.kill(akuma.getpid(), SIGUSR1);
    await akuma.print(`${got}`);
  });
  assert.deepEqual([handled.code, handled.stdout], [0, "10\n"]);
  const sleeping = world.start(async (akuma) => {
    let woken = false;
    akuma.signal(SIGTERM, () => {
      woken = true;
    });
    await akuma.print("ready");
    await akuma.sleep(60_000);
    return woken ? 7 : 8;
  });
  await world.until(() => sleeping.stdout() !== "");
  sleeping.process.signals.raise(SIGTERM);
  assert.equal((await sleeping.exited).code, 7, "sleep goes on to its end");
  const byDefault = world.start((akuma) => akuma.sleep(60_000));
  await world.until(() => byDefault.process.parked.size > 0);
  byDefault.process.signals.raise(SIGTERM);
  assert.equal((await byDefault.exited).signal, "SIGTERM");
  const failing = await world.run(async (akuma) => {
    akuma.signal(SIGUSR1, () => {
      throw new Error("oops");
    });
    akuma.kill(akuma.getpid(), SIGUSR1);
    await akuma.sleep(10);
  });
  assert.equal(failing.code, 1);
  assert.match(failing.stderr, /in a signal handler: Error: oops/);
});

test("how programs end", async () => {
  using world = new World();
  assert.equal((await world.run(() => {})).code, 0);
  assert.equal((await world.run(() => 300)).code, 44);
  const thrown = await world.run(() => {
    throw new Error("broken");
  });
  assert.deepEqual([thrown.code, thrown.stderr], [1, `inline3: broken\n`]);
  const failed = await world.run(async ({ fs }) => {
    await fs.readFile("/nope");
  });
  assert.deepEqual([failed.code, failed.stderr], [1, "inline4: /nope: No such file or directory\n"]);
  let ranOn = false;
  const exited = await world.run((akuma) => {
    akuma.exit(5);
    ranOn = true;
  });
  assert.deepEqual([exited.code, ranOn], [5, false]);
  assert.deepEqual(world.log, []);
});

test("spawn, pipes and wait4", async () => {
  using world = new World();
  await world.inside(async (akuma) => {
    const ends = akuma.pipe2();
    assert.ok(typeof ends !== "number");
    const [reader, writer] = ends;
    const child = await akuma.spawn({
      path: "/bin/echo",
      arguments: ["echo", "from", "the child"],
      files: [[1, writer]],
    });
    assert.ok(child > 0);
    akuma.close(writer);
    const block = akuma.allocate(100);
    const count = await akuma.read_fd(reader, block);
    assert.equal(text(block.slice(0, count)), "from the child\n");
    assert.equal(await akuma.read_fd(reader, block), 0);
    assert.deepEqual(await akuma.wait4(child), [child, 0]);
    assert.equal(await akuma.spawn({ path: "/bin/nope", arguments: [] }), -ENOENT);
  });
});
