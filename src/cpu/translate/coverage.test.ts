/** Which lines of the decoder's table are not translated: the list may only shrink. */
import assert from "node:assert/strict";
import test from "node:test";
import { instructions } from "../decode/table.ts";
import { handlers } from "./handlers.ts";

const untranslated: readonly string[] = `
  SQSHL_v SRSHL_v SQRSHL_v SQDMULH_v UQSHL_v URSHL_v UQRSHL_v PMUL_v SQRDMULH_v FMULX_v FRECPS_v FRSQRTS_v
  SQSHL_s SRSHL_s SQRSHL_s SQDMULH_s UQSHL_s URSHL_s UQRSHL_s SQRDMULH_s FMULX_s FRECPS_s FRSQRTS_s SUQADD_v
  SQABS_v USQADD_v SQNEG_v URECPE_v FRECPE_v FCVTXN_v URSQRTE_v FRSQRTE_v SUQADD_s SQABS_s SQXTN_s USQADD_s
  SQNEG_s SQXTUN_s UQXTN_s FRECPE_s FRECPX_s FCVTXN_s FRSQRTE_s SQDMLAL_v SQDMLSL_v SQDMULL_v PMULL_v SQDMLAL_s
  SQDMLSL_s SQDMULL_s SQSHL_imm_v SQSHRN_v SQRSHRN_v SQSHLU_v UQSHL_imm_v SQSHRUN_v SQRSHRUN_v UQSHRN_v
  UQRSHRN_v SQSHL_imm_s SQSHRN_s SQRSHRN_s SQSHLU_s UQSHL_imm_s SQSHRUN_s SQRSHRUN_s UQSHRN_s UQRSHRN_s
  SQDMLAL_elem SQDMLSL_elem SQDMULL_elem SQDMULH_elem SQRDMULH_elem FMULX_elem SQDMLAL_selem SQDMLSL_selem
  SQDMULL_selem SQDMULH_selem SQRDMULH_selem FMULX_selem
`
  .trim()
  .split(/\s+/);

test("the lines that are not translated are those listed", () => {
  const missing = instructions.filter(({ index }) => handlers[index] === undefined).map(({ name }) => name);
  assert.deepEqual(missing.sort(), [...untranslated].sort());
});
