/**
 * The tables of sockets under /proc/net (proc_net(5)) in Linux's formats, column for column: ss, netstat and scripts read them by
 * position. Times are in ticks of 10 ms; the inode is the socket's index, as in "socket:[index]".
 */
import { AF_UNIX } from "../../abi/socket.ts";
import type { DatagramEndpoint } from "../net/datagram.ts";
import { IPV6_ONLY_ADDRESS } from "../net/ports.ts";
import { LISTEN, SYN_RECEIVED } from "../net/tcp/state.ts";
import { IcmpSocket } from "./icmp-socket.ts";
import type { SocketTable } from "./socket-table.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { UdpSocket } from "./udp-socket.ts";
import { UnixSocket } from "./unix-socket.ts";

const TICK_MILLISECONDS = 10;
const TCP_WIDTH = 149;
const UDP_WIDTH = 127;
/** Kernel addresses are not told. */
const POINTER = "0000000000000000";
const COLUMNS = "local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
/** __SO_ACCEPTCON, and SS_UNCONNECTED, SS_CONNECTED. */
const ACCEPTS_FLAG = 0x10000;
const UNCONNECTED = 1;
const CONNECTED = 3;

function hexadecimal(value: number, digits: number): string {
  return (value >>> 0).toString(16).toUpperCase().padStart(digits, "0");
}

/** "0100007F:0050" for 127.0.0.1:80: the address's four bytes are printed as a little-endian number. */
function formatEnd(address: number, port: number): string {
  const swapped =
    ((address & 0xff) << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | ((address >>> 24) & 0xff);
  return `${hexadecimal(swapped, 8)}:${hexadecimal(port, 4)}`;
}

interface Line {
  local: string;
  remote: string;
  state: number;
  sendQueue: number;
  receiveQueue: number;
  /** Which timer runs, and in how many ticks it expires. */
  timer: number;
  ticks: number;
  retransmits: number;
  probes: number;
  inode: number;
  rest: string;
}

const QUIET = { sendQueue: 0, receiveQueue: 0, timer: 0, ticks: 0, retransmits: 0, probes: 0, inode: 0 };

function formatLine(number: number, digits: number, width: number, line: Line): string {
  const text =
    `${String(number).padStart(digits)}: ${line.local} ${line.remote} ${hexadecimal(line.state, 2)} ` +
    `${hexadecimal(line.sendQueue, 8)}:${hexadecimal(line.receiveQueue, 8)} ` +
    `${hexadecimal(line.timer, 2)}:${hexadecimal(line.ticks, 8)} ${hexadecimal(line.retransmits, 8)} ` +
    `${"0".padStart(5)} ${String(line.probes).padStart(8)} ${line.inode} ${line.rest}`;
  return `${text.padEnd(width)}\n`;
}

function ticksUntil(deadline: number, now: number): number {
  return Number.isFinite(deadline) ? Math.max(0, Math.round((deadline - now) / TICK_MILLISECONDS)) : 0;
}

/** /proc/net/tcp: listeners, half-open connections, connections, and those in TIME-WAIT. */
export function formatProcNetTcp(sockets: SocketTable): string {
  const { tcp, now } = sockets.net;
  const inodes = new Map<object, number>();
  for (const socket of sockets.all()) {
    if (!(socket instanceof TcpSocket)) continue;
    if (socket.connection !== null) inodes.set(socket.connection, socket.index);
    if (socket.listener !== null) inodes.set(socket.listener, socket.index);
  }
  let text = `${`  sl  ${COLUMNS}`.padEnd(TCP_WIDTH)}\n`;
  let number = 0;
  const add = (line: Line): void => {
    text += formatLine(number++, 4, TCP_WIDTH, line);
  };
  for (const listener of tcp.listeners()) {
    // Of IPv6 alone: in another table on Linux.
    if (listener.localAddress === IPV6_ONLY_ADDRESS) continue;
    add({
      ...QUIET,
      local: formatEnd(listener.localAddress, listener.localPort),
      remote: formatEnd(0, 0),
      state: LISTEN,
      receiveQueue: listener.acceptQueueLength,
      inode: inodes.get(listener) ?? 0,
      rest: `1 ${POINTER} 100 0 0 10 0`,
    });
  }
  for (const half of tcp.halfOpen()) {
    const ends = {
      local: formatEnd(half.localAddress, half.localPort),
      remote: formatEnd(half.remoteAddress, half.remotePort),
    };
    add({ ...QUIET, ...ends, state: SYN_RECEIVED, timer: 1, rest: `0 ${POINTER}` });
  }
  for (const connection of tcp.connections()) {
    const info = connection.info();
    const segment = Math.max(1, info.sendSegmentBytes);
    const window = Math.max(1, Math.floor(info.congestionWindow / segment));
    const threshold = info.slowStartThreshold >= 0x7fffffff ? -1 : Math.floor(info.slowStartThreshold / segment);
    const timeout = Math.round(info.retransmitTimeout / TICK_MILLISECONDS);
    add({
      local: formatEnd(connection.localAddress, connection.localPort),
      remote: formatEnd(connection.remoteAddress, connection.remotePort),
      state: connection.state,
      sendQueue: connection.bufferedBytes,
      receiveQueue: connection.readableBytes,
      timer: info.timer,
      ticks: info.timer === 0 ? 0 : ticksUntil(info.timerAt, now),
      retransmits: info.retransmits,
      probes: info.probes,
      inode: inodes.get(connection) ?? 0,
      rest: `2 ${POINTER} ${timeout} 4 0 ${window} ${threshold}`,
    });
  }
  for (const waiting of tcp.timeWaiting()) {
    add({
      ...QUIET,
      local: formatEnd(waiting.localAddress, waiting.localPort),
      remote: formatEnd(waiting.remoteAddress, waiting.remotePort),
      state: waiting.state,
      timer: 3,
      ticks: ticksUntil(waiting.deadline, now),
      rest: `3 ${POINTER}`,
    });
  }
  return text;
}

/** /proc/net/udp: every endpoint that has a port. */
export function formatProcNetUdp(sockets: SocketTable): string {
  return formatDatagrams(sockets, UdpSocket, sockets.net.udp.endpoints());
}

/** /proc/net/icmp: ping sockets; the port is the identifier. */
export function formatProcNetIcmp(sockets: SocketTable): string {
  return formatDatagrams(sockets, IcmpSocket, sockets.net.icmp.endpoints());
}

function formatDatagrams(
  sockets: SocketTable,
  kind: typeof UdpSocket | typeof IcmpSocket,
  endpoints: Iterable<DatagramEndpoint>,
): string {
  const inodes = new Map<object, number>();
  for (const socket of sockets.all()) if (socket instanceof kind) inodes.set(socket.endpoint, socket.index);
  let text = `${`   sl  ${COLUMNS} ref pointer drops`.padEnd(UDP_WIDTH)}\n`;
  for (const endpoint of endpoints) {
    if (endpoint.localAddress === IPV6_ONLY_ADDRESS) continue;
    const line: Line = {
      ...QUIET,
      local: formatEnd(endpoint.localAddress, endpoint.localPort),
      remote: formatEnd(endpoint.remoteAddress, endpoint.remotePort),
      state: endpoint.isConnected ? 1 : 7,
      receiveQueue: endpoint.queuedBytes,
      inode: inodes.get(endpoint) ?? 0,
      rest: `2 ${POINTER} ${endpoint.drops}`,
    };
    text += formatLine(endpoint.localPort, 5, UDP_WIDTH, line);
  }
  return text;
}

/** /proc/net/unix: abstract names begin with "@". */
export function formatProcNetUnix(sockets: SocketTable): string {
  let text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  for (const socket of sockets.all()) {
    if (socket.domain !== AF_UNIX || !(socket instanceof UnixSocket)) continue;
    const flags = socket.isListener ? ACCEPTS_FLAG : 0;
    const state = socket.state.kind === "Connected" ? CONNECTED : UNCONNECTED;
    const name = socket.name === "" ? "" : ` ${socket.name.replaceAll("\0", "@")}`;
    text +=
      `${POINTER}: ${hexadecimal(socket.referenceCount, 8)} 00000000 ${hexadecimal(flags, 8)} ` +
      `${hexadecimal(socket.socketType, 4)} ${hexadecimal(state, 2)} ${String(socket.index).padStart(5)}${name}\n`;
  }
  return text;
}

/** /proc/net/sockstat; `mem` is in pages of 4 KiB. */
export function formatProcNetSockstat(sockets: SocketTable): string {
  const { tcp, udp } = sockets.net;
  const count = (all: Iterable<unknown>): number => {
    let number = 0;
    for (const _ of all) number++;
    return number;
  };
  const inUse = count(tcp.connections()) + count(tcp.listeners());
  const pages = Math.ceil((sockets.pool?.usage().bytesInUse ?? 0) / 4096);
  return (
    `sockets: used ${sockets.size}\n` +
    `TCP: inuse ${inUse} orphan ${tcp.orphans} tw ${count(tcp.timeWaiting())} alloc ${inUse} mem ${pages}\n` +
    `UDP: inuse ${count(udp.endpoints())} mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n`
  );
}
