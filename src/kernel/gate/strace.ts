/**
 * Prints system calls as strace(1) does, from the table that dispatches them: in-arguments as they were at the call, out-arguments
 * as they are after it, `<unfinished ...>` where another call comes between. One Strace serves all processes of a kernel.
 */

import { ENOSYS } from "../../abi/errno.ts";
import { CLD_EXITED, NSIG, SI_USER, SIGCHLD, signalName } from "../../abi/signal.ts";
import { systemCallName } from "../../abi/system-call-names.ts";
import type { ArgumentType, SyscallDefinition } from "../syscall/definition.ts";
import type { Abi, Process, Tracer } from "../task/process.ts";
import type { SignalInformation } from "../task/signal-queue.ts";
import { type Task, TaskState } from "../task/task.ts";
import {
  formatArgument,
  isOutArgument,
  readLengthBefore,
  shownArguments,
  type TracedCall,
} from "./strace-arguments.ts";
import { childCodes, constant, hexadecimal, signalCodes } from "./strace-names.ts";
import { resultText } from "./strace-results.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** The column where the equals sign stands (strace -a). */
const RESULT_COLUMN = 40;

/** Calls that do not return. */
const withoutResult: ReadonlySet<string> = new Set(["exit", "exit_group"]);

/** A call that has begun and not ended. */
interface OpenCall extends TracedCall {
  /** How many arguments have been written. */
  written: number;
}

/** The definition that a call's number has in the process's ABI; undefined for one that does not exist. */
export type DefinitionLookup = (abi: Abi, number: number) => SyscallDefinition | undefined;

/** Looks calls up in a gate's tables. */
export function definitionsOf(gate: { table(abi: Abi): SyscallTable }): DefinitionLookup {
  return (abi, number) => gate.table(abi).definitions[number];
}

export class Strace implements Tracer {
  private readonly sink: (line: string) => void;
  private readonly lookup: DefinitionLookup;
  private readonly open = new Map<Task, OpenCall>();
  /** The call whose beginning has been formatted, and not printed: it may still end on the same line. */
  private current: Task | null = null;
  private currentText = "";
  /** Signals and ends that a call has brought about while it runs: printed when it has returned. */
  private readonly deferred: string[] = [];
  /** Processes that have called and not ended. With a second one, lines begin with a process id. */
  private readonly living = new Set<Process>();
  private hasPrefix = false;

  constructor(sink: (line: string) => void, lookup: DefinitionLookup) {
    this.sink = sink;
    this.lookup = lookup;
  }

  enter(task: Task): void {
    this.interrupt();
    this.attend(task.process);
    const definition = this.lookup(task.process.abi, task.number) ?? unknownCall(task.number);
    const call: OpenCall = {
      definition,
      memory: task.process.memory,
      values: [task.a0, task.a1, task.a2, task.a3, task.a4, task.a5],
      result: 0,
      lengthBefore: -1,
      written: 0,
    };
    call.lengthBefore = readLengthBefore(call);
    const count = shownArguments(call);
    const parts: string[] = [];
    while (call.written < count && !isLate(definition, call.written)) parts.push(formatArgument(call, call.written++));
    this.open.set(task, call);
    this.current = task;
    const separator = call.written > 0 && call.written < count ? ", " : "";
    this.currentText = `${this.prefix(task.process)}${definition.name}(${parts.join(", ")}${separator}`;
  }

  exit(task: Task, result: number): void {
    const call = this.open.get(task);
    if (call === undefined) return;
    this.open.delete(task);
    let text = this.currentText;
    if (this.current === task) this.current = null;
    else {
      this.interrupt();
      text = this.resumed(task, call);
    }
    this.sink(this.finished(text, call, result));
    this.flush();
  }

  signal(process: Process, signal: number, information: SignalInformation): void {
    this.attend(process);
    const name = signalName(signal);
    const { code } = information;
    const isChild = signal === SIGCHLD && code > 0;
    const fields = [`si_signo=${name}`, `si_code=${constant(code, isChild ? childCodes : signalCodes)}`];
    if (code === SI_USER || code < 0 || isChild) fields.push(`si_pid=${information.processId}`, "si_uid=0");
    if (isChild) {
      const { status } = information;
      const isSignal = code !== CLD_EXITED && status >= 1 && status <= NSIG;
      fields.push(`si_status=${isSignal ? signalName(status) : status}`, "si_utime=0", "si_stime=0");
    }
    this.note(`${this.prefix(process)}--- ${name} {${fields.join(", ")}} ---`);
  }

  ended(process: Process, status: number): void {
    this.attend(process);
    // What else the process was doing has no result any more.
    for (const [task, call] of this.open) {
      if (task.process !== process || (task === this.current && this.isRunning)) continue;
      const text = task === this.current ? this.currentText : this.resumed(task, call);
      if (task === this.current) this.current = null;
      this.open.delete(task);
      const isComplete = call.written >= shownArguments(call);
      this.note(`${`${text}${isComplete ? "" : " <unfinished ...>"}) `.padEnd(RESULT_COLUMN)}= ?`);
    }
    const signal = status & 0x7f;
    const how = signal === 0 ? `exited with ${(status >> 8) & 0xff}` : `killed by ${signalName(signal)}`;
    this.note(`${this.prefix(process)}+++ ${how} +++`);
    this.living.delete(process);
    this.hasPrefix = this.living.size > 1;
  }

  /** Whether the call whose line is held back is being executed now, rather than waiting. */
  private get isRunning(): boolean {
    return this.current !== null && this.current.state === TaskState.running;
  }

  private note(line: string): void {
    if (this.isRunning) {
      this.deferred.push(line);
      return;
    }
    this.interrupt();
    this.sink(line);
  }

  /** Prints the call whose line is held back as unfinished: something else comes first. */
  private interrupt(): void {
    if (this.current === null) return;
    this.current = null;
    this.sink(`${this.currentText} <unfinished ...>`);
    this.flush();
  }

  private flush(): void {
    for (const line of this.deferred.splice(0)) this.sink(line);
  }

  private finished(text: string, call: OpenCall, result: number): string {
    call.result = result;
    const count = shownArguments(call);
    const parts: string[] = [];
    while (call.written < count) parts.push(formatArgument(call, call.written++));
    const outcome = withoutResult.has(call.definition.name) ? "?" : resultText(call);
    return `${`${text}${parts.join(", ")}) `.padEnd(RESULT_COLUMN)}= ${outcome}`;
  }

  private resumed(task: Task, call: OpenCall): string {
    return `${this.prefix(task.process)}<... ${call.definition.name} resumed>`;
  }

  private attend(process: Process): void {
    this.living.add(process);
    if (this.living.size > 1) this.hasPrefix = true;
  }

  private prefix(process: Process): string {
    return this.hasPrefix ? `[pid ${String(process.processId).padStart(5)}] ` : "";
  }
}

/** Out-arguments, and whatever an ioctl points to, can only be written when the call has ended. */
function isLate(definition: SyscallDefinition, index: number): boolean {
  const type = definition.arguments[index];
  return type === undefined || isOutArgument(type) || (definition.name === "ioctl" && type === "address");
}

/** A call that is in no table: by its name in Linux, or as syscall_0x3e7(0x1, 0x2, …). */
function unknownCall(number: number): SyscallDefinition {
  const types: readonly ArgumentType[] = ["hex", "hex", "hex", "hex", "hex", "hex"];
  return {
    number,
    name: systemCallName(number) ?? `syscall_${hexadecimal(number)}`,
    arguments: types,
    handler: () => -ENOSYS,
  };
}
