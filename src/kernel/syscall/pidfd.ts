/** pidfd_open(2), pidfd_send_signal(2): processes as files. */
import { EBADF, EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import { PIDFD_NONBLOCK } from "../../abi/event.ts";
import { FD_CLOEXEC } from "../../abi/file.ts";
import { NSIG, SI_TKILL, SI_USER, SIGINFO_BYTES } from "../../abi/signal.ts";
import { ProcessFile } from "../task/process-file.ts";
import { readSignalInformation } from "../task/signal-information.ts";
import type { SignalInformation } from "../task/signal-queue.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { maySignal } from "./signal.ts";

export function pidfdOpen(task: Task, processId: number, flags: number): number {
  if ((flags & ~PIDFD_NONBLOCK) !== 0 || (processId | 0) <= 0) return -EINVAL;
  const process = task.system.processes.get(processId);
  if (process === null) {
    // The number of a thread that is not its process's first names no process.
    return task.system.processes.thread(processId) === null ? -ESRCH : -EINVAL;
  }
  const file = new ProcessFile(task.system.openFiles, process, flags & PIDFD_NONBLOCK);
  return task.process.descriptors.install(file, FD_CLOEXEC);
}

export function pidfdSendSignal(
  task: Task,
  fd: number,
  signal: number,
  informationAddress: number,
  flags: number,
): number {
  if (flags !== 0) return -EINVAL;
  const file = task.process.descriptors.get(fd);
  if (!(file instanceof ProcessFile)) return -EBADF;
  const { process } = file;
  const { memory, processId, credentials } = task.process;
  let information: SignalInformation = { code: SI_USER, processId, status: 0, userId: credentials.userId };
  if (informationAddress !== 0) {
    if (!memory.isValid(informationAddress, SIGINFO_BYTES)) return -EFAULT;
    if (memory.readInt32(informationAddress) !== signal) return -EINVAL;
    information = readSignalInformation(memory, informationAddress);
    if (process !== task.process && (information.code >= 0 || information.code === SI_TKILL)) return -EPERM;
  }
  if (task.system.processes.get(process.processId) !== process) return -ESRCH;
  if (!(signal >= 0 && signal <= NSIG)) return -EINVAL;
  if (!maySignal(task, process, signal)) return -EPERM;
  return signal === 0 ? 0 : process.signals.raise(signal, information);
}

export const pidfdCalls: readonly SyscallDefinition[] = [
  call(424, "pidfd_send_signal", ["fd", "signal", "address", "flags"], pidfdSendSignal),
  call(434, "pidfd_open", ["pid", "flags"], pidfdOpen),
];
