/** What the directories of one overlay share: its layers, and the files that were met under several names. */
import type { FileSystemContext } from "../file-system-context.ts";
import type { FileSystem } from "../inode.ts";
import type { MemoryFile } from "../memfs/memory-file.ts";
import { Mount } from "../mount-table.ts";
import { PathNode } from "../path-walk.ts";
import type { LowerFile } from "./lower-file.ts";

/** Files of the layers that stay open after their last use: opening one on the host again costs several times a reading. */
const IDLE_FILES_MAXIMUM = 32;

export class Layers {
  /** The root directories of the layers, the topmost first. */
  readonly roots: readonly PathNode[];
  /** For the layers' own operations; paths are not walked in it. */
  readonly context: FileSystemContext;
  /** By layer, device and inode number: files of the layers with several names. */
  readonly hardLinks: Map<string, MemoryFile> = new Map();

  /** Open, and not in use; the one that has been so for longest first. */
  readonly idle: Set<LowerFile> = new Set();
  private isClosed = false;

  /** In the order in which they lie on each other, the lowest first; at least one. */
  constructor(fileSystems: readonly FileSystem[]) {
    // Mounted nowhere: their files want a mount to count themselves in.
    this.roots = fileSystems.map((fileSystem) => {
      const mount = new Mount(0, fileSystem, null, true);
      return new PathNode(mount, mount.root);
    });
    (this.roots as PathNode[]).reverse();
    const root = this.roots[0] as PathNode;
    this.context = { root, workingDirectory: root, umask: 0 };
  }

  indexOf(node: PathNode): number {
    return this.roots.findIndex((root) => root.mount === node.mount);
  }

  setIdle(file: LowerFile): void {
    if (this.isClosed) {
      file.closeLower();
      return;
    }
    this.idle.add(file);
    if (this.idle.size <= IDLE_FILES_MAXIMUM) return;
    for (const oldest of this.idle) {
      this.idle.delete(oldest);
      oldest.closeLower();
      return;
    }
  }

  /** Keeps none open from here on. */
  close(): void {
    this.isClosed = true;
    for (const file of this.idle) file.closeLower();
    this.idle.clear();
  }
}
