/** The network interfaces, from /proc/net/dev and the ioctl calls of netdevice(7). */
import { AF_INET, SOCK_DGRAM } from "../../libakuma/constants.ts";
import { type Akuma, formatIpv4 } from "../../libakuma/index.ts";
import { readOptional } from "./files.ts";

export interface InterfaceView {
  name: string;
  index: number;
  /** IFF_… bits. */
  flags: number;
  mtu: number;
  /** "02:00:00:00:00:01" */
  hardwareAddress: string;
  isLoopback: boolean;
  /** Undefined where the interface has none. */
  address: number | undefined;
  netmask: number;
  broadcast: number;
  statistics: InterfaceStatistics;
}

export interface InterfaceStatistics {
  receivedBytes: number;
  receivedPackets: number;
  receiveErrors: number;
  receiveDrops: number;
  sentBytes: number;
  sentPackets: number;
  sendErrors: number;
  sendDrops: number;
}

export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_LOOPBACK = 0x8;
export const IFF_RUNNING = 0x40;
export const IFF_MULTICAST = 0x1000;

const SIOCGIFFLAGS = 0x8913;
const SIOCGIFADDR = 0x8915;
const SIOCGIFBRDADDR = 0x8919;
const SIOCGIFNETMASK = 0x891b;
const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
/** struct ifreq: the name, then what was asked for. */
const IFREQ_BYTES = 40;
const ANSWER_AT = 16;

export async function readInterfaces(akuma: Akuma): Promise<InterfaceView[]> {
  const fd = akuma.socket(AF_INET, SOCK_DGRAM, 0);
  const request = akuma.memory.heap.allocate(IFREQ_BYTES);
  const views: InterfaceView[] = [];
  try {
    for (const line of (await readOptional(akuma, "/proc/net/dev")).split("\n").slice(2)) {
      const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
      if (match === null) continue;
      const numbers = (match[2] as string).trim().split(/\s+/).map(Number);
      views.push(ask(akuma, fd, request, match[1] as string, numbers));
    }
  } finally {
    akuma.memory.heap.free(request, IFREQ_BYTES);
    akuma.close(fd);
  }
  return views.sort((a, b) => a.index - b.index);
}

function ask(akuma: Akuma, fd: number, request: number, name: string, numbers: readonly number[]): InterfaceView {
  const { memory } = akuma;
  /** False where the interface has no answer. */
  const get = (number: number): boolean => {
    memory.bytes.fill(0, request, request + IFREQ_BYTES);
    for (let k = 0; k < Math.min(15, name.length); k++) memory.bytes[request + k] = name.charCodeAt(k);
    return akuma.ioctl(fd, number, request) >= 0;
  };
  const integer = (number: number): number => (get(number) ? memory.readInt32(request + ANSWER_AT) : 0);
  const address = (number: number): number => (get(number) ? memory.view.getUint32(request + ANSWER_AT + 4) : 0);
  const flags = get(SIOCGIFFLAGS) ? memory.readUint16(request + ANSWER_AT) : 0;
  const own = get(SIOCGIFADDR) ? memory.view.getUint32(request + ANSWER_AT + 4) : undefined;
  const hasHardware = get(SIOCGIFHWADDR);
  const hardware = hasHardware ? [...memory.bytes.slice(request + ANSWER_AT + 2, request + ANSWER_AT + 8)] : [];
  const at = (index: number): number => numbers[index] ?? 0;
  return {
    name,
    index: integer(SIOCGIFINDEX),
    flags,
    mtu: integer(SIOCGIFMTU),
    hardwareAddress: hardware.map((byte) => byte.toString(16).padStart(2, "0")).join(":"),
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    address: own,
    netmask: address(SIOCGIFNETMASK),
    broadcast: address(SIOCGIFBRDADDR),
    statistics: {
      receivedBytes: at(0),
      receivedPackets: at(1),
      receiveErrors: at(2),
      receiveDrops: at(3),
      sentBytes: at(8),
      sentPackets: at(9),
      sendErrors: at(10),
      sendDrops: at(11),
    },
  };
}

export function prefixLengthOf(netmask: number): number {
  return Math.clz32(~netmask);
}

export interface RouteView {
  interfaceName: string;
  destination: number;
  gateway: number;
  /** RTF_… bits. */
  flags: number;
  metric: number;
  netmask: number;
}

/** From /proc/net/route, whose addresses are little-endian hexadecimal. */
export async function readRoutes(akuma: Akuma): Promise<RouteView[]> {
  const routes: RouteView[] = [];
  for (const line of (await readOptional(akuma, "/proc/net/route")).split("\n").slice(1)) {
    const [name, destination, gateway, flags, , , metric, netmask] = line.trim().split(/\s+/);
    if (netmask === undefined) continue;
    routes.push({
      interfaceName: name as string,
      destination: parseProcAddress(destination as string),
      gateway: parseProcAddress(gateway as string),
      flags: Number.parseInt(flags as string, 16),
      metric: Number(metric),
      netmask: parseProcAddress(netmask),
    });
  }
  return routes;
}

/** "0100007F" is 127.0.0.1. */
export function parseProcAddress(hexadecimal: string): number {
  const value = Number.parseInt(hexadecimal, 16);
  const swapped = ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
  return swapped >>> 0;
}

export interface NeighbourView {
  address: string;
  hardwareAddress: string;
  interfaceName: string;
  isComplete: boolean;
}

export async function readNeighbours(akuma: Akuma): Promise<NeighbourView[]> {
  const views: NeighbourView[] = [];
  for (const line of (await readOptional(akuma, "/proc/net/arp")).split("\n").slice(1)) {
    const [address, , flags, hardwareAddress, , interfaceName] = line.trim().split(/\s+/);
    if (interfaceName === undefined) continue;
    const isComplete = (Number.parseInt(flags as string, 16) & 2) !== 0;
    views.push({ address: address as string, hardwareAddress: hardwareAddress as string, interfaceName, isComplete });
  }
  return views;
}

/** "10.0.2.0/24", "default" for what matches everything. */
export function formatDestination(route: RouteView): string {
  return route.netmask === 0 ? "default" : `${formatIpv4(route.destination)}/${prefixLengthOf(route.netmask)}`;
}
