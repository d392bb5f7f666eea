/** Names that scenarios use, as Akuma's programs know them: src/abi, and what only the kernel's insides or these tests need. */
import * as event from "../../src/abi/event.ts";
import * as memory from "../../src/abi/memory.ts";
import * as terminal from "../../src/abi/terminal.ts";
import * as library from "../../src/user/libakuma/constants.ts";

const others = {
  NULL: 0,
  /** An address in the page at 0, where nothing is ever mapped. */
  BAD: 8,
  AF_PACKET: 17,
  SOCK_RDM: 4,
  SOCK_SEQPACKET: 5,
  SOCK_PACKET: 10,
  IPPROTO_SCTP: 132,
  IPPROTO_RAW: 255,
  IPPROTO_IPV6: 41,
  MSG_WAITFORONE: 0x10000,
  SCM_RIGHTS: 1,
  SCM_CREDENTIALS: 2,
  SO_PASSCRED: 16,
  SO_PEERCRED: 17,
  SO_TIMESTAMP: 29,
  SO_MARK: 36,
  SO_RCVBUFFORCE: 33,
  SO_SNDBUFFORCE: 32,
  SO_BINDTODEVICE: 25,
  SO_INCOMING_CPU: 49,
  SO_BUSY_POLL: 46,
  SO_PEEK_OFF: 42,
  SO_NO_CHECK: 11,
  SO_BSDCOMPAT: 14,
  SO_PEERNAME: 28,
  SO_COOKIE: 57,
  SO_ZEROCOPY: 60,
  IP_HDRINCL: 3,
  IP_OPTIONS: 4,
  IP_PKTINFO: 8,
  IP_RECVTTL: 12,
  IP_RECVTOS: 13,
  IP_FREEBIND: 15,
  IP_TRANSPARENT: 19,
  IP_MINTTL: 21,
  IP_BIND_ADDRESS_NO_PORT: 24,
  IP_MULTICAST_IF: 32,
  IP_MULTICAST_TTL: 33,
  IP_MULTICAST_LOOP: 34,
  IP_ADD_MEMBERSHIP: 35,
  IP_DROP_MEMBERSHIP: 36,
  TCP_FASTOPEN: 23,
  TCP_MD5SIG: 14,
  TCP_NOTSENT_LOWAT: 25,
  TCP_REPAIR: 19,
  TCP_INQ: 36,
  UDP_CORK: 1,
  UDP_ENCAP: 100,
  UDP_SEGMENT: 103,
  UDP_GRO: 104,
  SIOCOUTQ: 0x5411,
  SIOCINQ: 0x541b,
  SIOCATMARK: 0x8905,
  FIOQSIZE: 0x5460,
  EPOLLPRI: 2,
  EPOLLWAKEUP: 1 << 29,
  O_SYNC: 0o4010000,
  O_TMPFILE: 0o20040000,
  F_ADD_SEALS: 1033,
  F_GET_SEALS: 1034,
  MFD_CLOEXEC: 1,
  MFD_ALLOW_SEALING: 2,
  F_SETLEASE: 1024,
  SEEK_DATA: 3,
  SEEK_HOLE: 4,
  AT_EACCESS: 0x200,
  AT_NO_AUTOMOUNT: 0x800,
  UTIME_NOW: 0x3fffffff,
  UTIME_OMIT: 0x3ffffffe,
  RENAME_WHITEOUT: 4,
  FALLOC_FL_KEEP_SIZE: 1,
  FALLOC_FL_PUNCH_HOLE: 2,
  STATX_BASIC_STATS: 0x7ff,
  STATX__RESERVED: -0x80000000,
  GRND_NONBLOCK: 1,
  GRND_RANDOM: 2,
  GRND_INSECURE: 4,
  RLIMIT_CPU: 0,
  RLIMIT_NLIMITS: 16,
  RUSAGE_SELF: 0,
  RUSAGE_CHILDREN: -1,
  PR_SET_NAME: 15,
  PR_GET_NAME: 16,
  PR_SET_PDEATHSIG: 1,
  PR_GET_PDEATHSIG: 2,
  PRIO_PROCESS: 0,
  RWF_APPEND: 0x10,
  RWF_NOWAIT: 8,
  RWF_HIPRI: 1,
  SPLICE_F_NONBLOCK: 2,
};

const known = new Map<string, number>();
for (const table of [library, event, memory, terminal, others]) {
  for (const [name, value] of Object.entries(table)) if (typeof value === "number") known.set(name, value);
}

/** What a constant is in Akuma. */
export function constant(name: string): number {
  const value = known.get(name);
  if (value === undefined) throw new RangeError(`test/differential/constants.ts does not know ${name}`);
  return value;
}

/** All errors by their numbers, as Linux's on every machine. */
export const errorNames: ReadonlyMap<number, string> = new Map(
  Object.entries(library)
    .filter(([name, value]) => /^E[A-Z0-9]+$/.test(name) && typeof value === "number" && !name.startsWith("EPOLL"))
    .map(([name, value]) => [value as number, name]),
);
