/**
 * Debian's curl, wget and openssl for arm64 with Debian's own libc, unmodified, against servers of the host: what they fetch, over
 * HTTP and over TLS 1.3, and that they reach nothing without being granted it.
 * Linux only. Needs openssl and apt. Run it with:  ./node_modules/.bin/node test/proofs/debian-fetch.proof.ts
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { HOST_ADDRESS, type HostServer, inDebian, serveFromHost } from "./arm64/programs.ts";
import { akuma, endWithProof, freePort, holds, type Ran, run, temporaryFolder } from "./support.ts";

const MEBIBYTE = 1 << 20;
const page = "<!doctype html><title>A page of the host</title>\n".repeat(50);
const big = randomBytes(32 * MEBIBYTE);
const sum = createHash("sha256").update(big).digest("hex");
const folder = temporaryFolder();

const host = await serveFromHost(answer);
await fetchWithCurl(host);
await fetchWithWget(host);
await refused(host);
host.close();
await transportLayerSecurity();

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/big") response.end(big);
  else if (request.url === "/redirect") response.writeHead(302, { Location: "/" }).end();
  else if (request.method === "POST") {
    const sha256 = createHash("sha256");
    for await (const chunk of request) sha256.update(chunk);
    response.end(`${request.headers["content-type"]} ${sha256.digest("hex")}\n`);
  } else if (request.url !== "/") response.writeHead(404).end("nothing here\n");
  else if (request.headers["accept-encoding"]?.includes("gzip"))
    response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(page));
  else response.end(page);
}

/** Runs a command of Debian's that may reach one port of the host, and the proof's folder at /proof. */
function granted(port: number, command: readonly string[], input = ""): Promise<Ran> {
  const flags = [`--allow-net=127.0.0.1:${port}`, "--mount", `${folder}:/proof:rw`];
  return akuma(inDebian(flags, ...command), { input });
}

async function fetchWithCurl({ port, url }: HostServer): Promise<void> {
  const curl = async (...argumentList: string[]): Promise<string> => {
    const { code, stdout, stderr } = await granted(port, ["curl", "-sS", ...argumentList]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.equal(await curl(`${url}/`), page);
  assert.match(await curl("-D", "-", "-o", "/dev/null", "--compressed", `${url}/`), /Content-Encoding: gzip/i);
  assert.equal(await curl("--compressed", `${url}/`), page);
  assert.equal(await curl("-L", `${url}/redirect`), page);
  assert.equal(await curl("-o", "/dev/null", "-w", "%{http_code}", `${url}/missing`), "404");
  holds("curl: a page, --compressed, -L, 404");
  writeFileSync(join(folder, "sent"), big.subarray(0, 3_000_001));
  const sent = createHash("sha256").update(big.subarray(0, 3_000_001)).digest("hex");
  const type = "application/octet-stream";
  assert.equal(await curl("-H", `Content-Type: ${type}`, "--data-binary", "@/proof/sent", url), `${type} ${sent}\n`);
  await curl("-o", "/proof/fetched", `${url}/big`);
  assert.ok(readFileSync(join(folder, "fetched")).equals(big));
  assert.equal(await curl("--parallel", ...Array.from({ length: 8 }, () => `${url}/`)), page.repeat(8));
  holds("curl: POST of 3 MB, 32 MiB fetched, eight at once: all bytes equal");
}

async function fetchWithWget({ port, url }: HostServer): Promise<void> {
  const script = `cd /tmp && wget -q ${url}/big && sha256sum big && wget -q -O - ${url}/redirect && ! wget -q ${url}/missing`;
  const { code, stdout, stderr } = await granted(port, ["bash", "-c", script]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `${sum}  big\n${page}`);
  holds("wget in bash: 32 MiB with the SHA-256 that coreutils' sha256sum finds, a redirect, 404");
}

async function refused({ port, url }: HostServer): Promise<void> {
  const without = await akuma(inDebian([], "curl", "-sS", "--max-time", "60", `${url}/`));
  assert.equal(without.stdout, "");
  assert.equal(without.code, 7, without.stderr);
  const other = await granted(port === 1 ? 2 : 1, ["wget", "-q", "-T", "60", "-t", "1", "-O", "-", `${url}/`]);
  assert.equal(other.stdout, "");
  assert.equal(other.code, 4, other.stderr);
  assert.match(without.stderr, /--allow-net/);
  holds("curl and wget reach nothing that was not granted");
}

async function transportLayerSecurity(): Promise<void> {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const made = await run("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate],
    ...["-days", "30", "-subj", "/CN=host.test", "-addext", "subjectAltName=DNS:host.test"],
  ]);
  assert.equal(made.code, 0, made.stderr);
  const port = await freePort();
  const server = spawn(
    "openssl",
    [
      ...["s_server", "-accept", `127.0.0.1:${port}`, "-key", key, "-cert", certificate, "-WWW", "-quiet"],
      ...["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
    ],
    { cwd: folder, stdio: ["ignore", "inherit", "inherit"] },
  );
  endWithProof(server);
  await untilListening(port);
  writeFileSync(join(folder, "secret"), big.subarray(0, 4 * MEBIBYTE));

  const request = "GET /secret HTTP/1.0\r\n\r\n";
  const client = await granted(
    port,
    [
      ...["openssl", "s_client", "-connect", `${HOST_ADDRESS}:${port}`, "-servername", "host.test"],
      ...["-CAfile", "/proof/certificate.pem", "-verify_return_error", "-verify_hostname", "host.test", "-ign_eof"],
    ],
    request,
  );
  assert.match(client.stdout, /Verification: OK/, client.stderr);
  assert.match(client.stdout, /New, TLSv1\.3, Cipher is TLS_CHACHA20_POLY1305_SHA256/);
  assert.ok(client.stdout.includes(big.toString("latin1", 0, 4 * MEBIBYTE)));
  holds("openssl s_client: TLS 1.3 with ChaCha20-Poly1305, the certificate verified, 4 MiB whole");

  const named = (name: string): Promise<Ran> =>
    granted(port, [
      ...["curl", "-sS", "--cacert", "/proof/certificate.pem", "--resolve", `${name}:${port}:${HOST_ADDRESS}`],
      `https://${name}:${port}/secret`,
    ]);
  const right = await named("host.test");
  assert.equal(right.code, 0, right.stderr);
  assert.ok(Buffer.from(right.stdout, "latin1").equals(big.subarray(0, 4 * MEBIBYTE)));
  const wrong = await named("other.test");
  assert.equal(wrong.code, 60, wrong.stderr);
  assert.equal(wrong.stdout, "");
  holds("curl over TLS: 4 MiB equal; a certificate of another name is refused");
  server.kill();
  await once(server, "exit");

  const speed = await akuma(
    inDebian([], "bash", "-c", "openssl speed -seconds 1 -bytes 16384 -evp chacha20-poly1305 2>&1 | tail -n 1"),
  );
  assert.match(speed.stdout, /^ChaCha20-Poly1305 +\d+\.\d+k/, speed.stderr);
  console.log(`  openssl speed, 16 KiB: ${speed.stdout.trim()}`);
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const connected = await new Promise((settle) => {
      socket.once("connect", () => settle(true));
      socket.once("error", () => settle(false));
    });
    socket.destroy();
    if (connected) return;
    await new Promise((wait) => setTimeout(wait, 50));
  }
}
