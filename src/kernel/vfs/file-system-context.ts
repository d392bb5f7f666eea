/** What path walks of one process start from: its root, its working directory, and the umask for new files. */
import type { PathNode } from "./path-walk.ts";
import type { FileIdentity } from "./permission.ts";

export interface WalkRestrictions {
  /** Not into another mount: EXDEV. */
  readonly withinMount: boolean;
  /** Not through symlinks: ELOOP; or only not through those of /proc that lead to an object. */
  readonly noSymlinks: boolean;
  readonly noMagicLinks: boolean;
  /** Not out of this directory, by .. or an absolute path: EXDEV. */
  readonly beneath: PathNode | null;
  /** Not by a link that leads to an object and not to a path: EXDEV. */
  readonly noJumps: boolean;
}

export interface FileSystemContext {
  root: PathNode;
  workingDirectory: PathNode;
  /** Permission bits that new files do not get: 0o022. */
  umask: number;
  /** Whose view this is: what /proc/self leads to. Absent for the kernel's own walks. */
  processId?: number;
  /** Whose permissions count; undefined for root and the kernel itself, who may do everything. */
  identity?: FileIdentity | undefined;
  /** openat2(2): what a walk may not do; undefined where all is allowed. */
  restrictions?: WalkRestrictions;
  /** To whom new files belong: root where it is absent. */
  owner?: FileIdentity;
}
