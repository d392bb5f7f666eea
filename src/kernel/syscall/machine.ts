/** The calls that only a thread of machine code can make: clone(2), execve(2), rt_sigreturn(2), exit(2) of one thread. */

import {
  CLONE_ARGS_SIZE_VER0,
  CLONE_ARGS_SIZE_VER2,
  CLONE_CLEAR_SIGHAND,
  CLONE_DETACHED,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  CSIGNAL,
} from "../../abi/clone.ts";
import { E2BIG, EBADF, EFAULT, EINVAL, ENOENT, ENOSYS } from "../../abi/errno.ts";
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, FD_CLOEXEC } from "../../abi/file.ts";
import { PAGE_BYTES } from "../../abi/memory.ts";
import { NSIG, SIGSEGV } from "../../abi/signal.ts";
import { type CloneRequest, cloneThread, exitThread } from "../exec/clone.ts";
import { execute } from "../exec/execute.ts";
import { MachineThread } from "../exec/machine-thread.ts";
import { leaveHandler } from "../exec/signal-frame.ts";
import { MAXIMUM_ARGUMENT_BYTES, type ProgramLoader } from "../exec/spawn.ts";
import type { Process } from "../task/process.ts";
import { ProcessFile } from "../task/process-file.ts";
import { fromKernel } from "../task/signal-queue.ts";
import { BLOCKED, type Handler, type Task } from "../task/task.ts";
import type { UserMemory } from "../task/user-memory.ts";
import { call, type SyscallDefinition } from "./definition.ts";
import { readPath, startOf } from "./path-arguments.ts";
import { exit } from "./process.ts";

const NAMESPACES: number =
  CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
/** MAX_ARG_STRLEN. */
const MOST_STRING_BYTES = 131_072;

/** A child of vfork(2) that borrows the memory: its parent waits, whatever signals come, until it is done with it. */
function waitForVfork(task: Task, child: Process): number {
  if (child.vforkDone === null) return child.processId;
  task.waitOn(child.vforkDone);
  return BLOCKED;
}

function startClone(task: Task, loader: ProgramLoader, request: CloneRequest, pidfdAddress: number): number {
  const { thread } = task;
  if (!(thread instanceof MachineThread)) return -ENOSYS;
  const { flags } = request;
  if ((flags & NAMESPACES) !== 0) return -EINVAL;
  if ((flags & CLONE_THREAD) !== 0 && (flags & CLONE_SIGHAND) === 0) return -EINVAL;
  if ((flags & CLONE_SIGHAND) !== 0 && (flags & CLONE_VM) === 0) return -EINVAL;
  if (request.clearsHandlers && (flags & CLONE_SIGHAND) !== 0) return -EINVAL;
  const hasFile = (flags & CLONE_PIDFD) !== 0;
  if (hasFile) {
    if ((flags & (CLONE_THREAD | CLONE_DETACHED)) !== 0) return -EINVAL;
    const errno = task.process.descriptors.checkRoom();
    if (errno < 0) return errno;
    if (!task.process.memory.isValid(pidfdAddress, 4)) return -EFAULT;
  }
  const child = cloneThread(loader.machines, thread, request);
  if (typeof child === "number") return child;
  if (hasFile) {
    const file = new ProcessFile(task.system.openFiles, child.process, 0);
    task.process.memory.writeUint32(pidfdAddress, task.process.descriptors.install(file, FD_CLOEXEC));
  }
  if ((flags & CLONE_VFORK) === 0) return child.threadId;
  task.scratch = child.process;
  return waitForVfork(task, child.process);
}

function makeClone(loader: ProgramLoader): Handler {
  return (task, flags, stackPointer, parentTidAddress, threadPointer, childTidAddress) => {
    if (task.scratch !== null) return waitForVfork(task, task.scratch as Process);
    // clone(2) tells the pidfd where it would tell the number.
    if ((flags & CLONE_PIDFD) !== 0 && (flags & CLONE_PARENT_SETTID) !== 0) return -EINVAL;
    const request = {
      flags,
      stackPointer,
      parentTidAddress,
      childTidAddress,
      threadPointer: BigInt.asUintN(64, BigInt(threadPointer)),
      exitSignal: (flags & CSIGNAL) > NSIG ? 0 : flags & CSIGNAL,
      clearsHandlers: false,
    };
    return startClone(task, loader, request, parentTidAddress);
  };
}

function makeClone3(loader: ProgramLoader): Handler {
  return (task, address, byteLength) => {
    if (task.scratch !== null) return waitForVfork(task, task.scratch as Process);
    if (byteLength < CLONE_ARGS_SIZE_VER0) return -EINVAL;
    const { memory } = task.process;
    if (byteLength > PAGE_BYTES) return -E2BIG;
    if (!memory.isValid(address, byteLength)) return -EFAULT;
    for (let at = CLONE_ARGS_SIZE_VER2; at < byteLength; at++) if (memory.bytes[address + at] !== 0) return -E2BIG;
    const all = memory.readInt64(address);
    const clearsHandlers = all >= CLONE_CLEAR_SIGHAND && all < 2 * CLONE_CLEAR_SIGHAND;
    const flags = clearsHandlers ? all - CLONE_CLEAR_SIGHAND : all;
    const exitSignal = memory.readInt64(address + 32);
    const stack = memory.readInt64(address + 40);
    const stackBytes = memory.readInt64(address + 48);
    if (flags < 0 || flags > 0xffff_ffff || (flags & CSIGNAL) !== 0 || exitSignal < 0 || exitSignal > 64)
      return -EINVAL;
    if ((stack === 0) !== (stackBytes === 0)) return -EINVAL;
    if ((flags & (CLONE_THREAD | CLONE_PARENT)) !== 0 && exitSignal !== 0) return -EINVAL;
    // Nobody may choose numbers (set_tid).
    for (let at = CLONE_ARGS_SIZE_VER0; at + 8 <= Math.min(byteLength, CLONE_ARGS_SIZE_VER2 - 8); at += 8)
      if (memory.readInt64(address + at) !== 0) return -EINVAL;
    const request = {
      flags,
      stackPointer: stack + stackBytes,
      childTidAddress: memory.readInt64(address + 16),
      parentTidAddress: memory.readInt64(address + 24),
      threadPointer: memory.view.getBigUint64(address + 56, true),
      exitSignal,
      clearsHandlers,
    };
    return startClone(task, loader, request, memory.readInt64(address + 8));
  };
}

/** A NULL-terminated array of strings; -EFAULT, -E2BIG … */
function readStrings(memory: UserMemory, address: number): string[] | number {
  const strings: string[] = [];
  if (address === 0) return strings;
  let bytes = 0;
  for (let at = address; ; at += 8) {
    if (!memory.isValid(at, 8)) return -EFAULT;
    const pointer = memory.readInt64(at);
    if (pointer === 0) return strings;
    const text = memory.readString(pointer, MOST_STRING_BYTES);
    if (typeof text === "number") return text;
    bytes += text.length + 9;
    if (bytes > MAXIMUM_ARGUMENT_BYTES) return -E2BIG;
    strings.push(text);
  }
}

function executeAt(
  task: Task,
  loader: ProgramLoader,
  directory: number,
  pathAddress: number,
  argumentsAddress: number,
  environmentAddress: number,
  flags: number,
): number {
  const { thread } = task;
  if (!(thread instanceof MachineThread)) return -ENOSYS;
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) !== 0) return -EINVAL;
  const { memory } = task.process;
  let path = memory.readString(pathAddress, 4096);
  if (typeof path === "number") return path;
  if (path === "") {
    if ((flags & AT_EMPTY_PATH) === 0) return -ENOENT;
    if (task.fileOrPath(directory) === null) return -EBADF;
    path = `/proc/self/fd/${directory}`;
  } else {
    const checked = readPath(task, pathAddress);
    if (typeof checked === "number") return checked;
  }
  const programArguments = readStrings(memory, argumentsAddress);
  if (typeof programArguments === "number") return programArguments;
  const environment = readStrings(memory, environmentAddress);
  if (typeof environment === "number") return environment;
  const start = startOf(task, directory, path);
  if (typeof start === "number") return start;
  return execute(task, thread, loader, {
    path,
    // execve(2): since Linux 5.18 a program has at least an empty argv[0].
    arguments: programArguments.length === 0 ? [""] : programArguments,
    environment,
    ...(start === undefined ? {} : { start }),
  });
}

export function rtSigreturn(task: Task): number {
  const { thread, process } = task;
  if (!(thread instanceof MachineThread)) return -ENOSYS;
  thread.keepsRegisters = true;
  if (!leaveHandler(thread)) process.signals.force(thread, SIGSEGV, fromKernel);
  return 0;
}

/** exit(2) ends one thread, exit_group(2) all. */
export function exitOne(task: Task, code: number): number {
  if (!(task.thread instanceof MachineThread)) return exit(task, code);
  exitThread(task.thread, code);
  return 0;
}

export function machineCalls(loader: ProgramLoader): readonly SyscallDefinition[] {
  return [
    call(93, "exit", ["int"], exitOne),
    call(139, "rt_sigreturn", [], rtSigreturn),
    call(220, "clone", ["uint", "address", "address", "address", "address"], makeClone(loader)),
    call(221, "execve", ["path", "address", "address"], (task, path, programArguments, environment) =>
      executeAt(task, loader, AT_FDCWD, path, programArguments, environment, 0),
    ),
    call(
      281,
      "execveat",
      ["dirfd", "path", "address", "address", "at-flags"],
      (task, directory, path, programArguments, environment, flags) =>
        executeAt(task, loader, directory, path, programArguments, environment, flags),
    ),
    call(435, "clone3", ["address", "size"], makeClone3(loader)),
  ];
}
