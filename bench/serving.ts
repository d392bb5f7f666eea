/** Servers in processes of their own, for benches that load them from outside: akuma's built command, and Node's http. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { createServer } from "node:net";
import { join, resolve } from "node:path";

export const root: string = resolve(import.meta.dirname, "..");
export const builtCommand: string = join(root, "dist", "cli.js");

/** Builds the package's code: what is shipped is what is measured. */
export function buildPackage(): void {
  const command = [join(root, "scripts", "build.ts"), "--no-types"];
  execFileSync(process.execPath, command, { stdio: ["ignore", "ignore", "inherit"] });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

export interface Server {
  readonly port: number;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a server and waits until its port takes connections. */
export async function startServer(port: number, argumentList: readonly string[]): Promise<Server> {
  const child = spawn(process.execPath, argumentList, { stdio: ["ignore", "ignore", "inherit"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const deadline = performance.now() + 30_000;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`no server: ${argumentList.join(" ")}`);
    await new Promise((wait) => setTimeout(wait, 20));
  }
  return {
    port,
    process: child,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

export async function startAkuma(folder: string): Promise<Server> {
  buildPackage();
  const port = await freePort();
  return startServer(port, [builtCommand, "serve", "--port", String(port), folder]);
}

/** True when a request is answered, with whatever status. */
function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const request = get({ host: "127.0.0.1", port, agent: false }, (response) => {
      response.resume();
      settle(true);
    });
    request.on("error", () => settle(false));
  });
}
