/**
 * Signals of one process: actions, what is pending, and whom a signal goes to (signal(7)). The program of a TypeScript process
 * has no stack that the kernel could run a handler on: its handlers are functions that libakuma registers and the kernel
 * calls between the program's turns. A thread of machine code takes its signals when it is about to go on with its program.
 */
import { EAGAIN, EINVAL } from "../../abi/errno.ts";
import { RLIMIT_SIGPENDING } from "../../abi/resource.ts";
import {
  NSIG,
  SA_RESETHAND,
  SA_RESTART,
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
import { fromKernel, type SignalInformation, SignalQueue, signalBit } from "./signal-queue.ts";
import type { Thread } from "./thread.ts";

/** One signal's action. `handler` is SIG_DFL, SIG_IGN or the program's own value (an address, or a token of libakuma's). */
export interface SignalAction {
  handler: number;
  flags: number;
  mask: bigint;
  /** sa_restorer, for machine code. */
  restorer?: number;
}

/** A thread that waits for signals instead of handling them: rt_sigtimedwait(2). */
export interface SignalAwaiter {
  readonly thread: Thread;
  mask: bigint;
}

const ignoredByDefault: ReadonlySet<number> = new Set([SIGCHLD, SIGURG, SIGWINCH, SIGCONT]);
const stopping: ReadonlySet<number> = new Set([SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);
const STOPPING = signalBit(SIGSTOP) | signalBit(SIGTSTP) | signalBit(SIGTTIN) | signalBit(SIGTTOU);
const defaultAction: SignalAction = { handler: SIG_DFL, flags: 0, mask: 0n };
export const UNBLOCKABLE: bigint = signalBit(SIGKILL) | signalBit(SIGSTOP);

export class ProcessSignals {
  private actions = new Map<number, SignalAction>();
  private readonly shared = new SignalQueue();
  /**
   * Runs a handler of a TypeScript program, between the program's turns; must not throw. Set by whoever started the program.
   * Null means that handlers cannot run.
   */
  deliver: ((signal: number, handler: number) => void) | null = null;
  /** Handlers of a TypeScript program run so far: tells a call whether one ran meanwhile. */
  handled = 0;
  /** Fires when a signal has become pending. */
  readonly arrivals: WaitQueue = new WaitQueue();
  private readonly due: { signal: number; handler: number }[] = [];
  private readonly awaiters = new Set<SignalAwaiter>();
  private readonly process: Process;

  constructor(process: Process) {
    this.process = process;
  }

  /** What is pending for the process as a whole. Bit n-1 stands for signal n. */
  get pending(): bigint {
    return this.shared.set;
  }

  /** The mask of the main thread. */
  get blocked(): bigint {
    return this.process.mainThread.blocked;
  }

  action(signal: number): SignalAction {
    return this.actions.get(signal) ?? defaultAction;
  }

  setAction(signal: number, action: SignalAction): number {
    if (!(signal >= 1 && signal <= NSIG) || signal === SIGKILL || signal === SIGSTOP) return -EINVAL;
    this.actions.set(signal, { ...action, mask: action.mask & ~UNBLOCKABLE });
    // POSIX: an action that ignores a signal discards it where it is pending, blocked or not.
    if (this.isIgnored(signal)) this.discard(signalBit(signal));
    return 0;
  }

  /** After exec: handled signals fall back to their default, ignored ones stay ignored. */
  inheritFor(child: ProcessSignals): void {
    for (const [signal, action] of this.actions) {
      if (action.handler === SIG_IGN) child.actions.set(signal, action);
    }
    child.process.mainThread.blocked = this.blocked;
  }

  /** After fork: all actions. */
  copyActionsTo(child: ProcessSignals): void {
    for (const [signal, action] of this.actions) child.actions.set(signal, action);
  }

  /** clone(2) with CLONE_SIGHAND: an action that one of them sets is the other's, too. */
  shareActionsWith(child: ProcessSignals): void {
    child.actions = this.actions;
  }

  /** At exec, in the same process: others keep what they share with it. */
  resetHandlers(): void {
    this.actions = new Map([...this.actions].filter(([, action]) => action.handler === SIG_IGN));
  }

  isIgnored(signal: number): boolean {
    const { handler } = this.action(signal);
    if (handler === SIG_IGN) return true;
    // A TypeScript program cannot be stopped: what would stop it is ignored, SIGSTOP included.
    return handler === SIG_DFL && (ignoredByDefault.has(signal) || (stopping.has(signal) && !this.process.isMachine));
  }

  /**
   * Raises a signal for the process, or for one of its threads: ends or stops it, has a handler run, or leaves the signal
   * pending while it is blocked or awaited. 0, or -EAGAIN where too many real-time signals wait.
   */
  raise(
    signal: number,
    information: SignalInformation = this.origin(signal),
    onlyThread: Thread | null = null,
  ): number {
    const { process } = this;
    if (process.hasExited || onlyThread?.hasExited === true) return 0;
    const most = process.limits[RLIMIT_SIGPENDING]?.current;
    if (signal === SIGKILL) {
      process.terminateBySignal(signal);
      return 0;
    }
    if (signal === SIGCONT) {
      this.discard(STOPPING);
      process.resume();
    } else if (stopping.has(signal)) this.discard(signalBit(SIGCONT));
    const bit = signalBit(signal);
    const taker = onlyThread === null ? this.takerOf(bit) : this.takes(onlyThread, bit) ? onlyThread : null;
    const queue = onlyThread?.pending ?? this.shared;
    if (taker === null || this.isAwaitedBy(taker, bit)) {
      if (!queue.add(signal, information, most)) return -EAGAIN;
      // One that waits for what it does not block may have given up by then.
      if (taker !== null && (taker.blocked & bit) === 0n) taker.mustCheckSignals = true;
      this.arrivals.wake();
      return 0;
    }
    if (!process.isMachine) {
      this.act(signal, information);
      return 0;
    }
    if (this.isIgnored(signal)) return 0;
    // Who is stopped acts on nothing but SIGKILL until it goes on.
    if (this.action(signal).handler === SIG_DFL && !stopping.has(signal) && !process.isStopped) {
      process.tracer?.signal(process, signal, information);
      process.terminateBySignal(signal);
      return 0;
    }
    if (!queue.add(signal, information, most)) return -EAGAIN;
    taker.interrupt();
    return 0;
  }

  /** A signal that an instruction of the thread caused: it cannot be ignored or blocked. */
  force(thread: Thread, signal: number, information: SignalInformation): void {
    const { process } = this;
    const isBlocked = (thread.blocked & signalBit(signal)) !== 0n;
    const { handler } = this.action(signal);
    if (isBlocked || handler === SIG_IGN || handler === SIG_DFL) {
      process.tracer?.signal(process, signal, information);
      process.terminateBySignal(signal);
      return;
    }
    thread.pending.add(signal, information);
    thread.mustCheckSignals = true;
  }

  /** Linux sends SIGPIPE in the name of the process that wrote. */
  private origin(signal: number): SignalInformation {
    if (signal !== SIGPIPE) return fromKernel;
    const { processId, credentials } = this.process;
    return { code: SI_USER, processId, status: 0, userId: credentials.userId };
  }

  setBlocked(mask: bigint, thread: Thread = this.process.mainThread): void {
    const before = thread.blocked;
    thread.blocked = mask & ~UNBLOCKABLE;
    this.handOver(thread, thread.blocked & ~before);
    if (((this.shared.set | thread.pending.set) & ~thread.blocked) === 0n) return;
    thread.mustCheckSignals = true;
    if (this.process.isMachine) return;
    for (let taken = this.takeFor(thread); taken !== null; taken = this.takeFor(thread)) {
      this.act(taken.signal, taken.information);
      if (this.process.hasExited) return;
    }
  }

  /** A thread blocks more signals than before, or ends: of those pending for the process others are told. */
  handOver(thread: Thread, mask: bigint): void {
    let left = this.shared.set & mask;
    if (left === 0n) return;
    for (const other of this.process.threads) {
      if (other === thread || (left & ~other.blocked) === 0n) continue;
      other.interrupt();
      left &= other.blocked;
    }
  }

  /** The next signal that a thread has to act on, no longer pending; null when there is none. Its own come first. */
  takeFor(thread: Thread, mask: bigint = ~thread.blocked): { signal: number; information: SignalInformation } | null {
    return thread.pending.take(mask) ?? this.shared.take(mask);
  }

  /** Registers someone who takes signals of a mask for himself until he is removed. */
  addAwaiter(awaiter: SignalAwaiter): void {
    this.awaiters.add(awaiter);
  }

  removeAwaiter(awaiter: SignalAwaiter): void {
    this.awaiters.delete(awaiter);
  }

  /** With SA_RESETHAND a handler runs once. */
  beginHandling(signal: number): void {
    if ((this.action(signal).flags & SA_RESETHAND) !== 0) this.actions.delete(signal);
  }

  stops(signal: number): boolean {
    return stopping.has(signal);
  }

  private discard(mask: bigint): void {
    this.shared.discard(mask);
    for (const thread of this.process.threads) thread.pending.discard(mask);
  }

  private takes(thread: Thread, bit: bigint): boolean {
    return (thread.blocked & bit) === 0n || this.isAwaitedBy(thread, bit);
  }

  /** A thread that does not block the signal, or waits for it: the main thread if it can be. */
  private takerOf(bit: bigint): Thread | null {
    const { mainThread, threads } = this.process;
    if (!mainThread.hasExited && this.takes(mainThread, bit)) return mainThread;
    for (const thread of threads) if (this.takes(thread, bit)) return thread;
    return null;
  }

  private isAwaitedBy(thread: Thread, bit: bigint): boolean {
    for (const awaiter of this.awaiters) {
      if (awaiter.thread === thread && (awaiter.mask & bit) !== 0n) return true;
    }
    return false;
  }

  /** What a TypeScript program does about a signal. */
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
    this.beginHandling(signal);
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
