/** Programs for Linux/arm64 under Akuma and under qemu-aarch64, for benches that compare the two. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { qemuPath } from "../src/cpu/compare-with-qemu.fixture.ts";
import { Kernel } from "../src/index.ts";
import { freePort, root, type Server } from "./serving.ts";

/** What test/proofs/arm64/fetch.sh has fetched. */
export const programFolder: string = join(root, ".cache", "arm64");
export const busyboxPath: string = join(programFolder, "busybox");
export const rootFolder: string = join(programFolder, "root");

export function requirePrograms(): void {
  if (!existsSync(join(programFolder, "complete")))
    throw new Error(`fetch the programs first: test/proofs/arm64/fetch.sh ${programFolder}`);
}

export function qemu(): string {
  if (qemuPath === null) throw new Error("this needs Debian's qemu-user-static");
  return qemuPath;
}

/** A kernel with one program of the host's in /bin. */
export async function kernelWith(path: string, name: string): Promise<Kernel> {
  const kernel = await Kernel.boot();
  kernel.core.writeFile(`/bin/${name}`, readFileSync(path), 0o755);
  return kernel;
}

/** Milliseconds from the start of a process of the host to its end. */
export function timeOfProcess(program: string, argumentList: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(program, argumentList, { stdio: ["ignore", "ignore", "pipe"] });
  if (status !== 0) throw new Error(`${program} ${argumentList.join(" ")}: ${status} ${stderr}`);
  return performance.now() - started;
}

/** A server under qemu that listens on the host itself. */
export async function startUnderQemu(argumentsFor: (port: number) => readonly string[]): Promise<Server> {
  const port = await freePort();
  const child = spawn(qemu(), argumentsFor(port), { stdio: "ignore" });
  process.on("exit", () => child.kill("SIGKILL"));
  for (const deadline = performance.now() + 20_000; !(await answers(port)); ) {
    if (performance.now() > deadline) throw new Error("the server under qemu does not answer");
  }
  return {
    port,
    process: child,
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      settle(true);
    });
    socket.once("error", () => setTimeout(() => settle(false), 20));
  });
}

/** Requests per second that wrk gets answered over so many connections; an error ends the bench, except while it warms up. */
export function requestsPerSecond(port: number, connections: number, seconds = 3, warmsUp = false): number {
  const url = `http://127.0.0.1:${port}/`;
  const { stdout } = spawnSync("wrk", ["-t", "1", "-c", String(connections), "-d", `${seconds}s`, url], {
    encoding: "utf8",
  });
  const found = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (found === undefined || (!warmsUp && /Socket errors|Non-2xx/.test(stdout))) throw new Error(`wrk: ${stdout}`);
  return Number(found);
}
