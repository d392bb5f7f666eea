/** Memory of an idle kernel, and of an idle TCP connection beyond its buffers. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { sharedArena } from "../../src/base/arena.ts";
import type { Bench } from "../harness.ts";
import { buildPackage, root } from "../serving.ts";
import { StackPair } from "../two-stacks.ts";

const CONNECTIONS = 10_000;
const MEBIBYTE = 1 << 20;

/** JavaScript's own memory after a collection: heap and buffers, not the arena (which was reserved before). */
function usedBytes(): number {
  for (let times = 0; times < 3; times++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function perIdleConnection(): { beyondBuffers: number; buffers: number } {
  const pair = new StackPair("ethernet", CONNECTIONS);
  pair.connect();
  const before = usedBytes();
  const buffersBefore = sharedArena().blockBytesInUse;
  const ends: unknown[] = [];
  for (let count = 0; count < CONNECTIONS; count++) ends.push(...pair.connect());
  pair.pollUntil(() => !pair.client.needsPoll && !pair.server.needsPoll, 1);
  const grown = usedBytes() - before;
  const buffers = sharedArena().blockBytesInUse - buffersBefore;
  return { beyondBuffers: grown / ends.length, buffers: buffers / ends.length };
}

/** Resident memory of a Node process that has run this code and settled, in MiB. */
function residentMebibytes(code: string): number {
  const script = `${code}
    await new Promise((settled) => setTimeout(settled, 200));
    globalThis.gc(); globalThis.gc();
    console.log(process.memoryUsage().rss);
    process.exit(0);`;
  const flags = ["--expose-gc", "--disable-warning=ExperimentalWarning", "--input-type=module"];
  const result = spawnSync(process.execPath, [...flags, "-e", script], { cwd: root, encoding: "utf8" });
  if (result.status !== 0) throw new Error(result.stderr);
  return Number(result.stdout) / MEBIBYTE;
}

const bootServing = `
  import { Kernel } from ${JSON.stringify(join(root, "dist", "index.js"))};
  const kernel = await Kernel.boot({ mounts: { "/public": "public" } });
  await kernel.spawn("/bin/httpd");
  await kernel.listening(8080);`;

export const bench: Bench = {
  name: "memory",
  what: "resident memory of a kernel that runs an idle httpd; 10,000 idle connections, bytes an end",
  rounds: 3,
  open: () => {
    buildPackage();
    let connection = { beyondBuffers: Number.NaN, buffers: Number.NaN };
    return {
      variants: [
        { name: "node-alone", unit: "MiB", measure: () => residentMebibytes("") },
        { name: "idle-kernel", unit: "MiB", measure: () => residentMebibytes(bootServing) },
        {
          name: "idle-connection-beyond-buffers",
          unit: "bytes",
          measure: () => {
            connection = perIdleConnection();
            return connection.beyondBuffers;
          },
        },
        { name: "idle-connection-buffers", unit: "bytes", measure: () => connection.buffers },
      ],
      targets: { "idle-connection-beyond-buffers": "< 2,048" },
    };
  },
};
