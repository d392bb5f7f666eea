/**
 * resolve_host(name, length, result), number 300 in both ABIs: the IPv4 address of a name, four bytes in network order at `result`.
 * 0, or: EFAULT; EINVAL (not a name); ENOENT (no such name, or it has no IPv4 address); EAGAIN (the name servers failed: try again
 * later); EACCES (they refuse to answer for this name); ETIMEDOUT (none of them answered); ENETUNREACH, ECONNREFUSED (no way
 * to them); EINTR.
 */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { LONGEST_NAME } from "../resolver/host-name.ts";
import type { Lookup } from "../resolver/resolver.ts";
import type { Task } from "../task/task.ts";
import { call, type SyscallDefinition } from "./definition.ts";

export function resolveHost(task: Task, nameAt: number, length: number, resultAt: number): number {
  const { memory } = task.process;
  if (!memory.isValid(resultAt, 4)) return -EFAULT;
  let lookup = task.scratch as Lookup | null;
  if (lookup === null) {
    // One more for a final dot.
    if (length > LONGEST_NAME + 1) return -EINVAL;
    const name = memory.readText(nameAt, length);
    if (typeof name === "number") return name;
    lookup = task.system.resolver.lookup(name);
  }
  if (!lookup.isDone) {
    task.scratch = lookup;
    task.waitOn(lookup.events);
    return task.block();
  }
  if (lookup.result < 0) return lookup.result;
  const address = lookup.addresses[0] as number;
  for (let k = 0; k < 4; k++) memory.bytes[resultAt + k] = address >>> (8 * (3 - k));
  return 0;
}

export const resolveHostCalls: readonly SyscallDefinition[] = [
  call(300, "resolve_host", ["sized-path", "size", "ipv4-out"], resolveHost),
];
