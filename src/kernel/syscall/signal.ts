/** Signals: kill(2), rt_sigaction(2) and its family, setitimer(2). */
import { EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  MINSIGSTKSZ,
  NSIG,
  SI_TKILL,
  SI_USER,
  SIG_BLOCK,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SIGACTION_BYTES,
  SIGBUS,
  SIGCONT,
  SIGINFO_BYTES,
  SIGSEGV,
  SIGSET_BYTES,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
} from "../../abi/signal.ts";
import { ITIMER_PROF, ITIMER_REAL, TIMESPEC_BYTES } from "../../abi/time.ts";
import { MachineThread } from "../exec/machine-thread.ts";
import type { Process } from "../task/process.ts";
import { readSignalInformation, writeSignalInformation } from "../task/signal-information.ts";
import type { SignalInformation } from "../task/signal-queue.ts";
import type { SignalAwaiter } from "../task/signals.ts";
import type { Task } from "../task/task.ts";
import type { Thread } from "../task/thread.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { readSignalSet, withSignalMask, writeSignalSet } from "./signal-mask.ts";
import { readTimeout, readTimeval, writeTimeval } from "./timespec.ts";

/** struct itimerval: the interval, then the time. */
const ITIMERVAL_BYTES = 2 * TIMESPEC_BYTES;

function isSignal(signal: number): boolean {
  return signal >= 0 && signal <= NSIG;
}

function information(task: Task, code: number): SignalInformation {
  const { processId, credentials } = task.process;
  return { code, processId, status: 0, userId: credentials.userId };
}

/** kill(2): SIGCONT may go to anyone of the same session. */
export function maySignal(task: Task, target: Process, signal: number): boolean {
  const { process } = task;
  if (process === target || process.credentials.maySignal(target.credentials)) return true;
  return signal === SIGCONT && process.session === target.session;
}

function send(task: Task, target: Process, signal: number): void {
  if (signal !== 0) target.signals.raise(signal, information(task, SI_USER));
}

export function kill(task: Task, processId: number, signal: number): number {
  const { process, system } = task;
  const id = processId | 0;
  if (id > 0) {
    // Any thread's number stands for its process.
    const target = system.processes.get(id) ?? system.processes.thread(id)?.process ?? null;
    // Whom it is for is looked at before what it is.
    if (target === null) return -ESRCH;
    if (!isSignal(signal)) return -EINVAL;
    if (!maySignal(task, target, signal)) return -EPERM;
    send(task, target, signal);
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
  // Of many it is enough that one may be reached.
  const allowed = targets.filter((target) => maySignal(task, target, signal));
  for (const target of allowed) send(task, target, signal);
  return allowed.length === 0 ? -EPERM : 0;
}

/** The thread of that number, of process `processId` (-1: of any). */
function threadOf(task: Task, processId: number, threadId: number): Thread | null {
  const thread = task.system.processes.thread(threadId);
  return thread === null || (processId !== -1 && thread.process.processId !== processId) ? null : thread;
}

function sendToThread(task: Task, processId: number, threadId: number, signal: number): number {
  const target = threadOf(task, processId, threadId);
  if (target === null) return -ESRCH;
  if (!isSignal(signal)) return -EINVAL;
  if (!maySignal(task, target.process, signal)) return -EPERM;
  if (signal === 0) return 0;
  return target.process.signals.raise(signal, information(task, SI_TKILL), target);
}

export function tgkill(task: Task, processId: number, threadId: number, signal: number): number {
  if (processId <= 0 || threadId <= 0) return -EINVAL;
  return sendToThread(task, processId, threadId, signal);
}

export function tkill(task: Task, threadId: number, signal: number): number {
  return threadId <= 0 ? -EINVAL : sendToThread(task, -1, threadId, signal);
}

/** What a program says of itself may name anyone but the kernel and kill(2), unless it signals itself (rt_sigqueueinfo(2)). */
function queuedInformation(task: Task, address: number, processId: number): SignalInformation | number {
  const { memory } = task.process;
  if (!memory.isValid(address, SIGINFO_BYTES)) return -EFAULT;
  const told = readSignalInformation(memory, address);
  if ((told.code >= 0 || told.code === SI_TKILL) && processId !== task.process.processId) return -EPERM;
  return told;
}

export function rtSigqueueinfo(task: Task, processId: number, signal: number, address: number): number {
  const told = queuedInformation(task, address, processId);
  if (typeof told === "number") return told;
  const target = task.system.processes.get(processId);
  if (target === null) return -ESRCH;
  if (!isSignal(signal)) return -EINVAL;
  if (!maySignal(task, target, signal)) return -EPERM;
  return signal === 0 ? 0 : target.signals.raise(signal, told);
}

export function rtTgsigqueueinfo(
  task: Task,
  processId: number,
  threadId: number,
  signal: number,
  address: number,
): number {
  if (processId <= 0 || threadId <= 0) return -EINVAL;
  const told = queuedInformation(task, address, processId);
  if (typeof told === "number") return told;
  const target = threadOf(task, processId, threadId);
  if (target === null) return -ESRCH;
  if (!isSignal(signal)) return -EINVAL;
  if (!maySignal(task, target.process, signal)) return -EPERM;
  return signal === 0 ? 0 : target.process.signals.raise(signal, told, target);
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
    const isHandled = signals.action(signal).handler > SIG_IGN;
    if (isHandled && (signal === SIGSEGV || signal === SIGBUS) && task.thread instanceof MachineThread)
      task.thread.machine.handlesFaults();
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
  const { thread } = task;
  const before = thread.blocked;
  if (newAddress !== 0) {
    if (!memory.isValid(newAddress, SIGSET_BYTES)) return -EFAULT;
    if (oldAddress !== 0 && !memory.isValid(oldAddress, SIGSET_BYTES)) return -EFAULT;
    const mask = readSignalSet(memory, newAddress);
    if (how === SIG_BLOCK) signals.setBlocked(before | mask, thread);
    else if (how === SIG_UNBLOCK) signals.setBlocked(before & ~mask, thread);
    else if (how === SIG_SETMASK) signals.setBlocked(mask, thread);
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
  writeSignalSet(memory, address, (signals.pending | task.thread.pending.set) & task.thread.blocked);
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
  const { memory } = task.process;
  if (!memory.isValid(setAddress, SIGSET_BYTES)) return -EFAULT;
  const timeout = readTimeout(memory, timeoutAddress);
  if (timeout < 0) return timeout;
  if (informationAddress !== 0 && !memory.isValid(informationAddress, SIGINFO_BYTES)) return -EFAULT;
  const awaiter = (task.scratch as SignalAwaiter | null) ?? {
    thread: task.thread,
    mask: readSignalSet(memory, setAddress),
  };
  return awaitSignal(task, awaiter, informationAddress, timeout);
}

function awaitSignal(task: Task, awaiter: SignalAwaiter, informationAddress: number, timeout: number): number {
  const { memory, signals } = task.process;
  const taken = signals.takeFor(task.thread, awaiter.mask);
  if (taken !== null) {
    if (informationAddress !== 0) {
      writeSignalInformation(memory, informationAddress, taken.signal, taken.information);
    }
    return taken.signal;
  }
  if (timeout === 0) return -EAGAIN;
  task.scratch = awaiter;
  signals.addAwaiter(awaiter);
  // However the call ends, be it by another thread's exec.
  task.whenAbandoned = () => signals.removeAwaiter(awaiter);
  task.setTimeout(timeout);
  task.waitOn(signals.arrivals);
  task.neverRestarts = true;
  return task.block(-EAGAIN);
}

/** sizeof(stack_t): ss_sp, ss_flags, ss_size. */
const STACK_BYTES = 24;

/** Handlers of TypeScript programs need no stack: for them it is kept and told again. */
export function sigaltstack(task: Task, newAddress: number, oldAddress: number): number {
  const { memory } = task.process;
  const { thread } = task;
  if (newAddress !== 0 && !memory.isValid(newAddress, STACK_BYTES)) return -EFAULT;
  if (oldAddress !== 0 && !memory.isValid(oldAddress, STACK_BYTES)) return -EFAULT;
  const before = thread.alternateStack;
  const isInUse = thread.isOnAlternateStack;
  if (newAddress !== 0) {
    if (isInUse) return -EPERM;
    const flags = memory.readInt32(newAddress + 8);
    const mode = flags & ~SS_AUTODISARM;
    if (mode !== 0 && mode !== SS_DISABLE && mode !== SS_ONSTACK) return -EINVAL;
    const byteLength = memory.readInt64(newAddress + 16);
    if (mode === SS_DISABLE) thread.alternateStack = { address: 0, byteLength: 0, flags: SS_DISABLE };
    else if (byteLength < MINSIGSTKSZ) return -ENOMEM;
    else thread.alternateStack = { address: memory.readInt64(newAddress), byteLength, flags: flags & SS_AUTODISARM };
  }
  if (oldAddress !== 0) {
    memory.bytes.fill(0, oldAddress, oldAddress + STACK_BYTES);
    memory.writeInt64(oldAddress, before.address);
    memory.writeUint32(oldAddress + 8, before.flags | (isInUse ? SS_ONSTACK : 0));
    memory.writeInt64(oldAddress + 16, before.byteLength);
  }
  return 0;
}

function writeIntervalTimer({ process }: Task, which: number, address: number): void {
  const { memory } = process;
  let interval: number;
  let left: number;
  if (which === ITIMER_REAL) {
    interval = process.intervalTimer.intervalMilliseconds;
    left = process.intervalTimer.leftMilliseconds;
  } else {
    const timer = process.processorTimers[which === ITIMER_PROF ? 1 : 0];
    interval = timer.intervalMilliseconds;
    left = timer.leftMilliseconds(process.processorMilliseconds);
  }
  writeTimeval(memory, address, interval);
  // Rounded up: a timer that is set never reads as 0 (getitimer(2)).
  writeTimeval(memory, address + TIMESPEC_BYTES, Math.ceil(left * 1000) / 1000);
}

export function getitimer(task: Task, which: number, address: number): number {
  if (!(which >= ITIMER_REAL && which <= ITIMER_PROF)) return -EINVAL;
  const { memory } = task.process;
  if (!memory.isValid(address, ITIMERVAL_BYTES)) return -EFAULT;
  writeIntervalTimer(task, which, address);
  return 0;
}

/** The timers of processor time are for machine code: of TypeScript programs nobody knows how long they run, so EINVAL. */
export function setitimer(task: Task, which: number, newAddress: number, oldAddress: number): number {
  const { process } = task;
  const { memory } = process;
  if (newAddress !== 0 && !memory.isValid(newAddress, ITIMERVAL_BYTES)) return -EFAULT;
  const interval = newAddress === 0 ? 0 : readTimeval(memory, newAddress);
  const time = newAddress === 0 ? 0 : readTimeval(memory, newAddress + TIMESPEC_BYTES);
  if (interval < 0 || time < 0 || !(which >= ITIMER_REAL && which <= ITIMER_PROF)) return -EINVAL;
  if (which !== ITIMER_REAL && !process.isMachine) return -EINVAL;
  if (oldAddress !== 0) {
    if (!memory.isValid(oldAddress, ITIMERVAL_BYTES)) return -EFAULT;
    writeIntervalTimer(task, which, oldAddress);
  }
  if (which === ITIMER_REAL) process.intervalTimer.set(time, interval);
  else process.processorTimers[which === ITIMER_PROF ? 1 : 0].set(process.processorMilliseconds, time, interval);
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
  call(138, "rt_sigqueueinfo", ["pid", "signal", "address"], rtSigqueueinfo),
  call(240, "rt_tgsigqueueinfo", ["pid", "pid", "signal", "address"], rtTgsigqueueinfo),
];
