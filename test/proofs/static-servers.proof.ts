/**
 * Static programs for arm64 with threads, unmodified, as npm packages ship them: esbuild in Go, and pagefind in Rust, each of which
 * does its work and then serves the result to curl.
 * Linux only. Needs curl and apt. Run it with:  ./node_modules/.bin/node test/proofs/static-servers.proof.ts
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { esbuild, pagefind } from "./arm64/programs.ts";
import { akuma, curl, freePort, holds, root, run, start, temporaryFolder } from "./support.ts";

await bundle();
await serveBundles();
await searchIndex();

/** The project that is bundled is this one. */
async function bundle(): Promise<void> {
  const native = join(root, "node_modules/.bin/esbuild");
  const { stdout: version } = await run(native, ["--version"]);
  assert.equal((await akuma(["run", esbuild, "--version"])).stdout, version);
  const options = [
    "--bundle",
    "--minify",
    "--format=esm",
    "--platform=node",
    "--charset=utf8",
    "--legal-comments=none",
  ];
  const expected = await run(native, ["src/user/bin/httpd.ts", ...options], { cwd: root });
  assert.equal(expected.code, 0, expected.stderr);
  assert.ok(expected.stdout.length > 10_000);
  const started = performance.now();
  const { code, stdout, stderr } = await akuma([
    ...["run", "--mount", `${join(root, "src")}:/src`, esbuild],
    ...["/src/user/bin/httpd.ts", ...options],
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
  const port = await freePort();
  const server = await start(port, [
    ...["run", "--publish", `${port}:1414`, "--mount", `${folder}:/site:rw`, pagefind],
    ...["--site", "/site", "--serve"],
  ]);
  assert.match(server.output(), /Indexed 2 pages/);
  assert.equal((await curl(`${server.url}/other.html`)).stdout, readFileSync(join(folder, "other.html"), "utf8"));
  const entry = JSON.parse((await curl(`${server.url}/pagefind/pagefind-entry.json`)).stdout);
  assert.equal(entry.languages.en.page_count, 2);
  const module = await curl(`${server.url}/pagefind/wasm.en.pagefind`);
  assert.match(gunzipSync(Buffer.from(module.stdout, "latin1")).toString("latin1"), /^pagefind_dcd\0asm/);
  holds("pagefind --serve: an index of two pages with its WebAssembly, and the pages");
  await server.stop();
}
