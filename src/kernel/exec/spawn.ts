/**
 * Starting programs in new processes: machine code is loaded into a machine, TypeScript programs are handed to the runner.
 * TypeScript programs cannot fork, so they start others by `spawn`, in the manner of posix_spawn(3).
 */
import { E2BIG, EAGAIN, EBADF, EINVAL } from "../../abi/errno.ts";
import { DescriptorTable } from "../file/descriptor-table.ts";
import type { OpenFile } from "../file/open-file.ts";
import { type ControlGroup, unlimitedGroup } from "../task/control-group.ts";
import { ProcessCredentials } from "../task/credentials.ts";
import { type Abi, Process } from "../task/process.ts";
import type { System } from "../task/system.ts";
import { Thread } from "../task/thread.ts";
import { BufferMemory, type UserMemory } from "../task/user-memory.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { INFORMATION_PAGE_ADDRESS, writeInformationPage } from "./information-page.ts";
import { type LoadedProgram, loadElf } from "./load-elf.ts";
import { MachineThread } from "./machine-thread.ts";
import type { Machines } from "./machines.ts";
import type { ProgramRegistry, ProgramRunner, RegisteredProgram } from "./program.ts";
import { type ResolvedProgram, resolveProgram } from "./resolve-program.ts";

/** Where a TypeScript program's heap begins: behind the NULL guard and the process-information page. */
export const HEAP_BASE: number = INFORMATION_PAGE_ADDRESS + 0x1000;
const INITIAL_MEMORY_BYTES = 1 << 20;
/** All strings of argv and envp together. */
export const MAXIMUM_ARGUMENT_BYTES: number = 2 << 20;

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
  /** Default: the parent's. */
  group?: ControlGroup;
}

/** What spawning needs from the kernel beside the system itself. */
export interface ProgramLoader {
  readonly registry: ProgramRegistry;
  readonly runner: ProgramRunner;
  readonly machines: Machines;
  /** Bounds of the memory of one TypeScript program, and of one of machine code. */
  readonly maximumProgramBytes: number;
  readonly maximumMachineBytes: number;
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
  const { file, program } = resolved;
  const hasRoom = program === null || loader.runner.hasRoom(request.isolate);
  const group = request.group ?? request.parent?.group ?? unlimitedGroup();
  const processId = hasRoom ? system.processes.allocateNumber(group) : 0;
  if (processId === 0) {
    file?.drop();
    return refused(-EAGAIN);
  }
  if (file === null) return startProgram(system, loader, { ...request, group }, resolved, processId);
  const credentials = request.parent?.credentials.clone() ?? new ProcessCredentials();
  executedBy(credentials, file);
  const loaded = loadElf(system, loader.machines, {
    file,
    fileSystem: request.fileSystem,
    abi: request.abi,
    arguments: resolved.arguments,
    environment: request.environment,
    executable: request.path,
    maximumMemoryBytes: loader.maximumMachineBytes,
    processId,
    parentId: request.parent?.processId ?? 0,
    credentials,
    account: group.memory,
  });
  file.drop();
  if (typeof loaded === "number") return refused(loaded);
  const process = makeProcess(system, { ...request, group }, resolved, processId, loaded.machine.memory);
  Object.assign(process.credentials, credentials);
  becomeMachine(process, loaded, new MachineThread(process, processId, loaded.machine, loader.machines));
  return process;
}

function startProgram(
  system: System,
  loader: ProgramLoader,
  request: SpawnRequest,
  resolved: ResolvedProgram,
  processId: number,
): Process {
  const memory = BufferMemory.allocate(INITIAL_MEMORY_BYTES, request.maximumMemoryBytes, request.isolate === "worker");
  const process = makeProcess(system, request, resolved, processId, memory);
  process.breakAddress = INITIAL_MEMORY_BYTES;
  if (request.abi === "akuma") {
    writeInformationPage(memory, processId, request.parent?.processId ?? 0, resolved.arguments);
  }
  loader.runner.start(process, resolved.program as RegisteredProgram, request.isolate);
  return process;
}

function makeProcess(
  system: System,
  request: SpawnRequest,
  resolved: ResolvedProgram,
  processId: number,
  memory: UserMemory,
): Process {
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
    ...(request.group === undefined ? {} : { group: request.group }),
  });
  if (request.parent !== null) {
    request.parent.signals.inheritFor(process.signals);
    process.tracer = request.parent.tracer;
  }
  system.processes.add(process);
  return process;
}

/** What a file's set-user-ID and set-group-ID bits make of who executes it. */
export function executedBy(credentials: ProcessCredentials, file: OpenFile): void {
  const status = file.status();
  if (typeof status !== "number") credentials.executed(status);
}

/** Gives a process its first thread of machine code, ready to run. */
export function becomeMachine(process: Process, loaded: LoadedProgram, thread: MachineThread): void {
  const { machine, entry, stackPointer } = loaded;
  process.isMachine = true;
  process.addressSpace = machine.space;
  machine.space.options.limits = process.limits;
  process.onEnd = () => machine.leave();
  thread.blocked = process.mainThread.blocked;
  process.threads.clear();
  process.threads.add(thread);
  process.mainThread = thread;
  thread.startAt(entry, stackPointer);
  thread.queue.enqueue(thread);
}

/**
 * execve(2) where the new program is a TypeScript one: the process goes on with it, and the calling thread ends. The old memory
 * has been left already.
 */
export function becomeTypeScript(process: Process, loader: ProgramLoader, resolved: ResolvedProgram): void {
  const memory = BufferMemory.allocate(INITIAL_MEMORY_BYTES, loader.maximumProgramBytes);
  process.isMachine = false;
  process.onEnd = null;
  process.replaceMemory(memory, INITIAL_MEMORY_BYTES);
  const thread = new Thread(process, process.processId);
  thread.blocked = process.mainThread.blocked;
  process.mainThread = thread;
  process.threads.add(thread);
  loader.runner.start(process, resolved.program as RegisteredProgram, "realm");
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
