/**
 * The entries of a tar archive, with where their contents lie. Headers are decoded by node-tar; here are the records around
 * them: long names of GNU's and pax's kinds, sizes, the end. Contents are not read.
 */
import { Header } from "tar/header";
import { Pax } from "tar/pax";
import type { ByteSource } from "../../../kernel/vfs/byte-source.ts";
import { WindowReader } from "./archive-bytes.ts";
import { ArchiveError } from "./archive-error.ts";

export type TarEntryType = "file" | "directory" | "symlink" | "link" | "fifo" | "character" | "block";

export interface TarEntry {
  /** As it stands in the archive. */
  name: string;
  type: TarEntryType;
  /** Permission bits. */
  mode: number;
  userId: number;
  groupId: number;
  modifiedMilliseconds: number;
  /** Of a file's contents. */
  size: number;
  /** Where they begin. */
  position: number;
  /** Of symlinks and further names of files; "" otherwise. */
  linkName: string;
  /** For devices: major * 256 + minor. */
  specialDevice: number;
}

const RECORD_BYTES = 512;
/** Of a record of long names or attributes. */
const EXTENSION_MAXIMUM_BYTES = 1 << 20;

const TYPES: Readonly<Record<string, TarEntryType>> = {
  "": "file",
  "0": "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
  "7": "file",
};

/** Throws ArchiveError for what is damaged, cut off, or of a kind that cannot be read. */
export function* readTar(source: ByteSource, archiveName: string): Generator<TarEntry> {
  const reader = new WindowReader(source);
  const fail = (position: number, what: string): ArchiveError =>
    new ArchiveError(`${archiveName}: ${what} (at byte ${position})`);
  let pax: Pax | undefined;
  let globalPax: Pax | undefined;
  let longName: string | undefined;
  let longLink: string | undefined;
  for (let at = 0; at < source.length; ) {
    const block = reader.at(at, RECORD_BYTES);
    if (block.length < RECORD_BYTES) throw fail(at, "the archive is cut off");
    let header: Header;
    try {
      header = new Header(block, 0, pax, globalPax);
    } catch (error) {
      throw fail(at, `the archive is damaged: ${(error as Error).message}`);
    }
    // Empty records are the end.
    if (header.nullBlock) return;
    if (!header.cksumValid) throw fail(at, at === 0 ? "this is no tar archive" : "the archive is damaged");
    const key = block[156] === 0 ? "" : String.fromCharCode(block[156] as number);
    const type = header.typeKey === "5" ? "directory" : TYPES[key];
    // Only files have contents, whatever the field says for the others.
    const bodyBytes = type === undefined || type === "file" ? (header.size ?? 0) : 0;
    const position = at + RECORD_BYTES;
    if (bodyBytes > source.length - position) throw fail(at, "the archive is cut off");
    at = position + Math.ceil(bodyBytes / RECORD_BYTES) * RECORD_BYTES;
    if (key === "x" || key === "g" || key === "L" || key === "K") {
      if (bodyBytes > EXTENSION_MAXIMUM_BYTES) throw fail(position, "a name or its attributes are too long");
      const text = reader.at(position, bodyBytes).toString("utf8");
      if (key === "L") longName = untilNul(text);
      else if (key === "K") longLink = untilNul(text);
      else if (/\bGNU\.sparse\./.test(text))
        throw fail(position, "sparse files cannot be read: make it without --sparse");
      else if (key === "x") pax = Pax.parse(text);
      else globalPax = Pax.parse(text, globalPax, true);
      continue;
    }
    if (key === "S") throw fail(position, "sparse files cannot be read: make it without --sparse");
    if (key === "M") throw fail(position, "an archive in several volumes cannot be read");
    if (type !== undefined) {
      yield {
        // Of all names the header's own is the last resort: others are there because it is too short.
        name: longName ?? pax?.path ?? header.path ?? "",
        type,
        mode: (header.mode ?? (type === "directory" ? 0o755 : 0o644)) & 0o7777,
        userId: identifier(header.uid),
        groupId: identifier(header.gid),
        modifiedMilliseconds: header.mtime?.getTime() || 0,
        size: bodyBytes,
        position,
        linkName: type === "link" || type === "symlink" ? (longLink ?? pax?.linkpath ?? header.linkpath ?? "") : "",
        specialDevice:
          type === "character" || type === "block" ? (header.devmaj & 0xfff) * 256 + (header.devmin & 0xff) : 0,
      };
    }
    pax = longName = longLink = undefined;
  }
}

/** A user's or group's number; 0 for what is none. */
function identifier(value: number | undefined): number {
  return value !== undefined && value >= 0 && value < 2 ** 32 - 1 ? Math.floor(value) : 0;
}

function untilNul(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}
