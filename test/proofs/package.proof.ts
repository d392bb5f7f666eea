/**
 * The packed npm package: publint finds nothing, it installs into an empty project, and there the example of README.md runs
 * and its types hold.
 * Run it with:  ./node_modules/.bin/node test/proofs/package.proof.ts
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { holds, root, run, temporaryFolder } from "./support.ts";

const MAXIMUM_PACKED_BYTES = 600_000;
const bin = join(root, "node_modules", ".bin");
const folder = temporaryFolder();

async function succeed(program: string, argumentList: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await run(program, argumentList, { cwd });
  assert.equal(code, 0, `${program} ${argumentList.join(" ")}\n${stdout}\n${stderr}`);
  return stdout;
}

await succeed(process.execPath, [join(root, "scripts", "build.ts")], root);
await succeed(join(bin, "publint"), ["run", "--strict"], root);
holds("publint --strict finds nothing");

const [packed] = JSON.parse(
  await succeed("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
);
const tarball = join(folder, packed.filename);
const { size } = statSync(tarball);
assert.ok(size < MAXIMUM_PACKED_BYTES, `the package is ${size} bytes`);
const strays = packed.files.filter(({ path }: { path: string }) =>
  /\.(test|fixture|bench)\.|\.tsbuildinfo|^src\//.test(path),
);
assert.deepEqual(strays, []);
holds(`${packed.files.length} files, ${Math.round(size / 1024)} KiB packed`);

const project = join(folder, "project");
mkdirSync(join(project, "site"), { recursive: true });
writeFileSync(join(project, "package.json"), '{ "name": "empty", "private": true, "type": "module" }\n');
writeFileSync(join(project, "site", "index.html"), "<h1>Hello</h1>\n");
await succeed("npm", ["install", "--no-audit", "--no-fund", tarball], project);
holds("installs into an empty project");

const readme = readFileSync(join(root, "README.md"), "utf8");
const example = /```(?:js|ts)\n(\/\/ page\.test\.[jt]s\n.*?)```/s.exec(readme)?.[1];
assert.ok(example, "README.md has no example that begins with its file's name, page.test.js");
writeFileSync(join(project, "page.test.js"), example);
const tested = await succeed(process.execPath, ["--test", "page.test.js"], project);
assert.match(tested, /pass 1\b/);
assert.match(tested, /fail 0\b/);
holds("the example of README.md runs there and passes");

const help = await succeed(
  process.execPath,
  [join(project, "node_modules", "akuma", "dist", "cli.js"), "--help"],
  project,
);
assert.match(help, /serve/);
await succeed(join(project, "node_modules", ".bin", "akuma"), ["--version"], project);
holds("the command of the package runs");

const configuration = {
  compilerOptions: {
    module: "nodenext",
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    strict: true,
    noEmit: true,
    checkJs: true,
    allowJs: true,
    types: ["node"],
    typeRoots: [join(root, "node_modules", "@types")],
  },
  include: ["*.js", "*.ts"],
};
writeFileSync(join(project, "tsconfig.json"), JSON.stringify(configuration));
writeFileSync(
  join(project, "program.ts"),
  'import type { Akuma } from "akuma/libakuma";\n\n' +
    "export async function main(akuma: Akuma): Promise<number> {\n" +
    '  using file = await akuma.fs.open("/etc/hostname");\n' +
    "  return akuma.getpid() > 0 && file !== undefined ? 0 : 1;\n}\n",
);
await succeed(join(bin, "tsc"), ["-p", "."], project);
holds("its types hold there, declarations checked too");
