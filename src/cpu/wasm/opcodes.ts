/**
 * The WebAssembly opcodes that the translator uses, by their names in the core specification (section 5.4), dots turned into
 * underscores. An opcode behind a prefix byte is written as prefix << 16 | number.
 */

export const valueType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof valueType;

/** Runs of names, numbered upwards from the number before them; `_` leaves a gap. */
// biome-ignore format: a table
const plain = [
  [0x00, "unreachable nop block loop if else"],
  [0x0b, "end br br_if br_table return call call_indirect return_call return_call_indirect"],
  [0x1a, "drop select"],
  [0x20, "local_get local_set local_tee global_get global_set"],
  [0x28, "i32_load i64_load f32_load f64_load i32_load8_s i32_load8_u i32_load16_s i32_load16_u"],
  [0x30, "i64_load8_s i64_load8_u i64_load16_s i64_load16_u i64_load32_s i64_load32_u"],
  [0x36, "i32_store i64_store f32_store f64_store i32_store8 i32_store16 i64_store8 i64_store16 i64_store32"],
  [0x3f, "memory_size memory_grow i32_const i64_const f32_const f64_const"],
  [0x45, "i32_eqz i32_eq i32_ne i32_lt_s i32_lt_u i32_gt_s i32_gt_u i32_le_s i32_le_u i32_ge_s i32_ge_u"],
  [0x50, "i64_eqz i64_eq i64_ne i64_lt_s i64_lt_u i64_gt_s i64_gt_u i64_le_s i64_le_u i64_ge_s i64_ge_u"],
  [0x5b, "f32_eq f32_ne f32_lt f32_gt f32_le f32_ge f64_eq f64_ne f64_lt f64_gt f64_le f64_ge"],
  [0x67, "i32_clz i32_ctz i32_popcnt i32_add i32_sub i32_mul i32_div_s i32_div_u i32_rem_s i32_rem_u"],
  [0x71, "i32_and i32_or i32_xor i32_shl i32_shr_s i32_shr_u i32_rotl i32_rotr"],
  [0x79, "i64_clz i64_ctz i64_popcnt i64_add i64_sub i64_mul i64_div_s i64_div_u i64_rem_s i64_rem_u"],
  [0x83, "i64_and i64_or i64_xor i64_shl i64_shr_s i64_shr_u i64_rotl i64_rotr"],
  [0x8b, "f32_abs f32_neg f32_ceil f32_floor f32_trunc f32_nearest f32_sqrt f32_add f32_sub f32_mul f32_div"],
  [0x96, "f32_min f32_max f32_copysign f64_abs f64_neg f64_ceil f64_floor f64_trunc f64_nearest f64_sqrt"],
  [0xa0, "f64_add f64_sub f64_mul f64_div f64_min f64_max f64_copysign i32_wrap_i64"],
  [0xac, "i64_extend_i32_s i64_extend_i32_u"],
  [0xb2, "f32_convert_i32_s f32_convert_i32_u f32_convert_i64_s f32_convert_i64_u f32_demote_f64"],
  [0xb7, "f64_convert_i32_s f64_convert_i32_u f64_convert_i64_s f64_convert_i64_u f64_promote_f32"],
  [0xbc, "i32_reinterpret_f32 i64_reinterpret_f64 f32_reinterpret_i32 f64_reinterpret_i64"],
  [0xc0, "i32_extend8_s i32_extend16_s i64_extend8_s i64_extend16_s i64_extend32_s"],
] as const;
// biome-ignore format: a table
const numeric = [
  [0, "i32_trunc_sat_f32_s i32_trunc_sat_f32_u i32_trunc_sat_f64_s i32_trunc_sat_f64_u"],
  [4, "i64_trunc_sat_f32_s i64_trunc_sat_f32_u i64_trunc_sat_f64_s i64_trunc_sat_f64_u"],
] as const;
// biome-ignore format: a table
const simd = [
  [0, "v128_load v128_load8x8_s v128_load8x8_u v128_load16x4_s v128_load16x4_u v128_load32x2_s v128_load32x2_u"],
  [7, "v128_load8_splat v128_load16_splat v128_load32_splat v128_load64_splat v128_store v128_const"],
  [13, "i8x16_shuffle i8x16_swizzle i8x16_splat i16x8_splat i32x4_splat i64x2_splat f32x4_splat f64x2_splat"],
  [21, "i8x16_extract_lane_s i8x16_extract_lane_u i8x16_replace_lane i16x8_extract_lane_s"],
  [25, "i16x8_extract_lane_u i16x8_replace_lane i32x4_extract_lane i32x4_replace_lane i64x2_extract_lane"],
  [30, "i64x2_replace_lane f32x4_extract_lane f32x4_replace_lane f64x2_extract_lane f64x2_replace_lane"],
  [35, "i8x16_eq i8x16_ne i8x16_lt_s i8x16_lt_u i8x16_gt_s i8x16_gt_u i8x16_le_s i8x16_le_u i8x16_ge_s i8x16_ge_u"],
  [45, "i16x8_eq i16x8_ne i16x8_lt_s i16x8_lt_u i16x8_gt_s i16x8_gt_u i16x8_le_s i16x8_le_u i16x8_ge_s i16x8_ge_u"],
  [55, "i32x4_eq i32x4_ne i32x4_lt_s i32x4_lt_u i32x4_gt_s i32x4_gt_u i32x4_le_s i32x4_le_u i32x4_ge_s i32x4_ge_u"],
  [65, "f32x4_eq f32x4_ne f32x4_lt f32x4_gt f32x4_le f32x4_ge f64x2_eq f64x2_ne f64x2_lt f64x2_gt f64x2_le f64x2_ge"],
  [77, "v128_not v128_and v128_andnot v128_or v128_xor v128_bitselect v128_any_true"],
  [84, "v128_load8_lane v128_load16_lane v128_load32_lane v128_load64_lane"],
  [88, "v128_store8_lane v128_store16_lane v128_store32_lane v128_store64_lane v128_load32_zero v128_load64_zero"],
  [94, "f32x4_demote_f64x2_zero f64x2_promote_low_f32x4 i8x16_abs i8x16_neg i8x16_popcnt i8x16_all_true"],
  [100, "i8x16_bitmask i8x16_narrow_i16x8_s i8x16_narrow_i16x8_u f32x4_ceil f32x4_floor f32x4_trunc f32x4_nearest"],
  [107, "i8x16_shl i8x16_shr_s i8x16_shr_u i8x16_add i8x16_add_sat_s i8x16_add_sat_u i8x16_sub i8x16_sub_sat_s"],
  [115, "i8x16_sub_sat_u f64x2_ceil f64x2_floor i8x16_min_s i8x16_min_u i8x16_max_s i8x16_max_u f64x2_trunc"],
  [123, "i8x16_avgr_u i16x8_extadd_pairwise_i8x16_s i16x8_extadd_pairwise_i8x16_u"],
  [126, "i32x4_extadd_pairwise_i16x8_s i32x4_extadd_pairwise_i16x8_u i16x8_abs i16x8_neg i16x8_q15mulr_sat_s"],
  [131, "i16x8_all_true i16x8_bitmask i16x8_narrow_i32x4_s i16x8_narrow_i32x4_u i16x8_extend_low_i8x16_s"],
  [136, "i16x8_extend_high_i8x16_s i16x8_extend_low_i8x16_u i16x8_extend_high_i8x16_u i16x8_shl i16x8_shr_s"],
  [141, "i16x8_shr_u i16x8_add i16x8_add_sat_s i16x8_add_sat_u i16x8_sub i16x8_sub_sat_s i16x8_sub_sat_u"],
  [148, "f64x2_nearest i16x8_mul i16x8_min_s i16x8_min_u i16x8_max_s i16x8_max_u _ i16x8_avgr_u"],
  [156, "i16x8_extmul_low_i8x16_s i16x8_extmul_high_i8x16_s i16x8_extmul_low_i8x16_u i16x8_extmul_high_i8x16_u"],
  [160, "i32x4_abs i32x4_neg _ i32x4_all_true i32x4_bitmask _ _ i32x4_extend_low_i16x8_s i32x4_extend_high_i16x8_s"],
  [169, "i32x4_extend_low_i16x8_u i32x4_extend_high_i16x8_u i32x4_shl i32x4_shr_s i32x4_shr_u i32x4_add"],
  [177, "i32x4_sub _ _ _ i32x4_mul i32x4_min_s i32x4_min_u i32x4_max_s i32x4_max_u i32x4_dot_i16x8_s"],
  [188, "i32x4_extmul_low_i16x8_s i32x4_extmul_high_i16x8_s i32x4_extmul_low_i16x8_u i32x4_extmul_high_i16x8_u"],
  [192, "i64x2_abs i64x2_neg _ i64x2_all_true i64x2_bitmask _ _ i64x2_extend_low_i32x4_s i64x2_extend_high_i32x4_s"],
  [201, "i64x2_extend_low_i32x4_u i64x2_extend_high_i32x4_u i64x2_shl i64x2_shr_s i64x2_shr_u i64x2_add"],
  [209, "i64x2_sub _ _ _ i64x2_mul i64x2_eq i64x2_ne i64x2_lt_s i64x2_gt_s i64x2_le_s i64x2_ge_s"],
  [220, "i64x2_extmul_low_i32x4_s i64x2_extmul_high_i32x4_s i64x2_extmul_low_i32x4_u i64x2_extmul_high_i32x4_u"],
  [224, "f32x4_abs f32x4_neg _ f32x4_sqrt f32x4_add f32x4_sub f32x4_mul f32x4_div f32x4_min f32x4_max f32x4_pmin f32x4_pmax"],
  [236, "f64x2_abs f64x2_neg _ f64x2_sqrt f64x2_add f64x2_sub f64x2_mul f64x2_div f64x2_min f64x2_max f64x2_pmin f64x2_pmax"],
  [248, "i32x4_trunc_sat_f32x4_s i32x4_trunc_sat_f32x4_u f32x4_convert_i32x4_s f32x4_convert_i32x4_u"],
  [252, "i32x4_trunc_sat_f64x2_s_zero i32x4_trunc_sat_f64x2_u_zero f64x2_convert_low_i32x4_s f64x2_convert_low_i32x4_u"],
  [0x105, "f32x4_relaxed_madd f32x4_relaxed_nmadd f64x2_relaxed_madd f64x2_relaxed_nmadd"],
] as const;
// biome-ignore format: a table
const atomic = [
  [3, "atomic_fence"],
  [0x11, "i64_atomic_load _ _ i64_atomic_load8_u i64_atomic_load16_u i64_atomic_load32_u"],
  [0x18, "i64_atomic_store _ _ i64_atomic_store8 i64_atomic_store16 i64_atomic_store32"],
  [0x48, "_ i64_atomic_cmpxchg _ _ i64_atomic_cmpxchg8 i64_atomic_cmpxchg16 i64_atomic_cmpxchg32"],
  [0x1f, "i64_atomic_add _ _ i64_atomic_add8 i64_atomic_add16 i64_atomic_add32"],
  [0x2d, "i64_atomic_and _ _ i64_atomic_and8 i64_atomic_and16 i64_atomic_and32"],
  [0x34, "i64_atomic_or _ _ i64_atomic_or8 i64_atomic_or16 i64_atomic_or32"],
  [0x3b, "i64_atomic_xor _ _ i64_atomic_xor8 i64_atomic_xor16 i64_atomic_xor32"],
  [0x42, "i64_atomic_xchg _ _ i64_atomic_xchg8 i64_atomic_xchg16 i64_atomic_xchg32"],
] as const;

type Words<Text extends string> = Text extends `${infer Head} ${infer Rest}` ? Head | Words<Rest> : Text;
type Names<Runs extends readonly (readonly [number, string])[]> = Words<Runs[number][1]>;
export type OpcodeName = Names<typeof plain> | Names<typeof numeric> | Names<typeof simd> | Names<typeof atomic>;

function numbered(): Record<OpcodeName, number> {
  const result: Record<string, number> = {};
  const prefixes = [
    [0, plain],
    [0xfc0000, numeric],
    [0xfd0000, simd],
    [0xfe0000, atomic],
  ] as const;
  for (const [prefix, runs] of prefixes) {
    for (const [first, names] of runs) {
      for (const [index, name] of names.split(" ").entries()) if (name !== "_") result[name] = prefix + first + index;
    }
  }
  return result as Record<OpcodeName, number>;
}

export const op: Readonly<Record<OpcodeName, number>> = numbered();
