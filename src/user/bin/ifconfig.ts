/** ifconfig: shows the interfaces in the older way. */
import { type Akuma, formatIpv4 } from "../libakuma/index.ts";
import {
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_MULTICAST,
  IFF_RUNNING,
  IFF_UP,
  type InterfaceView,
  readInterfaces,
} from "./shared/interfaces.ts";
import { complain, parseOptions, usageError } from "./shared/options.ts";

const usage = "usage: ifconfig [-a] [INTERFACE]";

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), { all: { short: "a" }, help: { short: "h", long: "help" } });
  if (typeof options === "string") return await usageError(akuma, options, usage, 1);
  if (options.values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  const [wanted, ...rest] = options.operands;
  if (rest.length > 0) {
    await complain(akuma, `SIOCSIFADDR: Operation not permitted`);
    return 1;
  }
  const views = (await readInterfaces(akuma)).filter(({ name }) => wanted === undefined || name === wanted);
  if (views.length === 0 && wanted !== undefined) {
    await akuma.stderr.writeAll(`${wanted}: error fetching interface information: Device not found\n`);
    return 1;
  }
  await akuma.stdout.writeAll(views.map(describe).join("\n"));
  return 0;
}

function describe(view: InterfaceView): string {
  const names: [number, string][] = [
    [IFF_UP, "UP"],
    [IFF_BROADCAST, "BROADCAST"],
    [IFF_LOOPBACK, "LOOPBACK"],
    [IFF_RUNNING, "RUNNING"],
    [IFF_MULTICAST, "MULTICAST"],
  ];
  const flags = names.filter(([bit]) => (view.flags & bit) !== 0).map(([, name]) => name);
  let text = `${view.name}: flags=${view.flags}<${flags.join(",")}>  mtu ${view.mtu}\n`;
  if (view.address !== undefined) {
    const broadcast = view.broadcast === 0 ? "" : `  broadcast ${formatIpv4(view.broadcast)}`;
    text += `        inet ${formatIpv4(view.address)}  netmask ${formatIpv4(view.netmask)}${broadcast}\n`;
  }
  text += view.isLoopback
    ? "        loop  txqueuelen 1000  (Local Loopback)\n"
    : `        ether ${view.hardwareAddress}  txqueuelen 1000  (Ethernet)\n`;
  const { statistics: counts } = view;
  text += `        RX packets ${counts.receivedPackets}  bytes ${counts.receivedBytes} (${readable(counts.receivedBytes)})\n`;
  text += `        RX errors ${counts.receiveErrors}  dropped ${counts.receiveDrops}  overruns 0  frame 0\n`;
  text += `        TX packets ${counts.sentPackets}  bytes ${counts.sentBytes} (${readable(counts.sentBytes)})\n`;
  text += `        TX errors ${counts.sendErrors}  dropped ${counts.sendDrops} overruns 0  carrier 0  collisions 0\n`;
  return text;
}

/** "12.3 KiB" */
function readable(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}
