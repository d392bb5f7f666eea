/**
 * Writes docs/syscalls.md from the system call tables.
 *
 *     node scripts/list-syscalls.ts
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ProgramLoader } from "../src/kernel/exec/spawn.ts";
import { coveragePage } from "../src/kernel/gate/coverage.ts";
import { makeSyscallTables } from "../src/kernel/gate/tables.ts";

export const pagePath: string = join(import.meta.dirname, "..", "docs", "syscalls.md");

/** The page as it should be. Nothing is ever started from these tables. */
export function currentPage(): string {
  // The handlers only close over their loader.
  return coveragePage(makeSyscallTables({} as ProgramLoader));
}

if (import.meta.main) writeFileSync(pagePath, currentPage());
