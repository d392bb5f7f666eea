/**
 * Who waits for what. A wait queue belongs to something that can become ready (a socket, a pipe, a child process);
 * waiters are parked tasks, epoll items and host callbacks. Traffic up the layers goes through here, never through an import.
 */

/** What is told when a queue fires. Must not re-enter the queue's owner: put work on a run queue and return. */
export interface Waiter {
  /** `events` is the readiness mask (POLLIN …) that may have changed; 0xffff for "anything". */
  wake(events: number): void;
}

/** One waiter in one queue. A waiter that waits for several things has several entries. */
export class WaitEntry {
  readonly waiter: Waiter;
  /** Fires only when one of these events does. */
  events = 0xffff;
  queue: WaitQueue | null = null;
  next: WaitEntry | null = null;
  previous: WaitEntry | null = null;

  constructor(waiter: Waiter) {
    this.waiter = waiter;
  }
}

export class WaitQueue {
  private head: WaitEntry | null = null;
  private tail: WaitEntry | null = null;

  get isEmpty(): boolean {
    return this.head === null;
  }

  /** Appends the entry; one that stands in a queue already is moved here. */
  add(entry: WaitEntry, events = 0xffff): void {
    if (entry.queue !== null) entry.queue.remove(entry);
    entry.events = events;
    entry.queue = this;
    entry.previous = this.tail;
    entry.next = null;
    if (this.tail === null) this.head = entry;
    else this.tail.next = entry;
    this.tail = entry;
  }

  /** Takes the entry out; does nothing if it stands elsewhere. */
  remove(entry: WaitEntry): void {
    if (entry.queue !== this) return;
    if (entry.previous === null) this.head = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === null) this.tail = entry.previous;
    else entry.next.previous = entry.previous;
    entry.queue = null;
    entry.next = null;
    entry.previous = null;
  }

  /** Tells every waiter that asked for one of `events`. Waiters stay in the queue until they take themselves out. */
  wake(events = 0xffff): void {
    let entry = this.head;
    while (entry !== null) {
      const next: WaitEntry | null = entry.next;
      if ((entry.events & events) !== 0) entry.waiter.wake(events);
      entry = next;
    }
  }
}
