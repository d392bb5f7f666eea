/** What path walks of one process start from: its root, its working directory, and the umask for new files. */
import type { PathNode } from "./path-walk.ts";

export interface FileSystemContext {
  root: PathNode;
  workingDirectory: PathNode;
  /** Permission bits that new files do not get: 0o022. */
  umask: number;
  /** Whose view this is: what /proc/self leads to. Absent for the kernel's own walks. */
  processId?: number;
}
