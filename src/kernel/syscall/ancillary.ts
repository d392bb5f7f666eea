/**
 * Ancillary data of sendmsg(2) and recvmsg(2) (cmsg(3)): a row of struct cmsghdr (length of 8 bytes, level, type, data), each
 * aligned to 8 bytes. Open files and credentials for AF_UNIX, packet information for AF_INET.
 */
import { CAP_SETGID, CAP_SETUID } from "../../abi/capability.ts";
import { EBADF, EFAULT, EINVAL, EPERM } from "../../abi/errno.ts";
import { FD_CLOEXEC } from "../../abi/file.ts";
import { AF_UNIX, IP_TOS, IP_TTL, IPPROTO_IP, MSG_CMSG_CLOEXEC, MSG_CTRUNC, SOL_SOCKET } from "../../abi/socket.ts";
import type { OpenFile } from "../file/open-file.ts";
import { InetSocket } from "../socket/inet-socket.ts";
import { IP_PKTINFO } from "../socket/ip-options.ts";
import type { KernelSocket, MessageInfo } from "../socket/kernel-socket.ts";
import { UnixSocket } from "../socket/unix-socket.ts";
import type { Task } from "../task/task.ts";

/** (uid_t) -1: no id. */
const NO_ID = 0xffff_ffff;
const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
/** SCM_MAX_FD */
const MOST_FILES = 253;
const HEADER_BYTES = 16;
const CREDENTIALS_BYTES = 12;
/** Linux cuts off what a program could not mean (net.core.optmem_max). */
const LONGEST_CONTROL_BYTES = 131_072;

function align(length: number): number {
  return (length + 7) & ~7;
}

/** Reads what is to go along into `info`: files with a reference each. 0 or -errno, and then nothing is held. */
export function readAncillary(task: Task, socket: KernelSocket, at: number, length: number, info: MessageInfo): number {
  const { memory } = task.process;
  if (length > LONGEST_CONTROL_BYTES) return -EINVAL;
  if (!memory.isValid(at, length)) return -EFAULT;
  let result = 0;
  for (let offset = 0; result === 0 && offset + HEADER_BYTES <= length; ) {
    const size = memory.readInt64(at + offset);
    if (size < HEADER_BYTES || size > length - offset) result = -EINVAL;
    else {
      const level = memory.readInt32(at + offset + 8);
      const type = memory.readInt32(at + offset + 12);
      result = readItem(task, socket, level, type, at + offset + HEADER_BYTES, size - HEADER_BYTES, info);
      offset += align(size);
    }
  }
  if (result < 0) dropFiles(info);
  return result;
}

function readItem(
  task: Task,
  socket: KernelSocket,
  level: number,
  type: number,
  at: number,
  length: number,
  info: MessageInfo,
): number {
  if (socket.domain !== AF_UNIX) {
    // What chooses source address and header fields of one datagram is read and left to the routes.
    if (level === IPPROTO_IP) return type === IP_PKTINFO || type === IP_TTL || type === IP_TOS ? 0 : -EINVAL;
    return level !== SOL_SOCKET || type === SCM_RIGHTS || type === SCM_CREDENTIALS ? 0 : -EINVAL;
  }
  if (level !== SOL_SOCKET) return 0;
  if (type === SCM_CREDENTIALS) {
    if (length < CREDENTIALS_BYTES) return -EINVAL;
    const { memory, credentials } = task.process;
    const processId = memory.readInt32(at);
    const userId = memory.readUint32(at + 4);
    const groupId = memory.readUint32(at + 8);
    if (userId === NO_ID || groupId === NO_ID) return -EINVAL;
    // unix(7): one's own process, and one of one's own ids; with the capability to take on others, any.
    const { userId: real, effectiveUserId, savedUserId } = credentials;
    const isOwnUser = [real, effectiveUserId, savedUserId].includes(userId) || credentials.has(CAP_SETUID);
    const groups = [credentials.groupId, credentials.effectiveGroupId, credentials.savedGroupId];
    const isOwnGroup = groups.includes(groupId) || credentials.has(CAP_SETGID);
    if (processId !== task.process.processId || !isOwnUser || !isOwnGroup) return -EPERM;
    info.credentials = { processId, userId, groupId };
    return 0;
  }
  return type === SCM_RIGHTS ? readFiles(task, at, length, info) : -EINVAL;
}

function readFiles(task: Task, at: number, length: number, info: MessageInfo): number {
  const count = length >> 2;
  info.files ??= [];
  if (info.files.length + count > MOST_FILES) return -EINVAL;
  for (let k = 0; k < count; k++) {
    const file = task.process.descriptors.getWithPath(task.process.memory.readInt32(at + 4 * k));
    if (file === null) return -EBADF;
    info.files.push(file.retain());
  }
  return 0;
}

export function dropFiles(info: MessageInfo): void {
  for (const file of info.files ?? []) file.drop();
  info.files = null;
}

/** Gives the program what came along, in `room` bytes at `at`; returns the bytes written and sets MSG_CTRUNC where some did not fit. */
export function writeAncillary(
  task: Task,
  socket: KernelSocket,
  at: number,
  room: number,
  flags: number,
  info: MessageInfo,
): number {
  const { memory } = task.process;
  let used = 0;
  const put = (level: number, type: number, words: readonly number[]): void => {
    const size = HEADER_BYTES + 4 * words.length;
    if (used + size > room) {
      info.flags |= MSG_CTRUNC;
      return;
    }
    memory.writeInt64(at + used, size);
    memory.writeUint32(at + used + 8, level);
    memory.writeUint32(at + used + 12, type);
    for (const [k, word] of words.entries()) memory.writeUint32(at + used + HEADER_BYTES + 4 * k, word);
    used = Math.min(room, used + align(size));
  };
  if (socket instanceof UnixSocket) {
    const { credentials } = info;
    if (socket.passesCredentials && credentials !== null) {
      put(SOL_SOCKET, SCM_CREDENTIALS, [credentials.processId, credentials.userId, credentials.groupId]);
    }
    if (info.files !== null) {
      const descriptors = installFiles(task, info, room - used, flags);
      if (descriptors.length > 0) put(SOL_SOCKET, SCM_RIGHTS, descriptors);
    }
  } else if (socket instanceof InetSocket && !socket.isStream) {
    const { ipOptions } = socket;
    if (ipOptions.tellsPacketInfo) put(IPPROTO_IP, IP_PKTINFO, packetInfo(socket, info.destination));
    if (ipOptions.tellsTimeToLive && info.timeToLive >= 0) put(IPPROTO_IP, IP_TTL, [info.timeToLive]);
  }
  return used;
}

/** As many of the files as there is room for get descriptors; the others are let go. */
function installFiles(task: Task, info: MessageInfo, room: number, flags: number): number[] {
  const files = info.files as OpenFile[];
  const fitting = Math.max(0, Math.floor((room - HEADER_BYTES) / 4));
  const descriptors: number[] = [];
  const descriptorFlags = (flags & MSG_CMSG_CLOEXEC) !== 0 ? FD_CLOEXEC : 0;
  for (const file of files) {
    const descriptor = descriptors.length < fitting ? task.process.descriptors.install(file, descriptorFlags) : -1;
    if (descriptor >= 0) descriptors.push(descriptor);
    else info.flags |= MSG_CTRUNC;
    file.drop();
  }
  info.files = null;
  return descriptors;
}

/** struct in_pktinfo: the interface's index, and the address that the datagram came to (both times), in network order. */
function packetInfo(socket: InetSocket, destination: number): number[] {
  const { interfaces } = socket.table.net;
  const isLoopback = destination >>> 24 === 127;
  const found = interfaces.find((one) => (isLoopback ? one.isLoopback : one.hasAddress(destination)));
  const address = swap(destination);
  return [found === undefined ? 0 : found.index + 1, address, address];
}

function swap(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
