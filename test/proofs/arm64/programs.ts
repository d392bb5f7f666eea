/** Where the programs for Linux/arm64 lie that the proofs run, fetched if they are not there yet, and servers of the host that guests reach. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { join, resolve } from "node:path";
import { root, temporaryFolder } from "../support.ts";

const folder = resolve(process.env.AKUMA_ARM64_PROGRAMS ?? join(root, ".cache/arm64"));
execFileSync(join(import.meta.dirname, "fetch.sh"), [folder], { stdio: ["ignore", "inherit", "inherit"] });

/** Debian's busybox-static. */
export const busybox: string = join(folder, "busybox");
/** Debian's packages, unpacked: curl, nginx, redis, python3 and their libraries. */
export const debian: string = join(folder, "root");
/** A static program in Go. */
export const esbuild: string = join(folder, "npm/linux-arm64-esbuild/package/bin/esbuild");
/** A static program in Rust. */
export const pagefind: string = join(folder, "npm/linux-arm64-pagefind/package/bin/pagefind_extended");

/** What the programs of a proof share of their translated code. */
const codeCache = temporaryFolder();

/** The arguments of `akuma` that run a command of Debian's packages. */
export function inDebian(flags: readonly string[], ...command: string[]): string[] {
  return ["run", "--root", debian, "--code-cache", codeCache, ...flags, "--", ...command];
}

/** The host as the guest sees it. */
export const HOST_ADDRESS = "10.0.2.2";

export interface HostServer {
  readonly port: number;
  /** As the guest reaches it. */
  readonly url: string;
  close(): void;
}

/** A web server of the host. */
export async function serveFromHost(listener: RequestListener): Promise<HostServer> {
  const server: Server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    port,
    url: `http://${HOST_ADDRESS}:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Numbers below a bound that are the same each time. */
export function randomNumbers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    // Numerical Recipes' linear congruential generator; its upper bits are the good ones.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}
