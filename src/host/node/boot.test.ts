/** The host API as a test of somebody's own uses it: boot, serve a folder, wait for the port, fetch from it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { Kernel } from "./boot.ts";

const site = mkdtempSync(join(tmpdir(), "akuma-boot-"));
writeFileSync(join(site, "index.html"), "<h1>Hello</h1>\n");
after(() => rmSync(site, { recursive: true }));

test("a folder is served and fetched within the process", async () => {
  await using kernel = await Kernel.boot({ mounts: { "/public": site } });
  await kernel.spawn("/bin/httpd");
  await kernel.listening(8080);
  const [page] = (await once(get({ path: "/", createConnection: () => kernel.connect(8080) }), "response")) as [
    IncomingMessage,
  ];
  assert.equal(page.statusCode, 200);
  assert.match(await text(page), /Hello/);
});

test("waiting for a port on which nobody listens ends with ETIMEDOUT", async () => {
  await using kernel = await Kernel.boot();
  await assert.rejects(kernel.listening(8080, 20), { code: "ETIMEDOUT", message: /nothing listens on port 8080/ });
});

test("boot rejects when a mount cannot be had, and says which", async () => {
  await assert.rejects(Kernel.boot({ mounts: { "/public": join(site, "missing") } }), /missing/);
});

test("what cannot be mounted is refused with errno's name, and leaves nothing behind", async () => {
  await assert.rejects(Kernel.boot({ mounts: { "/": tmpdir() } }), { code: "EBUSY", message: /cannot mount on \/: / });
});

test("a turn of the kernel ends after a while, however much there is to do", async () => {
  await using kernel = await Kernel.boot();
  const { core } = kernel;
  const poll = core.net.poll.bind(core.net);
  let polls = 0;
  core.net.poll = () => {
    polls++;
    for (const end = performance.now() + 2; performance.now() < end; );
    return true;
  };
  assert.equal(core.turn(), true, "there is more to do");
  assert.equal(polls, 1);
  core.net.poll = poll;
});
