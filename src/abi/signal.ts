/** Signals: numbers and default actions as signal(7) lists them for arm64. */

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGSEGV = 11;
export const SIGUSR2 = 12;
export const SIGPIPE = 13;
export const SIGALRM = 14;
export const SIGTERM = 15;
export const SIGSTKFLT = 16;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGURG = 23;
export const SIGXCPU = 24;
export const SIGXFSZ = 25;
export const SIGVTALRM = 26;
export const SIGPROF = 27;
export const SIGWINCH = 28;
export const SIGIO = 29;
export const SIGPWR = 30;
export const SIGSYS = 31;
/** Signals are 1 to 64; 32 and up are the real-time ones. */
export const NSIG = 64;

export const SIG_DFL = 0;
export const SIG_IGN = 1;
export const SIG_BLOCK = 0;
export const SIG_UNBLOCK = 1;
export const SIG_SETMASK = 2;
export const SA_NOCLDSTOP = 1;
export const SA_NOCLDWAIT = 2;
export const SA_SIGINFO = 4;
export const SA_RESTORER = 0x04000000;
export const SA_ONSTACK = 0x08000000;
export const SA_RESTART = 0x10000000;
export const SA_NODEFER = 0x40000000;
export const SA_RESETHAND = 0x80000000;

/** si_code: who sent a signal, and what became of a child. */
export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_TIMER = -2;
export const SI_TKILL = -6;
export const CLD_EXITED = 1;
export const CLD_KILLED = 2;
export const CLD_STOPPED = 5;
export const CLD_CONTINUED = 6;
export const SI_QUEUE = -1;
/** SIGSEGV: nothing is mapped there; the mapping does not allow it. SIGBUS: misaligned. SIGILL, SIGTRAP, in this order. */
export const SEGV_MAPERR = 1;
export const SEGV_ACCERR = 2;
export const BUS_ADRALN = 1;
export const ILL_ILLOPC = 1;
export const TRAP_BRKPT = 1;
/** sigaltstack(2). */
export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const SS_AUTODISARM = 0x80000000;
export const MINSIGSTKSZ = 5120;
/** sizeof(siginfo_t): si_signo at 0, si_errno at 4, si_code at 8, then by signal; si_pid at 16, si_uid at 20, si_status at 24. */
export const SIGINFO_BYTES = 128;
/** sizeof(sigset_t) as the kernel has it: one bit for each of 64 signals. */
export const SIGSET_BYTES = 8;
/** sizeof(struct kernel_sigaction) on arm64: handler, flags, restorer, mask. */
export const SIGACTION_BYTES = 32;

const names: readonly string[] = (
  "0 HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG " +
  "XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
).split(" ");

/** "SIGPIPE" for 13. */
export function signalName(signal: number): string {
  const name = names[signal];
  return name === undefined || signal === 0 ? `SIG${signal}` : `SIG${name}`;
}

/** 13 for "SIGPIPE", "PIPE" or "13"; undefined for anything else. */
export function signalNumber(name: string): number | undefined {
  if (/^\d+$/.test(name)) return Number(name) <= NSIG ? Number(name) : undefined;
  const index = names.indexOf(name.toUpperCase().replace(/^SIG/, ""));
  return index > 0 ? index : undefined;
}
