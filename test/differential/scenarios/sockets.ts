/** Sockets as such: making them, names, addresses of every length and family, ports in use. */
import type { Scenario } from "../script.ts";
import { LISTENER, PAIR } from "./tcp.ts";

const domains = ["AF_UNSPEC", "AF_UNIX", "AF_INET", "45", "46", "-1", "1000"];
const types = [
  "0",
  "SOCK_STREAM",
  "SOCK_DGRAM",
  "SOCK_RAW",
  "SOCK_RDM",
  "SOCK_SEQPACKET",
  "11",
  "15",
  "-1",
  "SOCK_STREAM|SOCK_CLOEXEC",
  "SOCK_DGRAM|SOCK_NONBLOCK",
  "SOCK_STREAM|0x1000",
];
const protocols = ["0", "1", "IPPROTO_TCP", "IPPROTO_UDP", "IPPROTO_SCTP", "IPPROTO_RAW", "263", "-1"];

/** Who may have a raw or a ping socket is the host's affair. */
function isForEveryone(domain: string, type: string, protocol: string): boolean {
  if (domain !== "AF_INET") return true;
  if (type === "SOCK_RAW") return ["0", "263", "-1"].includes(protocol);
  return !type.startsWith("SOCK_DGRAM") || protocol !== "1";
}

/** What is made is closed at once, so that the number is the same each time. */
const making: Scenario[] = domains.flatMap((domain) =>
  types.map((type) => ({
    name: `socket: ${domain} ${type}`,
    script: protocols
      .filter((protocol) => isForEveryone(domain, type, protocol))
      .map((protocol) => `s = socket(${domain}, ${type}, ${protocol})\nclose(s)`)
      .concat(`socketpair(${domain}, ${type}, 0, fds(a, b))\nclose(a)\nclose(b)`)
      .join("\n"),
  })),
);

const lengths = ["0", "1", "2", "3", "7", "8", "15", "16", "17", "28", "110", "111", "128", "129", "-1"];
const families = ["AF_UNSPEC", "AF_UNIX", "AF_INET", "AF_INET6", "99"];
const makers: Readonly<Record<string, string>> = {
  "a TCP socket": "x = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0)",
  "a UDP socket": "x = socket(AF_INET, SOCK_DGRAM, 0)",
  "a connected UDP socket": "x = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, 9), 16)",
  "an AF_UNIX stream": "x = socket(AF_UNIX, SOCK_STREAM, 0)",
  "an AF_UNIX datagram socket": "x = socket(AF_UNIX, SOCK_DGRAM, 0)",
};

const addressing: Scenario[] = Object.entries(makers).flatMap(([kind, make]) => [
  ...families.map((family) => ({
    name: `address: bind ${kind} to ${family}`,
    script: lengths
      .map((length) => `${make}\nbind(x, in(127.0.0.1, 0, ${family}), ${length})\nclose(x)`)
      .concat(`${make}\nbind(x, in(0.0.0.0, 0, ${family}), 16)\n~getsockname(x, room(128), ints(128))`)
      .join("\n"),
  })),
  ...families.map((family) => ({
    name: `address: connect ${kind} to ${family}`,
    script: `b = socket(AF_INET, SOCK_STREAM, 0)\nbind(b, in(127.0.0.1, 0), 16)\nlisten(b, 9)\n${lengths
      .map((length) => `${make}\nconnect(x, in(127.0.0.1, port(b), ${family}), ${length})\nclose(x)`)
      .join("\n")}`,
  })),
  ...families.map((family) => ({
    name: `address: send over ${kind} to ${family}`,
    script: `${make}\nb = socket(AF_INET, SOCK_DGRAM, 0)\nbind(b, in(127.0.0.1, 0), 16)\n${lengths
      .map((length) => `sendto(x, "x", 1, MSG_NOSIGNAL, in(127.0.0.1, port(b), ${family}), ${length})`)
      .join("\n")}`,
  })),
]);

const names: Scenario[] = [
  ...["0", "1", "2", "8", "15", "16", "17", "128", "-1"].map((room) => ({
    name: `names: room for ${room} bytes`,
    script: `${PAIR}
      getsockname(c, name(128), len(${room}))
      getpeername(c, name(128), len(${room}))
      c2 = socket(AF_INET, SOCK_STREAM, 0)
      connect(c2, in(127.0.0.1, port(l)), 16)
      accept4(l, name(128), len(${room}), 0)
      sendto(c, "x", 1, 0, NULL, 0)
      recvfrom(s, room(4), 4, 0, name(128), len(${room}))
      u = socket(AF_INET, SOCK_DGRAM, 0)
      bind(u, in(127.0.0.1, 0), 16)
      sendto(u, "self", 4, 0, in(127.0.0.1, port(u)), 16)
      recvfrom(u, room(4), 4, MSG_DONTWAIT, name(128), len(${room}))
      socketpair(AF_UNIX, SOCK_STREAM, 0, fds(a, b))
      getsockname(a, name(128), len(${room}))
      getpeername(a, name(128), len(${room}))
      n = socket(AF_UNIX, SOCK_DGRAM, 0)
      bind(n, un("name"), 7)
      getsockname(n, name(128), len(${room}))`,
  })),
  {
    name: "accept: flags and what they set",
    script: `${LISTENER}
      accept4(l, NULL, NULL, 4)
      accept4(99, NULL, NULL, 4)
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(l)), 16)
      s = accept4(l, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC)
      fcntl(s, F_GETFD, 0)
      read(s, room(1), 1)
      fcntl(l, F_SETFL, O_NONBLOCK)
      d = socket(AF_INET, SOCK_STREAM, 0)
      connect(d, in(127.0.0.1, port(l)), 16)
      t = accept(l, NULL, NULL)
      fcntl(t, F_GETFD, 0)
      ~fcntl(t, F_GETFL, 0)
      accept(l, NULL, NULL)`,
  },
  {
    name: "accept: no descriptor left",
    script: `${LISTENER}
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(l)), 16)
      prlimit64(0, RLIMIT_NOFILE, longs(5, 64), NULL)
      accept(l, NULL, NULL)
      socket(AF_INET, SOCK_STREAM, 0)
      socketpair(AF_UNIX, SOCK_STREAM, 0, fds(a, b))
      pipe2(fds(a, b), 0)
      dup(c)
      fcntl(c, F_DUPFD, 0)
      epoll_create1(0)
      eventfd2(0, 0)
      openat(AT_FDCWD, "f", O_CREAT|O_RDWR, 0644)
      prlimit64(0, RLIMIT_NOFILE, longs(6, 64), NULL)
      socketpair(AF_UNIX, SOCK_STREAM, 0, fds(a, b))
      pipe2(fds(a, b), 0)
      accept(l, NULL, NULL)
      faccessat(AT_FDCWD, "f", F_OK)`,
  },
  {
    name: "accept: the peer is gone already",
    script: `${LISTENER}
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(l)), 16)
      sendto(c, "left behind", 11, 0, NULL, 0)
      close(c)
      settle()
      s = accept4(l, name(16), len(16), 0)
      getpeername(s, name(16), len(16))
      read(s, room(20), 20)
      read(s, room(20), 20)
      d = socket(AF_INET, SOCK_STREAM, 0)
      connect(d, in(127.0.0.1, port(l)), 16)
      setsockopt(d, SOL_SOCKET, SO_LINGER, ints(1, 0), 8)
      close(d)
      settle()
      t = accept4(l, name(16), len(16), 0)
      getpeername(t, name(16), len(16))
      read(t, room(20), 20)
      read(t, room(20), 20)
      write(t, "x", 1)`,
  },
];

const ports: Scenario[] = [
  {
    name: "ports: in use, for TCP",
    script: `
      a = socket(AF_INET, SOCK_STREAM, 0)
      bind(a, in(127.0.0.1, 0), 16)
      b = socket(AF_INET, SOCK_STREAM, 0)
      bind(b, in(127.0.0.1, port(a)), 16)
      bind(b, in(0.0.0.0, port(a)), 16)
      bind(b, in(127.0.0.2, port(a)), 16)
      getsockname(b, name(16), len(16))
      listen(a, 1)
      c = socket(AF_INET, SOCK_STREAM, 0)
      setsockopt(c, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(c, in(127.0.0.1, port(a)), 16)
      bind(c, in(127.0.0.3, port(a)), 16)`,
  },
  {
    name: "ports: SO_REUSEADDR, for TCP",
    script: `
      a = socket(AF_INET, SOCK_STREAM, 0)
      setsockopt(a, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(a, in(127.0.0.1, 0), 16)
      b = socket(AF_INET, SOCK_STREAM, 0)
      bind(b, in(127.0.0.1, port(a)), 16)
      setsockopt(b, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(b, in(127.0.0.1, port(a)), 16)
      listen(a, 1)
      listen(b, 1)
      connect(b, in(127.0.0.1, port(a)), 16)
      c = socket(AF_INET, SOCK_STREAM, 0)
      setsockopt(c, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(c, in(127.0.0.1, port(a)), 16)
      close(a)
      bind(c, in(127.0.0.1, port(b)), 16)
      listen(c, 1)`,
  },
  {
    name: "ports: SO_REUSEPORT, for TCP",
    script: `
      a = socket(AF_INET, SOCK_STREAM, 0)
      setsockopt(a, SOL_SOCKET, SO_REUSEPORT, ints(1), 4)
      bind(a, in(127.0.0.1, 0), 16)
      listen(a, 1)
      b = socket(AF_INET, SOCK_STREAM, 0)
      bind(b, in(127.0.0.1, port(a)), 16)
      setsockopt(b, SOL_SOCKET, SO_REUSEPORT, ints(1), 4)
      bind(b, in(127.0.0.1, port(a)), 16)
      listen(b, 1)
      c = socket(AF_INET, SOCK_STREAM, 0)
      setsockopt(c, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(c, in(127.0.0.1, port(a)), 16)`,
  },
  {
    name: "ports: in use, for UDP",
    script: `
      a = socket(AF_INET, SOCK_DGRAM, 0)
      bind(a, in(127.0.0.1, 0), 16)
      b = socket(AF_INET, SOCK_DGRAM, 0)
      bind(b, in(127.0.0.1, port(a)), 16)
      bind(b, in(0.0.0.0, port(a)), 16)
      setsockopt(b, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(b, in(127.0.0.1, port(a)), 16)
      setsockopt(a, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(b, in(127.0.0.1, port(a)), 16)
      bind(b, in(127.0.0.1, 0), 16)`,
  },
  {
    name: "ports: SO_REUSEPORT, for UDP",
    script: `
      a = socket(AF_INET, SOCK_DGRAM, 0)
      setsockopt(a, SOL_SOCKET, SO_REUSEPORT, ints(1), 4)
      bind(a, in(127.0.0.1, 0), 16)
      b = socket(AF_INET, SOCK_DGRAM, 0)
      bind(b, in(127.0.0.1, port(a)), 16)
      setsockopt(b, SOL_SOCKET, SO_REUSEPORT, ints(1), 4)
      bind(b, in(127.0.0.1, port(a)), 16)`,
  },
  {
    name: "ports: a connection in TIME-WAIT holds its port",
    script: `${PAIR}
      close(s)
      settle()
      close(c)
      close(l)
      b = socket(AF_INET, SOCK_STREAM, 0)
      d = socket(AF_INET, SOCK_STREAM, 0)
      setsockopt(d, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)`,
  },
  {
    name: "ports: binding again to the port of a listener whose connections live",
    script: `${PAIR}
      a = socket(AF_INET, SOCK_STREAM, 0)
      bind(a, in(127.0.0.1, port(l)), 16)
      k = fcntl(s, F_DUPFD, 20)
      close(l)
      bind(a, in(127.0.0.1, port(s)), 16)
      setsockopt(a, SOL_SOCKET, SO_REUSEADDR, ints(1), 4)
      bind(a, in(127.0.0.1, port(s)), 16)
      listen(a, 1)`,
  },
  {
    name: "ports: bound to every address and to one",
    script: `
      a = socket(AF_INET, SOCK_STREAM, 0)
      bind(a, in(0.0.0.0, 0), 16)
      getsockname(a, name(16), len(16))
      b = socket(AF_INET, SOCK_STREAM, 0)
      bind(b, in(127.0.0.1, port(a)), 16)
      listen(a, 3)
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(a)), 16)
      s = accept4(a, name(16), len(16), 0)
      getsockname(s, name(16), len(16))
      getsockname(c, name(16), len(16))
      d = socket(AF_INET, SOCK_STREAM, 0)
      connect(d, in(0.0.0.0, port(a)), 16)
      getpeername(d, name(16), len(16))
      getsockname(d, name(16), len(16))`,
  },
  {
    name: "ports: a chosen port outlives a connection",
    script: `${LISTENER}
      c = socket(AF_INET, SOCK_STREAM, 0)
      bind(c, in(127.71.1.1, 4711), 16)
      connect(c, in(127.0.0.1, port(l)), 16)
      connect(c, in(0.0.0.0, 0, AF_UNSPEC), 16)
      getsockname(c, name(16), len(16))
      bind(c, in(127.71.1.1, 0), 16)
      connect(c, in(127.0.0.1, 1), 16)
      getsockname(c, name(16), len(16))
      bind(c, in(127.71.1.1, 0), 16)`,
  },
  {
    name: "ports: privileged and foreign addresses",
    script: `
      a = socket(AF_INET, SOCK_STREAM, 0)
      bind(a, in(192.0.2.1, 0), 16)
      bind(a, in(255.255.255.255, 0), 16)
      bind(a, in(224.0.0.1, 0), 16)
      connect(a, in(255.255.255.255, 9), 16)
      connect(a, in(224.0.0.1, 9), 16)
      u = socket(AF_INET, SOCK_DGRAM, 0)
      bind(u, in(192.0.2.1, 0), 16)
      sendto(u, "x", 1, 0, in(127.255.255.255, 9), 16)`,
  },
  {
    name: "ports: a connection to itself",
    script: `
      a = socket(AF_INET, SOCK_STREAM, 0)
      bind(a, in(127.0.0.1, 0), 16)
      connect(a, in(127.0.0.1, port(a)), 16)
      getsockname(a, name(16), len(16))
      getpeername(a, name(16), len(16))
      write(a, "echo", 4)
      read(a, room(9), 9)
      shutdown(a, SHUT_WR)
      read(a, room(9), 9)`,
  },
  {
    name: "ports: listening without a name",
    script: `
      a = socket(AF_INET, SOCK_STREAM, 0)
      listen(a, 0)
      getsockname(a, name(16), len(16))
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(a)), 16)
      listen(a, -1)
      listen(a, 1000000)
      s = accept4(a, name(16), len(16), 0)
      listen(s, 1)
      listen(c, 1)`,
  },
];

export const socketScenarios: readonly Scenario[] = [...making, ...addressing, ...names, ...ports];
