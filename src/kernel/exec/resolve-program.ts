/** Finds out what a path names that is to be executed: machine code, a registered TypeScript program, or a script for either. */
import { EACCES, ELOOP, ENOEXEC } from "../../abi/errno.ts";
import { O_RDONLY, S_IFMT, S_IFREG } from "../../abi/file.ts";
import type { OpenFile } from "../file/open-file.ts";
import type { FileSystemContext } from "../vfs/file-system-context.ts";
import { openNode } from "../vfs/open-path.ts";
import { type PathNode, pathOf, walk } from "../vfs/path-walk.ts";
import { isElf } from "./elf.ts";
import { BUILTIN_MAGIC, type ProgramRegistry, type RegisteredProgram } from "./program.ts";

const MAXIMUM_INTERPRETERS = 4;
const HEAD_BYTES = 256;

export interface ResolvedProgram {
  /** A TypeScript program, or the file with machine code, held by the caller from here on. */
  readonly program: RegisteredProgram | null;
  readonly file: OpenFile | null;
  /** From the process's root: /proc/PID/exe. */
  readonly path: string;
  readonly arguments: readonly string[];
}

/** Follows "#!" lines until a program is found; -errno otherwise. `start` is where a relative path begins. */
export function resolveProgram(
  registry: ProgramRegistry,
  fileSystem: FileSystemContext,
  path: string,
  programArguments: readonly string[],
  start?: PathNode,
): ResolvedProgram | number {
  let currentPath = path;
  let currentArguments = programArguments;
  for (let depth = 0; depth <= MAXIMUM_INTERPRETERS; depth++) {
    const node = walk(fileSystem, currentPath, depth === 0 && start !== undefined ? { start } : {});
    if (typeof node === "number") return node;
    const file = openProgram(fileSystem, node);
    if (typeof file === "number") return file;
    const bytes = new Uint8Array(HEAD_BYTES);
    const length = file.readAt(bytes, 0, bytes.length, 0);
    if (length >= 0 && isElf(bytes.subarray(0, length))) {
      return { program: null, file, path: pathOf(node, fileSystem.root), arguments: currentArguments };
    }
    file.drop();
    if (length < 0) return length;
    const head = String.fromCharCode(...bytes.subarray(0, length));
    if (head.startsWith(BUILTIN_MAGIC)) {
      const program = registry.get(head.slice(BUILTIN_MAGIC.length).split("\n", 1)[0]?.trim() ?? "");
      if (program === null) return -ENOEXEC;
      return { program, file: null, path: pathOf(node, fileSystem.root), arguments: currentArguments };
    }
    // execve(2): "#!interpreter [optional-arg]" runs the interpreter with the argument, the script's path, and the rest.
    if (!head.startsWith("#!")) return -ENOEXEC;
    const line = head.slice(2).split("\n", 1)[0]?.trim() ?? "";
    const [, interpreter, argument] = /^(\S+)(?:\s+(.*))?$/.exec(line) ?? [];
    if (interpreter === undefined) return -ENOEXEC;
    currentArguments = [
      interpreter,
      ...(argument === undefined ? [] : [argument]),
      currentPath,
      ...currentArguments.slice(1),
    ];
    currentPath = interpreter;
  }
  return -ELOOP;
}

/** A regular file that may be executed, open for reading and held. */
function openProgram(fileSystem: FileSystemContext, node: PathNode): OpenFile | number {
  const status = node.inode.status();
  if (typeof status === "number") return status;
  if ((status.mode & S_IFMT) !== S_IFREG || (status.mode & 0o111) === 0) return -EACCES;
  const file = openNode(node, O_RDONLY, fileSystem);
  return typeof file === "number" ? file : file.retain();
}
