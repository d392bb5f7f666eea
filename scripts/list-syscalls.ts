/**
 * Writes docs/syscalls.md from the system call tables.
 *
 *     node scripts/list-syscalls.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProgramRegistry } from "../src/kernel/exec/program.ts";
import { coveragePage } from "../src/kernel/gate/coverage.ts";
import { makeSyscallTables } from "../src/kernel/gate/tables.ts";

export const pagePath: string = join(import.meta.dirname, "..", "docs", "syscalls.md");

/** The page as it should be. Nothing is ever started from these tables. */
export function currentPage(): string {
  const runner = { hasRoom: () => false, start: () => {} };
  return coveragePage(makeSyscallTables({ registry: new ProgramRegistry(), runner }, 0));
}

if (import.meta.main) writeFileSync(pagePath, currentPage());
