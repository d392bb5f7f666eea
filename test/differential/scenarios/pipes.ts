/** Pipes: what both ends answer in every state, atomic writes, sizes; and eventfd. */
import type { Scenario } from "../script.ts";

const ALL = "POLLIN|POLLPRI|POLLOUT|POLLRDHUP|POLLRDNORM|POLLWRNORM";

const states: Readonly<Record<string, string>> = {
  empty: "pipe2(fds(r, w), O_NONBLOCK)",
  "with bytes": 'pipe2(fds(r, w), O_NONBLOCK)\nwrite(w, "0123456789", 10)',
  full: "pipe2(fds(r, w), O_NONBLOCK)\nwrite(w, fill(65536), 65536)",
  "nearly full": "pipe2(fds(r, w), O_NONBLOCK)\nwrite(w, fill(61440), 61440)",
  "without a reader": "pipe2(fds(r, w), O_NONBLOCK)\nclose(r)",
  "without a writer": "pipe2(fds(r, w), O_NONBLOCK)\nclose(w)",
  "without a writer, with bytes": 'pipe2(fds(r, w), O_NONBLOCK)\nwrite(w, "left", 4)\nclose(w)',
  "without a reader, with bytes": 'pipe2(fds(r, w), O_NONBLOCK)\nwrite(w, "lost", 4)\nclose(r)',
};

const actions: Readonly<Record<string, string>> = {
  poll: "",
  read: "read(r, room(4), 4)\nread(r, room(100), 100)\nread(r, room(4), 4)",
  "read nothing": "read(r, NULL, 0)\nread(r, BAD, 4)",
  write: 'write(w, "abc", 3)\nwrite(w, "", 0)',
  "write much": "write(w, fill(4096), 4096)\nwrite(w, fill(4097), 4097)\nwrite(w, fill(100000), 100000)",
  "write vectors": 'writev(w, iov("ab", "cd"), 2)\nreadv(r, iov(room(1), room(9)), 2)',
  "write from a bad address": "write(w, BAD, 4)",
  counts: "ioctl(r, FIONREAD, outint())\nioctl(w, FIONREAD, outint())",
  "wrong ends": 'write(r, "x", 1)\nread(w, room(1), 1)',
  sizes: `fcntl(w, F_GETPIPE_SZ, 0)\nfcntl(r, F_SETPIPE_SZ, 100)\nfcntl(w, F_GETPIPE_SZ, 0)\nfcntl(w, F_SETPIPE_SZ, 5000)
    fcntl(w, F_SETPIPE_SZ, 0)\nfcntl(w, F_SETPIPE_SZ, -1)\nfcntl(w, F_SETPIPE_SZ, 131072)`,
};

const inStates: Scenario[] = Object.entries(states).flatMap(([state, before]) =>
  Object.entries(actions).map(([action, calls]) => ({
    name: `pipe ${state}: ${action}`,
    script: `${before}\n${calls}\nppoll(pollfds(r:${ALL}, w:${ALL}), 2, longs(0, 0), NULL, 8)`,
  })),
);

export const pipeScenarios: readonly Scenario[] = [
  ...inStates,
  {
    name: "pipe: flags",
    script: `
      pipe2(fds(a, b), O_CLOEXEC)
      fcntl(a, F_GETFD, 0)
      fcntl(b, F_GETFD, 0)
      fcntl(a, F_GETFL, 0)
      fcntl(b, F_GETFL, 0)
      pipe2(fds(c, d), O_NONBLOCK)
      fcntl(c, F_GETFL, 0)
      fcntl(d, F_GETFL, 0)
      pipe2(fds(e, f), 1)
      pipe2(fds(e, f), O_APPEND)
      pipe2(NULL, 0)
      pipe2(BAD, 0)
      pipe2(fds(e, f), 0)
      fcntl(e, F_SETFL, O_NONBLOCK|O_APPEND)
      read(e, room(1), 1)
      fcntl(e, F_SETFL, 0)
      dup3(f, e, 0)
      read(e, room(1), 1)
      write(e, "x", 1)`,
  },
  {
    name: "pipe: duplicates of an end keep it open",
    script: `
      pipe2(fds(r, w), O_NONBLOCK)
      v = dup(w)
      close(w)
      read(r, room(1), 1)
      write(v, "x", 1)
      close(v)
      read(r, room(2), 2)
      read(r, room(2), 2)`,
  },
  {
    name: "pipe: a write that has to wait goes on when there is room",
    script: `
      pipe2(fds(r, w), 0)
      @1: write(w, fill(100000), 100000)
      ioctl(r, FIONREAD, outint())
      read(r, room(65536), 65536)
      settle()
      read(r, room(65536), 65536)
      join(1)`,
  },
  {
    name: "pipe: a write that has to wait loses its reader",
    script: `
      pipe2(fds(r, w), 0)
      @1: write(w, fill(100000), 100000)
      close(r)
      join(1)
      write(w, "x", 1)`,
  },
  {
    name: "pipe: a read that waits gets bytes, or the end",
    script: `
      pipe2(fds(r, w), 0)
      @1: read(r, room(9), 9)
      write(w, "now", 3)
      join(1)
      @2: read(r, room(9), 9)
      close(w)
      join(2)
      read(r, room(1), 1)`,
  },
  {
    name: "pipe: a read that waits is interrupted",
    script: `
      pipe2(fds(r, w), 0)
      read(r, room(1), 1)
      write(w, fill(65536), 65536)
      write(w, fill(10), 10)`,
  },
  {
    name: "eventfd: counting",
    script: `
      e = eventfd2(3, EFD_NONBLOCK)
      read(e, outlongs(1), 8)
      read(e, outlongs(1), 8)
      read(e, room(7), 7)
      write(e, longs(5), 8)
      write(e, longs(7), 7)
      write(e, longs(1, 2), 16)
      ppoll(pollfds(e:${ALL}), 1, longs(0, 0), NULL, 8)
      read(e, outlongs(1), 16)
      write(e, longs(-1), 8)
      write(e, longs(-2), 8)
      ppoll(pollfds(e:${ALL}), 1, longs(0, 0), NULL, 8)
      write(e, longs(1), 8)
      write(e, longs(0), 8)
      read(e, outlongs(1), 8)
      ppoll(pollfds(e:${ALL}), 1, longs(0, 0), NULL, 8)
      readv(e, iov(room(4), room(4)), 2)
      write(e, longs(2), 8)
      readv(e, iov(room(4), room(4)), 2)
      writev(e, iov(bytes("01000000"), bytes("00000000")), 2)
      read(e, outlongs(1), 8)
      write(e, BAD, 8)
      read(e, BAD, 8)`,
  },
  {
    name: "eventfd: a semaphore",
    script: `
      e = eventfd2(2, EFD_SEMAPHORE|EFD_NONBLOCK|EFD_CLOEXEC)
      fcntl(e, F_GETFD, 0)
      fcntl(e, F_GETFL, 0)
      read(e, outlongs(1), 8)
      read(e, outlongs(1), 8)
      read(e, outlongs(1), 8)
      eventfd2(0, 2)
      eventfd2(-1, 0)
      read(4, outlongs(1), 8)`,
  },
  {
    name: "eventfd: waiting",
    script: `
      e = eventfd2(0, 0)
      @1: read(e, outlongs(1), 8)
      write(e, longs(4), 8)
      join(1)
      write(e, longs(-2), 8)
      @2: write(e, longs(1), 8)
      read(e, outlongs(1), 8)
      join(2)
      read(e, outlongs(1), 8)
      read(e, outlongs(1), 8)`,
  },
];
