/** netstat: shows sockets, routes and interfaces in the older way. */
import { type Akuma, formatIpv4 } from "../libakuma/index.ts";
import { readInterfaces, readRoutes } from "./shared/interfaces.ts";
import { parseOptions, usageError } from "./shared/options.ts";
import { chosenBy, formatEndpoint, readOwners, readSockets, type SocketOwner } from "./shared/sockets.ts";
import { formatTable } from "./shared/text.ts";

const usage = `usage: netstat [-alnptu] | -r | -i
  -t  TCP                     -u  UDP (both without either)
  -l  those that wait for peers    -a  all
  -p  with processes          -n  numbers (always so)
  -r  the routes              -i  the interfaces`;

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    all: { short: "a", long: "all" },
    listening: { short: "l", long: "listening" },
    numeric: { short: "n", long: "numeric" },
    programs: { short: "p", long: "programs" },
    tcp: { short: "t", long: "tcp" },
    udp: { short: "u", long: "udp" },
    route: { short: "r", long: "route" },
    interfaces: { short: "i", long: "interfaces" },
    help: { short: "h", long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 4);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  if (operands.length > 0) return await usageError(akuma, `extra operand '${operands[0]}'`, usage, 4);
  if (values.route !== undefined) return await showRoutes(akuma);
  if (values.interfaces !== undefined) return await showInterfaces(akuma);
  const isBoth = values.tcp === undefined && values.udp === undefined;
  const owners = values.programs === undefined ? null : await readOwners(akuma);
  const rows: string[][] = [];
  for (const protocol of (["tcp", "udp"] as const).filter((name) => isBoth || values[name] !== undefined)) {
    for (const view of await readSockets(akuma, protocol)) {
      if (!chosenBy(view, values.listening !== undefined, values.all !== undefined)) continue;
      rows.push([
        view.protocol,
        String(view.receiveQueue),
        String(view.sendQueue),
        formatEndpoint(view.localAddress, view.localPort),
        formatEndpoint(view.remoteAddress, view.remotePort),
        view.state,
        ...(owners === null ? [] : [formatOwner(owners.get(view.inode)?.[0])]),
      ]);
    }
  }
  const kind =
    values.all !== undefined
      ? "servers and established"
      : values.listening !== undefined
        ? "only servers"
        : "w/o servers";
  const header = ["Proto", "Recv-Q", "Send-Q", "Local Address", "Foreign Address", "State"];
  if (owners !== null) header.push("PID/Program name");
  const table = formatTable([header, ...rows], "lrrlll");
  await akuma.stdout.writeAll(`Active Internet connections (${kind})\n${table}`);
  return 0;
}

function formatOwner(owner: SocketOwner | undefined): string {
  return owner === undefined ? "-" : `${owner.processId}/${owner.name}`;
}

async function showRoutes(akuma: Akuma): Promise<number> {
  const rows = (await readRoutes(akuma)).map((route) => [
    formatIpv4(route.destination),
    formatIpv4(route.gateway),
    formatIpv4(route.netmask),
    `U${(route.flags & 2) !== 0 ? "G" : ""}${(route.flags & 4) !== 0 ? "H" : ""}`,
    "0",
    "0",
    "0",
    route.interfaceName,
  ]);
  const header = ["Destination", "Gateway", "Genmask", "Flags", "MSS", "Window", "irtt", "Iface"];
  await akuma.stdout.writeAll(`Kernel IP routing table\n${formatTable([header, ...rows], "llllrrrl")}`);
  return 0;
}

async function showInterfaces(akuma: Akuma): Promise<number> {
  const rows = (await readInterfaces(akuma)).map(({ name, mtu, statistics: counts, isLoopback }) => [
    name,
    String(mtu),
    ...[counts.receivedPackets, counts.receiveErrors, counts.receiveDrops].map(String),
    ...[counts.sentPackets, counts.sendErrors, counts.sendDrops].map(String),
    isLoopback ? "LRU" : "BMRU",
  ]);
  const header = ["Iface", "MTU", "RX-OK", "RX-ERR", "RX-DRP", "TX-OK", "TX-ERR", "TX-DRP", "Flg"];
  await akuma.stdout.writeAll(`Kernel Interface table\n${formatTable([header, ...rows], "lrrrrrrrl")}`);
  return 0;
}
