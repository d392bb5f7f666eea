/** Programs in worker threads: the same source behind the same gate, a heap of their own, and they can be killed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { Kernel } from "../src/index.ts";

async function firstChunk(stream: Readable | null): Promise<string> {
  assert.ok(stream !== null);
  const [chunk] = (await stream.take(1).toArray()) as [Buffer];
  return chunk.toString();
}

const fixture = (name: string): URL => new URL(`./support/programs/${name}.ts`, import.meta.url);

test("a program in a worker makes blocking and immediate calls", async () => {
  await using kernel = await Kernel.boot();
  kernel.addProgram("greeter", fixture("greeter"));
  for (const isolate of ["realm", "worker"] as const) {
    const program = await kernel.spawn("/bin/greeter", { arguments: ["world"], isolate, stdin: "typed\n" });
    const { stdout, stderr, code } = await program.output();
    assert.equal(stderr, "");
    assert.equal(stdout, "hello world, you typed: typed\n");
    assert.equal(code, 7);
  }
});

test("an endless loop in a worker does not stop the kernel, and SIGKILL ends it", async () => {
  await using kernel = await Kernel.boot();
  kernel.addProgram("endless", fixture("endless"));
  const endless = await kernel.spawn("/bin/endless", { isolate: "worker" });
  // The loop has begun once its first line is there.
  assert.equal(await firstChunk(endless.stdout), "looping\n");
  const echo = await kernel.spawn("/bin/echo", { arguments: ["alive"] });
  assert.equal((await echo.output()).stdout, "alive\n");
  endless.kill("SIGKILL");
  assert.deepEqual(await endless.exited, { code: null, signal: "SIGKILL" });
});

test("a worker serves connections: accept, read and write wait at the same time", async () => {
  await using kernel = await Kernel.boot();
  kernel.addProgram("echo-server", fixture("echo-server"));
  const server = await kernel.spawn("/bin/echo-server", { isolate: "worker" });
  assert.equal(await firstChunk(server.stdout), "listening\n");
  const sockets = [1, 2, 3].map(() => kernel.connect(7));
  const answers = sockets.map(async (socket, k) => {
    socket.write(`message ${k}`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    return answer.toString();
  });
  // Not one is closed before all are answered: the server does not expect a reset.
  assert.deepEqual(await Promise.all(answers), ["message 0", "message 1", "message 2"]);
  server.kill();
  for (const socket of sockets) socket.destroy();
  assert.deepEqual(await server.exited, { code: null, signal: "SIGTERM" });
});

test("a module that cannot be loaded ends its process with 127 and a line in the log", async () => {
  const log: string[] = [];
  await using kernel = await Kernel.boot({ log: (line) => log.push(line) });
  kernel.addProgram("missing", new URL("file:///nowhere/missing.ts"));
  for (const isolate of ["realm", "worker"] as const) {
    const program = await kernel.spawn("/bin/missing", { isolate });
    assert.deepEqual(await program.exited, { code: 127, signal: null });
  }
  assert.equal(log.length, 2);
});

test("an error that nobody catches, and memory without end, end the program in the worker alone", async () => {
  const log: string[] = [];
  await using kernel = await Kernel.boot({ log: (line) => log.push(line) });
  kernel.addProgram("careless", fixture("careless"));
  kernel.addProgram("hungry", fixture("hungry"));
  const careless = await kernel.spawn("/bin/careless", { isolate: "worker" });
  assert.deepEqual(await careless.exited, { code: null, signal: "SIGABRT" });
  assert.match(log.join(), /left alone/);
  const hungry = await kernel.spawn("/bin/hungry", { isolate: "worker" });
  assert.deepEqual(await hungry.exited, { code: null, signal: "SIGKILL" });
  const echo = await kernel.spawn("/bin/echo", { arguments: ["alive"] });
  assert.equal((await echo.output()).stdout, "alive\n");
});

test("programs in workers are bounded: the next one gets EAGAIN until one has gone", async () => {
  await using kernel = await Kernel.boot({ maximumWorkers: 1 });
  const start = (): ReturnType<typeof kernel.spawn> =>
    kernel.spawn("/bin/sleep", { arguments: ["1000"], isolate: "worker" });
  const first = await start();
  await assert.rejects(start(), { code: "EAGAIN" });
  assert.equal((await (await kernel.spawn("/bin/echo", { arguments: ["still"] })).output()).stdout, "still\n");
  first.kill("SIGKILL");
  await first.exited;
  // The process has ended; its thread takes a moment more.
  for (;;) {
    const second = await start().catch((error: NodeJS.ErrnoException) => assert.equal(error.code, "EAGAIN"));
    if (second) break;
    await new Promise(setImmediate);
  }
});
