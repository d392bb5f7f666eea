/** Machine code of Linux's ABI: threads, signals, processes and memory as small programs of ours use them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type BootOptions, Kernel, type ProgramOutput } from "../src/index.ts";
import type { Akuma } from "../src/user/libakuma/index.ts";

const folder = join(import.meta.dirname, "fixtures/linux");

async function run(
  name: string,
  options: BootOptions & { arguments?: string[]; prepare?: (kernel: Kernel) => void } = {},
): Promise<ProgramOutput> {
  const { arguments: programArguments = [], prepare, ...bootOptions } = options;
  const kernel = await Kernel.boot(bootOptions);
  prepare?.(kernel);
  kernel.core.writeFile(`/bin/${name}`, readFileSync(join(folder, `${name}.elf`)), 0o755);
  const output = await (await kernel.spawn(`/bin/${name}`, { arguments: programArguments })).output();
  assert.equal(kernel.core.processes.size, 0, "nobody is left");
  assert.equal(kernel.core.openFiles.current, 0, "nothing is open");
  await kernel.shutdown();
  return output;
}

function lines({ stdout }: ProgramOutput): string[] {
  return stdout.trimEnd().split("\n");
}

test("threads meet at futexes", async () => {
  const output = await run("threads");
  assert.deepEqual(lines(output), [
    "counter 32000",
    "wrong thread pointers 0",
    "pid is as before 1",
    "timed wait -110",
    "other value -11",
    "requeued and woken 4",
    "woken at the second 3",
    "passed 4",
    "owner died 1",
    "affinity of a thread 8",
  ]);
  assert.equal(output.code, 7);
});

test("signals reach handlers, and programs go on behind them", async () => {
  const logged: string[] = [];
  const output = await run("signals", { log: (line) => logged.push(line) });
  assert.deepEqual(lines(output), [
    "registers are kept 1",
    "seen 10",
    "sender is self 1",
    `pending ${(1 << 9) | (1 << 11)}`,
    "handled while blocked 0",
    "handled then 2",
    "sigsuspend -4",
    // The first of three ran under the mask of rt_sigsuspend, which the handler itself blocks; the others wait.
    "value of the last handler 101",
    `still pending ${2 ** 39}`,
    "on the alternate stack 1",
    "read that starts again 1",
    "with a handler between 1",
    "read that is interrupted -4",
    "sleep that an alarm ends -4",
    "alarm 14",
    "alarm in a loop without calls 14",
    "virtual alarm while asleep 0",
    "virtual alarm 26",
    "profiling alarm 27",
    "its interval 2000",
    "stopped 0",
    "fault 11",
    "address 24",
    "code 1",
    "unknown instruction 4",
    "breakpoint 5",
    "status of who faults without a handler 11",
  ]);
  assert.deepEqual([output.code, output.signal], [null, "SIGHUP"]);
  assert.ok(logged.some((line) => /unknown instruction 0x00000001 at 0x[0-9a-f]{8}$/.test(line)));
  assert.ok(logged.some((line) => /bad store to 0x00000018 at 0x[0-9a-f]{8}$/.test(line)));
});

test("processes fork, execute, wait, stop and share", async () => {
  const output = await run("processes");
  assert.deepEqual(lines(output), [
    "status 2",
    "variable 1",
    "heap 0",
    "by vfork NAME=value",
    "status of what vfork executed 5",
    "exec of nothing -2",
    "exec of a folder -13",
    "exec with a bad pointer -14",
    "through a pipe NAME=value",
    "nothing to wait for yet 0",
    "stopped 1",
    "goes on 1",
    "killed in a loop 1",
    "no child left -10",
    "ended 8",
    "shared counter 8000",
    "answer 42",
    "parent of an orphan's parent 0",
  ]);
  assert.equal(output.code, 0);
});

test("memory is mapped, grown and given back, and code may be written", async () => {
  const output = await run("memory");
  assert.deepEqual(lines(output), [
    "unmap the middle 0",
    "ends are there 3",
    "write(2) from the hole -14",
    "fixed 1",
    "zero after MADV_DONTNEED 1",
    "a reservation of 1 GiB 1",
    "made accessible 0",
    "hint beyond 4 GiB is only a hint 1",
    "too much -12",
    "mremap keeps bytes 1",
    "brk 409600",
    "heap is zero again 1",
    "sum of functions written one over the other 1275",
    "function made executable 7",
    "another at its place 8",
  ]);
  assert.equal(output.code, 0);
});

test("a program's title is what /proc shows as its arguments", async () => {
  const output = await run("title");
  const [before, environment, after, child, last] = lines(output);
  assert.equal(before, "/bin/title|");
  assert.match(environment ?? "", /^([^|=]+=[^|]*\|)+$/);
  assert.equal(after, "title: longer than the arguments|");
  assert.equal(child, "Title: longer than the arguments|");
  assert.equal(last, after);
});

test("clone shares what it was asked to share, and tells of ends as it was asked to", async () => {
  const output = await run("clone");
  assert.deepEqual(lines(output), [
    "main thread ended, process goes on 0",
    "code of the last thread 5",
    "exec from a thread 4",
    "opened by the child 0",
    "closed by the child -9",
    "close-on-exec in the child alone 0",
    "directory of both 1",
    "umask of both 63",
    "/proc/self of the child 0",
    "handler of both 12",
    "child and its sibling 2",
    "both right 2",
    "no child of the usual kind -10",
    "one of the other kind 1",
    "signal at its end 10",
    "without a signal 1",
    "none came 0",
    "waited by pidfd 0",
    "code 12",
    "number in the child's memory 1",
    "not in the parent's 0",
    "handlers cleared 1",
    "unknown of clone3 -22",
    "woken by the owner's end 0",
    "owner died 1",
    "number of the child 1",
    "cleared when it was killed 0",
    "status of who was killed 9",
    "vfork without a program 7",
    "vfork that is killed 9",
    "vfork in vfork 5",
    "parent killed in vfork 9",
    `its child goes on ${"x".charCodeAt(0)}`,
    "threads that failed 0",
    "processes that failed 0",
  ]);
});

test("signals reach the right thread at the right time", async () => {
  const output = await run("delivery");
  assert.deepEqual(lines(output), [
    "to the main thread, not to who waits 1",
    "to who waits 10",
    "to the process, taken by who waits 10",
    "and not handled 0",
    "ppoll 1",
    "handled 1",
    "by one of them 1",
    "read of a thread -4",
    "handled there 1",
    "handled after exec 1",
    "without its main thread 0",
    "sleep goes on to its end 1",
    "sleep ended by a handler of SIGCONT 4",
    "stopped with threads 1",
    "not ended while stopped 0",
    "ended when it goes on 15",
    "no room for a frame 0",
    "nested with SA_NODEFER 3",
    "one after the other without 1",
    "default again 1",
    "user of the child 1000",
    "disarmed in the handler 2",
    "and may be set 0",
    "as before behind it 1",
    "one too many -11",
    "by kill 0",
    "queued 2",
    `syndrome of a load ${0x9200_0007}`,
    `of a store ${0x9200_0047}`,
    "at 24",
    "forged frame 11",
  ]);
});

test("machine code executes programs of TypeScript, and ends them", async () => {
  const main = async (akuma: Akuma): Promise<number> => {
    const how = akuma.arguments[1] as string;
    if (how === "wait") await akuma.sleep(60_000);
    return Number(how);
  };
  const output = await run("hosted", {
    arguments: ["/bin/hosted-program"],
    prepare: (kernel) => kernel.addProgram("hosted-program", { main }),
  });
  assert.deepEqual(lines(output), [
    "by fork 11",
    "by vfork 12",
    "from a thread 13",
    "number 1",
    "still there 0",
    "ended 15",
    "killed 9",
    "with a mask 14",
  ]);
  assert.equal(output.code, 15);
});

test("an error of the kernel's own in a call ends the program that made it, and no other", async () => {
  const logged: string[] = [];
  const kernel = await Kernel.boot({ log: (line) => logged.push(line) });
  kernel.core.writeFile("/bin/clone", readFileSync(join(folder, "clone.elf")), 0o755);
  const [met, other] = [await kernel.spawn("/bin/clone"), await kernel.spawn("/bin/clone")];
  const process = kernel.core.processes.get(met.pid);
  process?.runSoon(() => {
    throw new Error("as a fault of ours would");
  });
  assert.equal((await met.output()).signal, "SIGKILL");
  assert.equal((await other.output()).code, 0);
  assert.ok(logged.some((line) => line.includes("as a fault of ours would")));
  await kernel.shutdown();
});
