/**
 * Debian's busybox-static for arm64, unmodified: httpd that forks for each connection, wget of 100 MB, and sh, from a script and
 * from a terminal.
 * Linux only. Needs curl, wrk, python3, qemu-user-static and apt. Run it with:  ./node_modules/.bin/node test/proofs/busybox.proof.ts
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { busybox, serveFromHost } from "./arm64/programs.ts";
import {
  akuma,
  curl,
  freePort,
  holds,
  main,
  parseHeaders,
  residentBytes,
  root,
  run,
  start,
  temporaryFolder,
} from "./support.ts";

/** A path in the guest: where `akuma run` puts an executable of the host's. */
const GUEST_BUSYBOX = "/usr/local/bin/busybox";
const MEBIBYTE = 1 << 20;
/** Below this, growth is noise of a garbage-collected heap. A page lost with each request would be far more. */
const GROWTH_BYTES_A_REQUEST = 1024;
const MAXIMUM_ROUNDS = 10;

const folder = temporaryFolder();
const page = "<!doctype html><title>A page</title>\n";
const data = randomBytes(300_001);
writeFileSync(join(folder, "index.html"), page);
writeFileSync(join(folder, "data.bin"), data);
mkdirSync(join(folder, "cgi-bin"));
const script = join(folder, "cgi-bin/report");
writeFileSync(
  script,
  `#!${GUEST_BUSYBOX} sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo "$REQUEST_METHOD $QUERY_STRING"
head -c "\${CONTENT_LENGTH:-0}" | tr a-z A-Z
`,
);
chmodSync(script, 0o755);

await httpd();
await forks();
await wget();
await shellScript();
await terminal();

async function httpd(): Promise<void> {
  const server = await startHttpd();
  const { url } = server;
  assert.equal((await curl(`${url}/`)).stdout, page);
  const { status, headers } = parseHeaders((await curl("-I", `${url}/data.bin`)).stdout);
  assert.match(status, / 200/);
  assert.equal(headers.get("content-length"), String(data.length));
  assert.ok(Buffer.from((await curl(`${url}/data.bin`)).stdout, "latin1").equals(data));
  const part = await curl("-D", "-", "-r", "1000-200999", `${url}/data.bin`);
  const split = part.stdout.indexOf("\r\n\r\n");
  assert.match(part.stdout, /^HTTP\/1\.[01] 206/);
  assert.ok(Buffer.from(part.stdout.slice(split + 4), "latin1").equals(data.subarray(1000, 201_000)));
  const missing = await curl("-o", "/dev/null", "-w", "%{http_code}", `${url}/nothing`);
  assert.equal(missing.stdout, "404");
  holds("busybox httpd, unmodified, answers curl: GET, HEAD, a range, 404");

  assert.equal((await curl(`${url}/cgi-bin/report?a=1`)).stdout, "GET a=1\n");
  assert.equal((await curl("-d", "some text", `${url}/cgi-bin/report?b=2`)).stdout, "POST b=2\nSOME TEXT");
  holds("it runs a CGI script of busybox sh");

  const load = async (seconds: number): Promise<number> => {
    const { code, stdout, stderr } = await run("wrk", ["-t", "2", "-c", "32", "-d", `${seconds}s`, `${url}/`]);
    assert.equal(code, 0, stderr);
    // wrk prints these lines only when there was one.
    assert.doesNotMatch(stdout, /Socket errors|Non-2xx/, stdout);
    return Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
  };
  // A heap grows to its working size at first. From some moment on it must not grow any more.
  const rounds: { requests: number; resident: number }[] = [];
  let settled = false;
  while (!settled) {
    assert.ok(rounds.length < MAXIMUM_ROUNDS, `its memory grows on and on: ${JSON.stringify(rounds)}`);
    const requests = await load(10);
    assert.ok(requests > 100, `${requests} requests`);
    rounds.push({ requests, resident: residentBytes(server.process.pid) });
    const [before, ...last] = rounds.slice(-3);
    if (before === undefined || last.length < 2) continue;
    const since = last.reduce((sum, round) => sum + round.requests, 0);
    settled = (last[1]?.resident ?? Number.POSITIVE_INFINITY) - before.resident < since * GROWTH_BYTES_A_REQUEST;
  }
  const total = rounds.reduce((sum, round) => sum + round.requests, 0);
  holds(`wrk -c 32, ${rounds.length} times 10 s: ${total} requests, none failed, a process for each`);
  const resident = rounds.map((round) => toMebibytes(round.resident)).join(", ");
  holds(`memory after each time, MiB: ${resident}; in the end no growth`);
  assert.equal((await curl(`${url}/`)).stdout, page);
  assert.equal(server.process.exitCode, null);
  await server.stop();
}

async function forks(): Promise<void> {
  const trace = join(temporaryFolder(), "trace");
  const server = await startHttpd(`--strace=${trace}`);
  for (let count = 0; count < 5; count++) assert.equal((await curl(`${server.url}/`)).stdout, page);
  await server.stop();
  const calls = readFileSync(trace, "utf8");
  // A call that waited has two lines, "accept(3, <unfinished ...>" and "<... accept resumed> …) = 4".
  const accepted = calls.match(/\baccept4?(?:\(| resumed>).*\) += \d+$/gm)?.length ?? 0;
  const forked = calls.match(/\bclone(?:\(| resumed>).*\) += [1-9]\d*$/gm)?.length ?? 0;
  assert.ok(accepted >= 5, `${accepted} connections`);
  assert.equal(forked, accepted);
  holds("each connection is a clone(2)");
}

function startHttpd(...flags: string[]): ReturnType<typeof start> {
  return freePort().then((port) =>
    start(port, [
      "run",
      ...flags,
      "--publish",
      `${port}:80`,
      "--mount",
      `${folder}:/www`,
      busybox,
      "httpd",
      "-f",
      "-p",
      "80",
      "-h",
      "/www",
    ]),
  );
}

async function wget(): Promise<void> {
  const block = randomBytes(MEBIBYTE);
  const expected = createHash("sha256");
  for (let count = 0; count < 100; count++) expected.update(numbered(block, count));
  const sum = expected.digest("hex");
  const host = await serveFromHost(async (_request, response) => {
    response.writeHead(200, { "Content-Length": 100 * MEBIBYTE });
    for (let count = 0; count < 100; count++)
      if (!response.write(numbered(block, count))) await new Promise((drained) => response.once("drain", drained));
    response.end();
  });
  const fetched = temporaryFolder();
  const started = performance.now();
  const { code, stdout, stderr } = await akuma([
    "run",
    `--allow-net=127.0.0.1:${host.port}`,
    "--mount",
    `${fetched}:/fetched:rw`,
    busybox,
    "sh",
    "-c",
    `wget -q -O /fetched/file ${host.url}/ && sha256sum /fetched/file`,
  ]);
  const seconds = (performance.now() - started) / 1000;
  host.close();
  assert.equal(code, 0, stderr);
  assert.equal(
    createHash("sha256")
      .update(readFileSync(join(fetched, "file")))
      .digest("hex"),
    sum,
  );
  assert.equal(stdout, `${sum}  /fetched/file\n`);
  holds(`wget of 100 MiB in ${seconds.toFixed(1)} s with the guest's sha256sum of it: SHA-256 equal`);
}

function numbered(block: Buffer, count: number): Buffer {
  const copy = Buffer.from(block);
  copy.writeUInt32LE(count, (count * 4099) % (MEBIBYTE - 4));
  return copy;
}

/** The same script under QEMU, on the host's Linux. */
async function shellScript(): Promise<void> {
  const text = readFileSync(join(root, "test/proofs/arm64/shell.sh"), "latin1");
  const ours = await akuma(["run", busybox, "sh", "-s", "first", "second argument"], { input: text });
  const theirs = await run("qemu-aarch64-static", [busybox, "sh", "-s", "first", "second argument"], { input: text });
  assert.equal(ours.stdout, theirs.stdout);
  assert.equal(ours.code, theirs.code);
  assert.equal(theirs.code, 42);
  assert.match(ours.stdout, /the end\n$/);
  holds("busybox sh: pipes, here documents, subshells, traps, jobs in the background: as under QEMU");
}

async function terminal(): Promise<void> {
  const steps = [
    ["wait", "# "],
    ["raw"],
    // Editing: a character taken back, and the line before brought back with the arrow key.
    ["type", "echo one twx\x7fo $((6 * 7))\r"],
    ["wait", "\none two 42"],
    ["wait", "# "],
    ["type", "\x1b[A\x1b[D\x1b[D0\r"],
    ["wait", "# "],
    ["type", "echo begun; sleep 1000\r"],
    ["wait", "\nbegun"],
    ["type", "\x03"],
    ["wait", "# "],
    ["type", "echo status $?\r"],
    ["wait", "\nstatus 130"],
    ["wait", "# "],
    ["type", "seq 3 | while read n; do printf '<%s>' $n; done\r"],
    ["wait", "<1><2><3>"],
    ["wait", "# "],
    ["size", 30, 100],
    ["type", "ttysize() { stty size; }; ttysize\r"],
    ["wait", "30 100"],
    ["wait", "# "],
    ["type", "cat\r"],
    ["wait", "cat"],
    ["type", "typed\n"],
    ["wait", "\ntyped"],
    ["type", "\x04"],
    ["wait", "# "],
    ["type", "exit 7\r"],
  ];
  const driver = join(root, "test/support/terminal-driver.py");
  const { stdout, stderr } = await run("/usr/bin/python3", [
    driver,
    JSON.stringify(steps),
    process.execPath,
    main,
    "run",
    "--env",
    "PS1=# ",
    busybox,
    "sh",
    "-i",
  ]);
  assert.notEqual(stdout, "", stderr);
  const result = JSON.parse(stdout);
  assert.equal(result.missing, null, result.output);
  assert.equal(result.status, 7 << 8, result.output);
  assert.deepEqual(result.atEnd, { canonical: true, echo: true });
  holds(
    "sh -i on a pseudo terminal: prompt, editing, Ctrl-C, Ctrl-D, window size, exit status; the terminal as it was",
  );
}

function toMebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}
