/**
 * `akuma wget` of 1 GiB from a server on the host: the same SHA-256, and never more than 300 MB of memory.
 * Linux only (reads /proc). Run it with:  ./node_modules/.bin/node test/proofs/wget.proof.ts [MEBIBYTES]
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { holds, root, temporaryFolder } from "./support.ts";

const MEBIBYTE = 1 << 20;
const MAXIMUM_RESIDENT_BYTES = 300_000_000;
const mebibytes = Number(process.argv[2] ?? 1024);

/** Not compressible, and each mebibyte another: a block lost or doubled changes the hash. */
const block = randomBytes(MEBIBYTE);
function* blocks(): Generator<Buffer> {
  for (let index = 0; index < mebibytes; index++) {
    const copy = Buffer.from(block);
    copy.writeUInt32LE(index, (index * 4099) % (MEBIBYTE - 4));
    yield copy;
  }
}
const expected = createHash("sha256");
for (const part of blocks()) expected.update(part);

const host = createServer((_request, response) => {
  response.writeHead(200, { "Content-Length": mebibytes * MEBIBYTE });
  pipeline(Readable.from(blocks()), response).catch(() => {});
}).listen(0, "127.0.0.1");
await once(host, "listening");
const { port } = host.address() as { port: number };

const folder = temporaryFolder();
const url = `http://127.0.0.1:${port}/big.bin`;
const started = performance.now();
const child = spawn(
  process.execPath,
  [join(root, "src/cli/main.ts"), "wget", `--allow-net=127.0.0.1:${port}`, url, "fetched.bin"],
  { cwd: folder, stdio: ["ignore", "inherit", "inherit"] },
);
process.on("exit", () => child.kill("SIGKILL"));
let highest = 0;
const watch = setInterval(() => {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    highest = Math.max(highest, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
  } catch {
    // It has ended.
  }
}, 100);
const [code] = await once(child, "exit");
clearInterval(watch);
const seconds = (performance.now() - started) / 1000;
host.close();

assert.equal(code, 0);
const fetched = join(folder, "fetched.bin");
assert.equal(statSync(fetched).size, mebibytes * MEBIBYTE);
const actual = createHash("sha256");
for await (const chunk of createReadStream(fetched, { highWaterMark: MEBIBYTE })) actual.update(chunk);
assert.equal(actual.digest("hex"), expected.digest("hex"));
holds(
  `${mebibytes} MiB in ${seconds.toFixed(1)} s (${((mebibytes * 8.389) / seconds / 1000).toFixed(2)} Gbit/s), SHA-256 equal`,
);
assert.ok(highest > 0, "its memory could not be read");
assert.ok(highest < MAXIMUM_RESIDENT_BYTES, `it grew to ${Math.round(highest / 1e6)} MB`);
holds(`at most ${Math.round(highest / 1e6)} MB of memory`);
