import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Method, RequestHead } from "./request-head.ts";

const encoder = new TextEncoder();

function parse(text: string | Uint8Array): { result: number; head: RequestHead; bytes: Uint8Array } {
  const body = typeof text === "string" ? encoder.encode(text) : text;
  // Something before and after, to catch indexes that are taken for lengths.
  const bytes = new Uint8Array(body.length + 40).fill(0x2a);
  bytes.set(body, 20);
  const head = new RequestHead();
  const result = head.parse(bytes, 20, 20 + body.length);
  return { result: result > 0 ? result - 20 : result, head, bytes };
}

function status(text: string): number {
  return parse(text).result;
}

const get = (fields: string, target = "/"): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

test("a plain request", () => {
  const text = "GET /a/b.html?x=1 HTTP/1.1\r\nHost: example.com:8080\r\nUser-Agent: test\r\n\r\n";
  const { result, head, bytes } = parse(text);
  assert.equal(result, text.length);
  assert.equal(head.method, Method.get);
  assert.equal(String.fromCharCode(...bytes.subarray(head.pathStart, head.pathEnd)), "/a/b.html");
  assert.equal(String.fromCharCode(...bytes.subarray(head.targetStart, head.targetEnd)), "/a/b.html?x=1");
  assert.equal(head.keepAlive, true);
  assert.equal(head.hasBody, false);
  assert.equal(head.hasConditions, false);
});

test("every prefix of a good head is incomplete, never refused", () => {
  const text = "\r\nGET http://h/x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\nX:\r\nConnection: close, x\r\n\r\n";
  for (let k = 0; k < text.length; k++) assert.equal(status(text.slice(0, k)), 0, JSON.stringify(text.slice(0, k)));
  assert.equal(status(text), text.length);
});

test("absolute form is cut down to its path", () => {
  for (const [target, path] of [
    ["http://host/x/y?q", "/x/y"],
    ["HTTP://host:80", "/"],
    ["http://host?q=/", "/"],
    ["http://host/", "/"],
  ]) {
    const { result, head, bytes } = parse(get("", target));
    assert.ok(result > 0, target);
    assert.equal(String.fromCharCode(...bytes.subarray(head.pathStart, head.pathEnd)), path, target);
  }
});

test("versions", () => {
  assert.equal(status("GET / HTTP/2.0\r\n\r\n"), -505);
  assert.equal(status("GET / HTTP/0.9\r\n\r\n"), -505);
  assert.equal(status("GET / http/1.1\r\n\r\n"), -400);
  assert.equal(status("GET / HTTP/1.1 \r\n\r\n"), -400);
  assert.equal(status("GET / HTTP/11\r\n\r\n"), -400);
  assert.equal(status("GET /\r\n\r\n"), -400);
  const { result, head } = parse("GET / HTTP/1.0\r\n\r\n");
  assert.ok(result > 0);
  assert.equal(head.keepAlive, false);
  assert.equal(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keepAlive, true);
  assert.equal(parse("GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n").head.keepAlive, false);
  assert.equal(parse("GET / HTTP/1.9\r\nHost: a\r\n\r\n").head.minorVersion, 1);
});

test("methods", () => {
  assert.equal(parse("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").head.method, Method.head);
  assert.equal(parse("POST / HTTP/1.1\r\nHost: a\r\n\r\n").head.method, Method.known);
  assert.equal(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").head.method, Method.known);
  assert.equal(parse("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n").head.method, Method.known);
  assert.equal(parse("get / HTTP/1.1\r\nHost: a\r\n\r\n").head.method, Method.unknown);
  assert.equal(status("G@T / HTTP/1.1\r\nHost: a\r\n\r\n"), -400);
  assert.equal(status(`${"A".repeat(40)}`), -501);
});

test("what two parsers could read differently is refused", () => {
  const refused: [string, number][] = [
    [get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), -400],
    [get("Content-Length: 1\r\nContent-Length: 1\r\n"), -400],
    [get("Content-Length: 1\r\nContent-Length: 2\r\n"), -400],
    [get("Content-Length: 1, 1\r\n"), -400],
    [get("Content-Length: +1\r\n"), -400],
    [get("Content-Length: -1\r\n"), -400],
    [get("Content-Length: 0x1\r\n"), -400],
    [get("Content-Length: 1 1\r\n"), -400],
    [get("Content-Length:\r\n"), -400],
    [get("Content-Length: 99999999999999999999\r\n"), -400],
    [get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), -400],
    [get("Transfer-Encoding: gzip, chunked\r\n"), -501],
    [get("Transfer-Encoding: identity\r\n"), -501],
    [get("Transfer-Encoding: xchunked\r\n"), -501],
    ["GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", -400],
    [get("A: b\r\n c\r\n"), -400],
    [get(" A: b\r\n"), -400],
    [get("A : b\r\n"), -400],
    [get("A\r\n"), -400],
    [get(": b\r\n"), -400],
    [get("A: b\0c\r\n"), -400],
    [get("A: b\rc\r\n"), -400],
    [get("A: b\n"), -400],
    ["GET / HTTP/1.1\nHost: a\n\n", -400],
    ["GET / HTTP/1.1\r\nHost: a\r\n\n", -400],
    ["GET  / HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET /# HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET a HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET * HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", -400],
    ["GET / HTTP/1.1\r\n\r\n", -400],
    [get("Host: a\r\n"), -400],
    ["GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", -400],
    ["GET / HTTP/1.1\r\nHost: u@b\r\n\r\n", -400],
    ["\x16\x03\x01\x02\x00", -400],
  ];
  for (const [text, expected] of refused) assert.equal(status(text), expected, JSON.stringify(text));
});

test("limits", () => {
  assert.equal(status(`GET /${"a".repeat(9000)}`), -414);
  assert.equal(status(get(`A: ${"b".repeat(17_000)}\r\n`)), -431);
  assert.equal(status(`GET / HTTP/1.1\r\nA: ${"b".repeat(17_000)}`), -431);
  assert.equal(status(get("A: b\r\n".repeat(101))), -431);
  assert.ok(status(get("A: b\r\n".repeat(99))) > 0);
});

test("fields that matter, whatever their case", () => {
  const { head, bytes } = parse(
    get(
      'RANGE: bytes=1-2 \r\niF-nOnE-mAtCh:\t"x"\r\nExpect: 100-Continue\r\nConnection: foo , CLOSE\r\nContent-Length: 007\r\n',
    ),
  );
  const text = (span: { start: number; end: number }): string =>
    String.fromCharCode(...bytes.subarray(span.start, span.end));
  assert.equal(text(head.range), "bytes=1-2");
  assert.equal(text(head.ifNoneMatch), '"x"');
  assert.equal(head.expectsContinue, true);
  assert.equal(head.keepAlive, false);
  assert.equal(head.contentLength, 7);
  assert.equal(status(get("Expect: more\r\n")), -417);
  assert.equal(status(get("Range: bytes=1-2\r\nRange: bytes=3-4\r\n")), -400);
});

test("a head used again remembers nothing", () => {
  const head = new RequestHead();
  const first = encoder.encode(
    get('Range: bytes=0-1\r\nIf-None-Match: "a"\r\nContent-Length: 5\r\nConnection: close\r\n'),
  );
  const second = encoder.encode(get(""));
  assert.ok(head.parse(first, 0, first.length) > 0);
  assert.ok(head.parse(second, 0, second.length) > 0);
  assert.deepEqual(
    [head.range.isPresent, head.ifNoneMatch.isPresent, head.hasConditions, head.hasBody, head.keepAlive],
    [false, false, false, false, true],
  );
});

test("any bytes are taken, refused or incomplete, and more bytes never turn refusal into acceptance", () => {
  const piece = fc.constantFrom(
    "GET ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "\n",
    ":",
    " ",
    "Host: a\r\n",
    "Content-Length: 3\r\n",
    "\0",
    "é",
    "%",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }), (pieces) => {
      const bytes = encoder.encode(pieces.join(""));
      const { result } = parse(bytes);
      assert.ok(Number.isInteger(result) && result <= bytes.length);
      if (result > 0) return;
      assert.ok(result === 0 || (result <= -400 && result >= -599));
      if (result < 0) assert.ok(parse(encoder.encode(`${pieces.join("")}\r\n\r\n`)).result < 0);
    }),
    { numRuns: 500 },
  );
});
