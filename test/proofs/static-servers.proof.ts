/**
 * Static programs for arm64 with threads, unmodified, as npm packages ship them: esbuild in Go, and pagefind in Rust, each of which
 * does its work and then serves the result to curl.
 * Linux only. Needs curl and apt. Run it with:  ./node_modules/.bin/node test/proofs/static-servers.proof.ts
 */
import assert from "node:assert/strict";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { esbuild, inDebian, pagefind } from "./arm64/programs.ts";
import { akuma, curl, freePort, holds, root, run, start, temporaryFolder } from "./support.ts";

await bundle();
await serveBundles();
await searchIndex();

/** What is bundled are this project's sources, in a folder that has no settings of TypeScript's. */
async function bundle(): Promise<void> {
  const native = join(root, "node_modules/.bin/esbuild");
  const { stdout: version } = await run(native, ["--version"]);
  assert.equal((await akuma(["run", esbuild, "--version"])).stdout, version);
  const folder = temporaryFolder();
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  const options = ["--bundle", "--minify", "--format=esm", "--platform=node", "--external:mrmime"];
  const expected = await run(native, ["src/user/bin/httpd.ts", ...options], { cwd: folder });
  assert.equal(expected.code, 0, expected.stderr);
  assert.ok(expected.stdout.length > 10_000);
  const started = performance.now();
  const { code, stdout, stderr } = await akuma([
    ...["run", "--mount", `${folder}:/project`, esbuild],
    ...["/project/src/user/bin/httpd.ts", ...options],
  ]);
  const seconds = (performance.now() - started) / 1000;
  assert.equal(code, 0, stderr);
  assert.equal(stdout, expected.stdout);
  holds(
    `esbuild ${version.trim()} bundles and minifies in ${seconds.toFixed(1)} s what the host's own does, byte for byte`,
  );
}

async function serveBundles(): Promise<void> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>A page</title>\n");
  writeFileSync(join(folder, "app.ts"), "import { name } from './name.ts';\nconsole.log(name);\n");
  writeFileSync(join(folder, "name.ts"), "export const name: string = 'first';\n");
  const port = await freePort();
  const server = await start(
    port,
    [
      ...["run", "--publish", `${port}:8000`, "--mount", `${folder}:/project`, esbuild],
      ...["/project/app.ts", "--bundle", "--outdir=/project/out", "--serve=0.0.0.0:8000", "--servedir=/project"],
    ],
    // It ends with its standard input.
    "pipe",
  );
  assert.equal((await curl(`${server.url}/`)).stdout, readFileSync(join(folder, "index.html"), "utf8"));
  assert.match((await curl(`${server.url}/out/app.js`)).stdout, /var name = "first";/);
  writeFileSync(join(folder, "name.ts"), "export const name: string = 'second';\n");
  // It answers requests of a quarter of a second with one build.
  await new Promise((wait) => setTimeout(wait, 1000));
  assert.match((await curl(`${server.url}/out/app.js`)).stdout, /var name = "second";/);
  const several = await curl("--parallel", ...Array.from({ length: 16 }, () => `${server.url}/out/app.js`));
  assert.equal(several.stdout.match(/var name = "second";/g)?.length, 16, several.stderr);
  assert.equal((await curl("-o", "/dev/null", "-w", "%{http_code}", `${server.url}/nothing`)).stdout, "404");
  holds("esbuild --serve: files, a bundle that is made anew after a change, 16 requests at once, 404");
  await server.stop();
}

async function searchIndex(): Promise<void> {
  const folder = temporaryFolder();
  for (const [name, text] of [
    ["index", "The first page is about kernels"],
    ["other", "Another page tells of networks and kernels"],
  ])
    writeFileSync(
      join(folder, `${name}.html`),
      `<!doctype html><html lang="en"><head><title>${name}</title></head><body><h1>${name}</h1><p>${text}.</p></body></html>\n`,
    );
  // It listens on the guest's own 127.0.0.1, so its client is in the guest too: Debian's curl, which keeps what it fetches.
  const script = `
/programs/pagefind_extended --site /site --serve >/tmp/log 2>&1 & server=$!
until curl -sS -o /dev/null http://127.0.0.1:1414/ 2>/dev/null; do kill -0 $server || exit; sleep 0.5; done
cd /fetched && curl -sS --remote-name-all http://localhost:1414/{other.html,pagefind/pagefind-entry.json,pagefind/wasm.en.pagefind}
curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:1414/nothing
kill $server; grep Indexed.*pages /tmp/log`;
  const fetched = temporaryFolder();
  const flags = ["--mount", `${folder}:/site:rw`, "--mount", `${dirname(pagefind)}:/programs`];
  flags.push("--mount", `${fetched}:/fetched:rw`);
  const { code, stdout, stderr } = await akuma(inDebian(flags, "bash", "-c", script));
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "404  Indexed 2 pages\n", stderr);
  assert.ok(readFileSync(join(fetched, "other.html")).equals(readFileSync(join(folder, "other.html"))));
  const entry = JSON.parse(readFileSync(join(fetched, "pagefind-entry.json"), "utf8"));
  assert.equal(entry.languages.en.page_count, 2);
  const module = gunzipSync(readFileSync(join(fetched, "wasm.en.pagefind"))).toString("latin1");
  assert.match(module, /^pagefind_dcd\0asm/);
  holds("pagefind --serve: the pages, and an index of them with its WebAssembly, fetched by curl in the same kernel");
}
