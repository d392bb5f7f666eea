/** Processes: exit(2), wait4(2), waitid(2), process groups and sessions. */
import { EBADF, ECHILD, EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { RUSAGE_BYTES } from "../../abi/resource.ts";
import { CLD_CONTINUED, CLD_STOPPED, SIGCHLD, SIGCONT, SIGINFO_BYTES } from "../../abi/signal.ts";
import {
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  WAIT_THREAD_OPTIONS,
  WALL,
  WCLONE,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WSTOPPED,
  WUNTRACED,
} from "../../abi/time.ts";
import type { Process } from "../task/process.ts";
import { ProcessFile } from "../task/process-file.ts";
import { exitInformation } from "../task/process-table.ts";
import { writeSignalInformation } from "../task/signal-information.ts";
import type { SignalInformation } from "../task/signal-queue.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

export function exit(task: Task, code: number): number {
  task.process.exit(code);
  return 0;
}

export function getpid(task: Task): number {
  return task.process.processId;
}

/** 0 where the parent is the kernel itself, as for a parent in another pid namespace. */
export function getppid(task: Task): number {
  return task.process.parent?.processId ?? 0;
}

export function gettid(task: Task): number {
  return task.threadId;
}

function processOf(task: Task, processId: number): Process | null {
  const id = processId | 0;
  return id === 0 ? task.process : task.system.processes.get(id);
}

export function getpgid(task: Task, processId: number): number {
  return processOf(task, processId)?.processGroup ?? -ESRCH;
}

export function getsid(task: Task, processId: number): number {
  return processOf(task, processId)?.session ?? -ESRCH;
}

export function setpgid(task: Task, processId: number, group: number): number {
  if ((group | 0) < 0 || ((group | 0) === 0 && (processId | 0) < 0)) return -EINVAL;
  const { process } = task;
  const target = processOf(task, processId);
  if (target === null || (target !== process && target.parent !== process)) return -ESRCH;
  if (target.session !== process.session || target.session === target.processId) return -EPERM;
  const wanted = group === 0 ? target.processId : group;
  if (wanted !== target.processId) {
    // setpgid(2): the group must exist already, in the caller's session.
    let isInSession = false;
    for (const member of task.system.processes.group(wanted)) isInSession ||= member.session === process.session;
    if (!isInSession) return -EPERM;
  }
  target.processGroup = wanted;
  return 0;
}

export function setsid(task: Task): number {
  const { process } = task;
  for (const _member of task.system.processes.group(process.processId)) return -EPERM;
  process.session = process.processId;
  process.processGroup = process.processId;
  process.terminal = null;
  return process.processId;
}

type ChildFilter = (child: Process) => boolean;

/** A child and what is to be told of it. */
interface ChildReport {
  child: Process;
  kind: "exited" | "stopped" | "continued";
}

/** What a wanted child has to report; BLOCKED, 0 (WNOHANG and nothing yet), or -errno. */
function findReport(task: Task, isWanted: ChildFilter, options: number): ChildReport | number {
  const { process } = task;
  let hasAny = false;
  for (const child of process.children) {
    if (!isWanted(child)) continue;
    // Children of clone(2) with another signal than SIGCHLD are of another kind.
    if ((options & WALL) === 0 && (child.exitSignal !== SIGCHLD) !== ((options & WCLONE) !== 0)) continue;
    if (child.hasExited) {
      if ((options & WEXITED) !== 0) return { child, kind: "exited" };
      // It will never stop or go on.
      continue;
    }
    hasAny = true;
    if ((options & WSTOPPED) !== 0 && child.stopReport !== 0) return { child, kind: "stopped" };
    if ((options & WCONTINUED) !== 0 && child.continueReport) return { child, kind: "continued" };
  }
  if (!hasAny) return -ECHILD;
  if ((options & WNOHANG) !== 0) return 0;
  task.waitOn(process.childEvents);
  return task.block();
}

/** The child's status as wait4(2) gives it. */
function statusOf({ child, kind }: ChildReport): number {
  if (kind === "exited") return child.status;
  return kind === "stopped" ? (child.stopReport << 8) | 0x7f : 0xffff;
}

/** What waitid(2) gives. */
function informationOf({ child, kind }: ChildReport): SignalInformation {
  if (kind === "exited") return exitInformation(child);
  return kind === "stopped"
    ? { code: CLD_STOPPED, processId: child.processId, status: child.stopReport }
    : { code: CLD_CONTINUED, processId: child.processId, status: SIGCONT };
}

/** A report is given once. */
function consume(task: Task, { child, kind }: ChildReport): void {
  if (kind === "exited") task.system.processes.reap(child);
  else if (kind === "stopped") child.stopReport = 0;
  else child.continueReport = false;
}

/** wait4's first argument: > 0 that child, -1 any, 0 those of the own group, < -1 those of that group. */
function childFilter(process: Process, wanted: number): ChildFilter {
  if (wanted === -1) return () => true;
  if (wanted > 0) return (child) => child.processId === wanted;
  return groupFilter(wanted === 0 ? process.processGroup : -wanted);
}

function groupFilter(processGroup: number): ChildFilter {
  return (child) => child.processGroup === processGroup;
}

export function wait4(
  task: Task,
  processId: number,
  statusAddress: number,
  options: number,
  usageAddress: number,
): number {
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | WAIT_THREAD_OPTIONS)) !== 0) return -EINVAL;
  const wanted = processId | 0;
  // A group of 2^31 cannot be named.
  if (wanted === -0x8000_0000) return -ESRCH;
  const { memory } = task.process;
  if (statusAddress !== 0 && !memory.isValid(statusAddress, 4)) return -EFAULT;
  if (usageAddress !== 0 && !memory.isValid(usageAddress, RUSAGE_BYTES)) return -EFAULT;
  const report = findReport(task, childFilter(task.process, wanted), options | WEXITED);
  if (typeof report === "number") return report;
  if (statusAddress !== 0) memory.writeUint32(statusAddress, statusOf(report));
  if (usageAddress !== 0) memory.bytes.fill(0, usageAddress, usageAddress + RUSAGE_BYTES);
  consume(task, report);
  return report.child.processId;
}

export function waitid(
  task: Task,
  idType: number,
  id: number,
  informationAddress: number,
  options: number,
  usageAddress: number,
): number {
  const known = WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | WAIT_THREAD_OPTIONS;
  if ((options & ~known) !== 0 || (options & (WEXITED | WSTOPPED | WCONTINUED)) === 0) return -EINVAL;
  const isWanted = idFilter(task, idType, id | 0);
  if (typeof isWanted === "number") return isWanted;
  if (isWanted === null) return -EINVAL;
  const { memory } = task.process;
  if (informationAddress !== 0 && !memory.isValid(informationAddress, SIGINFO_BYTES)) return -EFAULT;
  if (usageAddress !== 0 && !memory.isValid(usageAddress, RUSAGE_BYTES)) return -EFAULT;
  const report = findReport(task, isWanted, options);
  if (typeof report === "number" && report !== 0) return report;
  if (informationAddress !== 0) memory.bytes.fill(0, informationAddress, informationAddress + SIGINFO_BYTES);
  if (typeof report === "number") return 0;
  if (informationAddress !== 0) writeSignalInformation(memory, informationAddress, SIGCHLD, informationOf(report));
  if (usageAddress !== 0) memory.bytes.fill(0, usageAddress, usageAddress + RUSAGE_BYTES);
  if ((options & WNOWAIT) === 0) consume(task, report);
  return 0;
}

/** waitid's first two arguments; null for a combination that does not exist, -EBADF for a descriptor of no process. */
function idFilter(task: Task, idType: number, id: number): ChildFilter | number | null {
  const { process } = task;
  if (idType === P_PIDFD && id >= 0) {
    const file = task.file(id);
    return file instanceof ProcessFile ? (child) => child === file.process : -EBADF;
  }
  if (idType === P_ALL) return () => true;
  if (idType === P_PID && id > 0) return childFilter(process, id);
  if (idType === P_PGID && id >= 0) return groupFilter(id === 0 ? process.processGroup : id);
  return null;
}

export const processCalls: readonly SyscallDefinition[] = [
  call(93, "exit", ["int"], exit),
  call(94, "exit_group", ["int"], exit),
  call(95, "waitid", ["wait-id-type", "pid", "signal-info-out", "wait-options", "address"], waitid),
  call(154, "setpgid", ["pid", "pid"], setpgid),
  call(155, "getpgid", ["pid"], getpgid),
  call(156, "getsid", ["pid"], getsid),
  call(157, "setsid", [], setsid),
  call(172, "getpid", [], getpid),
  call(173, "getppid", [], getppid),
  call(178, "gettid", [], gettid),
  call(260, "wait4", ["pid", "wait-status-out", "wait-options", "address"], wait4),
];

/** exit is call 0 in the akuma ABI. */
export const processAkumaCalls: readonly SyscallDefinition[] = [call(0, "exit", ["int"], exit)];
