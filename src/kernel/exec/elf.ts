/**
 * Reads the headers of an ELF executable for AArch64. Whatever the file says is checked here, so that the loader can rely on it:
 * ranges lie in the file or are memory, addresses in 32 bits, segments in order.
 */

import {
  ELF_HEADER_BYTES,
  ELF_MAGIC,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_AARCH64,
  ET_DYN,
  ET_EXEC,
  PROGRAM_HEADER_BYTES,
  PT_INTERP,
  PT_LOAD,
  SECTION_HEADER_BYTES,
} from "../../abi/elf.ts";
import { ENOEXEC } from "../../abi/errno.ts";
import { PAGE_BYTES } from "../../abi/memory.ts";
import type { OpenFile } from "../file/open-file.ts";

/** One PT_LOAD. Addresses are before any load bias; the segment's bytes stand at `offset` in the file. */
export interface Segment {
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
  /** PF_R, PF_W, PF_X. */
  readonly flags: number;
}

export interface ElfImage {
  readonly isPositionIndependent: boolean;
  readonly entry: number;
  readonly segments: readonly Segment[];
  /** PT_INTERP: the dynamic linker's path; null for a static program. */
  readonly interpreter: string | null;
  /** Where the program headers will lie in memory; 0 if no segment holds them. */
  readonly headerAddress: number;
  readonly headerCount: number;
  /** Whether Go's linker made it. */
  readonly isGo: boolean;
  /** First byte and end of what the segments take, page-aligned. */
  readonly start: number;
  readonly end: number;
}

/** Addresses of a program end below this. */
const ADDRESS_LIMIT = 0xf000_0000;
const MOST_HEADERS = 128;
const MOST_INTERPRETER_BYTES = 4096;
const MOST_SECTION_NAME_BYTES = 65_536;

/** Whether a file that starts with these bytes is an ELF file. */
export function isElf(head: Uint8Array): boolean {
  return head.length >= 4 && new DataView(head.buffer, head.byteOffset).getUint32(0, true) === ELF_MAGIC;
}

/** The image that an open file holds, or -ENOEXEC, or the error of reading. */
export function readElf(file: OpenFile): ElfImage | number {
  const header = readExactly(file, 0, ELF_HEADER_BYTES);
  if (typeof header === "number") return header;
  const view = new DataView(header.buffer);
  const type = view.getUint16(16, true);
  const isForUs =
    view.getUint32(0, true) === ELF_MAGIC &&
    view.getUint8(4) === ELFCLASS64 &&
    view.getUint8(5) === ELFDATA2LSB &&
    view.getUint16(18, true) === EM_AARCH64 &&
    (type === ET_EXEC || type === ET_DYN) &&
    view.getUint16(54, true) === PROGRAM_HEADER_BYTES;
  const headerCount = view.getUint16(56, true);
  const headerOffset = unsigned(view, 32);
  if (!isForUs || headerCount === 0 || headerCount > MOST_HEADERS) return -ENOEXEC;
  const headers = readExactly(file, headerOffset, headerCount * PROGRAM_HEADER_BYTES);
  if (typeof headers === "number") return headers;
  const table = new DataView(headers.buffer);
  const segments: Segment[] = [];
  let interpreter: string | null = null;
  for (let index = 0; index < headerCount; index++) {
    const at = index * PROGRAM_HEADER_BYTES;
    const kind = table.getUint32(at, true);
    if (kind === PT_LOAD) {
      const segment = readSegment(table, at);
      if (segment === null) return -ENOEXEC;
      if (segment.memoryBytes > 0) segments.push(segment);
    } else if (kind === PT_INTERP) {
      const path = readInterpreter(file, unsigned(table, at + 8), unsigned(table, at + 32));
      if (typeof path === "number") return path;
      interpreter ??= path;
    }
  }
  if (!areInOrder(segments)) return -ENOEXEC;
  const entry = unsigned(view, 24);
  const first = segments[0] as Segment;
  const last = segments.at(-1) as Segment;
  if (!(entry < ADDRESS_LIMIT)) return -ENOEXEC;
  const holder = segments.find(({ offset, fileBytes }) => offset <= headerOffset && headerOffset < offset + fileBytes);
  return {
    isPositionIndependent: type === ET_DYN,
    entry,
    segments,
    interpreter,
    headerAddress: holder === undefined ? 0 : holder.address + headerOffset - holder.offset,
    headerCount,
    isGo: isGoProgram(file, view),
    start: first.address - (first.address % PAGE_BYTES),
    end: Math.ceil((last.address + last.memoryBytes) / PAGE_BYTES) * PAGE_BYTES,
  };
}

function readSegment(table: DataView, at: number): Segment | null {
  const segment: Segment = {
    flags: table.getUint32(at + 4, true),
    offset: unsigned(table, at + 8),
    address: unsigned(table, at + 16),
    fileBytes: unsigned(table, at + 32),
    memoryBytes: unsigned(table, at + 40),
  };
  const { offset, address, fileBytes, memoryBytes } = segment;
  const isSane =
    fileBytes <= memoryBytes &&
    memoryBytes < ADDRESS_LIMIT &&
    address + memoryBytes <= ADDRESS_LIMIT &&
    offset + fileBytes <= Number.MAX_SAFE_INTEGER &&
    // The kernel maps whole pages of the file.
    offset % PAGE_BYTES === address % PAGE_BYTES;
  return isSane ? segment : null;
}

/** At least one, ascending, on pages of their own. */
function areInOrder(segments: readonly Segment[]): boolean {
  let end = 0;
  for (const { address, memoryBytes } of segments) {
    if (address - (address % PAGE_BYTES) < end) return false;
    end = Math.ceil((address + memoryBytes) / PAGE_BYTES) * PAGE_BYTES;
  }
  return segments.length > 0;
}

function readInterpreter(file: OpenFile, offset: number, byteLength: number): string | number {
  if (!(byteLength >= 2 && byteLength <= MOST_INTERPRETER_BYTES)) return -ENOEXEC;
  const bytes = readExactly(file, offset, byteLength);
  if (typeof bytes === "number") return bytes;
  const end = bytes.indexOf(0);
  return end === byteLength - 1 ? new TextDecoder().decode(bytes.subarray(0, end)) : -ENOEXEC;
}

/** Whether there is a section with the table that Go's runtime finds its functions in. */
function isGoProgram(file: OpenFile, header: DataView): boolean {
  const sections = unsigned(header, 40);
  const namesIndex = header.getUint16(62, true);
  if (sections === 0 || header.getUint16(58, true) !== SECTION_HEADER_BYTES) return false;
  const section = readExactly(file, sections + namesIndex * SECTION_HEADER_BYTES, SECTION_HEADER_BYTES);
  if (typeof section === "number") return false;
  const view = new DataView(section.buffer);
  const names = readExactly(file, unsigned(view, 24), Math.min(unsigned(view, 32), MOST_SECTION_NAME_BYTES));
  return typeof names !== "number" && new TextDecoder("latin1").decode(names).includes("gopclntab\0");
}

/** Exactly these bytes of a file; -ENOEXEC where it is shorter. */
function readExactly(file: OpenFile, position: number, byteLength: number): Uint8Array<ArrayBuffer> | number {
  if (!Number.isSafeInteger(position)) return -ENOEXEC;
  const bytes = new Uint8Array(byteLength);
  for (let done = 0; done < byteLength; ) {
    const result = file.readAt(bytes, done, byteLength - done, position + done);
    if (result < 0) return result;
    if (result === 0) return -ENOEXEC;
    done += result;
  }
  return bytes;
}

/** A 64-bit number; beyond 2^53 no longer exact, and then far out of every range. */
function unsigned(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}
