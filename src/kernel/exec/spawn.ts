/**
 * Starting programs: finds the file, tells by its first bytes what it is, makes the process and hands its code to the runner.
 * TypeScript programs cannot fork, so a program starts another by `spawn`, in the manner of posix_spawn(3).
 */
import { E2BIG, EACCES, EAGAIN, EBADF, EINVAL, ELOOP, ENOEXEC } from "../../abi/errno.ts";
import { O_RDONLY, S_IFMT, S_IFREG } from "../../abi/file.ts";
import { DescriptorTable } from "../file/descriptor-table.ts";
import type { OpenFile } from "../file/open-file.ts";
import { type Abi, Process } from "../task/process.ts";
import type { System } from "../task/system.ts";
import { BufferMemory } from "../task/user-memory.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { openPath } from "../vfs/open-path.ts";
import { walk } from "../vfs/path-walk.ts";
import { INFORMATION_PAGE_ADDRESS, writeInformationPage } from "./information-page.ts";
import { BUILTIN_MAGIC, type ProgramRegistry, type ProgramRunner, type RegisteredProgram } from "./program.ts";

/** Where a TypeScript program's heap begins: behind the NULL guard and the process-information page. */
export const HEAP_BASE: number = INFORMATION_PAGE_ADDRESS + 0x1000;
const INITIAL_MEMORY_BYTES = 1 << 20;
const MAXIMUM_ARGUMENT_BYTES = 128 * 1024;
const MAXIMUM_INTERPRETERS = 4;
const SHEBANG_BYTES = 256;

export interface SpawnRequest {
  path: string;
  /** argv, the program's own name first. */
  arguments: readonly string[];
  environment: readonly string[];
  parent: Process | null;
  /** Root, working directory and umask of the new process; it gets a copy. */
  fileSystem: FileSystemContext;
  /** The new process owns this table from here on; on an error it is emptied. */
  descriptors: DescriptorTable;
  abi: Abi;
  isolate: "realm" | "worker";
  /** Bound of its memory. */
  maximumMemoryBytes: number;
}

/** What spawning needs from the kernel beside the system itself. */
export interface ProgramLoader {
  readonly registry: ProgramRegistry;
  readonly runner: ProgramRunner;
}

interface Resolved {
  program: RegisteredProgram;
  path: string;
  arguments: readonly string[];
}

/** Starts a program; the new process, or -errno (ENOENT, EACCES, ENOEXEC, ELOOP, E2BIG, EAGAIN …). */
export function spawnProcess(system: System, loader: ProgramLoader, request: SpawnRequest): Process | number {
  const refused = (errno: number): number => {
    request.descriptors.closeAll();
    return errno;
  };
  const bytes = [...request.arguments, ...request.environment].reduce((sum, text) => sum + text.length + 1, 0);
  if (bytes > MAXIMUM_ARGUMENT_BYTES) return refused(-E2BIG);
  const resolved = resolveProgram(loader.registry, request.fileSystem, request.path, request.arguments);
  if (typeof resolved === "number") return refused(resolved);
  const processId = loader.runner.hasRoom(request.isolate) ? system.processes.allocateNumber() : 0;
  if (processId === 0) return refused(-EAGAIN);

  const memory = BufferMemory.allocate(INITIAL_MEMORY_BYTES, request.maximumMemoryBytes, request.isolate === "worker");
  const process = new Process(system, {
    processId,
    parent: request.parent,
    abi: request.abi,
    memory,
    descriptors: request.descriptors,
    fileSystem: { ...request.fileSystem, processId },
    arguments: resolved.arguments,
    environment: request.environment,
    executable: resolved.path,
  });
  process.breakAddress = INITIAL_MEMORY_BYTES;
  if (request.parent !== null) {
    request.parent.signals.inheritFor(process.signals);
    process.tracer = request.parent.tracer;
  }
  if (request.abi === "akuma") {
    writeInformationPage(memory, processId, request.parent?.processId ?? 0, resolved.arguments);
  }
  system.processes.add(process);
  loader.runner.start(process, resolved.program, request.isolate);
  return process;
}

/** Follows "#!" lines until a registered program is found. */
function resolveProgram(
  registry: ProgramRegistry,
  fileSystem: FileSystemContext,
  path: string,
  programArguments: readonly string[],
): Resolved | number {
  let currentPath = path;
  let currentArguments = programArguments;
  for (let depth = 0; depth <= MAXIMUM_INTERPRETERS; depth++) {
    const head = readHead(fileSystem, currentPath);
    if (typeof head === "number") return head;
    if (head.startsWith(BUILTIN_MAGIC)) {
      const program = registry.get(head.slice(BUILTIN_MAGIC.length).split("\n", 1)[0]?.trim() ?? "");
      return program === null ? -ENOEXEC : { program, path: currentPath, arguments: currentArguments };
    }
    // execve(2): "#!interpreter [optional-arg]" runs the interpreter with the argument, the script's path, and the rest.
    if (!head.startsWith("#!")) return -ENOEXEC;
    const line = head.slice(2).split("\n", 1)[0]?.trim() ?? "";
    const [, interpreter, argument] = /^(\S+)(?:\s+(.*))?$/.exec(line) ?? [];
    if (interpreter === undefined) return -ENOEXEC;
    currentArguments = [
      interpreter,
      ...(argument === undefined ? [] : [argument]),
      currentPath,
      ...currentArguments.slice(1),
    ];
    currentPath = interpreter;
  }
  return -ELOOP;
}

/** The first bytes of a file that may be executed, as Latin-1 text. */
function readHead(fileSystem: FileSystemContext, path: string): string | number {
  const node = walk(fileSystem, path);
  if (typeof node === "number") return node;
  const status = node.inode.status();
  if (typeof status === "number") return status;
  if ((status.mode & S_IFMT) !== S_IFREG || (status.mode & 0o111) === 0) return -EACCES;
  const file = openPath(fileSystem, path, O_RDONLY);
  if (typeof file === "number") return file;
  file.retain();
  try {
    const bytes = new Uint8Array(SHEBANG_BYTES);
    const length = file.readAt(bytes, 0, bytes.length, 0);
    return length < 0 ? length : String.fromCharCode(...bytes.subarray(0, length));
  } finally {
    file.drop();
  }
}

/** The descriptors of a new process: all that are not close-on-exec, or, given `files`, just those pairs of (child, parent). */
export function descriptorsForChild(
  parent: Process,
  files: readonly (readonly [number, number])[] | undefined,
): DescriptorTable | number {
  if (files === undefined) return parent.descriptors.inherit(true);
  const table = new DescriptorTable(parent.system.openFiles, parent.descriptors.limit);
  for (const [child, from] of files) {
    const file: OpenFile | null = parent.descriptors.getWithPath(from);
    const result = file === null ? -EBADF : !Number.isInteger(child) ? -EINVAL : table.installAt(child, file, 0);
    if (result < 0) {
      table.closeAll();
      return result;
    }
  }
  return table;
}
