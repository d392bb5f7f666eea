/** httpd on a real kernel, over loopback: what goes in and out as text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Running, World } from "../../kernel.fixture.ts";
import type { Akuma, TcpStream } from "../../libakuma/index.ts";
import { Shutdown } from "../../libakuma/index.ts";

interface Answer {
  status: number;
  fields: Map<string, string>;
  body: string;
}

async function serve(options: readonly string[] = []): Promise<{ world: World; server: Running }> {
  const world = new World();
  const { kernel } = world;
  kernel.writeFile("/public/index.html", "<h1>home</h1>");
  kernel.writeFile("/public/style.css", "body {}");
  kernel.writeFile("/public/ten.txt", "0123456789");
  kernel.writeFile("/public/empty", "");
  kernel.writeFile("/public/big.bin", pattern(300_000));
  kernel.writeFile("/secret.txt", "secret");
  const server = world.start("httpd", options);
  await world.until(() => server.stdout() !== "" || server.process.hasExited);
  return { world, server };
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, k) => (k * 7 + (k >>> 8)) & 0xff);
}

/** Sends bytes and reads until the server closes; Latin-1, so that bytes are characters. */
function raw(world: World, text: string): Promise<string> {
  return world.inside(async (akuma) => {
    using stream = await akuma.net.TcpStream.connect("127.0.0.1:8080");
    await stream.writeAll(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    return latin1(await stream.readToEnd());
  });
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Takes the first answer off what was received; `isHead`: one without a body. */
function take(text: string, isHead = false): [Answer, string] {
  const end = text.indexOf("\r\n\r\n");
  assert.notEqual(end, -1, `no answer in ${JSON.stringify(text)}`);
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  assert.match(line, /^HTTP\/1\.1 \d{3} /);
  const fields = new Map(
    lines.map((field) => [field.slice(0, field.indexOf(":")).toLowerCase(), field.slice(field.indexOf(":") + 2)]),
  );
  const status = Number(line.slice(9, 12));
  const length = isHead || status === 304 ? 0 : Number(fields.get("content-length"));
  const body = text.slice(end + 4, end + 4 + length);
  assert.equal(body.length, length);
  return [{ status, fields, body }, text.slice(end + 4 + length)];
}

async function ask(world: World, request: string, isHead = false): Promise<Answer> {
  const [answer, rest] = take(await raw(world, request), isHead);
  assert.equal(rest, "");
  return answer;
}

const get = (path: string, fields = ""): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`;

test("files, folders and types", async () => {
  const { world, server } = await serve();
  using _ = world;
  assert.equal(server.stdout(), "httpd: serving /public on http://0.0.0.0:8080/\n");
  const home = await ask(world, get("/"));
  assert.equal(home.status, 200);
  assert.equal(home.body, "<h1>home</h1>");
  assert.equal(home.fields.get("content-type"), "text/html; charset=utf-8");
  assert.equal(home.fields.get("connection"), "close");
  assert.match(home.fields.get("date") ?? "", /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
  assert.match(home.fields.get("etag") ?? "", /^"[^"]+"$/);
  assert.equal((await ask(world, get("/style.css"))).fields.get("content-type"), "text/css; charset=utf-8");
  assert.equal((await ask(world, get("/ten.txt?x=/../..&y"))).body, "0123456789");
  assert.equal((await ask(world, get("/%74en%2Etxt"))).body, "0123456789");
  assert.equal((await ask(world, get("/empty"))).body, "");
  const big = await ask(world, get("/big.bin"));
  assert.equal(big.fields.get("content-type"), "application/octet-stream");
  assert.equal(big.body, latin1(pattern(300_000)));
  const head = await ask(world, get("/big.bin").replace("GET", "HEAD"), true);
  assert.equal(head.fields.get("content-length"), "300000");
});

test("what is not there or not allowed", async () => {
  const { world } = await serve();
  using _ = world;
  await world.inside(async ({ fs }) => {
    await fs.mkdir("/public/folder/inner", { recursive: true });
    await fs.mkdir("/public/with page");
    await fs.writeFile("/public/with page/index.html", "page");
    await fs.symlink("/secret.txt", "/public/out");
    await fs.symlink("ten.txt", "/public/in");
    await fs.symlink("loop", "/public/loop");
  });
  const cases: [string, number][] = [
    ["/nothing", 404],
    ["/ten.txt/", 404],
    ["/ten.txt/x", 404],
    ["/folder/", 403],
    ["/folder/inner/", 403],
    ["/nofolder/", 404],
    ["/out", 403],
    ["/in", 200],
    ["/loop", 403],
    ["/../secret.txt", 400],
    ["/%2e%2e/secret.txt", 400],
    ["/..%2fsecret.txt", 404],
    ["/folder/../../secret.txt", 400],
    ["/%00", 400],
    ["/%zz", 400],
    [`/${"n".repeat(300)}`, 404],
    ["/with%20page/", 200],
  ];
  for (const [path, status] of cases) assert.equal((await ask(world, get(path))).status, status, path);
  const moved = await ask(world, get("/with%20page?q=1"));
  assert.equal(moved.status, 301);
  assert.equal(moved.fields.get("location"), "/with%20page/?q=1");
  assert.equal((await ask(world, get("//folder"))).fields.get("location"), "/folder/", "never another host");
});

test("methods, versions and bad requests", async () => {
  const { world } = await serve();
  using _ = world;
  const post = await ask(world, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
  assert.equal(post.status, 405);
  assert.equal(post.fields.get("allow"), "GET, HEAD");
  assert.equal((await ask(world, get("/").replace("GET", "BREW"))).status, 501);
  assert.equal((await ask(world, "GET / HTTP/3.0\r\n\r\n")).status, 505);
  assert.equal((await ask(world, "GET / HTTP/1.1\r\n\r\n")).status, 400);
  assert.equal((await ask(world, "\x16\x03\x01\x00\xa5\x01")).status, 400);
  assert.equal((await ask(world, get("/", "Content-Length: 2000000\r\n"))).status, 413);
  assert.equal((await ask(world, get(`/${"a".repeat(9000)}`))).status, 414);
  assert.equal((await ask(world, get("/", `X: ${"a".repeat(17_000)}\r\n`))).status, 431);
  assert.equal((await ask(world, get("/", "Expect: x\r\n"))).status, 417);
  const old = await ask(world, "GET / HTTP/1.0\r\n\r\n");
  assert.equal(old.fields.get("connection"), "close");
});

test("conditions", async () => {
  const { world } = await serve();
  using _ = world;
  const first = await ask(world, get("/ten.txt"));
  const tag = first.fields.get("etag") ?? "";
  const date = first.fields.get("last-modified") ?? "";
  const unchanged = await ask(world, get("/ten.txt", `If-None-Match: "x", ${tag}\r\n`));
  assert.equal(unchanged.status, 304);
  assert.equal(unchanged.fields.get("etag"), tag);
  assert.equal(unchanged.fields.has("content-length"), false);
  assert.equal((await ask(world, get("/ten.txt", `If-Modified-Since: ${date}\r\n`))).status, 304);
  assert.equal((await ask(world, get("/ten.txt", `If-None-Match: "x"\r\nIf-Modified-Since: ${date}\r\n`))).status, 200);
  assert.equal((await ask(world, get("/ten.txt", 'If-Match: "x"\r\n'))).status, 412);
  // A change is seen at once, even of the same length and in the same second.
  await world.inside(async (akuma) => {
    // Virtual time stands still as long as nobody waits.
    await akuma.sleep(1);
    await akuma.fs.writeFile("/public/ten.txt", "9876543210");
  });
  const changed = await ask(world, get("/ten.txt", `If-None-Match: ${tag}\r\n`));
  assert.equal(changed.status, 200);
  assert.equal(changed.body, "9876543210");
  await world.inside(({ fs }) => fs.remove("/public/ten.txt"));
  assert.equal((await ask(world, get("/ten.txt"))).status, 404);
});

test("ranges", async () => {
  const { world } = await serve();
  using _ = world;
  const range = (value: string, path = "/ten.txt", more = ""): Promise<Answer> =>
    ask(world, get(path, `Range: ${value}\r\n${more}`));
  const part = await range("bytes=2-4");
  assert.deepEqual([part.status, part.body, part.fields.get("content-range")], [206, "234", "bytes 2-4/10"]);
  assert.equal((await range("bytes=-3")).body, "789");
  const none = await range("bytes=10-");
  assert.deepEqual([none.status, none.fields.get("content-range")], [416, "bytes */10"]);
  assert.equal((await range("bytes=x")).status, 200);
  const big = await range("bytes=100000-250000", "/big.bin");
  assert.equal(big.body, latin1(pattern(300_000).subarray(100_000, 250_001)));
  const tag = part.fields.get("etag") ?? "";
  assert.equal((await range("bytes=0-0", "/ten.txt", `If-Range: ${tag}\r\n`)).status, 206);
  assert.equal((await range("bytes=0-0", "/ten.txt", 'If-Range: "x"\r\n')).status, 200);
  assert.equal((await ask(world, get("/ten.txt", "Range: bytes=0-1\r\n").replace("GET", "HEAD"), true)).status, 200);

  const several = await range("bytes=0-1,200-299", "/big.bin");
  assert.equal(several.status, 206);
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(several.fields.get("content-type") ?? "")?.[1];
  const parts = several.body.split(`\r\n--${boundary}`);
  assert.equal(parts.length, 4);
  assert.equal(parts[3], "--\r\n");
  assert.ok(parts[1]?.endsWith(`Content-Range: bytes 0-1/300000\r\n\r\n${latin1(pattern(2))}`));
  assert.ok(parts[2]?.endsWith(`\r\n\r\n${latin1(pattern(300).subarray(200))}`));
});

test("keep-alive, pipelining and bodies that are dropped", async () => {
  const { world } = await serve();
  using _ = world;
  const keep = "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n";
  const body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /";
  const chunked =
    "GET /ten.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nGET /\r\n0\r\nT: x\r\n\r\n";
  const big = "GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n";
  const head = "HEAD /big.bin HTTP/1.1\r\nHost: a\r\n\r\n";
  let rest = await raw(world, keep + body + chunked + big + head + keep.repeat(300) + get("/"));
  const next = (isHead = false): Answer => {
    const [answer, left] = take(rest, isHead);
    rest = left;
    return answer;
  };
  assert.equal(next().body, "0123456789");
  assert.equal(next().status, 405);
  assert.equal(next().body, "0123456789");
  assert.equal(next().body.length, 300_000);
  assert.equal(next(true).status, 200);
  for (let k = 0; k < 300; k++) assert.equal(next().body, "0123456789");
  assert.equal(next().body, "<h1>home</h1>");
  assert.equal(rest, "");
  const old = await raw(world, "GET /ten.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /ten.txt HTTP/1.0\r\n\r\n");
  const [first, second] = take(old);
  assert.equal(first.fields.get("connection"), "keep-alive");
  assert.equal(take(second)[0].fields.get("connection"), "close");
});

test("requests byte by byte, and a client that ends its half at once", async () => {
  const { world } = await serve();
  using _ = world;
  const text = await world.inside(async (akuma) => {
    using stream = await akuma.net.TcpStream.connect("127.0.0.1:8080");
    stream.setNoDelay(true);
    for (const character of `GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n${get("/big.bin")}`) {
      await stream.writeAll(character);
      await akuma.sleep(1);
    }
    stream.shutdown(Shutdown.Write);
    return latin1(await stream.readToEnd());
  });
  const [first, rest] = take(text);
  assert.equal(first.body, "0123456789");
  assert.equal(take(rest)[0].body.length, 300_000);
});

test("slow clients hurt only themselves", async () => {
  const { world, server } = await serve(["--head-timeout", "5", "--idle-timeout", "20", "--send-timeout", "30"]);
  using _ = world;
  const connect = (akuma: Akuma): Promise<TcpStream> => akuma.net.TcpStream.connect("127.0.0.1:8080");
  await world.inside(async (akuma) => {
    const started = akuma.monotonicMilliseconds();
    const seconds = (): number => Math.round((akuma.monotonicMilliseconds() - started) / 1000);
    // One that says nothing, one that stops in the middle of a head, one that keeps an answered connection open.
    const silent = await connect(akuma);
    const partial = await connect(akuma);
    await partial.writeAll("GET / HTTP/1.1\r\nHost:");
    const idle = await connect(akuma);
    await idle.writeAll("GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    // One that takes nothing of a large answer.
    await akuma.fs.writeFile("/public/huge.bin", new Uint8Array(20_000_000));
    const stuck = await connect(akuma);
    await stuck.writeAll("GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    await Promise.all([
      silent.readText().then((text) => assert.deepEqual([text, seconds()], ["", 5])),
      partial.readText().then((text) => assert.deepEqual([text.slice(0, 12), seconds()], ["HTTP/1.1 408", 5])),
      idle.readText().then((text) => assert.deepEqual([text.slice(0, 12), seconds()], ["HTTP/1.1 200", 20])),
      akuma.sleep(45_000),
    ]);
    // Meanwhile the others are served.
    const other = await connect(akuma);
    await other.writeAll(get("/ten.txt"));
    assert.match(await other.readText(), /0123456789$/);
    assert.equal(
      server.process.descriptors.descriptors().length,
      7,
      "0 to 2, listener, epoll, wake-up, huge.bin in the cache",
    );
    for (const stream of [silent, partial, idle, stuck, other]) stream.close();
  });
});

test("SIGTERM: answers under way are finished, then it ends", async () => {
  const { world, server } = await serve();
  using _ = world;
  await world.inside(async (akuma) => {
    await akuma.fs.writeFile("/public/huge.bin", new Uint8Array(20_000_000));
    const idle = await akuma.net.TcpStream.connect("127.0.0.1:8080");
    await idle.writeAll("GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    const busy = await akuma.net.TcpStream.connect("127.0.0.1:8080");
    await busy.writeAll("GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    await busy.readExact(new Uint8Array(1000));
    akuma.kill(server.process.processId, 15);
    assert.match(await idle.readText(), /0123456789$/);
    await assert.rejects(akuma.net.TcpStream.connect("127.0.0.1:8080"), { kind: "ConnectionRefused" });
    const rest = await busy.readToEnd();
    assert.ok(rest.length > 19_999_000);
  });
  assert.deepEqual(await server.exited.then(({ code, signal }) => [code, signal]), [0, null]);
});

test("many clients at once, more than are let in together", async () => {
  const { world } = await serve(["--max-connections", "20"]);
  using _ = world;
  const bodies = await world.inside((akuma) =>
    Promise.all(
      Array.from({ length: 100 }, async () => {
        using stream = await akuma.net.TcpStream.connect("127.0.0.1:8080");
        await stream.writeAll(get("/ten.txt"));
        return (await stream.readText()).slice(-10);
      }),
    ),
  );
  assert.deepEqual(new Set(bodies), new Set(["0123456789"]));
});

test("a file that shrinks under way breaks the connection rather than lie", async () => {
  const { world } = await serve();
  using _ = world;
  const received = await world.inside(async (akuma) => {
    await akuma.fs.writeFile("/public/huge.bin", new Uint8Array(20_000_000));
    using stream = await akuma.net.TcpStream.connect("127.0.0.1:8080");
    await stream.writeAll("GET /huge.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    await stream.readExact(new Uint8Array(1000));
    await akuma.fs.writeFile("/public/huge.bin", "short");
    return (await stream.readToEnd()).length;
  });
  assert.ok(received < 19_000_000);
});

test("bad command lines and places", async () => {
  using world = new World();
  assert.equal((await world.run("httpd", ["--port", "x"])).code, 2);
  assert.equal((await world.run("httpd", ["--nope"])).code, 2);
  assert.deepEqual(await world.run("httpd", ["/nothing"]).then(({ code, stderr }) => [code, stderr]), [
    1,
    "httpd: /nothing: No such file or directory\n",
  ]);
  const first = world.start("httpd", ["-p", "81"]);
  await world.until(() => first.stdout() !== "");
  const second = await world.run("httpd", ["-p", "81"]);
  assert.deepEqual([second.code, second.stderr], [1, "httpd: bind 0.0.0.0:81: Address already in use\n"]);
});

test("whatever clients send, they get HTTP or the end, and the others are served", async () => {
  const { world, server } = await serve();
  using _ = world;
  const piece = fc.constantFrom(
    "GET /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
    "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    "Range: bytes=1-3,5-\r\n\r\n",
    "Connection: close\r\n",
    "GET /%2e%2e/",
    " HTTP/1.0\r\n\r\n",
    "\r\n",
    "\0",
  );
  const client = fc.array(fc.oneof({ weight: 4, arbitrary: piece }, fc.string({ maxLength: 20 })), {
    minLength: 1,
    maxLength: 8,
  });
  const clients = fc.sample(fc.array(client, { minLength: 1, maxLength: 4 }), { numRuns: 40, seed: 7 });
  await world.inside(async (akuma) => {
    const before = server.process.descriptors.descriptors().length;
    for (const group of clients) {
      const answers = await Promise.all(
        group.map(async (pieces) => {
          using stream = await akuma.net.TcpStream.connect("127.0.0.1:8080");
          stream.setNoDelay(true);
          for (const text of pieces) await stream.writeAll(text).catch(() => {});
          try {
            stream.shutdown(Shutdown.Write);
            return latin1(await stream.readToEnd());
          } catch {
            return "";
          }
        }),
      );
      for (const answer of answers) assert.match(answer, /^(HTTP\/1\.1 \d{3} |$)/);
    }
    // Refused clients linger until they have been seen to stop sending.
    await akuma.sleep(5000);
    assert.equal(server.process.descriptors.descriptors().length, before);
  });
  assert.match((await ask(world, get("/ten.txt"))).body, /^0123456789$/);
});
