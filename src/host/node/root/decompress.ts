/** Tells by its first bytes how an archive is compressed, and decompresses it into memory, up to a bound. */
import * as zlib from "node:zlib";
import type { ByteSource } from "../../../kernel/vfs/byte-source.ts";
import { MemoryArchive, WindowReader } from "./archive-bytes.ts";
import { ArchiveError } from "./archive-error.ts";

const PIECE_BYTES = 65_536;
const OUTPUT_BYTES = 1 << 20;
/** RFC 8878: the magic numbers of a frame, and of one that holds no data. Both are little-endian. */
const ZSTD_FRAME = /^28b52ffd/;
const ZSTD_SKIPPABLE_FRAME = /^5[0-9a-f]2a4d18/;
const SKIPPABLE_HEADER_BYTES = 8;

/** A decompressor of node:zlib; what it counts are the bytes that it has used up. */
type Decompressor = zlib.Gunzip | zlib.ZstdDecompress;

/** The archive as a tar file: itself, or decompressed. `name` is for messages. */
export async function decompressed(source: ByteSource, name: string, maximumBytes: number): Promise<ByteSource> {
  const magic = magicAt(source, 0, 6);
  if (magic.startsWith("1f8b")) {
    const archive = new MemoryArchive();
    await new Decompression(source, name, archive, maximumBytes).run(0, zlib.createGunzip({ chunkSize: OUTPUT_BYTES }));
    archive.finish();
    return archive;
  }
  if (ZSTD_FRAME.test(magic) || ZSTD_SKIPPABLE_FRAME.test(magic)) return await unzstd(source, name, maximumBytes);
  const other = magic === "fd377a585a00" ? "xz" : magic.startsWith("425a68") ? "bzip2" : null;
  if (other === null) return source;
  throw new ArchiveError(
    `${name} is compressed with ${other}: decompress it first, with ${other} -d, or use gzip or zstd`,
  );
}

/** Frame by frame: layers of images have many, that they may be fetched in parts, and Node's decompressor ends with the first. */
async function unzstd(source: ByteSource, name: string, maximumBytes: number): Promise<MemoryArchive> {
  if (typeof zlib.createZstdDecompress !== "function") {
    throw new ArchiveError(
      `Node ${process.version} cannot read ${name}, which is compressed with zstd (22.15 and newer can): decompress it first, with zstd -d`,
    );
  }
  const archive = new MemoryArchive();
  const decompression = new Decompression(source, name, archive, maximumBytes);
  for (let position = 0; position < source.length; ) {
    const header = new WindowReader(source).at(position, SKIPPABLE_HEADER_BYTES);
    if (header.length === SKIPPABLE_HEADER_BYTES && ZSTD_SKIPPABLE_FRAME.test(header.toString("hex"))) {
      position += SKIPPABLE_HEADER_BYTES + header.readUInt32LE(4);
      continue;
    }
    const used = await decompression.run(position, zlib.createZstdDecompress({ chunkSize: OUTPUT_BYTES }));
    if (used === 0) throw new ArchiveError(`${name} cannot be decompressed: it is cut off`);
    position += used;
  }
  archive.finish();
  return archive;
}

function magicAt(source: ByteSource, position: number, length: number): string {
  return new WindowReader(source).at(position, length).toString("hex");
}

class Decompression {
  private readonly source: ByteSource;
  private readonly name: string;
  private readonly archive: MemoryArchive;
  private readonly maximumBytes: number;

  constructor(source: ByteSource, name: string, archive: MemoryArchive, maximumBytes: number) {
    this.source = source;
    this.name = name;
    this.archive = archive;
    this.maximumBytes = maximumBytes;
  }

  /** Decompresses what begins at `start`, as far as the decompressor goes; how many bytes that were. */
  run(start: number, decompressor: Decompressor): Promise<number> {
    const { archive, maximumBytes, name } = this;
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => {
        reject(new ArchiveError(message));
        decompressor.destroy();
      };
      decompressor.on("error", (error) => fail(`${name} cannot be decompressed: ${error.message}`));
      decompressor.on("data", (bytes: Buffer) => {
        if (archive.length + bytes.length <= maximumBytes) archive.append(bytes);
        else {
          const size = Math.floor(maximumBytes / (1 << 20));
          fail(`${name} is larger than ${size} MiB when it is decompressed: unpack it, and give the folder`);
        }
      });
      decompressor.on("end", () => {
        resolve(decompressor.bytesWritten);
        decompressor.destroy();
      });
      let position = start;
      const feed = (): void => {
        // What it has left over is not its any more: it has come to its end.
        if (decompressor.destroyed || decompressor.bytesWritten < position - start) return;
        const piece = Buffer.allocUnsafe(PIECE_BYTES);
        const count = this.source.read(piece, 0, piece.length, position);
        if (count < 0) {
          fail(`${name} cannot be read`);
          return;
        }
        position += count;
        if (count === 0) decompressor.end();
        else decompressor.write(piece.subarray(0, count), feed);
      };
      feed();
    });
  }
}
