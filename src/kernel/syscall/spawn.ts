/**
 * spawn (301), a call of our own in both ABIs: starts a program as posix_spawn(3) would. TypeScript programs have no copyable
 * stack, so they cannot fork; descriptors, working directory and ignored signals pass on as through fork and exec.
 */
import { EFAULT, EINVAL, EMFILE } from "../../abi/errno.ts";
import { descriptorsForChild, type ProgramLoader, spawnProcess } from "../exec/spawn.ts";
import type { Abi } from "../task/process.ts";
import type { Handler } from "../task/task.ts";
import { walk } from "../vfs/path-walk.ts";
import { call, type SyscallDefinition } from "./definition.ts";

const MAXIMUM_REQUEST_BYTES = 1 << 20;

interface SpawnMessage {
  path: string;
  arguments?: string[];
  environment?: string[];
  /** [child's descriptor, caller's descriptor] each; absent: all that are not close-on-exec. */
  files?: [number, number][];
  /** Working directory; absent: the caller's. */
  workingDirectory?: string;
  abi?: Abi;
  isolate?: "realm" | "worker";
}

/** spawn(request, length) → process id. The request is a SpawnMessage in JSON. */
function makeSpawn(loader: ProgramLoader): Handler {
  return (task, address, length) => {
    if (length > MAXIMUM_REQUEST_BYTES) return -EINVAL;
    const text = task.process.memory.readText(address, length);
    if (typeof text === "number") return -EFAULT;
    const message = parseMessage(text);
    if (message === null) return -EINVAL;
    const parent = task.process;
    const fileSystem = { ...parent.fileSystem };
    if (message.workingDirectory !== undefined) {
      const node = walk(parent.fileSystem, message.workingDirectory);
      if (typeof node === "number") return node;
      fileSystem.workingDirectory = node;
    }
    if ((message.files?.length ?? 0) > parent.descriptors.limit) return -EMFILE;
    const descriptors = descriptorsForChild(parent, message.files);
    if (typeof descriptors === "number") return descriptors;
    const child = spawnProcess(task.system, loader, {
      path: message.path,
      arguments: message.arguments ?? [message.path],
      environment: message.environment ?? parent.environment,
      parent,
      fileSystem,
      descriptors,
      abi: message.abi ?? parent.abi,
      isolate: message.isolate ?? "realm",
      maximumMemoryBytes: loader.maximumProgramBytes,
    });
    return typeof child === "number" ? child : child.processId;
  };
}

/** The request if it has the right shape; null otherwise. */
function parseMessage(text: string): SpawnMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const message = value as Record<string, unknown>;
  const strings = (list: unknown): boolean => list === undefined || (Array.isArray(list) && list.every(isCleanString));
  const isPair = (pair: unknown): boolean =>
    Array.isArray(pair) && pair.length === 2 && pair.every((part) => Number.isInteger(part) && part >= 0);
  if (!isCleanString(message["path"])) return null;
  if (!strings(message["arguments"]) || !strings(message["environment"])) return null;
  if (message["files"] !== undefined && !(Array.isArray(message["files"]) && message["files"].every(isPair)))
    return null;
  if (message["workingDirectory"] !== undefined && !isCleanString(message["workingDirectory"])) return null;
  if (![undefined, "linux", "akuma"].includes(message["abi"] as Abi)) return null;
  if (![undefined, "realm", "worker"].includes(message["isolate"] as "realm")) return null;
  return value as SpawnMessage;
}

/** A string that could stand in an argv: no NUL inside. */
function isCleanString(value: unknown): boolean {
  return typeof value === "string" && !value.includes("\0");
}

/** The line of the table; needs the kernel's loader. */
export function spawnCalls(loader: ProgramLoader): readonly SyscallDefinition[] {
  return [call(301, "spawn", ["buffer-in", "size"], makeSpawn(loader))];
}
