/**
 * Machine code that means harm: it forks, allocates, loops, recurses, jumps and calls without end, and beside it a server goes on
 * serving. What one program takes is bounded, and nothing of it is left when it is killed.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type BootOptions, Kernel, type KernelProcess, type ProgramOutput } from "../src/index.ts";

const fixtures = join(import.meta.dirname, "fixtures");
const hostile = readFileSync(join(fixtures, "linux/hostile.elf"));
const httpd = readFileSync(join(fixtures, "akuma/httpd.elf"));
/** While this many requests are answered, the hostile program does what it can. */
const REQUESTS = 4;

async function boot(options: BootOptions = {}): Promise<Kernel> {
  const kernel = await Kernel.boot({ memoryBytes: 512 << 20, maximumProcesses: 256, ...options });
  kernel.core.writeFile("/bin/hostile", hostile, 0o755);
  return kernel;
}

async function run(words: readonly string[], options: BootOptions = {}): Promise<ProgramOutput> {
  const kernel = await boot(options);
  const output = await (await kernel.spawn("/bin/hostile", { arguments: words })).output();
  assert.equal(kernel.core.processes.size, 0, "nobody is left");
  assert.equal(kernel.core.machines.account.usedBytes, 0, "all memory is given back");
  await kernel.shutdown();
  return output;
}

async function serve(kernel: Kernel): Promise<KernelProcess> {
  kernel.core.writeFile("/bin/akuma-httpd", httpd, 0o755);
  kernel.core.writeFile("/public/index.html", "still here");
  const server = await kernel.spawn("/bin/akuma-httpd", { abi: "akuma" });
  await kernel.listening(8080);
  return server;
}

async function ask(kernel: Kernel): Promise<void> {
  const socket = kernel.connect(8080);
  socket.end("GET /index.html HTTP/1.0\r\n\r\n");
  assert.match(await text(socket), /still here/);
}

async function firstLine(program: KernelProcess): Promise<string> {
  for await (const chunk of program.stdout ?? []) return String(chunk).trim();
  return "";
}

/** A further program may be started beside it, and runs: it reports the limits that it sees. */
async function runsBeside(kernel: Kernel): Promise<void> {
  const output = await (await kernel.spawn("/bin/hostile", { arguments: ["limits"] })).output();
  assert.deepEqual([output.code, output.stdout.split("\n")[3]], [0, `limit ${8 << 20}`]);
}

const modes = [
  "loop",
  "fork",
  "fork and memory",
  "threads",
  "futex",
  "signals",
  "calls",
  "straight",
  "clear",
  "areas",
  "map",
  "exec",
  "vfork",
  "pipes",
  "giant read",
  "giant readv",
  "giant getrandom",
  "giant write",
  "giant writev",
  "giant sendfile",
  "giant remap",
];

for (const mode of modes) {
  test(`a server serves beside "${mode}", whose end gives everything back`, async () => {
    const logged: string[] = [];
    const kernel = await boot({ processMemoryBytes: 256 << 20, log: (line) => logged.push(line) });
    const { core } = kernel;
    await serve(kernel);
    await ask(kernel);
    const before = {
      bytes: core.machines.account.usedBytes,
      processes: core.processes.size,
      openFiles: core.openFiles.current,
    };
    const words = mode.startsWith("giant") ? mode.split(" ") : [mode];
    const program = await kernel.spawn("/bin/hostile", { arguments: words });
    for (let k = 0; k < REQUESTS; k++) {
      await ask(kernel);
      await sleep(5);
    }
    assert.ok(core.processes.size >= before.processes, "it runs still");
    await runsBeside(kernel);
    program.killAll();
    await program.exited;
    await ask(kernel);
    await sleep(5);
    assert.deepEqual(
      {
        bytes: core.machines.account.usedBytes,
        processes: core.processes.size,
        openFiles: core.openFiles.current,
      },
      before,
    );
    await kernel.shutdown();
    assert.equal(core.processes.size, 0);
    assert.deepEqual(logged, []);
  });
}

test("who forks without end gets EAGAIN, and the kernel's table has room for others", async () => {
  const kernel = await boot({ memoryBytes: 4 * 2 ** 30, maximumProcesses: 64 });
  const program = await kernel.spawn("/bin/hostile", { arguments: ["signals"] });
  assert.equal(await firstLine(program), "children 15");
  assert.equal(kernel.core.processes.size, 16);
  await runsBeside(kernel);
  program.killAll();
  assert.equal(kernel.core.processes.size, 0);
  await kernel.shutdown();
});

test("threads count as processes do", async () => {
  const kernel = await boot({ maximumProcesses: 64 });
  const program = await kernel.spawn("/bin/hostile", { arguments: ["threads"] });
  assert.equal(await firstLine(program), "threads 15");
  await runsBeside(kernel);
  program.kill("SIGKILL");
  assert.deepEqual(await program.exited, { code: null, signal: "SIGKILL" });
  await kernel.shutdown();
});

test("memory ends with ENOMEM, at the bound of the process or at that of all", async () => {
  for (const options of [{ processMemoryBytes: 64 << 20 }, { memoryBytes: 96 << 20 }]) {
    const { stdout, code } = await run(["memory"], options);
    assert.deepEqual([stdout, code], ["refused with -12\nafter at least 16 MiB 1\n", 0]);
  }
});

test("limits are told", async () => {
  const { stdout } = await run(["limits"]);
  const expected = new Array(16).fill(-1);
  expected[3] = 8 << 20;
  expected[4] = 0;
  expected[6] = 64;
  expected[7] = 1024;
  expected[9] = 2 ** 32;
  expected[11] = 1024;
  assert.deepEqual(
    stdout.trimEnd().split("\n"),
    expected.map((limit) => `limit ${limit}`),
  );
});

test("recursion as deep as the guest's stack allows works, and deeper ends in SIGSEGV", async () => {
  const deep = await run(["deep"]);
  assert.deepEqual([deep.stdout, deep.code], ["depth 1000\ndepth 10000\ndepth 100000\n", 0]);
  const logged: string[] = [];
  const endless = await run(["recurse"], { log: (line) => logged.push(line) });
  assert.deepEqual([endless.stdout, endless.signal], ["", "SIGSEGV"]);
  assert.match(logged.join("\n"), /at 0x[0-9a-f]{8}/);
});

const jumps: readonly (readonly [words: readonly string[], signal: string, logged: RegExp])[] = [
  [["jump", "0"], "SIGSEGV", /no code at 0x00000000/],
  [["jump", "64"], "SIGSEGV", /no code at 0x00000040/],
  [["jump", "1879048192"], "SIGSEGV", /no code at 0x70000000/],
  [["jump", "4294967292"], "SIGSEGV", /no code at 0xfffffffc/],
  [["jump to data"], "SIGSEGV", /no code at 0x[0-9a-f]{5}000\b/],
  [["jump to stack"], "SIGSEGV", /no code at 0x0[0-9a-f]{7}/],
  [["jump into an instruction"], "SIGBUS", /no code at 0x[0-9a-f]{7}[26ae]/],
  [["load", "8"], "SIGSEGV", /bad load from 0x00000008 at 0x[0-9a-f]{8}/],
  [["load", "4294967288"], "SIGSEGV", /bad load from .* at 0x[0-9a-f]{8}/],
];

for (const [words, signal, pattern] of jumps) {
  test(`"${words.join(" ")}" is ${signal}, and the log tells where`, async () => {
    const logged: string[] = [];
    const output = await run(words, { log: (line) => logged.push(line) });
    assert.deepEqual([output.code, output.signal], [null, signal]);
    assert.match(logged.join("\n"), pattern);
  });
}

test("starting and killing again and again does not take more and more memory", async () => {
  const kernel = await boot({ memoryBytes: 2 ** 30 });
  const rounds = async (count: number): Promise<void> => {
    for (let k = 0; k < count; k++) {
      const mode = ["loop", "fork", "memory", "threads"][k % 4] as string;
      const program = await kernel.spawn("/bin/hostile", { arguments: [mode] });
      await sleep(5);
      program.killAll();
      await program.exited;
    }
  };
  await rounds(8);
  const before = process.memoryUsage().rss;
  await rounds(16);
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grown < 400, `grew by ${Math.round(grown)} MiB`);
  assert.equal(kernel.core.machines.account.usedBytes, 0);
  await kernel.shutdown();
});

test("a host that gives no memory is ENOMEM for the guest, and nothing else", async () => {
  const kernel = await boot({ memoryBytes: 2 ** 30 });
  await serve(kernel);
  const program = await kernel.spawn("/bin/hostile", { arguments: ["signals"] });
  const { Memory } = WebAssembly;
  let left = 5;
  try {
    WebAssembly.Memory = class extends Memory {
      constructor(descriptor: ConstructorParameters<typeof Memory>[0]) {
        if (left-- <= 0) throw new RangeError("WebAssembly.Memory(): could not allocate memory");
        super(descriptor);
      }
    };
    assert.match(await firstLine(program), /^children [0-5]$/);
    await assert.rejects(kernel.spawn("/bin/hostile"), { code: "ENOMEM" });
    await ask(kernel);
  } finally {
    WebAssembly.Memory = Memory;
  }
  program.killAll();
  await runsBeside(kernel);
  await kernel.shutdown();
});
