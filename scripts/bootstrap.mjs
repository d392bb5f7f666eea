/**
 * The first thing that runs in a fresh clone: plain JavaScript for Node 20 or newer, without dependencies. Installs what
 * package-lock.json names if it is not there yet, then runs a TypeScript file with the Node that the project brings.
 *
 *     node scripts/bootstrap.mjs COMMAND [ARGUMENT…]      COMMAND: start, test, check, bench, … (see commands)
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const projectNode = join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
const PARENT_CHECK_MILLISECONDS = 200;

/** What each command runs, and with which arguments before those of the user. */
const commands = {
  start: ["src/cli/main.ts", "serve", join(root, "public")],
  akuma: ["src/cli/main.ts"],
  test: ["scripts/test.ts"],
  check: ["scripts/check.ts"],
  layers: ["scripts/check-layers.ts"],
  build: ["scripts/build.ts"],
  bench: ["bench/main.ts"],
  fuzz: ["fuzz/main.ts"],
  node: [],
};

/**
 * The packages that package-lock.json names and node_modules lacks or has in another version. npm keeps a lock file of
 * what it installed in node_modules; comparing the two asks no network and takes a millisecond.
 */
export function missingPackages(folder) {
  const wanted = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")).packages ?? {};
  let installed = {};
  try {
    installed = JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8")).packages ?? {};
  } catch {
    // Nothing is installed yet.
  }
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== "" && !entry.optional && !entry.devOptional && !entry.link)
    .filter(([path, entry]) => installed[path]?.version !== entry.version || !existsSync(join(folder, path)))
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
}

/** Installs with `npm ci` when something is missing. Returns an exit code; 0 = everything is there. */
function install() {
  const missing = missingPackages(root);
  if (missing.length === 0 && existsSync(projectNode)) return 0;
  console.error(
    missing.length > 0
      ? `akuma: installing ${missing.length} packages into node_modules (once; about a minute) …`
      : "akuma: installing the project's own Node into node_modules (once) …",
  );
  // Under `npm start` npm says where it is; otherwise it is in the PATH.
  const npm = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const result = spawnSync(
    npm[0],
    [...npm.slice(1), "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: root,
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
      shell: process.platform === "win32" && npm.length === 1,
    },
  );
  if (result.status !== 0) {
    const why = result.error ? result.error.message : `npm ci ended with ${result.signal ?? `code ${result.status}`}`;
    console.error(`akuma: could not install (${why}). Is the network there? Try \`npm ci\` in ${root} to see more.`);
    return 1;
  }
  if (!existsSync(projectNode)) {
    console.error(
      "akuma: the package `node` did not bring its program: were install scripts switched off (ignore-scripts)?\n" +
        "       Try `npm rebuild node`, or `npm ci --ignore-scripts=false`.",
    );
    return 1;
  }
  return 0;
}

/** Runs the project's Node, hands signals on, and ends as it ended. */
function run(argumentList) {
  const child = spawn(projectNode, argumentList, {
    stdio: "inherit",
    // Where compiled code is kept: starting from source is five times as fast the second time.
    env: { NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "compile"), ...process.env },
  });
  child.on("error", (error) => {
    console.error(`akuma: cannot run ${projectNode}: ${error.message}`);
    process.exit(1);
  });
  // Ctrl-C on a terminal reaches the whole foreground group, so the child has it already; others send to us alone.
  const fromTerminal = process.stdin.isTTY === true;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (!(fromTerminal && signal === "SIGINT")) child.kill(signal);
    });
  }
  // npm runs us in a shell and hands signals on to that shell only, which keeps them: when it is gone, we are meant too.
  if (process.env.npm_lifecycle_event !== undefined) {
    const shell = process.ppid;
    const check = setInterval(() => {
      if (process.ppid === shell) return;
      clearInterval(check);
      child.kill("SIGTERM");
    }, PARENT_CHECK_MILLISECONDS).unref();
  }
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 128 + (constants.signals[signal] ?? 0)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name = "", ...rest] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (Number.parseInt(process.versions.node, 10) < 20) {
    console.error(`akuma: needs Node 20 or newer to start; this is ${process.version}.`);
    process.exit(1);
  }
  if (command === undefined) {
    console.error(`usage: node scripts/bootstrap.mjs ${Object.keys(commands).join("|")} [ARGUMENT…]`);
    process.exit(2);
  }
  const code = install();
  if (code !== 0) process.exit(code);
  const [file, ...before] = command;
  run([...(file === undefined ? [] : [join(root, file)]), ...before, ...rest]);
}
