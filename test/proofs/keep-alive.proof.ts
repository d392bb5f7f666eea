/**
 * 1,000 files through one keep-alive connection, by curl, through a published port.
 * Needs curl. Run it with:  ./node_modules/.bin/node test/proofs/keep-alive.proof.ts
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { curl, holds, serve, temporaryFolder } from "./support.ts";

const FILES = 1000;
const folder = temporaryFolder();
const served = join(folder, "served");
const fetched = join(folder, "fetched");
mkdirSync(served);
mkdirSync(fetched);
const contents = Array.from({ length: FILES }, (_, index) => randomBytes((index * 37) % 20_011));
for (const [index, bytes] of contents.entries()) writeFileSync(join(served, `${index}.bin`), bytes);

const server = await serve(served);
const config = contents
  .map((_, index) => `url = "${server.url}/${index}.bin"\noutput = "${join(fetched, `${index}.bin`)}"\n`)
  .join("");
writeFileSync(join(folder, "curl.config"), config);
const result = await curl("-f", "-K", join(folder, "curl.config"), "-w", "%{http_code} %{num_connects}\n");
assert.equal(result.code, 0, result.stderr);
const lines = result.stdout.trim().split("\n");
assert.equal(lines.length, FILES);
assert.ok(lines.every((line) => line.startsWith("200 ")));
const connections = lines.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0);
assert.equal(connections, 1);
for (const [index, bytes] of contents.entries()) {
  assert.ok(readFileSync(join(fetched, `${index}.bin`)).equals(bytes), `${index}.bin differs`);
}
holds(`${FILES} files, byte for byte, through ${connections} connection`);
assert.equal(await server.stop(), 0);
