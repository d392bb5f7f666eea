/** Processes, signals and limits, as far as one process alone can ask. */
import type { Scenario } from "../script.ts";

export const processScenarios: readonly Scenario[] = [
  {
    name: "process: waiting without children",
    script: `
      wait4(-1, NULL, 0, NULL)
      wait4(-1, NULL, WNOHANG, NULL)
      wait4(0, NULL, 0, NULL)
      wait4(-5000000, NULL, 0, NULL)
      wait4(1, NULL, WNOHANG, NULL)
      wait4(5000000, NULL, 0, NULL)
      wait4(-1, BAD, 0, BAD)
      wait4(-1, NULL, 0x100, NULL)
      wait4(-1, NULL, -1, NULL)
      wait4(-2147483648, NULL, 0, NULL)
      waitid(P_ALL, 0, NULL, WEXITED, NULL)
      waitid(P_ALL, 0, NULL, 0, NULL)
      waitid(P_ALL, 0, NULL, WEXITED|WNOHANG|0x100, NULL)
      waitid(9, 0, NULL, WEXITED, NULL)
      waitid(P_PID, 0, NULL, WEXITED, NULL)
      waitid(P_PID, -1, NULL, WEXITED, NULL)
      waitid(P_PID, 5000000, NULL, WEXITED, NULL)
      waitid(P_PGID, -1, NULL, WEXITED, NULL)
      waitid(P_PGID, 0, NULL, WEXITED, NULL)`,
  },
  {
    name: "process: sending signals",
    script: `
      ~p = getpid()
      kill(p, 0)
      kill(p, 65)
      kill(p, -1)
      kill(4194304, 0)
      kill(4194304, 65)
      kill(-4194304, 0)
      kill(p, SIGUSR1)
      kill(p, SIGCHLD)
      kill(p, SIGURG)
      tgkill(p, p, SIGUSR1)
      tgkill(p, p, 0)
      tgkill(p, 0, 0)
      tgkill(0, p, 0)
      tgkill(-1, p, 0)
      tgkill(p, 4194304, 0)
      tgkill(p, p, 65)
      tkill(p, SIGUSR1)
      tkill(0, 0)
      tkill(-1, 0)
      tkill(4194304, 0)`,
  },
  {
    name: "process: blocked signals",
    script: `
      ~p = getpid()
      rt_sigprocmask(SIG_BLOCK, longs(512), outlongs(1), 8)
      kill(p, SIGUSR1)
      kill(p, SIGUSR1)
      rt_sigpending(outlongs(1), 8)
      rt_sigprocmask(SIG_UNBLOCK, longs(512), outlongs(1), 8)
      rt_sigpending(outlongs(1), 8)
      rt_sigprocmask(9, longs(512), NULL, 8)
      rt_sigprocmask(9, NULL, outlongs(1), 8)
      rt_sigprocmask(SIG_BLOCK, longs(512), NULL, 4)
      rt_sigprocmask(SIG_BLOCK, BAD, NULL, 8)
      rt_sigprocmask(SIG_BLOCK, NULL, BAD, 8)
      rt_sigpending(BAD, 8)
      rt_sigpending(room(8), 16)
      rt_sigprocmask(SIG_SETMASK, longs(-1), NULL, 8)
      rt_sigprocmask(SIG_SETMASK, longs(0), outlongs(1), 8)
      rt_sigprocmask(SIG_BLOCK, longs(512), NULL, 8)
      kill(p, SIGUSR1)
      rt_sigtimedwait(longs(512), NULL, longs(0, 0), 8)
      rt_sigtimedwait(longs(512), NULL, longs(0, 1000000), 8)
      rt_sigtimedwait(longs(512), NULL, longs(0, -1), 8)
      rt_sigtimedwait(longs(512), NULL, longs(0, 0), 4)
      rt_sigtimedwait(BAD, NULL, longs(0, 0), 8)
      rt_sigtimedwait(longs(512), NULL, BAD, 8)
      rt_sigsuspend(longs(0), 4)
      rt_sigsuspend(BAD, 8)
      kill(p, SIGUSR1)
      rt_sigsuspend(longs(0), 8)`,
  },
  {
    name: "process: actions",
    script: `
      rt_sigaction(0, NULL, NULL, 8)
      rt_sigaction(65, NULL, NULL, 8)
      rt_sigaction(SIGKILL, longs(1, 0, 0, 0), NULL, 8)
      rt_sigaction(SIGSTOP, longs(0, 0, 0, 0), NULL, 8)
      rt_sigaction(SIGKILL, NULL, room(32), 8)
      rt_sigaction(SIGUSR2, longs(1, 0, 0, 0), NULL, 8)
      rt_sigaction(SIGUSR2, NULL, NULL, 4)
      rt_sigaction(SIGUSR2, BAD, NULL, 8)
      rt_sigaction(SIGUSR2, NULL, BAD, 8)
      ~p = getpid()
      kill(p, SIGUSR2)
      rt_sigaction(SIGUSR2, longs(0, 0, 0, 0), NULL, 8)`,
  },
  {
    name: "process: limits",
    script: `
      prlimit64(0, RLIMIT_NOFILE, NULL, outlongs(2))
      prlimit64(0, RLIMIT_NOFILE, longs(32, 64), outlongs(2))
      prlimit64(0, RLIMIT_NOFILE, longs(33, 32), NULL)
      prlimit64(0, RLIMIT_NOFILE, NULL, outlongs(2))
      prlimit64(0, RLIMIT_NLIMITS, NULL, outlongs(2))
      prlimit64(0, -1, NULL, outlongs(2))
      prlimit64(4194304, RLIMIT_NOFILE, NULL, outlongs(2))
      prlimit64(0, RLIMIT_NOFILE, BAD, NULL)
      prlimit64(0, RLIMIT_NOFILE, NULL, BAD)
      getrlimit(RLIMIT_NOFILE, outlongs(2))
      getrlimit(RLIMIT_NLIMITS, outlongs(2))
      getrlimit(RLIMIT_NOFILE, BAD)
      setrlimit(RLIMIT_NOFILE, BAD)
      setrlimit(RLIMIT_NLIMITS, longs(1, 1))
      fcntl(0, F_DUPFD, 32)
      fcntl(0, F_DUPFD, 31)
      dup3(0, 32, 0)
      ppoll(NULL, 33, longs(0, 0), NULL, 8)`,
  },
  {
    name: "process: groups and sessions",
    script: `
      ~p = getpid()
      ~getppid()
      ~gettid()
      ~getpgid(0)
      ~getpgid(p)
      getpgid(4194304)
      getpgid(-1)
      ~getsid(0)
      getsid(4194304)
      setpgid(-1, 0)
      setpgid(0, -1)
      setpgid(4194304, 0)
      setpgid(0, 4194304)
      setpgid(0, -5)`,
  },
  {
    name: "process: names and numbers",
    script: `
      prctl(PR_SET_NAME, "a name that is too long", 0, 0, 0)
      prctl(PR_GET_NAME, room(16), 0, 0, 0)
      prctl(PR_SET_NAME, BAD, 0, 0, 0)
      prctl(PR_GET_NAME, BAD, 0, 0, 0)
      prctl(4711, 0, 0, 0, 0)
      prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0)
      prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0)
      prctl(PR_GET_PDEATHSIG, outint(), 0, 0, 0)
      prctl(PR_GET_PDEATHSIG, BAD, 0, 0, 0)
      uname(BAD)
      uname(NULL)
      sysinfo(BAD)
      getrusage(RUSAGE_SELF, BAD)
      getrusage(5, room(144))
      ~getrusage(RUSAGE_SELF, room(144))
      ~getrusage(RUSAGE_CHILDREN, room(144))
      ~getcpu(room(4), room(4), NULL)
      getcpu(BAD, NULL, NULL)
      getcpu(NULL, NULL, NULL)
      sched_yield()
      ~sched_getaffinity(0, 128, fill(128))
      sched_getaffinity(0, 0, room(8))
      sched_getaffinity(0, 128, BAD)
      sched_getaffinity(4194304, 128, fill(128))
      sched_setaffinity(0, 8, BAD)
      sched_setaffinity(0, 8, longs(0))
      getpriority(PRIO_PROCESS, 0)
      getpriority(9, 0)
      getpriority(PRIO_PROCESS, 4194304)`,
  },
  {
    name: "process: random bytes",
    script: `
      ~getrandom(fill(16), 16, 0)
      getrandom(room(16), 0, 0)
      getrandom(BAD, 16, 0)
      getrandom(BAD, 0, 0)
      getrandom(room(16), 16, 8)
      getrandom(room(16), 16, GRND_RANDOM|GRND_INSECURE)
      ~getrandom(fill(16), 16, GRND_NONBLOCK)
      ~getrandom(fill(16), 16, GRND_INSECURE)`,
  },
  {
    name: "process: memory",
    script: `
      mmap(NULL, 0, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
      mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_ANONYMOUS, -1, 0)
      mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE, -1, 0)
      mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 5)
      ~m = mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
      munmap(m+1, 4096)
      munmap(m, 0)
      munmap(m, 4096)
      munmap(m, 4096)
      munmap(m+4096, 4096)
      madvise(BAD, 4096, MADV_DONTNEED)
      mprotect(BAD, 4096, PROT_READ)`,
  },
];
