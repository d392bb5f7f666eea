/** Requests a second of /bin/httpd through a published port, loaded by wrk, against Node's http serving the same file. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Bench, Variant } from "../harness.ts";
import { freePort, root, type Server, startAkuma, startServer } from "../serving.ts";

const CONNECTIONS = 32;
const SECONDS = 3;
const FILE = "akuma.svg";

function loadedByWrk(name: string, server: Server): Variant {
  return {
    name,
    unit: "requests/s",
    measure: () => {
      const url = `http://127.0.0.1:${server.port}/${FILE}`;
      const options = ["-t", "1", "-c", String(CONNECTIONS), "-d", `${SECONDS}s`];
      const output = execFileSync("wrk", [...options, url], { encoding: "utf8" });
      if (/Socket errors|Non-2xx/.test(output)) throw new Error(output);
      return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]);
    },
  };
}

export const bench: Bench = {
  name: "httpd-published",
  what: `wrk with ${CONNECTIONS} connections for ${SECONDS} s a round, a file of 1 KB; needs wrk`,
  rounds: 5,
  open: async () => {
    const folder = join(root, "public");
    const node = async (how: string): Promise<Server> => {
      const port = await freePort();
      return startServer(port, [join(root, "bench", "node-http-server.ts"), String(port), folder, how]);
    };
    const servers = [await startAkuma(folder), await node("stream"), await node("memory")] as const;
    return {
      variants: [
        loadedByWrk("akuma", servers[0]),
        loadedByWrk("node-http-from-memory", servers[2]),
        loadedByWrk("node-http-streaming", servers[1]),
      ],
      against: "node-http-from-memory",
      targets: { akuma: "≥ 1.0 ×" },
      close: async () => {
        for (const server of servers) await server.stop();
      },
    };
  },
};
