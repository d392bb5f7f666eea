/**
 * Futexes: who waits for a word of memory. A word is known by the memory and its address, or where it lies in a shared mapping
 * by the shared object and its offset there, so that processes with memories of their own meet.
 */
import {
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  ROBUST_LIST_HEAD_BYTES,
  ROBUST_LIST_LIMIT,
} from "../../abi/futex.ts";
import type { Process } from "./process.ts";
import { type Task, TaskState } from "./task.ts";

/** One task that waits for one word. */
export interface FutexWaiter {
  readonly task: Task;
  readonly bitset: number;
  isWoken: boolean;
  key: FutexKey;
}

export interface FutexKey {
  readonly table: Map<number, FutexWaiter[]>;
  readonly offset: number;
}

const tables = new WeakMap<object, Map<number, FutexWaiter[]>>();

/** Which futex the word at an address is. */
export function futexKey(process: Process, address: number, isPrivate: boolean): FutexKey {
  const area = isPrivate || !process.isMachine ? null : process.addressSpace.list.find(address);
  const owner = area?.shared ?? process.memory;
  let table = tables.get(owner);
  if (table === undefined) {
    table = new Map();
    tables.set(owner, table);
  }
  return { table, offset: area !== null && area.shared !== null ? area.offsetAt(address) : address };
}

export function addWaiter(task: Task, key: FutexKey, bitset: number): FutexWaiter {
  const waiter: FutexWaiter = { task, bitset, isWoken: false, key };
  const waiting = key.table.get(key.offset);
  if (waiting === undefined) key.table.set(key.offset, [waiter]);
  else waiting.push(waiter);
  task.whenAbandoned = () => removeWaiter(waiter);
  return waiter;
}

export function removeWaiter(waiter: FutexWaiter): void {
  const { table, offset } = waiter.key;
  const waiting = table.get(offset);
  if (waiting === undefined) return;
  const index = waiting.indexOf(waiter);
  if (index >= 0) waiting.splice(index, 1);
  if (waiting.length === 0) table.delete(offset);
}

/** Wakes up to `count` waiters whose bitset meets this one, the longest waiting first; how many. */
export function wakeWaiters({ table, offset }: FutexKey, count: number, bitset: number): number {
  const waiting = table.get(offset);
  if (waiting === undefined) return 0;
  let woken = 0;
  for (const waiter of [...waiting]) {
    if (woken >= count) break;
    if ((waiter.bitset & bitset) === 0 || waiter.task.state === TaskState.dead) continue;
    waiter.isWoken = true;
    removeWaiter(waiter);
    waiter.task.wake();
    woken++;
  }
  return woken;
}

/** Moves up to `count` waiters to another word; how many. */
export function requeueWaiters(from: FutexKey, to: FutexKey, count: number): number {
  let moved = 0;
  for (const waiter of [...(from.table.get(from.offset) ?? [])]) {
    if (moved >= count) break;
    removeWaiter(waiter);
    waiter.key = to;
    const waiting = to.table.get(to.offset);
    if (waiting === undefined) to.table.set(to.offset, [waiter]);
    else waiting.push(waiter);
    moved++;
  }
  return moved;
}

/** Wakes waiters of a word that the kernel itself has changed. */
export function wakeFutex(process: Process, address: number, count: number): void {
  const woken = wakeWaiters(futexKey(process, address, true), count, FUTEX_BITSET_MATCH_ANY);
  if (woken < count && process.isMachine)
    wakeWaiters(futexKey(process, address, false), count - woken, FUTEX_BITSET_MATCH_ANY);
}

/** Marks the robust futexes that a thread held as abandoned and wakes a waiter of each (get_robust_list(2)). */
export function releaseRobustFutexes(process: Process, head: number, threadId: number): void {
  const { memory } = process;
  if (!memory.isValid(head, ROBUST_LIST_HEAD_BYTES)) return;
  const futexOffset = memory.readInt64(head + 8);
  const release = (entry: number, isPending: boolean): void => {
    const word = entry + futexOffset;
    if (!Number.isSafeInteger(word) || !memory.isValid(word, 4) || word % 4 !== 0) return;
    const value = memory.readUint32(word);
    // Given back, but who waits may not have been woken yet.
    if (isPending && value === 0) wakeFutex(process, word, 1);
    if ((value & FUTEX_TID_MASK) !== threadId) return;
    memory.writeUint32(word, ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0);
    if ((value & FUTEX_WAITERS) !== 0) wakeFutex(process, word, 1);
  };
  const pending = memory.readInt64(head + 16);
  // The lowest bit tells of priority inheritance, which there is none of here.
  let entry = memory.readInt64(head);
  for (let count = 0; count < ROBUST_LIST_LIMIT && entry !== head; count++) {
    const at = entry - (entry % 2);
    if (!memory.isValid(at, 8)) break;
    const next = memory.readInt64(at);
    if (at !== pending) release(at, false);
    entry = next;
  }
  if (pending !== 0) release(pending - (pending % 2), true);
}
