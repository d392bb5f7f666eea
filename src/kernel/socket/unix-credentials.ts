/** Who is at the other end: SO_PASSCRED and SO_PEERCRED (unix(7)). */
import { EINVAL } from "../../abi/errno.ts";
import type { Credentials } from "./kernel-socket.ts";
import { putInt, readInt32, SO_PASSCRED } from "./socket-options.ts";
import type { UnixSocket } from "./unix-socket.ts";

export const SO_PEERCRED = 17;
/** A peer that is not known: the overflow user of proc_sys_kernel(5). */
export const NOBODY: Credentials = { processId: 0, userId: 65_534, groupId: 65_534 };
/** sizeof(struct ucred) */
const UCRED_BYTES = 12;

export function setPassCredentials(socket: UnixSocket, bytes: Uint8Array, at: number, length: number): number {
  if (length < 4) return -EINVAL;
  socket.passesCredentials = readInt32(bytes, at) !== 0;
  return 0;
}

export function getCredentialsOption(socket: UnixSocket, name: number, into: DataView): number {
  if (name === SO_PASSCRED) return putInt(into, Number(socket.passesCredentials));
  const { processId, userId, groupId } = socket.peerCredentials;
  into.setInt32(0, processId, true);
  into.setInt32(4, userId, true);
  into.setInt32(8, groupId, true);
  return UCRED_BYTES;
}
