/** The command as a user meets it: in a process of its own. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { file as entry, tar } from "../host/node/root/archives.fixture.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const file = randomBytes(3_000_000);
let folder = "";
let server: http.Server;
let port = 0;

interface Outcome {
  stdout: string;
  stderr: string;
  code: number | null;
}

function start(...words: string[]): ChildProcess {
  const environment = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "akuma-test-cache"), NO_COLOR: "1" };
  return spawn(process.execPath, [main, ...words], { cwd: folder, env: environment, stdio: ["pipe", "pipe", "pipe"] });
}

async function finish(child: ChildProcess, input = ""): Promise<Outcome> {
  const outcome: Outcome = { stdout: "", stderr: "", code: null };
  child.stdout?.on("data", (chunk) => (outcome.stdout += chunk));
  child.stderr?.on("data", (chunk) => (outcome.stderr += chunk));
  child.stdin?.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  outcome.code = code;
  return outcome;
}

const akuma = (...words: string[]): Promise<Outcome> => finish(start(...words));

/** Waits until the child has printed something that matches. */
function until(stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream?.on("data", (chunk) => {
      text += chunk;
      const found = pattern.exec(text);
      if (found !== null) resolve(found);
    });
    stream?.on("end", () => reject(new Error(`ended without ${pattern}: ${text}`)));
  });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "akuma-cli-"));
  server = http.createServer((request, response) => {
    if (request.url === "/away") response.writeHead(302, { location: `http://127.0.0.1:${port + 1}/` }).end();
    else if (request.url === "/never") response.writeHead(200).write("a");
    else response.end(request.url === "/file" ? file : "hello");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

describe("akuma", { concurrency: 2 }, () => {
  test("help, version, and what is wrong with a command line", async () => {
    const [help, version, unknown, flag, missing] = [
      await akuma("--help"),
      await akuma("--version"),
      await akuma("sevre"),
      await akuma("run", "--sede", "1", "ls"),
      await akuma("serve"),
    ];
    assert.deepEqual([help.code, version.code, unknown.code, flag.code, missing.code], [0, 0, 2, 2, 2]);
    assert.match(help.stdout, /akuma serve \./);
    assert.match(version.stdout, /^akuma \d+\.\d+\.\d+\n$/);
    assert.match(unknown.stderr, /no command sevre \(did you mean serve\?\)\n.*akuma --help/);
    assert.match(flag.stderr, /unknown option '--sede'.*--seed/);
    assert.match(missing.stderr, /missing required argument 'FOLDER'\n.*akuma serve --help/);
  });

  test("run: exit codes, input, output", async () => {
    assert.deepEqual(await akuma("run", "echo", "--not", "a flag"), { stdout: "--not a flag\n", stderr: "", code: 0 });
    assert.equal((await finish(start("run", "cat"), "through the kernel")).stdout, "through the kernel");
    assert.equal((await akuma("run", "false")).code, 1);
    const missing = await akuma("run", "nonesuch");
    assert.equal(missing.code, 127);
    assert.match(missing.stderr, /no program nonesuch.*httpd/);
  });

  test("run: a module of the host's", async () => {
    writeFileSync(
      join(folder, "hello.ts"),
      "export async function main(akuma: { arguments: string[]; print(text: string): unknown }): Promise<number> { await akuma.print(akuma.arguments.join(' ')); return 42; }",
    );
    const { stdout, code } = await akuma("run", "./hello.ts", "a", "b");
    assert.match(stdout, / a b\n$/);
    assert.equal(code, 42);
    assert.equal((await akuma("run", "./nothere.ts")).code, 127);
  });

  test("run: a root file system, programs in it by name, and what is not there", async () => {
    mkdirSync(join(folder, "root", "usr", "bin"), { recursive: true });
    writeFileSync(join(folder, "root", "usr", "bin", "script"), "#!/usr/lib/akuma/bin/cat\nfrom the root\n", {
      mode: 0o755,
    });
    const byName = await akuma("run", "--root", "root", "script");
    assert.deepEqual([byName.stdout, byName.code], ["#!/usr/lib/akuma/bin/cat\nfrom the root\n", 0]);
    writeFileSync(join(folder, "upper.tar"), tar(entry("etc/motd", "from above\n")));
    const above = await akuma("run", "--root", "root", "--root", "upper.tar", "--", "cat", "/etc/motd");
    assert.deepEqual([above.stdout, above.code], ["from above\n", 0]);
    const [missing, archive] = [
      await akuma("run", "--root", "root", "nonesuch"),
      await akuma("run", "--root", "nowhere.tar", "ls"),
    ];
    assert.deepEqual([missing.code, archive.code], [127, 1]);
    assert.match(missing.stderr, /no program nonesuch in the root file system \(looked in \/usr\/local\/sbin/);
    assert.match(archive.stderr, /no folder or archive nowhere\.tar/);
    writeFileSync(join(folder, "hostile.tar"), tar(entry("../escape")));
    assert.match((await akuma("run", "--root", "hostile.tar", "ls")).stderr, /hostile\.tar: .* outside of the root/);
  });

  test("run: scripts of the host's", async () => {
    writeFileSync(join(folder, "script"), "#!/bin/cat\nfrom the host\n");
    assert.equal((await akuma("run", "./script")).stdout, "#!/bin/cat\nfrom the host\n");
    writeFileSync(join(folder, "text"), "no program");
    const text = await akuma("run", "./text");
    assert.equal(text.code, 126);
    assert.match(text.stderr, /text is neither an executable/);
  });

  test("run: signals end the program and tell so in the exit code", async () => {
    writeFileSync(
      join(folder, "wait.ts"),
      "export async function main(akuma: any): Promise<void> { await akuma.print('ready'); await akuma.sleep(60_000); }",
    );
    for (const [signal, code] of [
      ["SIGTERM", 143],
      ["SIGINT", 130],
    ] as const) {
      const child = start("run", "./wait.ts");
      const finished = finish(child);
      await until(child.stdout, /ready/);
      child.kill(signal);
      assert.equal((await finished).code, code);
    }
  });

  test("run: whoever reads the output may go away", async () => {
    const child = start("run", "cat", "/dev/zero");
    const closed = once(child, "close");
    child.stdout?.once("data", () => child.stdout?.destroy());
    const [code] = (await closed) as [number];
    assert.equal(code, 141);
  });

  test("wget: into the current folder, to a name, to stdout, and to another folder", async () => {
    assert.equal((await akuma("wget", "--quiet", `http://127.0.0.1:${port}/file`)).code, 0);
    assert.deepEqual(readFileSync(join(folder, "file")), file);
    const piped = await akuma("wget", `http://localhost:${port}/`, "-");
    assert.equal(piped.stdout, "hello");
    const other = mkdtempSync(join(tmpdir(), "akuma-cli-"));
    assert.equal((await akuma("wget", `http://127.0.0.1:${port}/file`, join(other, "copy"))).code, 0);
    assert.equal(
      createHash("sha256")
        .update(readFileSync(join(other, "copy")))
        .digest("hex"),
      createHash("sha256").update(file).digest("hex"),
    );
    assert.deepEqual(readdirSync(other), ["copy"]);
    rmSync(other, { recursive: true });
  });

  test("wget: another host needs a grant, and the message names the flag", async () => {
    const { code, stderr } = await akuma("wget", `http://127.0.0.1:${port}/away`, "away");
    assert.equal(code, 4);
    assert.match(stderr, new RegExp(`--allow-net=127\\.0\\.0\\.1:${port + 1}`));
    assert.equal(existsSync(join(folder, "away")), false);
    const wrong = await akuma("wget", "--allow-net=http://x", `http://127.0.0.1:${port}/`, "-");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /is a URL: grant its host/);
  });

  test("wget: an interrupted download leaves no file behind", async () => {
    const child = start("wget", `http://127.0.0.1:${port}/never`, "never");
    const finished = finish(child);
    await until(child.stderr, /unspecified/);
    child.kill("SIGINT");
    assert.equal((await finished).code, 130);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("never")),
      [],
    );
  });

  test("serve: on a free port, until Ctrl-C; a port that is taken says what to do", async () => {
    writeFileSync(join(folder, "index.html"), "<p>served");
    const child = start("serve", "--port", "0", ".");
    const finished = finish(child);
    const [, address = ""] = await until(child.stdout, /(http:\/\/127\.0\.0\.1:\d+\/)/);
    const response = await fetch(address);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), "<p>served");
    const taken = await akuma("serve", "--port", new URL(address).port, ".");
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /in use: choose another one with --port/);
    child.kill("SIGINT");
    assert.equal((await finished).code, 0);
    const nowhere = await akuma("serve", "nowhere");
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /no folder nowhere/);
  });
});
