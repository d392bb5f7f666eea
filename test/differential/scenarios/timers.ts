/** Timers of timer_create(2), signals and processes as files. */
import type { Scenario } from "../script.ts";

/** A struct sigevent: value, signal and notification, thread. */
function event(signal: number, notify: number, thread = "0"): string {
  return `longs(7, ${signal + notify * 0x1_0000_0000}, ${thread}, 0, 0, 0, 0, 0)`;
}

export const timerScenarios: readonly Scenario[] = [
  {
    name: "timers: made and deleted",
    script: `
      timer_create(CLOCK_MONOTONIC, NULL, outint())
      timer_create(CLOCK_REALTIME, ${event(10, 0)}, outint())
      timer_create(CLOCK_BOOTTIME, ${event(0, 1)}, outint())
      timer_create(CLOCK_MONOTONIC_RAW, NULL, outint())
      timer_create(CLOCK_REALTIME_COARSE, NULL, outint())
      timer_create(99, NULL, outint())
      timer_create(-1, NULL, outint())
      timer_create(CLOCK_MONOTONIC, ${event(0, 0)}, outint())
      timer_create(CLOCK_MONOTONIC, ${event(65, 0)}, outint())
      timer_create(CLOCK_MONOTONIC, ${event(10, 3)}, outint())
      timer_create(CLOCK_MONOTONIC, ${event(10, 4)}, outint())
      timer_create(CLOCK_MONOTONIC, ${event(10, 5)}, outint())
      timer_create(CLOCK_MONOTONIC, ${event(0, 1)}, NULL)
      timer_create(CLOCK_MONOTONIC, BAD, outint())
      timer_gettime(2, outlongs(4))
      timer_gettime(99, outlongs(4))
      timer_gettime(2, BAD)
      timer_settime(2, 0, longs(0, 0, 0, 0), outlongs(4))
      timer_settime(2, 0, longs(3, 0, 0, 0), NULL)
      timer_gettime(2, outlongs(2))
      timer_settime(2, 0, longs(0, 1000000000, 1, 0), NULL)
      timer_settime(2, 0, longs(0, 0, 1, -1), NULL)
      timer_settime(2, 0, longs(0, 0, -1, 0), NULL)
      timer_settime(2, 0, NULL, NULL)
      timer_settime(99, 0, longs(0, 0, 1, 0), NULL)
      timer_settime(99, 0, longs(0, -1, 1, 0), NULL)
      timer_getoverrun(2)
      timer_getoverrun(99)
      timer_delete(2)
      timer_delete(2)
      timer_delete(-1)`,
  },
  {
    name: "timers: signals",
    script: `
      rt_sigprocmask(SIG_BLOCK, longs(512), outlongs(1), 8)
      timer_create(CLOCK_MONOTONIC, ${event(10, 0)}, outint())
      timer_settime(0, 0, longs(0, 0, 0, 10000000), NULL)
      rt_sigtimedwait(longs(512), outlongs(4), longs(0, 300000000), 8)
      rt_sigtimedwait(longs(512), outlongs(4), longs(0, 20000000), 8)
      timer_gettime(0, outlongs(4))
      timer_settime(0, TIMER_ABSTIME, longs(0, 0, 0, 1), NULL)
      rt_sigtimedwait(longs(512), outlongs(4), longs(0, 300000000), 8)
      timer_getoverrun(0)
      timer_delete(0)`,
  },
  {
    name: "signalfd",
    script: `
      ~p = getpid()
      rt_sigprocmask(SIG_BLOCK, longs(512), outlongs(1), 8)
      s = signalfd4(-1, longs(512), 8, SFD_NONBLOCK)
      read(s, room(128), 128)
      read(s, room(128), 127)
      write(s, "12345678", 8)
      lseek(s, 0, SEEK_SET)
      ppoll(pollfds(s:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 0)
      kill(p, SIGUSR1)
      ppoll(pollfds(s:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 0)
      signalfd4(s, longs(2048), 8, 0)
      read(s, room(128), 128)
      signalfd4(s, longs(512), 8, SFD_CLOEXEC)
      fcntl(s, F_GETFD, 0)
      read(s, room(12), 256)
      read(s, room(128), 128)
      signalfd4(-1, longs(512), 8, 1)
      signalfd4(-1, longs(512), 9, 0)
      signalfd4(-1, BAD, 8, 1)
      signalfd4(99, longs(512), 8, 0)
      e = eventfd2(0, 0)
      signalfd4(e, longs(512), 8, 0)`,
  },
  {
    name: "pidfd",
    script: `
      ~p = getpid()
      f = pidfd_open(p, 0)
      fcntl(f, F_GETFD, 0)
      fcntl(f, F_GETFL, 0)
      pidfd_open(p, O_NONBLOCK)
      pidfd_open(p, 1)
      pidfd_open(0, 0)
      pidfd_open(-1, 0)
      pidfd_open(4194304, 0)
      read(f, room(8), 8)
      write(f, "x", 1)
      ppoll(pollfds(f:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 0)
      pidfd_send_signal(f, 0, NULL, 0)
      pidfd_send_signal(f, SIGUSR1, NULL, 0)
      pidfd_send_signal(f, 65, NULL, 0)
      pidfd_send_signal(f, 0, NULL, 0x100)
      pidfd_send_signal(0, 0, NULL, 0)
      pidfd_send_signal(99, 0, NULL, 0)
      waitid(P_PIDFD, f, NULL, WEXITED, NULL)
      waitid(P_PIDFD, 99, NULL, WEXITED, NULL)
      waitid(P_PIDFD, 0, NULL, WEXITED, NULL)
      waitid(P_PIDFD, -1, NULL, WEXITED, NULL)`,
  },
];
