/** Contents of a file that lie somewhere else and never change: a stretch of an archive, a file of another file system. */

export interface ByteSource {
  readonly length: number;
  /** Bytes copied out, at least one before the end; 0 behind it, or -errno. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** The bytes at a position as they lie in memory, where they do. */
  chunkAt?(position: number): { bytes: Uint8Array; offset: number; length: number } | null;
  /** Called before the first reading and after the last one, any number of times in turn; 0 or -errno. */
  open?(): number;
  close?(): void;
}
