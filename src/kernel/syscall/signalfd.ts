/** signalfd4(2). */
import { EBADF, EFAULT, EINVAL } from "../../abi/errno.ts";
import { SFD_CLOEXEC, SFD_NONBLOCK } from "../../abi/event.ts";
import { FD_CLOEXEC } from "../../abi/file.ts";
import { SIGSET_BYTES } from "../../abi/signal.ts";
import { SignalFile } from "../task/signal-file.ts";
import { UNBLOCKABLE } from "../task/signals.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { readSignalSet } from "./signal-mask.ts";

/** With a descriptor of -1 a new file; otherwise another mask for the one there. */
export function signalfd4(task: Task, fd: number, maskAddress: number, maskBytes: number, flags: number): number {
  const { descriptors, memory } = task.process;
  if (maskBytes !== SIGSET_BYTES) return -EINVAL;
  if (!memory.isValid(maskAddress, SIGSET_BYTES)) return -EFAULT;
  if ((flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)) !== 0) return -EINVAL;
  const mask = readSignalSet(memory, maskAddress) & ~UNBLOCKABLE;
  if ((fd | 0) === -1) {
    const room = descriptors.checkRoom();
    if (room < 0) return room;
    const file = new SignalFile(task.process, mask, flags & SFD_NONBLOCK);
    return descriptors.install(file, (flags & SFD_CLOEXEC) !== 0 ? FD_CLOEXEC : 0);
  }
  const file = descriptors.get(fd);
  if (file === null) return -EBADF;
  if (!(file instanceof SignalFile)) return -EINVAL;
  file.mask = mask;
  if (file.readiness() !== 0) file.notify(file.readiness());
  return fd;
}

export const signalfdCalls: readonly SyscallDefinition[] = [
  call(74, "signalfd4", ["fd", "signal-set", "size", "signalfd-flags"], signalfd4),
];
