/** AF_UNIX: every call in every state of streams, datagrams and sequenced packets; names in the file system and abstract ones. */
import type { Scenario } from "../script.ts";

const ALL = "POLLIN|POLLPRI|POLLOUT|POLLRDHUP|POLLRDNORM|POLLWRNORM";

/** States of `x` for the kinds that connect; KIND stands for the type. */
const connected: Readonly<Record<string, string>> = {
  new: "x = socket(AF_UNIX, KIND, 0)",
  bound: 'x = socket(AF_UNIX, KIND, 0)\nbind(x, un("x"), 4)',
  listening: 'x = socket(AF_UNIX, KIND, 0)\nbind(x, un("x"), 4)\nlisten(x, 1)',
  "listening with a connection": `x = socket(AF_UNIX, KIND, 0)\nbind(x, un("x"), 4)\nlisten(x, 1)
    c = socket(AF_UNIX, KIND, 0)\nconnect(c, un("x"), 4)\nsendto(c, "early", 5, 0, NULL, 0)`,
  "of a pair": "socketpair(AF_UNIX, KIND, 0, fds(x, y))",
  "with data": 'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(y, "hello", 5)\nwrite(y, "again", 5)',
  "shut for writing": "socketpair(AF_UNIX, KIND, 0, fds(x, y))\nshutdown(x, SHUT_WR)",
  "shut for reading": 'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(y, "left", 4)\nshutdown(x, SHUT_RD)',
  "shut for both": "socketpair(AF_UNIX, KIND, 0, fds(x, y))\nshutdown(x, SHUT_RDWR)",
  "whose peer is shut for writing":
    'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(y, "last", 4)\nshutdown(y, SHUT_WR)',
  "whose peer is shut for reading": "socketpair(AF_UNIX, KIND, 0, fds(x, y))\nshutdown(y, SHUT_RD)",
  "whose peer has closed": 'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(y, "bye", 3)\nclose(y)',
  "whose peer has closed with unread data": 'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(x, "unread", 6)\nclose(y)',
  "whose listener has closed": `l = socket(AF_UNIX, KIND, 0)\nbind(l, un("l"), 4)\nlisten(l, 1)
    x = socket(AF_UNIX, KIND, 0)\nconnect(x, un("l"), 4)\nclose(l)`,
  accepted: `l = socket(AF_UNIX, KIND, 0)\nbind(l, un("l"), 4)\nlisten(l, 1)
    c = socket(AF_UNIX, KIND, 0)\nconnect(c, un("l"), 4)\nx = accept(l, NULL, NULL)`,
};

const datagram: Readonly<Record<string, string>> = {
  new: "x = socket(AF_UNIX, KIND, 0)",
  bound: 'x = socket(AF_UNIX, KIND, 0)\nbind(x, un("x"), 4)',
  "of a pair": "socketpair(AF_UNIX, KIND, 0, fds(x, y))",
  "with data": 'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(y, "hello", 5)\nwrite(y, "", 0)',
  "with data of a stranger": `x = socket(AF_UNIX, KIND, 0)\nbind(x, un("x"), 4)\nc = socket(AF_UNIX, KIND, 0)
    sendto(c, "hello", 5, 0, un("x"), 4)\nbind(c, un("c"), 4)\nsendto(c, "named", 5, 0, un("x"), 4)`,
  connected: 'p = socket(AF_UNIX, KIND, 0)\nbind(p, un("p"), 4)\nx = socket(AF_UNIX, KIND, 0)\nconnect(x, un("p"), 4)',
  "shut for writing": "socketpair(AF_UNIX, KIND, 0, fds(x, y))\nshutdown(x, SHUT_WR)",
  "shut for reading": 'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(y, "left", 4)\nshutdown(x, SHUT_RD)',
  "whose peer is shut for reading": "socketpair(AF_UNIX, KIND, 0, fds(x, y))\nshutdown(y, SHUT_RD)",
  "whose peer is shut for writing": "socketpair(AF_UNIX, KIND, 0, fds(x, y))\nshutdown(y, SHUT_WR)",
  "whose peer has closed": 'socketpair(AF_UNIX, KIND, 0, fds(x, y))\nwrite(y, "bye", 3)\nclose(y)',
  "whose named peer has closed": `p = socket(AF_UNIX, KIND, 0)\nbind(p, un("p"), 4)\nx = socket(AF_UNIX, KIND, 0)
    connect(x, un("p"), 4)\nclose(p)`,
  dissolved: `p = socket(AF_UNIX, KIND, 0)\nbind(p, un("p"), 4)\nx = socket(AF_UNIX, KIND, 0)
    connect(x, un("p"), 4)\nconnect(x, in(0.0.0.0, 0, AF_UNSPEC), 16)`,
};

const actions: Readonly<Record<string, string>> = {
  poll: "",
  bind: 'bind(x, un("new"), 6)\ngetsockname(x, name(110), len(110))',
  listen: "listen(x, 1)\nlisten(x, -1)",
  accept: "fcntl(x, F_SETFL, O_NONBLOCK)\na = accept4(x, name(110), len(110), 0)\ngetsockname(a, name(110), len(110))",
  connect: `o = socket(AF_UNIX, KIND, 0)\nbind(o, un("o"), 4)\nconnect(x, un("o"), 4)\nlisten(o, 0)\nconnect(x, un("o"), 4)
    getpeername(x, name(110), len(110))`,
  "connect to nobody": `connect(x, un("none"), 7)\nconnect(x, un("\\0none"), 7)\nopenat(AT_FDCWD, "file", O_CREAT|O_RDWR, 0644)
    connect(x, un("file"), 7)\nconnect(x, un("."), 4)\nconnect(x, un("file/x"), 9)`,
  "connect to another type": `o = socket(AF_UNIX, OTHER, 0)\nbind(o, un("o"), 4)\nlisten(o, 1)\nconnect(x, un("o"), 4)
    sendto(x, "x", 1, MSG_NOSIGNAL, un("o"), 4)`,
  dissolve: "connect(x, in(0.0.0.0, 0, AF_UNSPEC), 16)\ngetpeername(x, name(110), len(110))",
  names: "getsockname(x, name(110), len(110))\ngetpeername(x, name(110), len(110))",
  write: 'write(x, "data", 4)\nwrite(x, "", 0)\nsendto(x, "more", 4, MSG_NOSIGNAL, NULL, 0)',
  "send to an address": `o = socket(AF_UNIX, KIND, 0)\nbind(o, un("o"), 4)\nsendto(x, "data", 4, MSG_NOSIGNAL, un("o"), 4)
    sendto(x, "data", 4, MSG_NOSIGNAL, un("none"), 7)`,
  "send urgently": 'sendto(x, "!", 1, MSG_OOB|MSG_NOSIGNAL, NULL, 0)',
  "send too much": `fcntl(x, F_SETFL, O_NONBLOCK)\nsetsockopt(x, SOL_SOCKET, SO_SNDBUF, ints(4096), 4)
    sendto(x, fill(300000), 300000, MSG_NOSIGNAL, NULL, 0)`,
  receive: `recvfrom(x, room(3), 3, MSG_DONTWAIT, name(110), len(110))
    recvfrom(x, room(8), 8, MSG_DONTWAIT, name(110), len(110))
    recvfrom(x, room(8), 8, MSG_DONTWAIT, name(110), len(110))
    recvfrom(x, room(8), 8, MSG_DONTWAIT, NULL, NULL)`,
  peek: `recvfrom(x, room(2), 2, MSG_DONTWAIT|MSG_PEEK, NULL, NULL)
    recvfrom(x, room(2), 2, MSG_DONTWAIT|MSG_PEEK|MSG_TRUNC, NULL, NULL)
    recvfrom(x, room(20), 20, MSG_DONTWAIT|MSG_WAITALL, NULL, NULL)
    recvfrom(x, room(20), 20, MSG_DONTWAIT, NULL, NULL)`,
  "receive and wait":
    "setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(0, 5000), 16)\nread(x, room(8), 8)\nread(x, room(8), 8)\nread(x, room(8), 8)",
  "urgent data": "recvfrom(x, room(8), 8, MSG_OOB|MSG_DONTWAIT, NULL, NULL)",
  "shut reading": "shutdown(x, SHUT_RD)\nfcntl(x, F_SETFL, O_NONBLOCK)\nread(x, room(9), 9)\nread(x, room(9), 9)",
  "shut writing": 'shutdown(x, SHUT_WR)\nwrite(x, "x", 1)',
  "shut both": "shutdown(x, SHUT_RDWR)\nshutdown(x, SHUT_RDWR)",
  "pending error":
    "getsockopt(x, SOL_SOCKET, SO_ERROR, value(4), len(4))\ngetsockopt(x, SOL_SOCKET, SO_ERROR, value(4), len(4))",
  counts: "ioctl(x, FIONREAD, outint())\nioctl(x, SIOCOUTQ, outint())",
  who: "getsockopt(x, SOL_SOCKET, SO_ACCEPTCONN, value(4), len(4))\ngetsockopt(x, SOL_SOCKET, SO_PASSCRED, value(4), len(4))",
};

const kinds: readonly [string, string, Readonly<Record<string, string>>, string][] = [
  ["stream", "SOCK_STREAM", connected, "SOCK_SEQPACKET"],
  ["packets", "SOCK_SEQPACKET", connected, "SOCK_STREAM"],
  ["datagrams", "SOCK_DGRAM", datagram, "SOCK_STREAM"],
];

const inStates: Scenario[] = kinds.flatMap(([kind, type, states, other]) =>
  Object.entries(states).flatMap(([state, before]) =>
    Object.entries(actions).map(([action, calls]) => ({
      name: `unix ${kind} ${state}: ${action}`,
      script: `${before}\n${calls}\nppoll(pollfds(x:${ALL}), 1, longs(0, 0), NULL, 8)`
        .replaceAll("KIND", type)
        .replaceAll("OTHER", other),
    })),
  ),
);

const names: Scenario[] = [
  {
    name: "unix names: pathnames",
    script: `
      a = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(a, un("name\\0hidden"), 13)
      getsockname(a, name(110), len(110))
      ~newfstatat(AT_FDCWD, "name", room(256), 0)
      faccessat(AT_FDCWD, "name", F_OK)
      openat(AT_FDCWD, "name", O_RDWR, 0)
      openat(AT_FDCWD, "name", O_PATH, 0)
      b = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(b, un("name"), 7)
      bind(b, un(""), 2)
      ~getsockname(b, room(110), ints(110))
      c = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(c, un("none/name"), 12)
      bind(c, un("name/name"), 12)
      mkdirat(AT_FDCWD, "d", 0755)
      bind(c, un("d"), 4)
      bind(c, un("d/"), 5)
      symlinkat("dangling", AT_FDCWD, "link")
      bind(c, un("link"), 7)
      bind(c, un("d/sock"), 9)
      unlinkat(AT_FDCWD, "name", 0)
      d = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(d, un("name"), 7)
      listen(d, 1)
      listen(a, 1)
      e = socket(AF_UNIX, SOCK_STREAM, 0)
      connect(e, un("name"), 7)
      getpeername(e, name(110), len(110))
      renameat2(AT_FDCWD, "name", AT_FDCWD, "renamed", 0)
      f = socket(AF_UNIX, SOCK_STREAM, 0)
      connect(f, un("name"), 7)
      connect(f, un("renamed"), 10)
      close(d)
      faccessat(AT_FDCWD, "renamed", F_OK)
      g = socket(AF_UNIX, SOCK_STREAM, 0)
      connect(g, un("renamed"), 10)`,
  },
  {
    name: "unix names: without a NUL at the end",
    script: `
      a = socket(AF_UNIX, SOCK_DGRAM, 0)
      bind(a, un("abc"), 5)
      getsockname(a, name(110), len(110))
      b = socket(AF_UNIX, SOCK_DGRAM, 0)
      bind(b, un("abc"), 6)
      connect(b, un("abc"), 5)
      connect(b, un("abc"), 6)
      connect(b, un("abcd"), 5)
      connect(b, un("ab"), 4)`,
  },
  {
    name: "unix names: abstract ones",
    script: `
      a = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(a, un("\\0akuma differential\\0\\0"), 23)
      getsockname(a, name(110), len(110))
      listen(a, 1)
      b = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(b, un("\\0akuma differential\\0\\0"), 23)
      connect(b, un("\\0akuma differential\\0"), 22)
      connect(b, un("\\0akuma differential\\0\\0"), 23)
      getpeername(b, name(110), len(110))
      c = socket(AF_UNIX, SOCK_DGRAM, 0)
      bind(c, un("\\0akuma differential\\0\\0"), 23)
      close(a)
      d = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(d, un("\\0akuma differential\\0\\0"), 23)`,
  },
  {
    name: "unix names: a queue of connections that is full",
    script: `
      l = socket(AF_UNIX, SOCK_STREAM, 0)
      bind(l, un("l"), 4)
      listen(l, 1)
      a = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0)
      connect(a, un("l"), 4)
      b = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0)
      connect(b, un("l"), 4)
      c = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK, 0)
      connect(c, un("l"), 4)
      ppoll(pollfds(c:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 8)
      accept(l, NULL, NULL)
      connect(c, un("l"), 4)
      write(a, "a", 1)
      write(c, "c", 1)`,
  },
  {
    name: "unix names: datagrams of those who are connected to someone else",
    script: `
      p = socket(AF_UNIX, SOCK_DGRAM, 0)
      bind(p, un("p"), 4)
      q = socket(AF_UNIX, SOCK_DGRAM, 0)
      bind(q, un("q"), 4)
      connect(p, un("q"), 4)
      a = socket(AF_UNIX, SOCK_DGRAM, 0)
      connect(a, un("p"), 4)
      sendto(a, "x", 1, 0, un("p"), 4)
      sendto(q, "x", 1, 0, un("p"), 4)
      recvfrom(p, room(4), 4, MSG_DONTWAIT, name(110), len(110))`,
  },
];

export const unixScenarios: readonly Scenario[] = [...inStates, ...names];
