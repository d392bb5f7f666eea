import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { nextBelow, SeededRandom } from "../../base/random.ts";
import { randomWord } from "../differential.fixture.ts";
import { decode, extractFields, INDEX_SHIFT, onlyLineOf } from "./decoder.ts";
import { type Instruction, instructions } from "./table.ts";

const SAMPLES = 30;
const objdump = "aarch64-linux-gnu-objdump";
const hasObjdump = spawnSync(objdump, ["--version"]).status === 0;

/** Whether a field of `a` that is not zero is zero in all words of `b`. */
function excludes(a: Instruction, b: Instruction): boolean {
  return a.nonzero !== 0 && (b.mask & a.nonzero) >>> 0 === a.nonzero && (b.value & a.nonzero) === 0;
}

test("names are unique and no word belongs to two lines", () => {
  assert.ok(instructions.length > 600);
  assert.equal(new Set(instructions.map(({ name }) => name)).size, instructions.length);
  for (const a of instructions) {
    for (const b of instructions) {
      if (b.index <= a.index || ((a.value ^ b.value) & a.mask & b.mask) !== 0) continue;
      assert.ok(excludes(a, b) || excludes(b, a), `${a.name} and ${b.name} share words`);
    }
  }
});

test("where the highest bits tell the line, they tell it of all words", () => {
  const random = new SeededRandom(2);
  const lower = 2 ** INDEX_SHIFT;
  let count = 0;
  for (let highest = 0; highest < 2 ** 32; highest += lower) {
    const line = onlyLineOf(highest);
    if (line === null) continue;
    count++;
    for (const rest of [0, lower - 1, nextBelow(random, lower), nextBelow(random, lower), nextBelow(random, lower)]) {
      assert.equal(decode(highest + rest), line);
    }
  }
  assert.ok(count > 300, `${count}`);
});

test("every line decodes its own words", () => {
  const random = new SeededRandom(1);
  for (const instruction of instructions) {
    for (let sample = 0; sample < SAMPLES; sample++) {
      assert.equal(decode(randomWord(instruction, random))?.name, instruction.name);
    }
  }
});

test("fields come from their places", () => {
  const fields = extractFields(decode(0x9b0520c6) as Instruction, 0x9b0520c6);
  assert.deepEqual([fields.sf, fields.Rm, fields.Ra, fields.Rn, fields.Rd, fields.imm12], [1, 5, 8, 6, 6, 0]);
  assert.equal(decode(0)?.name, undefined);
});

test("the mnemonics are those of an independent disassembler", {
  skip: hasObjdump ? false : `no ${objdump} here`,
}, () => {
  const random = new SeededRandom(2);
  const samples = instructions.flatMap((instruction) =>
    Array.from({ length: SAMPLES }, () => ({ instruction, word: randomWord(instruction, random) })),
  );
  const folder = mkdtempSync(join(tmpdir(), "akuma-table-"));
  const file = join(folder, "words");
  writeFileSync(file, new Uint32Array(samples.map(({ word }) => word)));
  const { stdout } = spawnSync(objdump, ["-D", "-b", "binary", "-m", "aarch64", "-M", "no-aliases", "-z", file], {
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  rmSync(folder, { recursive: true });
  const lines = stdout.split("\n").filter((line) => /^\s*[0-9a-f]+:\t/.test(line));
  assert.equal(lines.length, samples.length);
  const agreed = new Set<string>();
  for (const [index, { instruction, word }] of samples.entries()) {
    const mnemonic = lines[index]?.split("\t")[2]?.trim() ?? "";
    // A reserved form: the translator says so, and the comparison with qemu holds it to that.
    if (mnemonic === ".inst" || mnemonic === "udf") continue;
    const names = mnemonicsOf(instruction.name);
    assert.ok(names.includes(mnemonic), `${word.toString(16)} is ${mnemonic}, not ${instruction.name}`);
    agreed.add(instruction.name);
  }
  const silent = instructions.filter(({ name }) => !agreed.has(name)).map(({ name }) => name);
  assert.deepEqual(silent, []);
});

/** What the disassembler may call a line: vector forms have a 2 for the upper half, atomics their ordering and size. */
function mnemonicsOf(name: string): string[] {
  const base = (name.split("_")[0] as string).toLowerCase();
  if (name === "B_cond")
    return "eq ne cs cc mi pl vs vc hi ls ge lt gt le al nv".split(" ").map((condition) => `b.${condition}`);
  if (name === "HINT")
    return [
      "hint",
      "nop",
      "yield",
      "wfe",
      "wfi",
      "sev",
      "sevl",
      "bti",
      "csdb",
      "esb",
      "psb",
      "tsb",
      "dgh",
      "xpaclri",
      "paciasp",
      "paciaz",
      "pacibsp",
      "pacibz",
      "autiasp",
      "autiaz",
      "autibsp",
      "autibz",
      "pacia1716",
      "pacib1716",
      "autia1716",
      "autib1716",
      "clearbhb",
    ];
  const orders = /^(ldadd|ldclr|ldeor|ldset|ld[su]max|ld[su]min|swp|cas|casp)$/.test(base)
    ? ["", "a", "l", "al"]
    : [""];
  const sizes =
    /^(ldadd|ldclr|ldeor|ldset|ld[su]max|ld[su]min|swp|cas|st?l?xr|ld?a?xr|ldar|ldapr|stlr|stlxr|stxr|ldaxr|ldxr)$/.test(
      base,
    )
      ? ["", "b", "h"]
      : [""];
  const result = orders.flatMap((order) => sizes.map((size) => base + order + size));
  if (/_v$|_elem$/.test(name)) result.push(`${base}2`);
  // An extension's form of it, which the translator refuses.
  if (base === "fcvt") result.push("bfcvt");
  if (base === "dsb") result.push("ssbb", "pssbb", "dfb");
  if (/^lds|^ldu|^ldadd|^ldclr|^ldeor|^ldset/.test(base))
    result.push(...result.map((text) => text.replace(/^ld/, "st")));
  if (base === "sys") result.push("dc", "ic", "at", "tlbi", "cfp", "dvp", "cpp");
  return result;
}
