/** splice, tee and vmsplice: pipes, files, sockets, and what they may not be used on. */
import type { Scenario } from "../script.ts";

export const spliceScenarios: readonly Scenario[] = [
  {
    name: "splice: between a file and a pipe",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      write(f, "abcdefghij", 10)
      lseek(f, 2, SEEK_SET)
      pipe2(fds(r, w), 0)
      splice(f, NULL, w, NULL, 3, 0)
      lseek(f, 0, SEEK_CUR)
      splice(f, longs(8), w, NULL, 100, 0)
      splice(f, longs(10), w, NULL, 100, 0)
      splice(f, longs(-1), w, NULL, 100, 0)
      splice(f, BAD, w, NULL, 100, 0)
      read(r, room(10), 10)
      write(w, "12345678", 8)
      splice(r, NULL, f, NULL, 3, 0)
      splice(r, NULL, f, longs(0), 2, 0)
      splice(r, NULL, f, longs(20), 100, SPLICE_F_NONBLOCK)
      splice(r, NULL, f, NULL, 100, SPLICE_F_NONBLOCK)
      lseek(f, 0, SEEK_SET)
      read(f, room(30), 30)
      close(w)
      splice(r, NULL, f, NULL, 100, 0)`,
  },
  {
    name: "splice: what it does not do",
    script: `
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      g = openat(AT_FDCWD, "f", O_RDWR|O_APPEND, 0644)
      h = openat(AT_FDCWD, "f", O_RDONLY, 0)
      d = openat(AT_FDCWD, ".", O_RDONLY|O_DIRECTORY, 0)
      e = eventfd2(5, 0)
      pipe2(fds(r, w), 0)
      write(w, "text", 4)
      splice(f, NULL, g, NULL, 4, 0)
      splice(r, NULL, w, NULL, 4, 0)
      splice(w, NULL, f, NULL, 4, 0)
      splice(f, NULL, r, NULL, 4, 0)
      splice(r, NULL, g, NULL, 4, 0)
      splice(r, NULL, h, NULL, 4, 0)
      splice(r, longs(0), f, NULL, 4, 0)
      splice(f, NULL, w, longs(0), 4, 0)
      splice(d, NULL, w, NULL, 4, 0)
      splice(e, NULL, w, NULL, 8, 0)
      splice(r, NULL, e, NULL, 8, 0)
      splice(99, NULL, w, NULL, 4, 0)
      splice(r, NULL, 99, NULL, 4, 0)
      splice(99, NULL, 99, NULL, 0, 0)
      splice(99, NULL, 99, NULL, 0, 16)
      tee(r, f, 4, 0)
      tee(f, w, 4, 0)
      tee(r, w, 4, 0)
      tee(w, r, 4, 0)
      tee(99, w, 0, 0)
      tee(99, w, 4, 16)
      vmsplice(f, iov("ab"), 1, 0)
      vmsplice(99, iov("ab"), 1, 0)
      vmsplice(w, iov("ab"), 1, 16)
      close(r)
      splice(f, NULL, w, NULL, 4, 0)`,
  },
  {
    name: "splice: pipe to pipe, and tee",
    script: `
      pipe2(fds(a, b), 0)
      pipe2(fds(c, d), 0)
      write(b, "abcdef", 6)
      tee(a, d, 4, 0)
      splice(a, NULL, d, NULL, 3, 0)
      tee(a, d, 100, 0)
      read(c, room(20), 20)
      read(a, room(20), 20)
      tee(a, d, 4, SPLICE_F_NONBLOCK)
      splice(a, NULL, d, NULL, 4, SPLICE_F_NONBLOCK)
      vmsplice(b, iov("123", "45"), 2, 0)
      vmsplice(a, iov(room(2), room(10)), 2, 0)
      vmsplice(a, iov(room(2)), 1, SPLICE_F_NONBLOCK)
      @1: splice(a, NULL, d, NULL, 4, 0)
      settle(20)
      write(b, "late", 4)
      join(1)
      read(c, room(20), 20)
      @2: tee(a, d, 4, 0)
      settle(20)
      close(b)
      join(2)`,
  },
  {
    name: "splice: sockets",
    script: `
      socketpair(AF_UNIX, SOCK_STREAM, 0, fds(s, t))
      pipe2(fds(r, w), 0)
      write(t, "hello", 5)
      splice(s, NULL, w, NULL, 100, 0)
      splice(r, NULL, s, NULL, 3, 0)
      read(t, room(10), 10)
      splice(s, NULL, w, longs(0), 100, 0)
      splice(s, longs(0), w, NULL, 100, 0)
      splice(r, NULL, s, longs(0), 100, 0)
      @1: splice(s, NULL, w, NULL, 100, 0)
      settle(20)
      write(t, "more", 4)
      join(1)
      read(r, room(10), 10)
      close(t)
      splice(s, NULL, w, NULL, 100, 0)`,
  },
];
