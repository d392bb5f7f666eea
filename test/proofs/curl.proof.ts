/**
 * curl against /bin/httpd through a published port: GET, HEAD, ranges, HTTP/1.0, conditional requests, errors.
 * Needs curl. Run it with:  ./node_modules/.bin/node test/proofs/curl.proof.ts
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { curl, holds, parseHeaders, serve, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const page = "<!doctype html><title>A page</title>\n";
const data = randomBytes(1_000_003);
writeFileSync(join(folder, "index.html"), page);
writeFileSync(join(folder, "data.bin"), data);
writeFileSync(join(folder, "with space.txt"), "spaced\n");
mkdirSync(join(folder, "sub"));
writeFileSync(join(folder, "sub", "index.html"), "sub\n");
const server = await serve(folder);
const { url } = server;

const verbose = await curl("-v", `${url}/`);
assert.equal(verbose.stdout, page);
assert.match(verbose.stderr, /^> GET \/ HTTP\/1\.1/m);
assert.match(verbose.stderr, /^< HTTP\/1\.1 200 OK/m);
assert.match(verbose.stderr, /left intact/);
holds("curl -v: 200, the page, connection kept");

const head = await curl("-I", `${url}/data.bin`);
const { status, headers } = parseHeaders(head.stdout);
assert.match(status, /^HTTP\/1\.1 200/);
assert.equal(headers.get("content-length"), String(data.length));
assert.equal(headers.get("accept-ranges"), "bytes");
for (const name of ["date", "last-modified", "etag", "content-type"])
  assert.ok(headers.has(name), `${name} is missing`);
assert.ok(Math.abs(Date.parse(headers.get("date") ?? "") - Date.now()) < 60_000);
holds("curl -I: length, type, date, validators, no body");

const whole = await curl(`${url}/data.bin`);
assert.ok(Buffer.from(whole.stdout, "latin1").equals(data));
for (const [range, expected] of [
  ["0-99", data.subarray(0, 100)],
  ["500000-", data.subarray(500_000)],
  ["-7", data.subarray(-7)],
  ["999999-2000000", data.subarray(999_999)],
] as const) {
  const part = await curl("-D", "-", "-r", range, `${url}/data.bin`);
  const [block = "", ...body] = part.stdout.split("\r\n\r\n");
  assert.match(block, /^HTTP\/1\.1 206/);
  const start = data.length - (expected.byteLength === 100 ? data.length : expected.byteLength);
  assert.equal(
    parseHeaders(block).headers.get("content-range"),
    `bytes ${start}-${start + expected.byteLength - 1}/${data.length}`,
  );
  assert.ok(Buffer.from(body.join("\r\n\r\n"), "latin1").equals(expected), range);
}
const beyond = parseHeaders((await curl("-D", "-", "-o", "/dev/null", "-r", "5000000-", `${url}/data.bin`)).stdout);
assert.match(beyond.status, / 416/);
assert.equal(beyond.headers.get("content-range"), `bytes */${data.length}`);
holds("curl -r: 206 with the right bytes, 416 beyond the end");

const old = await curl("--http1.0", "-v", `${url}/`);
assert.equal(old.stdout, page);
assert.match(old.stderr, /^> GET \/ HTTP\/1\.0/m);
assert.match(old.stderr, /closing connection|shutting down connection/i);
holds("curl --http1.0: the page, then the connection is closed");

const etag = headers.get("etag") ?? "";
const same = await curl("-D", "-", "-H", `If-None-Match: ${etag}`, `${url}/data.bin`);
assert.match(same.stdout, /^HTTP\/1\.1 304/);
const since = headers.get("last-modified") ?? "";
assert.match((await curl("-D", "-", "-H", `If-Modified-Since: ${since}`, `${url}/data.bin`)).stdout, /^HTTP\/1\.1 304/);
holds("304 for the same ETag and for an unchanged date");

const redirect = parseHeaders((await curl("-I", `${url}/sub`)).stdout);
assert.match(redirect.status, / 301/);
assert.match(redirect.headers.get("location") ?? "", /\/sub\/$/);
assert.equal((await curl("-L", `${url}/sub`)).stdout, "sub\n");
assert.equal((await curl(`${url}/with%20space.txt`)).stdout, "spaced\n");
holds("301 to the folder with its slash; percent-decoding");

const code = async (...argumentList: string[]): Promise<string> =>
  (await curl("-o", "/dev/null", "-w", "%{http_code}", ...argumentList)).stdout;
assert.equal(await code(`${url}/nothing`), "404");
assert.equal(await code("--path-as-is", `${url}/../../../etc/passwd`), "400");
assert.equal(await code("--path-as-is", `${url}/%2e%2e/%2e%2e/etc/passwd`), "400");
assert.equal(await code(`${url}/a%00b`), "400");
assert.equal(await code("-X", "DELETE", `${url}/`), "405");
assert.match(parseHeaders((await curl("-I", "-X", "PUT", `${url}/`)).stdout).headers.get("allow") ?? "", /GET, HEAD/);
assert.equal(await code("-H", `X-Long: ${"x".repeat(100_000)}`, `${url}/`), "431");
holds("400, 404, 405 with Allow, 431; no way out of the folder");

assert.equal(await server.stop(), 0);
holds("Ctrl-C ends it cleanly");
