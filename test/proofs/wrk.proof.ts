/**
 * wrk with 256 connections for ten seconds against a published port: not one error.
 * Needs wrk. Run it with:  ./node_modules/.bin/node test/proofs/wrk.proof.ts
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { holds, root, run, serve } from "./support.ts";

const server = await serve(join(root, "public"));
const { code, stdout, stderr } = await run("wrk", ["-t", "2", "-c", "256", "-d", "10s", `${server.url}/style.css`]);
console.log(stdout.trim());
assert.equal(code, 0, stderr);
// wrk prints these lines only when there was one.
assert.doesNotMatch(stdout, /Socket errors|Non-2xx/);
const requests = Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0);
assert.ok(requests > 1000, `${requests} requests`);
holds(`${requests} requests over 256 connections, none with an error`);
assert.equal(server.process.exitCode, null);
assert.equal(await server.stop(), 0);
