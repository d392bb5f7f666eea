/** Resource limits: setrlimit(2)'s numbers. */

export const RLIMIT_CPU = 0;
export const RLIMIT_FSIZE = 1;
export const RLIMIT_DATA = 2;
export const RLIMIT_STACK = 3;
export const RLIMIT_CORE = 4;
export const RLIMIT_NPROC = 6;
export const RLIMIT_AS = 9;
export const RLIMIT_SIGPENDING = 11;
/** Limits are numbered 0 to 15. */
export const RLIM_NLIMITS = 16;
/** "No limit". In memory it is 2^64 - 1; inside the kernel Infinity. */
export const RLIM_INFINITY: number = Number.POSITIVE_INFINITY;
/** sizeof(struct rlimit64): current and maximum. */
export const RLIMIT_BYTES = 16;
/** /proc/sys/fs/nr_open: what RLIMIT_NOFILE may be raised to at most. */
export const NR_OPEN = 1_048_576;
/** sizeof(struct rusage) on a 64-bit system. */
export const RUSAGE_BYTES = 144;
