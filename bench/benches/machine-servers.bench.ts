/** Servers of machine code behind a published port, and under qemu on the host's own sockets, loaded by wrk. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyboxPath, qemu, requestsPerSecond, requirePrograms, rootFolder, startUnderQemu } from "../arm64.ts";
import type { Bench } from "../harness.ts";
import { buildPackage, builtCommand, freePort, startServer } from "../serving.ts";

const PAGE = `<h1>${"x".repeat(1000)}</h1>\n`;

function nginxConfiguration(port: number, folder: string, temporary: string): string {
  return `master_process off; daemon off; error_log stderr; pid ${temporary}/nginx.pid;
events { worker_connections 512; }
http { access_log off; client_body_temp_path ${temporary}; proxy_temp_path ${temporary}; fastcgi_temp_path ${temporary};
uwsgi_temp_path ${temporary}; scgi_temp_path ${temporary}; server { listen ${port}; root ${folder}; } }
`;
}

interface Kind {
  readonly name: string;
  readonly connections: number;
  readonly target?: string;
  /** Flags, program and arguments for akuma; the folder with the page is mounted at /site. */
  akuma(folder: string): readonly string[];
  qemu(folder: string, port: number): readonly string[];
}

const busybox = {
  akuma: () => ["--", busyboxPath, "httpd", "-f", "-p", "80", "-h", "/site"],
  qemu: (folder: string, port: number) => [busyboxPath, "httpd", "-f", "-p", `127.0.0.1:${port}`, "-h", folder],
};
const nginx = {
  akuma: (folder: string) => {
    writeFileSync(join(folder, "guest.conf"), nginxConfiguration(80, "/site", "/tmp"));
    return ["--root", rootFolder, "--", "/usr/sbin/nginx", "-c", "/site/guest.conf"];
  },
  qemu: (folder: string, port: number) => {
    writeFileSync(join(folder, "qemu.conf"), nginxConfiguration(port, folder, folder));
    return ["-L", rootFolder, join(rootFolder, "usr/sbin/nginx"), "-c", join(folder, "qemu.conf")];
  },
};
const kinds: readonly Kind[] = [
  { name: "machine-httpd-1", connections: 1, target: "≥ 5 ×", ...busybox },
  { name: "machine-httpd-32", connections: 32, target: "≥ 5 ×", ...busybox },
  { name: "machine-nginx-1", connections: 1, ...nginx },
  { name: "machine-nginx-32", connections: 32, ...nginx },
];

function serving(kind: Kind): Bench {
  return {
    name: kind.name,
    what: `${kind.name.includes("nginx") ? "nginx in one process" : "busybox httpd, which forks for each connection"}: a page of 1 KB, wrk with ${kind.connections} connections`,
    rounds: 3,
    open: async () => {
      requirePrograms();
      buildPackage();
      qemu();
      const folder = mkdtempSync(join(tmpdir(), "akuma-bench-"));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "index.html"), PAGE);
      const port = await freePort();
      const flags = ["run", "--mount", `${folder}:/site:rw`, "--publish", `127.0.0.1:${port}:80`];
      const here = await startServer(port, [builtCommand, ...flags, ...kind.akuma(folder)]);
      const there = await startUnderQemu((free) => kind.qemu(folder, free));
      requestsPerSecond(here.port, kind.connections, 8, true);
      return {
        variants: [
          { name: "akuma", unit: "requests/s", measure: () => requestsPerSecond(here.port, kind.connections) },
          { name: "qemu", unit: "requests/s", measure: () => requestsPerSecond(there.port, kind.connections) },
        ],
        against: "qemu",
        ...(kind.target === undefined ? {} : { targets: { akuma: kind.target } }),
        close: async () => {
          await here.stop();
          await there.stop();
          rmSync(folder, { recursive: true });
        },
      };
    },
  };
}

export const benches: readonly Bench[] = kinds.map(serving);
