/** What path walks of one process start from: its root, its working directory, and the umask for new files. */
import type { PathNode } from "./path-walk.ts";
import type { FileIdentity } from "./permission.ts";

export interface FileSystemContext {
  root: PathNode;
  workingDirectory: PathNode;
  /** Permission bits that new files do not get: 0o022. */
  umask: number;
  /** Whose view this is: what /proc/self leads to. Absent for the kernel's own walks. */
  processId?: number;
  /** Whose permissions count; undefined for root and the kernel itself, who may do everything. */
  identity?: FileIdentity | undefined;
  /** To whom new files belong: root where it is absent. */
  owner?: FileIdentity;
}
