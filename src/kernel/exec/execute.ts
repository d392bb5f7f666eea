/** execve(2): another program in the same process. */
import { E2BIG } from "../../abi/errno.ts";
import { SIGCHLD, SS_DISABLE } from "../../abi/signal.ts";
import type { Task } from "../task/task.ts";
import type { PathNode } from "../vfs/path-walk.ts";
import { loadElf } from "./load-elf.ts";
import { MachineThread } from "./machine-thread.ts";
import { resolveProgram } from "./resolve-program.ts";
import { becomeMachine, becomeTypeScript, executedBy, MAXIMUM_ARGUMENT_BYTES, type ProgramLoader } from "./spawn.ts";

export interface ExecuteRequest {
  path: string;
  /** Where a relative path begins; undefined: the working directory. */
  start?: PathNode;
  arguments: readonly string[];
  environment: readonly string[];
}

/** Replaces the program of the thread's process; 0, or -errno and nothing has happened. */
export function execute(task: Task, thread: MachineThread, loader: ProgramLoader, request: ExecuteRequest): number {
  const { process, system } = task;
  const bytes = [...request.arguments, ...request.environment].reduce((sum, text) => sum + text.length + 1, 0);
  if (bytes > MAXIMUM_ARGUMENT_BYTES) return -E2BIG;
  const context = { ...process.fileSystem, processId: process.processId };
  const resolved = resolveProgram(loader.registry, context, request.path, request.arguments, request.start);
  if (typeof resolved === "number") return resolved;
  const { file } = resolved;
  const credentials = process.credentials.clone();
  let loaded: ReturnType<typeof loadElf> | null = null;
  if (file !== null) {
    executedBy(credentials, file);
    loaded = loadElf(system, loader.machines, {
      file,
      fileSystem: context,
      abi: process.abi,
      arguments: resolved.arguments,
      environment: request.environment,
      executable: request.path,
      maximumMemoryBytes: loader.maximumMachineBytes,
      processId: process.processId,
      parentId: process.parent?.processId ?? 0,
      credentials,
      account: process.group.memory,
      limits: process.limits,
    });
    file.drop();
    if (typeof loaded === "number") return loaded;
  }

  // There is no way back from here on.
  const before = thread.machine;
  for (const other of [...process.threads]) {
    if (other !== thread && other instanceof MachineThread) other.end();
  }
  process.threads.clear();
  process.mainThread = thread;
  thread.leaveMemory();
  Object.assign(process.credentials, credentials);
  process.unshareDescriptors();
  process.descriptors.closeMarked();
  process.signals.resetHandlers();
  process.exitSignal = SIGCHLD;
  thread.alternateStack = { address: 0, byteLength: 0, flags: SS_DISABLE };
  process.becomeProgram(resolved.path, resolved.arguments, request.environment);
  if (loaded === null) {
    thread.end();
    becomeTypeScript(process, loader, resolved);
  } else {
    system.processes.removeThread(thread);
    thread.threadId = process.processId;
    thread.machine = loaded.machine;
    thread.keepsRegisters = true;
    becomeMachine(process, loaded, thread);
  }
  before.leave();
  process.vforkDone?.wake();
  process.vforkDone = null;
  return 0;
}
