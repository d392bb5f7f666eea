/** Clocks, sleeping and timers that are read. */
import type { Scenario } from "../script.ts";

const clocks = [
  "CLOCK_REALTIME",
  "CLOCK_MONOTONIC",
  "CLOCK_PROCESS_CPUTIME_ID",
  "CLOCK_THREAD_CPUTIME_ID",
  "CLOCK_MONOTONIC_RAW",
  "CLOCK_REALTIME_COARSE",
  "CLOCK_MONOTONIC_COARSE",
  "CLOCK_BOOTTIME",
  "CLOCK_TAI",
  "10",
  "16",
  "99",
];

export const timeScenarios: readonly Scenario[] = [
  ...clocks.map((clock) => ({
    name: `time: ${clock}`,
    script: `
      ~clock_gettime(${clock}, room(16))
      clock_gettime(${clock}, BAD)
      clock_gettime(${clock}, NULL)
      ~clock_getres(${clock}, room(16))
      clock_getres(${clock}, NULL)
      clock_getres(${clock}, BAD)
      clock_settime(${clock}, BAD)
      clock_settime(${clock}, longs(0, -1))
      clock_settime(${clock}, longs(0, 1000000000))
      clock_nanosleep(${clock}, 0, BAD, NULL)
      clock_nanosleep(${clock}, 0, longs(0, -1), NULL)
      clock_nanosleep(${clock}, 0, longs(-1, 0), NULL)
      clock_nanosleep(${clock}, 0, longs(0, 1000000000), NULL)
      clock_nanosleep(${clock}, TIMER_ABSTIME, longs(0, 1), NULL)
      timerfd_create(${clock}, 0)
      timerfd_create(${clock}, 1)`,
  })),
  {
    name: "time: sleeping",
    script: `
      nanosleep(longs(0, 1000000), NULL)
      nanosleep(longs(0, 0), NULL)
      nanosleep(longs(0, 1000000000), NULL)
      nanosleep(longs(0, -1), NULL)
      nanosleep(longs(-1, 0), NULL)
      nanosleep(BAD, NULL)
      nanosleep(NULL, NULL)
      nanosleep(longs(0, 1000000), BAD)
      nanosleep(longs(5, 0), room(16))
      nanosleep(longs(5, 0), BAD)
      clock_nanosleep(CLOCK_MONOTONIC, 0, longs(0, 1000000), room(16))
      clock_nanosleep(CLOCK_MONOTONIC, 7, longs(0, 1000000), NULL)
      clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, longs(0, 1), BAD)`,
  },
  {
    name: "time: other calls",
    script: `
      ~gettimeofday(room(16), NULL)
      gettimeofday(NULL, NULL)
      gettimeofday(BAD, NULL)
      gettimeofday(NULL, BAD)
      ~times(room(32))
      times(BAD)
      getitimer(9, room(32))
      getitimer(ITIMER_REAL, BAD)
      setitimer(9, longs(0, 0, 0, 0), NULL)
      setitimer(ITIMER_REAL, BAD, NULL)
      setitimer(ITIMER_REAL, longs(0, -1, 0, 0), NULL)
      setitimer(ITIMER_REAL, longs(0, 0, 0, 1000000), NULL)`,
  },
  {
    name: "timerfd: settings",
    script: `
      t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK|TFD_CLOEXEC)
      fcntl(t, F_GETFD, 0)
      fcntl(t, F_GETFL, 0)
      timerfd_gettime(t, outlongs(4))
      read(t, room(8), 8)
      read(t, room(7), 7)
      write(t, longs(1), 8)
      timerfd_settime(t, 0, longs(0, 0, 0, 1000000000), NULL)
      timerfd_settime(t, 0, longs(0, 1000000000, 0, 1), NULL)
      timerfd_settime(t, 0, longs(0, 0, -1, 0), NULL)
      timerfd_settime(t, 4, longs(0, 0, 1, 0), NULL)
      timerfd_settime(t, 0, BAD, NULL)
      timerfd_settime(t, 0, longs(0, 0, 0, 0), BAD)
      timerfd_settime(99, 0, longs(0, 0, 0, 0), NULL)
      timerfd_gettime(t, BAD)
      timerfd_gettime(99, outlongs(4))
      timerfd_settime(t, 0, longs(7, 500000000, 0, 0), outlongs(4))
      timerfd_gettime(t, outlongs(4))
      timerfd_settime(t, 0, longs(0, 0, 0, 1), NULL)
      settle()
      ppoll(pollfds(t:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 8)
      read(t, outlongs(1), 8)
      read(t, outlongs(1), 8)
      ppoll(pollfds(t:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 8)
      timerfd_settime(t, TFD_TIMER_ABSTIME, longs(0, 0, 0, 1), NULL)
      settle()
      read(t, outlongs(1), 8)
      timerfd_settime(t, TFD_TIMER_ABSTIME, longs(0, 0, 0, 0), NULL)
      settle()
      read(t, outlongs(1), 8)
      lseek(t, 0, SEEK_CUR)`,
  },
  {
    name: "timerfd: waiting",
    script: `
      t = timerfd_create(CLOCK_MONOTONIC, 0)
      timerfd_settime(t, 0, longs(0, 0, 0, 5000000), NULL)
      read(t, outlongs(1), 16)
      read(t, outlongs(1), 8)
      timerfd_settime(t, 0, longs(0, 0, 0, 1), NULL)
      settle()
      timerfd_settime(t, 0, longs(0, 0, 0, 0), NULL)
      ppoll(pollfds(t:POLLIN), 1, longs(0, 0), NULL, 8)`,
  },
];
