/** Names of flags and constants for strace, taken from the constants of src/abi themselves. */
import * as eventConstants from "../../abi/event.ts";
import * as fileConstants from "../../abi/file.ts";
import * as inotifyConstants from "../../abi/inotify.ts";
import * as memoryConstants from "../../abi/memory.ts";
import * as pollConstants from "../../abi/poll.ts";
import * as resourceConstants from "../../abi/resource.ts";
import * as scheduleConstants from "../../abi/schedule.ts";
import * as signalConstants from "../../abi/signal.ts";
import * as socketConstants from "../../abi/socket.ts";
import * as terminalConstants from "../../abi/terminal.ts";
import * as timeConstants from "../../abi/time.ts";

/** Names by value, ascending by value as unsigned. */
export type NameTable = ReadonlyMap<number, string>;

/** The constants of a module whose names begin with `prefix`, but for those left out. The first name of a value wins. */
function named(modules: readonly object[], prefix: string, leftOut: readonly string[] = []): NameTable {
  const found: [number, string][] = [];
  for (const module of modules) {
    for (const [name, value] of Object.entries(module)) {
      if (typeof value !== "number" || !name.startsWith(prefix) || leftOut.includes(name)) continue;
      found.push([value >>> 0, name]);
    }
  }
  found.sort(([a], [b]) => a - b);
  const table = new Map<number, string>();
  for (const [value, name] of found) if (!table.has(value)) table.set(value, name);
  return table;
}

function only(module: object, ...names: readonly string[]): NameTable {
  return named([Object.fromEntries(Object.entries(module).filter(([name]) => names.includes(name)))], "");
}

const socket = [socketConstants];

export const socketDomains: NameTable = named(socket, "AF_");
export const socketTypes: NameTable = only(socketConstants, "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_SEQPACKET");
export const socketTypeFlags: NameTable = only(socketConstants, "SOCK_NONBLOCK", "SOCK_CLOEXEC");
export const socketProtocols: NameTable = named(socket, "IPPROTO_");
export const messageFlags: NameTable = named(socket, "MSG_");
export const shutdownHows: NameTable = named(socket, "SHUT_");
export const socketOptions: NameTable = named(socket, "SO_");
const ipOptions = named(socket, "IP_");
const tcpOptions = named(socket, "TCP_");
/** Which options a level has; undefined for a level without names. */
export function optionsOfLevel(level: number): NameTable | undefined {
  if (level === socketConstants.SOL_SOCKET) return socketOptions;
  if (level === socketConstants.IPPROTO_IP) return ipOptions;
  return level === socketConstants.IPPROTO_TCP ? tcpOptions : undefined;
}
/** SOL_SOCKET, SOL_IP and so on: strace writes levels of protocols as SOL_. */
export const socketLevels: NameTable = new Map([
  [socketConstants.SOL_SOCKET, "SOL_SOCKET"],
  [socketConstants.IPPROTO_IP, "SOL_IP"],
  [socketConstants.IPPROTO_TCP, "SOL_TCP"],
  [socketConstants.IPPROTO_UDP, "SOL_UDP"],
  [socketConstants.SOL_RAW, "SOL_RAW"],
  [socketConstants.SOL_NETLINK, "SOL_NETLINK"],
]);

const file = [fileConstants];
export const openAccessModes: NameTable = only(fileConstants, "O_RDONLY", "O_WRONLY", "O_RDWR");
export const openFlags: NameTable = named(file, "O_", ["O_ACCMODE", "O_RDONLY", "O_WRONLY", "O_RDWR"]);
export const spliceFlags: NameTable = new Map([
  [1, "SPLICE_F_MOVE"],
  [2, "SPLICE_F_NONBLOCK"],
  [4, "SPLICE_F_MORE"],
  [8, "SPLICE_F_GIFT"],
]);
export const descriptorFlags: NameTable = named(file, "FD_");
const otherNames = Object.keys(fileConstants).filter((name) => name.startsWith("F_SEAL_"));
export const fcntlCommands: NameTable = named(file, "F_", ["F_OK", "F_RDLCK", "F_WRLCK", "F_UNLCK", ...otherNames]);
export const schedulingPolicies: NameTable = named([scheduleConstants], "SCHED_", [
  "SCHED_ATTR_BYTES",
  "SCHED_ATTR_BYTES_FIRST",
]);
export const lockTypes: NameTable = only(fileConstants, "F_RDLCK", "F_WRLCK", "F_UNLCK");
export const lockOperations: NameTable = named(file, "LOCK_");
export const ioctlRequests: NameTable = new Map([
  ...named([fileConstants, terminalConstants], "TC"),
  ...named([fileConstants, terminalConstants], "TIO"),
  ...named(file, "FIO"),
]);
export const whences: NameTable = named(file, "SEEK_");
export const atFlags: NameTable = named(file, "AT_", ["AT_FDCWD", "AT_REMOVEDIR", "AT_EACCESS"]);
export const unlinkFlags: NameTable = only(fileConstants, "AT_REMOVEDIR");
export const accessModes: NameTable = only(fileConstants, "R_OK", "W_OK", "X_OK");
export const fileTypes: NameTable = named(file, "S_IF", ["S_IFMT"]);

export const pollEvents: NameTable = named([pollConstants], "POLL");
export const epollEvents: NameTable = new Map([
  ...[...pollEvents].map(([value, name]): [number, string] => [value, `E${name}`]),
  ...named([pollConstants], "EPOLL", ["EPOLL_CTL_ADD", "EPOLL_CTL_DEL", "EPOLL_CTL_MOD", "EPOLL_EVENT_BYTES"]),
]);
export const epollOperations: NameTable = named([pollConstants], "EPOLL_CTL_");
export const epollFlags: NameTable = named([eventConstants], "EPOLL_");
export const eventfdFlags: NameTable = named([eventConstants], "EFD_");
export const timerfdFlags: NameTable = named([eventConstants], "TFD_", [
  "TFD_TIMER_ABSTIME",
  "TFD_TIMER_CANCEL_ON_SET",
]);
export const inotifyFlags: NameTable = only(inotifyConstants, "IN_CLOEXEC", "IN_NONBLOCK");
export const inotifyMask: NameTable = named([inotifyConstants], "IN_", ["IN_CLOEXEC", "IN_NONBLOCK", "IN_ALL_EVENTS"]);
export const signalfdFlags: NameTable = named([eventConstants], "SFD_");
export const timerfdSetFlags: NameTable = named([eventConstants], "TFD_TIMER_");

export const clocks: NameTable = named([timeConstants], "CLOCK_", ["CLOCK_TICKS_PER_SECOND"]);
export const clockFlags: NameTable = only(timeConstants, "TIMER_ABSTIME");
export const intervalTimers: NameTable = named([timeConstants], "ITIMER_");
export const waitOptions: NameTable = only(timeConstants, "WNOHANG", "WUNTRACED", "WEXITED", "WCONTINUED", "WNOWAIT");
export const waitIdTypes: NameTable = named([timeConstants], "P_");
export const resources: NameTable = new Map([
  ...named([resourceConstants], "RLIMIT_", ["RLIMIT_BYTES"]),
  ...named([timeConstants], "RLIMIT_"),
]);
export const usageWhos: NameTable = new Map([
  [0, "RUSAGE_SELF"],
  [1, "RUSAGE_THREAD"],
  [0xffff_ffff, "RUSAGE_CHILDREN"],
]);
export const randomFlags: NameTable = new Map([
  [1, "GRND_NONBLOCK"],
  [2, "GRND_RANDOM"],
  [4, "GRND_INSECURE"],
]);

export const protections: NameTable = named([memoryConstants], "PROT_", ["PROT_NONE"]);
export const mapTypes: NameTable = only(memoryConstants, "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE");
export const mapFlags: NameTable = named([memoryConstants], "MAP_", [
  "MAP_TYPE",
  "MAP_SHARED",
  "MAP_PRIVATE",
  "MAP_SHARED_VALIDATE",
]);

export const signalHows: NameTable = only(signalConstants, "SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK");
export const actionFlags: NameTable = named([signalConstants], "SA_");
export const signalCodes: NameTable = named([signalConstants], "SI_");
export const childCodes: NameTable = named([signalConstants], "CLD_");

/** "SIG_BLOCK", or the number itself in hexadecimal where it has no name. */
export function constant(value: number, names: NameTable): string {
  return names.get(value >>> 0) ?? hexadecimal(value);
}

/** "MSG_PEEK|MSG_DONTWAIT|0x80000"; `zero` for no flag at all. */
export function flagNames(value: number, names: NameTable, zero = "0"): string {
  let rest = value >>> 0;
  const parts: string[] = [];
  for (const [bit, name] of names) {
    if (bit === 0 || (rest & bit) >>> 0 !== bit) continue;
    parts.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) parts.push(hexadecimal(rest));
  return parts.length === 0 ? zero : parts.join("|");
}

/** "0x1f"; "0" stays "0", and a negative number is shown as its 32 bits. */
export function hexadecimal(value: number): string {
  if (value === 0) return "0";
  return `0x${(value < 0 ? value >>> 0 : value).toString(16)}`;
}

/** "0x2000", "NULL". */
export function pointer(address: number): string {
  if (address === 0) return "NULL";
  return address < 0 ? `0x${BigInt.asUintN(64, BigInt(address)).toString(16)}` : `0x${address.toString(16)}`;
}
