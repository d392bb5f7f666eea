/** akuma serve FOLDER: a folder of the host over HTTP, from httpd in the kernel through a published port. */
import { resolve } from "node:path";
import type { Kernel } from "../host/node/boot.ts";
import { CommandFailure } from "./errors.ts";
import { bootKernel, checkFolder, type SessionFlags, startProgram, waitFor } from "./session.ts";
import { dim, emphasize, printLine } from "./style.ts";

interface ServeFlags extends SessionFlags {
  port?: number;
  host: string;
  log?: boolean;
}

const GUEST_PORT = 8080;
const USUAL_PORT = 8080;
/** How many ports after the usual one are tried where it is taken. */
const FURTHER_PORTS = 20;

export async function serveFolder(folder: string, flags: ServeFlags): Promise<number> {
  checkFolder(folder);
  const kernel = await bootOnFreePort(resolve(folder), flags);
  const words = ["--quiet", ...(flags.log === true ? ["--log"] : []), "--port", String(GUEST_PORT), "/public"];
  const server = await startProgram(kernel, "/bin/httpd", flags, { arguments: words, stdin: "ignore" });
  const [port] = kernel.published;
  const host = flags.host === "0.0.0.0" ? "127.0.0.1" : flags.host;
  const address = `http://${host.includes(":") ? `[${host}]` : host}:${port?.hostPort ?? USUAL_PORT}/`;
  printLine(`Serving ${folder} at ${emphasize(address)} ${dim("(Ctrl-C ends)")}`);
  const code = await waitFor(kernel, server);
  // Ctrl-C is how a server is meant to end.
  return code === 130 ? 0 : code;
}

async function bootOnFreePort(folder: string, flags: ServeFlags): Promise<Kernel> {
  const first = flags.port ?? USUAL_PORT;
  const last = flags.port === undefined ? USUAL_PORT + FURTHER_PORTS : first;
  const host = flags.host.includes(":") ? `[${flags.host}]` : flags.host;
  for (let port = first; ; port++) {
    try {
      return await bootKernel(flags, {
        mounts: { "/public": folder },
        publish: [`${host}:${port}:${GUEST_PORT}`],
      });
    } catch (error) {
      const isTaken =
        error instanceof CommandFailure && (error.cause as { code?: string } | undefined)?.code === "EADDRINUSE";
      if (!isTaken) throw error;
      if (port < last) continue;
      const which = first === last ? `port ${first} is` : `ports ${first} to ${last} are all`;
      throw new CommandFailure(`${which} in use: choose another one with --port, or --port 0 for a free one`);
    }
  }
}
