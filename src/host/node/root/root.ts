/**
 * Root file systems from the host: folders, tar archives, and images as archives, one over the other. None of them is ever
 * written; what programs change is in memory.
 */
import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import type { ByteSource } from "../../../kernel/vfs/byte-source.ts";
import { HostFs } from "../../../kernel/vfs/hostfs/hostfs.ts";
import type { FileSystem } from "../../../kernel/vfs/inode.ts";
import { MemFs } from "../../../kernel/vfs/memfs/memfs.ts";
import { OverlayFs } from "../../../kernel/vfs/overlayfs/overlayfs.ts";
import { NodeHostFiles } from "../host-files.ts";
import { HostArchive } from "./archive-bytes.ts";
import { ArchiveError } from "./archive-error.ts";
import { decompressed } from "./decompress.ts";
import { imageLayers } from "./image.ts";
import { LayerWriter } from "./layer.ts";
import { readTar, type TarEntry } from "./tar-reader.ts";

export interface RootOptions {
  clock: Clock;
  /** Most bytes that programs may write. */
  maximumBytes: number;
  /** Most bytes of memory for what archives hold that are compressed. Default 4 GiB. */
  maximumArchiveBytes?: number;
  /** Most entries of all archives together. Default 1,000,000. */
  maximumEntries?: number;
}

export interface Root {
  fileSystem: FileSystem;
  /** When the kernel has ended. */
  close(): void;
}

/** The lowest first. Throws ArchiveError, or what node:fs throws for a path that cannot be read; nothing stays open then. */
export async function openRoot(paths: readonly string[], options: RootOptions): Promise<Root> {
  const closers: (() => void)[] = [];
  const close = (): void => {
    for (const closer of closers.splice(0)) closer();
  };
  try {
    const layers: FileSystem[] = [];
    const reader = new ArchiveReader(options, closers);
    for (const path of paths) {
      if (statSync(path).isDirectory()) {
        const folder = new HostFs(new NodeHostFiles(resolve(path), { showOwners: true }));
        closers.push(() => folder.release());
        layers.push(folder);
        continue;
      }
      // Archives on each other become one file system; whiteouts in it hide what lies below.
      let archive = layers[layers.length - 1];
      if (!(archive instanceof MemFs)) {
        archive = new MemFs({ clock: options.clock, maximumBytes: options.maximumBytes });
        layers.push(archive);
      }
      await reader.read(path, archive as MemFs);
    }
    const [only] = layers;
    const { clock, maximumBytes } = options;
    // Files of an archive are in memory already, as far as they are anything but a reference into it.
    if (layers.length === 1 && only instanceof MemFs) return { fileSystem: only, close };
    const overlay = new OverlayFs({ clock, layers, maximumBytes });
    closers.unshift(() => overlay.release());
    return { fileSystem: overlay, close };
  } catch (error) {
    close();
    throw error;
  }
}

const MAXIMUM_ARCHIVE_BYTES = 4 * 2 ** 30;
const MAXIMUM_ENTRIES = 1_000_000;

class ArchiveReader {
  private readonly maximumEntries: number;
  private readonly closers: (() => void)[];
  private bytesLeft: number;
  private entries = 0;

  constructor(options: RootOptions, closers: (() => void)[]) {
    this.bytesLeft = options.maximumArchiveBytes ?? MAXIMUM_ARCHIVE_BYTES;
    this.maximumEntries = options.maximumEntries ?? MAXIMUM_ENTRIES;
    this.closers = closers;
  }

  async read(path: string, target: MemFs): Promise<void> {
    const name = basename(path);
    if (!statSync(path).isFile()) throw new ArchiveError(`${path} is neither a folder nor a file`);
    const file = new HostArchive(path);
    this.closers.push(() => file.closeArchive());
    const source = await this.decompressed(file, name);
    const entries = this.list(source, name);
    const layers = imageLayers(entries, source, name);
    if (layers === null) {
      apply(entries, target, source, name);
      return;
    }
    for (const layer of layers) {
      const contents = await this.decompressed(layer.source, layer.name);
      apply(this.list(contents, layer.name), target, contents, layer.name);
    }
  }

  private async decompressed(source: ByteSource, name: string): Promise<ByteSource> {
    const result = await decompressed(source, name, this.bytesLeft);
    if (result !== source) this.bytesLeft -= result.length;
    return result;
  }

  private list(source: ByteSource, name: string): TarEntry[] {
    const entries: TarEntry[] = [];
    if (source.length === 0) throw new ArchiveError(`${name} is empty`);
    for (const entry of readTar(source, name)) {
      if (++this.entries > this.maximumEntries) {
        throw new ArchiveError(`${name}: more than ${this.maximumEntries} entries`);
      }
      entries.push(entry);
    }
    return entries;
  }
}

function apply(entries: readonly TarEntry[], target: MemFs, source: ByteSource, name: string): void {
  const writer = new LayerWriter(target, source, name);
  for (const entry of entries) writer.add(entry);
}
