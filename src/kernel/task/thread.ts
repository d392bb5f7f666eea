/**
 * What the kernel knows of a thread. A machine-code process has any number, each with one task; a TypeScript program has one
 * for all its tasks, as its calls have no order among themselves.
 */
import { SS_DISABLE } from "../../abi/signal.ts";
import type { Process } from "./process.ts";
import { SignalQueue } from "./signal-queue.ts";

/** sigaltstack(2): where handlers with SA_ONSTACK run. */
export interface AlternateStack {
  address: number;
  byteLength: number;
  flags: number;
}

export class Thread {
  process: Process;
  /** The main thread's is the process's. */
  threadId: number;
  /** Bit n-1 stands for signal n. */
  blocked = 0n;
  /** The mask to go back to after a call with a mask of its own (ppoll, rt_sigsuspend …) that a signal ended; null for none. */
  savedMask: bigint | null = null;
  /** Signals sent to this thread alone. */
  readonly pending: SignalQueue = new SignalQueue();
  /** A signal may be deliverable: looked at before the thread goes on with its program. */
  mustCheckSignals = false;
  alternateStack: AlternateStack = { address: 0, byteLength: 0, flags: SS_DISABLE };
  /** set_tid_address(2): cleared and woken as a futex when the thread ends; 0 for none. */
  clearChildTid = 0;
  /** set_robust_list(2): struct robust_list_head; 0 for none. */
  robustList = 0;
  hasExited = false;
  /** How long it has run: machine code alone is counted. */
  processorMilliseconds = 0;

  constructor(process: Process, threadId: number) {
    this.process = process;
    this.threadId = threadId;
  }

  /** Whether it runs on its alternate stack now. */
  get isOnAlternateStack(): boolean {
    return false;
  }

  /** What is to be done in its memory when it ends. */
  leaveMemory(): void {}

  /** A signal has become deliverable to it: what it waits for ends with EINTR. */
  interrupt(): void {}
}
