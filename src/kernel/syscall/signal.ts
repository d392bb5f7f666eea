/** Signals: kill(2), rt_sigaction(2) and its family, setitimer(2). */
import { EAGAIN, EFAULT, EINTR, EINVAL, ESRCH } from "../../abi/errno.ts";
import {
  NSIG,
  SI_TKILL,
  SI_USER,
  SIG_BLOCK,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGACTION_BYTES,
  SIGINFO_BYTES,
  SIGSET_BYTES,
} from "../../abi/signal.ts";
import { ITIMER_PROF, ITIMER_REAL, TIMESPEC_BYTES } from "../../abi/time.ts";
import type { Process } from "../task/process.ts";
import type { SignalAwaiter, SignalInformation } from "../task/signals.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { readSignalSet, withSignalMask, writeSignalSet } from "./signal-mask.ts";
import { readTimeout, readTimeval, writeTimeval } from "./timespec.ts";

/** struct itimerval: the interval, then the time. */
const ITIMERVAL_BYTES = 2 * TIMESPEC_BYTES;

function isSignal(signal: number): boolean {
  return signal >= 0 && signal <= NSIG;
}

function send(target: Process, signal: number, information: SignalInformation): void {
  if (signal !== 0) target.signals.raise(signal, information);
}

export function kill(task: Task, processId: number, signal: number): number {
  const { process, system } = task;
  const information: SignalInformation = { code: SI_USER, processId: process.processId, status: 0 };
  const id = processId | 0;
  if (id > 0) {
    const target = system.processes.get(id);
    // Whom it is for is looked at before what it is.
    if (target === null) return -ESRCH;
    if (!isSignal(signal)) return -EINVAL;
    send(target, signal, information);
    return 0;
  }
  // kill(2): 0 is the own group, -1 everyone but the caller himself, -n group n.
  const targets: Process[] = [];
  const group = id === 0 ? process.processGroup : -id;
  for (const target of system.processes.all()) {
    if (id === -1 ? target !== process : target.processGroup === group) targets.push(target);
  }
  if (targets.length === 0) return -ESRCH;
  if (!isSignal(signal)) return -EINVAL;
  for (const target of targets) send(target, signal, information);
  return 0;
}

export function tgkill(task: Task, processId: number, threadId: number, signal: number): number {
  if (processId <= 0 || threadId <= 0) return -EINVAL;
  const target = task.system.processes.get(processId);
  // Threads of a TypeScript program all carry the number of their process.
  if (target === null || target.processId !== threadId) return -ESRCH;
  if (!isSignal(signal)) return -EINVAL;
  send(target, signal, { code: SI_TKILL, processId: task.process.processId, status: 0 });
  return 0;
}

export function tkill(task: Task, threadId: number, signal: number): number {
  return tgkill(task, threadId, threadId, signal);
}

export function rtSigaction(
  task: Task,
  signal: number,
  newAddress: number,
  oldAddress: number,
  setBytes: number,
): number {
  if (setBytes !== SIGSET_BYTES) return -EINVAL;
  const { memory, signals } = task.process;
  if (newAddress !== 0 && !memory.isValid(newAddress, SIGACTION_BYTES)) return -EFAULT;
  if (!(signal >= 1 && signal <= NSIG)) return -EINVAL;
  if (oldAddress !== 0 && !memory.isValid(oldAddress, SIGACTION_BYTES)) return -EFAULT;
  const before = signals.action(signal);
  if (newAddress !== 0) {
    const result = signals.setAction(signal, {
      handler: memory.readInt64(newAddress),
      flags: memory.readUint32(newAddress + 8),
      restorer: memory.readInt64(newAddress + 16),
      mask: readSignalSet(memory, newAddress + 24),
    });
    if (result < 0) return result;
  }
  if (oldAddress !== 0) {
    memory.writeInt64(oldAddress, before.handler);
    memory.writeInt64(oldAddress + 8, before.flags);
    memory.writeInt64(oldAddress + 16, before.restorer ?? 0);
    writeSignalSet(memory, oldAddress + 24, before.mask);
  }
  return 0;
}

export function rtSigprocmask(
  task: Task,
  how: number,
  newAddress: number,
  oldAddress: number,
  setBytes: number,
): number {
  if (setBytes !== SIGSET_BYTES) return -EINVAL;
  const { memory, signals } = task.process;
  const before = signals.blocked;
  if (newAddress !== 0) {
    if (!memory.isValid(newAddress, SIGSET_BYTES)) return -EFAULT;
    if (oldAddress !== 0 && !memory.isValid(oldAddress, SIGSET_BYTES)) return -EFAULT;
    const mask = readSignalSet(memory, newAddress);
    if (how === SIG_BLOCK) signals.setBlocked(before | mask);
    else if (how === SIG_UNBLOCK) signals.setBlocked(before & ~mask);
    else if (how === SIG_SETMASK) signals.setBlocked(mask);
    else return -EINVAL;
  }
  if (oldAddress !== 0) {
    if (!memory.isValid(oldAddress, SIGSET_BYTES)) return -EFAULT;
    writeSignalSet(memory, oldAddress, before);
  }
  return 0;
}

export function rtSigpending(task: Task, address: number, setBytes: number): number {
  if (setBytes > SIGSET_BYTES) return -EINVAL;
  const { memory, signals } = task.process;
  if (!memory.isValid(address, SIGSET_BYTES)) return -EFAULT;
  writeSignalSet(memory, address, signals.pending);
  return 0;
}

export function rtSigsuspend(task: Task, address: number, setBytes: number): number {
  if (setBytes !== SIGSET_BYTES) return -EINVAL;
  if (!task.process.memory.isValid(address, SIGSET_BYTES)) return -EFAULT;
  return withSignalMask(task, address, setBytes, () => {
    task.neverRestarts = true;
    return task.block(-EINTR);
  });
}

export function rtSigtimedwait(
  task: Task,
  setAddress: number,
  informationAddress: number,
  timeoutAddress: number,
  setBytes: number,
): number {
  if (setBytes !== SIGSET_BYTES) return -EINVAL;
  const { memory, signals } = task.process;
  if (!memory.isValid(setAddress, SIGSET_BYTES)) return -EFAULT;
  const timeout = readTimeout(memory, timeoutAddress);
  if (timeout < 0) return timeout;
  if (informationAddress !== 0 && !memory.isValid(informationAddress, SIGINFO_BYTES)) return -EFAULT;
  const awaiter = (task.scratch as SignalAwaiter | null) ?? { mask: readSignalSet(memory, setAddress) };
  const result = awaitSignal(task, awaiter, informationAddress, timeout);
  if (result !== BLOCKED) signals.removeAwaiter(awaiter);
  return result;
}

function awaitSignal(task: Task, awaiter: SignalAwaiter, informationAddress: number, timeout: number): number {
  const { memory, signals } = task.process;
  const taken = signals.takePending(awaiter.mask);
  if (taken !== null) {
    if (informationAddress !== 0) {
      memory.bytes.fill(0, informationAddress, informationAddress + SIGINFO_BYTES);
      memory.writeUint32(informationAddress, taken.signal);
      memory.writeUint32(informationAddress + 8, taken.information.code);
      memory.writeUint32(informationAddress + 16, taken.information.processId);
      memory.writeUint32(informationAddress + 24, taken.information.status);
    }
    return taken.signal;
  }
  if (timeout === 0) return -EAGAIN;
  task.scratch = awaiter;
  signals.addAwaiter(awaiter);
  task.setTimeout(timeout);
  task.waitOn(signals.arrivals);
  task.neverRestarts = true;
  return task.block(-EAGAIN);
}

/** Handlers of TypeScript programs need no stack. The old setting reads as disabled. */
export function sigaltstack(task: Task, newAddress: number, oldAddress: number): number {
  const { memory } = task.process;
  if (newAddress !== 0 && !memory.isValid(newAddress, 24)) return -EFAULT;
  if (oldAddress !== 0) {
    if (!memory.isValid(oldAddress, 24)) return -EFAULT;
    memory.bytes.fill(0, oldAddress, oldAddress + 24);
    // SS_DISABLE.
    memory.writeUint32(oldAddress + 8, 2);
  }
  return 0;
}

function writeIntervalTimer(task: Task, address: number): void {
  const { memory, intervalTimer } = task.process;
  writeTimeval(memory, address, intervalTimer.intervalMilliseconds);
  // Rounded up: a timer that is set never reads as 0 (getitimer(2)).
  writeTimeval(memory, address + TIMESPEC_BYTES, Math.ceil(intervalTimer.leftMilliseconds * 1000) / 1000);
}

export function getitimer(task: Task, which: number, address: number): number {
  if (!(which >= ITIMER_REAL && which <= ITIMER_PROF)) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, ITIMERVAL_BYTES)) return -EFAULT;
  if (which === ITIMER_REAL) writeIntervalTimer(task, address);
  else memory.bytes.fill(0, address, address + ITIMERVAL_BYTES);
  return 0;
}

/** ITIMER_REAL. The other two count processor time, which programs here do not have of their own: EINVAL. */
export function setitimer(task: Task, which: number, newAddress: number, oldAddress: number): number {
  const { memory, intervalTimer } = task.process;
  if (newAddress !== 0 && !memory.isValid(newAddress, ITIMERVAL_BYTES)) return -EFAULT;
  const interval = newAddress === 0 ? 0 : readTimeval(memory, newAddress);
  const time = newAddress === 0 ? 0 : readTimeval(memory, newAddress + TIMESPEC_BYTES);
  if (interval < 0 || time < 0 || which !== ITIMER_REAL) return -EINVAL;
  if (oldAddress !== 0) {
    if (!memory.isValid(oldAddress, ITIMERVAL_BYTES)) return -EFAULT;
    writeIntervalTimer(task, oldAddress);
  }
  intervalTimer.set(time, interval);
  return 0;
}

export const signalCalls: readonly SyscallDefinition[] = [
  call(102, "getitimer", ["interval-timer", "itimerval-out"], getitimer),
  call(103, "setitimer", ["interval-timer", "itimerval", "itimerval-out"], setitimer),
  call(129, "kill", ["pid", "signal"], kill),
  call(130, "tkill", ["pid", "signal"], tkill),
  call(131, "tgkill", ["pid", "pid", "signal"], tgkill),
  call(132, "sigaltstack", ["address", "address"], sigaltstack),
  call(133, "rt_sigsuspend", ["signal-set", "size"], rtSigsuspend),
  call(134, "rt_sigaction", ["signal", "signal-action", "signal-action-out", "size"], rtSigaction),
  call(135, "rt_sigprocmask", ["signal-how", "signal-set", "signal-set-out", "size"], rtSigprocmask),
  call(136, "rt_sigpending", ["signal-set-out", "size"], rtSigpending),
  call(137, "rt_sigtimedwait", ["signal-set", "signal-info-out", "timespec", "size"], rtSigtimedwait),
];
