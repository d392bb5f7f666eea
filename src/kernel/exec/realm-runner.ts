/** Runs a TypeScript program in the kernel's own realm: cheapest, and trusted not to loop without end. */
import type { Process } from "../task/process.ts";
import type { ProgramGate, ProgramModule, ProgramRunner, RegisteredProgram } from "./program.ts";
import { HEAP_BASE } from "./spawn.ts";

/** How a program's call enters the kernel. */
export type GateCall = (
  process: Process,
  number: number,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  a4: number,
  a5: number,
) => number | Promise<number>;

/**
 * libakuma's start of a program, given by the host so that the kernel does not import user code: runs main with a libakuma
 * of its own and calls exit with its code. Errors go to the program's stderr.
 */
export type ProgramStarter = (gate: ProgramGate, program: ProgramModule) => Promise<void>;

/** Told when loading begins and ends, so that a virtual clock stands still meanwhile. */
export interface LoadObserver {
  hold(): void;
  release(): void;
}

export class RealmRunner implements ProgramRunner {
  private readonly call: GateCall;
  private readonly starter: ProgramStarter;
  private readonly observer: LoadObserver;
  private readonly other: ProgramRunner | null;

  /** `other` runs programs that asked for a worker; null where there are none. */
  constructor(call: GateCall, starter: ProgramStarter, observer: LoadObserver, other: ProgramRunner | null) {
    this.call = call;
    this.starter = starter;
    this.observer = observer;
    this.other = other;
  }

  hasRoom(isolate: "realm" | "worker"): boolean {
    return isolate === "realm" || this.other === null || this.other.hasRoom(isolate);
  }

  start(process: Process, program: RegisteredProgram, isolate: "realm" | "worker"): void {
    if (isolate === "worker" && this.other !== null) {
      this.other.start(process, program, isolate);
      return;
    }
    void this.run(process, program);
  }

  private async run(process: Process, program: RegisteredProgram): Promise<void> {
    const call = this.call;
    const gate: ProgramGate = {
      memory: process.memory.buffer,
      abi: process.abi,
      arguments: process.arguments,
      environment: process.environment,
      heapBase: HEAP_BASE,
      call: (number, a0, a1, a2, a3, a4, a5) => call(process, number, a0, a1, a2, a3, a4, a5),
      onSignal: (deliver) => {
        process.signals.deliver = deliver;
      },
    };
    this.observer.hold();
    let module: ProgramModule;
    try {
      module = await program.load();
      if (typeof module.main !== "function") throw new TypeError("the module does not export a function main(akuma)");
    } catch (error) {
      process.system.log(`${process.executable}: cannot load the program: ${String(error)}`);
      process.exit(127);
      return;
    } finally {
      this.observer.release();
    }
    if (process.hasExited) return;
    try {
      await this.starter(gate, module);
    } catch (error) {
      process.system.log(`${process.executable}: ${error instanceof Error ? error.stack : String(error)}`);
    }
    // The usual program has called exit by now, and this does nothing.
    process.exit(1);
  }
}
