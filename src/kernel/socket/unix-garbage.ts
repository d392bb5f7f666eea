/**
 * Sockets that hold each other. A socket sent over AF_UNIX and closed by its sender lives on in the receiver's queue; when that queue
 * belongs to a socket that is itself only on its way somewhere, nobody can ever read it. Found by mark and sweep, after a close
 * while sockets are in flight.
 */
import { UnixSocket } from "./unix-socket.ts";

/** Releases every socket of `all` that is in flight only within queues that nobody can reach. */
export function collectUnreachable(all: Iterable<UnixSocket>): void {
  const sockets = [...all];
  const inFlight = new Map<UnixSocket, number>();
  for (const socket of sockets) {
    for (const file of filesOf(socket)) {
      if (file instanceof UnixSocket) inFlight.set(file, (inFlight.get(file) ?? 0) + 1);
    }
  }
  // Held by something else than a message, too: a descriptor, a waiting call. From there on everything can be reached.
  const reachable = new Set<UnixSocket>();
  const queue = sockets.filter((socket) => socket.references > (inFlight.get(socket) ?? 0));
  for (let socket = queue.pop(); socket !== undefined; socket = queue.pop()) {
    if (reachable.has(socket)) continue;
    reachable.add(socket);
    for (const file of filesOf(socket)) if (file instanceof UnixSocket) queue.push(file);
  }
  for (const socket of inFlight.keys()) if (!reachable.has(socket)) socket.dropMessages();
}

/** Files in a socket's own queue, and in those of connections that wait to be accepted from it. */
function* filesOf(socket: UnixSocket): Iterable<object> {
  yield* socket.inbox.files();
  for (const embryo of socket.pending) yield* embryo.inbox.files();
}
