/** The decoder's lines for loads and stores (Arm Architecture Reference Manual, C4.1.94): general, vector, exclusive and atomic. */
import type { TableLine } from "./table.ts";

/** A register access in its addressing forms; `unscaled` is its mnemonic there (LDUR beside LDR). `opc` may hold fields. */
function forms(name: string, unscaled: string, size: string, vector: 0 | 1, opc: string): TableLine[] {
  return [
    [`${name}_unsigned`, `${size} 111 ${vector} 01 ${opc} imm12 Rn Rt`],
    [`${unscaled}_unscaled`, `${size} 111 ${vector} 00 ${opc} 0 imm9 00 Rn Rt`],
    [`${name}_post`, `${size} 111 ${vector} 00 ${opc} 0 imm9 01 Rn Rt`],
    [`${name}_pre`, `${size} 111 ${vector} 00 ${opc} 0 imm9 11 Rn Rt`],
    [`${name}_reg`, `${size} 111 ${vector} 00 ${opc} 1 Rm option S 10 Rn Rt`],
  ];
}

/** A general register access as if without privilege, which is no difference in user mode. */
function unprivileged(name: string, size: string, opc: string): TableLine {
  return [`${name}_unscaled`, `${size} 111 0 00 ${opc} 0 imm9 10 Rn Rt`];
}

/** An atomic memory operation for bytes, halves, and words or doublewords. */
function atomic(name: string, bits: string): TableLine[] {
  return [[name, `size 111 0 00 A R 1 Rs ${bits} 00 Rn Rt`]];
}

// biome-ignore format: a table
export const loadStoreLines: readonly TableLine[] = [
  ...forms("STRB",    "STURB",  "00", 0, "00"),
  ...forms("LDRB",    "LDURB",  "00", 0, "01"),
  ...forms("LDRSB",   "LDURSB", "00", 0, "1 opx"),
  ...forms("STRH",    "STURH",  "01", 0, "00"),
  ...forms("LDRH",    "LDURH",  "01", 0, "01"),
  ...forms("LDRSH",   "LDURSH", "01", 0, "1 opx"),
  ...forms("STR",     "STUR",   "1 sz", 0, "00"),
  ...forms("LDR",     "LDUR",   "1 sz", 0, "01"),
  ...forms("LDRSW",   "LDURSW", "10", 0, "10"),
  ...forms("STR_v",   "STUR_v", "size", 1, "opx 0"),
  ...forms("LDR_v",   "LDUR_v", "size", 1, "opx 1"),
  unprivileged("STTRB",  "00", "00"),
  unprivileged("LDTRB",  "00", "01"),
  unprivileged("LDTRSB", "00", "1 opx"),
  unprivileged("STTRH",  "01", "00"),
  unprivileged("LDTRH",  "01", "01"),
  unprivileged("LDTRSH", "01", "1 opx"),
  unprivileged("STTR",   "1 sz", "00"),
  unprivileged("LDTR",   "1 sz", "01"),
  unprivileged("LDTRSW", "10", "10"),
  ["PRFM_unsigned",   "11 111 0 01 10 imm12 Rn Rt"],
  ["PRFUM_unscaled",  "11 111 0 00 10 0 imm9 00 Rn Rt"],
  ["PRFM_reg",        "11 111 0 00 10 1 Rm option S 10 Rn Rt"],
  ["LDR_literal",     "0 sz 011 0 00 imm19 Rt"],
  ["LDRSW_literal",   "10 011 0 00 imm19 Rt"],
  ["PRFM_literal",    "11 011 0 00 imm19 Rt"],
  ["LDR_v_literal",   "opc 011 1 00 imm19 Rt"],

  ["STNP",            "sf 0 101 0 000 0 imm7 Rt2 Rn Rt"],
  ["LDNP",            "sf 0 101 0 000 1 imm7 Rt2 Rn Rt"],
  ["STP_post",        "sf 0 101 0 001 0 imm7 Rt2 Rn Rt"],
  ["LDP_post",        "sf 0 101 0 001 1 imm7 Rt2 Rn Rt"],
  ["STP_offset",      "sf 0 101 0 010 0 imm7 Rt2 Rn Rt"],
  ["LDP_offset",      "sf 0 101 0 010 1 imm7 Rt2 Rn Rt"],
  ["STP_pre",         "sf 0 101 0 011 0 imm7 Rt2 Rn Rt"],
  ["LDP_pre",         "sf 0 101 0 011 1 imm7 Rt2 Rn Rt"],
  ["LDPSW_post",      "01 101 0 001 1 imm7 Rt2 Rn Rt"],
  ["LDPSW_offset",    "01 101 0 010 1 imm7 Rt2 Rn Rt"],
  ["LDPSW_pre",       "01 101 0 011 1 imm7 Rt2 Rn Rt"],
  ["STNP_v",          "opc 101 1 000 0 imm7 Rt2 Rn Rt"],
  ["LDNP_v",          "opc 101 1 000 1 imm7 Rt2 Rn Rt"],
  ["STP_v_post",      "opc 101 1 001 0 imm7 Rt2 Rn Rt"],
  ["LDP_v_post",      "opc 101 1 001 1 imm7 Rt2 Rn Rt"],
  ["STP_v_offset",    "opc 101 1 010 0 imm7 Rt2 Rn Rt"],
  ["LDP_v_offset",    "opc 101 1 010 1 imm7 Rt2 Rn Rt"],
  ["STP_v_pre",       "opc 101 1 011 0 imm7 Rt2 Rn Rt"],
  ["LDP_v_pre",       "opc 101 1 011 1 imm7 Rt2 Rn Rt"],

  ["STXR",            "size 001000 0 0 0 Rs 0 11111 Rn Rt"],
  ["STLXR",           "size 001000 0 0 0 Rs 1 11111 Rn Rt"],
  ["LDXR",            "size 001000 0 1 0 11111 0 11111 Rn Rt"],
  ["LDAXR",           "size 001000 0 1 0 11111 1 11111 Rn Rt"],
  ["STXP",            "1 sz 001000 0 0 1 Rs 0 Rt2 Rn Rt"],
  ["STLXP",           "1 sz 001000 0 0 1 Rs 1 Rt2 Rn Rt"],
  ["LDXP",            "1 sz 001000 0 1 1 11111 0 Rt2 Rn Rt"],
  ["LDAXP",           "1 sz 001000 0 1 1 11111 1 Rt2 Rn Rt"],
  ["STLR",            "size 001000 1 0 0 11111 1 11111 Rn Rt"],
  ["LDAR",            "size 001000 1 1 0 11111 1 11111 Rn Rt"],
  ["LDAPR",           "size 111 0 00 1 0 1 11111 1 100 00 Rn Rt"],
  ["CAS",             "size 001000 1 A 1 Rs R 11111 Rn Rt"],
  ["CASP",            "0 sz 001000 0 A 1 Rs R 11111 Rn Rt"],
  ...atomic("LDADD",  "0 000"),
  ...atomic("LDCLR",  "0 001"),
  ...atomic("LDEOR",  "0 010"),
  ...atomic("LDSET",  "0 011"),
  ...atomic("LDSMAX", "0 100"),
  ...atomic("LDSMIN", "0 101"),
  ...atomic("LDUMAX", "0 110"),
  ...atomic("LDUMIN", "0 111"),
  ...atomic("SWP",    "1 000"),

  ...structures("ST", "0"),
  ...structures("LD", "1"),
  ["LD1R",            "0 Q 0011010 1 0 00000 110 0 size Rn Rt"],
  ["LD2R",            "0 Q 0011010 1 1 00000 110 0 size Rn Rt"],
  ["LD3R",            "0 Q 0011010 1 0 00000 111 0 size Rn Rt"],
  ["LD4R",            "0 Q 0011010 1 1 00000 111 0 size Rn Rt"],
  ["LD1R_post",       "0 Q 0011011 1 0 Rm 110 0 size Rn Rt"],
  ["LD2R_post",       "0 Q 0011011 1 1 Rm 110 0 size Rn Rt"],
  ["LD3R_post",       "0 Q 0011011 1 0 Rm 111 0 size Rn Rt"],
  ["LD4R_post",       "0 Q 0011011 1 1 Rm 111 0 size Rn Rt"],
];

/** ST1 to ST4 or LD1 to LD4 of whole registers, and of one lane, each without and with post-index. */
function structures(name: string, load: string): TableLine[] {
  const lines: TableLine[] = [];
  // biome-ignore format: a table
  const whole: [form: string, opcode: string][] = [
    ["4_multi", "0000"], ["1_x4", "0010"], ["3_multi", "0100"], ["1_x3", "0110"], ["1_x1", "0111"], ["2_multi", "1000"], ["1_x2", "1010"],
  ];
  for (const [form, opcode] of whole) {
    lines.push([`${name}${form}`, `0 Q 0011000 ${load} 000000 ${opcode} size Rn Rt`]);
    lines.push([`${name}${form}_post`, `0 Q 0011001 ${load} 0 Rm ${opcode} size Rn Rt`]);
  }
  // The lane's size: 00 byte, 01 half, 10 word or doubleword; 11 is LD1R and its kin.
  for (const part of ["00", "01", "10"]) {
    const width = { "00": "b", "01": "h", "10": "s" }[part];
    // biome-ignore format: a table
    for (const [count, r, low] of [[1, 0, 0], [2, 1, 0], [3, 0, 1], [4, 1, 1]]) {
      lines.push([`${name}${count}_lane_${width}`, `0 Q 0011010 ${load} ${r} 00000 ${part} ${low} S size Rn Rt`]);
      lines.push([`${name}${count}_lane_${width}_post`, `0 Q 0011011 ${load} ${r} Rm ${part} ${low} S size Rn Rt`]);
    }
  }
  return lines;
}
