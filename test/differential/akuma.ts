/** Akuma's side: follows the same steps as linux-runner.c, with libakuma's raw system call, in a process of each scenario's own. */
import { setLockChecking } from "../../src/base/ranked-lock.ts";
import { World } from "../../src/user/kernel.fixture.ts";
import type { Akuma } from "../../src/user/libakuma/index.ts";
import { constant, errorNames } from "./constants.ts";
import type { Outcome } from "./linux.ts";
import { Report } from "./report.ts";
import type { CompiledScenario } from "./script.ts";

setLockChecking(true);

const GUARD_MILLISECONDS = 400;
/** What linux-runner.c gives each scenario (RLIMIT_NOFILE). */
const DESCRIPTORS = 64;
const [SIGUSR1, SIGPIPE, SIGALRM] = [10, 13, 14];
/** Of struct kernel_sigaction: where the flags are. */
const SIGACTION_FLAGS = 8;
const EINTR = 4;

/** Calls that set nothing going: most of all calls, so that leaving out to wait for nothing is worth it. */
const SETTLED: ReadonlySet<string> = new Set(
  (
    "socket bind listen getsockname getpeername setsockopt getsockopt fcntl ioctl ppoll lseek openat newfstatat fstat faccessat " +
    "mkdirat symlinkat linkat renameat2 unlinkat readlinkat getdents64 epoll_create1 epoll_ctl epoll_pwait pipe2 eventfd2 dup"
  ).split(" "),
);

/** A call that does not come back. */
const WAITS = "waits";

interface Background {
  readonly words: readonly string[];
  result: number | typeof WAITS;
  settled: Promise<void>;
}

class Executor {
  private readonly akuma: Akuma;
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly base: number;
  private readonly slots: number[] = [];
  private readonly backgrounds = new Map<string, Background>();
  private readonly report: Report;
  private readonly signals: number[] = [];
  private alarms = 0;
  readonly lines: string[] = [];
  /** The call whose line is being written. */
  private result: number | typeof WAITS = 0;
  private text = "";
  private index = 0;

  constructor(akuma: Akuma, numbers: ReadonlyMap<string, number>, memoryBytes: number) {
    this.akuma = akuma;
    this.numbers = numbers;
    this.base = akuma.allocate(memoryBytes).byteOffset;
    this.report = new Report(akuma.memory.view, this.base);
  }

  /** The process that linux-runner.c prepares: its folder, its limits, its handlers. */
  prepare(folder: string): void {
    const { akuma } = this;
    // All of this fits into the scratch memory.
    akuma.memory.bytes.set(new TextEncoder().encode(`${folder}\0`), this.base);
    this.number("mkdirat", constant("AT_FDCWD"), this.base, 0o755);
    this.number("chdir", this.base);
    akuma.memory.writeInt64(this.base, DESCRIPTORS);
    akuma.memory.writeInt64(this.base + 8, DESCRIPTORS);
    this.number("prlimit64", 0, constant("RLIMIT_NOFILE"), this.base, 0);
    this.handle(SIGALRM, () => this.alarms++);
    for (const signal of [SIGPIPE, SIGUSR1]) this.handle(signal, () => this.signals.push(signal));
  }

  /** A handler without SA_RESTART, which libakuma's own sets. */
  private handle(signal: number, handler: () => void): void {
    this.akuma.signal(signal, handler);
    this.number("rt_sigaction", signal, 0, this.base, 8);
    this.akuma.memory.writeInt64(this.base + SIGACTION_FLAGS, 0);
    this.number("rt_sigaction", signal, this.base, 0, 8);
  }

  private number(name: string, ...values: number[]): number {
    const result = this.start(name, values);
    if (typeof result !== "number" || result < 0) throw new Error(`${name} failed: ${String(result)}`);
    return result;
  }

  private start(name: string, values: readonly number[]): number | Promise<number> {
    const number = this.numbers.get(name);
    if (number === undefined) return -constant("ENOSYS");
    return this.akuma.syscall(number, ...(values as [number]));
  }

  async run(steps: readonly string[]): Promise<void> {
    for (const step of steps) await this.step(step.split(" "));
  }

  private async step(words: readonly string[]): Promise<void> {
    const [kind, first = "", second = "", third = ""] = words;
    const { memory } = this.akuma;
    const at = this.base + Number(first);
    switch (kind) {
      case "w":
        this.store(first, this.base + Number(second), this.evaluate(third));
        return;
      case "h":
        memory.bytes.set(Buffer.from(second, "hex"), at);
        return;
      case "z":
        memory.bytes.fill(Number(third), at, at + Number(second));
        return;
      case "b": {
        const bit = this.evaluate(second);
        if (bit >= 0 && bit < 1024) memory.bytes[at + (bit >> 3)]! |= 1 << (bit & 7);
        return;
      }
      case "v":
        this.store("4", at, this.evaluate(second));
        memory.writeInt64(at + 8, this.evaluate(third));
        return;
      case "t":
        await this.akuma.sleep(Number(first));
        return;
      case "c":
        await this.call(words);
        return;
      case "j":
        await this.join(first);
        return;
      case "l": {
        const slot = Number(first);
        const isGood = this.result !== WAITS && this.result >= 0;
        this.slots[slot] = isGood ? memory.readInt32(this.base + Number(second)) : -1;
        if (isGood) this.text += ` [${this.slots[slot]}]`;
        return;
      }
      case "p":
        if (this.result !== WAITS && this.result >= 0) this.text += this.report.print(words, this.result);
        return;
      case ".":
        // Whose signal it is can be told only when nobody else is under way.
        for (const signal of this.backgrounds.size > 0 ? [] : this.signals.splice(0).sort((a, b) => a - b))
          this.text += ` +signal ${signal}`;
        this.lines[this.index] = this.text;
        return;
      default:
        throw new Error(`no such step: ${kind}`);
    }
  }

  private store(width: string, at: number, value: number): void {
    const { memory } = this.akuma;
    if (width === "port") {
      memory.bytes[at] = value >> 8;
      memory.bytes[at + 1] = value;
    } else if (width === "2") memory.writeUint16(at, value);
    else if (width === "4") memory.writeInt32(at, value);
    else memory.writeInt64(at, value);
  }

  /** Terms joined by | and +. */
  private evaluate(text: string): number {
    let value = 0;
    for (const [, operator = "", term = ""] of text.matchAll(/([|+]?)([^|+]+)/g)) {
      const next = this.term(term);
      value = operator === "|" ? value | next : value + next;
    }
    return value;
  }

  private term(text: string): number {
    const rest = Number(text.slice(1));
    if (text.startsWith("$")) return this.slots[rest] ?? -1;
    if (text.startsWith("&")) return this.base + rest;
    if (text.startsWith("%")) return this.portOf(this.slots[rest] ?? -1);
    return /^[-\d]/.test(text) ? Number(text) : constant(text);
  }

  private portOf(fd: number): number {
    const at = this.base;
    this.akuma.memory.writeInt32(at + 32, 16);
    const result = this.start("getsockname", [fd, at, at + 32]);
    return result === 0 ? this.akuma.memory.view.getUint16(at + 2) : 0;
  }

  private async call(words: readonly string[]): Promise<void> {
    const [, , thread = "", , , name = "", ...rest] = words;
    const values = rest.slice(0, 6).map((word) => this.evaluate(word));
    while (values.length < 6) values.push(0);
    const result = this.start(name, values);
    if (thread !== "0") {
      const background: Background = { words, result: WAITS, settled: Promise.resolve() };
      background.settled = Promise.resolve(result).then((value) => {
        background.result = value;
      });
      this.backgrounds.set(thread, background);
      // By now it waits, unless it is over.
      await this.akuma.sleep(30);
      return;
    }
    this.begin(words, typeof result === "number" ? result : await this.guarded(result));
    // Whatever the call has set going arrives, as on Linux's loopback it has by the time the call returns.
    if (!SETTLED.has(name)) await this.akuma.sleep(1);
  }

  /** A call that still waits after a while is interrupted. */
  private async guarded(result: Promise<number>): Promise<number | typeof WAITS> {
    let isSettled = false;
    void result.then(() => {
      isSettled = true;
    });
    for (let k = 0; k < GUARD_MILLISECONDS / 2 && !isSettled; k++) await this.akuma.sleep(2);
    if (isSettled) return result;
    const before = this.alarms;
    this.akuma.kill(this.akuma.getpid(), SIGALRM);
    const interrupted = await result;
    return interrupted === -EINTR && this.alarms !== before ? WAITS : interrupted;
  }

  private async join(thread: string): Promise<void> {
    const background = this.backgrounds.get(thread);
    if (background === undefined) throw new Error(`there is no thread ${thread}`);
    for (let k = 0; k < GUARD_MILLISECONDS / 2 && background.result === WAITS; k++) await this.akuma.sleep(2);
    if (background.result !== WAITS) this.backgrounds.delete(thread);
    this.begin(background.words, background.result);
  }

  private begin(words: readonly string[], result: number | typeof WAITS): void {
    const [, line = "", , slot = "", hidden = ""] = words;
    this.index = Number(line);
    this.result = result;
    if (slot !== "-") this.slots[Number(slot)] = result === WAITS || result < 0 ? -1 : result;
    if (result === WAITS) this.text = WAITS;
    else if (result < 0) this.text = errorNames.get(-result) ?? `errno ${-result}`;
    else this.text = hidden === "1" ? "done" : String(result);
  }
}

/** The system calls that Akuma has, by name. */
function callNumbers(world: World): ReadonlyMap<string, number> {
  const definitions = world.kernel.gate.table("linux").definitions;
  return new Map(definitions.flatMap((line) => (line === undefined ? [] : [[line.name, line.number] as const])));
}

/** Runs scenarios in processes of one kernel, one after the other. */
export async function runOnAkuma(scenarios: readonly CompiledScenario[]): Promise<Map<string, Outcome>> {
  using world = new World(7);
  const numbers = callNumbers(world);
  const outcomes = new Map<string, Outcome>();
  for (const [index, scenario] of scenarios.entries()) {
    outcomes.set(scenario.name, await runScenario(world, scenario, index, numbers));
  }
  return outcomes;
}

async function runScenario(
  world: World,
  scenario: CompiledScenario,
  index: number,
  numbers: ReadonlyMap<string, number>,
): Promise<Outcome> {
  return world.inside(async (akuma) => {
    const executor = new Executor(akuma, numbers, scenario.memoryBytes);
    executor.prepare(`/tmp/scenario${index}`);
    await executor.run(scenario.steps);
    return executor.lines;
  });
}
