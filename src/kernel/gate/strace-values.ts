/** Strings and structures of user memory as strace writes them. Each takes an address that may be bad and says so by a pointer. */
import { PATH_MAX, S_IFMT } from "../../abi/file.ts";
import { EPOLL_EVENT_BYTES, POLLFD_BYTES } from "../../abi/poll.ts";
import { NSIG, SIG_DFL, SIG_IGN, SIGACTION_BYTES, SIGSET_BYTES, signalName } from "../../abi/signal.ts";
import { AF_INET, AF_NETLINK, AF_UNIX, SOCKADDR_NL_BYTES } from "../../abi/socket.ts";
import { formatIpv4 } from "../../base/ipv4-address.ts";
import type { UserMemory } from "../task/user-memory.ts";
import {
  actionFlags,
  constant,
  epollEvents,
  fileTypes,
  flagNames,
  hexadecimal,
  pointer,
  pollEvents,
  socketDomains,
} from "./strace-names.ts";

/** strace -s: longer strings are cut and end in dots. */
export const STRING_LIMIT = 32;
/** Elements of an array that are shown. */
const ARRAY_LIMIT = 32;
/** Of a select's sets no more is looked at. */
const MOST_DESCRIPTORS_SHOWN = 4096;
/** sizeof(struct sockaddr_storage). */
const MOST_ADDRESS_BYTES = 128;

const escapes: ReadonlyMap<number, string> = new Map([
  [9, "\\t"],
  [10, "\\n"],
  [11, "\\v"],
  [12, "\\f"],
  [13, "\\r"],
  [34, '\\"'],
  [92, "\\\\"],
]);

/** Bytes between quotes; what cannot be printed in octal, as short as the next character allows. */
export function quote(bytes: Uint8Array): string {
  let text = '"';
  for (let k = 0; k < bytes.length; k++) {
    const byte = bytes[k] as number;
    const escaped = escapes.get(byte);
    if (escaped !== undefined) text += escaped;
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else {
      const next = bytes[k + 1] ?? 0;
      const isDigit = next >= 48 && next <= 57;
      text += `\\${byte.toString(8).padStart(isDigit ? 3 : 1, "0")}`;
    }
  }
  return `${text}"`;
}

/** A buffer of known length, cut at the limit. */
export function bufferText(memory: UserMemory, address: number, length: number): string {
  if (address === 0 || length < 0 || !memory.isValid(address, length)) return pointer(address);
  const shown = Math.min(length, STRING_LIMIT);
  const text = quote(memory.bytes.subarray(address, address + shown));
  return shown < length ? `${text}...` : text;
}

/** A NUL-terminated string; a path is shown whole. */
export function stringText(memory: UserMemory, address: number, limit: number = PATH_MAX): string {
  if (!memory.isValid(address, 1)) return pointer(address);
  const end = Math.min(memory.byteLength, address + limit);
  const length = memory.bytes.subarray(address, end).indexOf(0);
  if (length < 0) return end === memory.byteLength ? pointer(address) : bufferText(memory, address, limit);
  return quote(memory.bytes.subarray(address, address + length));
}

/** "[a, b, ...]" of `count` elements. */
export function list(count: number, element: (index: number) => string): string {
  const shown = Math.min(count, ARRAY_LIMIT);
  const parts = Array.from({ length: shown }, (_, index) => element(index));
  if (shown < count) parts.push("...");
  return `[${parts.join(", ")}]`;
}

/** {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.2.2")}. */
export function socketAddressText(memory: UserMemory, address: number, length: number): string {
  const isShown = address !== 0 && length >= 2 && length <= MOST_ADDRESS_BYTES && memory.isValid(address, length);
  if (!isShown) return pointer(address);
  const { bytes } = memory;
  const family = memory.readUint16(address);
  if (family === AF_INET && length >= 8) {
    const port = ((bytes[address + 2] as number) << 8) | (bytes[address + 3] as number);
    const host = formatIpv4(memory.view.getUint32(address + 4, false));
    return `{sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("${host}")}`;
  }
  const name = constant(family, socketDomains);
  if (family === AF_NETLINK && length >= SOCKADDR_NL_BYTES) {
    const groups = memory
      .readUint32(address + 8)
      .toString(16)
      .padStart(8, "0");
    return `{sa_family=AF_NETLINK, nl_pid=${memory.readUint32(address + 4)}, nl_groups=${groups}}`;
  }
  if (family === AF_UNIX && length > 2) {
    const path = bytes.subarray(address + 2, address + length);
    if (path[0] === 0) return `{sa_family=AF_UNIX, sun_path=@${quote(path.subarray(1))}}`;
    const end = path.indexOf(0);
    return `{sa_family=AF_UNIX, sun_path=${quote(end < 0 ? path : path.subarray(0, end))}}`;
  }
  if (length === 2) return `{sa_family=${name}}`;
  return `{sa_family=${name}, sa_data=${quote(bytes.subarray(address + 2, address + Math.min(length, 16)))}}`;
}

function seconds(memory: UserMemory, address: number, fraction: string): string {
  if (!memory.isValid(address, 16)) return pointer(address);
  return `{tv_sec=${memory.readInt64(address)}, ${fraction}=${memory.readInt64(address + 8)}}`;
}

export function timespecText(memory: UserMemory, address: number): string {
  return seconds(memory, address, "tv_nsec");
}

export function timevalText(memory: UserMemory, address: number): string {
  return seconds(memory, address, "tv_usec");
}

/** struct itimerval and struct itimerspec. */
export function intervalText(memory: UserMemory, address: number, isTimespec: boolean): string {
  if (!memory.isValid(address, 32)) return pointer(address);
  const part = isTimespec ? timespecText : timevalText;
  return `{it_interval=${part(memory, address)}, it_value=${part(memory, address + 16)}}`;
}

export function intText(memory: UserMemory, address: number): string {
  return memory.isValid(address, 4) ? `[${memory.readInt32(address)}]` : pointer(address);
}

/** Segments of readv(2) and writev(2). `transferred` is what a read has brought: no more of the segments is shown. */
export function iovecText(memory: UserMemory, address: number, count: number, transferred: number): string {
  if (!(count >= 0 && count <= 1024) || !memory.isValid(address, count * 16)) return pointer(address);
  if (address === 0) return "NULL";
  let left = transferred;
  return list(count, (index) => {
    const base = memory.readInt64(address + 16 * index);
    const length = memory.readInt64(address + 16 * index + 8);
    const shown = Math.min(length, left);
    left -= Math.max(0, shown);
    return `{iov_base=${bufferText(memory, base, shown)}, iov_len=${length}}`;
  });
}

/** struct msghdr: name, iovecs, control, flags. */
export function messageText(memory: UserMemory, address: number, transferred: number): string {
  if (!memory.isValid(address, 56)) return pointer(address);
  const name = memory.readInt64(address);
  const nameLength = memory.readUint32(address + 8);
  const count = memory.readInt64(address + 24);
  const vector = iovecText(memory, memory.readInt64(address + 16), count, transferred);
  const control = memory.readInt64(address + 40);
  return (
    `{msg_name=${name === 0 ? "NULL" : socketAddressText(memory, name, nameLength)}, msg_namelen=${nameLength}, ` +
    `msg_iov=${vector}, msg_iovlen=${count}, msg_controllen=${control}, msg_flags=${memory.readUint32(address + 48)}}`
  );
}

/** struct pollfd; with `isResult` those that have revents, and only these. */
export function pollText(memory: UserMemory, address: number, count: number, isResult: boolean): string {
  if (!(count <= 4096) || !memory.isValid(address, count * POLLFD_BYTES)) return pointer(address);
  if (address === 0 && count === 0) return "NULL";
  const indexes = Array.from({ length: count }, (_, index) => address + index * POLLFD_BYTES);
  const shown = isResult ? indexes.filter((at) => memory.readUint16(at + 6) !== 0) : indexes;
  return list(shown.length, (index) => {
    const at = shown[index] as number;
    const events = flagNames(memory.readUint16(isResult ? at + 6 : at + 4), pollEvents);
    return `{fd=${memory.readInt32(at)}, ${isResult ? "revents" : "events"}=${events}}`;
  });
}

export function epollEventText(memory: UserMemory, address: number): string {
  if (!memory.isValid(address, EPOLL_EVENT_BYTES)) return pointer(address);
  const low = memory.readUint32(address + 8);
  const data = memory.view.getBigUint64(address + 8, true);
  return `{events=${flagNames(memory.readUint32(address), epollEvents)}, data={u32=${low}, u64=${data}}}`;
}

/** "[3 5]". */
export function descriptorSetText(memory: UserMemory, address: number, count: number): string {
  const limit = Math.min(Math.max(count, 0), MOST_DESCRIPTORS_SHOWN);
  const byteLength = Math.ceil(limit / 8);
  if (address === 0 || !memory.isValid(address, byteLength)) return pointer(address);
  const found: number[] = [];
  for (let fd = 0; fd < limit; fd++) {
    if (((memory.bytes[address + (fd >> 3)] as number) & (1 << (fd & 7))) !== 0) found.push(fd);
  }
  return `[${found.join(" ")}]`;
}

/** "[INT TERM]"; a set with most signals in it as "~[KILL]". */
export function signalSetText(memory: UserMemory, address: number): string {
  if (!memory.isValid(address, SIGSET_BYTES)) return pointer(address);
  const mask = memory.view.getBigUint64(address, true);
  const inside: string[] = [];
  const outside: string[] = [];
  for (let signal = 1; signal <= NSIG; signal++) {
    const isIn = (mask & (1n << BigInt(signal - 1))) !== 0n;
    (isIn ? inside : outside).push(signalName(signal).slice(3));
  }
  return inside.length > NSIG / 2 ? `~[${outside.join(" ")}]` : `[${inside.join(" ")}]`;
}

export function signalActionText(memory: UserMemory, address: number): string {
  if (!memory.isValid(address, SIGACTION_BYTES)) return pointer(address);
  const handler = memory.readInt64(address);
  const name = handler === SIG_DFL ? "SIG_DFL" : handler === SIG_IGN ? "SIG_IGN" : pointer(handler);
  const flags = flagNames(memory.readUint32(address + 8), actionFlags);
  return `{sa_handler=${name}, sa_mask=${signalSetText(memory, address + 24)}, sa_flags=${flags}}`;
}

/** {st_mode=S_IFREG|0644, st_size=12, ...}. */
export function statText(memory: UserMemory, address: number): string {
  if (!memory.isValid(address, 128)) return pointer(address);
  const mode = memory.readUint32(address + 16);
  return `{st_mode=${modeText(mode)}, st_size=${memory.readInt64(address + 48)}, ...}`;
}

/** "S_IFDIR|0755", "0644". */
export function modeText(mode: number): string {
  const type = mode & S_IFMT;
  const bits = octal(mode & ~S_IFMT);
  return type === 0 ? bits : `${fileTypes.get(type) ?? hexadecimal(type)}|${bits}`;
}

export function octal(value: number): string {
  return value === 0 ? "000" : `0${(value >>> 0).toString(8)}`.padStart(3, "0");
}

/** What wait4(2) wrote: [{WIFEXITED(s) && WEXITSTATUS(s) == 0}]. */
export function waitStatusText(memory: UserMemory, address: number): string {
  if (!memory.isValid(address, 4)) return pointer(address);
  const status = memory.readInt32(address);
  const signal = status & 0x7f;
  if (signal === 0) return `[{WIFEXITED(s) && WEXITSTATUS(s) == ${(status >> 8) & 0xff}}]`;
  return `[{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(signal)}}]`;
}

/** {rlim_cur=1024, rlim_max=4*1024}. */
export function limitText(memory: UserMemory, address: number): string {
  if (!memory.isValid(address, 16)) return pointer(address);
  const value = (at: number): string => {
    const limit = memory.view.getBigUint64(at, true);
    if (limit === 0xffff_ffff_ffff_ffffn) return "RLIM64_INFINITY";
    return limit > 1024n && limit % 1024n === 0n ? `${limit / 1024n}*1024` : `${limit}`;
  };
  return `{rlim_cur=${value(address)}, rlim_max=${value(address + 8)}}`;
}
