/** Puts a program of machine code into a memory: segments, dynamic linker, heap, stack, and the page that handlers return to. */

import { PF_R, PF_W, PF_X } from "../../abi/elf.ts";
import { E2BIG, EACCES, ELIBBAD, ENOEXEC } from "../../abi/errno.ts";
import { O_RDONLY } from "../../abi/file.ts";
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  PAGE_BYTES,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from "../../abi/memory.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { AddressSpace } from "../task/address-space.ts";
import type { ProcessCredentials } from "../task/credentials.ts";
import type { MemoryAccount } from "../task/memory-account.ts";
import { type Abi, STACK_BYTES } from "../task/process.ts";
import type { System } from "../task/system.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { openPath } from "../vfs/open-path.ts";
import { type ElfImage, readElf } from "./elf.ts";
import { INFORMATION_PAGE_ADDRESS, writeInformationPage } from "./information-page.ts";
import { initialStackBytes, writeInitialStack } from "./initial-stack.ts";
import type { Machine } from "./machine.ts";
import type { Machines } from "./machines.ts";
import { writeTrampoline } from "./trampoline.ts";

export interface LoadRequest {
  file: OpenFile;
  fileSystem: FileSystemContext;
  abi: Abi;
  arguments: readonly string[];
  environment: readonly string[];
  /** As it was given to execve(2): AT_EXECFN. */
  executable: string;
  maximumMemoryBytes: number;
  /** For the page of the akuma ABI. */
  processId: number;
  parentId: number;
  credentials: ProcessCredentials;
  /** Where its memory counts. */
  account: MemoryAccount;
  /** Of the process that gets the program; without one its limits are set later. */
  limits?: readonly { readonly current: number }[];
}

export interface LoadedProgram {
  machine: Machine;
  entry: number;
  stackPointer: number;
}

/** Where a program that can lie anywhere is put. */
const POSITION_INDEPENDENT_BASE = 0x40_0000;
/** Room for the heap between a program and its stack. */
const LEAST_HEAP_BYTES = 0x0200_0000;
/**
 * Where mappings begin, or at a multiple of it. Low, as the host's collector counts the whole length of a memory; the same in each
 * run, so that code that was translated at an address is found there again.
 */
const MAP_BASE = 0x0400_0000;
/** The specification has the mappings of the akuma ABI from here up. */
const AKUMA_MAP_BASE = 0x1000_0000;
/** What a program's memory begins with above the first mapping: each time that it grows costs more than the pages do. */
const STATIC_ROOM_BYTES = 1 << 20;
const DYNAMIC_ROOM_BYTES = 24 << 20;
/** Between the stack and the trampoline. */
const STACK_GUARD_BYTES = 0x1_0000;
/** The stack of the akuma ABI ends here. */
const AKUMA_STACK_TOP = 0x4000_0000;
const AKUMA_STACK_BYTES = 1 << 20;

/** The program in a machine of its own, not yet running; -errno if it cannot be (ENOEXEC, ENOMEM, ENOENT of its dynamic linker …). */
export function loadElf(system: System, machines: Machines, request: LoadRequest): LoadedProgram | number {
  const image = readElf(request.file);
  if (typeof image === "number") return image;
  if (image.interpreter === null) return loadImages(system, machines, request, image, null);
  const interpreterFile = openPath(request.fileSystem, image.interpreter, O_RDONLY);
  if (typeof interpreterFile === "number") return interpreterFile;
  interpreterFile.retain();
  try {
    const interpreter = readElf(interpreterFile);
    if (typeof interpreter === "number") return interpreter === -ENOEXEC ? -ELIBBAD : interpreter;
    if (!interpreter.isPositionIndependent) return -ELIBBAD;
    return loadImages(system, machines, request, image, { image: interpreter, file: interpreterFile });
  } finally {
    interpreterFile.drop();
  }
}

function loadImages(
  system: System,
  machines: Machines,
  request: LoadRequest,
  image: ElfImage,
  interpreter: { image: ElfImage; file: OpenFile } | null,
): LoadedProgram | number {
  const bias = image.isPositionIndependent ? POSITION_INDEPENDENT_BASE - image.start : 0;
  const end = image.end + bias;
  const isAkuma = request.abi === "akuma";
  // A program that lies high pushes the mappings up. Below them lie the trampoline and the stack.
  const least = end + LEAST_HEAP_BYTES + STACK_BYTES + STACK_GUARD_BYTES;
  const mapBase = isAkuma ? AKUMA_MAP_BASE : Math.ceil(least / MAP_BASE) * MAP_BASE;
  const trampoline = mapBase - PAGE_BYTES;
  const stackTop = isAkuma ? AKUMA_STACK_TOP : mapBase - STACK_GUARD_BYTES;
  const room = interpreter === null ? STATIC_ROOM_BYTES : DYNAMIC_ROOM_BYTES;
  const machine = machines.create(programOf(request.file), isAkuma ? stackTop : mapBase + room, {
    heapStart: end,
    mapBase,
    limitBytes: request.maximumMemoryBytes,
    account: request.account,
    ...(request.limits === undefined ? {} : { limits: request.limits }),
  });
  if (typeof machine === "number") return machine;
  const fail = (errno: number): number => {
    machine.space.release();
    machine.leave();
    return errno;
  };
  machine.returnsToFaults = !image.isGo;
  const { memory, space } = machine;
  let result = mapImage(space, image, request.file, bias);
  if (result < 0) return fail(result);
  result = mapAnonymous(space, trampoline, PAGE_BYTES, PROT_READ | PROT_EXEC, "[vdso]");
  if (result < 0) return fail(result);
  writeTrampoline(memory, trampoline);
  machine.trampoline = trampoline;
  const stackBytes = isAkuma ? AKUMA_STACK_BYTES : STACK_BYTES;
  result = mapAnonymous(space, stackTop - stackBytes, stackBytes, PROT_READ | PROT_WRITE, "[stack]");
  if (result < 0) return fail(result);
  const entry = image.entry + bias;
  if (isAkuma) {
    result = mapAnonymous(space, INFORMATION_PAGE_ADDRESS, PAGE_BYTES, PROT_READ, "[information]");
    if (result < 0) return fail(result);
    writeInformationPage(memory, request.processId, request.parentId, request.arguments);
    return { machine, entry, stackPointer: stackTop };
  }
  let interpreterBase = 0;
  if (interpreter !== null) {
    interpreterBase = placeInterpreter(space, interpreter.image, interpreter.file);
    if (interpreterBase < 0) return fail(interpreterBase);
  }
  if (initialStackBytes(request.arguments, request.environment) > stackBytes / 2) return fail(-E2BIG);
  const { stackPointer, strings } = writeInitialStack(memory, system.random, {
    top: stackTop,
    arguments: request.arguments,
    environment: request.environment,
    executable: request.executable,
    headerAddress: image.headerAddress === 0 ? 0 : image.headerAddress + bias,
    headerCount: image.headerCount,
    interpreterBase,
    entry,
    credentials: request.credentials,
  });
  space.strings = strings;
  return { machine, entry: interpreter === null ? entry : interpreterBase + interpreter.image.entry, stackPointer };
}

/** What tells one program from another, as far as memories can be used again: the file, and when it was written. */
function programOf(file: OpenFile): string {
  const status = file.status();
  if (typeof status === "number") return "";
  return `${status.device} ${status.inode} ${status.size} ${status.modifiedMilliseconds}`;
}

function mapAnonymous(
  space: AddressSpace,
  address: number,
  byteLength: number,
  protection: number,
  name: string,
): number {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  return space.map({ address, byteLength, protection, flags, file: null, offset: 0, name });
}

/** Where there is room for it; its load bias, or -errno. */
function placeInterpreter(space: AddressSpace, image: ElfImage, file: OpenFile): number {
  const byteLength = image.end - image.start;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const start = space.map({ address: 0, byteLength, protection: PROT_NONE, flags, file: null, offset: 0 });
  if (start < 0) return start;
  space.unmap(start, byteLength);
  const result = mapImage(space, image, file, start - image.start);
  return result < 0 ? result : start - image.start;
}

/** Maps all segments; 0 or -errno. */
function mapImage(space: AddressSpace, image: ElfImage, file: OpenFile, bias: number): number {
  if (image.start + bias < PAGE_BYTES) return -EACCES;
  for (const { address, offset, fileBytes, memoryBytes, flags } of image.segments) {
    const protection =
      ((flags & PF_R) !== 0 ? PROT_READ : 0) |
      ((flags & PF_W) !== 0 ? PROT_WRITE : 0) |
      ((flags & PF_X) !== 0 ? PROT_EXEC : 0);
    const lead = address % PAGE_BYTES;
    const start = address - lead + bias;
    const fileEnd = address + bias + fileBytes;
    const mapped = fileBytes === 0 ? 0 : lead + fileBytes;
    if (mapped > 0) {
      const result = space.map({
        address: start,
        byteLength: mapped,
        protection,
        flags: MAP_PRIVATE | MAP_FIXED,
        file,
        offset: offset - lead,
      });
      if (result < 0) return result;
    }
    // Behind the file's bytes memory begins: the rest of the last page too, where it may be written.
    const pagesEnd = start + Math.ceil(mapped / PAGE_BYTES) * PAGE_BYTES;
    if ((flags & PF_W) !== 0 && mapped > 0) space.memory.bytes.fill(0, fileEnd, pagesEnd);
    const end = address + bias + memoryBytes;
    if (end <= pagesEnd) continue;
    const result = space.map({
      address: pagesEnd,
      byteLength: end - pagesEnd,
      protection,
      flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
      file: null,
      offset: 0,
    });
    if (result < 0) return result;
  }
  return 0;
}
