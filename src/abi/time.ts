/** Clocks and the wait family's numbers. */

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_PROCESS_CPUTIME_ID = 2;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_MONOTONIC_RAW = 4;
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC_COARSE = 6;
export const CLOCK_BOOTTIME = 7;
export const TIMER_ABSTIME = 1;

export const WNOHANG = 1;
export const WUNTRACED = 2;
export const WCONTINUED = 8;

export const RLIMIT_NOFILE = 7;

/** How wait4(2) reports a process that called exit(code). */
export function exitStatus(code: number): number {
  return (code & 0xff) << 8;
}

/** How wait4(2) reports a process that a signal ended. */
export function signalStatus(signal: number): number {
  return signal & 0x7f;
}
