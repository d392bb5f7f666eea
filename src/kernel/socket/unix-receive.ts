/** Reading what an AF_UNIX socket has received: bytes of a stream, or one message, with what came along. */
import { EAGAIN } from "../../abi/errno.ts";
import { MSG_PEEK, MSG_TRUNC } from "../../abi/socket.ts";
import type { MessageInfo } from "./kernel-socket.ts";
import type { UnixQueue } from "./unix-queue.ts";

/** Bytes of as many messages as there are, up to `length`; those with files are a boundary: they are read apart. */
export function receiveStream(
  queue: UnixQueue,
  buffer: Uint8Array,
  offset: number,
  length: number,
  flags: number,
  info: MessageInfo | null,
): number {
  const isPeek = (flags & MSG_PEEK) !== 0;
  let done = 0;
  for (let k = 0; done < length; ) {
    const message = queue.at(isPeek ? k++ : 0);
    if (message === null || (done > 0 && message.files !== null)) break;
    const take = Math.min(length - done, message.bytes.length - message.read);
    buffer.set(message.bytes.subarray(message.read, message.read + take), offset + done);
    done += take;
    if (info !== null && message.credentials !== null) info.credentials = message.credentials;
    const hadFiles = message.files !== null;
    if (hadFiles) giveFiles(queue, isPeek, info);
    if (!isPeek) queue.take(take, false);
    if (hadFiles) break;
  }
  return done;
}

/** One message; what does not fit is lost. `tellsSource`: the sender's name is asked for. */
export function receiveDatagram(
  queue: UnixQueue,
  buffer: Uint8Array,
  offset: number,
  length: number,
  flags: number,
  info: MessageInfo | null,
  tellsSource: boolean,
): number {
  const message = queue.head();
  if (message === null) return -EAGAIN;
  const trueLength = message.bytes.length;
  const copied = Math.min(length, trueLength);
  buffer.set(message.bytes.subarray(0, copied), offset);
  const isPeek = (flags & MSG_PEEK) !== 0;
  if (info !== null) {
    info.trueLength = trueLength;
    if (trueLength > copied) info.flags |= MSG_TRUNC;
    if (tellsSource && message.sender.name !== "") info.source.setUnix(message.sender.name);
    info.credentials = message.credentials;
  }
  if (message.files !== null) giveFiles(queue, isPeek, info);
  if (!isPeek) queue.take(0, true);
  return (flags & MSG_TRUNC) !== 0 ? trueLength : copied;
}

/** Hands the next message's files to the reader; one that does not ask for them loses them, as with recv(2). */
function giveFiles(queue: UnixQueue, isPeek: boolean, info: MessageInfo | null): void {
  if (isPeek) {
    if (info !== null) info.files = (queue.head()?.files ?? []).map((file) => file.retain());
    return;
  }
  const files = queue.takeFiles();
  if (info !== null) info.files = files;
  else for (const file of files) file.drop();
}
