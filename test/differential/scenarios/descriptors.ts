/** Descriptors: the lowest is taken, duplicates share, ranges are closed, limits hold. */
import type { Scenario } from "../script.ts";

export const descriptorScenarios: readonly Scenario[] = [
  {
    name: "descriptors: the lowest free number",
    script: `
      a = eventfd2(0, 0)
      b = eventfd2(0, 0)
      c = eventfd2(0, 0)
      close(a)
      pipe2(fds(d, e), 0)
      close(b)
      close(c)
      socketpair(AF_UNIX, SOCK_STREAM, 0, fds(f, g))
      dup(f)
      fcntl(f, F_DUPFD, 20)
      fcntl(f, F_DUPFD, 20)
      dup3(f, 30, 0)
      dup3(f, 30, O_CLOEXEC)
      fcntl(30, F_GETFD, 0)
      fcntl(f, F_GETFD, 0)
      close(99)
      close(-1)`,
  },
  {
    name: "descriptors: all used up",
    script: `
      prlimit64(0, RLIMIT_NOFILE, longs(8, 64), NULL)
      a = eventfd2(0, 0)
      dup(a)
      dup(a)
      dup(a)
      dup(a)
      dup(a)
      fcntl(a, F_DUPFD, 7)
      fcntl(a, F_DUPFD, 8)
      dup3(a, 7, 0)
      dup3(a, 8, 0)
      pipe2(fds(b, c), 0)
      close(7)
      pipe2(fds(b, c), 0)
      socketpair(AF_UNIX, SOCK_STREAM, 0, fds(b, c))
      eventfd2(0, 0)`,
  },
  {
    name: "descriptors: duplicates share position and flags",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      write(f, "abcdef", 6)
      g = dup(f)
      lseek(f, 1, SEEK_SET)
      read(g, room(2), 2)
      read(f, room(2), 2)
      fcntl(g, F_SETFL, O_APPEND)
      lseek(f, 0, SEEK_SET)
      write(f, "X", 1)
      fcntl(g, F_SETFD, FD_CLOEXEC)
      fcntl(f, F_GETFD, 0)
      h = openat(AT_FDCWD, "f", O_RDWR, 0)
      lseek(h, 0, SEEK_CUR)
      close(f)
      read(g, room(2), 2)`,
  },
  {
    name: "descriptors: closing ranges",
    script: `
      a = eventfd2(0, 0)
      dup3(a, 10, 0)
      dup3(a, 11, 0)
      dup3(a, 12, 0)
      close_range(11, 11, 0)
      fcntl(11, F_GETFD, 0)
      close_range(10, 20, CLOSE_RANGE_CLOEXEC)
      fcntl(10, F_GETFD, 0)
      fcntl(12, F_GETFD, 0)
      close_range(12, 10, 0)
      close_range(10, 20, 8)
      close_range(10, -1, 0)
      fcntl(12, F_GETFD, 0)
      fcntl(a, F_GETFD, 0)`,
  },
  {
    name: "descriptors: fcntl",
    script: `
      a = eventfd2(0, 0)
      fcntl(a, F_SETFD, 255)
      fcntl(a, F_GETFD, 0)
      fcntl(a, F_SETFL, -1)
      fcntl(a, F_SETFL, 0)
      fcntl(a, F_GETFL, 0)
      fcntl(a, F_DUPFD, -1)
      fcntl(a, F_DUPFD, 100000)
      fcntl(a, F_GETOWN, 0)
      fcntl(a, 99, 0)
      fcntl(99, 99, 0)
      fcntl(a, F_DUPFD_CLOEXEC, 0)
      fcntl(4, F_GETFD, 0)
      fcntl(a, F_GETLK, NULL)
      fcntl(a, F_GETLK, BAD)
      ioctl(a, FIONBIO, BAD)
      ioctl(a, FIONBIO, ints(1))
      read(a, room(8), 8)
      ioctl(99, FIONBIO, ints(1))`,
  },
];
