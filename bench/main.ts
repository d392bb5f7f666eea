/**
 * Runs benches, each in a process of its own, and prints a table, or with --json one object a line.
 *
 *     npm run bench [-- NAME… [--json] [--rounds N]]
 */
import { spawnSync } from "node:child_process";
import { parseArgs, styleText } from "node:util";
import { type Bench, formatNumber, type Result, runBench } from "./harness.ts";

const benches: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  "tcp-bulk": () => import("./benches/tcp-bulk.bench.ts"),
  "tcp-connect": () => import("./benches/tcp-connect.bench.ts"),
  "tcp-allocation": () => import("./benches/tcp-allocation.bench.ts"),
  "httpd-published": () => import("./benches/httpd-published.bench.ts"),
  "httpd-in-process": () => import("./benches/httpd-in-process.bench.ts"),
  syscall: () => import("./benches/syscall.bench.ts"),
  cpu: () => import("./benches/cpu.bench.ts"),
  "cpu-reuse": () => import("./benches/cpu-reuse.bench.ts"),
  "cpu-faults": () => import("./benches/cpu-faults.bench.ts"),
  "machine-fork": async () => ({ bench: (await import("./benches/machine-processes.bench.ts")).forks }),
  "machine-threads": async () => ({ bench: (await import("./benches/machine-processes.bench.ts")).threads }),
  "machine-true": async () => ({ bench: (await import("./benches/machine-processes.bench.ts")).warm }),
  ...several(
    ["busybox-true", "curl-version", "python-pass", "esbuild-version"],
    "machine-start",
    () => import("./benches/machine-start.bench.ts"),
  ),
  ...several(
    ["httpd-1", "httpd-32", "nginx-1", "nginx-32"],
    "machine",
    () => import("./benches/machine-servers.bench.ts"),
  ),
  boot: () => import("./benches/boot.bench.ts"),
  memory: () => import("./benches/memory.bench.ts"),
};

/** Benches that one module has in a list, in this order. */
function several(
  names: readonly string[],
  prefix: string,
  load: () => Promise<{ benches: readonly Bench[] }>,
): Record<string, () => Promise<{ bench: Bench }>> {
  const entries = names.map((name, index) => {
    const bench = async (): Promise<{ bench: Bench }> => ({ bench: (await load()).benches[index] as Bench });
    return [`${prefix}-${name}`, bench] as const;
  });
  return Object.fromEntries(entries);
}

/** A bench that hangs ends the run with a message, not never. */
const BENCH_TIMEOUT_MILLISECONDS = 600_000;
const RESULT_MARK = "\u0001result ";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, rounds: { type: "string" }, child: { type: "string" } },
});

if (values.child === undefined) runAll();
else await runChild(values.child);

function runAll(): void {
  const names = Object.keys(benches);
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    console.error(`no bench ${unknown.join(", ")}; there are ${names.join(", ")}`);
    process.exit(2);
  }
  let failed = 0;
  if (!values.json) console.log(`Node ${process.versions.node}, ${process.platform} ${process.arch}\n`);
  for (const name of positionals.length > 0 ? positionals : names) {
    const rows = runInProcess(name);
    if (rows === null) failed++;
    else for (const row of rows) console.log(values.json ? JSON.stringify(row) : line(row));
  }
  process.exit(failed === 0 ? 0 : 1);
}

function runInProcess(name: string): Result[] | null {
  const flags = ["--expose-gc", "--disable-warning=ExperimentalWarning"];
  const rounds = values.rounds === undefined ? [] : ["--rounds", values.rounds];
  const result = spawnSync(process.execPath, [...flags, import.meta.filename, "--child", name, ...rounds], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    timeout: BENCH_TIMEOUT_MILLISECONDS,
  });
  const found = result.stdout.split("\n").find((text) => text.startsWith(RESULT_MARK));
  if (result.status === 0 && found !== undefined) return JSON.parse(found.slice(RESULT_MARK.length)) as Result[];
  console.error(`${name}: failed (${result.signal ?? `code ${result.status}`})\n${result.stdout}`);
  return null;
}

async function runChild(name: string): Promise<void> {
  const { bench } = (await benches[name]?.()) ?? {};
  if (bench === undefined) throw new Error(`no bench ${name}`);
  // Flags of its own cannot be set on a running process: start again with them.
  if (bench.nodeFlags !== undefined && !bench.nodeFlags.every((flag) => process.execArgv.includes(flag))) {
    const result = spawnSync(process.execPath, [...bench.nodeFlags, ...process.execArgv, ...process.argv.slice(1)], {
      stdio: "inherit",
    });
    process.exit(result.status ?? 1);
  }
  const rounds = values.rounds === undefined ? bench.rounds : Number(values.rounds);
  const results = await runBench({ ...bench, rounds });
  console.log(RESULT_MARK + JSON.stringify(results));
  process.exit(0);
}

function line({ name, value, unit, against, ratio, target, quartiles }: Result): string {
  const [low, high] = quartiles;
  const spread = styleText("dim", `(${formatNumber(low)} … ${formatNumber(high)})`);
  const compared = ratio === null ? "" : `  ${formatNumber(ratio)} × ${against}`;
  const wanted = target === null ? "" : styleText("dim", `  target ${target}`);
  return `${name.padEnd(38)} ${formatNumber(value).padStart(9)} ${unit.padEnd(18)} ${spread}${compared}${wanted}`;
}
