/** Programs of the guest and sockets of the host, through the gateway: everything real, on loopback. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import dgram from "node:dgram";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { after, before, test } from "node:test";
import type { Akuma } from "../../user/libakuma/index.ts";
import { type BootOptions, Kernel } from "./boot.ts";

type Main = (akuma: Akuma) => Promise<number | undefined>;

let started = 0;

/** Boots a kernel with one program; ends with its exit code. */
async function boot(main: Main, options: BootOptions = {}) {
  const log: string[] = [];
  const kernel = await Kernel.boot({ log: (line) => log.push(line), ...options });
  const name = `test${++started}`;
  kernel.addProgram(name, { main });
  const program = await kernel.spawn(`/bin/${name}`);
  return { kernel, program, log };
}

/** Runs a program to its end; what it printed. */
async function run(main: Main, options: BootOptions = {}): Promise<{ stdout: string; log: string[] }> {
  const { kernel, program, log } = await boot(main, options);
  const { stdout, stderr, code } = await program.output();
  await kernel.shutdown();
  assert.equal(code, 0, stderr + log.join("\n"));
  return { stdout, log };
}

/** Echoes each connection until its client has finished. */
const echo: Main = async (akuma) => {
  const listener = await akuma.net.TcpListener.bind("0.0.0.0:7");
  await akuma.print("ready");
  for await (const { stream } of listener) {
    void (async () => {
      const buffer = akuma.allocate(65_536);
      try {
        for (;;) {
          const count = await stream.read(buffer);
          if (count === 0) break;
          await stream.writeAll(buffer.subarray(0, count));
        }
      } catch {
        // The client has gone.
      }
      stream.close();
    })();
  }
};

function pattern(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let k = 0; k < length; k += 4) bytes.writeUInt32LE((k * 2654435761) >>> 0, k);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
}

let guest: Awaited<ReturnType<typeof boot>>;
let port = 0;

before(async () => {
  guest = await boot(echo, { publish: ["0:7", "0:9"] });
  await once(guest.program.stdout as NodeJS.ReadableStream, "data");
  port = guest.kernel.published[0]?.hostPort ?? 0;
});

after(async () => {
  guest.program.kill("SIGKILL");
  await guest.kernel.shutdown();
});

test("megabytes through a published port and back, with a half-closed connection", async () => {
  const sent = pattern(6 << 20);
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.end(sent);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  assert.equal(sha256(Buffer.concat(chunks)), sha256(sent));
});

test("a client that does not read stops everything behind it, and loses nothing", async () => {
  const socket = net.connect({ port, host: "127.0.0.1" });
  const sent = pattern(24 << 20);
  socket.pause();
  let finished = false;
  socket.end(sent, () => {
    finished = true;
  });
  for (let quiet = 0, last = -1; quiet < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    quiet = socket.writableLength === last ? quiet + 1 : 0;
    last = socket.writableLength;
  }
  assert.equal(finished, false, "the echo's answer has nowhere to go, so the client is held back");
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  assert.equal(sha256(Buffer.concat(chunks)), sha256(sent));
});

test("a published port behind which nobody listens", async () => {
  const socket = net.connect({ port: guest.kernel.published[1]?.hostPort ?? 0, host: "127.0.0.1" });
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
});

test("connections of host code need no port of the host", async () => {
  const socket = guest.kernel.connect(7);
  await once(socket, "connect");
  const sent = pattern(2 << 20);
  socket.end(sent);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  assert.equal(sha256(Buffer.concat(chunks)), sha256(sent));
  assert.equal(socket.bytesWritten, sent.length);
  const refused = guest.kernel.connect(9);
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
  assert.throws(() => guest.kernel.connect(0), RangeError);
  const abandoned = guest.kernel.connect(7);
  abandoned.setTimeout(20);
  await once(abandoned, "timeout");
  abandoned.destroy();
  await once(abandoned, "close");
});

test("http.request() over a connection in the process, kept alive", async (context) => {
  const { kernel, program } = await boot(async (akuma) => {
    akuma.fs.writeFile("/public/hello.txt", "hello from inside");
    await akuma.print("ready");
    await akuma.sleep(60_000);
    return 0;
  });
  context.after(async () => {
    program.kill("SIGKILL");
    await kernel.shutdown();
  });
  await once(program.stdout as NodeJS.ReadableStream, "data");
  const server = await kernel.spawn("/bin/httpd");
  await once(server.stdout as NodeJS.ReadableStream, "data");
  let connections = 0;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => {
    connections++;
    return kernel.connect(8080) as unknown as net.Socket;
  };
  for (let k = 0; k < 5; k++) {
    const request = http.get({ agent, path: "/hello.txt" });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    let text = "";
    for await (const chunk of response) text += chunk;
    assert.equal(text, "hello from inside");
  }
  assert.equal(connections, 1);
  agent.destroy();
});

test("a program reaches a server of the host that was granted, by the gateway's address and by 127.0.0.1", async () => {
  const received: string[] = [];
  const server = net.createServer({ allowHalfOpen: true }, async (socket) => {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    const all = Buffer.concat(chunks);
    received.push(sha256(all));
    socket.end(`got ${all.length}`);
  });
  const target = await listen(server);
  const bytes = pattern(3 << 20);
  const { stdout } = await run(
    async (akuma) => {
      for (const address of ["10.0.2.2", "127.0.0.1", "localhost"]) {
        const stream = await akuma.net.TcpStream.connect(`${address}:${target}`);
        await stream.writeAll(bytes);
        stream.shutdown(akuma.net.Shutdown.Write);
        const buffer = new Uint8Array(100);
        const count = await stream.read(buffer);
        await akuma.print(`${new TextDecoder().decode(buffer.subarray(0, count))}`);
        stream.close();
      }
    },
    { allowNet: [`127.0.0.1:${target}`] },
  );
  server.close();
  assert.equal(stdout.trim(), Array(3).fill(`got ${bytes.length}`).join("\n"));
  assert.deepEqual(received, Array(3).fill(sha256(bytes)));
});

test("without a grant nothing is reached: not the host, not a name, not by datagrams; and the flag is named", async () => {
  let connections = 0;
  const server = net.createServer(() => connections++);
  const target = await listen(server);
  const { stdout, log } = await run(
    async (akuma) => {
      for (const address of [
        `10.0.2.2:${target}`,
        `127.0.0.1:${target}`,
        `localhost:${target}`,
        "192.0.2.1:80",
        "example.com:80",
      ]) {
        const outcome = await akuma.net.TcpStream.connect(address).then(
          () => "connected",
          (error: { kind: string }) => error.kind,
        );
        await akuma.print(`${outcome}`);
      }
    },
    { allowNet: [`127.0.0.1:${target + 1}`] },
  );
  server.close();
  assert.equal(connections, 0);
  assert.doesNotMatch(stdout, /^connected$/m);
  assert.match(stdout, /ConnectionRefused/);
  assert.match(log.join("\n"), /192\.0\.2\.1 .*--allow-net=192\.0\.2\.1:80/);
  assert.match(log.join("\n"), /example\.com.*--allow-net=example\.com/);
});

test("datagrams to a socket of the host and back, and refusal as an error", async () => {
  const server = dgram.createSocket("udp4");
  server.on("message", (message, sender) => server.send(message.toString().toUpperCase(), sender.port, sender.address));
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const target = server.address().port;
  const { stdout } = await run(
    async (akuma) => {
      const socket = await akuma.net.UdpSocket.bind("0.0.0.0:0");
      socket.setReadTimeout(5000);
      await socket.sendTo("ping", `10.0.2.2:${target}`);
      const buffer = new Uint8Array(100);
      const { length, address } = await socket.recvFrom(buffer);
      await akuma.print(`${new TextDecoder().decode(buffer.subarray(0, length))} from ${address}`);
      const nobody = await akuma.net.UdpSocket.bind("0.0.0.0:0");
      await nobody.connect("10.0.2.2:1");
      nobody.setReadTimeout(5000);
      await nobody.send("ping");
      const result = await Promise.resolve(nobody.recv(buffer)).then(
        () => "answered",
        (error: { kind: string }) => error.kind,
      );
      await akuma.print(`${result}`);
    },
    { allowNet: ["127.0.0.1"] },
  );
  server.close();
  assert.equal(stdout, `PING from 10.0.2.2:${target}\nConnectionRefused\n`);
});

test("a server of the host that refuses, and one that resets", async () => {
  const server = net.createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
  const target = await listen(server);
  const closed = net.createServer();
  const closedPort = await listen(closed);
  closed.close();
  await once(closed, "close");
  const { stdout } = await run(
    async (akuma) => {
      const refused = await akuma.net.TcpStream.connect(`10.0.2.2:${closedPort}`).catch(
        (error: { kind: string }) => error.kind,
      );
      await akuma.print(`${refused}`);
      const outcome = await (async () => {
        const stream = await akuma.net.TcpStream.connect(`10.0.2.2:${target}`);
        await stream.writeAll(new TextEncoder().encode("hello"));
        return await stream.read(new Uint8Array(10));
      })().catch((error: { kind: string }) => error.kind);
      await akuma.print(`${outcome}`);
    },
    { allowNet: true },
  );
  server.close();
  assert.equal(stdout, "ConnectionRefused\nConnectionReset\n");
});
