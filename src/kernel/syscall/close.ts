/** close(2), which for the last descriptor of a stream socket may have to wait: SO_LINGER (socket(7)). */
import { EBADF } from "../../abi/errno.ts";
import { O_NONBLOCK } from "../../abi/file.ts";
import { KernelSocket } from "../socket/kernel-socket.ts";
import { BLOCKED, type Task } from "../task/task.ts";

/**
 * close(2) of any descriptor. Where SO_LINGER asks for it (last descriptor, blocking socket, data still to deliver), the call waits: the
 * descriptor is free at once, the task holds the socket and waits for the peer's acknowledgment or the linger time, and
 * letting go of the socket, at the end of the call, closes it. As on Linux the result is 0 however the wait ended.
 */
export function close(task: Task, fd: number): number {
  const { descriptors } = task.process;
  const descriptor = fd | 0;
  if (task.restarts > 0) {
    const held = task.file(descriptor);
    return held instanceof KernelSocket ? waitForDelivery(task, held) : 0;
  }
  const file = descriptors.getWithPath(descriptor);
  if (file === null) return -EBADF;
  if (!(file instanceof KernelSocket) || file.references > 1 || (file.flags & O_NONBLOCK) !== 0) {
    return descriptors.close(descriptor);
  }
  const milliseconds = file.lingerMilliseconds;
  if (milliseconds === 0) return descriptors.close(descriptor);
  task.hold(descriptor, file);
  descriptors.close(descriptor);
  task.setTimeout(milliseconds);
  file.beginClosing();
  return waitForDelivery(task, file);
}

function waitForDelivery(task: Task, file: KernelSocket): number {
  if (file.hasDelivered) return 0;
  task.waitOn(file.waitQueue);
  // A signal ends the wait, not the close.
  return task.block(0) === BLOCKED ? BLOCKED : 0;
}
