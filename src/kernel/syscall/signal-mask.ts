/** Signal sets in user memory, and the temporary mask of ppoll(2), pselect(2), epoll_pwait(2) and rt_sigsuspend(2). */
import { EFAULT, EINTR, EINVAL } from "../../abi/errno.ts";
import { SIGSET_BYTES } from "../../abi/signal.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import type { UserMemory } from "../task/user-memory.ts";

export function readSignalSet(memory: UserMemory, address: number): bigint {
  return memory.view.getBigUint64(address, true);
}

export function writeSignalSet(memory: UserMemory, address: number, mask: bigint): void {
  memory.view.setBigUint64(address, mask, true);
}

/** The mask that was in force before the call; kept in the task while it waits. */
interface SavedMask {
  blocked: bigint;
}

/**
 * Runs `wait` under the signal mask at `address` (none for 0) and puts the old one back when the call ends. A signal that the
 * new mask lets through keeps the call from waiting: EINTR, unless something is ready already. A thread of machine code runs
 * its handler under the new mask still, and gets the old one back behind it.
 */
export function withSignalMask(task: Task, address: number, byteLength: number, wait: (task: Task) => number): number {
  if (address === 0) return wait(task);
  const { thread, process } = task;
  const { memory, signals } = process;
  let saved = task.scratch as SavedMask | null;
  if (saved === null) {
    if (byteLength !== SIGSET_BYTES) return -EINVAL;
    if (!memory.isValid(address, SIGSET_BYTES)) return -EFAULT;
    saved = { blocked: thread.blocked };
    task.scratch = saved;
    const before = signals.handled;
    signals.setBlocked(readSignalSet(memory, address), thread);
    if (process.isMachine ? thread.mustCheckSignals : signals.handled !== before) task.isInterrupted = true;
  }
  const result = wait(task);
  if (result === BLOCKED) return result;
  if (process.isMachine && result === -EINTR) thread.savedMask = saved.blocked;
  else signals.setBlocked(saved.blocked, thread);
  return result;
}
