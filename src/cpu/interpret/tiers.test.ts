/** The interpreter and the translator do the same with random instructions; this needs no other CPU to compare with. */
import assert from "node:assert/strict";
import test from "node:test";
import { SeededRandom } from "../../base/random.ts";
import { compareTiers } from "../compare-with-qemu.fixture.ts";
import { instructions } from "../decode/table.ts";
import { type Case, isSingle, randomWord } from "../differential.fixture.ts";
import { handlers } from "./handlers.ts";

const SAMPLES_PER_LINE = 4;
const CASES_PER_PROGRAM = 2000;
const SEED = 20260102;

test("random instructions do the same when interpreted and when translated", () => {
  const random = new SeededRandom(SEED);
  const cases: Case[] = [];
  for (const instruction of instructions) {
    if (handlers[instruction.index] === undefined || !isSingle(instruction.name)) continue;
    for (let sample = 0; sample < SAMPLES_PER_LINE; sample++)
      cases.push({ instruction, word: randomWord(instruction, random) });
  }
  assert.ok(cases.length > 1800);
  for (let at = 0; at < cases.length; at += CASES_PER_PROGRAM) {
    const differences = compareTiers(cases.slice(at, at + CASES_PER_PROGRAM), SEED + at);
    assert.deepEqual(
      differences.map(({ name, word, what }) => `${name} ${word.toString(16)}: ${what}`),
      [],
    );
  }
});
