/** Socket options: what they are at first, what they take, and in which lengths. */
import type { Scenario } from "../script.ts";
import { LISTENER, PAIR } from "./tcp.ts";

const sockets: Readonly<Record<string, string>> = {
  "a TCP socket": "x = socket(AF_INET, SOCK_STREAM, 0)",
  "a listener": `${LISTENER}\nx = fcntl(l, F_DUPFD, 0)`,
  "a connection": `${PAIR}\nx = fcntl(c, F_DUPFD, 0)`,
  "a UDP socket": "x = socket(AF_INET, SOCK_DGRAM, 0)",
  "an AF_UNIX stream": "x = socket(AF_UNIX, SOCK_STREAM, 0)",
  "AF_UNIX datagrams of a pair": "socketpair(AF_UNIX, SOCK_DGRAM, 0, fds(x, y))",
};

const socketLevel = [
  "SO_DEBUG",
  "SO_REUSEADDR",
  "SO_TYPE",
  "SO_ERROR",
  "SO_DONTROUTE",
  "SO_BROADCAST",
  "SO_KEEPALIVE",
  "SO_OOBINLINE",
  "SO_PRIORITY",
  "SO_REUSEPORT",
  "SO_PASSCRED",
  "SO_RCVLOWAT",
  "SO_SNDLOWAT",
  "SO_ACCEPTCONN",
  "SO_PROTOCOL",
  "SO_DOMAIN",
  "SO_TIMESTAMP",
];
const ipLevel = [
  "IP_TOS",
  "IP_TTL",
  "IP_MTU_DISCOVER",
  "IP_RECVERR",
  "IP_PKTINFO",
  "IP_RECVTTL",
  "IP_RECVTOS",
  "IP_FREEBIND",
  "IP_BIND_ADDRESS_NO_PORT",
  "IP_MULTICAST_TTL",
  "IP_MULTICAST_LOOP",
  "IP_MINTTL",
  "IP_HDRINCL",
];
const tcpLevel = [
  "TCP_NODELAY",
  "TCP_MAXSEG",
  "TCP_CORK",
  "TCP_KEEPIDLE",
  "TCP_KEEPINTVL",
  "TCP_KEEPCNT",
  "TCP_SYNCNT",
  "TCP_LINGER2",
  "TCP_DEFER_ACCEPT",
  "TCP_WINDOW_CLAMP",
  "TCP_QUICKACK",
  "TCP_USER_TIMEOUT",
  "TCP_FASTOPEN",
  "TCP_NOTSENT_LOWAT",
];

const levels: readonly [string, readonly string[]][] = [
  ["SOL_SOCKET", socketLevel],
  ["IPPROTO_IP", ipLevel],
  ["IPPROTO_TCP", tcpLevel],
];

const values = ["1", "0", "-1", "2", "255", "256", "100000", "2147483647", "-2147483648"];

function isRuledByHost(option: string): boolean {
  // What a connection over the loopback comes to is a matter of the machine's settings.
  return option === "TCP_MAXSEG" || option === "TCP_WINDOW_CLAMP";
}

const reading: Scenario[] = Object.entries(sockets).flatMap(([kind, make]) =>
  levels.map(([level, options]) => ({
    name: `options of ${kind}: ${level} at first`,
    script: `${make}\n${options
      .filter((option) => !(isRuledByHost(option) && kind !== "a TCP socket"))
      .map((option) => `getsockopt(x, ${level}, ${option}, value(4), len(4))`)
      .join("\n")}`,
  })),
);

const writing: Scenario[] = ["a TCP socket", "a UDP socket", "an AF_UNIX stream", "a connection"].flatMap((kind) =>
  levels.flatMap(([level, options]) =>
    options
      .filter((option) => !isRuledByHost(option) && option !== "TCP_CORK" && option !== "SO_RCVLOWAT")
      .map((option) => ({
        name: `options of ${kind}: ${option} set`,
        script: `${sockets[kind]}\n${values
          .map(
            (value) =>
              `setsockopt(x, ${level}, ${option}, ints(${value}), 4)\ngetsockopt(x, ${level}, ${option}, value(4), len(4))`,
          )
          .join("\n")}`,
      })),
  ),
);

const lengths = ["0", "1", "2", "3", "4", "5", "8", "100", "-1"];

const odd: Scenario[] = [
  ["SOL_SOCKET", "SO_REUSEADDR"],
  ["SOL_SOCKET", "SO_TYPE"],
  ["SOL_SOCKET", "SO_LINGER"],
  ["SOL_SOCKET", "SO_RCVTIMEO"],
  ["SOL_SOCKET", "SO_ERROR"],
  ["IPPROTO_IP", "IP_TOS"],
  ["IPPROTO_IP", "IP_TTL"],
  ["IPPROTO_TCP", "TCP_NODELAY"],
  ["SOL_SOCKET", "4711"],
  ["IPPROTO_IP", "4711"],
  ["IPPROTO_TCP", "4711"],
  ["IPPROTO_UDP", "4711"],
  ["4711", "1"],
].flatMap(([level, option]) =>
  ["a TCP socket", "a UDP socket", "an AF_UNIX stream"].map((kind) => ({
    name: `options of ${kind}: ${level} ${option} in every length`,
    script: `${sockets[kind]}\n${lengths
      .map(
        (length) =>
          `setsockopt(x, ${level}, ${option}, ints(1, 2, 3, 4), ${length})\ngetsockopt(x, ${level}, ${option}, value(32), len(${length}))`,
      )
      .join("\n")}
      setsockopt(x, ${level}, ${option}, BAD, 4)
      setsockopt(x, ${level}, ${option}, NULL, 0)
      getsockopt(x, ${level}, ${option}, BAD, ints(4))
      getsockopt(x, ${level}, ${option}, value(4), BAD)
      getsockopt(x, ${level}, ${option}, NULL, ints(0))`,
  })),
);

const others: Scenario[] = [
  {
    name: "options: sizes of buffers",
    script: ["a TCP socket", "a UDP socket", "an AF_UNIX stream"]
      .map(
        (kind) => `${sockets[kind]}
      setsockopt(x, SOL_SOCKET, SO_SNDBUF, ints(10000), 4)
      getsockopt(x, SOL_SOCKET, SO_SNDBUF, value(4), len(4))
      setsockopt(x, SOL_SOCKET, SO_SNDBUF, ints(0), 4)
      getsockopt(x, SOL_SOCKET, SO_SNDBUF, value(4), len(4))
      setsockopt(x, SOL_SOCKET, SO_RCVBUF, ints(10000), 4)
      getsockopt(x, SOL_SOCKET, SO_RCVBUF, value(4), len(4))
      setsockopt(x, SOL_SOCKET, SO_RCVBUF, ints(0), 4)
      getsockopt(x, SOL_SOCKET, SO_RCVBUF, value(4), len(4))`,
      )
      .join("\n"),
  },
  {
    name: "options: times to wait",
    script: `${sockets["a UDP socket"]}
      setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(1, 500000), 16)
      getsockopt(x, SOL_SOCKET, SO_RCVTIMEO, value(16), len(16))
      setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(1, 1000000), 16)
      setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(1, -1), 16)
      setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(-1, 0), 16)
      getsockopt(x, SOL_SOCKET, SO_RCVTIMEO, value(16), len(16))
      setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(0, 0), 16)
      getsockopt(x, SOL_SOCKET, SO_RCVTIMEO, value(16), len(16))
      setsockopt(x, SOL_SOCKET, SO_SNDTIMEO, longs(2, 0), 16)
      getsockopt(x, SOL_SOCKET, SO_SNDTIMEO, value(16), len(8))
      setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(0, 20000), 16)
      recvfrom(x, room(1), 1, 0, NULL, NULL)
      read(x, room(1), 1)`,
  },
  {
    name: "options: time to wait of accept and connect",
    script: `${LISTENER}
      setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, longs(0, 20000), 16)
      accept(l, NULL, NULL)
      c = socket(AF_INET, SOCK_STREAM, 0)
      setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, longs(0, 20000), 16)
      connect(c, in(127.0.0.1, port(l)), 16)
      setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, longs(0, 20000), 16)
      read(c, room(1), 1)`,
  },
  {
    name: "options: linger",
    script: `${sockets["a TCP socket"]}
      getsockopt(x, SOL_SOCKET, SO_LINGER, value(8), len(8))
      setsockopt(x, SOL_SOCKET, SO_LINGER, ints(1, 5), 8)
      getsockopt(x, SOL_SOCKET, SO_LINGER, value(8), len(8))
      setsockopt(x, SOL_SOCKET, SO_LINGER, ints(0, 9), 8)
      getsockopt(x, SOL_SOCKET, SO_LINGER, value(8), len(8))
      setsockopt(x, SOL_SOCKET, SO_LINGER, ints(1, -1), 8)
      setsockopt(x, SOL_SOCKET, SO_LINGER, ints(7, 0), 8)
      getsockopt(x, SOL_SOCKET, SO_LINGER, value(8), len(8))`,
  },
  {
    name: "options: what an accepted socket inherits",
    script: `${LISTENER}
      setsockopt(l, SOL_SOCKET, SO_KEEPALIVE, ints(1), 4)
      setsockopt(l, SOL_SOCKET, SO_LINGER, ints(1, 3), 8)
      setsockopt(l, IPPROTO_TCP, TCP_NODELAY, ints(1), 4)
      setsockopt(l, IPPROTO_TCP, TCP_KEEPIDLE, ints(77), 4)
      setsockopt(l, IPPROTO_IP, IP_TTL, ints(33), 4)
      setsockopt(l, IPPROTO_IP, IP_TOS, ints(16), 4)
      setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, longs(3, 0), 16)
      setsockopt(l, SOL_SOCKET, SO_RCVLOWAT, ints(3), 4)
      c = socket(AF_INET, SOCK_STREAM, 0)
      connect(c, in(127.0.0.1, port(l)), 16)
      s = accept(l, NULL, NULL)
      getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, value(4), len(4))
      getsockopt(s, SOL_SOCKET, SO_LINGER, value(8), len(8))
      getsockopt(s, SOL_SOCKET, SO_REUSEADDR, value(4), len(4))
      getsockopt(s, IPPROTO_TCP, TCP_NODELAY, value(4), len(4))
      getsockopt(s, IPPROTO_TCP, TCP_KEEPIDLE, value(4), len(4))
      getsockopt(s, IPPROTO_IP, IP_TTL, value(4), len(4))
      getsockopt(s, IPPROTO_IP, IP_TOS, value(4), len(4))
      getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, value(16), len(16))
      getsockopt(s, SOL_SOCKET, SO_RCVLOWAT, value(4), len(4))
      getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, value(4), len(4))`,
  },
  {
    name: "options: SO_RCVLOWAT",
    script: `${sockets["a UDP socket"]}
      setsockopt(x, SOL_SOCKET, SO_RCVLOWAT, ints(0), 4)
      getsockopt(x, SOL_SOCKET, SO_RCVLOWAT, value(4), len(4))
      setsockopt(x, SOL_SOCKET, SO_RCVLOWAT, ints(-1), 4)
      getsockopt(x, SOL_SOCKET, SO_RCVLOWAT, value(4), len(4))`,
  },
  {
    name: "options: SO_RCVLOWAT and poll",
    script: `${PAIR}
      setsockopt(c, SOL_SOCKET, SO_RCVLOWAT, ints(4), 4)
      write(s, "abc", 3)
      settle()
      ppoll(pollfds(c:POLLIN), 1, longs(0, 0), NULL, 8)
      ioctl(c, FIONREAD, outint())
      write(s, "d", 1)
      settle()
      ppoll(pollfds(c:POLLIN), 1, longs(0, 0), NULL, 8)
      read(c, room(9), 9)`,
  },
  {
    name: "options: the congestion control by name",
    script: `${sockets["a TCP socket"]}
      setsockopt(x, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5)
      getsockopt(x, IPPROTO_TCP, TCP_CONGESTION, room(16), ints(16))
      setsockopt(x, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6)
      setsockopt(x, IPPROTO_TCP, TCP_CONGESTION, "cubic", 0)`,
  },
];

export const optionScenarios: readonly Scenario[] = [...reading, ...writing, ...odd, ...others];
