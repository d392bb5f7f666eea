/** The command on a real terminal: raw mode, the echo, sizes, keys, and how the terminal is left. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const driver = fileURLToPath(new URL("../../test/support/terminal-driver.py", import.meta.url));
const windowProgram = fileURLToPath(new URL("../../test/support/programs/window.ts", import.meta.url));
const hasPython = spawnSync("python3", ["-c", "import pty, termios"]).status === 0;
const skip = hasPython ? false : "python3 with its pty module is not installed";

interface Modes {
  canonical: boolean;
  echo: boolean;
}

interface Outcome {
  output: string;
  missing: string | null;
  modes: Modes[];
  atEnd: Modes | null;
  /** As wait(2) has it: the exit code times 256, or a signal. */
  status: number | null;
}

type Step = ["wait" | "type" | "kill", string] | ["size", number, number] | ["raw"] | ["modes"] | ["hangup"];

async function onTerminal(words: readonly string[], ...steps: Step[]): Promise<Outcome> {
  const environment = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "akuma-test-cache"), NO_COLOR: "1" };
  const child = spawn("python3", [driver, JSON.stringify(steps), process.execPath, main, ...words], {
    env: environment,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  await once(child, "close");
  const outcome = JSON.parse(text) as Outcome;
  assert.equal(outcome.missing, null, `did not come, after ${JSON.stringify(outcome.output)}`);
  return outcome;
}

const usual: Modes = { canonical: true, echo: true };
const raw: Modes = { canonical: false, echo: false };

test("who reads gets a line discipline of the guest's: echo, editing, end of file; then all is as before", {
  skip,
}, async () => {
  const outcome = await onTerminal(
    ["run", "cat"],
    ["raw"],
    ["modes"],
    ["type", "hex\u007flo\r"],
    ["wait", "hex\b \blo\r\nhelo\r\n"],
    ["type", "\u0004"],
  );
  assert.deepEqual(outcome.modes, [raw]);
  assert.deepEqual([outcome.status, outcome.atEnd], [0, usual]);
});

test("Ctrl-C ends a program that reads, and one that does not, for which the terminal stays as it is", {
  skip,
}, async () => {
  const reads = await onTerminal(["run", "cat"], ["raw"], ["type", "abc\u0003"], ["wait", "abc^C"]);
  assert.deepEqual([reads.status, reads.atEnd], [130 << 8, usual]);
  const pings = await onTerminal(["run", "ping", "127.0.0.1"], ["wait", "icmp_seq=2"], ["modes"], ["type", "\u0003"]);
  assert.deepEqual(pings.modes, [usual]);
  assert.match(pings.output, /packets transmitted/);
  assert.deepEqual([pings.status, pings.atEnd], [0, usual]);
});

test("a program that handles Ctrl-C gets every one of them, and new sizes of the window", { skip }, async () => {
  const outcome = await onTerminal(
    ["run", windowProgram],
    ["wait", "started 24x80"],
    ["type", "a\r"],
    ["wait", "line a"],
    ["size", 50, 100],
    ["wait", "resized 50x100"],
    ["type", "\u0003"],
    ["wait", "interrupted 50x100"],
    ["type", "\u0003"],
    ["wait", "interrupted"],
    ["type", "\u0003"],
    ["wait", "interrupted"],
    ["type", "quit\r"],
  );
  assert.deepEqual([outcome.status, outcome.atEnd], [7 << 8, usual]);
});

test("the terminal is left as it was found by SIGTERM, by a crash, and by the way out", { skip }, async () => {
  const started: Step[] = [["wait", "started"], ["type", "a\r"], ["wait", "line a"], ["modes"]];
  const terminated = await onTerminal(["run", windowProgram], ...started, ["kill", "SIGTERM"]);
  assert.deepEqual([terminated.modes, terminated.status, terminated.atEnd], [[raw], 143 << 8, usual]);
  const crashed = await onTerminal(["run", windowProgram], ...started, ["type", "crash\r"], ["wait", "as asked"]);
  assert.deepEqual([crashed.status, crashed.atEnd], [134 << 8, usual]);
  const left = await onTerminal(["run", windowProgram], ...started, ["type", "\u001d"], ["type", "\u001d\u001d"]);
  assert.deepEqual([left.status, left.atEnd], [137 << 8, usual]);
});

test("when the terminal goes the program is told, and does not outlive it", { skip }, async () => {
  const outcome = await onTerminal(
    ["run", windowProgram],
    ["wait", "started"],
    ["type", "a\r"],
    ["wait", "line a"],
    ["hangup"],
  );
  assert.equal(outcome.status, 129 << 8);
});
