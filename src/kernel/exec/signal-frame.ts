/**
 * Handlers of machine code: the frame that one starts with on the guest's stack, and the way back (rt_sigreturn(2)). The
 * layout is arm64 Linux's struct rt_sigframe: siginfo, ucontext with the general registers, then the vector registers as an
 * extension record, and below it a frame record.
 */
import { SA_NODEFER, SA_ONSTACK, SA_RESTORER, SIGINFO_BYTES, SS_AUTODISARM, SS_DISABLE } from "../../abi/signal.ts";
import { stateOffset } from "../../cpu/state.ts";
import { writeSignalInformation } from "../task/signal-information.ts";
import { type SignalInformation, signalBit } from "../task/signal-queue.ts";
import { type SignalAction, UNBLOCKABLE } from "../task/signals.ts";
import type { MachineThread } from "./machine-thread.ts";

/** Offsets in the frame. */
const frame = {
  siginfo: 0,
  /** struct ucontext: flags, link, stack_t, sigset_t padded to 128 bytes, and the machine context on 16 bytes. */
  ucontext: SIGINFO_BYTES,
  stack: SIGINFO_BYTES + 16,
  mask: SIGINFO_BYTES + 40,
  /** struct sigcontext: fault_address, X0 to X30, SP, PC, PSTATE. */
  faultAddress: SIGINFO_BYTES + 176,
  registers: SIGINFO_BYTES + 184,
  stackPointer: SIGINFO_BYTES + 432,
  pc: SIGINFO_BYTES + 440,
  processorState: SIGINFO_BYTES + 448,
  /** 4096 bytes for extension records, on 16 bytes. */
  records: SIGINFO_BYTES + 464,
} as const;
const RECORDS_BYTES = 4096;
const FRAME_BYTES = frame.records + RECORDS_BYTES;
/** The frame record behind it: X29 and X30 as they were. */
const FRAME_RECORD_BYTES = 16;
const FPSIMD_MAGIC = 0x46508001;
const FPSIMD_BYTES = 528;
/** struct esr_context: its header, then the register. */
const ESR_MAGIC = 0x45535201;
const ESR_BYTES = 16;
const VECTOR_BYTES = 512;
const FLAGS = 0xf0000000;

/**
 * Lets the active thread run a handler next. `maskBefore` is what rt_sigreturn puts back. False when the stack has no room: the
 * guest gets SIGSEGV then.
 */
export function enterHandler(
  thread: MachineThread,
  signal: number,
  information: SignalInformation,
  action: SignalAction,
  maskBefore: bigint,
  trampoline: number,
): boolean {
  const { cpu, memory } = thread.machine;
  const { alternateStack } = thread;
  const usesAlternate =
    (action.flags & SA_ONSTACK) !== 0 && (alternateStack.flags & SS_DISABLE) === 0 && !thread.isOnAlternateStack;
  const top = usesAlternate ? alternateStack.address + alternateStack.byteLength : cpu.x32(31);
  const record = (top - FRAME_RECORD_BYTES) & ~15;
  const base = record - FRAME_BYTES;
  if (!memory.isValid(base >>> 0, FRAME_BYTES + FRAME_RECORD_BYTES) || base < 0 !== record < 0) return false;
  const at = base >>> 0;
  const { bytes, view } = memory;
  bytes.fill(0, at, at + FRAME_BYTES);
  writeSignalInformation(memory, at + frame.siginfo, signal, information);
  memory.writeInt64(at + frame.stack, alternateStack.address);
  memory.writeUint32(at + frame.stack + 8, alternateStack.flags);
  memory.writeInt64(at + frame.stack + 16, alternateStack.byteLength);
  view.setBigUint64(at + frame.mask, maskBefore, true);
  view.setBigUint64(at + frame.faultAddress, BigInt.asUintN(64, information.address ?? 0n), true);
  const state = new Uint8Array(cpu.state.buffer);
  // X0 to X30 and SP lie side by side here and there.
  bytes.set(state.subarray(stateOffset.x, stateOffset.x + 256), at + frame.registers);
  memory.writeInt64(at + frame.pc, cpu.pc);
  memory.writeInt64(at + frame.processorState, cpu.nzcv);
  memory.writeUint32(at + frame.records, FPSIMD_MAGIC);
  memory.writeUint32(at + frame.records + 4, FPSIMD_BYTES);
  memory.writeUint32(at + frame.records + 8, cpu.view.getUint32(stateOffset.fpsr, true));
  memory.writeUint32(at + frame.records + 12, cpu.view.getUint32(stateOffset.fpcr, true));
  bytes.set(state.subarray(stateOffset.v, stateOffset.v + VECTOR_BYTES), at + frame.records + 16);
  if (information.syndrome !== undefined) {
    const syndrome = at + frame.records + FPSIMD_BYTES;
    memory.writeUint32(syndrome, ESR_MAGIC);
    memory.writeUint32(syndrome + 4, ESR_BYTES);
    memory.writeInt64(syndrome + 8, information.syndrome);
  }
  bytes.set(state.subarray(8 * 29, 8 * 31), record >>> 0);

  cpu.setX(0, signal);
  cpu.setX(1, at + frame.siginfo);
  cpu.setX(2, at + frame.ucontext);
  cpu.setX(29, record >>> 0);
  cpu.setX(30, (action.flags & SA_RESTORER) !== 0 ? (action.restorer ?? trampoline) : trampoline);
  cpu.setX(31, at);
  cpu.pc = action.handler;
  cpu.view.setInt32(stateOffset.exclusiveAddress, -1, true);
  thread.blocked =
    (thread.blocked | action.mask | ((action.flags & SA_NODEFER) !== 0 ? 0n : signalBit(signal))) & ~UNBLOCKABLE;
  if ((alternateStack.flags & SS_AUTODISARM) !== 0 && usesAlternate)
    thread.alternateStack = { address: 0, byteLength: 0, flags: SS_DISABLE };
  return true;
}

/** Puts back what the frame at the active thread's stack pointer holds. False for a frame that is none. */
export function leaveHandler(thread: MachineThread): boolean {
  const { cpu, memory } = thread.machine;
  const at = cpu.x32(31);
  if (!memory.isValid(at, FRAME_BYTES) || at % 16 !== 0) return false;
  const { bytes, view } = memory;
  const state = new Uint8Array(cpu.state.buffer);
  if (!restoreVectors(thread, at + frame.records, state)) return false;
  state.set(bytes.subarray(at + frame.registers, at + frame.registers + 256), stateOffset.x);
  cpu.pc = memory.readUint32(at + frame.pc);
  cpu.nzcv = memory.readUint32(at + frame.processorState) & FLAGS;
  thread.alternateStack = {
    address: memory.readInt64(at + frame.stack),
    flags: memory.readUint32(at + frame.stack + 8) & (SS_DISABLE | SS_AUTODISARM),
    byteLength: memory.readInt64(at + frame.stack + 16),
  };
  thread.process.signals.setBlocked(view.getBigUint64(at + frame.mask, true), thread);
  return true;
}

/** Finds the record with the vector registers among the extension records. */
function restoreVectors(thread: MachineThread, records: number, state: Uint8Array): boolean {
  const { cpu, memory } = thread.machine;
  for (let at = records; at + 8 <= records + RECORDS_BYTES; ) {
    const magic = memory.readUint32(at);
    const byteLength = memory.readUint32(at + 4);
    if (magic === 0) return byteLength === 0;
    if (byteLength < 16 || byteLength % 16 !== 0) return false;
    if (magic === FPSIMD_MAGIC) {
      if (byteLength !== FPSIMD_BYTES || at + FPSIMD_BYTES > records + RECORDS_BYTES) return false;
      cpu.view.setUint32(stateOffset.fpsr, memory.readUint32(at + 8), true);
      cpu.view.setUint32(stateOffset.fpcr, memory.readUint32(at + 12), true);
      state.set(memory.bytes.subarray(at + 16, at + 16 + VECTOR_BYTES), stateOffset.v);
    }
    at += byteLength;
  }
  return false;
}
