/** One argument of a call as strace writes it, by its type in the call's line of the table. */
import { errnoName } from "../../abi/errno.ts";
import {
  AT_FDCWD,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETLK,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_SETFD,
  F_SETFL,
  F_SETLK,
  F_SETLKW,
  F_SETPIPE_SZ,
  FIONBIO,
  FIONREAD,
  FLOCK_BYTES,
  O_ACCMODE,
  O_CREAT,
  TIOCGWINSZ,
} from "../../abi/file.ts";
import { SIGINFO_BYTES, signalName } from "../../abi/signal.ts";
import { SO_ERROR, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO, SOCK_TYPE_MASK, SOL_SOCKET } from "../../abi/socket.ts";
import { formatIpv4 } from "../../base/ipv4-address.ts";
import type { ArgumentType, SyscallDefinition } from "../syscall/definition.ts";
import type { UserMemory } from "../task/user-memory.ts";
import * as names from "./strace-names.ts";
import { constant, flagNames, hexadecimal, pointer } from "./strace-names.ts";
import * as values from "./strace-values.ts";

/** A call as the formatters see it. */
export interface TracedCall {
  readonly definition: SyscallDefinition;
  readonly memory: UserMemory;
  readonly values: readonly number[];
  /** Result; on entry, while it is not known, 0. */
  result: number;
  /** What stood behind a length-address when the call began; -1 where it could not be read. */
  lengthBefore: number;
}

type Formatter = (call: TracedCall, index: number) => string;

/** Out-arguments are written after the call; those of a call that failed show where they would have gone. */
export function isOutArgument(type: ArgumentType): boolean {
  return type.endsWith("-out");
}

export function formatArgument(call: TracedCall, index: number): string {
  const type = call.definition.arguments[index] as ArgumentType;
  if (isOutArgument(type) && call.result < 0) return pointer(value(call, index));
  return formatters[type](call, index);
}

function value(call: TracedCall, index: number): number {
  return call.values[index] ?? 0;
}

/** The argument behind this one: the length that belongs to it. */
function next(call: TracedCall, index: number): number {
  return value(call, index + 1);
}

const int: Formatter = (call, index) => `${value(call, index) | 0}`;
const unsigned: Formatter = (call, index) => `${value(call, index) >>> 0}`;
const whole: Formatter = (call, index) => `${value(call, index)}`;
const address: Formatter = (call, index) => pointer(value(call, index));

function oneOf(table: names.NameTable): Formatter {
  return (call, index) => constant(value(call, index), table);
}

function flagsOf(table: names.NameTable, zero = "0"): Formatter {
  return (call, index) => flagNames(value(call, index), table, zero);
}

/** A structure at an address; NULL for 0. */
function structure(format: (memory: UserMemory, at: number) => string): Formatter {
  return (call, index) => {
    const at = value(call, index);
    return at === 0 ? "NULL" : format(call.memory, at);
  };
}

/** "O_RDWR|O_CREAT". */
export function openFlagsText(flags: number): string {
  const mode = constant(flags & O_ACCMODE, names.openAccessModes);
  const rest = flags & ~O_ACCMODE;
  return rest === 0 ? mode : `${mode}|${flagNames(rest, names.openFlags)}`;
}

/** A struct flock: "{l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=0}". */
function lockText(memory: UserMemory, at: number): string {
  if (!memory.isValid(at, FLOCK_BYTES)) return pointer(at);
  const type = constant(memory.readUint16(at), names.lockTypes);
  const whence = constant(memory.readUint16(at + 2), names.whences);
  return `{l_type=${type}, l_whence=${whence}, l_start=${memory.readInt64(at + 8)}, l_len=${memory.readInt64(at + 16)}}`;
}

function fcntlArgument(call: TracedCall, index: number): string {
  const argument = value(call, index);
  switch (value(call, index - 1)) {
    case F_SETFL:
      return openFlagsText(argument);
    case F_SETFD:
      return flagNames(argument, names.descriptorFlags);
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_SETPIPE_SZ:
      return `${argument}`;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
      return lockText(call.memory, argument);
    default:
      return hexadecimal(argument);
  }
}

/** ioctl's third argument, in `address` position: by the request before it. */
export function ioctlArgument(call: TracedCall, index: number): string {
  const at = value(call, index);
  const request = value(call, index - 1) >>> 0;
  if (call.result < 0) return pointer(at);
  if (request === FIONBIO || request === FIONREAD) return values.intText(call.memory, at);
  if (request === TIOCGWINSZ && call.memory.isValid(at, 8)) {
    const part = (offset: number): number => call.memory.readUint16(at + offset);
    return `{ws_row=${part(0)}, ws_col=${part(2)}, ws_xpixel=${part(4)}, ws_ypixel=${part(6)}}`;
  }
  return pointer(at);
}

/** The value of a socket option: [1], {l_onoff=1, l_linger=5}, or its bytes. */
function optionValue(call: TracedCall, index: number, length: number): string {
  const { memory } = call;
  const at = value(call, index);
  const option = value(call, index - 1);
  if (at === 0 || length < 0 || !memory.isValid(at, length)) return pointer(at);
  if (value(call, index - 2) === SOL_SOCKET) {
    if (option === SO_LINGER && length >= 8) {
      return `{l_onoff=${memory.readInt32(at)}, l_linger=${memory.readInt32(at + 4)}}`;
    }
    if ((option === SO_RCVTIMEO || option === SO_SNDTIMEO) && length >= 16) return values.timevalText(memory, at);
    const error = option === SO_ERROR && length >= 4 ? memory.readInt32(at) : 0;
    if (error !== 0) return `[${errnoName(error)}]`;
  }
  return length === 4 ? values.intText(memory, at) : values.bufferText(memory, at, length);
}

function lengthBehind(call: TracedCall, index: number): number {
  const at = value(call, index);
  return call.memory.isValid(at, 4) && at !== 0 ? call.memory.readInt32(at) : -1;
}

/** "[16]", or "[128 => 16]" where the call has changed it. */
const lengthAddress: Formatter = (call, index) => {
  const after = lengthBehind(call, index);
  if (after < 0) return pointer(value(call, index));
  return call.lengthBefore < 0 || call.lengthBefore === after ? `[${after}]` : `[${call.lengthBefore} => ${after}]`;
};

function signalInformation(memory: UserMemory, at: number): string {
  if (!memory.isValid(at, SIGINFO_BYTES)) return pointer(at);
  const signal = memory.readInt32(at);
  if (signal === 0) return "{}";
  const code = memory.readInt32(at + 8);
  const name = names.childCodes.get(code) ?? constant(code, names.signalCodes);
  return (
    `{si_signo=${signalName(signal)}, si_code=${name}, si_pid=${memory.readInt32(at + 16)}, ` +
    `si_uid=${memory.readInt32(at + 20)}, si_status=${memory.readInt32(at + 24)}, ...}`
  );
}

function systemName(memory: UserMemory, at: number): string {
  const text = (offset: number): string => values.stringText(memory, at + offset, 65);
  return `{sysname=${text(0)}, nodename=${text(65)}, ...}`;
}

/** How many records of getdents64(2) lie in what was written. */
function directoryEntries(call: TracedCall, index: number): string {
  const { memory } = call;
  const at = value(call, index);
  let count = 0;
  for (let offset = 0; offset < call.result && memory.isValid(at + offset, 19); count++) {
    const length = memory.readUint16(at + offset + 16);
    if (length < 19) break;
    offset += length;
  }
  return `${pointer(at)} /* ${count} entries */`;
}

const formatters: Readonly<Record<ArgumentType, Formatter>> = {
  fd: int,
  dirfd: (call, index) => ((value(call, index) | 0) === AT_FDCWD ? "AT_FDCWD" : int(call, index)),
  int,
  uint: unsigned,
  long: whole,
  size: whole,
  offset: whole,
  hex: (call, index) => hexadecimal(value(call, index)),
  flags: (call, index) => hexadecimal(value(call, index)),
  mode: (call, index) => values.modeText(value(call, index)),
  pid: int,
  path: structure((memory, at) => values.stringText(memory, at)),
  string: structure((memory, at) => values.stringText(memory, at, values.STRING_LIMIT)),
  "sized-path": (call, index) => {
    const [at, length] = [value(call, index), next(call, index)];
    const isGood = at !== 0 && length >= 0 && length <= 4096 && call.memory.isValid(at, length);
    return isGood ? values.quote(call.memory.bytes.subarray(at, at + length)) : pointer(at);
  },
  "buffer-in": (call, index) => values.bufferText(call.memory, value(call, index), next(call, index)),
  "buffer-out": (call, index) => values.bufferText(call.memory, value(call, index), call.result),
  "iovec-in": (call, index) =>
    values.iovecText(call.memory, value(call, index), next(call, index), Number.POSITIVE_INFINITY),
  "iovec-out": (call, index) => values.iovecText(call.memory, value(call, index), next(call, index), call.result),
  "message-in": structure((memory, at) => values.messageText(memory, at, Number.POSITIVE_INFINITY)),
  "message-out": (call, index) => values.messageText(call.memory, value(call, index), call.result),
  address: (call, index) => (call.definition.name === "ioctl" ? ioctlArgument(call, index) : address(call, index)),
  "int-out": structure(values.intText),
  "fd-pair-out": structure((memory, at) =>
    memory.isValid(at, 8) ? `[${memory.readInt32(at)}, ${memory.readInt32(at + 4)}]` : pointer(at),
  ),
  "long-in": structure((memory, at) => (memory.isValid(at, 8) ? `[${memory.readInt64(at)}]` : pointer(at))),
  "long-out": structure((memory, at) => (memory.isValid(at, 8) ? `[${memory.readInt64(at)}]` : pointer(at))),
  "stat-out": structure(values.statText),
  sockaddr: (call, index) => values.socketAddressText(call.memory, value(call, index), next(call, index)),
  "sockaddr-out": (call, index) => {
    const length = Math.min(lengthBehind(call, index + 1), call.lengthBefore);
    return values.socketAddressText(call.memory, value(call, index), length);
  },
  "length-address": lengthAddress,
  "message-flags": flagsOf(names.messageFlags),
  "socket-domain": oneOf(names.socketDomains),
  "socket-type": (call, index) => {
    const type = value(call, index);
    const rest = type & ~SOCK_TYPE_MASK;
    // accept4(2) has the flags alone.
    if ((type & SOCK_TYPE_MASK) === 0) return flagNames(rest, names.socketTypeFlags);
    const name = constant(type & SOCK_TYPE_MASK, names.socketTypes);
    return rest === 0 ? name : `${name}|${flagNames(rest, names.socketTypeFlags)}`;
  },
  "socket-protocol": oneOf(names.socketProtocols),
  "socket-level": oneOf(names.socketLevels),
  "socket-option": (call, index) => {
    const table = names.optionsOfLevel(value(call, index - 1));
    return table === undefined ? hexadecimal(value(call, index)) : constant(value(call, index), table);
  },
  "socket-value": (call, index) => optionValue(call, index, next(call, index)),
  "socket-value-out": (call, index) => optionValue(call, index, lengthBehind(call, index + 1)),
  how: oneOf(names.shutdownHows),
  "ipv4-out": structure((memory, at) =>
    memory.isValid(at, 4) ? `[inet_addr("${formatIpv4(memory.view.getUint32(at, false))}")]` : pointer(at),
  ),
  "open-flags": (call, index) => openFlagsText(value(call, index)),
  "splice-flags": flagsOf(names.spliceFlags),
  "pipe-flags": flagsOf(names.openFlags),
  "dup-flags": flagsOf(names.openFlags),
  "at-flags": (call, index) =>
    flagNames(value(call, index), call.definition.name === "unlinkat" ? names.unlinkFlags : names.atFlags),
  "access-mode": flagsOf(names.accessModes, "F_OK"),
  "fcntl-command": oneOf(names.fcntlCommands),
  "fcntl-argument": fcntlArgument,
  "ioctl-request": oneOf(names.ioctlRequests),
  "scheduling-policy": oneOf(names.schedulingPolicies),
  "lock-operation": flagsOf(names.lockOperations),
  whence: oneOf(names.whences),
  signal: (call, index) => (value(call, index) === 0 ? "0" : signalName(value(call, index))),
  clock: oneOf(names.clocks),
  "clock-flags": flagsOf(names.clockFlags),
  "epoll-flags": flagsOf(names.epollFlags),
  "epoll-operation": oneOf(names.epollOperations),
  "eventfd-flags": flagsOf(names.eventfdFlags),
  "inotify-flags": flagsOf(names.inotifyFlags),
  "inotify-mask": flagsOf(names.inotifyMask),
  "signalfd-flags": flagsOf(names.signalfdFlags),
  "timerfd-flags": (call, index) =>
    flagNames(
      value(call, index),
      call.definition.name === "timerfd_settime" ? names.timerfdSetFlags : names.timerfdFlags,
    ),
  "wait-options": flagsOf(names.waitOptions),
  "wait-id-type": oneOf(names.waitIdTypes),
  "random-flags": flagsOf(names.randomFlags),
  protection: flagsOf(names.protections, "PROT_NONE"),
  "map-flags": (call, index) => {
    const flags = value(call, index);
    const type = constant(flags & 3, names.mapTypes);
    const rest = flags & ~3;
    return rest === 0 ? type : `${type}|${flagNames(rest, names.mapFlags)}`;
  },
  resource: oneOf(names.resources),
  "usage-who": oneOf(names.usageWhos),
  "signal-how": oneOf(names.signalHows),
  "interval-timer": oneOf(names.intervalTimers),
  timespec: structure(values.timespecText),
  "timespec-out": structure(values.timespecText),
  "timeval-out": structure(values.timevalText),
  itimerval: structure((memory, at) => values.intervalText(memory, at, false)),
  "itimerval-out": structure((memory, at) => values.intervalText(memory, at, false)),
  itimerspec: structure((memory, at) => values.intervalText(memory, at, true)),
  "itimerspec-out": structure((memory, at) => values.intervalText(memory, at, true)),
  pollfd: (call, index) => values.pollText(call.memory, value(call, index), next(call, index) >>> 0, false),
  "fd-set": (call, index) => values.descriptorSetText(call.memory, value(call, index), value(call, 0)),
  "epoll-event": structure(values.epollEventText),
  "epoll-events-out": (call, index) =>
    values.list(call.result, (k) => values.epollEventText(call.memory, value(call, index) + 16 * k)),
  "signal-set": structure(values.signalSetText),
  "signal-set-out": structure(values.signalSetText),
  "signal-action": structure(values.signalActionText),
  "signal-action-out": structure(values.signalActionText),
  "signal-info-out": structure(signalInformation),
  "wait-status-out": (call, index) =>
    call.result === 0 ? pointer(value(call, index)) : structure(values.waitStatusText)(call, index),
  rlimit: structure(values.limitText),
  "rlimit-out": structure(values.limitText),
  "utsname-out": structure(systemName),
  "directory-out": directoryEntries,
  "errno-none": () => "",
};

/** Which arguments of a call are shown: openat's mode only where a file may be made, fcntl's third where the command has one. */
export function shownArguments(call: TracedCall): number {
  const { definition } = call;
  const count = definition.arguments.length;
  if (definition.name === "openat") {
    const flags = definition.arguments.indexOf("open-flags");
    return (value(call, flags) & O_CREAT) === 0 ? flags + 1 : count;
  }
  if (definition.name === "fcntl") {
    const command = value(call, 1);
    const hasArgument = ![1, 3, 9, 1032].includes(command);
    return hasArgument ? count : 2;
  }
  return count;
}

/** Where a length-address stands among the arguments; what it holds before the call is kept for "[128 => 16]". */
export function readLengthBefore(call: TracedCall): number {
  const index = call.definition.arguments.indexOf("length-address");
  return index < 0 ? -1 : lengthBehind(call, index);
}
