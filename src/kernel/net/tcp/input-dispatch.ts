/** Which rules a segment meets off the fast path: those of its connection's state, of a half-open one, of TIME-WAIT, of a listener, or none. */
import { arriveAtListener, arriveForRequest } from "./arrive-listen.ts";
import { arriveInSynSent } from "./arrive-syn-sent.ts";
import { arriveSynchronized } from "./arrive-synchronized.ts";
import type { TcpConnection } from "./connection.ts";
import { localPortOf, sendResetFor } from "./emit.ts";
import type { Segment } from "./header.ts";
import { swap32 } from "./sequence.ts";
import { SYN_SENT } from "./state.ts";
import type { Tcp } from "./tcp.ts";
import { REOPENS } from "./time-wait.ts";
import { applyVerdict } from "./verdict.ts";

export function dispatchSegment(tcp: Tcp, connection: TcpConnection | null, segment: Segment): void {
  if (connection !== null) {
    deliverTo(tcp, connection, segment);
    return;
  }
  const { keyRemote, keyLocal, keyPorts } = segment;
  const request = tcp.synQueue.table.find(keyRemote, keyLocal, keyPorts);
  if (request !== null) {
    arriveForRequest(tcp, request, segment);
    return;
  }
  const waiting = tcp.timeWaits.table.find(keyRemote, keyLocal, keyPorts);
  if (waiting !== null && tcp.timeWaits.arrive(waiting, segment) !== REOPENS) return;
  if (tcp.isGroup(keyLocal) || tcp.isGroup(keyRemote)) return;
  const listener = tcp.findListener(swap32(keyLocal) >>> 0, localPortOf(segment), segment);
  if (listener !== null) arriveAtListener(tcp, listener, segment);
  else sendResetFor(tcp, segment);
}

export function deliverTo(tcp: Tcp, connection: TcpConnection, segment: Segment): void {
  const verdict =
    connection.state === SYN_SENT ? arriveInSynSent(connection, segment) : arriveSynchronized(connection, segment);
  applyVerdict(tcp, connection, segment, verdict);
}
