/**
 * Signals of one process: what is pending, blocked and handled (signal(7)). A TypeScript program has no stack that the kernel
 * could run a handler on; its handlers are functions that libakuma registers and the kernel calls between the program's turns.
 * A signal is pending once or not at all, the real-time ones too.
 */
import { EINVAL } from "../../abi/errno.ts";
import {
  NSIG,
  SA_RESETHAND,
  SA_RESTART,
  SI_KERNEL,
  SI_USER,
  SIG_DFL,
  SIG_IGN,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGPIPE,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
} from "../../abi/signal.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import type { Process } from "./process.ts";

/** One signal's action. `handler` is SIG_DFL, SIG_IGN or the program's own value (an address, or a token of libakuma's). */
export interface SignalAction {
  handler: number;
  flags: number;
  mask: bigint;
  /** sa_restorer, for machine code. */
  restorer?: number;
}

/** Where a signal came from: siginfo_t without its number. */
export interface SignalInformation {
  /** SI_USER, SI_KERNEL, CLD_EXITED … */
  code: number;
  /** Who sent it, or the child it is about. */
  processId: number;
  /** Of a child: its exit code or the signal that ended it. */
  status: number;
}

/** Someone who waits for signals instead of handling them: rt_sigtimedwait(2). */
export interface SignalAwaiter {
  mask: bigint;
}

const ignoredByDefault: ReadonlySet<number> = new Set([SIGCHLD, SIGURG, SIGWINCH, SIGCONT]);
/** Job control is not there: what would stop a process is ignored, SIGSTOP included. */
const stopping: ReadonlySet<number> = new Set([SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);
const fromKernel: SignalInformation = { code: SI_KERNEL, processId: 0, status: 0 };
const defaultAction: SignalAction = { handler: SIG_DFL, flags: 0, mask: 0n };

/** The bit of signal n in a mask is n - 1. */
export function signalBit(signal: number): bigint {
  return 1n << BigInt(signal - 1);
}

const UNBLOCKABLE = signalBit(SIGKILL) | signalBit(SIGSTOP);

export class ProcessSignals {
  private readonly actions = new Map<number, SignalAction>();
  /** Bit n-1 stands for signal n. */
  pending = 0n;
  blocked = 0n;
  /**
   * Runs a program's handler, between the program's turns; must not throw. Set by whoever started the program. Null means that
   * handlers cannot run.
   */
  deliver: ((signal: number, handler: number) => void) | null = null;
  /** Handlers run so far: tells a call whether one ran meanwhile. */
  handled = 0;
  /** Fires when a signal has become pending. */
  readonly arrivals: WaitQueue = new WaitQueue();
  private readonly due: { signal: number; handler: number }[] = [];
  private readonly awaiters = new Set<SignalAwaiter>();
  private readonly information = new Map<number, SignalInformation>();
  private readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }

  action(signal: number): SignalAction {
    return this.actions.get(signal) ?? defaultAction;
  }

  setAction(signal: number, action: SignalAction): number {
    if (!(signal >= 1 && signal <= NSIG) || signal === SIGKILL || signal === SIGSTOP) return -EINVAL;
    this.actions.set(signal, action);
    // POSIX: an action that ignores a signal discards it where it is pending, blocked or not.
    if (this.isIgnored(signal)) this.pending &= ~signalBit(signal);
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

  /** Raises a signal for the process: ends it, runs its handler, or leaves it pending while blocked or awaited. */
  raise(signal: number, information: SignalInformation = this.origin(signal)): void {
    if (this.process.hasExited) return;
    if (signal === SIGKILL) {
      this.process.terminateBySignal(signal);
      return;
    }
    const bit = signalBit(signal);
    if ((this.blocked & bit) !== 0n || this.isAwaited(bit)) {
      if ((this.pending & bit) !== 0n) return;
      this.pending |= bit;
      this.information.set(signal, information);
      this.arrivals.wake();
      return;
    }
    this.act(signal, information);
  }

  /** Linux sends SIGPIPE in the name of the process that wrote. */
  private origin(signal: number): SignalInformation {
    return signal === SIGPIPE ? { code: SI_USER, processId: this.process.processId, status: 0 } : fromKernel;
  }

  setBlocked(mask: bigint): void {
    this.blocked = mask & ~UNBLOCKABLE;
    for (let signal = 1; signal <= NSIG && (this.pending & ~this.blocked) !== 0n; signal++) {
      const bit = signalBit(signal);
      if ((this.pending & bit) === 0n || (this.blocked & bit) !== 0n) continue;
      this.act(signal, this.take(signal));
      if (this.process.hasExited) return;
    }
  }

  /** Registers someone who takes signals of a mask for himself until he is removed. */
  addAwaiter(awaiter: SignalAwaiter): void {
    this.awaiters.add(awaiter);
  }

  removeAwaiter(awaiter: SignalAwaiter): void {
    this.awaiters.delete(awaiter);
  }

  /** The lowest pending signal of the mask, no longer pending; null when there is none. */
  takePending(mask: bigint): { signal: number; information: SignalInformation } | null {
    const ready = this.pending & mask;
    if (ready === 0n) return null;
    for (let signal = 1; signal <= NSIG; signal++) {
      if ((ready & signalBit(signal)) !== 0n) return { signal, information: this.take(signal) };
    }
    return null;
  }

  private take(signal: number): SignalInformation {
    this.pending &= ~signalBit(signal);
    const information = this.information.get(signal) ?? fromKernel;
    this.information.delete(signal);
    return information;
  }

  private isAwaited(bit: bigint): boolean {
    for (const awaiter of this.awaiters) {
      if ((awaiter.mask & bit) !== 0n) return true;
    }
    return false;
  }

  private act(signal: number, information: SignalInformation): void {
    const action = this.action(signal);
    const { handler } = action;
    if (handler === SIG_IGN) return;
    this.process.tracer?.signal(this.process, signal, information);
    if (this.isIgnored(signal)) return;
    if (handler === SIG_DFL || this.deliver === null) {
      this.process.terminateBySignal(signal);
      return;
    }
    if ((action.flags & SA_RESETHAND) !== 0) this.actions.delete(signal);
    this.handled++;
    this.schedule(signal, handler);
    this.process.interruptOneTask((action.flags & SA_RESTART) !== 0);
  }

  /**
   * Has a handler run in the kernel's next turn, before the call that it interrupts returns. Not at once: handlers make calls of
   * their own, and one that sends a signal again would run within itself. A signal that is due already is due once.
   */
  private schedule(signal: number, handler: number): void {
    if (this.due.some((waiting) => waiting.signal === signal)) return;
    this.due.push({ signal, handler });
    if (this.due.length === 1) this.process.runSoon(() => this.runHandlers());
  }

  private runHandlers(): number {
    for (const { signal, handler } of this.due.splice(0)) {
      if (this.process.hasExited) break;
      this.deliver?.(signal, handler);
    }
    return 0;
  }
}
