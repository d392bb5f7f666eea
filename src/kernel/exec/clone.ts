/** clone(2): a further thread of a process, or a child with a copy of its memory, or one that borrows the memory until exec. */

import {
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_FILES,
  CLONE_FS,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_SETTLS,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
} from "../../abi/clone.ts";
import { EAGAIN, ENOMEM } from "../../abi/errno.ts";
import { RLIM_INFINITY, RLIMIT_NPROC } from "../../abi/resource.ts";
import { WaitQueue } from "../../base/wait-queue.ts";
import { STATE_BYTES, stateOffset } from "../../cpu/state.ts";
import { Process } from "../task/process.ts";
import type { Machine } from "./machine.ts";
import { MachineThread } from "./machine-thread.ts";
import type { Machines } from "./machines.ts";

export interface CloneRequest {
  flags: number;
  /** The child's stack pointer; 0 for the parent's. */
  stackPointer: number;
  parentTidAddress: number;
  childTidAddress: number;
  /** As a 64-bit number: the thread pointer. */
  threadPointer: bigint;
  /** What the parent gets when the child ends; 0 for nothing. */
  exitSignal: number;
  /** CLONE_CLEAR_SIGHAND. */
  clearsHandlers: boolean;
}

/** The new thread, which is ready to run; or -errno. The calling thread is the one in the CPU. */
export function cloneThread(machines: Machines, parent: MachineThread, request: CloneRequest): MachineThread | number {
  const { flags } = request;
  const { process } = parent;
  const { processes } = process.system;
  const threadId = isWithinLimit(process) ? processes.allocateNumber(process.group) : 0;
  if (threadId === 0) return -EAGAIN;
  const thread =
    (flags & CLONE_THREAD) !== 0 ? addThread(parent, threadId) : addProcess(machines, parent, threadId, request);
  if (typeof thread === "number") return thread;
  thread.blocked = parent.blocked;
  copyRegisters(parent, thread, request);
  const { memory } = thread.machine;
  if ((flags & CLONE_PARENT_SETTID) !== 0) writeTid(parent.machine, request.parentTidAddress, threadId);
  if ((flags & CLONE_CHILD_SETTID) !== 0 && memory.isValid(request.childTidAddress, 4))
    memory.writeUint32(request.childTidAddress, threadId);
  if ((flags & CLONE_CHILD_CLEARTID) !== 0) thread.clearChildTid = request.childTidAddress;
  thread.queue.enqueue(thread);
  return thread;
}

/** RLIMIT_NPROC counts the processes and threads of a user; root's is not looked at. */
function isWithinLimit({ credentials, limits, system }: Process): boolean {
  const limit = limits[RLIMIT_NPROC]?.current ?? RLIM_INFINITY;
  if (limit === RLIM_INFINITY || credentials.userId === 0) return true;
  let count = 0;
  for (const other of system.processes.all()) {
    if (other.credentials.userId === credentials.userId) count += Math.max(1, other.threads.size);
  }
  return count < limit;
}

function writeTid({ memory }: Machine, address: number, threadId: number): void {
  if (memory.isValid(address, 4)) memory.writeUint32(address, threadId);
}

function addThread(parent: MachineThread, threadId: number): MachineThread {
  const { process } = parent;
  const thread = new MachineThread(process, threadId, parent.machine, parent.queue);
  process.threads.add(thread);
  process.system.processes.addThread(thread);
  return thread;
}

function addProcess(
  machines: Machines,
  parent: MachineThread,
  processId: number,
  request: CloneRequest,
): MachineThread | number {
  const { process } = parent;
  const { flags } = request;
  let machine: Machine;
  if ((flags & CLONE_VM) !== 0) {
    machine = parent.machine;
    machine.users++;
    machine.space.retain();
  } else {
    const copy = machines.fork(parent.machine);
    if (copy === null) return -ENOMEM;
    machine = copy;
  }
  const child = new Process(process.system, {
    processId,
    parent: (flags & CLONE_PARENT) !== 0 ? process.parent : process,
    origin: process,
    abi: process.abi,
    memory: machine.memory,
    descriptors: (flags & CLONE_FILES) !== 0 ? process.descriptors.share() : process.descriptors.inherit(false),
    fileSystem: (flags & CLONE_FS) !== 0 ? process.fileSystem : { ...process.fileSystem, processId },
    arguments: process.arguments,
    environment: process.environment,
    executable: process.executable,
  });
  child.name = process.name;
  child.processGroup = process.processGroup;
  child.session = process.session;
  child.isMachine = true;
  child.tracer = process.tracer;
  child.addressSpace = machine.space;
  if (machine !== parent.machine) machine.space.options.limits = child.limits;
  child.onEnd = () => machine.leave();
  child.exitSignal = (flags & CLONE_PARENT) !== 0 ? process.exitSignal : request.exitSignal;
  if ((flags & CLONE_SIGHAND) !== 0) process.signals.shareActionsWith(child.signals);
  else process.signals.copyActionsTo(child.signals);
  if (request.clearsHandlers) child.signals.resetHandlers();
  const thread = new MachineThread(child, processId, machine, parent.queue);
  thread.alternateStack =
    (flags & (CLONE_VM | CLONE_VFORK)) === CLONE_VM ? thread.alternateStack : parent.alternateStack;
  child.threads.clear();
  child.threads.add(thread);
  child.mainThread = thread;
  if ((flags & CLONE_VFORK) !== 0) child.vforkDone = new WaitQueue();
  process.system.processes.add(child);
  return thread;
}

/** The child's registers: the parent's, but for the result, and what it asked for. */
function copyRegisters(parent: MachineThread, child: MachineThread, request: CloneRequest): void {
  const { cpu } = parent.machine;
  child.registers.set(new Uint8Array(cpu.state.buffer, 0, STATE_BYTES));
  const view = new DataView(child.registers.buffer);
  view.setBigUint64(stateOffset.x, 0n, true);
  view.setInt32(stateOffset.exclusiveAddress, -1, true);
  if (request.stackPointer !== 0) view.setBigUint64(stateOffset.sp, BigInt(request.stackPointer), true);
  if ((request.flags & CLONE_SETTLS) !== 0) view.setBigUint64(stateOffset.tpidr, request.threadPointer, true);
}

/** exit(2) of one thread; the last one ends the process. */
export function exitThread(thread: MachineThread, code: number): void {
  const { process } = thread;
  if (process.threads.size <= 1) {
    thread.leaveMemory();
    process.exit(code);
  } else thread.end();
}
