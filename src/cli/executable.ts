/** Tells by its first bytes whether guests can run a file of the host's. */
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
  183: "arm64",
  243: "RISC-V",
  258: "LoongArch",
};
const AARCH64 = 183;
const HEADER_BYTES = 20;

/** Null if it is an arm64 executable or a script; otherwise what it is, to be put behind its name. */
export function describeExecutable(path: string): string | null {
  const header = readStart(path);
  if (header.toString("latin1", 0, 2) === "#!") return null;
  if (header.toString("latin1", 0, 4) !== "\x7fELF") {
    return "is neither an executable for Linux (ELF) nor a script that begins with #!";
  }
  const isLittleEndian = header[5] === 1;
  const machine = isLittleEndian ? header.readUInt16LE(18) : header.readUInt16BE(18);
  if (machine === AARCH64 && header[4] === 2 && isLittleEndian) return null;
  return `is machine code for ${MACHINES[machine] ?? `machine ${machine}`}: guests run that of arm64`;
}

function readStart(path: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw new CommandFailure(`cannot read ${path}: ${(error as Error).message}`, 126);
  }
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
  } finally {
    closeSync(file);
  }
  return header;
}
