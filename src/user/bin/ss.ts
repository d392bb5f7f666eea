/** ss: shows sockets. */
import type { Akuma } from "../libakuma/index.ts";
import { parseOptions, usageError } from "./shared/options.ts";
import {
  chosenBy,
  formatEndpoint,
  readOwners,
  readSockets,
  type SocketOwner,
  type SocketView,
} from "./shared/sockets.ts";
import { formatTable } from "./shared/text.ts";

const usage = `usage: ss [-aHlnptu]
  -t  TCP                     -u  UDP (both without either)
  -l  those that wait for peers    -a  all
  -p  with processes          -H  without the header
  -n  numbers (always so)`;

/** ss has names of its own for some states. */
const NAMES: Readonly<Record<string, string>> = {
  ESTABLISHED: "ESTAB",
  SYN_SENT: "SYN-SENT",
  SYN_RECV: "SYN-RECV",
  FIN_WAIT1: "FIN-WAIT-1",
  FIN_WAIT2: "FIN-WAIT-2",
  TIME_WAIT: "TIME-WAIT",
  CLOSE_WAIT: "CLOSE-WAIT",
  LAST_ACK: "LAST-ACK",
  "": "UNCONN",
};

export async function main(akuma: Akuma): Promise<number> {
  const options = parseOptions(akuma.arguments.slice(1), {
    all: { short: "a", long: "all" },
    listening: { short: "l", long: "listening" },
    numeric: { short: "n", long: "numeric" },
    processes: { short: "p", long: "processes" },
    tcp: { short: "t", long: "tcp" },
    udp: { short: "u", long: "udp" },
    noHeader: { short: "H", long: "no-header" },
    ipv4: { short: "4", long: "ipv4" },
    help: { short: "h", long: "help" },
  });
  if (typeof options === "string") return await usageError(akuma, options, usage, 255);
  const { values, operands } = options;
  if (values.help !== undefined) {
    await akuma.print(usage);
    return 0;
  }
  if (operands.length > 0) return await usageError(akuma, `filters are not supported: '${operands[0]}'`, usage, 255);
  const isBoth = values.tcp === undefined && values.udp === undefined;
  const protocols = (["udp", "tcp"] as const).filter((protocol) => isBoth || values[protocol] !== undefined);
  const sockets: SocketView[] = [];
  for (const protocol of protocols) {
    const all = await readSockets(akuma, protocol);
    sockets.push(...all.filter((view) => chosenBy(view, values.listening !== undefined, values.all !== undefined)));
  }
  const owners = values.processes === undefined ? null : await readOwners(akuma);
  const hasProtocol = protocols.length > 1;
  const rows = sockets.map((view) => [
    ...(hasProtocol ? [view.protocol] : []),
    NAMES[view.state] ?? view.state,
    String(view.receiveQueue),
    String(view.sendQueue),
    formatEndpoint(view.localAddress, view.localPort),
    formatEndpoint(view.remoteAddress, view.remotePort),
    ...(owners === null ? [] : [formatOwners(owners.get(view.inode) ?? [])]),
  ]);
  const header = [
    ...(hasProtocol ? ["Netid"] : []),
    "State",
    "Recv-Q",
    "Send-Q",
    "Local Address:Port",
    "Peer Address:Port",
    ...(owners === null ? [] : ["Process"]),
  ];
  await akuma.stdout.writeAll(formatTable(values.noHeader === undefined ? [header, ...rows] : rows));
  return 0;
}

function formatOwners(owners: readonly SocketOwner[]): string {
  const list = owners.map(({ name, processId, descriptor }) => `("${name}",pid=${processId},fd=${descriptor})`);
  return list.length === 0 ? "" : `users:(${list.join(",")})`;
}
