/** ip: shows interfaces, addresses, routes and neighbours. It changes nothing: the network belongs to whoever booted the kernel. */
import { type Akuma, formatIpv4 } from "../libakuma/index.ts";
import {
  formatDestination,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_RUNNING,
  IFF_UP,
  type InterfaceView,
  prefixLengthOf,
  type RouteView,
  readInterfaces,
  readNeighbours,
  readRoutes,
} from "./shared/interfaces.ts";
import { usageError } from "./shared/options.ts";

const usage = `usage: ip [-br] [-s] OBJECT [show [dev NAME]]
where OBJECT is address (addr, a), link (l), route (r) or neighbour (neigh, n)`;

const OBJECTS = ["address", "link", "route", "neighbour", "neighbor"];

export async function main(akuma: Akuma): Promise<number> {
  const words = akuma.arguments.slice(1);
  const flags = new Set<string>();
  while (words[0]?.startsWith("-") === true) flags.add(words.shift() as string);
  for (const flag of flags) {
    if (flag === "-h" || flag === "--help" || flag === "-help") {
      await akuma.print(usage);
      return 0;
    }
    if (!["-br", "-brief", "-s", "-4", "-o", "-d"].includes(flag)) {
      await akuma.stderr.writeAll(`Option "${flag}" is unknown, try "ip -help".\n`);
      return 255;
    }
  }
  const given = words.shift();
  if (given === undefined) return await usageError(akuma, "missing object", usage, 255);
  const object = OBJECTS.find((name) => name.startsWith(given));
  if (object === undefined) {
    await akuma.stderr.writeAll(`Object "${given}" is unknown, try "ip -help".\n`);
    return 1;
  }
  const verb = words[0];
  if (verb !== undefined && verb !== "" && !("show".startsWith(verb) || "list".startsWith(verb) || verb === "dev")) {
    const isChange = ["add", "del", "delete", "set", "change", "replace", "flush"].includes(verb);
    await akuma.stderr.writeAll(
      isChange ? "RTNETLINK answers: Operation not permitted\n" : `Command "${verb}" is unknown, try "ip -help".\n`,
    );
    return isChange ? 2 : 255;
  }
  if (verb !== "dev") words.shift();
  if (words[0] === "dev") words.shift();
  const device = words[0];
  if (object === "route") return await showRoutes(akuma, device);
  if (object.startsWith("neigh")) return await showNeighbours(akuma, device);
  const all = await readInterfaces(akuma);
  const chosen = all.filter(({ name }) => device === undefined || name === device);
  if (chosen.length === 0) {
    await akuma.stderr.writeAll(`Device "${device}" does not exist.\n`);
    return 1;
  }
  const isBrief = flags.has("-br") || flags.has("-brief");
  const hasAddresses = object === "address";
  const lines = chosen.map((view) =>
    isBrief ? briefLine(view, hasAddresses) : describe(view, hasAddresses, flags.has("-s")),
  );
  await akuma.stdout.writeAll(lines.join(""));
  return 0;
}

function flagNames(view: InterfaceView): string {
  const names: [number, string][] = [
    [IFF_LOOPBACK, "LOOPBACK"],
    [IFF_BROADCAST, "BROADCAST"],
    [IFF_MULTICAST, "MULTICAST"],
    [IFF_UP, "UP"],
    [IFF_RUNNING, "LOWER_UP"],
  ];
  return names
    .filter(([bit]) => (view.flags & bit) !== 0)
    .map(([, name]) => name)
    .join(",");
}

function stateOf(view: InterfaceView): string {
  return view.isLoopback ? "UNKNOWN" : (view.flags & IFF_UP) !== 0 ? "UP" : "DOWN";
}

function addressOf(view: InterfaceView): string {
  return view.address === undefined ? "" : `${formatIpv4(view.address)}/${prefixLengthOf(view.netmask)}`;
}

function describe(view: InterfaceView, hasAddresses: boolean, hasStatistics: boolean): string {
  const kind = view.isLoopback ? "loopback" : "ether";
  const broadcastHardware = view.isLoopback ? "00:00:00:00:00:00" : "ff:ff:ff:ff:ff:ff";
  let text = `${view.index}: ${view.name}: <${flagNames(view)}> mtu ${view.mtu} qdisc noqueue state ${stateOf(view)} `;
  text += `group default qlen 1000\n    link/${kind} ${view.hardwareAddress} brd ${broadcastHardware}\n`;
  if (hasStatistics) {
    const { statistics: counts } = view;
    text += `    RX:  bytes packets errors dropped\n    ${counts.receivedBytes} ${counts.receivedPackets} `;
    text += `${counts.receiveErrors} ${counts.receiveDrops}\n    TX:  bytes packets errors dropped\n    `;
    text += `${counts.sentBytes} ${counts.sentPackets} ${counts.sendErrors} ${counts.sendDrops}\n`;
  }
  if (!hasAddresses || view.address === undefined) return text;
  const broadcast = view.broadcast === 0 ? "" : ` brd ${formatIpv4(view.broadcast)}`;
  const scope = view.isLoopback ? "host" : "global";
  text += `    inet ${addressOf(view)}${broadcast} scope ${scope} ${view.name}\n       valid_lft forever preferred_lft forever\n`;
  return text;
}

function briefLine(view: InterfaceView, hasAddresses: boolean): string {
  const last = hasAddresses ? addressOf(view) : `${view.hardwareAddress} <${flagNames(view)}>`;
  return `${view.name.padEnd(16)} ${stateOf(view).padEnd(14)} ${last}`.trimEnd().concat(" \n");
}

async function showRoutes(akuma: Akuma, device: string | undefined): Promise<number> {
  const views = await readInterfaces(akuma);
  const routes = (await readRoutes(akuma)).filter((route) => device === undefined || route.interfaceName === device);
  // The default route first, as ip prints it.
  routes.sort((a, b) => a.netmask - b.netmask);
  const line = (route: RouteView): string => {
    const source = views.find(({ name }) => name === route.interfaceName)?.address;
    const via = route.gateway === 0 ? "" : ` via ${formatIpv4(route.gateway)}`;
    const direct = route.gateway === 0 ? " proto kernel scope link" : "";
    const from = route.gateway === 0 && source !== undefined ? ` src ${formatIpv4(source)}` : "";
    const metric = route.metric === 0 ? "" : ` metric ${route.metric}`;
    return `${formatDestination(route)}${via} dev ${route.interfaceName}${direct}${from}${metric} \n`;
  };
  await akuma.stdout.writeAll(routes.map(line).join(""));
  return 0;
}

async function showNeighbours(akuma: Akuma, device: string | undefined): Promise<number> {
  for (const view of await readNeighbours(akuma)) {
    if (device !== undefined && view.interfaceName !== device) continue;
    const known = view.isComplete ? ` lladdr ${view.hardwareAddress} REACHABLE` : " INCOMPLETE";
    await akuma.print(`${view.address} dev ${view.interfaceName}${known}`);
  }
  return 0;
}
