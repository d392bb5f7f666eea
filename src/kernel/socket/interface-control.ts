/**
 * ioctl(2) on a socket: what netdevice(7) asks about network interfaces, and FIONREAD, FIONBIO and their kin. Requests that would
 * change an interface are refused: the interfaces belong to whoever booted the kernel.
 */
import { EADDRNOTAVAIL, EFAULT, EINVAL, ENODEV, ENOTTY, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import { FIONBIO, FIONREAD, O_NONBLOCK } from "../../abi/file.ts";
import { AF_INET } from "../../abi/socket.ts";
import { prefixMask } from "../../base/ipv4-address.ts";
import type { NetInterface } from "../net/interface.ts";
import type { NetStack } from "../net/stack.ts";
import type { KernelSocket } from "./kernel-socket.ts";
import { readInt32 } from "./socket-options.ts";

export const SIOCOUTQ = 0x5411;
export const SIOCATMARK = 0x8905;
const SIOCGIFNAME = 0x8910;
const SIOCGIFCONF = 0x8912;
const SIOCGIFFLAGS = 0x8913;
const SIOCGIFADDR = 0x8915;
const SIOCGIFDSTADDR = 0x8917;
const SIOCGIFBRDADDR = 0x8919;
const SIOCGIFNETMASK = 0x891b;
const SIOCGIFMETRIC = 0x891d;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const SIOCGIFTXQLEN = 0x8942;
/** SIOCADDRT … and every SIOCSIF…: what changes the machine. */
const CHANGING: ReadonlySet<number> = new Set([
  0x890b, 0x890c, 0x8914, 0x8916, 0x8918, 0x891a, 0x891c, 0x891e, 0x8922, 0x8923, 0x8924, 0x8936, 0x8943,
]);

/** struct ifreq: 16 bytes of name, 24 bytes of union. */
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;
/** struct ifconf: an int of length, padding, an address. */
const IFCONF_BYTES = 16;

const IFF_UP = 0x1;
const IFF_BROADCAST = 0x2;
const IFF_LOOPBACK = 0x8;
const IFF_RUNNING = 0x40;
const IFF_MULTICAST = 0x1000;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

function fits(memory: Uint8Array, address: number, length: number): boolean {
  return address >= 4096 && address + length <= memory.length;
}

function writeInt32(memory: Uint8Array, at: number, value: number): void {
  for (let k = 0; k < 4; k++) memory[at + k] = value >>> (8 * k);
}

/** IFF_UP, IFF_LOOPBACK …, as /proc and SIOCGIFFLAGS show them. */
export function interfaceFlags(netInterface: NetInterface): number {
  const kind = netInterface.isLoopback ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST;
  return kind | (netInterface.isUp ? IFF_UP | IFF_RUNNING : 0);
}

/** 0 or a positive answer, or -errno. `argument` is an address in `memory`. */
export function controlInterfaces(socket: KernelSocket, request: number, argument: number, memory: Uint8Array): number {
  switch (request) {
    case FIONREAD:
    case SIOCOUTQ:
    case SIOCATMARK: {
      if (request === SIOCATMARK && !socket.isStream) return socket.domain === AF_INET ? -ENOTTY : -EOPNOTSUPP;
      if (socket.isListener && (socket.domain === AF_INET || request === FIONREAD)) return -EINVAL;
      if (!fits(memory, argument, 4)) return -EFAULT;
      const none = request === SIOCATMARK;
      writeInt32(memory, argument, none ? 0 : request === FIONREAD ? socket.readableBytes : socket.unsentBytes);
      return 0;
    }
    case FIONBIO:
      if (!fits(memory, argument, 4)) return -EFAULT;
      socket.flags = readInt32(memory, argument) !== 0 ? socket.flags | O_NONBLOCK : socket.flags & ~O_NONBLOCK;
      return 0;
    case SIOCGIFCONF:
      return listInterfaces(socket.table.net, argument, memory);
    case SIOCGIFNAME:
      return nameOfIndex(socket.table.net, argument, memory);
    default:
      if (CHANGING.has(request)) return -EPERM;
      return askInterface(socket.table.net, request, argument, memory);
  }
}

function askInterface(net: NetStack, request: number, argument: number, memory: Uint8Array): number {
  if (!isQuestion(request)) return -ENOTTY;
  if (!fits(memory, argument, IFREQ_BYTES)) return -EFAULT;
  const name = readName(memory, argument);
  const netInterface = net.interfaces.find((candidate) => candidate.name === name);
  if (netInterface === undefined) return -ENODEV;
  const at = argument + NAME_BYTES;
  const first = netInterface.addresses[0];
  const mask = first === undefined ? 0 : prefixMask(first.prefixLength);
  switch (request) {
    case SIOCGIFFLAGS:
      memory[at] = interfaceFlags(netInterface);
      memory[at + 1] = interfaceFlags(netInterface) >>> 8;
      return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
      return first === undefined ? -EADDRNOTAVAIL : writeInet(memory, at, first.address);
    case SIOCGIFBRDADDR:
      return writeInet(memory, at, first === undefined || netInterface.isLoopback ? 0 : (first.address | ~mask) >>> 0);
    case SIOCGIFNETMASK:
      return writeInet(memory, at, mask);
    case SIOCGIFMTU:
      writeInt32(memory, at, netInterface.mtu);
      return 0;
    case SIOCGIFINDEX:
      writeInt32(memory, at, netInterface.index + 1);
      return 0;
    case SIOCGIFTXQLEN:
      writeInt32(memory, at, 1000);
      return 0;
    case SIOCGIFHWADDR: {
      memory.fill(0, at, at + 16);
      const type = netInterface.isLoopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
      memory[at] = type;
      memory[at + 1] = type >>> 8;
      memory.set(netInterface.macAddress, at + 2);
      return 0;
    }
    default:
      writeInt32(memory, at, 0);
      return 0;
  }
}

function isQuestion(request: number): boolean {
  switch (request) {
    case SIOCGIFFLAGS:
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFMETRIC:
    case SIOCGIFMTU:
    case SIOCGIFHWADDR:
    case SIOCGIFINDEX:
    case SIOCGIFTXQLEN:
      return true;
    default:
      return false;
  }
}

/** struct ifconf: fills in as many struct ifreq as fit; with a null buffer, tells how long they all are. */
function listInterfaces(net: NetStack, argument: number, memory: Uint8Array): number {
  if (!fits(memory, argument, IFCONF_BYTES)) return -EFAULT;
  const room = readInt32(memory, argument);
  const buffer = readInt32(memory, argument + 8) >>> 0;
  const withAddress = net.interfaces.filter((netInterface) => netInterface.addresses.length > 0);
  if (buffer === 0) {
    writeInt32(memory, argument, withAddress.length * IFREQ_BYTES);
    return 0;
  }
  if (room < 0) return -EINVAL;
  let written = 0;
  for (const netInterface of withAddress) {
    if (written + IFREQ_BYTES > room) break;
    const at = buffer + written;
    if (!fits(memory, at, IFREQ_BYTES)) return -EFAULT;
    memory.fill(0, at, at + IFREQ_BYTES);
    writeName(memory, at, netInterface.name);
    writeInet(memory, at + NAME_BYTES, netInterface.addresses[0]?.address ?? 0);
    written += IFREQ_BYTES;
  }
  writeInt32(memory, argument, written);
  return 0;
}

function nameOfIndex(net: NetStack, argument: number, memory: Uint8Array): number {
  if (!fits(memory, argument, IFREQ_BYTES)) return -EFAULT;
  const netInterface = net.interfaces[readInt32(memory, argument + NAME_BYTES) - 1];
  if (netInterface === undefined) return -ENODEV;
  writeName(memory, argument, netInterface.name);
  return 0;
}

function readName(memory: Uint8Array, at: number): string {
  let name = "";
  for (let k = 0; k < NAME_BYTES - 1 && memory[at + k] !== 0; k++)
    name += String.fromCharCode(memory[at + k] as number);
  return name;
}

function writeName(memory: Uint8Array, at: number, name: string): void {
  for (let k = 0; k < NAME_BYTES; k++) memory[at + k] = k < NAME_BYTES - 1 && k < name.length ? name.charCodeAt(k) : 0;
}

/** A struct sockaddr_in with port 0. */
function writeInet(memory: Uint8Array, at: number, address: number): number {
  memory.fill(0, at, at + 16);
  memory[at] = AF_INET;
  for (let k = 0; k < 4; k++) memory[at + 4 + k] = address >>> (8 * (3 - k));
  return 0;
}
