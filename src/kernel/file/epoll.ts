/**
 * epoll(7). A set watches files through their wait queues; a file that wakes puts its item on the set's ready list, and
 * epoll_wait looks at that list alone. Ten thousand idle files cost memory and no time.
 */
import { EEXIST, EINVAL, ELOOP, ENOENT } from "../../abi/errno.ts";
import { O_RDWR } from "../../abi/file.ts";
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, POLLERR, POLLHUP, POLLIN, POLLRDNORM } from "../../abi/poll.ts";
import { WaitEntry, type Waiter } from "../../base/wait-queue.ts";
import { AnonymousFile } from "./anonymous-file.ts";
import type { OpenFile, OpenFileCount, ReleaseListener } from "./open-file.ts";

/** Sets within sets, at most (EP_MAX_NESTS and the outermost one). */
const MAXIMUM_DEPTH = 5;
/** The flags among the event bits that say how to report, not what. */
const EVENT_BITS = 0x0fff_ffff;

/** What one call of epoll_wait reports for a file. */
export type EventSink = (index: number, events: number, dataLow: number, dataHigh: number) => void;

class EpollItem implements Waiter {
  readonly epoll: Epoll;
  readonly file: OpenFile;
  readonly descriptor: number;
  readonly entry: WaitEntry = new WaitEntry(this);
  /** As the program gave them, with EPOLLET and EPOLLONESHOT. */
  events = 0;
  /** What is reported: the events asked for, and errors; 0 after a one-shot report. */
  mask = 0;
  dataLow = 0;
  dataHigh = 0;
  isReady = false;
  next: EpollItem | null = null;
  previous: EpollItem | null = null;
  /** Further items for the same file, under other descriptors. */
  sibling: EpollItem | null = null;

  constructor(epoll: Epoll, file: OpenFile, descriptor: number) {
    this.epoll = epoll;
    this.file = file;
    this.descriptor = descriptor;
  }

  wake(events: number): void {
    if ((this.mask & events) === 0) return;
    const wasReady = this.isReady;
    if (!wasReady) this.epoll.pushReady(this);
    // An inner set that is on the list already has been told on: without this, sets in sets could multiply a wake-up.
    if (wasReady && this.file instanceof Epoll) return;
    this.epoll.notify(POLLIN | POLLRDNORM);
  }
}

export class Epoll extends AnonymousFile implements ReleaseListener {
  /** Linux keeps items by file and descriptor: a descriptor may be closed while a duplicate keeps its file here. */
  private readonly items = new Map<OpenFile, EpollItem>();
  private readyHead: EpollItem | null = null;
  private readyTail: EpollItem | null = null;
  private readyCount = 0;
  /** Sets that watch this one. */
  private readonly parents = new Set<Epoll>();

  constructor(files: OpenFileCount) {
    super("eventpoll", files, O_RDWR);
  }

  override get canRead(): boolean {
    return false;
  }

  override get canWrite(): boolean {
    return false;
  }

  override control(): number {
    return -EINVAL;
  }

  /** EPOLL_CTL_ADD: 0, -EEXIST, -EINVAL (itself), -ELOOP. */
  add(descriptor: number, file: OpenFile, events: number, dataLow: number, dataHigh: number): number {
    if (this.find(file, descriptor) !== null) return -EEXIST;
    if (file instanceof Epoll) {
      if (file === this) return -EINVAL;
      if (file.reaches(this) || file.depthBelow() + 1 + this.depthAbove() > MAXIMUM_DEPTH) return -ELOOP;
      file.parents.add(this);
    }
    const item = new EpollItem(this, file, descriptor);
    item.sibling = this.items.get(file) ?? null;
    this.items.set(file, item);
    if (item.sibling === null) file.onRelease(this);
    this.watch(item, events, dataLow, dataHigh);
    return 0;
  }

  modify(descriptor: number, file: OpenFile, events: number, dataLow: number, dataHigh: number): number {
    const item = this.find(file, descriptor);
    if (item === null) return -ENOENT;
    // epoll_ctl(2): what was added with EPOLLEXCLUSIVE cannot be changed.
    if ((item.events & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
    this.watch(item, events, dataLow, dataHigh);
    return 0;
  }

  remove(descriptor: number, file: OpenFile): number {
    const item = this.find(file, descriptor);
    if (item === null) return -ENOENT;
    this.unwatch(item);
    let first = this.items.get(file) as EpollItem;
    if (first === item) {
      if (item.sibling === null) this.forgetFile(file);
      else this.items.set(file, item.sibling);
      return 0;
    }
    while (first.sibling !== item) first = first.sibling as EpollItem;
    first.sibling = item.sibling;
    return 0;
  }

  /** Reports up to `most` ready files; returns how many. */
  collect(most: number, report: EventSink): number {
    let reported = 0;
    // Level-triggered items go back to the end of the list; each is looked at once, and the next call begins behind them.
    for (let left = this.readyCount; left > 0 && reported < most; left--) {
      const item = this.readyHead as EpollItem;
      this.dropReady(item);
      const ready = item.file.readiness() & item.mask;
      if (ready === 0) continue;
      report(reported++, ready, item.dataLow, item.dataHigh);
      if ((item.events & EPOLLONESHOT) !== 0) item.mask = 0;
      else if ((item.events & EPOLLET) === 0) this.pushReady(item);
    }
    return reported;
  }

  override readiness(): number {
    while (this.readyHead !== null) {
      if ((this.readyHead.file.readiness() & this.readyHead.mask) !== 0) return POLLIN | POLLRDNORM;
      this.dropReady(this.readyHead);
    }
    return 0;
  }

  /** The last descriptor of a watched file was closed. */
  fileReleased(file: OpenFile): void {
    for (let item = this.items.get(file) ?? null; item !== null; item = item.sibling) this.unwatch(item);
    this.items.delete(file);
    if (file instanceof Epoll) file.parents.delete(this);
  }

  pushReady(item: EpollItem): void {
    item.isReady = true;
    item.next = null;
    item.previous = this.readyTail;
    if (this.readyTail === null) this.readyHead = item;
    else this.readyTail.next = item;
    this.readyTail = item;
    this.readyCount++;
  }

  /** How many files are watched. */
  get size(): number {
    return this.items.size;
  }

  protected release(): void {
    for (const [file, first] of this.items) {
      for (let item: EpollItem | null = first; item !== null; item = item.sibling) this.unwatch(item);
      file.offRelease(this);
      if (file instanceof Epoll) file.parents.delete(this);
    }
    this.items.clear();
  }

  private find(file: OpenFile, descriptor: number): EpollItem | null {
    let item = this.items.get(file) ?? null;
    while (item !== null && item.descriptor !== descriptor) item = item.sibling;
    return item;
  }

  /** Sets what an item watches for, and looks at once whether it is there already. */
  private watch(item: EpollItem, events: number, dataLow: number, dataHigh: number): void {
    item.events = events;
    item.mask = (events & EVENT_BITS) | POLLERR | POLLHUP;
    item.dataLow = dataLow;
    item.dataHigh = dataHigh;
    item.file.waitQueue.add(item.entry, item.mask);
    if ((item.file.readiness() & item.mask) !== 0) {
      if (!item.isReady) this.pushReady(item);
      this.notify(POLLIN | POLLRDNORM);
    }
  }

  private unwatch(item: EpollItem): void {
    item.entry.queue?.remove(item.entry);
    item.mask = 0;
    if (item.isReady) this.dropReady(item);
  }

  private forgetFile(file: OpenFile): void {
    this.items.delete(file);
    file.offRelease(this);
    if (file instanceof Epoll) file.parents.delete(this);
  }

  private dropReady(item: EpollItem): void {
    if (item.previous === null) this.readyHead = item.next;
    else item.previous.next = item.next;
    if (item.next === null) this.readyTail = item.previous;
    else item.next.previous = item.previous;
    item.next = null;
    item.previous = null;
    item.isReady = false;
    this.readyCount--;
  }

  private reaches(target: Epoll, seen: Set<Epoll> = new Set()): boolean {
    if (this === target) return true;
    if (seen.has(this)) return false;
    seen.add(this);
    for (const file of this.items.keys()) {
      if (file instanceof Epoll && file.reaches(target, seen)) return true;
    }
    return false;
  }

  /** Sets on the longest way down from here, this one included. */
  private depthBelow(known: Map<Epoll, number> = new Map()): number {
    let depth = known.get(this);
    if (depth !== undefined) return depth;
    depth = 1;
    for (const file of this.items.keys()) {
      if (file instanceof Epoll) depth = Math.max(depth, 1 + file.depthBelow(known));
    }
    known.set(this, depth);
    return depth;
  }

  /** Sets on the longest way up from here, without this one. */
  private depthAbove(known: Map<Epoll, number> = new Map()): number {
    let depth = known.get(this);
    if (depth !== undefined) return depth;
    depth = 0;
    for (const parent of this.parents) depth = Math.max(depth, 1 + parent.depthAbove(known));
    known.set(this, depth);
    return depth;
  }
}
