/**
 * wget of 1 GiB from httpd, each in a kernel of its own, over a link that loses 2 % of the frames and delays the rest by 20 ms
 * each way: the same SHA-256, bounded memory. On the virtual clock, so it takes as long as the work in it.
 * Run it with:  ./node_modules/.bin/node test/proofs/wget-lossy.proof.ts [MEBIBYTES]
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { NodeHostFiles } from "../../src/host/node/host-files.ts";
import { createPipe } from "../../src/kernel/file/pipe.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { HostFs } from "../../src/kernel/vfs/hostfs/hostfs.ts";
import { VirtualNetwork } from "../support/virtual-network.ts";
import { holds, temporaryFolder } from "./support.ts";

const MEBIBYTE = 1 << 20;
const MAXIMUM_RESIDENT_BYTES = 300_000_000;
const mebibytes = Number(process.argv[2] ?? 1024);

const folder = temporaryFolder();
const [source, target] = [join(folder, "public"), join(folder, "downloads")];
mkdirSync(source);
mkdirSync(target);
const expected = createHash("sha256");
const block = randomBytes(MEBIBYTE);
const file = openSync(join(source, "big.bin"), "w");
for (let index = 0; index < mebibytes; index++) {
  block.writeUInt32LE(index, (index * 4099) % (MEBIBYTE - 4));
  writeSync(file, block);
  expected.update(block);
}
closeSync(file);

const network = new VirtualNetwork({
  seed: 4711,
  kernels: 2,
  capture: false,
  faults: { loss: 0.02, delayMilliseconds: 20 },
});
const [serving, fetching] = network.kernels as [Kernel, Kernel];
serving.mount("/public", new HostFs(new NodeHostFiles(source)), { readOnly: true });
fetching.mount("/mnt", new HostFs(new NodeHostFiles(target), { readOnly: false }));

function start(kernel: Kernel, path: string, programArguments: string[]): ReturnType<Kernel["exited"]> {
  const { reader, writer } = createPipe(kernel.openFiles);
  reader.retain();
  const process = kernel.start(path, { files: [writer, writer, writer], arguments: programArguments });
  assert.ok(typeof process !== "number", `${path} does not start`);
  return kernel.exited(process);
}

const started = performance.now();
void start(serving, "/bin/httpd", []);
const result = await start(fetching, "/bin/wget", ["-q", "-O", "/mnt/big.bin", "http://10.0.0.1:8080/big.bin"]);
const seconds = (performance.now() - started) / 1000;
const virtualSeconds = fetching.now() / 1000;
const { TcpRetransSegs, TcpOutSegs } = serving.net.counters;
network.shutdown();

assert.deepEqual(result, { code: 0, signal: null });
const actual = createHash("sha256");
for await (const chunk of createReadStream(join(target, "big.bin"), { highWaterMark: MEBIBYTE })) actual.update(chunk);
assert.equal(actual.digest("hex"), expected.digest("hex"));
holds(`${mebibytes} MiB through 2 % loss and 20 ms: SHA-256 equal`);
holds(
  `${virtualSeconds.toFixed(0)} s of virtual time (${((mebibytes * 8.389) / virtualSeconds).toFixed(1)} Mbit/s), ${seconds.toFixed(1)} s of work; ${TcpRetransSegs} of ${TcpOutSegs} segments were sent again`,
);
assert.ok(TcpRetransSegs > mebibytes, "nothing was lost");
const highest = process.resourceUsage().maxRSS * 1024;
assert.ok(highest < MAXIMUM_RESIDENT_BYTES, `it grew to ${Math.round(highest / 1e6)} MB`);
holds(`at most ${Math.round(highest / 1e6)} MB of memory`);
