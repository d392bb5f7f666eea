/**
 * Builds the npm package into dist: index.js (the host API), libakuma.js (for programs), cli.js (the command), what they
 * share and load lazily as chunks beside them, and the type declarations those entries reach.
 *
 *     npm run build [-- --no-types]
 */
import { spawnSync } from "node:child_process";
import { chmodSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const root = resolve(import.meta.dirname, "..");
const output = join(root, "dist");
const typesCache = join(root, ".cache", "types", "src");
/** The oldest Node whose language the output keeps to. */
const TARGET = "node20";

/** What users of the package import, and what the command runs. */
const entries: Record<string, string> = {
  index: "src/index.ts",
  libakuma: "src/user/libakuma/index.ts",
  cpu: "src/cpu/index.ts",
  main: "src/cli/main.ts",
  // Started by its address, which is that of the host's code with another name: it lies beside it in dist too.
  "worker-entry": "src/host/node/worker-entry.ts",
};

/**
 * The command's first lines: ask Node to keep compiled code, which has to happen before the rest is loaded. Where that is
 * not possible (no writable cache folder, an older Node) nothing is lost but some milliseconds.
 */
const COMMAND = `#!/usr/bin/env node
import * as module from "node:module";
module.enableCompileCache?.();
await import("./main.js");
`;

/**
 * Node's own modules by getBuiltinModule instead of import: an import lists every export of the module, and listing those of
 * node:fs loads its streams. commander names node:child_process for a feature that is not used here.
 */
const builtins: Plugin = {
  name: "builtins",
  setup(builder) {
    builder.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin" }));
    builder.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents:
        path === "node:child_process"
          ? `exports.spawn = (...parameters) => process.getBuiltinModule("${path}").spawn(...parameters);`
          : `module.exports = process.getBuiltinModule("${path}");`,
      loader: "js",
    }));
  },
};

function compileTypes(): void {
  const result = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["-b", "tsconfig/host"], {
    cwd: root,
    stdio: "inherit",
  });
  if (result.status !== 0) throw new Error("the types do not compile");
}

/** Copies the declarations that the entries reach, with imports named as the built modules are. Returns how many. */
function copyTypes(): number {
  const pending = ["index.d.ts", "user/libakuma/index.d.ts", "cpu/index.d.ts"];
  const seen = new Set(pending);
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const here = dirname(file);
    const text = readFileSync(join(typesCache, file), "utf8").replace(
      /(from |import\()"(\.{1,2}\/[^"]+)\.ts"/g,
      (_whole, before: string, path: string) => {
        const target = join(here, `${path}.d.ts`);
        if (!seen.has(target)) {
          seen.add(target);
          pending.push(target);
        }
        return `${before}"${path}.js"`;
      },
    );
    const to = join(output, "types", file);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, withWebAssembly(file, text.replace(/^\/\/# sourceMappingURL=.*$/m, "")));
  }
  const webAssembly = readFileSync(join(root, "src", WEBASSEMBLY_TYPES), "utf8");
  writeFileSync(join(output, "types", WEBASSEMBLY_TYPES), webAssembly.replace("declare namespace", "export $&"));
  return seen.size + 1;
}

/**
 * WebAssembly's types are in the DOM's library, and in part in Node's: the declarations bring their own, as a module, so that users
 * need neither.
 */
const WEBASSEMBLY_TYPES = "base/webassembly.d.ts";

function withWebAssembly(file: string, text: string): string {
  if (!text.includes("WebAssembly.")) return text;
  const path = relative(dirname(file), WEBASSEMBLY_TYPES.replace(".d.ts", ".js"));
  return `import type { WebAssembly } from "${path.startsWith(".") ? path : `./${path}`}";\n${text}`;
}

/** The licences of the packages whose code the bundles hold, as those ask for. */
function writeLicences(inputs: readonly string[]): void {
  const packages = new Set(inputs.flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  const texts = [...packages].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const file = globSync("{LICENSE,LICENCE,license}*", { cwd: join(root, folder) })[0];
    const text = file === undefined ? `Licence: ${license}\n` : readFileSync(join(root, folder, file), "utf8");
    return `${name} ${version}\n\n${text.trim()}\n`;
  });
  if (texts.length > 0) writeFileSync(join(output, "LICENSES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}

const withTypes = !process.argv.includes("--no-types");
rmSync(output, { recursive: true, force: true });
if (withTypes) compileTypes();
const result = await build({
  absWorkingDir: root,
  entryPoints: entries,
  outdir: output,
  bundle: true,
  splitting: true,
  chunkNames: "[name]-[hash]",
  format: "esm",
  platform: "node",
  target: TARGET,
  // Shorter, but with the names as they are written: a stack trace stays readable. Not `minifySyntax`: it puts constants in
  // the place of their names, and then loses those that `export *` hands on from another chunk.
  minifyWhitespace: true,
  legalComments: "none",
  // commander is a CommonJS package and asks for Node's modules with require(), which an ES module does not have.
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
  plugins: [builtins],
  metafile: true,
  logLevel: "warning",
});
writeFileSync(join(output, "cli.js"), COMMAND);
chmodSync(join(output, "cli.js"), 0o755);
const declarations = withTypes ? copyTypes() : 0;
writeLicences(Object.keys(result.metafile.inputs));

const files = Object.entries(result.metafile.outputs).sort((a, b) => b[1].bytes - a[1].bytes);
for (const [file, { bytes, entryPoint }] of files) {
  console.log(
    `${relative(output, join(root, file)).padEnd(34)} ${(bytes / 1024).toFixed(1).padStart(7)} KiB  ${entryPoint ?? ""}`,
  );
}
const total = files.reduce((sum, [, { bytes }]) => sum + bytes, 0);
console.log(`${files.length} modules, ${(total / 1024).toFixed(0)} KiB; ${declarations} declarations`);

/** The command must start fast: these Node modules take tens of milliseconds to load. */
const slow = ["http", "https", "http2"];
for (const [file, { imports }] of files) {
  const found = imports.filter(
    ({ path, kind }) => kind === "import-statement" && slow.includes(path.replace("node:", "")),
  );
  if (found.length > 0)
    throw new Error(`${basename(file)} loads ${found[0]?.path}, which is slow to load: import it lazily`);
}
