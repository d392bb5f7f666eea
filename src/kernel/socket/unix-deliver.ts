/** Putting what an AF_UNIX socket sends into the queue of the one that is to read it, as far as there is room. */
import { EAGAIN, ETOOMANYREFS } from "../../abi/errno.ts";
import { POLLIN, POLLRDNORM } from "../../abi/poll.ts";
import type { MessageInfo } from "./kernel-socket.ts";
import { MESSAGE_OVERHEAD_BYTES } from "./unix-queue.ts";
import type { UnixSocket } from "./unix-socket.ts";

/** Files that may be on their way at once, of the whole system; more are ETOOMANYREFS. */
const MOST_FILES_IN_FLIGHT = 16_384;

/** The bytes taken: of a datagram all, of a stream as many as fit; -EAGAIN for none, -ETOOMANYREFS. Files go along with the first. */
export function deliver(
  from: UnixSocket,
  target: UnixSocket,
  buffer: Uint8Array,
  offset: number,
  length: number,
  info: MessageInfo | null,
): number {
  const { unixNames } = from.table;
  const files = info?.files?.length ?? 0;
  if (files > 0 && unixNames.filesInFlight + files > MOST_FILES_IN_FLIGHT) return -ETOOMANYREFS;
  if (from.isStream && length === 0) return 0;
  // As on Linux, bytes on their way count against who sent them; datagrams against who is to read them, as many may send.
  const limit = from.isStream ? from.options.sendBufferBytes : target.options.receiveBufferBytes;
  const room = limit - target.inbox.charge - MESSAGE_OVERHEAD_BYTES;
  // A datagram longer than the whole queue may come when it is empty, so that it comes at all.
  const fits = from.isStream ? room > 0 : length <= room || target.inbox.isEmpty;
  if (!fits && length > 0) {
    target.waiting.add(from);
    return -EAGAIN;
  }
  const taken = from.isStream ? Math.min(length, room) : length;
  target.inbox.push({
    bytes: buffer.slice(offset, offset + taken),
    read: 0,
    sender: from,
    files: info?.files ?? null,
    credentials: info?.credentials ?? from.credentials,
  });
  if (info?.files != null) {
    unixNames.filesInFlight += info.files.length;
    info.files = null;
  }
  target.notify(POLLIN | POLLRDNORM);
  return taken;
}
