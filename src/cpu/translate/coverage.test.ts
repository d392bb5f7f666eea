/** Which lines of the decoder's table are not translated: the list may only shrink. */
import assert from "node:assert/strict";
import test from "node:test";
import { instructions } from "../decode/table.ts";
import { handlers } from "./handlers.ts";

const untranslated: readonly string[] = `
  FMAXNMV FMAXV FMINNMV FMINV SQSHL_v SRSHL_v SQRSHL_v SQDMULH_v UQSHL_v URSHL_v UQRSHL_v PMUL_v SQRDMULH_v
  FMAXNM_v FMLA_v FADD_v FMULX_v FCMEQ_v FMAX_v FRECPS_v FMINNM_v FMLS_v FSUB_v FMIN_v FRSQRTS_v FMAXNMP_v
  FADDP_v FMUL_v FCMGE_v FACGE_v FMAXP_v FDIV_v FMINNMP_v FABD_v FCMGT_v FACGT_v FMINP_v SQSHL_s SRSHL_s
  SQRSHL_s SQDMULH_s UQSHL_s URSHL_s UQRSHL_s SQRDMULH_s FMULX_s FCMEQ_s FRECPS_s FRSQRTS_s FCMGE_s FACGE_s
  FABD_s FCMGT_s FACGT_s SUQADD_v SQABS_v USQADD_v SQNEG_v FCVTN_v FCVTL_v FRINTN_v FRINTM_v FCVTNS_v FCVTMS_v
  FCVTAS_v SCVTF_v FCMGT_zero_v FCMEQ_zero_v FCMLT_zero_v FABS_v FRINTP_v FRINTZ_v FCVTPS_v FCVTZS_v URECPE_v
  FRECPE_v FCVTXN_v FRINTA_v FRINTX_v FCVTNU_v FCVTMU_v FCVTAU_v UCVTF_v FCMGE_zero_v FCMLE_zero_v FNEG_v
  FRINTI_v FCVTPU_v FCVTZU_v URSQRTE_v FRSQRTE_v FSQRT_v SUQADD_s SQABS_s SQXTN_s USQADD_s SQNEG_s SQXTUN_s
  UQXTN_s FCVTNS_s FCVTMS_s FCVTAS_s SCVTF_s FCMGT_zero_s FCMEQ_zero_s FCMLT_zero_s FCVTPS_s FCVTZS_s FRECPE_s
  FRECPX_s FCVTXN_s FCVTNU_s FCVTMU_s FCVTAU_s UCVTF_s FCMGE_zero_s FCMLE_zero_s FCVTPU_s FCVTZU_s FRSQRTE_s
  FMAXNMP_s FADDP_s FMAXP_s FMINNMP_s FMINP_s SQDMLAL_v SQDMLSL_v SQDMULL_v PMULL_v SQDMLAL_s SQDMLSL_s
  SQDMULL_s SQSHL_imm_v SQSHRN_v SQRSHRN_v SCVTF_fixed_v FCVTZS_fixed_v SQSHLU_v UQSHL_imm_v SQSHRUN_v
  SQRSHRUN_v UQSHRN_v UQRSHRN_v UCVTF_fixed_v FCVTZU_fixed_v SQSHL_imm_s SQSHRN_s SQRSHRN_s SCVTF_fixed_s
  FCVTZS_fixed_s SQSHLU_s UQSHL_imm_s SQSHRUN_s SQRSHRUN_s UQSHRN_s UQRSHRN_s UCVTF_fixed_s FCVTZU_fixed_s
  SQDMLAL_elem SQDMLSL_elem SQDMULL_elem SQDMULH_elem SQRDMULH_elem FMLA_elem FMLS_elem FMUL_elem FMULX_elem
  SQDMLAL_selem SQDMLSL_selem SQDMULL_selem SQDMULH_selem SQRDMULH_selem FMLA_selem FMLS_selem FMUL_selem
  FMULX_selem
`
  .trim()
  .split(/\s+/);

test("the lines that are not translated are those listed", () => {
  const missing = instructions.filter(({ index }) => handlers[index] === undefined).map(({ name }) => name);
  assert.deepEqual(missing.sort(), [...untranslated].sort());
});
