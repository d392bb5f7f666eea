/** sendmsg, recvmsg and their rows: vectors, names, flags, and what travels beside the bytes. */
import type { Scenario } from "../script.ts";
import { PAIR } from "./tcp.ts";

const DATAGRAMS = `
  r = socket(AF_INET, SOCK_DGRAM, 0)
  bind(r, in(127.0.0.1, 0), 16)
  s = socket(AF_INET, SOCK_DGRAM, 0)`;
const UNIX = "socketpair(AF_UNIX, SOCK_STREAM, 0, fds(a, b))";
const UNIX_DATAGRAMS = "socketpair(AF_UNIX, SOCK_DGRAM, 0, fds(a, b))";

export const messageScenarios: readonly Scenario[] = [
  {
    name: "messages: vectors over a stream",
    script: `${PAIR}
      sendmsg(c, msg(NULL, 0, iov("one", "two", "three"), 3, NULL, 0), 0)
      settle()
      recvmsg(s, msg(name(16), 16, iov(room(2), room(4), room(9)), 3, NULL, 0), 0)
      sendmsg(c, msg(NULL, 0, NULL, 0, NULL, 0), 0)
      recvmsg(s, msg(NULL, 0, NULL, 0, NULL, 0), MSG_DONTWAIT)
      recvmsg(s, msg(NULL, 0, iov(room(4)), 1, NULL, 0), MSG_DONTWAIT)
      sendmsg(c, msg(NULL, 0, iov("x"), 1025, NULL, 0), 0)
      sendmsg(c, msg(NULL, 0, iov(8:4), 1, NULL, 0), 0)
      sendmsg(c, msg(NULL, 0, iov("x", 8:-1), 2, NULL, 0), 0)
      sendmsg(c, msg(NULL, 0, BAD, 1, NULL, 0), 0)
      recvmsg(s, msg(NULL, 0, iov(room(4)), 1025, NULL, 0), MSG_DONTWAIT)
      recvmsg(s, msg(NULL, 0, BAD, 1, NULL, 0), MSG_DONTWAIT)
      writev(c, iov("a", "", "b"), 3)
      settle()
      readv(s, iov(room(1), room(0), room(9)), 3)`,
  },
  {
    name: "messages: vectors over datagrams",
    script: `${DATAGRAMS}
      sendmsg(s, msg(in(127.0.0.1, port(r)), 16, iov("one", "two"), 2, NULL, 0), 0)
      recvmsg(r, msg(name(16), 16, iov(room(2), room(2)), 2, NULL, 0), MSG_DONTWAIT)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 16, iov("one", "two"), 2, NULL, 0), 0)
      recvmsg(r, msg(name(16), 16, iov(room(2), room(2)), 2, NULL, 0), MSG_DONTWAIT|MSG_TRUNC)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 16, NULL, 0, NULL, 0), 0)
      recvmsg(r, msg(name(8), 8, iov(room(2)), 1, NULL, 0), MSG_DONTWAIT)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 16, iov("three"), 1, NULL, 0), 0)
      recvmsg(r, msg(NULL, 0, NULL, 0, NULL, 0), MSG_DONTWAIT|MSG_PEEK)
      recvmsg(r, msg(NULL, 0, iov(room(9)), 1, NULL, 0), MSG_DONTWAIT)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, NULL, 0), 0)
      sendmsg(s, msg(NULL, 16, iov("x"), 1, NULL, 0), 0)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 0, iov("x"), 1, NULL, 0), 0)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 8, iov("x"), 1, NULL, 0), 0)
      sendmsg(s, msg(in(127.0.0.1, port(r)), -1, iov("x"), 1, NULL, 0), 0)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 1000, iov("x"), 1, NULL, 0), 0)
      sendmsg(s, msg(BAD, 16, iov("x"), 1, NULL, 0), 0)
      recvmsg(r, msg(name(16), -1, iov(room(9)), 1, NULL, 0), MSG_DONTWAIT)`,
  },
  {
    name: "messages: wrong control messages",
    script: `${DATAGRAMS}
      connect(s, in(127.0.0.1, port(r)), 16)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, BAD, 24), 0)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, ints(4, 0, 1, 1), 16), 0)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, ints(100, 0, 1, 1), 16), 0)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, ints(16, 0, 1, 1), 4), 0)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, ints(16, 0, 4711, 1), 16), 0)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, ints(16, 0, 1, 4711), 16), 0)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, ints(16, 0, 0, 4711), 16), 0)
      sendmsg(s, msg(NULL, 0, iov("x"), 1, NULL, 16), 0)`,
  },
  {
    name: "messages: IP_PKTINFO and IP_RECVTTL",
    script: `${DATAGRAMS}
      setsockopt(r, IPPROTO_IP, IP_RECVTTL, ints(1), 4)
      setsockopt(s, IPPROTO_IP, IP_TTL, ints(77), 4)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 16, iov("x"), 1, NULL, 0), 0)
      recvmsg(r, msg(NULL, 0, iov(room(4)), 1, room(64), 64), MSG_DONTWAIT)
      sendmsg(s, msg(in(127.0.0.1, port(r)), 16, iov("x"), 1, NULL, 0), 0)
      recvmsg(r, msg(NULL, 0, iov(room(4)), 1, room(64), 8), MSG_DONTWAIT)`,
  },
  {
    name: "messages: descriptors over AF_UNIX",
    script: `${UNIX}
      f = openat(AT_FDCWD, "f", O_RDWR|O_CREAT, 0644)
      write(f, "content", 7)
      sendmsg(a, msg(NULL, 0, iov("with"), 1, rights(f), 20), 0)
      close(f)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 64), 0)
      lseek(5, 0, SEEK_SET)
      read(5, room(9), 9)
      fcntl(5, F_GETFD, 0)
      sendmsg(a, msg(NULL, 0, iov("two"), 1, rights(5, a), 24), 0)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 64), MSG_CMSG_CLOEXEC)
      fcntl(6, F_GETFD, 0)
      fcntl(7, F_GETFD, 0)
      sendmsg(a, msg(NULL, 0, iov("none"), 1, rights(99), 20), 0)
      sendmsg(a, msg(NULL, 0, iov("neg"), 1, rights(-1), 20), 0)
      sendmsg(a, msg(NULL, 0, iov("empty"), 1, rights(), 16), 0)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 64), MSG_DONTWAIT)`,
  },
  {
    name: "messages: descriptors that find no room",
    script: `${UNIX}
      sendmsg(a, msg(NULL, 0, iov("x"), 1, rights(a, b), 24), 0)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, NULL, 0), 0)
      sendmsg(a, msg(NULL, 0, iov("x"), 1, rights(a, b), 24), 0)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 20), 0)
      sendmsg(a, msg(NULL, 0, iov("x"), 1, rights(a, b), 24), 0)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 12), 0)
      sendmsg(a, msg(NULL, 0, iov("x"), 1, rights(a, b), 24), 0)
      read(b, room(9), 9)
      d = dup(a)`,
  },
  {
    name: "messages: descriptors and the bounds of messages",
    script: `${UNIX}
      write(a, "before", 6)
      sendmsg(a, msg(NULL, 0, iov("with"), 1, rights(a), 20), 0)
      write(a, "after", 5)
      recvmsg(b, msg(NULL, 0, iov(room(20)), 1, room(64), 64), MSG_DONTWAIT)
      recvmsg(b, msg(NULL, 0, iov(room(20)), 1, room(64), 64), MSG_DONTWAIT|MSG_PEEK)
      recvmsg(b, msg(NULL, 0, iov(room(2)), 1, room(64), 64), MSG_DONTWAIT)
      recvmsg(b, msg(NULL, 0, iov(room(20)), 1, room(64), 64), MSG_DONTWAIT)
      recvmsg(b, msg(NULL, 0, iov(room(20)), 1, room(64), 64), MSG_DONTWAIT)`,
  },
  {
    name: "messages: descriptors over datagrams",
    script: `${UNIX_DATAGRAMS}
      sendmsg(a, msg(NULL, 0, iov(""), 1, rights(a), 20), 0)
      recvmsg(b, msg(NULL, 0, iov(room(4)), 1, room(64), 64), MSG_DONTWAIT)
      pipe2(fds(r, w), 0)
      sendmsg(a, msg(NULL, 0, iov("w"), 1, rights(w), 20), 0)
      close(w)
      ppoll(pollfds(r:POLLIN), 1, longs(0, 0), NULL, 8)
      close(b)
      ppoll(pollfds(r:POLLIN), 1, longs(0, 0), NULL, 8)`,
  },
  {
    name: "messages: credentials",
    script: `${UNIX}
      setsockopt(b, SOL_SOCKET, SO_PASSCRED, ints(1), 4)
      write(a, "who", 3)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 64), MSG_DONTWAIT)
      ~p = getpid()
      sendmsg(a, msg(NULL, 0, iov("me"), 1, credentials(p, 0, 0), 28), 0)
      sendmsg(a, msg(NULL, 0, iov("short"), 1, credentials(p, 0), 24), 0)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 64), MSG_DONTWAIT)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, room(64), 64), MSG_DONTWAIT)`,
    needsRoot: true,
  },
  {
    name: "messages: sequenced packets",
    script: `socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds(a, b))
      sendmsg(a, msg(NULL, 0, iov("one"), 1, NULL, 0), MSG_EOR)
      sendmsg(a, msg(NULL, 0, iov("two"), 1, NULL, 0), 0)
      recvmsg(b, msg(NULL, 0, iov(room(2)), 1, NULL, 0), MSG_DONTWAIT)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, NULL, 0), MSG_DONTWAIT)
      write(a, "", 0)
      recvmsg(b, msg(NULL, 0, iov(room(9)), 1, NULL, 0), MSG_DONTWAIT)`,
  },
  {
    name: "messages: MSG_WAITALL",
    script: `${PAIR}
      write(s, "part", 4)
      settle()
      recvfrom(c, room(8), 8, MSG_WAITALL|MSG_DONTWAIT, NULL, NULL)
      write(s, "part", 4)
      settle()
      setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, longs(0, 20000), 16)
      recvfrom(c, room(8), 8, MSG_WAITALL, NULL, NULL)
      write(s, "last", 4)
      close(s)
      settle()
      recvfrom(c, room(8), 8, MSG_WAITALL, NULL, NULL)`,
  },
  {
    name: "messages: peeking and throwing away, over a stream",
    script: `${PAIR}
      write(s, "abcdef", 6)
      settle()
      recvfrom(c, room(3), 3, MSG_PEEK, NULL, NULL)
      recvfrom(c, room(9), 9, MSG_PEEK, NULL, NULL)
      recvfrom(c, room(3), 2, MSG_TRUNC, NULL, NULL)
      read(c, room(9), 9)
      recvfrom(c, room(9), 9, MSG_PEEK|MSG_DONTWAIT, NULL, NULL)`,
  },
  {
    name: "messages: rows",
    script: `${DATAGRAMS}
      sendmmsg(s, NULL, 0, 0)
      sendmmsg(s, BAD, 1, 0)
      recvmmsg(r, NULL, 0, MSG_DONTWAIT, NULL)
      recvmmsg(r, BAD, 1, MSG_DONTWAIT, NULL)
      recvmmsg(r, BAD, 1, MSG_DONTWAIT, longs(0, -1))
      recvmmsg(r, BAD, 1, MSG_DONTWAIT, BAD)
      sendmmsg(99, NULL, 0, 0)
      recvmmsg(99, NULL, 0, 0, NULL)`,
  },
];
