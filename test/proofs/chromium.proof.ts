/**
 * Headless Chromium opens the served page through a published port and loads its style and pictures.
 * Needs chromium. Run it with:  ./node_modules/.bin/node test/proofs/chromium.proof.ts [SCREENSHOT.png]
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { holds, root, run, serve, temporaryFolder } from "./support.ts";

/** Shows the page in a frame and writes down what the browser made of it. */
const probe = `<!doctype html><title>probe</title><iframe src="index.html" width="1100" height="700"></iframe><pre></pre>
<script>
  document.querySelector("iframe").onload = (event) => {
    const { document: page, getComputedStyle } = event.target.contentWindow;
    document.querySelector("pre").textContent = JSON.stringify({
      title: page.title,
      pictures: [...page.images].map((image) => [image.getAttribute("src"), image.complete, image.naturalWidth]),
      headerColour: getComputedStyle(page.querySelector("header")).backgroundColor,
    });
  };
</script>`;

const folder = temporaryFolder();
cpSync(join(root, "public"), join(folder, "served"), { recursive: true });
writeFileSync(join(folder, "served", "probe.html"), probe);
const server = await serve(join(folder, "served"));

function chromium(...argumentList: string[]): ReturnType<typeof run> {
  const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
  const profile = `--user-data-dir=${join(folder, `profile-${argumentList.length}`)}`;
  const common = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    ...quiet,
    "--disable-sync",
    "--timeout=30000",
    profile,
  ];
  return run("chromium", [...common, ...argumentList]);
}

const { stdout, stderr } = await chromium("--virtual-time-budget=10000", "--dump-dom", `${server.url}/probe.html`);
const found = /<pre>(\{.*\})<\/pre>/.exec(stdout)?.[1];
assert.ok(found, `the page did not load:\n${stdout}\n${stderr}`);
const seen = JSON.parse(found);
assert.match(seen.title, /Akuma/);
assert.deepEqual(
  seen.pictures.map(([source, complete, width]: [string, boolean, number]) => [source, complete, width > 0]),
  [
    ["ridges.png", true, true],
    ["akuma.svg", true, true],
  ],
);
assert.equal(seen.pictures[0][2], 1280);
assert.equal(seen.headerColour, "rgb(24, 20, 44)");
holds("the page with its style, its PNG and its SVG");

const screenshot = resolve(process.argv[2] ?? join(folder, "page.png"));
await chromium("--hide-scrollbars", "--window-size=1100,1750", `--screenshot=${screenshot}`, `${server.url}/`);
assert.ok(existsSync(screenshot) && statSync(screenshot).size > 100_000, "the screenshot is missing or empty");
holds(`a screenshot of ${statSync(screenshot).size} bytes`);
assert.equal(await server.stop(), 0);
