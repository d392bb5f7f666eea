/** inotify: what is told of files and directories, and in which order. */
import type { Scenario } from "../script.ts";

const ALL = "4095";

export const inotifyScenarios: readonly Scenario[] = [
  {
    name: "inotify: watches",
    script: `
      mkdirat(AT_FDCWD, "d", 0755)
      f = openat(AT_FDCWD, "d/f", O_RDWR|O_CREAT, 0644)
      symlinkat("f", AT_FDCWD, "d/link")
      n = inotify_init1(O_NONBLOCK)
      inotify_init1(1)
      inotify_add_watch(n, "d", ${ALL})
      inotify_add_watch(n, "d/f", ${ALL})
      inotify_add_watch(n, "d/link", 2)
      inotify_add_watch(n, "d", 2)
      inotify_add_watch(n, "d", 0x10000002)
      inotify_add_watch(n, "d", 0x30000002)
      inotify_add_watch(n, "d", 0x20000100)
      inotify_add_watch(n, "d/f", 0x1000002)
      inotify_add_watch(n, "d/link", 0x2000002)
      inotify_add_watch(n, "none", 2)
      inotify_add_watch(n, "d", 0)
      inotify_add_watch(99, "d", 2)
      inotify_add_watch(f, "d", 2)
      inotify_add_watch(n, BAD, 2)
      read(n, room(16), 16)
      inotify_rm_watch(n, 9)
      inotify_rm_watch(n, 1)
      inotify_rm_watch(n, 1)
      inotify_rm_watch(f, 1)
      read(n, room(15), 15)
      read(n, room(64), 64)
      write(n, "x", 1)
      ppoll(pollfds(n:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 0)`,
  },
  {
    name: "inotify: a directory",
    script: `
      mkdirat(AT_FDCWD, "d", 0755)
      n = inotify_init1(O_NONBLOCK)
      inotify_add_watch(n, "d", ${ALL})
      f = openat(AT_FDCWD, "d/f", O_RDWR|O_CREAT, 0644)
      write(f, "abc", 3)
      write(f, "abc", 3)
      pread64(f, room(3), 3, 0)
      ftruncate(f, 2)
      fchmod(f, 0600)
      ioctl(n, FIONREAD, outint())
      close(f)
      read(n, room(512), 512)
      g = openat(AT_FDCWD, "d/f", O_RDONLY, 0)
      close(g)
      g = openat(AT_FDCWD, "d/f", O_WRONLY|O_TRUNC, 0)
      close(g)
      mkdirat(AT_FDCWD, "d/sub", 0755)
      symlinkat("f", AT_FDCWD, "d/s")
      linkat(AT_FDCWD, "d/f", AT_FDCWD, "d/l", 0)
      read(n, room(512), 512)
      renameat2(AT_FDCWD, "d/s", AT_FDCWD, "moved", 0)
      read(n, room(8), 512)
      unlinkat(AT_FDCWD, "d/l", 0)
      unlinkat(AT_FDCWD, "d/f", 0)
      unlinkat(AT_FDCWD, "d/sub", AT_REMOVEDIR)
      read(n, room(512), 512)
      unlinkat(AT_FDCWD, "d", AT_REMOVEDIR)
      read(n, room(512), 512)
      read(n, room(512), 512)
      inotify_rm_watch(n, 1)`,
  },
  {
    name: "inotify: a file",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      n = inotify_init1(O_NONBLOCK)
      inotify_add_watch(n, "f", ${ALL})
      write(f, "abc", 3)
      close(f)
      linkat(AT_FDCWD, "f", AT_FDCWD, "l", 0)
      truncate("f", 0)
      renameat2(AT_FDCWD, "f", AT_FDCWD, "g", 0)
      unlinkat(AT_FDCWD, "l", 0)
      read(n, room(512), 512)
      unlinkat(AT_FDCWD, "g", 0)
      read(n, room(512), 512)
      h = openat(AT_FDCWD, "h", O_RDWR|O_CREAT, 0644)
      inotify_add_watch(n, "h", 0x80000002)
      write(h, "abc", 3)
      write(h, "abc", 3)
      read(n, room(512), 512)
      @1: ppoll(pollfds(n:POLLIN), 1, longs(1, 0), NULL, 0)
      settle(20)
      inotify_add_watch(n, "h", 2)
      write(h, "abc", 3)
      join(1)`,
  },
];
