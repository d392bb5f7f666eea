/**
 * From a path to a file: path_resolution(7). One loop over the components, with symlinks, `..`, mount points and the process's
 * root; no recursion, so no path can make it deep. Rules of Linux where POSIX leaves a choice.
 */
import { ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EXDEV } from "../../abi/errno.ts";
import { NAME_MAX, PATH_MAX, X_OK } from "../../abi/file.ts";
import type { FileSystemContext, WalkRestrictions } from "./file-system-context.ts";
import type { Dentry, Inode } from "./inode.ts";
import type { Mount } from "./mount-table.ts";
import { checkAccess } from "./permission.ts";

/** Symlinks followed in one walk before it is ELOOP. */
export const SYMLINKS_MAXIMUM = 40;

/** A place in the tree: a name of a file, and the mount it was reached through. */
export class PathNode {
  readonly mount: Mount;
  readonly dentry: Dentry;

  constructor(mount: Mount, dentry: Dentry) {
    this.mount = mount;
    this.dentry = dentry;
  }

  get inode(): Inode {
    return this.dentry.inode;
  }

  get name(): string {
    return this.dentry.name;
  }

  /** An entry of this directory, in the same mount. */
  child(dentry: Dentry): PathNode {
    return new PathNode(this.mount, dentry);
  }

  equals(other: PathNode): boolean {
    return this.mount === other.mount && this.dentry === other.dentry;
  }
}

export interface WalkOptions {
  /** Where a relative path begins; the working directory by default. */
  start?: PathNode;
  /** Follow a symlink in the last place; true by default. A trailing slash follows it in any case. */
  followLast?: boolean;
}

/** The directory that a last component stands in, for calls that make, remove or rename it. */
export interface ParentNode {
  parent: PathNode;
  /** The last component; "." or ".." as they stand in the path, "" for the path "/". */
  name: string;
  /** The path ended in a slash. */
  trailingSlash: boolean;
}

/** Resolves a path to the file it names; -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG, or an error of the file system. */
export function walk(context: FileSystemContext, path: string, options?: WalkOptions): PathNode | number {
  const walker = new Walker(context, path, options?.start);
  const error = walker.run(options?.followLast ?? true, false);
  return error < 0 ? error : new PathNode(walker.mount, walker.dentry);
}

/** Resolves all but the last component, which may exist or not. */
export function walkParent(context: FileSystemContext, path: string, start?: PathNode): ParentNode | number {
  const walker = new Walker(context, path, start);
  const error = walker.run(false, true);
  if (error < 0) return error;
  return {
    parent: new PathNode(walker.mount, walker.dentry),
    name: walker.lastName,
    trailingSlash: walker.trailingSlash,
  };
}

/** One component below a directory: mount points are crossed, symlinks are not followed. The name is checked. */
export function lookupChild(parent: PathNode, name: string, context: FileSystemContext): PathNode | number {
  const error = checkName(name);
  if (error < 0) return error;
  const dentry = parent.inode.lookup(parent.dentry, name, context);
  if (typeof dentry === "number") return dentry;
  return coveredBy(parent.mount, dentry);
}

/** The path of a node as seen from `root` (by default from the top); " (deleted)" and "(unreachable)" as Linux marks them. */
export function pathOf(node: PathNode, root?: PathNode): string {
  let { mount, dentry } = node;
  const deleted = dentry.isDeleted ? " (deleted)" : "";
  let path = "";
  for (;;) {
    if (root !== undefined && mount === root.mount && dentry === root.dentry) return (path || "/") + deleted;
    if (dentry === mount.root || dentry.parent === null) {
      const at = mount.mountPoint;
      // Outside of the process's root (chroot), or of an unmounted file system.
      if (at === null) return (root === undefined ? "" : "(unreachable)") + (path || "/") + deleted;
      mount = at.mount;
      dentry = at.dentry;
    } else {
      path = `/${dentry.name}${path}`;
      dentry = dentry.parent;
    }
  }
}

/** -ENAMETOOLONG for a component of more than 255 bytes of UTF-8; 0 otherwise. */
export function checkName(name: string): number {
  if (name.length * 3 <= NAME_MAX) return 0;
  return name.length > NAME_MAX || utf8Length(name) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/** -ENAMETOOLONG for a path that with its NUL is longer than PATH_MAX bytes; 0 otherwise. */
export function checkPath(path: string): number {
  if (path.length * 3 < PATH_MAX) return 0;
  return path.length >= PATH_MAX || utf8Length(path) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

function utf8Length(text: string): number {
  let length = 0;
  for (let k = 0; k < text.length; k++) {
    const unit = text.charCodeAt(k);
    // A surrogate pair is four bytes: two for each half.
    length += unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3;
  }
  return length;
}

/** What shows at a dentry: the root of the topmost mount over it, or itself. */
function coveredBy(mount: Mount, dentry: Dentry): PathNode {
  while (dentry.mountCount > 0) {
    const over = mount.children.get(dentry);
    if (over === undefined) break;
    mount = over;
    dentry = over.root;
  }
  return new PathNode(mount, dentry);
}

/** A link that leads to an object jumps there: out of any directory, and of the mount. */
export function checkMagicLink(restrictions: WalkRestrictions, object: PathNode | number, mount: Mount): number {
  if (restrictions.noMagicLinks || restrictions.noSymlinks) return -ELOOP;
  if (restrictions.noJumps) return -EXDEV;
  return restrictions.withinMount && typeof object !== "number" && object.mount !== mount ? -EXDEV : 0;
}

class Walker {
  mount: Mount;
  dentry: Dentry;
  lastName = "";
  trailingSlash = false;
  private readonly context: FileSystemContext;
  private readonly startError: number = 0;
  private rest: string;
  private position = 0;
  private symlinks = 0;

  constructor(context: FileSystemContext, path: string, start: PathNode | undefined) {
    this.context = context;
    this.rest = path;
    const from = path.charCodeAt(0) === SLASH ? context.root : (start ?? context.workingDirectory);
    this.mount = from.mount;
    this.dentry = from.dentry;
    if (path === "") this.startError = -ENOENT;
    else if (path.charCodeAt(0) === SLASH && context.restrictions?.beneath != null) this.startError = -EXDEV;
    else if (from !== context.root) this.startError = from.inode.revalidate(from.dentry);
    if (this.startError === 0) this.startError = checkPath(path);
  }

  /** Goes to the end, or with `stopAtParent` to the directory of the last component. */
  run(followLast: boolean, stopAtParent: boolean): number {
    if (this.startError < 0) return this.startError;
    for (;;) {
      const { rest } = this;
      let from = this.position;
      while (rest.charCodeAt(from) === SLASH) from++;
      if (from >= rest.length) {
        // "/" or "link/" whose target ended in slashes: there is no further component.
        if (stopAtParent) {
          this.lastName = "";
          return 0;
        }
        return this.trailingSlash && !this.dentry.inode.isDirectory ? -ENOTDIR : 0;
      }
      if (!this.dentry.inode.isDirectory) return -ENOTDIR;
      if (this.context.identity !== undefined) {
        const denied = checkAccess(this.dentry.inode, this.context, X_OK);
        if (denied < 0) return denied;
      }
      let end = rest.indexOf("/", from);
      if (end < 0) end = rest.length;
      const name = from === 0 && end === rest.length ? rest : rest.slice(from, end);
      let next = end;
      while (rest.charCodeAt(next) === SLASH) next++;
      const isLast = next >= rest.length;
      this.trailingSlash = isLast && next > end;
      this.position = next;
      if (isLast && stopAtParent) {
        this.lastName = name;
        return checkName(name);
      }
      const error = this.step(name, !isLast || followLast || this.trailingSlash);
      if (error < 0) return error;
    }
  }

  private step(name: string, followSymlink: boolean): number {
    if (name === ".") return 0;
    const { restrictions } = this.context;
    if (name === "..") {
      const { mount } = this;
      if (restrictions?.beneath != null && this.isAt(restrictions.beneath)) return -EXDEV;
      this.up();
      return restrictions?.withinMount === true && this.mount !== mount ? -EXDEV : 0;
    }
    const error = checkName(name);
    if (error < 0) return error;
    const parent = this.dentry;
    const found = parent.inode.lookup(parent, name, this.context);
    if (typeof found === "number") return found;
    if (found.inode.isSymlink && followSymlink) return this.follow(found.inode);
    this.dentry = found;
    if (found.mountCount > 0) {
      if (restrictions?.withinMount === true) return -EXDEV;
      const top = coveredBy(this.mount, found);
      this.mount = top.mount;
      this.dentry = top.dentry;
    }
    return 0;
  }

  private isAt(node: PathNode): boolean {
    return this.dentry === node.dentry && this.mount === node.mount;
  }

  /** Goes one up: stays at the process's root, and leaves a mount through the directory it covers. */
  private up(): void {
    const { root } = this.context;
    for (;;) {
      if (this.dentry === root.dentry && this.mount === root.mount) return;
      if (this.dentry !== this.mount.root) break;
      const at = this.mount.mountPoint;
      if (at === null) return;
      this.mount = at.mount;
      this.dentry = at.dentry;
    }
    if (this.dentry.parent !== null) this.dentry = this.dentry.parent;
    // Something may be mounted over the directory we came up to.
    if (this.dentry.mountCount > 0) {
      const top = coveredBy(this.mount, this.dentry);
      this.mount = top.mount;
      this.dentry = top.dentry;
    }
  }

  /** Puts the link's target in front of what is left of the path. */
  private follow(link: Inode): number {
    const { restrictions } = this.context;
    if (++this.symlinks > SYMLINKS_MAXIMUM || restrictions?.noSymlinks === true) return -ELOOP;
    const object = link.followLink(this.context);
    if (object !== null) {
      if (restrictions !== undefined) {
        const refused = checkMagicLink(restrictions, object, this.mount);
        if (refused < 0) return refused;
      }
      if (typeof object === "number") return object;
      this.mount = object.mount;
      this.dentry = object.dentry;
      return 0;
    }
    const target = link.readLink(this.context);
    if (typeof target === "number") return target;
    if (target === "") return -ENOENT;
    const slash = this.trailingSlash ? "/" : "";
    const rest = this.position >= this.rest.length ? slash : `/${this.rest.slice(this.position)}`;
    this.rest = target + rest;
    this.position = 0;
    this.trailingSlash = false;
    if (target.charCodeAt(0) === SLASH) {
      if (restrictions?.beneath != null) return -EXDEV;
      if (restrictions?.withinMount === true && this.mount !== this.context.root.mount) return -EXDEV;
      this.mount = this.context.root.mount;
      this.dentry = this.context.root.dentry;
    }
    return 0;
  }
}

const SLASH = 0x2f;
