/** inotify(7): what happens to watched files, read as a row of events. */
import { EAGAIN, EEXIST, EFAULT, EINVAL, ENOSPC, ENOTTY } from "../../abi/errno.ts";
import { FIONREAD, O_RDONLY } from "../../abi/file.ts";
import {
  IN_ALL_EVENTS,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_ISDIR,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
  INOTIFY_EVENT_BYTES,
} from "../../abi/inotify.ts";
import { POLLIN } from "../../abi/poll.ts";
import { AnonymousFile } from "../file/anonymous-file.ts";
import type { OpenFileCount } from "../file/open-file.ts";
import type { Watcher, WatchTable } from "./watches.ts";

/** fs.inotify.max_queued_events and max_user_watches. */
export const QUEUED_EVENTS_MAXIMUM = 16_384;
export const WATCHES_MAXIMUM = 8192;
/** Nothing is mapped below. */
const NULL_GUARD_BYTES = 4096;

interface Watch {
  readonly descriptor: number;
  readonly key: string;
  mask: number;
}

interface QueuedEvent {
  readonly watch: number;
  readonly mask: number;
  readonly cookie: number;
  /** With a NUL, filled up to a multiple of 16; empty where there is none. */
  readonly name: Uint8Array;
}

const encoder = new TextEncoder();

function paddedName(name: string): Uint8Array {
  if (name === "") return new Uint8Array(0);
  const bytes = encoder.encode(name);
  const padded = new Uint8Array(Math.ceil((bytes.length + 1) / INOTIFY_EVENT_BYTES) * INOTIFY_EVENT_BYTES);
  padded.set(bytes);
  return padded;
}

export class InotifyFile extends AnonymousFile implements Watcher {
  private readonly table: WatchTable;
  private readonly byDescriptor = new Map<number, Watch>();
  private readonly byKey = new Map<string, Watch>();
  private lastDescriptor = 0;
  private events: QueuedEvent[] = [];
  private hasOverflowed = false;

  constructor(files: OpenFileCount, table: WatchTable, flags: number) {
    super("inotify", files, flags | O_RDONLY);
    this.table = table;
  }

  /** inotify_add_watch(2): the number of the watch, or -errno. */
  watch(key: string, mask: number): number {
    const there = this.byKey.get(key);
    const events = (mask & (IN_ALL_EVENTS | IN_ONESHOT)) >>> 0;
    if (there !== undefined) {
      if ((mask & IN_MASK_CREATE) !== 0) return -EEXIST;
      there.mask = (mask & IN_MASK_ADD) !== 0 ? there.mask | events : events;
      return there.descriptor;
    }
    if (this.byKey.size >= WATCHES_MAXIMUM) return -ENOSPC;
    const watch = { descriptor: ++this.lastDescriptor, key, mask: events };
    this.byKey.set(key, watch);
    this.byDescriptor.set(watch.descriptor, watch);
    this.table.add(key, this);
    return watch.descriptor;
  }

  /** inotify_rm_watch(2). */
  unwatch(descriptor: number): number {
    const watch = this.byDescriptor.get(descriptor);
    if (watch === undefined) return -EINVAL;
    this.forget(watch);
    return 0;
  }

  happened(key: string, mask: number, name: string, cookie: number): void {
    const watch = this.byKey.get(key);
    if (watch === undefined) return;
    if ((watch.mask & mask & IN_ALL_EVENTS) !== 0) {
      // A file tells of its own end without saying what it was.
      const shown = name === "" && (mask & IN_DELETE_SELF) !== 0 ? mask & ~IN_ISDIR : mask;
      this.enqueue({ watch: watch.descriptor, mask: shown >>> 0, cookie, name: paddedName(name) });
      if ((watch.mask & IN_ONESHOT) !== 0) this.forget(watch);
    }
    if ((mask & IN_DELETE_SELF) !== 0 && name === "" && this.byKey.get(key) === watch) this.forget(watch);
  }

  override get canWrite(): boolean {
    return false;
  }

  override readiness(): number {
    return this.events.length > 0 ? POLLIN : 0;
  }

  /** As many whole events as there is room for; -EINVAL if not even the first fits. */
  override read(buffer: Uint8Array, offset: number, length: number): number {
    let done = 0;
    let count = 0;
    for (const event of this.events) {
      const size = INOTIFY_EVENT_BYTES + event.name.length;
      if (done + size > length) break;
      const view = new DataView(buffer.buffer, buffer.byteOffset + offset + done, size);
      view.setInt32(0, event.watch, true);
      view.setUint32(4, event.mask, true);
      view.setUint32(8, event.cookie, true);
      view.setUint32(12, event.name.length, true);
      buffer.set(event.name, offset + done + INOTIFY_EVENT_BYTES);
      done += size;
      count++;
    }
    if (count === 0) return this.events.length === 0 ? -EAGAIN : -EINVAL;
    this.events = this.events.slice(count);
    if (this.events.length === 0) this.hasOverflowed = false;
    return done;
  }

  override control(request: number, argument: number, memory: Uint8Array): number {
    if (request !== FIONREAD) return -ENOTTY;
    if (argument < NULL_GUARD_BYTES || argument + 4 > memory.length) return -EFAULT;
    const bytes = this.events.reduce((sum, { name }) => sum + INOTIFY_EVENT_BYTES + name.length, 0);
    new DataView(memory.buffer).setInt32(argument, bytes, true);
    return 0;
  }

  protected release(): void {
    for (const watch of this.byDescriptor.values()) this.table.remove(watch.key, this);
    this.byDescriptor.clear();
    this.byKey.clear();
    this.events.length = 0;
  }

  private forget(watch: Watch): void {
    this.byKey.delete(watch.key);
    this.byDescriptor.delete(watch.descriptor);
    this.table.remove(watch.key, this);
    this.enqueue({ watch: watch.descriptor, mask: IN_IGNORED, cookie: 0, name: new Uint8Array(0) });
  }

  private enqueue(event: QueuedEvent): void {
    const last = this.events.at(-1);
    // The same as what waits last already says nothing new.
    if (last !== undefined && isSame(last, event)) return;
    if (this.events.length >= QUEUED_EVENTS_MAXIMUM) {
      if (this.hasOverflowed) return;
      this.hasOverflowed = true;
      this.events.push({ watch: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: new Uint8Array(0) });
    } else this.events.push(event);
    this.notify(POLLIN);
  }
}

function isSame(one: QueuedEvent, other: QueuedEvent): boolean {
  return (
    one.watch === other.watch &&
    one.mask === other.mask &&
    one.cookie === other.cookie &&
    one.name.length === other.name.length &&
    one.name.every((byte, index) => byte === other.name[index])
  );
}
