/** Machine code of the akuma ABI: programs without a C library that use the specification's own numbers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type BootOptions, Kernel } from "../src/index.ts";

const folder = join(import.meta.dirname, "fixtures/akuma");

async function boot(options: BootOptions = {}): Promise<Kernel> {
  const kernel = await Kernel.boot(options);
  for (const name of ["calls", "httpd", "wget"]) {
    kernel.core.writeFile(`/bin/akuma-${name}`, readFileSync(join(folder, `${name}.elf`)), 0o755);
  }
  return kernel;
}

test("every call that needs no network, with the page at 0x1000", async () => {
  const kernel = await boot();
  const program = await kernel.spawn("/bin/akuma-calls", { abi: "akuma", arguments: ["first argument"] });
  const { code, stdout, stderr } = await program.output();
  assert.equal(stderr, "");
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    "argc 2",
    "first argument",
    "is pid positive 1",
    "brk grew 8192",
    "mmap is at or above 0x10000000 1",
    "munmap 0",
    "mmap of nothing -1",
    "is open 1",
    "write 10",
    "lseek 4",
    "read 3",
    `first byte ${"4".charCodeAt(0)}`,
    "fstat 0",
    "size 10",
    "close 0",
    "close again -9",
    "bad pointer -14",
    "nanosleep 0",
    "at least 2,000 microseconds 1",
    "no such call -38",
  ]);
  assert.equal(code, 42);
  assert.equal(kernel.core.readTextFile("/tmp/akuma-file"), "0123456789");
  await kernel.shutdown();
});

test("an HTTP server over every socket call of the specification", async () => {
  const kernel = await boot();
  const body = "x".repeat(100_000);
  kernel.core.writeFile("/public/index.html", "<h1>Hello</h1>");
  kernel.core.writeFile("/public/big.txt", body);
  const server = await kernel.spawn("/bin/akuma-httpd", { abi: "akuma" });
  await kernel.listening(8080);
  const ask = async (request: string): Promise<string> => {
    const connection = kernel.connect(8080);
    connection.write(`${request}\r\nHost: guest\r\n\r\n`);
    return await text(connection);
  };
  assert.match(
    await ask("GET / HTTP/1.0"),
    /^HTTP\/1\.0 200 OK\r\nContent-Type: text\/html\r\nContent-Length: 14\r\n[\s\S]*\r\n\r\n<h1>Hello<\/h1>$/,
  );
  assert.ok((await ask("GET /big.txt HTTP/1.0")).endsWith(`\r\n\r\n${body}`));
  assert.match(await ask("HEAD /big.txt HTTP/1.0"), /Content-Length: 100000\r\n[\s\S]*\r\n\r\n$/);
  assert.match(await ask("GET /none HTTP/1.0"), /^HTTP\/1\.0 404 /);
  assert.match(await ask("GET /../etc/passwd HTTP/1.0"), /^HTTP\/1\.0 403 /);
  assert.match(await ask("PUT / HTTP/1.0"), /^HTTP\/1\.0 405 /);
  server.kill();
  assert.deepEqual(await server.exited, { code: null, signal: "SIGTERM" });
  await kernel.shutdown();
});

test("a client that resolves, connects and fetches from the host", async () => {
  const host: Server = createServer((request, response) => response.end(`you asked for ${request.url}\n`));
  await new Promise<void>((resolve) => host.listen(0, "127.0.0.1", resolve));
  const { port } = host.address() as AddressInfo;
  const kernel = await boot({ allowNet: [`127.0.0.1:${port}`] });
  const fetch = await kernel.spawn("/bin/akuma-wget", {
    abi: "akuma",
    arguments: ["localhost", String(port), "/some/path"],
  });
  const { code, stdout } = await fetch.output();
  assert.deepEqual([code, stdout], [0, "you asked for /some/path\n"]);
  await kernel.shutdown();
  host.close();
});
