/** prctl(2): what a process may set about itself. An option that is not here is EINVAL, as for a kernel built without it. */
import {
  CAP_SETPCAP,
  CAPABILITY_MAXIMUM,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_IS_SET,
  PR_CAP_AMBIENT_LOWER,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_GET_KEEPCAPS,
  PR_GET_NO_NEW_PRIVS,
  PR_GET_SECUREBITS,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_SECUREBITS,
} from "../../abi/capability.ts";
import { EFAULT, EINVAL, EPERM } from "../../abi/errno.ts";
import {
  COMMAND_NAME_BYTES,
  PR_GET_CHILD_SUBREAPER,
  PR_GET_DUMPABLE,
  PR_GET_NAME,
  PR_GET_PDEATHSIG,
  PR_GET_SECCOMP,
  PR_GET_THP_DISABLE,
  PR_GET_TIMERSLACK,
  PR_GET_TIMING,
  PR_SET_CHILD_SUBREAPER,
  PR_SET_DUMPABLE,
  PR_SET_NAME,
  PR_SET_PDEATHSIG,
  PR_SET_THP_DISABLE,
  PR_SET_TIMERSLACK,
  PR_SET_TIMING,
} from "../../abi/process-control.ts";
import { NSIG } from "../../abi/signal.ts";
import type { ProcessCredentials } from "../task/credentials.ts";
import type { Process } from "../task/process.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

export function prctl(
  task: Task,
  option: number,
  second: number,
  third: number,
  fourth: number,
  fifth: number,
): number {
  const { process } = task;
  switch (option) {
    case PR_SET_PDEATHSIG:
      if (!(second >= 0 && second <= NSIG)) return -EINVAL;
      process.parentDeathSignal = second;
      return 0;
    case PR_GET_PDEATHSIG:
      return writeInt(process, second, process.parentDeathSignal);
    case PR_GET_DUMPABLE:
      return process.isDumpable ? 1 : 0;
    case PR_SET_DUMPABLE:
      if (second !== 0 && second !== 1) return -EINVAL;
      process.isDumpable = second === 1;
      return 0;
    case PR_GET_TIMING:
      return 0;
    case PR_SET_TIMING:
      // Only statistical timing was ever there.
      return second === 0 ? 0 : -EINVAL;
    case PR_SET_NAME:
      return setName(process, second);
    case PR_GET_NAME:
      return writeName(process, second);
    case PR_GET_SECCOMP:
      return 0;
    case PR_SET_TIMERSLACK:
      process.timerSlackNanoseconds = second <= 0 ? process.defaultTimerSlackNanoseconds : second;
      return 0;
    case PR_GET_TIMERSLACK:
      return process.timerSlackNanoseconds;
    case PR_SET_CHILD_SUBREAPER:
      process.isSubreaper = second !== 0;
      return 0;
    case PR_GET_CHILD_SUBREAPER:
      return writeInt(process, second, process.isSubreaper ? 1 : 0);
    case PR_SET_THP_DISABLE:
      if (third !== 0 || fourth !== 0 || fifth !== 0) return -EINVAL;
      process.avoidsHugePages = second !== 0;
      return 0;
    case PR_GET_THP_DISABLE:
      if (second !== 0 || third !== 0 || fourth !== 0 || fifth !== 0) return -EINVAL;
      return process.avoidsHugePages ? 1 : 0;
    default:
      return controlCredentials(process.credentials, option, second, third, fourth, fifth);
  }
}

function controlCredentials(
  credentials: ProcessCredentials,
  option: number,
  second: number,
  third: number,
  fourth: number,
  fifth: number,
): number {
  switch (option) {
    case PR_GET_KEEPCAPS:
      return credentials.keepsCapabilities ? 1 : 0;
    case PR_SET_KEEPCAPS:
      if (second !== 0 && second !== 1) return -EINVAL;
      credentials.keepsCapabilities = second === 1;
      return 0;
    case PR_CAPBSET_READ:
      if (!isCapability(second)) return -EINVAL;
      return second < 32 ? (credentials.bounding >>> second) & 1 : 0;
    case PR_CAPBSET_DROP:
      if (!credentials.has(CAP_SETPCAP)) return -EPERM;
      if (!isCapability(second)) return -EINVAL;
      if (second < 32) credentials.bounding = (credentials.bounding & ~(1 << second)) >>> 0;
      return 0;
    case PR_GET_SECUREBITS:
      return 0;
    case PR_SET_SECUREBITS:
      return credentials.has(CAP_SETPCAP) && second === 0 ? 0 : -EPERM;
    case PR_SET_NO_NEW_PRIVS:
      if (second !== 1 || third !== 0 || fourth !== 0 || fifth !== 0) return -EINVAL;
      credentials.noNewPrivileges = true;
      return 0;
    case PR_GET_NO_NEW_PRIVS:
      if (second !== 0 || third !== 0 || fourth !== 0 || fifth !== 0) return -EINVAL;
      return credentials.noNewPrivileges ? 1 : 0;
    case PR_CAP_AMBIENT:
      return controlAmbient(second, third, fourth, fifth);
    default:
      return -EINVAL;
  }
}

/** There are no ambient capabilities: the set is empty, and can be emptied. */
function controlAmbient(operation: number, capability: number, fourth: number, fifth: number): number {
  if (operation === PR_CAP_AMBIENT_CLEAR_ALL) return capability === 0 && fourth === 0 && fifth === 0 ? 0 : -EINVAL;
  if (fourth !== 0 || fifth !== 0 || !isCapability(capability)) return -EINVAL;
  if (operation === PR_CAP_AMBIENT_IS_SET || operation === PR_CAP_AMBIENT_LOWER) return 0;
  return operation === PR_CAP_AMBIENT_RAISE ? -EPERM : -EINVAL;
}

function isCapability(number: number): boolean {
  return number >= 0 && number <= CAPABILITY_MAXIMUM;
}

function writeInt(process: Process, address: number, value: number): number {
  if (!process.memory.isValid(address, 4)) return -EFAULT;
  process.memory.writeUint32(address, value);
  return 0;
}

/** Up to 15 bytes of the text are taken; a longer one is cut, not refused. */
function setName(process: Process, address: number): number {
  const { memory } = process;
  if (!memory.isValid(address, 1)) return -EFAULT;
  const end = Math.min(address + COMMAND_NAME_BYTES - 1, memory.byteLength);
  const length = memory.bytes.subarray(address, end).indexOf(0);
  const name = memory.readText(address, length < 0 ? end - address : length);
  if (typeof name === "number") return name;
  process.name = name;
  return 0;
}

function writeName(process: Process, address: number): number {
  const { memory } = process;
  if (!memory.isValid(address, COMMAND_NAME_BYTES)) return -EFAULT;
  const field = new Uint8Array(COMMAND_NAME_BYTES);
  new TextEncoder().encodeInto(process.name, field.subarray(0, COMMAND_NAME_BYTES - 1));
  memory.bytes.set(field, address);
  return 0;
}

export const processControlCalls: readonly SyscallDefinition[] = [
  call(167, "prctl", ["int", "hex", "hex", "hex", "hex"], prctl),
];
