/** The host API as a test of somebody's own uses it: boot, serve a folder, wait for the port, fetch from it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { Kernel } from "./boot.ts";
import { file, symlink, tar } from "./root/archives.fixture.ts";

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

test("a root file system from outside: ours in it is what a program needs, and no more", async () => {
  const path = join(site, "root.tar");
  writeFileSync(
    path,
    tar(
      file("etc/passwd", "theirs\n"),
      symlink("etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf"),
      file("etc/hosts", "theirs\n"),
      file("bin/cat", "theirs", { mode: 0o755 }),
    ),
  );
  await using kernel = await Kernel.boot({ root: path, hostname: "guest" });
  const { core } = kernel;
  assert.equal(core.readTextFile("/etc/passwd"), "theirs\n");
  assert.match(core.readTextFile("/etc/group"), /^root:/);
  assert.match(core.readTextFile("/etc/hosts"), /localhost/);
  assert.equal(core.readTextFile("/etc/hostname"), "guest\n");
  assert.match(core.readTextFile("/etc/resolv.conf"), /^nameserver /);
  assert.equal(core.readTextFile("/bin/cat"), "theirs");
  assert.equal(core.findProgram("cat"), "/bin/cat");
  assert.equal(core.findProgram("wget"), "/usr/lib/akuma/bin/wget");
  const program = await kernel.spawn("/usr/lib/akuma/bin/env");
  const { stdout } = await program.output();
  assert.match(stdout, /^PATH=\/usr\/local\/sbin:\/usr\/local\/bin:.*:\/bin:\/usr\/lib\/akuma\/bin$/m);
  const listed = await (await kernel.spawn("/usr/lib/akuma/bin/ls", { arguments: ["-l", "/"] })).output();
  assert.match(listed.stdout, /^drwxrwxrwt .* tmp$/m);
  await assert.rejects(kernel.spawn("/bin/cat"), { code: "ENOEXEC" });
});

test("a folder as the root, and a file of the host's in it, stay as they are", async () => {
  const folder = join(site, "root");
  mkdirSync(join(folder, "etc"), { recursive: true });
  writeFileSync(join(folder, "etc", "motd"), "hello\n");
  await using kernel = await Kernel.boot({ root: [folder] });
  kernel.addFile("/usr/local/bin/page", join(site, "index.html"));
  const run = async (program: string, ...words: string[]): Promise<string> =>
    (await (await kernel.spawn(`/usr/lib/akuma/bin/${program}`, { arguments: words })).output()).stdout;
  assert.match(await run("ls", "-l", "/usr/local/bin"), /^-rwxr-xr-x .* page$/m);
  assert.equal(await run("cat", "/usr/local/bin/page", "/etc/motd"), "<h1>Hello</h1>\nhello\n");
  await run("cp", "/etc/motd", "/etc/copy");
  await run("rm", "/etc/motd");
  assert.match(await run("ls", "/etc"), /^copy$/m);
  assert.match(await run("cat", "/proc/mounts"), /^overlay \/ overlay rw/);
  kernel.core.writeFile("/usr/local/bin/page", "changed");
  assert.deepEqual(readdirSync(folder), ["etc"]);
  assert.deepEqual(readdirSync(join(folder, "etc")), ["motd"]);
  assert.equal(readFileSync(join(site, "index.html"), "utf8"), "<h1>Hello</h1>\n");
  await assert.rejects(Kernel.boot({ root: join(site, "index.html") }), /index\.html: .*no tar archive|cut off/);
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
