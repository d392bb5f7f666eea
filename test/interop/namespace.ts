/**
 * A network namespace of Linux, made for a test and removed with it, whatever way the test ends. Nothing in it is connected
 * to anything outside but the TAP interface that a relay hands to us.
 */
import { type ChildProcessByStdio, execFile, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const PREFIX = "akuma-test-";
const COMMAND_TIMEOUT_MILLISECONDS = 60_000;

export type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** Why these tests cannot run here; false where they can. */
export function reasonToSkip(): string | false {
  // On the real clock, against a process that the machine schedules as it likes: not for every `npm test`.
  if (process.env["AKUMA_COMPARE"] !== "1") return "compares with the machine's Linux: set AKUMA_COMPARE=1";
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root, to make a network namespace";
  if (!existsSync("/dev/net/tun")) return "needs /dev/net/tun";
  for (const tool of ["ip", "ss", "python3"]) {
    if (spawnSync(tool, ["-V"]).error !== undefined) return `needs ${tool}`;
  }
  const name = `${PREFIX}${process.pid}-probe`;
  const made = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (made.status !== 0) return `cannot make a network namespace: ${made.stderr.trim()}`;
  const tap = spawnSync("ip", ["-n", name, "tuntap", "add", "probe", "mode", "tap"], { encoding: "utf8" });
  spawnSync("ip", ["netns", "delete", name]);
  return tap.status === 0 ? false : `cannot make a TAP interface: ${tap.stderr.trim()}`;
}

const alive = new Set<Namespace>();
let made = 0;

function removeAll(): void {
  for (const namespace of [...alive]) namespace.remove();
}

export class Namespace {
  readonly name: string;
  private readonly children = new Set<Child>();

  constructor() {
    if (made === 0) {
      removeLeftOver();
      process.on("exit", removeAll);
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
    }
    this.name = `${PREFIX}${process.pid}-${made++}`;
    alive.add(this);
    this.ip("netns", "add", this.name);
    this.ip("-n", this.name, "link", "set", "lo", "up");
  }

  /** The ip command, outside of the namespace: give "-n" and the name to have it inside. */
  ip(...words: string[]): void {
    const { status, stderr } = spawnSync("ip", words, { encoding: "utf8" });
    if (status !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr.trim()}`);
  }

  /** The ip command inside of the namespace. */
  configure(...words: string[]): void {
    this.ip("-n", this.name, ...words);
  }

  /** Starts a program in the namespace; it ends with the namespace at the latest. */
  start(command: string, ...words: string[]): Child {
    const child = spawn("ip", ["netns", "exec", this.name, command, ...words], { stdio: ["pipe", "pipe", "pipe"] });
    this.children.add(child);
    child.on("exit", () => this.children.delete(child));
    // Who is written to may be gone: what it had to say is on its stderr.
    child.stdin.on("error", () => {});
    return child;
  }

  /** One of the Python programs beside this file. */
  startPython(program: string, ...words: string[]): Child {
    return this.start("python3", "-E", "-s", join(import.meta.dirname, program), ...words);
  }

  /** Runs a program in the namespace to its end. */
  async run(command: string, ...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return await new Promise((resolve) => {
      const options = { timeout: COMMAND_TIMEOUT_MILLISECONDS, maxBuffer: 64 << 20 };
      execFile("ip", ["netns", "exec", this.name, command, ...words], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
      });
    });
  }

  remove(): void {
    if (!alive.delete(this)) return;
    for (const child of this.children) child.kill("SIGKILL");
    spawnSync("ip", ["netns", "delete", this.name]);
  }
}

/** Namespaces of test processes that were killed before they could clean up. */
function removeLeftOver(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  for (const line of stdout.split("\n")) {
    const name = line.split(" ")[0] ?? "";
    if (name.startsWith(PREFIX) && !existsSync(`/proc/${name.slice(PREFIX.length).split("-")[0]}`)) {
      spawnSync("ip", ["netns", "delete", name]);
    }
  }
}
