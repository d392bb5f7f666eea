/**
 * Who watches which file (inotify(7)). The calls on files tell what happened here; while nobody watches anything, that costs them
 * one look. Files are known by device and number, since file systems may make several inodes for one file.
 */
import { IN_ISDIR } from "../../abi/inotify.ts";
import type { Dentry, Inode } from "./inode.ts";

/** Takes the events of the files it watches. */
export interface Watcher {
  /** `name` is the entry's of a watched directory; empty for the watched file itself. */
  happened(key: string, mask: number, name: string, cookie: number): void;
}

/** What tells one file from all others; null if it cannot be asked. */
export function watchKey(inode: Inode): string | null {
  const status = inode.status();
  return typeof status === "number" ? null : `${status.device}:${status.inode}`;
}

export class WatchTable {
  private readonly watchers = new Map<string, Set<Watcher>>();
  private cookies = 0;

  get isEmpty(): boolean {
    return this.watchers.size === 0;
  }

  add(key: string, watcher: Watcher): void {
    const there = this.watchers.get(key);
    if (there === undefined) this.watchers.set(key, new Set([watcher]));
    else there.add(watcher);
  }

  remove(key: string, watcher: Watcher): void {
    const there = this.watchers.get(key);
    if (there === undefined) return;
    there.delete(watcher);
    if (there.size === 0) this.watchers.delete(key);
  }

  /** Joins the two events of one rename. */
  nextCookie(): number {
    this.cookies = (this.cookies + 1) >>> 0 || 1;
    return this.cookies;
  }

  /** Something happened to a file: told to who watches it, and to who watches the directory that its name is in. */
  happened(dentry: Dentry, mask: number): void {
    if (this.isEmpty) return;
    const kind = dentry.inode.isDirectory ? IN_ISDIR : 0;
    if (dentry.parent !== null && !dentry.isDeleted) this.tell(dentry.parent.inode, mask | kind, dentry.name, 0);
    this.tell(dentry.inode, mask | kind, "", 0);
  }

  /** Something happened to an entry of a directory. */
  entryHappened(directory: Inode, name: string, mask: number, cookie = 0): void {
    if (!this.isEmpty) this.tell(directory, mask, name, cookie);
  }

  /** Something happened to a file whatever its names are. */
  selfHappened(inode: Inode, mask: number): void {
    if (!this.isEmpty) this.tell(inode, mask, "", 0);
  }

  private tell(inode: Inode, mask: number, name: string, cookie: number): void {
    const key = watchKey(inode);
    if (key === null) return;
    const there = this.watchers.get(key);
    if (there === undefined) return;
    for (const watcher of [...there]) watcher.happened(key, mask, name, cookie);
  }
}
