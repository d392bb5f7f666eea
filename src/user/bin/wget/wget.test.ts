/** wget on a real kernel, against httpd and against servers that say exactly what a test wants. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Finished, World } from "../../kernel.fixture.ts";
import { formatBytes, progressLine } from "./progress.ts";

/** What a scripted server does with one connection: text to send, or a function that takes the request. */
type Script = string | ((request: string) => string);

const HANG = "\u0000hang";

/** Answers one connection after the other on port 9000, closing each; returns the requests as they came. */
function scripted(world: World, scripts: readonly Script[]): string[] {
  const requests: string[] = [];
  world.start(async (akuma) => {
    const listener = await akuma.net.TcpListener.bind("127.0.0.1:9000");
    for (const script of scripts) {
      const { stream } = await listener.accept();
      const buffer = new Uint8Array(4096);
      let request = "";
      while (!request.includes("\r\n\r\n")) {
        const count = await stream.read(buffer);
        if (count === 0) break;
        request += new TextDecoder().decode(buffer.subarray(0, count));
      }
      requests.push(request);
      const answer = typeof script === "string" ? script : script(request);
      if (answer.endsWith(HANG)) {
        await stream.writeAll(answer.slice(0, -HANG.length));
        continue;
      }
      await stream.writeAll(Uint8Array.from(answer, (character) => character.charCodeAt(0)));
      stream.close();
    }
    await listener.accept();
  });
  return requests;
}

const URL = "http://127.0.0.1:9000";

async function fetchFile(
  world: World,
  scripts: readonly Script[],
  words: readonly string[] = [],
): Promise<Finished & { file: string | null }> {
  scripted(world, scripts);
  await world.inside((akuma) => akuma.sleep(1));
  const result = await world.run("wget", words.length > 0 ? words : [`${URL}/x`, "/tmp/out"]);
  return { ...result, file: await readFile(world, "/tmp/out") };
}

function readFile(world: World, path: string): Promise<string | null> {
  return world.inside(async ({ fs }) => (fs.exists(path) ? await fs.readTextFile(path) : null));
}

function namesIn(world: World, path: string): Promise<string[]> {
  return world.inside(async ({ fs }) => (await fs.readDir(path)).map(({ name }) => name).sort());
}

test("the ways a body may end", async () => {
  const cases: [string, string][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", "hello"],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: x\r\n\r\n", "hello"],
    ["HTTP/1.0 200 OK\r\n\r\nhello", "hello"],
    ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""],
    [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      "hi",
    ],
    ["HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", "hi"],
  ];
  for (const [answer, body] of cases) {
    using world = new World();
    const { code, file, stderr } = await fetchFile(world, [answer]);
    assert.deepEqual([code, file], [0, body], `${JSON.stringify(answer)}: ${stderr}`);
    assert.deepEqual(await namesIn(world, "/tmp"), ["out"]);
  }
});

test("exit codes, and nothing under the final name", async () => {
  const ok = "HTTP/1.1 200 OK\r\n";
  const cases: [Script, number, RegExp][] = [
    ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 8, /404 Not Found/],
    ["HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 8, /503/],
    ["HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 6, /authentication/],
    ["HTTP/1.1 206 Partial\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/9\r\n\r\nab", 8, /206/],
    ["SSH-2.0-x\r\n\r\n", 7, /no HTTP/],
    ["HTTP/2.0 200 OK\r\n\r\n", 7, /version/],
    [`${ok}Content-Length: x\r\n\r\n`, 7, /no length/],
    [`${ok}Transfer-Encoding: gzip\r\n\r\n`, 7, /coding/],
    [`${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 7, /chunked/],
    [`${ok}X: ${"y".repeat(70_000)}\r\n\r\n`, 7, /does not end/],
    ["HTTP/1.1 302 Found\r\n\r\n", 7, /without saying where/],
    ["HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\n\r\n", 1, /https is not supported/],
    [`${ok}Content-Length: 10\r\n\r\nshort`, 4, /middle of the file/],
    [`${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nab`, 4, /middle of the file/],
    ["", 4, /before an answer/],
  ];
  for (const [script, expected, message] of cases) {
    using world = new World();
    const { code, file, stderr } = await fetchFile(world, [script], ["-t", "1", `${URL}/x`, "/tmp/out"]);
    assert.deepEqual([code, file], [expected, null], `${JSON.stringify(script).slice(0, 80)}: ${stderr}`);
    assert.match(stderr, message);
    assert.deepEqual(await namesIn(world, "/tmp"), [], "no temporary file stays");
  }
});

test("addresses that lead nowhere", async () => {
  using world = new World();
  const code = async (...words: string[]): Promise<number | null> => (await world.run("wget", ["-q", ...words])).code;
  assert.equal(await code(`${URL}/`), 4, "refused");
  assert.equal(await code("http://no.such.host/"), 4);
  assert.equal(await code("https://127.0.0.1/"), 1);
  assert.equal(await code("ftp://127.0.0.1/"), 1);
  assert.equal(await code("http://h:0/"), 1);
  assert.equal(await code(), 2);
  assert.equal(await code("--nope", `${URL}/`), 2);
  assert.equal(await code("-t", "x", `${URL}/`), 2);
  assert.equal(await code(`${URL}/`, "/tmp"), 3, "a folder");
  assert.equal(await code(`${URL}/`, "/nope/file"), 3);
  assert.equal(await code(`${URL}/`, "/proc/file"), 3);
  assert.match((await world.run("wget", ["https://h/"])).stderr, /https is not supported/);
});

test("redirects: relative, to another host, in circles, and without a password for strangers", async () => {
  {
    using world = new World();
    const moved = (to: string, status = 301): string =>
      `HTTP/1.1 ${status} Moved\r\nLocation: ${to}\r\nContent-Length: 3\r\n\r\nxyz`;
    const requests = scripted(world, [
      moved("../b?c#d"),
      moved("//localhost:9000/e", 302),
      moved("/f", 307),
      "HTTP/1.1 200 OK\r\n\r\nfound",
    ]);
    await world.inside((akuma) => akuma.sleep(1));
    const result = await world.run("wget", ["http://me:secret@127.0.0.1:9000/a/x", "/tmp/out"]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await readFile(world, "/tmp/out"), "found");
    assert.deepEqual(
      requests.map((request) => [
        request.split(" ")[1],
        /Host: (\S+)/.exec(request)?.[1],
        request.includes("Authorization: Basic bWU6c2VjcmV0"),
      ]),
      [
        ["/a/x", "127.0.0.1:9000", true],
        ["/b?c", "127.0.0.1:9000", true],
        ["/e", "localhost:9000", false],
        ["/f", "localhost:9000", false],
      ],
    );
    assert.doesNotMatch(result.stderr, /secret/);
  }
  using world = new World();
  const circle = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
  const { code, stderr } = await fetchFile(world, new Array(30).fill(circle));
  assert.equal(code, 8);
  assert.match(stderr, /20 redirections exceeded/);
});

test("a broken connection is taken up where it broke, if the file is the same", async () => {
  {
    using world = new World();
    const requests = scripted(world, [
      'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 10\r\n\r\n01234',
      'HTTP/1.1 206 Partial\r\nETag: "a"\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789',
    ]);
    await world.inside((akuma) => akuma.sleep(1));
    const { code, stderr } = await world.run("wget", [`${URL}/x`, "/tmp/out"]);
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(world, "/tmp/out"), "0123456789");
    assert.match(requests[1] ?? "", /Range: bytes=5-\r\nIf-Range: "a"\r\n/);
  }
  const whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew";
  {
    using world = new World();
    const { code, file } = await fetchFile(world, [
      'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 10\r\n\r\n01234',
      whole,
    ]);
    assert.deepEqual([code, file], [0, "new"]);
  }
  {
    using world = new World();
    const wrong = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nxxxxx";
    const { code, file } = await fetchFile(world, [
      'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Length: 10\r\n\r\n01234',
      wrong,
      whole,
    ]);
    assert.deepEqual([code, file], [0, "new"], "the wrong bytes are not taken");
  }
});

test("an existing file stays until the new one is complete", async () => {
  using world = new World();
  world.kernel.writeFile("/tmp/out", "old");
  const failed = await fetchFile(
    world,
    ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnew", "HTTP/1.1 200 OK\r\n\r\nnew"],
    ["-t", "1", `${URL}/x`, "/tmp/out"],
  );
  assert.deepEqual([failed.code, failed.file], [4, "old"]);
  const done = await world.run("wget", ["-q", `${URL}/x`, "/tmp/out"]);
  assert.deepEqual([done.code, done.stderr, await readFile(world, "/tmp/out")], [0, "", "new"]);
});

test("names, stdout, times and time-outs", async () => {
  using world = new World();
  const ok = "HTTP/1.1 200 OK\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nbody";
  scripted(world, [ok, ok, ok, ok, ok, `HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab${HANG}`, HANG]);
  await world.inside((akuma) => akuma.sleep(1));
  const inTmp = { workingDirectory: "/tmp" };
  assert.equal((await world.run("wget", ["-q", `${URL}/a/name%20x`], inTmp)).code, 0);
  assert.equal((await world.run("wget", ["-q", `${URL}/a/name%20x`], inTmp)).code, 0);
  assert.equal((await world.run("wget", ["-q", "-P", "/root", URL])).code, 0);
  assert.equal((await world.run("wget", ["-O", "/dev/null", URL])).code, 0);
  const out = await world.run("wget", ["-O", "-", `${URL}/`]);
  assert.deepEqual([out.code, out.stdout], [0, "body"]);
  assert.deepEqual(await namesIn(world, "/tmp"), ["name x", "name x.1"]);
  assert.deepEqual(await namesIn(world, "/root"), ["index.html"]);
  assert.equal(
    await world.inside(({ fs }) => fs.stat("/tmp/name x").modifiedMilliseconds),
    Date.UTC(1994, 10, 6, 8, 49, 37),
  );
  for (let k = 0; k < 2; k++) {
    const late = await world.run("wget", ["-T", "2", "-t", "1", `${URL}/late`], inTmp);
    assert.equal(late.code, 4);
    assert.match(late.stderr, /timed out/);
  }
  assert.deepEqual(await namesIn(world, "/tmp"), ["name x", "name x.1"]);
});

test("a signal takes the incomplete file with it", async () => {
  using world = new World();
  scripted(world, [`HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab${HANG}`]);
  const running = world.start("wget", ["-T", "0", `${URL}/x`, "/tmp/out"]);
  await world.until(() => running.stderr().includes("Length"));
  assert.equal((await namesIn(world, "/tmp")).length, 1);
  running.process.signals.raise(2);
  assert.equal((await running.exited).signal, "SIGINT");
  assert.deepEqual(await namesIn(world, "/tmp"), []);
});

test("a large file from httpd arrives whole, in constant memory", async () => {
  using world = new World();
  const large = Uint8Array.from({ length: 5_000_000 }, (_, k) => (k * 31 + (k >>> 12)) & 0xff);
  world.kernel.writeFile("/public/large", large);
  const server = world.start("httpd");
  await world.until(() => server.stdout() !== "");
  const running = world.start("wget", ["http://localhost:8080/large", "/tmp/large"]);
  const { memory } = running.process;
  assert.equal((await running.exited).code, 0);
  assert.ok(memory.byteLength < 2_000_000, `${memory.byteLength}`);
  assert.deepEqual(await world.inside(({ fs }) => fs.readFile("/tmp/large")), large);
});

test("the progress bar", () => {
  const state = {
    name: "file.bin",
    received: 512 * 1024,
    total: 1024 * 1024,
    rate: 1024 * 1024,
    seconds: 0.5,
    isDone: false,
  };
  assert.equal(progressLine(state), "file.bin              50%[=========>          ]    512K  1.00MB/s    eta 0.5s");
  assert.match(
    progressLine({ ...state, received: 1024 * 1024, isDone: true }),
    /100%\[={20}\] {3}1.00M {2}1.00MB\/s {4}in 0.5s/,
  );
  assert.match(progressLine({ ...state, total: undefined }), /\[ <=> /);
  assert.match(progressLine({ ...state, total: 0, received: 0, rate: 0 }), /100%/);
  assert.deepEqual([0, 1023, 1024, 1536, 10 * 1024, 2 ** 30 * 1.5, 2 ** 50].map(formatBytes), [
    "0",
    "1023",
    "1.00K",
    "1.50K",
    "10.0K",
    "1.50G",
    "1024T",
  ]);
});

test("httpd and wget in the akuma ABI", async () => {
  using world = new World();
  world.kernel.writeFile("/public/small.txt", "small");
  world.kernel.writeFile("/public/large.bin", new Uint8Array(200_000));
  const server = world.start("httpd", [], { abi: "akuma" });
  await world.until(() => server.stdout() !== "");
  for (const [name, size] of [
    ["small.txt", 5],
    ["large.bin", 200_000],
  ] as const) {
    const result = await world.run("wget", [`http://localhost:8080/${name}`, `/tmp/${name}`], { abi: "akuma" });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await world.inside(({ fs }) => fs.stat(`/tmp/${name}`).size), size);
  }
  assert.deepEqual(world.log, []);
});
