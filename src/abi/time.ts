/** Clocks and the wait family's numbers. */

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_MONOTONIC_RAW = 4;
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC_COARSE = 6;
export const CLOCK_BOOTTIME = 7;
export const CLOCK_REALTIME_ALARM = 8;
export const CLOCK_BOOTTIME_ALARM = 9;
export const CLOCK_TAI = 11;
/** How a timer of timer_create(2) notifies: sigevent(3type). */
export const SIGEV_SIGNAL = 0;
export const SIGEV_NONE = 1;
export const SIGEV_THREAD = 2;
export const SIGEV_THREAD_ID = 4;
export const DELAYTIMER_MAX = 0x7fff_ffff;
export const TIMER_ABSTIME = 1;
export const ITIMER_REAL = 0;
export const ITIMER_VIRTUAL = 1;
export const ITIMER_PROF = 2;
/** sizeof(struct timespec) and sizeof(struct timeval): seconds, then nanoseconds or microseconds, of 8 bytes each. */
export const TIMESPEC_BYTES = 16;
/** times(2) and /proc/PID/stat count in hundredths of a second. */
export const CLOCK_TICKS_PER_SECOND = 100;

export const WNOHANG = 1;
export const WUNTRACED = 2;
export const WSTOPPED = 2;
export const WEXITED = 4;
export const WCONTINUED = 8;
export const WNOWAIT = 0x01000000;
/** __WNOTHREAD, __WALL, __WCLONE: accepted, without meaning here. */
export const WCLONE = 0x80000000;
export const WALL = 0x40000000;
export const WAIT_THREAD_OPTIONS = 0xe0000000;
export const P_ALL = 0;
export const P_PID = 1;
export const P_PGID = 2;
export const P_PIDFD = 3;

export const RLIMIT_NOFILE = 7;

/** How wait4(2) reports a process that called exit(code). */
export function exitStatus(code: number): number {
  return (code & 0xff) << 8;
}

/** How wait4(2) reports a process that a signal ended. */
export function signalStatus(signal: number): number {
  return signal & 0x7f;
}
