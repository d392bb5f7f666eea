/**
 * Signals of one process: what is pending, blocked and handled. A TypeScript program has no stack that the kernel could run a
 * handler on; its handlers are functions that libakuma registers and the kernel calls between the program's turns.
 */
import { EINVAL } from "../../abi/errno.ts";
import {
  NSIG,
  SIG_DFL,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
} from "../../abi/signal.ts";
import type { Process } from "./process.ts";

/** One signal's action. `handler` is SIG_DFL, SIG_IGN or the program's own value (an address, or a token of libakuma's). */
export interface SignalAction {
  handler: number;
  flags: number;
  mask: bigint;
}

const ignoredByDefault: ReadonlySet<number> = new Set([SIGCHLD, SIGURG, SIGWINCH, SIGCONT]);
/** Job control is not there: what would stop a process is ignored, SIGSTOP included. */
const stopping: ReadonlySet<number> = new Set([SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);

export class ProcessSignals {
  private readonly actions = new Map<number, SignalAction>();
  /** Bit n-1 stands for signal n. */
  pending = 0n;
  blocked = 0n;
  /** Runs a program's handler; set by whoever started the program. Null means that handlers cannot run. */
  deliver: ((signal: number, handler: number) => void) | null = null;
  private readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }

  action(signal: number): SignalAction {
    return this.actions.get(signal) ?? { handler: SIG_DFL, flags: 0, mask: 0n };
  }

  setAction(signal: number, action: SignalAction): number {
    if (signal < 1 || signal > NSIG || signal === SIGKILL || signal === SIGSTOP) return -EINVAL;
    this.actions.set(signal, action);
    return 0;
  }

  /** After exec: handled signals fall back to their default, ignored ones stay ignored. */
  inheritFor(child: ProcessSignals): void {
    for (const [signal, action] of this.actions) {
      if (action.handler === SIG_IGN) child.actions.set(signal, action);
    }
    child.blocked = this.blocked;
  }

  isIgnored(signal: number): boolean {
    const { handler } = this.action(signal);
    return handler === SIG_IGN || (handler === SIG_DFL && (ignoredByDefault.has(signal) || stopping.has(signal)));
  }

  /** Raises a signal for the process: ends it, runs its handler, or leaves it pending while blocked. */
  raise(signal: number): void {
    if (this.process.hasExited) return;
    if (signal === SIGKILL) {
      this.process.terminateBySignal(signal);
      return;
    }
    if (this.isIgnored(signal)) return;
    if ((this.blocked & (1n << BigInt(signal - 1))) !== 0n) {
      this.pending |= 1n << BigInt(signal - 1);
      return;
    }
    this.act(signal);
  }

  setBlocked(mask: bigint): void {
    const unblockable = (1n << BigInt(SIGKILL - 1)) | (1n << BigInt(SIGSTOP - 1));
    this.blocked = mask & ~unblockable;
    for (let signal = 1; signal <= NSIG && this.pending !== 0n; signal++) {
      const bit = 1n << BigInt(signal - 1);
      if ((this.pending & bit) === 0n || (this.blocked & bit) !== 0n) continue;
      this.pending &= ~bit;
      this.act(signal);
    }
  }

  private act(signal: number): void {
    const { handler } = this.action(signal);
    if (handler === SIG_IGN) return;
    if (handler === SIG_DFL || this.deliver === null) {
      this.process.terminateBySignal(signal);
      return;
    }
    this.deliver(signal, handler);
    this.process.interruptOneTask();
  }
}
