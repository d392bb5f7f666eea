/**
 * Threads that can go on, and whose turn it is. The control group that has run least comes first, and within it one thread after
 * the other: so one program gets as much of the time as another, however many threads and children it has, and however long a
 * single call of theirs takes.
 */
import type { ControlGroup } from "../task/control-group.ts";
import type { MachineThread } from "./machine-thread.ts";

/** Who has waited may run this much before those that have not; more is not saved up. */
const CREDIT_MILLISECONDS = 4;

/** A queue whose front is moved on rather than taken off. */
class Queue<T> {
  private items: T[] = [];
  private front = 0;

  get length(): number {
    return this.items.length - this.front;
  }

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | undefined {
    if (this.front >= this.items.length) return undefined;
    const item = this.items[this.front++];
    if (this.front * 2 > this.items.length) {
      this.items.splice(0, this.front);
      this.front = 0;
    }
    return item;
  }
}

export class ReadyThreads {
  /** Of groups with threads that are ready: those that had their turn last stand last. */
  private readonly byGroup = new Map<ControlGroup, Queue<MachineThread>>();
  private count = 0;
  /** What the group that had the last turn had run before it. */
  private reached = 0;

  get size(): number {
    return this.count;
  }

  add(thread: MachineThread): void {
    const { group } = thread.process;
    let threads = this.byGroup.get(group);
    if (threads === undefined) {
      threads = new Queue();
      this.byGroup.set(group, threads);
      group.runMilliseconds = Math.max(group.runMilliseconds, this.reached - CREDIT_MILLISECONDS);
    }
    threads.push(thread);
    this.count++;
  }

  /** The thread whose turn it is, not in here any more. */
  take(): MachineThread | null {
    let group: ControlGroup | null = null;
    for (const other of this.byGroup.keys()) {
      if (group === null || other.runMilliseconds < group.runMilliseconds) group = other;
    }
    if (group === null) return null;
    const threads = this.byGroup.get(group) as Queue<MachineThread>;
    const thread = threads.shift() as MachineThread;
    this.byGroup.delete(group);
    if (threads.length > 0) this.byGroup.set(group, threads);
    this.count--;
    this.reached = Math.max(this.reached, group.runMilliseconds);
    return thread;
  }
}
