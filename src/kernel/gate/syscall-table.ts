/**
 * One line per system call: number, name, argument types, handler. Dispatch, strace and the coverage page read the same
 * lines.
 */
import type { SyscallDefinition } from "../syscall/definition.ts";
import type { Handler } from "../task/task.ts";

export class SyscallTable {
  /** Indexed by number; undefined is ENOSYS. */
  readonly handlers: (Handler | undefined)[] = [];
  readonly definitions: (SyscallDefinition | undefined)[] = [];

  constructor(lines: readonly SyscallDefinition[]) {
    for (const line of lines) {
      this.definitions[line.number] = line;
      this.handlers[line.number] = line.handler;
    }
  }
}
