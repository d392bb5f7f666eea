/**
 * Threads that can go on, and whose turn it is. Control groups take turns first, and within one of them its threads: so one program
 * gets as much of the time as another, however many threads and children it has.
 */
import type { ControlGroup } from "../task/control-group.ts";
import type { MachineThread } from "./machine-thread.ts";

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

interface GroupThreads {
  readonly group: ControlGroup;
  readonly threads: Queue<MachineThread>;
}

export class ReadyThreads {
  /** Groups with threads that are ready. */
  private readonly byGroup = new Map<ControlGroup, GroupThreads>();
  private readonly turns = new Queue<GroupThreads>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(thread: MachineThread): void {
    const { group } = thread.process;
    let those = this.byGroup.get(group);
    if (those === undefined) {
      those = { group, threads: new Queue() };
      this.byGroup.set(group, those);
      this.turns.push(those);
    }
    those.threads.push(thread);
    this.count++;
  }

  /** The thread whose turn it is, not in here any more. */
  take(): MachineThread | null {
    const those = this.turns.shift();
    const thread = those?.threads.shift();
    if (those === undefined || thread === undefined) return null;
    this.count--;
    if (those.threads.length > 0) this.turns.push(those);
    else this.byGroup.delete(those.group);
    return thread;
  }
}
