/**
 * tshark reads what --pcap writes: no malformed packet, every checksum right.
 * Needs tshark and curl. Run it with:  ./node_modules/.bin/node test/proofs/tshark.proof.ts
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { curl, holds, root, run, serve, temporaryFolder } from "./support.ts";

const capture = join(temporaryFolder(), "frames.pcap");
const server = await serve(join(root, "public"), "--pcap", capture);
for (const path of ["/", "/style.css", "/akuma.svg", "/ridges.png", "/nothing"]) await curl(`${server.url}${path}`);
// Half of a text: half of a picture would be malformed to tshark, which looks into pictures too.
await curl("-r", "0-99", `${server.url}/style.css`);
assert.equal(await server.stop(), 0);

async function tshark(filter: string, ...fields: string[]): Promise<string[]> {
  const checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
  const output = fields.length > 0 ? ["-T", "fields", ...fields.flatMap((field) => ["-e", field])] : [];
  const { code, stdout, stderr } = await run("tshark", ["-r", capture, ...checks, "-Y", filter, ...output]);
  assert.equal(code, 0, stderr);
  return stdout.split("\n").filter(Boolean);
}

const packets = await tshark("tcp");
assert.ok(packets.length > 50, `only ${packets.length} packets of TCP were captured`);
const bad = await tshark(
  "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0",
);
assert.deepEqual(bad, []);
const unchecked = await tshark("tcp && !(tcp.checksum.status == 1)");
assert.deepEqual(unchecked, [], "tshark did not check these");
holds(`${packets.length} TCP packets, none malformed, every checksum right`);
const codes = await tshark("http.response", "http.response.code");
assert.deepEqual(
  // The first is that of the request which waited for the server.
  codes.slice(1).map((line) => line.trim()),
  ["200", "200", "200", "200", "404", "206"],
);
holds("tshark puts the HTTP responses together from the segments");
