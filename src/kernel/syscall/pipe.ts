/** pipe2(2). */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { FD_CLOEXEC, O_CLOEXEC, O_NONBLOCK } from "../../abi/file.ts";
import { createPipe } from "../file/pipe.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

/** Writes two descriptors, the reading end first. Packet mode (O_DIRECT) is not supported: EINVAL, as old kernels answer. */
export function pipe2(task: Task, address: number, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const { descriptors, memory } = task.process;
  if (!memory.isValid(address, 8)) return -EFAULT;
  const { system } = task;
  const { reader, writer } = createPipe(system.openFiles, flags & O_NONBLOCK, system.clock.realtimeMilliseconds());
  const descriptorFlags = (flags & O_CLOEXEC) !== 0 ? FD_CLOEXEC : 0;
  const readFd = descriptors.install(reader, descriptorFlags);
  if (readFd < 0) {
    writer.retain().drop();
    return readFd;
  }
  const writeFd = descriptors.install(writer, descriptorFlags);
  if (writeFd < 0) {
    descriptors.close(readFd);
    return writeFd;
  }
  memory.writeUint32(address, readFd);
  memory.writeUint32(address + 4, writeFd);
  return 0;
}

export const pipeCalls: readonly SyscallDefinition[] = [call(59, "pipe2", ["fd-pair-out", "pipe-flags"], pipe2)];
