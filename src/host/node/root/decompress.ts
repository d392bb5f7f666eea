/** Tells by its first bytes how an archive is compressed, and decompresses it into memory, up to a bound. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import type { ByteSource } from "../../../kernel/vfs/byte-source.ts";
import { MemoryArchive, WindowReader } from "./archive-bytes.ts";
import { ArchiveError } from "./archive-error.ts";

const PIECE_BYTES = 262_144;
const OUTPUT_BYTES = 1 << 20;

/** The archive as a tar file: itself, or decompressed. `name` is for messages. */
export async function decompressed(source: ByteSource, name: string, maximumBytes: number): Promise<ByteSource> {
  const head = new WindowReader(source).at(0, 6);
  const magic = head.toString("hex");
  if (magic.startsWith("1f8b")) {
    return await run(source, zlib.createGunzip({ chunkSize: OUTPUT_BYTES }), name, maximumBytes);
  }
  if (magic.startsWith("28b52ffd")) {
    if (typeof zlib.createZstdDecompress !== "function") {
      throw new ArchiveError(
        `Node ${process.version} cannot read ${name}, which is compressed with zstd (22.15 and newer can): decompress it first, with zstd -d`,
      );
    }
    return await run(source, zlib.createZstdDecompress({ chunkSize: OUTPUT_BYTES }), name, maximumBytes);
  }
  const other = magic === "fd377a585a00" ? "xz" : magic.startsWith("425a68") ? "bzip2" : null;
  if (other === null) return source;
  throw new ArchiveError(
    `${name} is compressed with ${other}: decompress it first, with ${other} -d, or use gzip or zstd`,
  );
}

async function run(
  source: ByteSource,
  decompressor: NodeJS.ReadWriteStream,
  name: string,
  maximumBytes: number,
): Promise<MemoryArchive> {
  const archive = new MemoryArchive();
  try {
    await pipeline(Readable.from(pieces(source)), decompressor, async (output) => {
      for await (const bytes of output as AsyncIterable<Uint8Array>) {
        if (archive.length + bytes.length > maximumBytes) {
          const size = Math.floor(maximumBytes / (1 << 20));
          throw new ArchiveError(
            `${name} is larger than ${size} MiB when it is decompressed: unpack it, and give the folder`,
          );
        }
        archive.append(bytes);
      }
    });
  } catch (error) {
    if (error instanceof ArchiveError) throw error;
    throw new ArchiveError(`${name} cannot be decompressed: ${(error as Error).message}`);
  }
  archive.finish();
  return archive;
}

function* pieces(source: ByteSource): Generator<Buffer> {
  for (let position = 0; ; ) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const count = source.read(piece, 0, piece.length, position);
    if (count < 0) throw new Error("it cannot be read");
    if (count === 0) return;
    position += count;
    yield piece.subarray(0, count);
  }
}
