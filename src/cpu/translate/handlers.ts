/** Every instruction's translation by its name in the table, and by its index there. */
import type { Fields } from "../decode/fields.ts";
import { instructions } from "../decode/table.ts";
import { arithmetic } from "./arithmetic.ts";
import { branch } from "./branch.ts";
import type { Translation } from "./context.ts";
import { exclusive } from "./exclusive.ts";
import { underFloatControl } from "./float-control.ts";
import { floating } from "./floating.ts";
import { loadStore } from "./load-store.ts";
import { logical } from "./logical.ts";
import { structure } from "./structure.ts";
import { vectorFloating } from "./vector-floating.ts";
import { vectorInteger } from "./vector-integer.ts";
import { vectorLong } from "./vector-long.ts";
import { vectorMove } from "./vector-move.ts";
import { vectorReciprocal } from "./vector-reciprocal.ts";
import { vectorSaturating } from "./vector-saturating.ts";
import { vectorShift } from "./vector-shift.ts";

const byName: Record<string, Translation<Fields>> = {
  ...arithmetic,
  ...logical,
  ...branch,
  ...loadStore,
  ...exclusive,
  ...structure,
  ...floating,
  ...vectorInteger,
  ...vectorLong,
  ...vectorSaturating,
  ...vectorShift,
  ...vectorFloating,
  ...vectorReciprocal,
  ...vectorMove,
};

/** By the line's index; undefined: not translated yet, an unknown instruction. */
export const handlers: readonly (Translation<Fields> | undefined)[] = instructions.map(({ name, index }) =>
  underFloatControl(index, byName[name]),
);
