/** From `node` start to the first byte that the built command serves, and what of it is Node's own start. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import type { Bench } from "../harness.ts";
import { buildPackage, builtCommand, freePort, root } from "../serving.ts";

async function bootToFirstByte(): Promise<number> {
  const port = await freePort();
  const started = performance.now();
  const child = spawn(process.execPath, [builtCommand, "serve", "--port", String(port), join(root, "public")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  while (!(await firstByte(port))) {
    if (child.exitCode !== null) throw new Error(`the command ended with ${child.exitCode}`);
  }
  const milliseconds = performance.now() - started;
  child.kill("SIGTERM");
  await once(child, "exit");
  return milliseconds;
}

/** Asks for the page; true when the first byte of an answer has come, false when nobody listens yet. */
function firstByte(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, "127.0.0.1", () =>
      socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    );
    socket.once("data", () => {
      answer(true);
      socket.destroy();
    });
    socket.once("error", () => setTimeout(() => answer(false), 1));
  });
}

export const bench: Bench = {
  name: "boot",
  what: "the built command: process start to the first byte of the page over a published port",
  rounds: 11,
  open: () => {
    buildPackage();
    return {
      variants: [
        { name: "serve-to-first-byte", unit: "ms", measure: bootToFirstByte },
        {
          name: "node-alone",
          unit: "ms",
          measure: () => {
            const started = performance.now();
            spawnSync(process.execPath, ["-e", "0"]);
            return performance.now() - started;
          },
        },
      ],
      targets: { "serve-to-first-byte": "< 120 ms" },
    };
  },
};
