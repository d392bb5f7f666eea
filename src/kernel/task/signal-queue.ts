/** Signals that are pending for a thread or for a whole process. A standard signal is pending once; real-time ones queue. */
import { NSIG, SI_KERNEL, SI_USER } from "../../abi/signal.ts";

/** Where a signal came from: siginfo_t without its number. */
export interface SignalInformation {
  /** SI_USER, SI_KERNEL, CLD_EXITED, SEGV_MAPERR … */
  code: number;
  /** Who sent it, or the child it is about. */
  processId: number;
  /** Of a child: its exit code or the signal that ended it. */
  status: number;
  /** The real user id of who sent it. */
  userId?: number;
  /** Of a fault: the address, as an unsigned 64-bit number. */
  address?: bigint;
  /** Of a fault: what the processor says of it (ESR_EL1), for arm64's esr_context. */
  syndrome?: number;
  /** si_value: what sigqueue(3) or a timer passes on. */
  value?: bigint;
}

export const fromKernel: SignalInformation = { code: SI_KERNEL, processId: 0, status: 0 };

const FIRST_REALTIME_SIGNAL = 32;
/** Real-time signals that may queue up, whatever RLIMIT_SIGPENDING allows; it begins with this. */
export const MOST_QUEUED = 1024;

/** The bit of signal n in a mask is n - 1. */
export function signalBit(signal: number): bigint {
  return 1n << BigInt(signal - 1);
}

export class SignalQueue {
  /** Bit n-1 stands for signal n. */
  set = 0n;
  private readonly information = new Map<number, SignalInformation[]>();
  private queued = 0;

  /**
   * False when a real-time signal finds the queue full (EAGAIN for who queues it); but one of kill(2) is always there once. A standard
   * one that is pending already is dropped.
   */
  add(signal: number, information: SignalInformation, mostQueued: number = MOST_QUEUED): boolean {
    const bit = signalBit(signal);
    const waiting = this.information.get(signal);
    const isPending = waiting !== undefined && waiting.length > 0;
    if (signal < FIRST_REALTIME_SIGNAL) {
      if (isPending) return true;
    } else if (this.queued >= Math.min(mostQueued, MOST_QUEUED)) {
      if (isPending || (information.code !== SI_USER && information.code !== SI_KERNEL)) return false;
    }
    if (isPending) waiting.push(information);
    else this.information.set(signal, [information]);
    this.queued++;
    this.set |= bit;
    return true;
  }

  /** The lowest pending signal of the mask, no longer pending; null when there is none. */
  take(mask: bigint): { signal: number; information: SignalInformation } | null {
    const ready = this.set & mask;
    if (ready === 0n) return null;
    for (let signal = 1; signal <= NSIG; signal++) {
      if ((ready & signalBit(signal)) === 0n) continue;
      const waiting = this.information.get(signal) ?? [];
      const information = waiting.shift() ?? fromKernel;
      this.queued--;
      if (waiting.length === 0) this.set &= ~signalBit(signal);
      return { signal, information };
    }
    return null;
  }

  discard(mask: bigint): void {
    for (let signal = 1; signal <= NSIG && (this.set & mask) !== 0n; signal++) {
      if ((this.set & mask & signalBit(signal)) === 0n) continue;
      this.queued -= this.information.get(signal)?.length ?? 0;
      this.information.delete(signal);
      this.set &= ~signalBit(signal);
    }
  }
}
