/** What the CPU stopped at, other than a call and its budget, as a signal and what its handler learns. */
import {
  BUS_ADRALN,
  ILL_ILLOPC,
  SEGV_ACCERR,
  SEGV_MAPERR,
  SIGBUS,
  SIGILL,
  SIGSEGV,
  SIGTRAP,
  TRAP_BRKPT,
} from "../../abi/signal.ts";
import type { Stop } from "../../cpu/cpu.ts";
import type { AddressSpace } from "../task/address-space.ts";
import { fromKernel, type SignalInformation } from "../task/signal-queue.ts";

export type Fault = Stop & { reason: "fault" };

export interface FaultSignal {
  signal: number;
  information: SignalInformation;
}

/** ESR_EL1 of aborts at EL0 by its class, and the status codes of faults at the last level of tables. */
const INSTRUCTION_ABORT = 0x8200_0000;
const DATA_ABORT = 0x9200_0000;
const IS_WRITE = 0x40;
const TRANSLATION_FAULT = 0x07;
const PERMISSION_FAULT = 0x0f;
const ALIGNMENT_FAULT = 0x21;

/** Null for a stop that is no fault. */
export function signalOfStop(stop: Stop, space: AddressSpace): FaultSignal | null {
  switch (stop.reason) {
    case "unknown":
      return { signal: SIGILL, information: at(ILL_ILLOPC, stop.address) };
    case "breakpoint":
      return { signal: SIGTRAP, information: at(TRAP_BRKPT, stop.address) };
    case "fault":
      return signalOfFault(stop, space);
    default:
      return null;
  }
}

function signalOfFault(stop: Fault, space: AddressSpace): FaultSignal {
  if (stop.kind === "stack") return { signal: SIGSEGV, information: fromKernel };
  const { address } = stop;
  if (isMisaligned(stop)) return abort(SIGBUS, BUS_ADRALN, stop, ALIGNMENT_FAULT);
  const isMapped = address !== null && space.isMapped(address, 1);
  return isMapped
    ? abort(SIGSEGV, SEGV_ACCERR, stop, PERMISSION_FAULT)
    : abort(SIGSEGV, SEGV_MAPERR, stop, TRANSLATION_FAULT);
}

/** An atomic access, or a program counter, that is no multiple of its size. */
export function isMisaligned({ kind, address }: Fault): boolean {
  return kind === "misaligned" || (kind === "fetch" && address !== null && address % 4 !== 0);
}

function abort(signal: number, code: number, { kind, isStore, address }: Fault, status: number): FaultSignal {
  const syndrome = (kind === "fetch" ? INSTRUCTION_ABORT : DATA_ABORT) + (isStore ? IS_WRITE : 0) + status;
  return { signal, information: { ...at(code, address), syndrome } };
}

function at(code: number, address: number | null): SignalInformation {
  const information = { code, processId: 0, status: 0 };
  return address === null ? information : { ...information, address: BigInt(address) };
}
