/** /proc/net: the stack's tables in the formats that programs read (proc_net(5)). Those of sockets are in socket/proc-net.ts. */

import { formatIpv4, prefixMask } from "../base/ipv4-address.ts";
import type { NetStack } from "./net/stack.ts";
import {
  formatProcNetIcmp,
  formatProcNetSockstat,
  formatProcNetTcp,
  formatProcNetUdp,
  formatProcNetUnix,
} from "./socket/proc-net.ts";
import type { SocketTable } from "./socket/socket-table.ts";
import { fixedDirectory, type ProcDirectory, textFile } from "./vfs/procfs/procfs.ts";

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
    icmp: textFile(() => formatProcNetIcmp(sockets)),
    sockstat: textFile(() => formatProcNetSockstat(sockets)),
    tcp: textFile(() => formatProcNetTcp(sockets)),
    udp: textFile(() => formatProcNetUdp(sockets)),
    unix: textFile(() => formatProcNetUnix(sockets)),
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
