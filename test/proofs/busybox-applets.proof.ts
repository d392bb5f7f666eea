/**
 * Debian's busybox-static for arm64, unmodified: what its applets print over a corpus is byte for byte what they print under QEMU.
 * Linux only. Needs qemu-user-static and apt. Run it with:  ./node_modules/.bin/node test/proofs/busybox-applets.proof.ts
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CORPUS, corpusScript, writeInputs } from "./arm64/corpus.ts";
import { busybox } from "./arm64/programs.ts";
import { akuma, holds, run, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const script = join(folder, "script");
writeFileSync(script, corpusScript());

/** A folder with the inputs, for one of the two, and one for what it prints. */
function prepare(name: string): { input: string; output: string } {
  const [input, output] = [join(folder, name, "input"), join(folder, name, "output")];
  mkdirSync(input, { recursive: true });
  mkdirSync(output);
  writeInputs(input);
  return { input, output };
}

const theirs = prepare("qemu");
const expected = await run("/bin/sh", [script], {
  cwd: theirs.input,
  env: { PATH: process.env["PATH"], BB: `qemu-aarch64-static ${busybox}`, OUT: theirs.output },
});
assert.equal(expected.code, 0, expected.stderr);

const ours = prepare("akuma");
const started = performance.now();
const actual = await akuma([
  "run",
  "--mount",
  `${folder}:/proof`,
  "--mount",
  `${ours.output}:/output:rw`,
  busybox,
  "sh",
  "-c",
  "BB=/usr/local/bin/busybox; OUT=/output; cp -a /proof/akuma/input /work; cd /work; . /proof/script",
]);
const seconds = (performance.now() - started) / 1000;
assert.equal(actual.code, 0, actual.stderr);

const different: string[] = [];
let bytes = 0;
for (const [index, line] of CORPUS.entries()) {
  for (const kind of ["out", "err"]) {
    const ourText = readFileSync(join(ours.output, `${index}.${kind}`), "latin1");
    const theirText = readFileSync(join(theirs.output, `${index}.${kind}`), "latin1");
    bytes += theirText.length;
    if (ourText !== theirText) different.push(`${line}\n--- ${kind}\n${ourText}--- under QEMU\n${theirText}`);
  }
}
assert.deepEqual(different, []);
holds(`${CORPUS.length} uses of busybox's applets in ${seconds.toFixed(1)} s: all ${bytes} bytes as under QEMU`);
