/** TCP: every call in every state of a socket. */
import type { Scenario } from "../script.ts";

/** A listener `l`. */
export const LISTENER = `
  l = socket(AF_INET, SOCK_STREAM, 0)
  bind(l, in(127.0.0.1, 0), 16)
  listen(l, 5)`;

/** A connection between `c` and `s`, and its listener `l`. */
export const PAIR = `${LISTENER}
  c = socket(AF_INET, SOCK_STREAM, 0)
  connect(c, in(127.0.0.1, port(l)), 16)
  s = accept4(l, NULL, NULL, 0)`;

/** `c` connects, not waiting, to where nobody listens: `b` holds the port. */
export const REFUSED = `
  b = socket(AF_INET, SOCK_STREAM, 0)
  bind(b, in(127.0.0.1, 0), 16)
  c = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)
  connect(c, in(127.0.0.1, port(b)), 16)
  settle()`;

const POLL_ALL = "POLLIN|POLLPRI|POLLOUT|POLLRDHUP|POLLRDNORM|POLLWRNORM";

/** The states that a TCP socket `x` can be in, and how it gets there. */
const states: Readonly<Record<string, string>> = {
  new: "x = socket(AF_INET, SOCK_STREAM, 0)",
  bound: "x = socket(AF_INET, SOCK_STREAM, 0)\nbind(x, in(127.0.0.1, 0), 16)",
  listening: `${LISTENER}\nx = fcntl(l, F_DUPFD, 0)`,
  "listening with a connection": `${LISTENER}
    c = socket(AF_INET, SOCK_STREAM, 0)
    connect(c, in(127.0.0.1, port(l)), 16)
    x = fcntl(l, F_DUPFD, 0)`,
  connected: `${PAIR}\nx = fcntl(c, F_DUPFD, 0)`,
  accepted: `${PAIR}\nx = fcntl(s, F_DUPFD, 0)`,
  "with data": `${PAIR}\nsendto(s, "hello", 5, 0, NULL, 0)\nx = fcntl(c, F_DUPFD, 0)`,
  "write side shut": `${PAIR}\nshutdown(c, SHUT_WR)\nx = fcntl(c, F_DUPFD, 0)`,
  "read side shut": `${PAIR}\nshutdown(c, SHUT_RD)\nx = fcntl(c, F_DUPFD, 0)`,
  "both sides shut": `${PAIR}\nshutdown(c, SHUT_RDWR)\nx = fcntl(c, F_DUPFD, 0)`,
  "peer shut": `${PAIR}\nshutdown(s, SHUT_WR)\nx = fcntl(c, F_DUPFD, 0)`,
  "peer shut with data": `${PAIR}\nsendto(s, "bye", 3, 0, NULL, 0)\nshutdown(s, SHUT_WR)\nx = fcntl(c, F_DUPFD, 0)`,
  "peer closed": `${PAIR}\nclose(s)\nx = fcntl(c, F_DUPFD, 0)`,
  "both shut writing": `${PAIR}\nshutdown(s, SHUT_WR)\nshutdown(c, SHUT_WR)\nx = fcntl(c, F_DUPFD, 0)`,
  "peer reset": `${PAIR}\nsetsockopt(s, SOL_SOCKET, SO_LINGER, ints(1, 0), 8)\nclose(s)\nx = fcntl(c, F_DUPFD, 0)`,
  "peer reset with data": `${PAIR}\nsendto(s, "lost", 4, 0, NULL, 0)
    setsockopt(s, SOL_SOCKET, SO_LINGER, ints(1, 0), 8)\nclose(s)\nx = fcntl(c, F_DUPFD, 0)`,
  "peer closed with unread data": `${PAIR}\nsendto(c, "unread", 6, 0, NULL, 0)\nclose(s)\nx = fcntl(c, F_DUPFD, 0)`,
  refused: `${REFUSED}\nx = fcntl(c, F_DUPFD, 0)`,
  disconnected: `${PAIR}\nconnect(c, in(0.0.0.0, 0, AF_UNSPEC), 16)\nx = fcntl(c, F_DUPFD, 0)`,
  "shut listener": `${LISTENER}\nshutdown(l, SHUT_RD)\nx = fcntl(l, F_DUPFD, 0)`,
};

/** What is done to it. Each starts from the state anew; the poll after it shows what has become of the socket. */
const actions: Readonly<Record<string, string>> = {
  poll: "",
  "bind again": "bind(x, in(127.0.0.1, 0), 16)",
  listen: "listen(x, 1)",
  accept: "fcntl(x, F_SETFL, O_NONBLOCK)\na = accept4(x, name(16), len(16), 0)",
  connect: `o = socket(AF_INET, SOCK_STREAM, 0)
    bind(o, in(127.0.0.1, 0), 16)
    listen(o, 1)
    connect(x, in(127.0.0.1, port(o)), 16)`,
  "connect to nowhere": "connect(x, in(0.0.0.0, 0, AF_UNSPEC), 16)",
  names: "getsockname(x, name(16), len(16))\ngetpeername(x, name(16), len(16))",
  send: 'sendto(x, "data", 4, 0, NULL, 0)\nsettle()\nsendto(x, "more", 4, 0, NULL, 0)\nsendto(x, "more", 4, MSG_NOSIGNAL, NULL, 0)',
  "send nothing": 'sendto(x, "", 0, 0, NULL, 0)\nwrite(x, "", 0)',
  "send to an address": 'sendto(x, "data", 4, 0, in(127.0.0.1, 9), 16)',
  write: 'write(x, "data", 4)\nsettle()\nwrite(x, "more", 4)',
  receive: `recvfrom(x, room(8), 8, MSG_DONTWAIT, name(16), len(16))
    recvfrom(x, room(8), 8, MSG_DONTWAIT, NULL, NULL)
    recvfrom(x, room(8), 8, MSG_DONTWAIT, NULL, NULL)`,
  "receive nothing": "recvfrom(x, room(8), 0, MSG_DONTWAIT, NULL, NULL)\nread(x, room(8), 0)",
  peek: "recvfrom(x, room(3), 3, MSG_DONTWAIT|MSG_PEEK, NULL, NULL)\nrecvfrom(x, room(8), 8, MSG_DONTWAIT|MSG_TRUNC, NULL, NULL)",
  read: "fcntl(x, F_SETFL, O_NONBLOCK)\nread(x, room(3), 3)\nread(x, room(3), 3)\nread(x, room(3), 3)",
  "urgent data": "recvfrom(x, room(8), 8, MSG_OOB|MSG_DONTWAIT, NULL, NULL)",
  "error queue": "recvfrom(x, room(8), 8, MSG_ERRQUEUE, NULL, NULL)",
  "shut reading": "shutdown(x, SHUT_RD)",
  "shut writing": "shutdown(x, SHUT_WR)",
  "shut both": "shutdown(x, SHUT_RDWR)",
  "shut twice": "shutdown(x, SHUT_RDWR)\nshutdown(x, SHUT_RDWR)",
  "shut wrongly": "shutdown(x, 3)\nshutdown(x, -1)",
  "pending error":
    "getsockopt(x, SOL_SOCKET, SO_ERROR, value(4), len(4))\ngetsockopt(x, SOL_SOCKET, SO_ERROR, value(4), len(4))",
  "is it listening": "getsockopt(x, SOL_SOCKET, SO_ACCEPTCONN, value(4), len(4))",
  counts: "ioctl(x, FIONREAD, outint())\nioctl(x, SIOCOUTQ, outint())",
};

const inStates: Scenario[] = Object.entries(states).flatMap(([state, before]) =>
  Object.entries(actions).map(([action, calls]) => ({
    name: `tcp ${state}: ${action}`,
    script: `${before}\nsettle()\n${calls}\nsettle()\nppoll(pollfds(x:${POLL_ALL}), 1, longs(0, 0), NULL, 8)`,
  })),
);

export const tcpScenarios: readonly Scenario[] = inStates;
