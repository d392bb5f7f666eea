/**
 * Debian's nginx, redis, python3 and iperf3 for arm64 with Debian's own libc, unmodified, as servers: of clients on the host through
 * published ports, and of clients in the same kernel.
 * Linux only. Needs curl, wrk, redis-tools and apt. Run it with:  ./node_modules/.bin/node test/proofs/debian-servers.proof.ts
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { inDebian } from "./arm64/programs.ts";
import { akuma, curl, freePort, holds, parseHeaders, run, start, startAnswering, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const page = "<!doctype html><title>A page</title>\n".repeat(20);
const data = randomBytes(5_000_003);
// nginx's workers are nobody's, who may not enter a folder that is only its owner's.
chmodSync(folder, 0o755);
writeFileSync(join(folder, "index.html"), page);
writeFileSync(join(folder, "data.bin"), data);

await nginx("one process", "master_process off;");
await nginx("two workers", "worker_processes 2;");
await redis();
await redisInside();
await python();
await iperf();

async function nginx(what: string, processes: string): Promise<void> {
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off;
${processes}
pid /tmp/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  types { text/html html; }
  default_type application/octet-stream;
  client_body_temp_path /tmp/nginx-body;
  proxy_temp_path /tmp/nginx-proxy;
  fastcgi_temp_path /tmp/nginx-fastcgi;
  uwsgi_temp_path /tmp/nginx-uwsgi;
  scgi_temp_path /tmp/nginx-scgi;
  sendfile on;
  tcp_nopush on;
  gzip on;
  gzip_min_length 100;
  server {
    listen 80;
    root /site;
    location /proxied/ { proxy_pass http://127.0.0.1:80/; }
  }
}
`,
  );
  const port = await freePort();
  const server = await start(
    port,
    inDebian(["--publish", `${port}:80`, "--mount", `${folder}:/site`], "nginx", "-c", "/site/nginx.conf"),
  );
  const { url } = server;
  assert.equal((await curl(`${url}/`)).stdout, page);
  assert.ok(Buffer.from((await curl(`${url}/data.bin`)).stdout, "latin1").equals(data));
  const part = await curl("-r", "1000-1999", `${url}/data.bin`);
  assert.ok(Buffer.from(part.stdout, "latin1").equals(data.subarray(1000, 2000)));
  const packed = await curl("-H", "Accept-Encoding: gzip", `${url}/`);
  assert.equal(gunzipSync(Buffer.from(packed.stdout, "latin1")).toString(), page);
  assert.equal((await curl(`${url}/proxied/index.html`)).stdout, page);
  assert.match(parseHeaders((await curl("-I", `${url}/nothing`)).stdout).status, / 404/);
  holds(`nginx, ${what}: a page, 5 MB, a range, gzip, a proxy to itself, 404`);

  const load = await run("wrk", ["-t", "2", "-c", "32", "-d", "5s", "--timeout", "20s", `${url}/`]);
  assert.equal(load.code, 0, load.stderr);
  assert.doesNotMatch(load.stdout, /Socket errors|Non-2xx/, load.stdout);
  const requests = Number(/(\d+) requests in/.exec(load.stdout)?.[1] ?? 0);
  assert.ok(requests > 500, `${requests} requests`);
  holds(`nginx, ${what}: wrk -c 32 for 5 s, ${requests} requests, none failed`);
  await server.stop();
}

async function redis(): Promise<void> {
  const port = await freePort();
  const server = await startAnswering(
    inDebian(
      ["--publish", `${port}:6379`],
      ...["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", "/tmp"],
    ),
    async () => (await run("redis-cli", ["-p", String(port), "ping"])).stdout === "PONG\n",
  );
  const cli = async (...command: string[]): Promise<string> =>
    (await run("redis-cli", ["-p", String(port), ...command])).stdout.trim();
  assert.equal(await cli("set", "greeting", "hello"), "OK");
  assert.equal(await cli("get", "greeting"), "hello");
  assert.equal(await cli("eval", "return redis.call('strlen', KEYS[1]) * 2", "1", "greeting"), "10");
  const bench = await run("redis-benchmark", [
    ...["-p", String(port), "-n", "3000", "-c", "20", "--csv", "-t", "set,get,incr,lpush,lrange_100,mset"],
  ]);
  assert.equal(bench.code, 0, bench.stderr);
  assert.doesNotMatch(bench.stdout + bench.stderr, /error/i);
  const rates = [...bench.stdout.matchAll(/^"([A-Z]+)[^"]*","([\d.]+)"/gm)].map(([, name, rate]) => `${name} ${rate}`);
  assert.ok(rates.length >= 6, bench.stdout);
  // The snapshot is written by a child that has a copy of everything.
  const last = await cli("lastsave");
  await new Promise((wait) => setTimeout(wait, 1100));
  assert.equal(await cli("bgsave"), "Background saving started");
  while ((await cli("lastsave")) === last) await new Promise((wait) => setTimeout(wait, 100));
  assert.match(await cli("info", "persistence"), /rdb_last_bgsave_status:ok/);
  holds(
    `redis-server: commands, Lua, a snapshot by fork; the host's redis-benchmark -c 20, a second: ${rates.join(", ")}`,
  );
  await server.stop();
}

async function redisInside(): Promise<void> {
  const script = `
redis-server --save '' >/tmp/log & server=$!
until [ "$(redis-cli ping 2>/dev/null)" = PONG ]; do sleep 0.2; done
redis-cli set akuma guest; redis-cli get akuma
redis-benchmark -n 2000 -c 10 -t set,get --csv >/tmp/rates 2>&1 || echo benchmark failed
cut -d , -f 1 /tmp/rates
redis-cli shutdown nosave; wait $server; echo "ended with $?"`;
  const { code, stdout, stderr } = await akuma(inDebian([], "bash", "-c", script));
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'OK\nguest\n"test"\n"SET"\n"GET"\nended with 0\n', stderr);
  holds("redis-server, redis-cli and redis-benchmark in one kernel, over its loopback");
}

async function python(): Promise<void> {
  const port = await freePort();
  const server = await start(
    port,
    inDebian(
      ["--publish", `${port}:8000`, "--mount", `${folder}:/site`],
      ...["python3", "-m", "http.server", "--directory", "/site"],
    ),
  );
  assert.equal((await curl(`${server.url}/`)).stdout, page);
  assert.ok(Buffer.from((await curl(`${server.url}/data.bin`)).stdout, "latin1").equals(data));
  const several = await curl(
    "--parallel",
    "--parallel-max",
    "8",
    ...Array.from({ length: 16 }, () => `${server.url}/`),
  );
  assert.equal(several.stdout, page.repeat(16), several.stderr);
  holds("python3 -m http.server: a page, 5 MB, eight at once, a thread for each");
  await server.stop();
}

async function iperf(): Promise<void> {
  const script = `
iperf3 -4 -s -1 >/dev/null & server=$!
until iperf3 -4 -c 127.0.0.1 -t 2 -J >/tmp/report 2>&1; do sleep 0.2; done
wait $server; cat /tmp/report`;
  const { code, stdout, stderr } = await akuma(inDebian([], "bash", "-c", script));
  assert.equal(code, 0, stderr);
  const { sum_received: received } = JSON.parse(stdout).end;
  assert.ok(received.bytes > 1_000_000, stdout);
  holds(`iperf3 over the loopback for 2 s: ${(received.bits_per_second / 1e9).toFixed(1)} Gbit/s`);
}
