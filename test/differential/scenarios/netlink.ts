/** Netlink: addresses, and what is answered to requests that find nothing. None of them would change anything. */
import type { Scenario } from "../script.ts";

function hexadecimal(value: number, bytes: number): string {
  return Buffer.from([value, value >>> 8, value >>> 16, value >>> 24])
    .subarray(0, bytes)
    .toString("hex");
}

/** A struct sockaddr_nl. */
function address(portId: number, groups = 0): string {
  return `bytes("${hexadecimal(16, 4)}${hexadecimal(portId, 4)}${hexadecimal(groups, 4)}")`;
}

/** A message with a body in hexadecimal digits. */
function message(type: number, flags: number, body: string, length = 16 + body.length / 2): string {
  return `${hexadecimal(length, 4)}${hexadecimal(type, 2)}${hexadecimal(flags, 2)}${hexadecimal(77, 4)}00000000${body}`;
}

function send(socket: string, ...messages: readonly string[]): string {
  const bytes = messages.join("");
  return `sendto(${socket}, bytes("${bytes}"), ${bytes.length / 2}, 0, ${address(0)}, 12)`;
}

const [REQUEST, ACK, ROOT] = [1, 4, 0x100];
const [GETLINK, GETADDR, GETROUTE] = [18, 22, 26];
const ZEROS = "00".repeat(16);

export const netlinkScenarios: readonly Scenario[] = [
  {
    name: "netlink: kinds of sockets",
    script: `
      socket(AF_NETLINK, SOCK_RAW, 0)
      socket(AF_NETLINK, SOCK_DGRAM, 0)
      socket(AF_NETLINK, SOCK_STREAM, 0)
      socket(AF_NETLINK, SOCK_RAW, 32)
      socket(AF_NETLINK, SOCK_RAW, -1)
      socket(AF_NETLINK, SOCK_SEQPACKET, 99)`,
  },
  {
    name: "netlink: addresses",
    script: `
      s = socket(AF_NETLINK, SOCK_RAW, 0)
      getsockname(s, room(12), len(12))
      getpeername(s, room(12), len(12))
      bind(s, ${address(712345)}, 11)
      bind(s, in(127.0.0.1, 0), 16)
      bind(s, ${address(712345)}, 12)
      bind(s, ${address(712346)}, 12)
      bind(s, ${address(712345)}, 12)
      t = socket(AF_NETLINK, SOCK_RAW, 0)
      bind(t, ${address(712345)}, 12)
      close(s)
      bind(t, ${address(712345)}, 12)
      listen(t, 5)
      accept4(t, NULL, NULL, 0)
      shutdown(t, SHUT_RD)
      getsockopt(t, SOL_SOCKET, SO_TYPE, value(4), len(4))
      getsockopt(t, SOL_SOCKET, SO_DOMAIN, value(4), len(4))
      getsockopt(t, SOL_SOCKET, SO_ERROR, value(4), len(4))
      setsockopt(t, 270, 11, ints(1), 4)
      getsockopt(t, 270, 11, value(4), len(4))
      setsockopt(t, 270, 11, ints(1), 3)
      setsockopt(t, 270, 99, ints(1), 4)
      setsockopt(t, 270, 1, ints(0), 4)
      setsockopt(t, 270, 1, ints(1), 4)
      ppoll(pollfds(t:POLLIN|POLLOUT), 1, longs(0, 0), NULL, 0)
      recvfrom(t, room(8), 8, MSG_DONTWAIT, NULL, NULL)`,
  },
  {
    name: "netlink: requests that fail",
    script: `
      s = socket(AF_NETLINK, SOCK_RAW, 0)
      bind(s, ${address(712347)}, 12)
      sendto(s, "", 0, 0, ${address(0)}, 12)
      sendto(s, "x", 1, 0, ${address(0)}, 11)
      sendto(s, "x", 1, 0, in(127.0.0.1, 5), 16)
      sendto(s, "x", 1, MSG_OOB, NULL, 0)
      sendto(s, "x", 1, 0, NULL, 0)
      recvfrom(s, room(200), 200, MSG_DONTWAIT, NULL, NULL)
      ${send("s", message(GETLINK, REQUEST, `00000000${hexadecimal(9999, 4)}0000000000000000`))}
      recvfrom(s, room(8), 8, MSG_PEEK, NULL, NULL)
      recvfrom(s, room(8), 8, MSG_PEEK|MSG_TRUNC, NULL, NULL)
      recvfrom(s, room(200), 200, 0, NULL, NULL)
      ${send("s", message(GETLINK, REQUEST, ZEROS))}
      recvfrom(s, room(200), 200, 0, NULL, NULL)
      ${send("s", message(GETLINK, REQUEST, "00000000"))}
      recvfrom(s, room(200), 200, 0, NULL, NULL)
      ${send("s", message(200, REQUEST, ZEROS))}
      recvfrom(s, room(200), 200, 0, NULL, NULL)
      ${send("s", message(1, REQUEST | ACK, ""))}
      recvfrom(s, room(200), 200, 0, NULL, NULL)
      ${send("s", message(GETADDR, ACK, ZEROS))}
      recvfrom(s, room(200), 200, 0, NULL, NULL)
      ${send("s", message(GETADDR, REQUEST | ROOT, "", 16), message(GETADDR, ACK, "02"))}
      ${send("s", message(GETADDR, REQUEST, "02000000", 300))}
      ${send("s", message(GETROUTE, REQUEST, "02"))}
      recvfrom(s, room(200), 200, MSG_DONTWAIT, NULL, NULL)
      setsockopt(s, 270, 10, ints(1), 4)
      ${send("s", message(GETLINK, REQUEST, `00000000${hexadecimal(9999, 4)}0000000000000000`))}
      recvfrom(s, room(200), 200, 0, NULL, NULL)
      recvfrom(s, room(200), 200, MSG_DONTWAIT, NULL, NULL)`,
  },
];
