/** /proc/net: the stack's tables in the formats that programs read (proc_net(5)). */

import { AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_STREAM } from "../abi/socket.ts";
import { formatIpv4, prefixMask } from "../base/ipv4-address.ts";
import type { NetStack } from "./net/stack.ts";
import type { KernelSocket } from "./socket/kernel-socket.ts";
import type { SocketTable } from "./socket/socket-table.ts";
import { fixedDirectory, type ProcDirectory, textFile } from "./vfs/procfs/procfs.ts";

const LISTEN = 10;
const ARP_COMPLETE = 2;
const ARP_PERMANENT = 4;
const ROUTE_UP = 1;
const ROUTE_GATEWAY = 2;
const ROUTE_HOST = 4;

export function networkDirectory(net: NetStack, sockets: SocketTable): ProcDirectory {
  return fixedDirectory({
    arp: textFile(() => arpText(net)),
    dev: textFile(() => deviceText(net)),
    netstat: textFile(() => countersText(net, ["TcpExt", "IpExt"])),
    route: textFile(() => routeText(net)),
    snmp: textFile(() => countersText(net, ["Ip", "Icmp", "Tcp", "Udp"])),
    sockstat: textFile(() => socketStatisticsText(net, sockets)),
    tcp: textFile(() => tcpText(net, sockets)),
    udp: textFile(() => udpText(net, sockets)),
    unix: textFile(() => unixText(sockets)),
  });
}

function hexadecimal(value: number, digits: number): string {
  return (value >>> 0).toString(16).toUpperCase().padStart(digits, "0");
}

/** An address as Linux prints it: the bytes in network order, read as a little-endian number. */
function hexAddress(address: number): string {
  const swapped =
    ((address & 0xff) << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | ((address >>> 24) & 0xff);
  return hexadecimal(swapped, 8);
}

function endpoint(address: number, port: number): string {
  return `${hexAddress(address)}:${hexadecimal(port, 4)}`;
}

/** Which socket an address pair belongs to: its index is the inode in /proc/net and in "socket:[index]". */
function socketIndexes(sockets: SocketTable, socketType: number): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const socket of sockets.all()) {
    if (socket.domain !== AF_INET || socket.socketType !== socketType) continue;
    const key = socketKey(socket);
    if (key !== null) indexes.set(key, socket.index);
  }
  return indexes;
}

function socketKey({ state }: KernelSocket): string | null {
  if (state.kind === "Connected") {
    const { localAddress: local, remoteAddress: remote } = state;
    return `${endpoint(local.address, local.port)} ${endpoint(remote.address, remote.port)}`;
  }
  if (state.kind === "Listening" || state.kind === "Bound") {
    return `${endpoint(state.localAddress.address, state.localAddress.port)} ${endpoint(0, 0)}`;
  }
  return null;
}

interface SocketLine {
  pair: string;
  state: number;
  transmitBytes: number;
  receiveBytes: number;
}

function socketLine(index: number, line: SocketLine, inode: number, rest: string): string {
  const queues = `${hexadecimal(line.transmitBytes, 8)}:${hexadecimal(line.receiveBytes, 8)}`;
  const text =
    `${String(index).padStart(4)}: ${line.pair} ${hexadecimal(line.state, 2)} ${queues} 00:00000000 00000000 ` +
    `${"0".padStart(5)} ${"0".padStart(8)} ${inode} ${rest}`;
  return `${text.padEnd(149)}\n`;
}

const SOCKET_COLUMNS = "local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

function tcpText(net: NetStack, sockets: SocketTable): string {
  const indexes = socketIndexes(sockets, SOCK_STREAM);
  let text = `${`  sl  ${SOCKET_COLUMNS}`.padEnd(149)}\n`;
  let index = 0;
  const add = (line: SocketLine): void => {
    text += socketLine(index++, line, indexes.get(line.pair) ?? 0, "1 0000000000000000 20 4 30 10 -1");
  };
  for (const listener of net.tcp.listeners()) {
    const pair = `${endpoint(listener.localAddress, listener.localPort)} ${endpoint(0, 0)}`;
    add({ pair, state: LISTEN, transmitBytes: 0, receiveBytes: listener.acceptQueueLength });
  }
  for (const connection of net.tcp.entries()) {
    const local = endpoint(connection.localAddress, connection.localPort);
    add({
      pair: `${local} ${endpoint(connection.remoteAddress, connection.remotePort)}`,
      state: connection.state,
      transmitBytes: connection.unsentBytes + connection.unacknowledgedBytes,
      receiveBytes: connection.readableBytes,
    });
  }
  return text;
}

function udpText(net: NetStack, sockets: SocketTable): string {
  const indexes = socketIndexes(sockets, SOCK_DGRAM);
  let text = `${`   sl  ${SOCKET_COLUMNS} ref pointer drops`.padEnd(127)}\n`;
  let index = 0;
  for (const bound of net.udp.endpoints()) {
    const pair = `${endpoint(bound.localAddress, bound.localPort)} ${endpoint(bound.remoteAddress, bound.remotePort)}`;
    const line = { pair, state: bound.isConnected ? 1 : 7, transmitBytes: 0, receiveBytes: bound.queuedBytes };
    text += socketLine(index++, line, indexes.get(pair) ?? 0, `2 0000000000000000 ${bound.drops}`);
  }
  return text;
}

function unixText(sockets: SocketTable): string {
  let text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  for (const socket of sockets.all()) {
    if (socket.domain !== AF_UNIX) continue;
    const { kind } = socket.state;
    const flags = kind === "Listening" ? 0x10000 : 0;
    const state = kind === "Connected" ? 3 : 1;
    text +=
      `0000000000000000: ${hexadecimal(socket.referenceCount, 8)} 00000000 ${hexadecimal(flags, 8)} ` +
      `${hexadecimal(socket.socketType, 4)} ${hexadecimal(state, 2)} ${String(socket.index).padStart(5)}\n`;
  }
  return text;
}

/** The main table only: routes to the machine itself stand in another one on Linux. */
function routeText(net: NetStack): string {
  const header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
  let text = `${header.padEnd(127)}\n`;
  for (const route of net.routes.list()) {
    if (route.netInterface.isLoopback) continue;
    const flags = ROUTE_UP | (route.gateway !== 0 ? ROUTE_GATEWAY : 0) | (route.prefixLength === 32 ? ROUTE_HOST : 0);
    const columns = [
      route.netInterface.name,
      hexAddress(route.destination),
      hexAddress(route.gateway),
      hexadecimal(flags, 4),
      0,
      0,
      route.metric,
      hexAddress(prefixMask(route.prefixLength)),
      0,
      0,
      0,
    ];
    text += `${columns.join("\t").padEnd(127)}\n`;
  }
  return text;
}

function deviceText(net: NetStack): string {
  let text =
    "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";
  const widths = [8, 7, 4, 4, 4, 5, 10, 9, 8, 7, 4, 4, 4, 5, 7, 10];
  for (const link of net.interfaces) {
    const numbers = [
      link.receivedBytes,
      link.receivedFrames,
      link.receiveErrors,
      link.receiveDrops,
      ...[0, 0, 0, 0],
      link.transmittedBytes,
      link.transmittedFrames,
      0,
      link.transmitDrops,
      ...[0, 0, 0, 0],
    ];
    const columns = numbers.map((number, column) => String(number).padStart(widths[column] as number));
    text += `${link.name.padStart(6)}: ${columns.join(" ")}\n`;
  }
  return text;
}

function arpText(net: NetStack): string {
  let text = "IP address       HW type     Flags       HW address            Mask     Device\n";
  for (const link of net.interfaces) {
    for (const neighbour of link.neighbours.list()) {
      const isKnown = neighbour.state !== "incomplete" && neighbour.state !== "failed";
      const flags = (isKnown ? ARP_COMPLETE : 0) | (neighbour.state === "permanent" ? ARP_PERMANENT : 0);
      const bytes = isKnown ? [...neighbour.macAddress] : [0, 0, 0, 0, 0, 0];
      const hardware = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
      const address = formatIpv4(neighbour.address >>> 0).padEnd(17);
      text += `${address}0x1         0x${flags.toString(16).padEnd(10)}${hardware}     *        ${link.name}\n`;
    }
  }
  return text;
}

/** Two lines a group, names and numbers, as /proc/net/snmp has them. The counters' names begin with their group's. */
function countersText(net: NetStack, groups: readonly string[]): string {
  const all = ["IpExt", "TcpExt", "Ip", "Icmp", "Tcp", "Udp"];
  const groupOf = (name: string): string | undefined => all.find((group) => name.startsWith(group));
  const entries = Object.entries(net.counters).filter(([, value]) => typeof value === "number");
  let text = "";
  for (const group of groups) {
    const own = entries.filter(([name]) => groupOf(name) === group);
    text += `${group}: ${own.map(([name]) => name.slice(group.length)).join(" ")}\n`;
    text += `${group}: ${own.map(([, value]) => value).join(" ")}\n`;
  }
  return text;
}

function socketStatisticsText(net: NetStack, sockets: SocketTable): string {
  let connections = 0;
  let timeWaits = 0;
  for (const connection of net.tcp.entries()) {
    if (connection.state === 6) timeWaits++;
    else connections++;
  }
  for (const _ of net.tcp.listeners()) connections++;
  let endpoints = 0;
  for (const _ of net.udp.endpoints()) endpoints++;
  return (
    `sockets: used ${sockets.size}\n` +
    `TCP: inuse ${connections} orphan 0 tw ${timeWaits} alloc ${connections} mem 0\n` +
    `UDP: inuse ${endpoints} mem 0\n`
  );
}
