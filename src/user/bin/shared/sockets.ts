/** The sockets of the system, from /proc/net/tcp and /proc/net/udp, and who has them open, from /proc/PID/fd. */
import { type Akuma, formatIpv4 } from "../../libakuma/index.ts";
import { readOptional } from "./files.ts";
import { parseProcAddress } from "./interfaces.ts";

export interface SocketView {
  protocol: "tcp" | "udp";
  localAddress: number;
  localPort: number;
  remoteAddress: number;
  remotePort: number;
  /** As netstat has it: "ESTABLISHED", "LISTEN", "TIME_WAIT" …; "" for an unconnected UDP socket. */
  state: string;
  receiveQueue: number;
  sendQueue: number;
  inode: number;
}

export interface SocketOwner {
  processId: number;
  name: string;
  descriptor: number;
}

/** By the numbers in /proc/net/tcp (include/net/tcp_states.h). */
const STATES = [
  "",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
];

export async function readSockets(akuma: Akuma, protocol: "tcp" | "udp"): Promise<SocketView[]> {
  return parseSockets(await readOptional(akuma, `/proc/net/${protocol}`), protocol);
}

export function parseSockets(text: string, protocol: "tcp" | "udp"): SocketView[] {
  const views: SocketView[] = [];
  for (const line of text.split("\n").slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [, local, remote, state, queues, , , , , inode] = columns;
    if (local === undefined || remote === undefined || queues === undefined || inode === undefined) continue;
    const [localAddress = "", localPort = ""] = local.split(":");
    const [remoteAddress = "", remotePort = ""] = remote.split(":");
    const [sendQueue = "", receiveQueue = ""] = queues.split(":");
    const number = Number.parseInt(state as string, 16);
    views.push({
      protocol,
      localAddress: parseProcAddress(localAddress),
      localPort: Number.parseInt(localPort, 16),
      remoteAddress: parseProcAddress(remoteAddress),
      remotePort: Number.parseInt(remotePort, 16),
      state: protocol === "udp" && number === 7 ? "" : (STATES[number] ?? ""),
      receiveQueue: Number.parseInt(receiveQueue, 16),
      sendQueue: Number.parseInt(sendQueue, 16),
      inode: Number(inode),
    });
  }
  return views;
}

/** Which sockets to show: those in use, those that wait for peers, or both. */
export function chosenBy(view: SocketView, listens: boolean, all: boolean): boolean {
  if (all) return true;
  const isWaiting = view.state === "LISTEN" || view.state === "";
  return listens ? isWaiting : !isWaiting;
}

/** Who has a socket open, by its inode. */
export async function readOwners(akuma: Akuma): Promise<Map<number, SocketOwner[]>> {
  const owners = new Map<number, SocketOwner[]>();
  for (const { name } of await akuma.fs.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const command = (await readOptional(akuma, `/proc/${name}/comm`)).trimEnd();
    let descriptors: string[] = [];
    try {
      descriptors = (await akuma.fs.readDir(`/proc/${name}/fd`)).map((entry) => entry.name);
    } catch {
      continue;
    }
    for (const descriptor of descriptors) {
      const target = akuma.readlinkat(-100, `/proc/${name}/fd/${descriptor}`);
      const inode = /^socket:\[(\d+)\]$/.exec(String(target))?.[1];
      if (inode === undefined) continue;
      const list = owners.get(Number(inode)) ?? [];
      list.push({ processId: Number(name), name: command, descriptor: Number(descriptor) });
      owners.set(Number(inode), list);
    }
  }
  return owners;
}

/** "0.0.0.0:80", "*" for what is not set. */
export function formatEndpoint(address: number, port: number): string {
  return `${formatIpv4(address)}:${port === 0 ? "*" : port}`;
}
