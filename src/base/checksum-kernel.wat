;; Copy and Internet checksum (RFC 1071) over the arena's memory, sixteen bytes a step.
;;
;; A sum is taken over little-endian 16-bit words, folded to 16 bits; an odd last byte counts as if a zero byte followed.
;; scripts/build-checksum-kernel.ts turns this file into src/base/checksum-kernel-bytes.ts.
(module
  (import "arena" "memory" (memory 1 65536))

  (func $copy (export "copy") (param $to i32) (param $from i32) (param $length i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $length)))

  ;; Folds 64 bits of sum to 16: 2^16 ≡ 1 in one's complement arithmetic.
  (func $fold (param $sum i64) (result i32)
    ;; 64 → 33 bits
    (local.set $sum
      (i64.add (i64.and (local.get $sum) (i64.const 0xffffffff)) (i64.shr_u (local.get $sum) (i64.const 32))))
    ;; 33 → 18 bits
    (local.set $sum
      (i64.add
        (i64.and (local.get $sum) (i64.const 0xffff))
        (i64.add
          (i64.and (i64.shr_u (local.get $sum) (i64.const 16)) (i64.const 0xffff))
          (i64.shr_u (local.get $sum) (i64.const 32)))))
    ;; 18 → 17 → 16 bits
    (local.set $sum
      (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))
    (local.set $sum
      (i64.add (i64.and (local.get $sum) (i64.const 0xffff)) (i64.shr_u (local.get $sum) (i64.const 16))))
    (i32.wrap_i64 (local.get $sum)))

  ;; The four 32-bit lanes added up in 64 bits.
  (func $lanes (param $v v128) (result i64)
    (local $pair v128)
    (local.set $pair
      (i64x2.add (i64x2.extend_low_i32x4_u (local.get $v)) (i64x2.extend_high_i32x4_u (local.get $v))))
    (i64.add (i64x2.extract_lane 0 (local.get $pair)) (i64x2.extract_lane 1 (local.get $pair))))

  (func $sum (export "sum") (param $from i32) (param $length i32) (param $initial i32) (result i32)
    (local $total i64) (local $end i32) (local $a v128) (local $b v128)
    (local.set $total (i64.extend_i32_u (local.get $initial)))
    (block $wide_done
      (br_if $wide_done (i32.lt_u (local.get $length) (i32.const 32)))
      (loop $chunk
        ;; A lane gains at most 2 × 65,535 a step: after 256 KiB it is still far from 2^32.
        (local.set $end
          (i32.add (local.get $from)
            (i32.and
              (select (local.get $length) (i32.const 0x40000) (i32.lt_u (local.get $length) (i32.const 0x40000)))
              (i32.const -32))))
        (local.set $length (i32.sub (local.get $length) (i32.sub (local.get $end) (local.get $from))))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (v128.const i32x4 0 0 0 0))
        (loop $wide
          (local.set $a
            (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (v128.load align=1 (local.get $from)))))
          (local.set $b
            (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 align=1 (local.get $from)))))
          (local.set $from (i32.add (local.get $from) (i32.const 32)))
          (br_if $wide (i32.lt_u (local.get $from) (local.get $end))))
        (local.set $total
          (i64.add (local.get $total)
            (i64.add (call $lanes (local.get $a)) (call $lanes (local.get $b)))))
        (br_if $chunk (i32.ge_u (local.get $length) (i32.const 32)))))
    (block $words_done
      (loop $words
        (br_if $words_done (i32.lt_u (local.get $length) (i32.const 4)))
        (local.set $total (i64.add (local.get $total) (i64.load32_u align=1 (local.get $from))))
        (local.set $from (i32.add (local.get $from) (i32.const 4)))
        (local.set $length (i32.sub (local.get $length) (i32.const 4)))
        (br $words)))
    (if (i32.ge_u (local.get $length) (i32.const 2))
      (then
        (local.set $total (i64.add (local.get $total) (i64.load16_u align=1 (local.get $from))))
        (local.set $from (i32.add (local.get $from) (i32.const 2)))
        (local.set $length (i32.sub (local.get $length) (i32.const 2)))))
    (if (local.get $length)
      (then (local.set $total (i64.add (local.get $total) (i64.load8_u (local.get $from))))))
    (call $fold (local.get $total)))

  (func $copyAndSum (export "copyAndSum") (param $to i32) (param $from i32) (param $length i32) (result i32)
    (local $total i64) (local $end i32) (local $a v128) (local $b v128) (local $v v128) (local $w v128)
    (local $word i64) (local $half i32)
    (block $wide_done
      (br_if $wide_done (i32.lt_u (local.get $length) (i32.const 32)))
      (loop $chunk
        (local.set $end
          (i32.add (local.get $from)
            (i32.and
              (select (local.get $length) (i32.const 0x40000) (i32.lt_u (local.get $length) (i32.const 0x40000)))
              (i32.const -32))))
        (local.set $length (i32.sub (local.get $length) (i32.sub (local.get $end) (local.get $from))))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (v128.const i32x4 0 0 0 0))
        (loop $wide
          (local.set $v (v128.load align=1 (local.get $from)))
          (local.set $w (v128.load offset=16 align=1 (local.get $from)))
          (v128.store align=1 (local.get $to) (local.get $v))
          (v128.store offset=16 align=1 (local.get $to) (local.get $w))
          (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (local.get $v))))
          (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (local.get $w))))
          (local.set $from (i32.add (local.get $from) (i32.const 32)))
          (local.set $to (i32.add (local.get $to) (i32.const 32)))
          (br_if $wide (i32.lt_u (local.get $from) (local.get $end))))
        (local.set $total
          (i64.add (local.get $total)
            (i64.add (call $lanes (local.get $a)) (call $lanes (local.get $b)))))
        (br_if $chunk (i32.ge_u (local.get $length) (i32.const 32)))))
    (block $words_done
      (loop $words
        (br_if $words_done (i32.lt_u (local.get $length) (i32.const 4)))
        (local.set $word (i64.load32_u align=1 (local.get $from)))
        (i64.store32 align=1 (local.get $to) (local.get $word))
        (local.set $total (i64.add (local.get $total) (local.get $word)))
        (local.set $from (i32.add (local.get $from) (i32.const 4)))
        (local.set $to (i32.add (local.get $to) (i32.const 4)))
        (local.set $length (i32.sub (local.get $length) (i32.const 4)))
        (br $words)))
    (if (i32.ge_u (local.get $length) (i32.const 2))
      (then
        (local.set $half (i32.load16_u align=1 (local.get $from)))
        (i32.store16 align=1 (local.get $to) (local.get $half))
        (local.set $total (i64.add (local.get $total) (i64.extend_i32_u (local.get $half))))
        (local.set $from (i32.add (local.get $from) (i32.const 2)))
        (local.set $to (i32.add (local.get $to) (i32.const 2)))
        (local.set $length (i32.sub (local.get $length) (i32.const 2)))))
    (if (local.get $length)
      (then
        (local.set $half (i32.load8_u (local.get $from)))
        (i32.store8 (local.get $to) (local.get $half))
        (local.set $total (i64.add (local.get $total) (i64.extend_i32_u (local.get $half))))))
    (call $fold (local.get $total)))
)
