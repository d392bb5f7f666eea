/** A kernel for tests of programs: loopback only, virtual time, output collected. */
import { SeededRandom } from "../base/random.ts";
import { VirtualScheduler } from "../host/virtual-scheduler.ts";
import { BytesFile, CallbackFile } from "../kernel/file/host-file.ts";
import { type ExitResult, Kernel } from "../kernel/kernel.ts";
import type { Process } from "../kernel/task/process.ts";
import { programs } from "./bin/index.ts";
import type { Akuma } from "./libakuma/index.ts";
import { startProgram } from "./libakuma/start.ts";

export interface Finished extends ExitResult {
  stdout: string;
  stderr: string;
}

export interface Running {
  process: Process;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  exited: Promise<Finished>;
}

type Main = (akuma: Akuma) => unknown;

export interface RunOptions {
  stdin?: string;
  abi?: "linux" | "akuma";
  workingDirectory?: string;
  environment?: readonly string[];
}

export class World {
  readonly scheduler: VirtualScheduler = new VirtualScheduler({ microtask: queueMicrotask, macrotask: setImmediate });
  readonly kernel: Kernel;
  readonly log: string[] = [];
  private inlinePrograms = 0;

  constructor(seed = 1) {
    this.kernel = new Kernel({
      clock: this.scheduler.clock,
      random: new SeededRandom(seed),
      scheduler: this.scheduler,
      starter: startProgram,
      log: (line) => this.log.push(line),
    });
    for (const [name, load] of Object.entries(programs)) this.kernel.addProgram({ name, load });
  }

  /** Starts /bin/NAME, or a function as a program. */
  start(program: string | Main, programArguments: readonly string[] = [], options: RunOptions = {}): Running {
    let name = program;
    if (typeof name === "function") {
      const main = name as (akuma: Akuma) => Promise<number>;
      name = `inline${++this.inlinePrograms}`;
      this.kernel.addProgram({ name, load: async () => ({ main }) });
    }
    const output = ["", ""];
    const collect = (index: 0 | 1): CallbackFile => {
      const decoder = new TextDecoder();
      return new CallbackFile(this.kernel.openFiles, (bytes) => {
        output[index] += decoder.decode(bytes, { stream: true });
      });
    };
    const { stdin = "", ...rest } = options;
    const process = this.kernel.start(`/bin/${name}`, {
      files: [new BytesFile(this.kernel.openFiles, new TextEncoder().encode(stdin)), collect(0), collect(1)],
      arguments: programArguments,
      ...rest,
    });
    if (typeof process === "number") throw new Error(`cannot start ${name}: ${process}`);
    const [stdout, stderr] = [() => output[0] as string, () => output[1] as string];
    const exited = this.kernel.exited(process).then((result) => ({ ...result, stdout: stdout(), stderr: stderr() }));
    return { process, stdout, stderr, exited };
  }

  /** Runs a program to its end. */
  run(program: string | Main, programArguments: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    return this.start(program, programArguments, options).exited;
  }

  /** Runs a function as a program; what it throws is thrown here. */
  async inside<Result>(main: (akuma: Akuma) => Result | Promise<Result>, options: RunOptions = {}): Promise<Result> {
    let result: Result | undefined;
    let failure: unknown = null;
    await this.run(
      async (akuma) => {
        try {
          result = await main(akuma);
        } catch (error) {
          failure = error;
        }
      },
      [],
      options,
    );
    if (failure !== null) throw failure;
    return result as Result;
  }

  /** Until something is so; virtual time goes on by itself. */
  async until(condition: () => boolean): Promise<void> {
    for (let k = 0; !condition(); k++) {
      if (k > 100_000) throw new Error("waited in vain");
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  [Symbol.dispose](): void {
    this.kernel.shutdown();
    this.scheduler.stop();
  }
}
