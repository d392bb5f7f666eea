/** futex(2), and the robust lists that belong to it. */
import { EAGAIN, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH, ETIMEDOUT } from "../../abi/errno.ts";
import {
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_WAIT,
  FUTEX_WAIT_BITSET,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
  ROBUST_LIST_HEAD_BYTES,
} from "../../abi/futex.ts";
import { addWaiter, type FutexWaiter, futexKey, removeWaiter, requeueWaiters, wakeWaiters } from "../task/futex.ts";
import { BLOCKED, type Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { readTimeout } from "./timespec.ts";

function wait(
  task: Task,
  address: number,
  isPrivate: boolean,
  expected: number,
  timeoutAddress: number,
  bitset: number,
  operation: number,
): number {
  if (bitset === 0) return -EINVAL;
  let waiter = task.scratch as FutexWaiter | null;
  if (waiter === null) {
    const { memory } = task.process;
    if (timeoutAddress !== 0) {
      const timeout = readTimeout(memory, timeoutAddress);
      if (timeout < 0) return timeout;
      // FUTEX_WAIT's time-out is relative, that of FUTEX_WAIT_BITSET absolute.
      const isAbsolute = (operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) === FUTEX_WAIT_BITSET;
      const { clock } = task.system;
      const now =
        (operation & FUTEX_CLOCK_REALTIME) !== 0 ? clock.realtimeMilliseconds() : clock.monotonicMilliseconds();
      task.setTimeout(isAbsolute ? Math.max(0, timeout - now) : timeout);
    }
    if (memory.readUint32(address) !== expected >>> 0) return -EAGAIN;
    waiter = addWaiter(task, futexKey(task.process, address, isPrivate), bitset);
    task.scratch = waiter;
  }
  if (waiter.isWoken) return 0;
  const result = task.block(-ETIMEDOUT);
  if (result !== BLOCKED) removeWaiter(waiter);
  return result;
}

/** FUTEX_WAKE_OP's operation on the second word; its old value, or -EINVAL below zero. */
function operate(task: Task, address: number, encoded: number): number {
  const { memory } = task.process;
  const operation = (encoded >>> 28) & 7;
  let argument = (encoded << 8) >> 20;
  if ((encoded & 0x8000_0000) !== 0) argument = 1 << (argument & 31);
  const before = memory.readInt32(address);
  const after = [argument, before + argument, before | argument, before & ~argument, before ^ argument][operation];
  if (after === undefined) return -EINVAL;
  memory.writeUint32(address, after >>> 0);
  return before;
}

function compares(encoded: number, value: number): boolean {
  const argument = (encoded << 20) >> 20;
  switch ((encoded >>> 24) & 15) {
    case 0:
      return value === argument;
    case 1:
      return value !== argument;
    case 2:
      return value < argument;
    case 3:
      return value <= argument;
    case 4:
      return value > argument;
    default:
      return value >= argument;
  }
}

export function futex(
  task: Task,
  address: number,
  operation: number,
  value: number,
  fourth: number,
  address2: number,
  value3: number,
): number {
  const isPrivate = (operation & FUTEX_PRIVATE_FLAG) !== 0;
  const command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const { memory, process } = { memory: task.process.memory, process: task.process };
  if ((operation & FUTEX_CLOCK_REALTIME) !== 0 && command !== FUTEX_WAIT_BITSET && command !== FUTEX_WAIT)
    return -ENOSYS;
  if (address % 4 !== 0) return -EINVAL;
  if (!memory.isValid(address, 4)) return -EFAULT;
  const bitset = command === FUTEX_WAIT_BITSET || command === FUTEX_WAKE_BITSET ? value3 : FUTEX_BITSET_MATCH_ANY;
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      return wait(task, address, isPrivate, value, fourth, bitset, operation);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
      if (bitset === 0) return -EINVAL;
      // Linux wakes one for 0 or less.
      return wakeWaiters(futexKey(process, address, isPrivate), Math.max(1, value), bitset);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      if (address2 % 4 !== 0) return -EINVAL;
      if (!memory.isValid(address2, 4)) return -EFAULT;
      if (value < 0 || (fourth | 0) < 0) return -EINVAL;
      if (command === FUTEX_CMP_REQUEUE && memory.readInt32(address) !== (value3 | 0)) return -EAGAIN;
      const from = futexKey(process, address, isPrivate);
      const woken = wakeWaiters(from, value, FUTEX_BITSET_MATCH_ANY);
      return woken + requeueWaiters(from, futexKey(process, address2, isPrivate), fourth | 0);
    }
    case FUTEX_WAKE_OP: {
      if (address2 % 4 !== 0) return -EINVAL;
      if (!memory.isValid(address2, 4)) return -EFAULT;
      if (((value3 >>> 28) & 7) > 4 || ((value3 >>> 24) & 15) > 5) return -ENOSYS;
      const before = operate(task, address2, value3);
      let woken = wakeWaiters(futexKey(process, address, isPrivate), Math.max(1, value), FUTEX_BITSET_MATCH_ANY);
      if (compares(value3, before))
        woken += wakeWaiters(futexKey(process, address2, isPrivate), Math.max(1, fourth | 0), FUTEX_BITSET_MATCH_ANY);
      return woken;
    }
    default:
      return -ENOSYS;
  }
}

export function setRobustList(task: Task, head: number, byteLength: number): number {
  if (byteLength !== ROBUST_LIST_HEAD_BYTES) return -EINVAL;
  task.thread.robustList = head;
  return 0;
}

export function getRobustList(task: Task, threadId: number, headAddress: number, lengthAddress: number): number {
  const { memory, processId } = task.process;
  const thread = threadId === 0 ? task.thread : task.system.processes.thread(threadId);
  if (thread === null) return -ESRCH;
  if (thread.process.processId !== processId) return -EPERM;
  if (!memory.isValid(lengthAddress, 8) || !memory.isValid(headAddress, 8)) return -EFAULT;
  memory.writeInt64(lengthAddress, ROBUST_LIST_HEAD_BYTES);
  memory.writeInt64(headAddress, thread.robustList);
  return 0;
}

/** Cleared and woken as a futex when the thread ends. */
export function setTidAddress(task: Task, address: number): number {
  task.thread.clearChildTid = address;
  return task.threadId;
}

export const futexCalls: readonly SyscallDefinition[] = [
  call(96, "set_tid_address", ["address"], setTidAddress),
  call(98, "futex", ["address", "int", "int", "address", "address", "int"], futex),
  call(99, "set_robust_list", ["address", "size"], setRobustList),
  call(100, "get_robust_list", ["pid", "address", "address"], getRobustList),
];
