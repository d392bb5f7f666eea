/** Which lines of the decoder's table are not translated: the list may only shrink. */
import assert from "node:assert/strict";
import test from "node:test";
import { instructions } from "../decode/table.ts";
import { handlers } from "./handlers.ts";

const untranslated: readonly string[] = `
  ST4_multi ST4_multi_post ST1_x4 ST1_x4_post ST3_multi ST3_multi_post ST1_x3 ST1_x3_post ST1_x1 ST1_x1_post
  ST2_multi ST2_multi_post ST1_x2 ST1_x2_post ST1_lane_b ST1_lane_b_post ST2_lane_b ST2_lane_b_post ST3_lane_b
  ST3_lane_b_post ST4_lane_b ST4_lane_b_post ST1_lane_h ST1_lane_h_post ST2_lane_h ST2_lane_h_post ST3_lane_h
  ST3_lane_h_post ST4_lane_h ST4_lane_h_post ST1_lane_s ST1_lane_s_post ST2_lane_s ST2_lane_s_post ST3_lane_s
  ST3_lane_s_post ST4_lane_s ST4_lane_s_post LD4_multi LD4_multi_post LD1_x4 LD1_x4_post LD3_multi
  LD3_multi_post LD1_x3 LD1_x3_post LD1_x1 LD1_x1_post LD2_multi LD2_multi_post LD1_x2 LD1_x2_post LD1_lane_b
  LD1_lane_b_post LD2_lane_b LD2_lane_b_post LD3_lane_b LD3_lane_b_post LD4_lane_b LD4_lane_b_post LD1_lane_h
  LD1_lane_h_post LD2_lane_h LD2_lane_h_post LD3_lane_h LD3_lane_h_post LD4_lane_h LD4_lane_h_post LD1_lane_s
  LD1_lane_s_post LD2_lane_s LD2_lane_s_post LD3_lane_s LD3_lane_s_post LD4_lane_s LD4_lane_s_post LD1R LD2R
  LD3R LD4R LD1R_post LD2R_post LD3R_post LD4R_post FMOV_reg FABS FNEG FSQRT FCVT FRINTN FRINTP FRINTM FRINTZ
  FRINTA FRINTX FRINTI FMUL FDIV FADD FSUB FMAX FMIN FMAXNM FMINNM FNMUL FMADD FMSUB FNMADD FNMSUB FCMP
  FCMP_zero FCMPE FCMPE_zero FCCMP FCCMPE FCSEL FMOV_imm FCVTNS_gen FCVTNU_gen SCVTF_gen UCVTF_gen FCVTAS_gen
  FCVTAU_gen FCVTPS_gen FCVTPU_gen FCVTMS_gen FCVTMU_gen FCVTZS_gen FCVTZU_gen FMOV_wtos FMOV_stow FMOV_xtod
  FMOV_dtox FMOV_xtotop FMOV_toptox SCVTF_fixed UCVTF_fixed FCVTZS_fixed FCVTZU_fixed DUP_element DUP_general
  SMOV UMOV INS_general INS_element DUP_scalar EXT TBL TBX UZP1 TRN1 ZIP1 UZP2 TRN2 ZIP2 MOVI_imm ORR_vimm
  MOVI_16 ORR_vimm16 MOVI_ones MOVI_8 FMOV_vs MVNI BIC_vimm MVNI_16 BIC_vimm16 MVNI_ones MOVI_64 FMOV_vd SADDLV
  SMAXV SMINV ADDV UADDLV UMAXV UMINV FMAXNMV FMAXV FMINNMV FMINV SHADD_v SQADD_v SRHADD_v SHSUB_v SQSUB_v
  CMGT_v CMGE_v SSHL_v SQSHL_v SRSHL_v SQRSHL_v SMAX_v SMIN_v SABD_v SABA_v ADD_v CMTST_v MLA_v MUL_v SMAXP_v
  SMINP_v SQDMULH_v ADDP_v UHADD_v UQADD_v URHADD_v UHSUB_v UQSUB_v CMHI_v CMHS_v USHL_v UQSHL_v URSHL_v
  UQRSHL_v UMAX_v UMIN_v UABD_v UABA_v SUB_v CMEQ_v MLS_v PMUL_v UMAXP_v UMINP_v SQRDMULH_v AND_v BIC_v ORR_v
  ORN_v EOR_v BSL BIT BIF FMAXNM_v FMLA_v FADD_v FMULX_v FCMEQ_v FMAX_v FRECPS_v FMINNM_v FMLS_v FSUB_v FMIN_v
  FRSQRTS_v FMAXNMP_v FADDP_v FMUL_v FCMGE_v FACGE_v FMAXP_v FDIV_v FMINNMP_v FABD_v FCMGT_v FACGT_v FMINP_v
  SQADD_s SQSUB_s CMGT_s CMGE_s SSHL_s SQSHL_s SRSHL_s SQRSHL_s ADD_s CMTST_s SQDMULH_s UQADD_s UQSUB_s CMHI_s
  CMHS_s USHL_s UQSHL_s URSHL_s UQRSHL_s SUB_s CMEQ_s SQRDMULH_s FMULX_s FCMEQ_s FRECPS_s FRSQRTS_s FCMGE_s
  FACGE_s FABD_s FCMGT_s FACGT_s REV64_v REV16_v SADDLP_v SUQADD_v CLS_v CNT_v SADALP_v SQABS_v CMGT_zero_v
  CMEQ_zero_v CMLT_zero_v ABS_v XTN_v SQXTN_v REV32_v UADDLP_v USQADD_v CLZ_v UADALP_v SQNEG_v CMGE_zero_v
  CMLE_zero_v NEG_v SQXTUN_v SHLL_v UQXTN_v NOT_v RBIT_v FCVTN_v FCVTL_v FRINTN_v FRINTM_v FCVTNS_v FCVTMS_v
  FCVTAS_v SCVTF_v FCMGT_zero_v FCMEQ_zero_v FCMLT_zero_v FABS_v FRINTP_v FRINTZ_v FCVTPS_v FCVTZS_v URECPE_v
  FRECPE_v FCVTXN_v FRINTA_v FRINTX_v FCVTNU_v FCVTMU_v FCVTAU_v UCVTF_v FCMGE_zero_v FCMLE_zero_v FNEG_v
  FRINTI_v FCVTPU_v FCVTZU_v URSQRTE_v FRSQRTE_v FSQRT_v SUQADD_s SQABS_s CMGT_zero_s CMEQ_zero_s CMLT_zero_s
  ABS_s SQXTN_s USQADD_s SQNEG_s CMGE_zero_s CMLE_zero_s NEG_s SQXTUN_s UQXTN_s FCVTNS_s FCVTMS_s FCVTAS_s
  SCVTF_s FCMGT_zero_s FCMEQ_zero_s FCMLT_zero_s FCVTPS_s FCVTZS_s FRECPE_s FRECPX_s FCVTXN_s FCVTNU_s FCVTMU_s
  FCVTAU_s UCVTF_s FCMGE_zero_s FCMLE_zero_s FCVTPU_s FCVTZU_s FRSQRTE_s ADDP_s FMAXNMP_s FADDP_s FMAXP_s
  FMINNMP_s FMINP_s SADDL_v SADDW_v SSUBL_v SSUBW_v ADDHN_v SABAL_v SUBHN_v SABDL_v SMLAL_v SQDMLAL_v SMLSL_v
  SQDMLSL_v SMULL_v SQDMULL_v PMULL_v UADDL_v UADDW_v USUBL_v USUBW_v RADDHN_v UABAL_v RSUBHN_v UABDL_v UMLAL_v
  UMLSL_v UMULL_v SQDMLAL_s SQDMLSL_s SQDMULL_s SSHR_v SSRA_v SRSHR_v SRSRA_v SHL_v SQSHL_imm_v SHRN_v RSHRN_v
  SQSHRN_v SQRSHRN_v SSHLL_v SCVTF_fixed_v FCVTZS_fixed_v USHR_v USRA_v URSHR_v URSRA_v SRI_v SLI_v SQSHLU_v
  UQSHL_imm_v SQSHRUN_v SQRSHRUN_v UQSHRN_v UQRSHRN_v USHLL_v UCVTF_fixed_v FCVTZU_fixed_v SSHR_s SSRA_s SRSHR_s
  SRSRA_s SHL_s SQSHL_imm_s SQSHRN_s SQRSHRN_s SCVTF_fixed_s FCVTZS_fixed_s USHR_s USRA_s URSHR_s URSRA_s SRI_s
  SLI_s SQSHLU_s UQSHL_imm_s SQSHRUN_s SQRSHRUN_s UQSHRN_s UQRSHRN_s UCVTF_fixed_s FCVTZU_fixed_s SMLAL_elem
  SQDMLAL_elem SMLSL_elem SQDMLSL_elem MUL_elem SMULL_elem SQDMULL_elem SQDMULH_elem SQRDMULH_elem MLA_elem
  UMLAL_elem MLS_elem UMLSL_elem UMULL_elem FMLA_elem FMLS_elem FMUL_elem FMULX_elem SQDMLAL_selem SQDMLSL_selem
  SQDMULL_selem SQDMULH_selem SQRDMULH_selem FMLA_selem FMLS_selem FMUL_selem FMULX_selem
`
  .trim()
  .split(/\s+/);

test("the lines that are not translated are those listed", () => {
  const missing = instructions.filter(({ index }) => handlers[index] === undefined).map(({ name }) => name);
  assert.deepEqual(missing.sort(), [...untranslated].sort());
});
