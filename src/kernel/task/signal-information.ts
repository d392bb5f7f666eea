/** siginfo_t in user memory: what a signal's handler, rt_sigtimedwait(2) and waitid(2) get. */
import { SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGINFO_BYTES, SIGSEGV, SIGTRAP } from "../../abi/signal.ts";
import type { SignalInformation } from "./signal-queue.ts";
import type { UserMemory } from "./user-memory.ts";

const faults: ReadonlySet<number> = new Set([SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP]);

/** Fills SIGINFO_BYTES at an address that is known to be good. */
export function writeSignalInformation(
  memory: UserMemory,
  address: number,
  signal: number,
  information: SignalInformation,
): void {
  memory.bytes.fill(0, address, address + SIGINFO_BYTES);
  memory.writeUint32(address, signal);
  memory.writeUint32(address + 8, information.code);
  if (faults.has(signal) && information.code > 0 && information.address !== undefined) {
    memory.view.setBigUint64(address + 16, BigInt.asUintN(64, information.address), true);
    return;
  }
  memory.writeUint32(address + 16, information.processId);
  memory.writeUint32(address + 20, information.userId ?? 0);
  if (signal === SIGCHLD) memory.writeUint32(address + 24, information.status);
  else if (information.value !== undefined) memory.view.setBigUint64(address + 24, information.value, true);
}

/** What a program passes to rt_sigqueueinfo(2). */
export function readSignalInformation(memory: UserMemory, address: number): SignalInformation {
  return {
    code: memory.readInt32(address + 8),
    processId: memory.readInt32(address + 16),
    userId: memory.readUint32(address + 20),
    status: 0,
    value: memory.view.getBigUint64(address + 24, true),
  };
}
