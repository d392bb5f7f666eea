import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatHttpDate, parseHttpDate } from "./date.ts";
import { bodyFraming, findHeadEnd, parseResponseHead, type ResponseHead } from "./response-head.ts";
import { encodeBase64, fileNameOf, formatUrl, type HttpUrl, parseUrl, resolveUrl } from "./url.ts";

const example = Date.UTC(1994, 10, 6, 8, 49, 37);

test("the three forms of dates", () => {
  assert.equal(formatHttpDate(example + 999), "Sun, 06 Nov 1994 08:49:37 GMT");
  const now = Date.UTC(2026, 0, 1);
  assert.equal(parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT", now), example);
  assert.equal(parseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT", now), example);
  assert.equal(parseHttpDate("Sun Nov  6 08:49:37 1994", now), example);
  assert.equal(parseHttpDate("Saturday, 06-Nov-27 08:49:37 GMT", now), Date.UTC(2027, 10, 6, 8, 49, 37));
  for (const text of [
    "",
    "1994",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
  ]) {
    assert.equal(parseHttpDate(text, now), undefined, text);
  }
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), (second) => {
      assert.equal(parseHttpDate(formatHttpDate(second * 1000), now), second * 1000);
    }),
  );
});

test("heads of responses", () => {
  const text = "HTTP/1.1 404 Not Found\r\nA: b\r\nSet: 1\r\nset:  2 \r\nFolded: x\r\n  y\r\n\r\n";
  const bytes = new TextEncoder().encode(`${text}body`);
  assert.equal(findHeadEnd(bytes, bytes.length), text.length);
  for (let k = 0; k < text.length; k++) assert.equal(findHeadEnd(bytes, k), 0);
  const head = parseResponseHead(text) as ResponseHead;
  assert.deepEqual([head.status, head.reason, head.minorVersion], [404, "Not Found", 1]);
  assert.deepEqual(
    [...head.fields],
    [
      ["a", "b"],
      ["set", "1, 2"],
      ["folded", "x y"],
    ],
  );
  assert.equal(findHeadEnd(new TextEncoder().encode("HTTP/1.0 200 OK\n\nx"), 18), 17);
  for (const bad of [
    "",
    "ICY 200 OK",
    "HTTP/2.0 200 OK\r\n",
    "HTTP/1.1 20 OK\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n",
    "HTTP/1.1 200 OK\r\n x\r\n",
  ]) {
    assert.equal(typeof parseResponseHead(bad), "string", bad);
  }
});

test("how bodies end", () => {
  const framing = (fields: string, status = 200, isHead = false): unknown =>
    bodyFraming(parseResponseHead(`HTTP/1.1 ${status} x\r\n${fields}\r\n`) as ResponseHead, isHead);
  assert.deepEqual(framing(""), { kind: "close" });
  assert.deepEqual(framing("Content-Length: 5\r\n"), { kind: "length", length: 5 });
  assert.deepEqual(framing("Content-Length: 5, 5\r\n"), { kind: "length", length: 5 });
  assert.deepEqual(framing("Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n"), { kind: "chunked" });
  assert.deepEqual(framing("Content-Length: 5\r\n", 304), { kind: "none" });
  assert.deepEqual(framing("Content-Length: 5\r\n", 200, true), { kind: "none" });
  for (const bad of [
    "Content-Length: 5, 6\r\n",
    "Content-Length: x\r\n",
    "Content-Length: -1\r\n",
    "Transfer-Encoding: gzip\r\n",
  ]) {
    assert.equal(typeof framing(bad), "string", bad);
  }
});

function url(text: string): HttpUrl {
  const parsed = parseUrl(text);
  assert.ok(!("fault" in parsed), text);
  return parsed;
}

test("addresses", () => {
  assert.deepEqual(url("http://Example.COM:8080/a/../b?c#d"), {
    host: "example.com",
    port: 8080,
    target: "/b?c",
    userInformation: "",
  });
  assert.deepEqual(url("10.0.2.2:9000"), { host: "10.0.2.2", port: 9000, target: "/", userInformation: "" });
  assert.equal(url("http://a:p%40@b/").userInformation, "a:p@");
  assert.equal(url("http://h/ä b").target, "/%C3%A4%20b");
  assert.equal(url("http://h?q").target, "/?q");
  assert.equal(formatUrl(url("http://u:secret@h:80/x")), "http://h/x");
  for (const bad of [
    "",
    "http://",
    "ftp://h/",
    "http://h:0/",
    "http://h:99999/",
    "http://h:x/",
    "http://[::1]/",
    "http://a b/",
    "http://a\r\nX: y/",
  ]) {
    assert.ok("fault" in parseUrl(bad), bad);
  }
  const https = parseUrl("https://example.com/");
  assert.ok("fault" in https && https.isHttps);
  assert.equal(encodeBase64("Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  assert.equal(encodeBase64("ab"), "YWI=");
});

test("references resolved as RFC 3986 5.4 has them", () => {
  const base = url("http://a/b/c/d;p?q");
  const cases: [string, string][] = [
    ["g", "/b/c/g"],
    ["./g", "/b/c/g"],
    ["g/", "/b/c/g/"],
    ["/g", "/g"],
    ["?y", "/b/c/d;p?y"],
    ["g?y", "/b/c/g?y"],
    ["#s", "/b/c/d;p?q"],
    ["g#s", "/b/c/g"],
    ["g?y#s", "/b/c/g?y"],
    [";x", "/b/c/;x"],
    ["", "/b/c/d;p?q"],
    [".", "/b/c/"],
    ["./", "/b/c/"],
    ["..", "/b/"],
    ["../g", "/b/g"],
    ["../..", "/"],
    ["../../g", "/g"],
    ["../../../g", "/g"],
    ["/./g", "/g"],
    ["/../g", "/g"],
    ["g.", "/b/c/g."],
    ["./../g", "/b/g"],
    ["g/./h", "/b/c/g/h"],
    ["g/../h", "/b/c/h"],
    ["g?y/../x", "/b/c/g?y/../x"],
  ];
  for (const [reference, target] of cases)
    assert.equal((resolveUrl(base, reference) as HttpUrl).target, target, reference);
  assert.equal((resolveUrl(base, "//h:81/x") as HttpUrl).port, 81);
  assert.equal((resolveUrl(base, "http://z/") as HttpUrl).host, "z");
  assert.ok("fault" in resolveUrl(base, "https://z/"));
  assert.ok("fault" in resolveUrl(base, "mailto:x"));
});

test("names of downloads stay in their folder", () => {
  const name = (text: string): string => fileNameOf(url(text));
  assert.equal(name("http://h/a/b.txt"), "b.txt");
  assert.equal(name("http://h/a/"), "index.html");
  assert.equal(name("http://h"), "index.html");
  assert.equal(name("http://h/a%20b"), "a b");
  assert.equal(name("http://h/x?y=/z"), "x?y=_z");
  assert.equal(name("http://h/%2e%2e"), "index.html");
  assert.equal(name("http://h/..%2f..%2fetc%2fpasswd"), ".._.._etc_passwd");
  assert.equal(name("http://h/a%1b%5b2J"), "a_[2J");
  assert.ok(new TextEncoder().encode(name(`http://h/${"ä".repeat(300)}`)).length <= 240);
});
