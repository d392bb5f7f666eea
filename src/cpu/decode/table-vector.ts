/** The decoder's lines for Advanced SIMD data processing, vector and scalar forms (Arm Architecture Reference Manual, C4.1.96). */
import type { TableLine } from "./table.ts";

/** A line for each opcode: an encoding with `_` where the opcode stands, and names by opcode. */
function group(suffix: string, encoding: string, names: string): TableLine[] {
  return names
    .trim()
    .split(/\s+/)
    .map((entry): TableLine => {
      const [name = "", opcode = ""] = entry.split("=");
      return [name + suffix, encoding.replace("_", opcode)];
    });
}

// biome-ignore format: a table
export const vectorLines: readonly TableLine[] = [
  ["DUP_element",   "0 Q 0 01110000 imm5 0 0000 1 Rn Rd"],
  ["DUP_general",   "0 Q 0 01110000 imm5 0 0001 1 Rn Rd"],
  ["SMOV",          "0 Q 0 01110000 imm5 0 0101 1 Rn Rd"],
  ["UMOV",          "0 Q 0 01110000 imm5 0 0111 1 Rn Rd"],
  ["INS_general",   "0 1 0 01110000 imm5 0 0011 1 Rn Rd"],
  ["INS_element",   "0 1 1 01110000 imm5 0 imm4 1 Rn Rd"],
  ["DUP_scalar",    "0 1 0 11110000 imm5 0 0000 1 Rn Rd"],
  ["EXT",           "0 Q 101110 00 0 Rm 0 imm4 0 Rn Rd"],
  ["TBL",           "0 Q 001110 00 0 Rm 0 len 0 00 Rn Rd"],
  ["TBX",           "0 Q 001110 00 0 Rm 0 len 1 00 Rn Rd"],
  ...group("",      "0 Q 001110 size 0 Rm 0 _ 10 Rn Rd", "UZP1=001 TRN1=010 ZIP1=011 UZP2=101 TRN2=110 ZIP2=111"),

  // Modified immediates.
  ["MOVI_imm",      "0 Q 0 0111100000 abc 0 part 0 0 1 defgh Rd"],
  ["ORR_vimm",      "0 Q 0 0111100000 abc 0 part 1 0 1 defgh Rd"],
  ["MOVI_16",       "0 Q 0 0111100000 abc 10 sh 0 0 1 defgh Rd"],
  ["ORR_vimm16",    "0 Q 0 0111100000 abc 10 sh 1 0 1 defgh Rd"],
  ["MOVI_ones",     "0 Q 0 0111100000 abc 110 sh 0 1 defgh Rd"],
  ["MOVI_8",        "0 Q 0 0111100000 abc 1110 0 1 defgh Rd"],
  ["FMOV_vs",       "0 Q 0 0111100000 abc 1111 0 1 defgh Rd"],
  ["MVNI",          "0 Q 1 0111100000 abc 0 part 0 0 1 defgh Rd"],
  ["BIC_vimm",      "0 Q 1 0111100000 abc 0 part 1 0 1 defgh Rd"],
  ["MVNI_16",       "0 Q 1 0111100000 abc 10 sh 0 0 1 defgh Rd"],
  ["BIC_vimm16",    "0 Q 1 0111100000 abc 10 sh 1 0 1 defgh Rd"],
  ["MVNI_ones",     "0 Q 1 0111100000 abc 110 sh 0 1 defgh Rd"],
  ["MOVI_64",       "0 Q 1 0111100000 abc 1110 0 1 defgh Rd"],
  ["FMOV_vd",       "0 1 1 0111100000 abc 1111 0 1 defgh Rd"],

  // Across lanes.
  ["SADDLV",        "0 Q 0 01110 size 11000 00011 10 Rn Rd"],
  ["SMAXV",         "0 Q 0 01110 size 11000 01010 10 Rn Rd"],
  ["SMINV",         "0 Q 0 01110 size 11000 11010 10 Rn Rd"],
  ["ADDV",          "0 Q 0 01110 size 11000 11011 10 Rn Rd"],
  ["UADDLV",        "0 Q 1 01110 size 11000 00011 10 Rn Rd"],
  ["UMAXV",         "0 Q 1 01110 size 11000 01010 10 Rn Rd"],
  ["UMINV",         "0 Q 1 01110 size 11000 11010 10 Rn Rd"],
  ["FMAXNMV",       "0 1 1 01110 00 11000 01100 10 Rn Rd"],
  ["FMAXV",         "0 1 1 01110 00 11000 01111 10 Rn Rd"],
  ["FMINNMV",       "0 1 1 01110 10 11000 01100 10 Rn Rd"],
  ["FMINV",         "0 1 1 01110 10 11000 01111 10 Rn Rd"],

  // Three registers of the same kind.
  ...group("_v",    "0 Q 0 01110 size 1 Rm _ 1 Rn Rd", `SHADD=00000 SQADD=00001 SRHADD=00010 SHSUB=00100 SQSUB=00101 CMGT=00110
    CMGE=00111 SSHL=01000 SQSHL=01001 SRSHL=01010 SQRSHL=01011 SMAX=01100 SMIN=01101 SABD=01110 SABA=01111 ADD=10000 CMTST=10001
    MLA=10010 MUL=10011 SMAXP=10100 SMINP=10101 SQDMULH=10110 ADDP=10111`),
  ...group("_v",    "0 Q 1 01110 size 1 Rm _ 1 Rn Rd", `UHADD=00000 UQADD=00001 URHADD=00010 UHSUB=00100 UQSUB=00101 CMHI=00110
    CMHS=00111 USHL=01000 UQSHL=01001 URSHL=01010 UQRSHL=01011 UMAX=01100 UMIN=01101 UABD=01110 UABA=01111 SUB=10000 CMEQ=10001
    MLS=10010 PMUL=10011 UMAXP=10100 UMINP=10101 SQRDMULH=10110`),
  ["AND_v",         "0 Q 0 01110 00 1 Rm 00011 1 Rn Rd"],
  ["BIC_v",         "0 Q 0 01110 01 1 Rm 00011 1 Rn Rd"],
  ["ORR_v",         "0 Q 0 01110 10 1 Rm 00011 1 Rn Rd"],
  ["ORN_v",         "0 Q 0 01110 11 1 Rm 00011 1 Rn Rd"],
  ["EOR_v",         "0 Q 1 01110 00 1 Rm 00011 1 Rn Rd"],
  ["BSL",           "0 Q 1 01110 01 1 Rm 00011 1 Rn Rd"],
  ["BIT",           "0 Q 1 01110 10 1 Rm 00011 1 Rn Rd"],
  ["BIF",           "0 Q 1 01110 11 1 Rm 00011 1 Rn Rd"],
  ...group("_v",    "0 Q 0 01110 0 sz 1 Rm _ 1 Rn Rd", "FMAXNM=11000 FMLA=11001 FADD=11010 FMULX=11011 FCMEQ=11100 FMAX=11110 FRECPS=11111"),
  ...group("_v",    "0 Q 0 01110 1 sz 1 Rm _ 1 Rn Rd", "FMINNM=11000 FMLS=11001 FSUB=11010 FMIN=11110 FRSQRTS=11111"),
  ...group("_v",    "0 Q 1 01110 0 sz 1 Rm _ 1 Rn Rd", "FMAXNMP=11000 FADDP=11010 FMUL=11011 FCMGE=11100 FACGE=11101 FMAXP=11110 FDIV=11111"),
  ...group("_v",    "0 Q 1 01110 1 sz 1 Rm _ 1 Rn Rd", "FMINNMP=11000 FABD=11010 FCMGT=11100 FACGT=11101 FMINP=11110"),
  ...group("_s",    "01 0 11110 size 1 Rm _ 1 Rn Rd", "SQADD=00001 SQSUB=00101 CMGT=00110 CMGE=00111 SSHL=01000 SQSHL=01001 SRSHL=01010 SQRSHL=01011 ADD=10000 CMTST=10001 SQDMULH=10110"),
  ...group("_s",    "01 1 11110 size 1 Rm _ 1 Rn Rd", "UQADD=00001 UQSUB=00101 CMHI=00110 CMHS=00111 USHL=01000 UQSHL=01001 URSHL=01010 UQRSHL=01011 SUB=10000 CMEQ=10001 SQRDMULH=10110"),
  ...group("_s",    "01 0 11110 0 sz 1 Rm _ 1 Rn Rd", "FMULX=11011 FCMEQ=11100 FRECPS=11111"),
  ...group("_s",    "01 0 11110 1 sz 1 Rm _ 1 Rn Rd", "FRSQRTS=11111"),
  ...group("_s",    "01 1 11110 0 sz 1 Rm _ 1 Rn Rd", "FCMGE=11100 FACGE=11101"),
  ...group("_s",    "01 1 11110 1 sz 1 Rm _ 1 Rn Rd", "FABD=11010 FCMGT=11100 FACGT=11101"),

  // Two registers, miscellaneous.
  ...group("_v",    "0 Q 0 01110 size 10000 _ 10 Rn Rd", `REV64=00000 REV16=00001 SADDLP=00010 SUQADD=00011 CLS=00100 CNT=00101 SADALP=00110
    SQABS=00111 CMGT_zero=01000 CMEQ_zero=01001 CMLT_zero=01010 ABS=01011 XTN=10010 SQXTN=10100`),
  ...group("_v",    "0 Q 1 01110 size 10000 _ 10 Rn Rd", `REV32=00000 UADDLP=00010 USQADD=00011 CLZ=00100 UADALP=00110 SQNEG=00111
    CMGE_zero=01000 CMLE_zero=01001 NEG=01011 SQXTUN=10010 SHLL=10011 UQXTN=10100`),
  ["NOT_v",         "0 Q 1 01110 00 10000 00101 10 Rn Rd"],
  ["RBIT_v",        "0 Q 1 01110 01 10000 00101 10 Rn Rd"],
  ...group("_v",    "0 Q 0 01110 0 sz 10000 _ 10 Rn Rd", "FCVTN=10110 FCVTL=10111 FRINTN=11000 FRINTM=11001 FCVTNS=11010 FCVTMS=11011 FCVTAS=11100 SCVTF=11101"),
  ...group("_v",    "0 Q 0 01110 1 sz 10000 _ 10 Rn Rd", "FCMGT_zero=01100 FCMEQ_zero=01101 FCMLT_zero=01110 FABS=01111 FRINTP=11000 FRINTZ=11001 FCVTPS=11010 FCVTZS=11011 URECPE=11100 FRECPE=11101"),
  ...group("_v",    "0 Q 1 01110 0 sz 10000 _ 10 Rn Rd", "FCVTXN=10110 FRINTA=11000 FRINTX=11001 FCVTNU=11010 FCVTMU=11011 FCVTAU=11100 UCVTF=11101"),
  ...group("_v",    "0 Q 1 01110 1 sz 10000 _ 10 Rn Rd", "FCMGE_zero=01100 FCMLE_zero=01101 FNEG=01111 FRINTI=11001 FCVTPU=11010 FCVTZU=11011 URSQRTE=11100 FRSQRTE=11101 FSQRT=11111"),
  ...group("_s",    "01 0 11110 size 10000 _ 10 Rn Rd", "SUQADD=00011 SQABS=00111 CMGT_zero=01000 CMEQ_zero=01001 CMLT_zero=01010 ABS=01011 SQXTN=10100"),
  ...group("_s",    "01 1 11110 size 10000 _ 10 Rn Rd", "USQADD=00011 SQNEG=00111 CMGE_zero=01000 CMLE_zero=01001 NEG=01011 SQXTUN=10010 UQXTN=10100"),
  ...group("_s",    "01 0 11110 0 sz 10000 _ 10 Rn Rd", "FCVTNS=11010 FCVTMS=11011 FCVTAS=11100 SCVTF=11101"),
  ...group("_s",    "01 0 11110 1 sz 10000 _ 10 Rn Rd", "FCMGT_zero=01100 FCMEQ_zero=01101 FCMLT_zero=01110 FCVTPS=11010 FCVTZS=11011 FRECPE=11101 FRECPX=11111"),
  ...group("_s",    "01 1 11110 0 sz 10000 _ 10 Rn Rd", "FCVTXN=10110 FCVTNU=11010 FCVTMU=11011 FCVTAU=11100 UCVTF=11101"),
  ...group("_s",    "01 1 11110 1 sz 10000 _ 10 Rn Rd", "FCMGE_zero=01100 FCMLE_zero=01101 FCVTPU=11010 FCVTZU=11011 FRSQRTE=11101"),
  ["ADDP_s",        "01 0 11110 11 11000 11011 10 Rn Rd"],
  ...group("_s",    "01 1 11110 0 sz 11000 _ 10 Rn Rd", "FMAXNMP=01100 FADDP=01101 FMAXP=01111"),
  ...group("_s",    "01 1 11110 1 sz 11000 _ 10 Rn Rd", "FMINNMP=01100 FMINP=01111"),

  // Three registers of different kinds.
  ...group("_v",    "0 Q 0 01110 size 1 Rm _ 00 Rn Rd", `SADDL=0000 SADDW=0001 SSUBL=0010 SSUBW=0011 ADDHN=0100 SABAL=0101 SUBHN=0110
    SABDL=0111 SMLAL=1000 SQDMLAL=1001 SMLSL=1010 SQDMLSL=1011 SMULL=1100 SQDMULL=1101 PMULL=1110`),
  ...group("_v",    "0 Q 1 01110 size 1 Rm _ 00 Rn Rd", `UADDL=0000 UADDW=0001 USUBL=0010 USUBW=0011 RADDHN=0100 UABAL=0101 RSUBHN=0110
    UABDL=0111 UMLAL=1000 UMLSL=1010 UMULL=1100`),
  ...group("_s",    "01 0 11110 size 1 Rm _ 00 Rn Rd", "SQDMLAL=1001 SQDMLSL=1011 SQDMULL=1101"),

  // Shifts by an immediate.
  ...group("_v",    "0 Q 0 011110 immh! immb _ 1 Rn Rd", `SSHR=00000 SSRA=00010 SRSHR=00100 SRSRA=00110 SHL=01010 SQSHL_imm=01110 SHRN=10000
    RSHRN=10001 SQSHRN=10010 SQRSHRN=10011 SSHLL=10100 SCVTF_fixed=11100 FCVTZS_fixed=11111`),
  ...group("_v",    "0 Q 1 011110 immh! immb _ 1 Rn Rd", `USHR=00000 USRA=00010 URSHR=00100 URSRA=00110 SRI=01000 SLI=01010 SQSHLU=01100
    UQSHL_imm=01110 SQSHRUN=10000 SQRSHRUN=10001 UQSHRN=10010 UQRSHRN=10011 USHLL=10100 UCVTF_fixed=11100 FCVTZU_fixed=11111`),
  ...group("_s",    "01 0 111110 immh! immb _ 1 Rn Rd", "SSHR=00000 SSRA=00010 SRSHR=00100 SRSRA=00110 SHL=01010 SQSHL_imm=01110 SQSHRN=10010 SQRSHRN=10011 SCVTF_fixed=11100 FCVTZS_fixed=11111"),
  ...group("_s",    "01 1 111110 immh! immb _ 1 Rn Rd", `USHR=00000 USRA=00010 URSHR=00100 URSRA=00110 SRI=01000 SLI=01010 SQSHLU=01100
    UQSHL_imm=01110 SQSHRUN=10000 SQRSHRUN=10001 UQSHRN=10010 UQRSHRN=10011 UCVTF_fixed=11100 FCVTZU_fixed=11111`),

  // By an element of a vector.
  ...group("_elem", "0 Q 0 01111 size L M Rm4 _ H 0 Rn Rd", "SMLAL=0010 SQDMLAL=0011 SMLSL=0110 SQDMLSL=0111 MUL=1000 SMULL=1010 SQDMULL=1011 SQDMULH=1100 SQRDMULH=1101"),
  ...group("_elem", "0 Q 1 01111 size L M Rm4 _ H 0 Rn Rd", "MLA=0000 UMLAL=0010 MLS=0100 UMLSL=0110 UMULL=1010"),
  ...group("_elem", "0 Q 0 01111 1 sz L M Rm4 _ H 0 Rn Rd", "FMLA=0001 FMLS=0101 FMUL=1001"),
  ...group("_elem", "0 Q 1 01111 1 sz L M Rm4 _ H 0 Rn Rd", "FMULX=1001"),
  ...group("_selem", "01 0 11111 size L M Rm4 _ H 0 Rn Rd", "SQDMLAL=0011 SQDMLSL=0111 SQDMULL=1011 SQDMULH=1100 SQRDMULH=1101"),
  ...group("_selem", "01 0 11111 1 sz L M Rm4 _ H 0 Rn Rd", "FMLA=0001 FMLS=0101 FMUL=1001"),
  ...group("_selem", "01 1 11111 1 sz L M Rm4 _ H 0 Rn Rd", "FMULX=1001"),
];
