/** Named pipes: who waits for whom in open(2), what both ends answer in every state; and extended attributes, as files refuse them. */
import type { Scenario } from "../script.ts";

const MAKE = 'mknodat(AT_FDCWD, "p", S_IFIFO|0640, 0)';
const ALL = "POLLIN|POLLPRI|POLLOUT|POLLRDHUP|POLLRDNORM|POLLWRNORM";

export const fifoScenarios: readonly Scenario[] = [
  {
    name: "fifo: a name in a folder",
    script: `
      ${MAKE}
      ${MAKE}
      newfstatat(AT_FDCWD, "p", stat(), 0)
      fchmodat(AT_FDCWD, "p", 0600)
      linkat(AT_FDCWD, "p", AT_FDCWD, "q", 0)
      newfstatat(AT_FDCWD, "q", stat(), 0)
      truncate("p", 0)
      openat(AT_FDCWD, "p", O_RDONLY|O_DIRECTORY|O_NONBLOCK)
      openat(AT_FDCWD, "p", O_WRONLY|O_CREAT|O_EXCL, 0600)
      openat(AT_FDCWD, "p", O_WRONLY|O_NONBLOCK)
      unlinkat(AT_FDCWD, "p", 0)
      r = openat(AT_FDCWD, "q", O_RDONLY|O_NONBLOCK)
      unlinkat(AT_FDCWD, "q", 0)
      fstat(r, stat())`,
  },
  {
    name: "fifo: a reader before any writer, and after the last one",
    script: `
      ${MAKE}
      r = openat(AT_FDCWD, "p", O_RDONLY|O_NONBLOCK)
      read(r, room(4), 4)
      ppoll(pollfds(r:${ALL}), 1, longs(0, 0), NULL, 8)
      w = openat(AT_FDCWD, "p", O_WRONLY)
      read(r, room(4), 4)
      ppoll(pollfds(r:${ALL}, w:${ALL}), 2, longs(0, 0), NULL, 8)
      v = openat(AT_FDCWD, "p", O_WRONLY|O_NONBLOCK)
      write(w, "one", 3)
      write(v, "two", 3)
      ioctl(r, FIONREAD, outint())
      close(w)
      ppoll(pollfds(r:${ALL}), 1, longs(0, 0), NULL, 8)
      read(r, room(9), 9)
      close(v)
      ppoll(pollfds(r:${ALL}), 1, longs(0, 0), NULL, 8)
      read(r, room(9), 9)
      w = openat(AT_FDCWD, "p", O_WRONLY)
      ppoll(pollfds(r:${ALL}), 1, longs(0, 0), NULL, 8)
      close(r)
      ppoll(pollfds(w:${ALL}), 1, longs(0, 0), NULL, 8)
      write(w, "x", 1)`,
  },
  {
    name: "fifo: both ends in one",
    script: `
      ${MAKE}
      b = openat(AT_FDCWD, "p", O_RDWR)
      ppoll(pollfds(b:${ALL}), 1, longs(0, 0), NULL, 8)
      write(b, "0123456789", 10)
      read(b, room(4), 4)
      ppoll(pollfds(b:${ALL}), 1, longs(0, 0), NULL, 8)
      lseek(b, 0, SEEK_SET)
      pread64(b, room(4), 4, 0)
      pwrite64(b, "x", 1, 0)
      ftruncate(b, 0)
      fallocate(b, 0, 0, 1)
      fsync(b)
      fcntl(b, F_GETPIPE_SZ, 0)
      fcntl(b, F_SETPIPE_SZ, 131072)
      close(b)
      b = openat(AT_FDCWD, "p", O_RDWR|O_NONBLOCK)
      read(b, room(9), 9)`,
  },
  {
    name: "fifo: a reader waits for a writer",
    script: `
      ${MAKE}
      # Linux takes the number before it waits, Akuma when the file is open.
      @1: ~r = openat(AT_FDCWD, "p", O_RDONLY)
      settle(20)
      ~w = openat(AT_FDCWD, "p", O_WRONLY|O_NONBLOCK)
      join(1)
      write(w, "through", 7)
      read(r, room(9), 9)`,
  },
  {
    name: "fifo: a writer waits for a reader, who goes at once",
    script: `
      ${MAKE}
      @1: ~w = openat(AT_FDCWD, "p", O_WRONLY)
      settle(20)
      ~r = openat(AT_FDCWD, "p", O_RDONLY)
      close(r)
      join(1)
      write(w, "x", 1)`,
  },
  {
    name: "fifo: nobody comes",
    script: `
      ${MAKE}
      openat(AT_FDCWD, "p", O_RDONLY)
      openat(AT_FDCWD, "p", O_WRONLY|O_NONBLOCK)
      openat(AT_FDCWD, "p", O_WRONLY)`,
  },
  {
    name: "extended attributes: which arguments are looked at",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0600)
      symlinkat("none", AT_FDCWD, "l")
      getxattr("none", "user.a", room(4), 4)
      getxattr("l", "user.a", room(4), 4)
      getxattr("f", "", room(4), 4)
      getxattr("f", BAD, room(4), 4)
      fgetxattr(99, "user.a", room(4), 4)
      setxattr("none", "user.a", "x", 1, 0)
      setxattr("f", "user.a", "x", 1, 4)
      setxattr("f", "user.a", "x", 100000, 0)
      setxattr("f", "", "x", 1, 0)
      setxattr("f", BAD, "x", 1, 0)
      listxattr("none", room(9), 9)
      llistxattr("l", room(9), 9)
      flistxattr(f, room(9), 9)
      removexattr("none", "user.a")
      removexattr("f", "")
      fremovexattr(99, "user.a")`,
  },
];
