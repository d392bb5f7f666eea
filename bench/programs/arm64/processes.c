/* "fork N": N times fork, exit and wait; "threads N": N times clone, exit and join. Prints the nanoseconds of one. */
#include "../../../test/fixtures/linux/linux.h"

static i64 now(void) {
  struct timespec time;
  call(SYS_clock_gettime, 1, &time, 0, 0, 0);
  return time.seconds * 1000000000 + time.nanoseconds;
}
static void nothing(void *argument) {}

void run(i64 argc, char **argv, char **envp) {
  i64 count = number_of(argv[2]), begun = now();
  if (same(argv[1], "fork")) {
    for (i64 k = 0; k < count; k++) {
      i64 child = fork_process();
      if (child == 0) leave(0);
      wait_for(child, 0, 0);
    }
  } else {
    i64 stack = map(65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    static i32 tid;
    u64 flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    for (i64 k = 0; k < count; k++) {
      tid = -1;
      start_thread((void *)(stack + 65536), flags, &tid, 0, nothing, 0);
      for (i32 value; (value = __atomic_load_n(&tid, __ATOMIC_ACQUIRE)) != 0;) call(SYS_futex, &tid, FUTEX_WAIT, value, 0, 0);
    }
  }
  report(argv[1], (now() - begun) / count);
}
