/** Raw sockets for ICMP, over loopback: packets come with their IP header. */
import type { Scenario } from "../script.ts";

/** An echo request with identifier 0x1234, sequence 1 and its checksum. */
const ECHO = 'bytes("0800e5ca12340001")';

export const rawScenarios: readonly Scenario[] = [
  {
    name: "raw: options and names",
    needsRoot: true,
    script: `
      socket(AF_INET, SOCK_RAW, 0)
      s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
      getsockname(s, name(16), len(16))
      getsockopt(s, SOL_SOCKET, SO_TYPE, value(4), len(4))
      getsockopt(s, SOL_SOCKET, SO_PROTOCOL, value(4), len(4))
      getsockopt(s, 255, 1, value(4), len(4))
      setsockopt(s, 255, 1, ints(8), 4)
      getsockopt(s, 255, 1, value(4), len(4))
      setsockopt(s, 255, 2, ints(8), 4)
      setsockopt(s, IPPROTO_IP, IP_TTL, ints(7), 4)
      bind(s, in(127.0.0.1, 0), 16)
      listen(s, 5)
      getpeername(s, name(16), len(16))
      connect(s, in(127.0.0.1, 0), 16)
      getpeername(s, name(16), len(16))
      bind(s, in(10.99.98.97, 0), 16)
      u = socket(AF_INET, SOCK_RAW, IPPROTO_UDP)
      getsockopt(u, 255, 1, value(4), len(4))
      sendto(u, "x", 1, 0, NULL, 0)
      sendto(u, "x", 1, 0, in(127.0.0.1, 0), 15)
      sendto(u, "x", 1, MSG_OOB, in(127.0.0.1, 0), 16)
      sendto(u, fill(66000), 66000, 0, in(127.0.0.1, 0), 16)`,
  },
  {
    name: "raw: an echo and its answer",
    needsRoot: true,
    script: `
      s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
      bind(s, in(127.0.0.9, 0), 16)
      setsockopt(s, 255, 1, ints(256), 4)
      sendto(s, ${ECHO}, 8, 0, in(127.0.0.9, 0), 16)
      settle(20)
      recvfrom(s, room(4), 4, MSG_PEEK|MSG_TRUNC|MSG_DONTWAIT, NULL, NULL)
      recvfrom(s, room(4), 4, MSG_DONTWAIT, name(16), len(16))
      recvfrom(s, room(64), 64, MSG_DONTWAIT, NULL, NULL)
      setsockopt(s, 255, 1, ints(0), 4)
      sendto(s, ${ECHO}, 8, 0, in(127.0.0.9, 0), 16)
      settle(20)
      recvfrom(s, room(0), 64, MSG_TRUNC|MSG_DONTWAIT, NULL, NULL)
      recvfrom(s, room(0), 64, MSG_TRUNC|MSG_DONTWAIT, NULL, NULL)
      recvfrom(s, room(0), 64, MSG_TRUNC|MSG_DONTWAIT, NULL, NULL)`,
  },
  {
    name: "raw: not for those without the capability",
    needsRoot: true,
    script: `
      setresuid(33, 33, 33)
      socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
      socket(AF_INET, SOCK_RAW, 0)`,
  },
];
