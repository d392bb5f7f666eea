/** Tells by its headers whether guests can run a file of the host's, and what else it needs. */
import { closeSync, openSync, readSync } from "node:fs";
import { CommandFailure } from "./errors.ts";

/** e_machine of the ELF header, for those that are met. */
const MACHINES: Readonly<Record<number, string>> = {
  3: "x86",
  8: "MIPS",
  21: "64-bit PowerPC",
  22: "S/390",
  40: "32-bit Arm",
  62: "x86-64",
  243: "RISC-V",
  258: "LoongArch",
};
const AARCH64 = 183;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PROGRAM_HEADERS_MAXIMUM = 64;
const PT_INTERP = 3;
const PATH_MAX = 4096;

export interface Executable {
  /** The program that has to start it: of a script, or the dynamic linker; null for one that needs none. */
  interpreter: string | null;
  isScript: boolean;
}

/** Throws CommandFailure for what is neither an arm64 executable nor a script. */
export function inspectExecutable(path: string): Executable {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw new CommandFailure(`cannot read ${path}: ${(error as Error).message}`, 126);
  }
  try {
    const header = readAt(file, 0, HEADER_BYTES);
    if (header.toString("latin1", 0, 2) === "#!") {
      const line =
        readAt(file, 2, 256)
          .toString("utf8")
          .split(/[\n\0]/, 1)[0] ?? "";
      return { interpreter: /^\s*(\S+)/.exec(line)?.[1] ?? null, isScript: true };
    }
    if (header.toString("latin1", 0, 4) !== "\x7fELF") {
      throw new CommandFailure(
        `${path} is neither an executable for Linux (ELF) nor a script that begins with #!`,
        126,
      );
    }
    const isLittleEndian = header[5] === 1;
    const machine = isLittleEndian ? header.readUInt16LE(18) : header.readUInt16BE(18);
    if (machine !== AARCH64 || header[4] !== 2 || !isLittleEndian) {
      const name = machine === AARCH64 ? "another kind of arm64" : (MACHINES[machine] ?? `machine ${machine}`);
      throw new CommandFailure(`${path} is machine code for ${name}: guests run that of Linux on arm64`, 126);
    }
    return { interpreter: dynamicLinker(file, header), isScript: false };
  } finally {
    closeSync(file);
  }
}

/** PT_INTERP of an ELF file for 64 bits, little-endian. */
function dynamicLinker(file: number, header: Buffer): string | null {
  const start = Number(header.readBigUInt64LE(32));
  const count = Math.min(header.readUInt16LE(56), PROGRAM_HEADERS_MAXIMUM);
  if (!Number.isSafeInteger(start)) return null;
  const headers = readAt(file, start, count * PROGRAM_HEADER_BYTES);
  for (let at = 0; at < headers.length; at += PROGRAM_HEADER_BYTES) {
    if (headers.readUInt32LE(at) !== PT_INTERP) continue;
    const offset = Number(headers.readBigUInt64LE(at + 8));
    const length = Math.min(Number(headers.readBigUInt64LE(at + 32)), PATH_MAX);
    if (!Number.isSafeInteger(offset)) return null;
    return readAt(file, offset, length).toString("utf8").split("\0", 1)[0] || null;
  }
  return null;
}

/** So many bytes; zeros behind the end. */
function readAt(file: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  if (length > 0) readSync(file, buffer, 0, length, position);
  return buffer;
}
