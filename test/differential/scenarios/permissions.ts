/** Priorities, policies, and calls that need a capability: made as somebody who has none. */
import type { Scenario } from "../script.ts";

const become = "setresuid(33, 33, 33)";

export const permissionScenarios: readonly Scenario[] = [
  {
    name: "schedule: policies",
    needsRoot: true,
    script: `
      ${become}
      sched_getscheduler(0)
      sched_getscheduler(-1)
      sched_getscheduler(4194304)
      sched_getparam(0, outint())
      sched_getparam(0, NULL)
      sched_getparam(-1, NULL)
      sched_getparam(4194304, outint())
      sched_setscheduler(0, 0, ints(0))
      sched_setscheduler(0, 0, ints(1))
      sched_setscheduler(0, 3, ints(0))
      sched_getscheduler(0)
      sched_setscheduler(0, 3, ints(1))
      sched_setscheduler(0, 1, ints(0))
      sched_setscheduler(0, 1, ints(1))
      sched_setscheduler(0, 2, ints(99))
      sched_setscheduler(0, 2, ints(100))
      sched_setscheduler(0, 4, ints(0))
      sched_setscheduler(0, 99, ints(0))
      sched_setscheduler(0, -1, ints(0))
      sched_setscheduler(0, 0, NULL)
      sched_setscheduler(4194304, 99, ints(0))
      sched_setparam(0, ints(0))
      sched_setparam(0, ints(1))
      sched_setparam(0, NULL)
      sched_setparam(4194304, ints(1))
      sched_setscheduler(0, 0x40000000, ints(0))
      sched_getscheduler(0)
      sched_setscheduler(0, 5, ints(0))
      sched_getscheduler(0)
      sched_get_priority_max(0)
      sched_get_priority_max(1)
      sched_get_priority_max(2)
      sched_get_priority_max(4)
      sched_get_priority_max(6)
      sched_get_priority_min(0)
      sched_get_priority_min(2)
      sched_get_priority_min(99)
      sched_rr_get_interval(-1, outlongs(2))
      sched_rr_get_interval(4194304, outlongs(2))`,
  },
  {
    name: "schedule: attributes",
    needsRoot: true,
    script: `
      ${become}
      sched_getattr(0, outlongs(6), 48, 0)
      sched_getattr(0, outlongs(7), 56, 0)
      sched_getattr(0, NULL, 56, 0)
      sched_getattr(0, outlongs(7), 47, 0)
      sched_getattr(0, outlongs(7), 4097, 0)
      sched_getattr(0, outlongs(7), 56, 1)
      sched_getattr(-1, outlongs(7), 56, 0)
      sched_getattr(4194304, outlongs(7), 56, 0)
      sched_setattr(0, longs(48, 0, 5, 0, 0, 0), 0)
      sched_getattr(0, outlongs(7), 56, 0)
      sched_setattr(0, longs(48, 0, 4, 0, 0, 0), 0)
      sched_setattr(0, longs(0, 0, 6, 0, 0, 0), 0)
      sched_setattr(0, longs(47, 0, 6, 0, 0, 0), 0)
      sched_setattr(0, longs(64, 0, 6, 0, 0, 0, 0, 0), 0)
      sched_setattr(0, longs(64, 0, 6, 0, 0, 0, 0, 1), 0)
      sched_setattr(0, longs(48, 0, 6, 0, 0, 0), 1)
      sched_setattr(0, NULL, 0)
      getpriority(PRIO_PROCESS, 0)`,
  },
  {
    name: "schedule: priorities",
    needsRoot: true,
    script: `
      ${become}
      getpriority(PRIO_PROCESS, 0)
      setpriority(PRIO_PROCESS, 0, 5)
      getpriority(PRIO_PROCESS, 0)
      setpriority(PRIO_PROCESS, 0, 4)
      setpriority(PRIO_PROCESS, 0, 100)
      getpriority(PRIO_PROCESS, 0)
      setpriority(PRIO_PROCESS, 0, -100)
      setpriority(PRIO_PROCESS, 4194304, 5)
      setpriority(9, 0, 5)
      getpriority(9, 0)
      getpriority(PRIO_PROCESS, 4194304)
      getpriority(1, 4194304)
      getpriority(2, 4194304)
      ioprio_get(1, 0)
      ioprio_set(1, 0, 0x4006)
      ioprio_get(1, 0)
      ioprio_set(1, 0, 0x6007)
      ioprio_get(1, 0)
      ioprio_set(1, 0, 1)
      ioprio_set(1, 0, 0)
      ioprio_set(1, 0, 0x2000)
      ioprio_set(1, 0, 0x8000)
      ioprio_set(1, 4194304, 0x4006)
      ioprio_set(9, 0, 0x4006)
      ioprio_get(9, 0)
      ioprio_get(1, 4194304)`,
  },
  {
    name: "permissions: what needs a capability",
    needsRoot: true,
    script: `
      ${become}
      mount("none", ".", "tmpfs", 0, NULL)
      umount2(".", 0)
      umount2("none", 0)
      umount2(".", 0x100)
      pivot_root(".", ".")
      chroot(".")
      vhangup()
      acct(NULL)
      unshare(0)
      unshare(0x400)
      unshare(0x1)
      unshare(0x20000)
      setns(99, 0)
      sethostname("x", 1)
      setdomainname("x", 1)
      reboot(0, 0, 0, NULL)
      swapon("x", 0)
      swapoff("x")
      clock_settime(CLOCK_REALTIME, longs(5, 0))
      settimeofday(longs(5, 0), NULL)
      clock_adjtime(CLOCK_REALTIME, BAD)
      syslog(2, NULL, 0)
      syslog(8, NULL, 5)
      personality(-1)
      personality(0x40000)
      personality(0)`,
  },
  {
    name: "files: handles",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      name_to_handle_at(AT_FDCWD, "none", room(16), outint(), 0)
      name_to_handle_at(AT_FDCWD, "f", room(16), outint(), 0x4000)`,
  },
];
