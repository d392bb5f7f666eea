/** The contents of a file of a lower layer, as the source of the file in memory that stands for it above. */
import { EIO } from "../../../abi/errno.ts";
import { O_RDONLY } from "../../../abi/file.ts";
import type { OpenFile } from "../../file/open-file.ts";
import type { ByteSource } from "../byte-source.ts";
import type { PathNode } from "../path-walk.ts";
import { RegularFile } from "../vfs-file.ts";
import type { Layers } from "./layers.ts";

export class LowerFile implements ByteSource {
  readonly length: number;
  private readonly layers: Layers;
  private readonly node: PathNode;
  /** Open while someone has the file above open, and for a while after that. */
  private file: OpenFile | null = null;

  constructor(layers: Layers, node: PathNode, length: number) {
    this.layers = layers;
    this.node = node;
    this.length = length;
  }

  open(): number {
    if (this.file !== null) {
      this.layers.idle.delete(this);
      return 0;
    }
    const file = this.node.inode.open(this.node, O_RDONLY, this.layers.context);
    if (typeof file === "number") return file;
    this.file = file.retain();
    return 0;
  }

  close(): void {
    if (this.file !== null) this.layers.setIdle(this);
  }

  /** Gives the layer's own open file back. */
  closeLower(): void {
    this.file?.drop();
    this.file = null;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    return this.file?.readAt(buffer, offset, length, position) ?? -EIO;
  }

  chunkAt(position: number): { bytes: Uint8Array; offset: number; length: number } | null {
    return this.file instanceof RegularFile ? this.file.chunkAt(position) : null;
  }
}
