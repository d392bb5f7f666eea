/**
 * Pathnames of AF_UNIX (unix(7)): bind(2) makes a file in the file system, connect(2) and sendto(2) find the socket by it. The file
 * systems and the sockets do not know each other; they meet here.
 */
import { EADDRINUSE, ECONNREFUSED, EEXIST, EINVAL } from "../../abi/errno.ts";
import { S_IFSOCK, W_OK } from "../../abi/file.ts";
import type { KernelSocket } from "../socket/kernel-socket.ts";
import { SOCKADDR_UN_BYTES, type SocketAddress } from "../socket/socket-address.ts";
import { UnixSocket } from "../socket/unix-socket.ts";
import type { Task } from "../task/task.ts";
import { makeSocketNode } from "../vfs/path-operations.ts";
import { walk } from "../vfs/path-walk.ts";
import { checkAccess } from "../vfs/permission.ts";
import { contextOf } from "./path-arguments.ts";

const decoder = new TextDecoder();

/** The address's path as text: it holds one character per byte. */
function pathOf(address: SocketAddress): string {
  return decoder.decode(Uint8Array.from(address.path, (character) => character.charCodeAt(0)));
}

/** Before bind(2): makes the file of a pathname. 0, -EADDRINUSE when something of that name is there, or an error of the file system. */
export function makeUnixPath(task: Task, socket: KernelSocket, address: SocketAddress): number {
  if (!(socket instanceof UnixSocket) || !address.isPathname) return 0;
  if (socket.name !== "" || address.byteLength > SOCKADDR_UN_BYTES) return -EINVAL;
  const node = makeSocketNode(contextOf(task), pathOf(address), 0o777);
  if (typeof node === "number") return node === -EEXIST ? -EADDRINUSE : node;
  address.node = node;
  return 0;
}

/**
 * Before connect(2) and sendto(2): follows a pathname. What fails there (-EINVAL for an address that is too long, -ECONNREFUSED for a
 * file that is no socket) is left in the address: the socket tells it when its turn comes. Always 0.
 */
export function followUnixPath(task: Task, socket: KernelSocket, address: SocketAddress): number {
  if (!(socket instanceof UnixSocket) || !address.isPathname) return 0;
  const isTooLong = address.byteLength > SOCKADDR_UN_BYTES;
  const found = isTooLong ? -EINVAL : walk(contextOf(task), pathOf(address));
  if (typeof found === "number") address.error = found;
  else if (found.inode.type !== S_IFSOCK) address.error = -ECONNREFUSED;
  else {
    const denied = checkAccess(found.inode, contextOf(task), W_OK);
    if (denied < 0) address.error = denied;
    else address.node = found.inode;
  }
  return 0;
}
