/** futex(2): operations, flags, and the bits of a robust or priority-inheriting futex word. */

export const FUTEX_WAIT = 0;
export const FUTEX_WAKE = 1;
export const FUTEX_REQUEUE = 3;
export const FUTEX_CMP_REQUEUE = 4;
export const FUTEX_WAKE_OP = 5;
export const FUTEX_WAIT_BITSET = 9;
export const FUTEX_WAKE_BITSET = 10;
export const FUTEX_PRIVATE_FLAG = 128;
export const FUTEX_CLOCK_REALTIME = 256;
export const FUTEX_BITSET_MATCH_ANY = 0xffffffff;

export const FUTEX_WAITERS = 0x80000000;
export const FUTEX_OWNER_DIED = 0x40000000;
export const FUTEX_TID_MASK = 0x3fffffff;
/** ROBUST_LIST_LIMIT: entries that are looked at when a thread ends. */
export const ROBUST_LIST_LIMIT = 2048;
/** sizeof(struct robust_list_head): list.next, futex_offset, list_op_pending. */
export const ROBUST_LIST_HEAD_BYTES = 24;
