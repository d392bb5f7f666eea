/** Which lines of the decoder's table the interpreter leaves to the translator: the list may only shrink. */
import assert from "node:assert/strict";
import test from "node:test";
import { instructions } from "../decode/table.ts";
import { handlers as translated } from "../translate/handlers.ts";
import { handlers } from "./handlers.ts";

const left: readonly string[] = `
  CASP ST4_multi ST4_multi_post ST3_multi ST3_multi_post ST2_multi ST2_multi_post ST1_lane_b ST1_lane_b_post
  ST2_lane_b ST2_lane_b_post ST3_lane_b ST3_lane_b_post ST4_lane_b ST4_lane_b_post ST1_lane_h ST1_lane_h_post
  ST2_lane_h ST2_lane_h_post ST3_lane_h ST3_lane_h_post ST4_lane_h ST4_lane_h_post ST1_lane_s ST1_lane_s_post
  ST2_lane_s ST2_lane_s_post ST3_lane_s ST3_lane_s_post ST4_lane_s ST4_lane_s_post LD4_multi LD4_multi_post
  LD3_multi LD3_multi_post LD2_multi LD2_multi_post LD1_lane_b LD1_lane_b_post LD2_lane_b LD2_lane_b_post
  LD3_lane_b LD3_lane_b_post LD4_lane_b LD4_lane_b_post LD1_lane_h LD1_lane_h_post LD2_lane_h LD2_lane_h_post
  LD3_lane_h LD3_lane_h_post LD4_lane_h LD4_lane_h_post LD1_lane_s LD1_lane_s_post LD2_lane_s LD2_lane_s_post
  LD3_lane_s LD3_lane_s_post LD4_lane_s LD4_lane_s_post LD1R LD2R LD3R LD4R LD1R_post LD2R_post LD3R_post
  LD4R_post TBX FMOV_vs FMOV_vd SHADD_v SQADD_v SRHADD_v SHSUB_v SQSUB_v SSHL_v SQSHL_v SRSHL_v SQRSHL_v SABD_v
  SABA_v MLA_v SQDMULH_v UHADD_v UQADD_v URHADD_v UHSUB_v UQSUB_v USHL_v UQSHL_v URSHL_v UQRSHL_v UABD_v UABA_v
  MLS_v PMUL_v SQRDMULH_v SQADD_s SQSUB_s CMGT_s CMGE_s SSHL_s SQSHL_s SRSHL_s SQRSHL_s ADD_s CMTST_s SQDMULH_s
  UQADD_s UQSUB_s CMHI_s CMHS_s USHL_s UQSHL_s URSHL_s UQRSHL_s SUB_s CMEQ_s SQRDMULH_s SADDLP_v SUQADD_v CLS_v
  SADALP_v SQABS_v SQXTN_v UADDLP_v USQADD_v CLZ_v UADALP_v SQNEG_v SQXTUN_v SHLL_v UQXTN_v RBIT_v FABS_v
  URECPE_v FNEG_v URSQRTE_v SUQADD_s SQABS_s CMGT_zero_s CMEQ_zero_s CMLT_zero_s ABS_s SQXTN_s USQADD_s SQNEG_s
  CMGE_zero_s CMLE_zero_s NEG_s SQXTUN_s UQXTN_s SADDL_v SADDW_v SSUBL_v SSUBW_v ADDHN_v SABAL_v SUBHN_v SABDL_v
  SMLAL_v SQDMLAL_v SMLSL_v SQDMLSL_v SMULL_v SQDMULL_v PMULL_v UADDL_v UADDW_v USUBL_v USUBW_v RADDHN_v UABAL_v
  RSUBHN_v UABDL_v UMLAL_v UMLSL_v UMULL_v SQDMLAL_s SQDMLSL_s SQDMULL_s SSRA_v SRSHR_v SRSRA_v SQSHL_imm_v
  RSHRN_v SQSHRN_v SQRSHRN_v USRA_v URSHR_v URSRA_v SRI_v SLI_v SQSHLU_v UQSHL_imm_v SQSHRUN_v SQRSHRUN_v
  UQSHRN_v UQRSHRN_v SSHR_s SSRA_s SRSHR_s SRSRA_s SHL_s SQSHL_imm_s SQSHRN_s SQRSHRN_s USHR_s USRA_s URSHR_s
  URSRA_s SRI_s SLI_s SQSHLU_s UQSHL_imm_s SQSHRUN_s SQRSHRUN_s UQSHRN_s UQRSHRN_s SMLAL_elem SQDMLAL_elem
  SMLSL_elem SQDMLSL_elem MUL_elem SMULL_elem SQDMULL_elem SQDMULH_elem SQRDMULH_elem MLA_elem UMLAL_elem
  MLS_elem UMLSL_elem UMULL_elem SQDMLAL_selem SQDMLSL_selem SQDMULL_selem SQDMULH_selem SQRDMULH_selem
`
  .trim()
  .split(/\s+/);

test("the lines that are translated and not interpreted are those listed", () => {
  const missing = instructions
    .filter(({ index }) => handlers[index] === undefined && translated[index] !== undefined)
    .map(({ name }) => name);
  assert.deepEqual(missing.sort(), [...left].sort());
});

test("every interpreted line is translated too", () => {
  const extra = instructions.filter(({ index }) => handlers[index] !== undefined && translated[index] === undefined);
  assert.deepEqual(
    extra.map(({ name }) => name),
    [],
  );
});
