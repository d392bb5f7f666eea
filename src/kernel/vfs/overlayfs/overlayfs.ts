/**
 * A file system in memory that begins with what other file systems show: layers that are only read, such as a folder of the
 * host or an archive, one over the other. Whatever a program changes is kept in memory: of a file that is written only the
 * chunks that were. An entry is taken over from the layers when it is looked up first, and keeps its inode number from then on;
 * changes that others make to a layer meanwhile show or not, as with overlayfs on Linux.
 */
import type { Clock } from "../../../base/clock.ts";
import type { FileSystem, FileSystemStatistics } from "../inode.ts";
import { MemFs } from "../memfs/memfs.ts";
import { Layers } from "./layers.ts";
import { isOpaque, OverlayDirectory } from "./overlay-directory.ts";

export interface OverlayFsOptions {
  clock: Clock;
  /** The lowest first; at least one. They belong to the overlay from here on. */
  layers: readonly FileSystem[];
  /** Most bytes that programs may write; 512 MiB by default. */
  maximumBytes?: number;
  /** Most names that programs may add; 131,072 by default. */
  maximumInodes?: number;
}

export const OVERLAYFS_MAGIC = 0x794c_7630;

export class OverlayFs extends MemFs {
  override readonly typeName: string = "overlay";
  override readonly source: string = "overlay";
  private readonly layers: Layers;
  private readonly layerFileSystems: readonly FileSystem[];

  constructor(options: OverlayFsOptions) {
    const layers = new Layers(options.layers);
    const opaque = layers.roots.findIndex((root) => isOpaque(root.dentry));
    const roots = opaque < 0 ? layers.roots : layers.roots.slice(0, opaque + 1);
    super({
      ...options,
      makeRoot: (fileSystem) => {
        const root = new OverlayDirectory(fileSystem, layers, roots, 0o755);
        const status = layers.roots[0]?.inode.status();
        if (typeof status === "object") root.adoptAttributes(status);
        return root;
      },
    });
    this.layers = layers;
    this.layerFileSystems = options.layers;
  }

  override statistics(): FileSystemStatistics {
    return { ...super.statistics(), type: OVERLAYFS_MAGIC };
  }

  release(): void {
    this.layers.close();
    for (const fileSystem of this.layerFileSystems) fileSystem.release?.();
  }
}
