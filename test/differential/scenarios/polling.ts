/** poll, select and epoll: their own errors, and what they report when. */
import type { Scenario } from "../script.ts";
import { LISTENER, PAIR, REFUSED } from "./tcp.ts";

const ALL = "EPOLLIN|EPOLLPRI|EPOLLOUT|EPOLLRDHUP";

/** Things that happen to `x` one after another; after each, what epoll reports. */
const stories: Readonly<Record<string, readonly string[]>> = {
  "a connection": [
    `${LISTENER}\nx = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)`,
    "connect(x, in(127.0.0.1, port(l)), 16)",
    "s = accept(l, NULL, NULL)",
    'write(s, "abc", 3)',
    "read(x, room(2), 2)",
    'write(s, "def", 3)',
    "read(x, room(9), 9)",
    "shutdown(s, SHUT_WR)",
    "read(x, room(9), 9)",
    "shutdown(x, SHUT_WR)",
  ],
  "a listener": [
    `${LISTENER}\nx = fcntl(l, F_DUPFD, 0)\nc = socket(AF_INET, SOCK_STREAM, 0)`,
    "connect(c, in(127.0.0.1, port(l)), 16)",
    "s = accept(l, NULL, NULL)",
    "shutdown(l, SHUT_RD)",
  ],
  "a refused connection": [REFUSED.replaceAll(/\bc\b/g, "x"), "getsockopt(x, SOL_SOCKET, SO_ERROR, value(4), len(4))"],
  "a reset connection": [
    `${PAIR}\nx = fcntl(c, F_DUPFD, 0)`,
    "setsockopt(s, SOL_SOCKET, SO_LINGER, ints(1, 0), 8)",
    "close(s)",
    "read(x, room(1), 1)",
    "read(x, room(1), 1)",
  ],
  "a pipe's reader": [
    "pipe2(fds(x, w), O_NONBLOCK)",
    'write(w, "ab", 2)',
    "read(x, room(1), 1)",
    "close(w)",
    "read(x, room(1), 1)",
  ],
  "a pipe's writer": [
    "pipe2(fds(r, x), O_NONBLOCK)",
    "write(x, fill(65536), 65536)",
    "read(r, room(1), 1)",
    "read(r, room(4096), 4096)",
    "close(r)",
  ],
  "an eventfd": [
    "x = eventfd2(0, EFD_NONBLOCK)",
    "write(x, longs(1), 8)",
    "read(x, outlongs(1), 8)",
    "write(x, longs(-2), 8)",
  ],
  "a stream of a pair": [
    "socketpair(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0, fds(x, y))",
    'write(y, "ab", 2)',
    "read(x, room(1), 1)",
    "shutdown(y, SHUT_WR)",
    "read(x, room(9), 9)",
    "close(y)",
  ],
  "a UDP socket": [
    "x = socket(AF_INET, SOCK_DGRAM|SOCK_NONBLOCK, 0)\nbind(x, in(127.0.0.1, 0), 16)",
    'sendto(x, "a", 1, 0, in(127.0.0.1, port(x)), 16)',
    'sendto(x, "b", 1, 0, in(127.0.0.1, port(x)), 16)',
    "read(x, room(1), 1)",
    "read(x, room(1), 1)",
  ],
};

const modes: Readonly<Record<string, string>> = { level: "0", edge: "EPOLLET", once: "EPOLLONESHOT" };

const watched: Scenario[] = Object.entries(stories).flatMap(([what, [first, ...steps]]) =>
  Object.entries(modes).map(([mode, flag]) => ({
    name: `epoll ${mode}: ${what}`,
    script: `e = epoll_create1(0)
      ${first}
      epoll_ctl(e, EPOLL_CTL_ADD, x, event(${ALL}|${flag}, 9))
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      ${steps.map((step) => `${step}\nsettle()\nepoll_pwait(e, events(4), 4, 0, NULL, 8)`).join("\n")}
      epoll_ctl(e, EPOLL_CTL_MOD, x, event(${ALL}|${flag}, 10))
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      close(x)
      epoll_pwait(e, events(4), 4, 0, NULL, 8)`,
  })),
);

export const pollingScenarios: readonly Scenario[] = [
  ...watched,
  {
    name: "poll: wrong arguments",
    script: `
      e = eventfd2(1, 0)
      ppoll(NULL, 0, longs(0, 0), NULL, 8)
      ppoll(BAD, 1, longs(0, 0), NULL, 8)
      ppoll(pollfds(e:POLLIN), 65, longs(0, 0), NULL, 8)
      ppoll(pollfds(e:POLLIN), -1, longs(0, 0), NULL, 8)
      ppoll(pollfds(e:POLLIN), 1, longs(0, -1), NULL, 8)
      ppoll(pollfds(e:POLLIN), 1, longs(-1, 0), NULL, 8)
      ppoll(pollfds(e:POLLIN), 1, longs(0, 1000000000), NULL, 8)
      ppoll(pollfds(e:POLLIN), 1, BAD, NULL, 8)
      ppoll(pollfds(e:POLLIN), 1, longs(0, 0), longs(0), 4)
      ppoll(pollfds(e:POLLIN), 1, longs(0, 0), BAD, 8)
      ppoll(pollfds(e:POLLIN), 1, longs(0, 0), NULL, 3)
      ppoll(pollfds(-1:POLLIN, 63:POLLIN, e:0, e:POLLIN), 4, NULL, NULL, 8)
      ppoll(pollfds(e:POLLOUT), 1, longs(0, 1000000), longs(0), 8)
      ppoll(NULL, 0, longs(0, 1000000), NULL, 8)`,
  },
  {
    name: "poll: waiting",
    script: `
      e = eventfd2(0, 0)
      ppoll(pollfds(e:POLLIN), 1, longs(0, 1000000), NULL, 8)
      ppoll(pollfds(e:POLLIN), 1, NULL, NULL, 8)
      @1: ppoll(pollfds(e:POLLIN), 1, NULL, NULL, 8)
      write(e, longs(1), 8)
      join(1)`,
  },
  {
    name: "poll: a descriptor is closed meanwhile",
    script: `
      pipe2(fds(r, w), 0)
      @1: ppoll(pollfds(r:POLLIN), 1, longs(0, 60000000), NULL, 8)
      close(r)
      join(1)
      write(w, "x", 1)`,
  },
  {
    name: "select: wrong arguments",
    script: `
      e = eventfd2(1, 0)
      pselect6(-1, NULL, NULL, NULL, longs(0, 0), NULL)
      pselect6(0, NULL, NULL, NULL, longs(0, 0), NULL)
      pselect6(64, BAD, NULL, NULL, longs(0, 0), NULL)
      pselect6(64, set(e), NULL, NULL, BAD, NULL)
      pselect6(64, set(e), NULL, NULL, longs(0, -1), NULL)
      pselect6(64, set(e), NULL, NULL, longs(-1, 0), NULL)
      pselect6(64, set(e), NULL, NULL, longs(0, 0), BAD)
      pselect6(64, set(e), NULL, NULL, longs(0, 0), longs(0, 0))
      pselect6(64, set(e), NULL, NULL, longs(0, 0), longs(8, 8))
      pselect6(64, set(e, 50), NULL, NULL, longs(0, 0), NULL)
      pselect6(4, set(e, 50), NULL, NULL, longs(0, 0), NULL)
      pselect6(3, set(e), NULL, NULL, longs(0, 0), NULL)
      pselect6(100000, set(e), NULL, NULL, longs(0, 0), NULL)
      pselect6(64, set(e), set(e), set(e), longs(0, 0), NULL)
      read(e, outlongs(1), 8)
      pselect6(64, set(e), NULL, NULL, longs(0, 1000000), NULL)
      pselect6(64, set(e), set(e), NULL, NULL, NULL)`,
  },
  {
    name: "epoll: wrong arguments",
    script: `
      epoll_create1(1)
      e = epoll_create1(EPOLL_CLOEXEC)
      fcntl(e, F_GETFD, 0)
      v = eventfd2(1, 0)
      epoll_ctl(e, EPOLL_CTL_ADD, 60, event(EPOLLIN, 1))
      epoll_ctl(60, EPOLL_CTL_ADD, v, event(EPOLLIN, 1))
      epoll_ctl(v, EPOLL_CTL_ADD, v, event(EPOLLIN, 1))
      epoll_ctl(v, EPOLL_CTL_ADD, e, event(EPOLLIN, 1))
      epoll_ctl(e, EPOLL_CTL_ADD, e, event(EPOLLIN, 1))
      epoll_ctl(e, 4, v, event(EPOLLIN, 1))
      epoll_ctl(e, 0, v, event(EPOLLIN, 1))
      epoll_ctl(e, EPOLL_CTL_ADD, v, BAD)
      epoll_ctl(e, EPOLL_CTL_ADD, 60, BAD)
      epoll_ctl(e, EPOLL_CTL_MOD, v, event(EPOLLIN, 1))
      epoll_ctl(e, EPOLL_CTL_DEL, v, BAD)
      epoll_ctl(e, EPOLL_CTL_ADD, v, event(0, 5))
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      epoll_ctl(e, EPOLL_CTL_ADD, v, event(EPOLLIN, 5))
      epoll_ctl(e, EPOLL_CTL_MOD, v, event(EPOLLIN, 6))
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      epoll_pwait(e, BAD, 4, 0, NULL, 8)
      epoll_pwait(e, events(4), 0, 0, NULL, 8)
      epoll_pwait(e, events(4), -1, 0, NULL, 8)
      epoll_pwait(v, events(4), 4, 0, NULL, 8)
      epoll_pwait(60, events(4), 4, 0, NULL, 8)
      epoll_pwait(e, events(4), 4, 0, longs(0), 4)
      epoll_pwait(e, events(4), 4, 0, longs(0), 8)
      epoll_pwait(e, events(4), 4, 0, BAD, 8)
      epoll_pwait2(e, events(4), 4, longs(0, -1), NULL, 8)
      epoll_pwait2(e, events(4), 4, longs(0, 0), NULL, 8)
      epoll_pwait2(e, events(4), 4, BAD, NULL, 8)
      read(v, outlongs(1), 8)
      epoll_pwait(e, events(4), 4, 10, NULL, 8)
      epoll_pwait(e, events(4), 4, -1, NULL, 8)
      epoll_pwait(e, events(4), 4, -2, NULL, 8)`,
  },
  {
    name: "epoll: exclusive waits",
    script: `
      e = epoll_create1(0)
      v = eventfd2(1, 0)
      epoll_ctl(e, EPOLL_CTL_ADD, v, event(EPOLLIN|EPOLLEXCLUSIVE|EPOLLONESHOT, 1))
      epoll_ctl(e, EPOLL_CTL_ADD, v, event(EPOLLIN|EPOLLEXCLUSIVE|EPOLLRDHUP, 1))
      epoll_ctl(e, EPOLL_CTL_ADD, v, event(EPOLLIN|EPOLLEXCLUSIVE|EPOLLET, 1))
      epoll_ctl(e, EPOLL_CTL_MOD, v, event(EPOLLIN|EPOLLEXCLUSIVE, 1))
      epoll_ctl(e, EPOLL_CTL_MOD, v, event(EPOLLIN, 1))
      epoll_ctl(e, EPOLL_CTL_DEL, v, NULL)
      f = epoll_create1(0)
      epoll_ctl(e, EPOLL_CTL_ADD, f, event(EPOLLIN|EPOLLEXCLUSIVE, 1))`,
  },
  {
    name: "epoll: sets in sets",
    script: `
      a = epoll_create1(0)
      b = epoll_create1(0)
      v = eventfd2(0, 0)
      epoll_ctl(a, EPOLL_CTL_ADD, b, event(EPOLLIN, 1))
      epoll_ctl(b, EPOLL_CTL_ADD, a, event(EPOLLIN, 1))
      epoll_ctl(b, EPOLL_CTL_ADD, v, event(EPOLLIN, 2))
      epoll_pwait(a, events(4), 4, 0, NULL, 8)
      write(v, longs(1), 8)
      epoll_pwait(a, events(4), 4, 0, NULL, 8)
      ppoll(pollfds(a:POLLIN, b:POLLIN), 2, longs(0, 0), NULL, 8)
      epoll_pwait(b, events(4), 4, 0, NULL, 8)
      read(v, outlongs(1), 8)
      epoll_pwait(a, events(4), 4, 0, NULL, 8)
      ppoll(pollfds(a:POLLIN, b:POLLIN), 2, longs(0, 0), NULL, 8)
      c = epoll_create1(0)
      d = epoll_create1(0)
      f = epoll_create1(0)
      g = epoll_create1(0)
      epoll_ctl(c, EPOLL_CTL_ADD, a, event(EPOLLIN, 1))
      epoll_ctl(d, EPOLL_CTL_ADD, c, event(EPOLLIN, 1))
      epoll_ctl(f, EPOLL_CTL_ADD, d, event(EPOLLIN, 1))
      epoll_ctl(g, EPOLL_CTL_ADD, f, event(EPOLLIN, 1))`,
  },
  {
    name: "epoll: duplicates of a descriptor",
    script: `
      e = epoll_create1(0)
      v = eventfd2(1, 0)
      w = dup(v)
      epoll_ctl(e, EPOLL_CTL_ADD, v, event(EPOLLIN, 1))
      epoll_ctl(e, EPOLL_CTL_ADD, w, event(EPOLLIN, 2))
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      close(v)
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      epoll_ctl(e, EPOLL_CTL_DEL, v, NULL)
      epoll_ctl(e, EPOLL_CTL_DEL, w, NULL)
      epoll_pwait(e, events(4), 4, 0, NULL, 8)
      close(w)
      epoll_pwait(e, events(4), 4, 0, NULL, 8)`,
  },
  {
    name: "epoll: more events than asked for take turns",
    script: `
      e = epoll_create1(0)
      a = eventfd2(1, 0)
      b = eventfd2(1, 0)
      c = eventfd2(1, 0)
      epoll_ctl(e, EPOLL_CTL_ADD, a, event(EPOLLIN, 1))
      epoll_ctl(e, EPOLL_CTL_ADD, b, event(EPOLLIN, 2))
      epoll_ctl(e, EPOLL_CTL_ADD, c, event(EPOLLIN, 3))
      epoll_pwait(e, events(2), 2, 0, NULL, 8)
      epoll_pwait(e, events(2), 2, 0, NULL, 8)
      epoll_pwait(e, events(2), 2, 0, NULL, 8)
      epoll_pwait(e, events(4), 4, 0, NULL, 8)`,
  },
  {
    name: "epoll: a wait that ends",
    script: `
      e = epoll_create1(0)
      v = eventfd2(0, 0)
      epoll_ctl(e, EPOLL_CTL_ADD, v, event(EPOLLIN|EPOLLET, 1))
      @1: epoll_pwait(e, events(4), 4, -1, NULL, 8)
      write(v, longs(1), 8)
      join(1)
      @2: epoll_pwait(e, events(4), 4, -1, NULL, 8)
      write(v, longs(1), 8)
      join(2)
      @3: epoll_pwait(e, events(4), 4, 60, NULL, 8)
      epoll_ctl(e, EPOLL_CTL_MOD, v, event(EPOLLIN|EPOLLET, 2))
      join(3)`,
  },
];
