import assert from "node:assert/strict";
import test from "node:test";
import { SeededRandom } from "../../base/random.ts";
import { extractFields } from "../decode/decoder.ts";
import { instructions } from "../decode/table.ts";
import { randomWord } from "../differential.fixture.ts";
import { importedFunctions } from "../region-module.ts";
import { NULL_GUARD } from "../state.ts";
import { Code } from "../wasm/code.ts";
import { Context } from "./context.ts";
import { computeFlagFlow, type FlagPlace, flagEffect } from "./flag-flow.ts";
import { conditionalFlags, type PendingFlags, pendingFlags } from "./flags.ts";
import { handlers } from "./handlers.ts";

test("what is said of an instruction's flags beforehand is what its translation does", () => {
  const random = new SeededRandom(7);
  let setters = 0;
  for (const isSoftFloat of [false, true]) {
    for (const instruction of instructions) {
      const translation = handlers[instruction.index];
      if (translation === undefined) continue;
      for (let sample = 0; sample < 5; sample++) {
        const word = randomWord(instruction, random);
        const context = new Context(new Code(2, NULL_GUARD), importedFunctions, true, isSoftFloat);
        context.startBlock(null);
        context.startInstruction(0x2000, word);
        if (translation(context, extractFields(instruction, word)) === false) continue;
        const { sets } = flagEffect([{ word, instruction }], isSoftFloat);
        const done: FlagPlace | null = context.setsFlags ? (context.pending ?? "packed") : null;
        assert.equal(sets, done, `${instruction.name} ${word.toString(16)}`);
        if (sets !== null) setters++;
      }
    }
  }
  assert.ok(setters > 100);
});

test("operands stay where all ways agree; what is read where they do not is packed, what only leaves goes to the state", () => {
  const compared = pendingFlags("sub", true);
  const tested = pendingFlags("logic", false);
  const block = { reads: false, sets: null, successors: [], afterCall: -1, leaves: false };
  const diamond = (one: PendingFlags, other: PendingFlags, reads: boolean): FlagPlace | undefined =>
    computeFlagFlow([
      { ...block, successors: [1, 2] },
      { ...block, sets: one, successors: [3] },
      { ...block, sets: other, successors: [3] },
      { ...block, reads, leaves: true },
    ]).atStart[3];
  assert.equal(diamond(compared, compared, true), compared);
  assert.equal(diamond(compared, tested, true), "packed");
  assert.equal(diamond(compared, tested, false), "state");
  assert.equal(conditionalFlags(compared, 4), conditionalFlags(pendingFlags("sub", true), 4));
  assert.notEqual(conditionalFlags(compared, 4), conditionalFlags(compared, 0));
});
