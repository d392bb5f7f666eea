/** Every instruction's translation by its name in the table, and by its index there. */
import type { Fields } from "../decode/fields.ts";
import { instructions } from "../decode/table.ts";
import { arithmetic } from "./arithmetic.ts";
import { branch } from "./branch.ts";
import type { Translation } from "./context.ts";
import { exclusive } from "./exclusive.ts";
import { loadStore } from "./load-store.ts";
import { logical } from "./logical.ts";

const byName: Record<string, Translation<Fields>> = {
  ...arithmetic,
  ...logical,
  ...branch,
  ...loadStore,
  ...exclusive,
};

/** By the line's index; undefined: not translated yet, an unknown instruction. */
export const handlers: readonly (Translation<Fields> | undefined)[] = instructions.map(({ name }) => byName[name]);
