/** Calls that wait, and what ends the wait: a second thread does something to the same socket. */
import type { Scenario } from "../script.ts";
import { LISTENER, PAIR } from "./tcp.ts";

/** A call that waits on `x`, and how `x` and its peer `y` come about. */
const waits: Readonly<Record<string, readonly [string, string]>> = {
  "recv on TCP": [
    `${PAIR}\nx = fcntl(c, F_DUPFD, 0)\ny = fcntl(s, F_DUPFD, 0)`,
    "recvfrom(x, room(8), 8, 0, NULL, NULL)",
  ],
  "read on TCP": [`${PAIR}\nx = fcntl(c, F_DUPFD, 0)\ny = fcntl(s, F_DUPFD, 0)`, "read(x, room(8), 8)"],
  "recv of all on TCP": [
    `${PAIR}\nx = fcntl(c, F_DUPFD, 0)\ny = fcntl(s, F_DUPFD, 0)`,
    "recvfrom(x, room(8), 8, MSG_WAITALL, NULL, NULL)",
  ],
  "poll on TCP": [
    `${PAIR}\nx = fcntl(c, F_DUPFD, 0)\ny = fcntl(s, F_DUPFD, 0)`,
    "ppoll(pollfds(x:POLLIN|POLLRDHUP), 1, NULL, NULL, 8)",
  ],
  "recv on a stream of a pair": [
    "socketpair(AF_UNIX, SOCK_STREAM, 0, fds(x, y))",
    "recvfrom(x, room(8), 8, 0, NULL, NULL)",
  ],
  "recv on datagrams of a pair": [
    "socketpair(AF_UNIX, SOCK_DGRAM, 0, fds(x, y))",
    "recvfrom(x, room(8), 8, 0, NULL, NULL)",
  ],
  "recv on connected UDP": [
    `y = socket(AF_INET, SOCK_DGRAM, 0)\nbind(y, in(127.0.0.1, 0), 16)
    x = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(y)), 16)\nconnect(y, in(127.0.0.1, port(x)), 16)`,
    "recvfrom(x, room(8), 8, 0, NULL, NULL)",
  ],
};

const events: Readonly<Record<string, string>> = {
  "bytes arrive": 'write(y, "bytes", 5)',
  "the peer shuts writing": "shutdown(y, SHUT_WR)",
  "the peer closes": "close(s)\nclose(y)",
  "reading is shut": "shutdown(x, SHUT_RD)",
  "both are shut": "shutdown(x, SHUT_RDWR)",
  "the descriptor is closed": 'k = dup(x)\nclose(x)\nwrite(y, "late", 4)',
  "the peer resets": "setsockopt(y, SOL_SOCKET, SO_LINGER, ints(1, 0), 8)\nclose(s)\nclose(y)",
};

const woken: Scenario[] = Object.entries(waits).flatMap(([wait, [before, call]]) =>
  Object.entries(events).map(([event, calls]) => ({
    name: `waiting: ${wait} while ${event}`,
    script: `${before}\n@1: ${call}\n${calls}\njoin(1)`,
  })),
);

export const waitingScenarios: readonly Scenario[] = [
  ...woken,
  {
    name: "waiting: accept until someone comes",
    script: `${LISTENER}
      @1: accept4(l, name(16), len(16), 0)
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(l)), 16)
      join(1)`,
  },
  {
    name: "waiting: accept while the listener is shut",
    script: `${LISTENER}
      @1: accept4(l, name(16), len(16), 0)
      shutdown(l, SHUT_RD)
      join(1)`,
  },
  {
    name: "waiting: accept while the listener's descriptor is closed",
    script: `${LISTENER}
      k = dup(l)
      @1: accept4(l, name(16), len(16), 0)
      close(l)
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(k)), 16)
      join(1)`,
  },
  {
    name: "waiting: two in accept",
    script: `${LISTENER}
      @1: accept4(l, NULL, NULL, 0)
      @2: accept4(l, NULL, NULL, 0)
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(l)), 16)
      settle()
      ~shutdown(l, SHUT_RD)`,
  },
  {
    name: "waiting: send until there is room",
    script: `socketpair(AF_UNIX, SOCK_STREAM, 0, fds(x, y))
      @1: sendto(x, fill(400000), 400000, 0, NULL, 0)
      ~read(y, room(1), 1)
      recvfrom(y, room(399999), 399999, MSG_WAITALL, NULL, NULL)
      join(1)`,
  },
  {
    name: "waiting: send to a peer that goes",
    script: `socketpair(AF_UNIX, SOCK_STREAM, 0, fds(x, y))
      @1: sendto(x, fill(400000), 400000, MSG_NOSIGNAL, NULL, 0)
      close(y)
      settle()
      sendto(x, "x", 1, MSG_NOSIGNAL, NULL, 0)`,
  },
  {
    name: "waiting: connect on AF_UNIX until there is room",
    script: `
      l = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(l, un("l"), 4)
      listen(l, 0)
      a = socket(AF_UNIX, SOCK_STREAM, 0)
      connect(a, un("l"), 4)
      b = socket(AF_UNIX, SOCK_STREAM, 0)
      @1: connect(b, un("l"), 4)
      accept(l, NULL, NULL)
      join(1)`,
  },
  {
    name: "waiting: connect on AF_UNIX until the listener goes",
    script: `
      l = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(l, un("l"), 4)
      listen(l, 0)
      a = socket(AF_UNIX, SOCK_STREAM, 0)
      connect(a, un("l"), 4)
      b = socket(AF_UNIX, SOCK_STREAM, 0)
      @1: connect(b, un("l"), 4)
      close(l)
      join(1)`,
  },
  {
    name: "waiting: close that lingers",
    script: `${PAIR}
      setsockopt(c, SOL_SOCKET, SO_LINGER, ints(1, 1), 8)
      write(c, "bytes", 5)
      close(c)
      read(s, room(9), 9)
      read(s, room(9), 9)`,
  },
  {
    name: "waiting: everything that waits is interrupted",
    script: `${PAIR}
      read(c, room(1), 1)
      recvfrom(c, room(1), 1, 0, NULL, NULL)
      accept(l, NULL, NULL)
      ppoll(pollfds(c:POLLIN), 1, NULL, NULL, 8)
      e = epoll_create1(0)
      epoll_pwait(e, events(1), 1, -1, NULL, 8)
      recvmsg(c, msg(NULL, 0, iov(room(1)), 1, NULL, 0), 0)`,
  },
];
