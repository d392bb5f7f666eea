/** UDP: every call in every state of a socket, and errors that arrive later. */
import type { Scenario } from "../script.ts";

const ALL = "POLLIN|POLLPRI|POLLOUT|POLLRDHUP|POLLRDNORM|POLLWRNORM";

/** A bound socket `p` whose datagrams arrive. */
const PEER = "p = socket(AF_INET, SOCK_DGRAM, 0)\nbind(p, in(127.0.0.1, 0), 16)";
/** A port `t` of TCP: for UDP nobody is there. */
const NOBODY = "t = socket(AF_INET, SOCK_STREAM, 0)\nbind(t, in(127.0.0.1, 0), 16)";

const states: Readonly<Record<string, string>> = {
  new: "x = socket(AF_INET, SOCK_DGRAM, 0)",
  bound: "x = socket(AF_INET, SOCK_DGRAM, 0)\nbind(x, in(127.0.0.1, 0), 16)",
  connected: `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(p)), 16)`,
  "with a datagram": `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nbind(x, in(127.0.0.1, 0), 16)
    sendto(p, "hello", 5, 0, in(127.0.0.1, port(x)), 16)`,
  "with two datagrams": `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nbind(x, in(127.0.0.1, 0), 16)
    sendto(p, "", 0, 0, in(127.0.0.1, port(x)), 16)\nsendto(p, "second", 6, 0, in(127.0.0.1, port(x)), 16)`,
  "connected to nobody": `${NOBODY}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(t)), 16)`,
  "with a pending error": `${NOBODY}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(t)), 16)
    write(x, "lost", 4)`,
  "with an error and a datagram": `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(p)), 16)
    sendto(p, "before", 6, 0, in(127.0.0.1, port(x)), 16)\nclose(p)\nwrite(x, "lost", 4)`,
  "that sent to nobody": `${NOBODY}\nx = socket(AF_INET, SOCK_DGRAM, 0)
    sendto(x, "lost", 4, 0, in(127.0.0.1, port(t)), 16)`,
  "that sent to nobody with IP_RECVERR": `${NOBODY}\nx = socket(AF_INET, SOCK_DGRAM, 0)
    setsockopt(x, IPPROTO_IP, IP_RECVERR, ints(1), 4)\nsendto(x, "lost", 4, 0, in(127.0.0.1, port(t)), 16)`,
  "shut for reading": `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(p)), 16)\nshutdown(x, SHUT_RD)`,
  "shut for writing": `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(p)), 16)\nshutdown(x, SHUT_WR)`,
  "shut for both": `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(p)), 16)\nshutdown(x, SHUT_RDWR)`,
  dissolved: `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nconnect(x, in(127.0.0.1, port(p)), 16)
    connect(x, in(0.0.0.0, 0, AF_UNSPEC), 16)`,
  "bound, connected and dissolved": `${PEER}\nx = socket(AF_INET, SOCK_DGRAM, 0)\nbind(x, in(0.0.0.0, 0), 16)
    connect(x, in(127.0.0.1, port(p)), 16)\nconnect(x, in(0.0.0.0, 0, AF_UNSPEC), 16)`,
};

const actions: Readonly<Record<string, string>> = {
  poll: "",
  bind: "bind(x, in(127.0.0.1, 0), 16)",
  "listen and accept": "listen(x, 1)\naccept(x, NULL, NULL)",
  connect: `o = socket(AF_INET, SOCK_DGRAM, 0)\nbind(o, in(127.0.0.1, 0), 16)
    connect(x, in(127.0.0.1, port(o)), 16)\ngetpeername(x, name(16), len(16))\nwrite(x, "to o", 4)
    recvfrom(o, room(9), 9, MSG_DONTWAIT, name(16), len(16))`,
  "connect to port 0": 'connect(x, in(127.0.0.1, 0), 16)\ngetpeername(x, name(16), len(16))\nwrite(x, "x", 1)',
  dissolve: "connect(x, in(0.0.0.0, 0, AF_UNSPEC), 16)\ngetsockname(x, name(16), len(16))",
  names: "getsockname(x, name(16), len(16))\ngetpeername(x, name(16), len(16))",
  write: 'write(x, "data", 4)\nsettle()\nwrite(x, "more", 4)\nwrite(x, "", 0)',
  "send to someone": `o = socket(AF_INET, SOCK_DGRAM, 0)\nbind(o, in(127.0.0.1, 0), 16)
    sendto(x, "data", 4, 0, in(127.0.0.1, port(o)), 16)\nsendto(x, "more", 4, 0, in(127.0.0.1, port(o)), 16)
    recvfrom(o, room(9), 9, MSG_DONTWAIT, name(16), len(16))`,
  "send to port 0": 'sendto(x, "data", 4, 0, in(127.0.0.1, 0), 16)',
  "send too much": "sendto(x, fill(66000), 66000, 0, NULL, 0)\nsendto(x, fill(65508), 65508, 0, in(127.0.0.1, 9), 16)",
  "send urgently": 'sendto(x, "data", 4, MSG_OOB, in(127.0.0.1, 9), 16)',
  receive: `recvfrom(x, room(8), 8, MSG_DONTWAIT, name(16), len(16))
    recvfrom(x, room(8), 8, MSG_DONTWAIT, name(16), len(16))
    recvfrom(x, room(8), 8, MSG_DONTWAIT, name(16), len(16))`,
  "receive part": `recvfrom(x, room(2), 2, MSG_DONTWAIT|MSG_PEEK, NULL, NULL)
    recvfrom(x, room(2), 2, MSG_DONTWAIT|MSG_PEEK|MSG_TRUNC, NULL, NULL)
    recvfrom(x, NULL, 0, MSG_DONTWAIT|MSG_TRUNC, NULL, NULL)
    recvfrom(x, room(2), 2, MSG_DONTWAIT|MSG_TRUNC, NULL, NULL)`,
  "receive and wait":
    "setsockopt(x, SOL_SOCKET, SO_RCVTIMEO, longs(0, 5000), 16)\nrecvfrom(x, room(8), 8, 0, NULL, NULL)",
  read: "fcntl(x, F_SETFL, O_NONBLOCK)\nread(x, room(0), 0)\nread(x, room(8), 8)\nread(x, room(8), 8)",
  "urgent data": "recvfrom(x, room(8), 8, MSG_OOB|MSG_DONTWAIT, NULL, NULL)",
  "error queue": "recvfrom(x, room(8), 8, MSG_ERRQUEUE, NULL, NULL)",
  "shut reading": "shutdown(x, SHUT_RD)\nread(x, room(8), 8)",
  "shut writing": 'shutdown(x, SHUT_WR)\nwrite(x, "x", 1)\nsendto(x, "x", 1, 0, in(127.0.0.1, 9), 16)',
  "pending error":
    "getsockopt(x, SOL_SOCKET, SO_ERROR, value(4), len(4))\ngetsockopt(x, SOL_SOCKET, SO_ERROR, value(4), len(4))",
  counts: "ioctl(x, FIONREAD, outint())\nioctl(x, SIOCOUTQ, outint())",
};

const inStates: Scenario[] = Object.entries(states).flatMap(([state, before]) =>
  Object.entries(actions).map(([action, calls]) => ({
    name: `udp ${state}: ${action}`,
    script: `${before}\nsettle()\n${calls}\nppoll(pollfds(x:${ALL}), 1, longs(0, 0), NULL, 8)`,
  })),
);

const others: Scenario[] = [
  {
    name: "udp: a connected socket hears only its peer",
    script: `${PEER}
      x = socket(AF_INET, SOCK_DGRAM, 0)
      connect(x, in(127.0.0.1, port(p)), 16)
      q = socket(AF_INET, SOCK_DGRAM, 0)
      sendto(q, "stranger", 8, 0, in(127.0.0.1, port(x)), 16)
      sendto(p, "peer", 4, 0, in(127.0.0.1, port(x)), 16)
      recvfrom(x, room(9), 9, MSG_DONTWAIT, name(16), len(16))
      recvfrom(x, room(9), 9, MSG_DONTWAIT, name(16), len(16))`,
  },
  {
    name: "udp: MSG_MORE and UDP_CORK put one datagram together",
    script: `${PEER}
      x = socket(AF_INET, SOCK_DGRAM, 0)
      connect(x, in(127.0.0.1, port(p)), 16)
      sendto(x, "one ", 4, MSG_MORE, NULL, 0)
      sendto(x, "two", 3, 0, NULL, 0)
      recvfrom(p, room(20), 20, MSG_DONTWAIT, NULL, NULL)
      recvfrom(p, room(20), 20, MSG_DONTWAIT, NULL, NULL)`,
  },
  {
    name: "udp: the largest datagram",
    script: `${PEER}
      x = socket(AF_INET, SOCK_DGRAM, 0)
      sendto(x, fill(65507), 65507, 0, in(127.0.0.1, port(p)), 16)
      recvfrom(p, room(65507), 65507, MSG_DONTWAIT, NULL, NULL)
      sendto(x, fill(65508), 65508, 0, in(127.0.0.1, port(p)), 16)`,
  },
  {
    name: "udp: a narrow receive buffer drops",
    script: `${PEER}
      setsockopt(p, SOL_SOCKET, SO_RCVBUF, ints(1), 4)
      getsockopt(p, SOL_SOCKET, SO_RCVBUF, value(4), len(4))
      x = socket(AF_INET, SOCK_DGRAM, 0)
      sendto(x, fill(2000), 2000, 0, in(127.0.0.1, port(p)), 16)
      sendto(x, fill(2000), 2000, 0, in(127.0.0.1, port(p)), 16)
      sendto(x, fill(2000), 2000, 0, in(127.0.0.1, port(p)), 16)`,
  },
];

export const udpScenarios: readonly Scenario[] = [...inStates, ...others];
