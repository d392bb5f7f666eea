/**
 * Where Akuma answers otherwise than Linux, and why. A line of the table covers the calls of all scenarios that its patterns
 * match. One that covers nothing any more fails the test: what has become the same leaves the table.
 */

export interface Difference {
  readonly scenario: RegExp;
  /** The call as it is written in the scenario. */
  readonly call: RegExp;
  /** What each side prints; where left out, anything. */
  readonly linux?: RegExp;
  readonly akuma?: RegExp;
  readonly reason: string;
}

export const differences: readonly Difference[] = [
  {
    scenario: /^schedule: attributes$/,
    call: /^sched_getattr/,
    linux: /^0 \d+ 0 \d+ [1-9]\d+ 0/,
    akuma: /^0 \d+ 0 \d+ 0 0/,
    reason: "Linux tells its time slice as the runtime since 6.12",
  },
  {
    scenario: /./,
    call: /BAD/,
    linux: /^(?!EBADF|ENOTSOCK|ENOTDIR|ENOENT|EPERM|EACCES)/,
    akuma: /^EFAULT$/,
    reason: "addresses are looked at before anything is done or waited for, so that nothing is lost to a bad one",
  },
  {
    scenario: /^pipe/,
    call: /^(write|ppoll|ioctl)/,
    linux: /^(\d+|1 IN\|RDNORM -|0 \[4\])$/,
    akuma: /^\d/,
    reason: "a pipe holds bytes here and pages on Linux, so that pieces of pages fill it earlier there",
  },
  {
    scenario: /^terminals: a session's own$/,
    call: /^~setsid/,
    linux: /^done$/,
    akuma: /^EPERM$/,
    reason: "a program that is started from outside leads a session of its own already",
  },
  {
    scenario: /^eventfd: counting$/,
    call: /^writev|^read\(e, outlongs\(1\), 8\)$/,
    reason: "an eventfd takes the segments of writev(2) together, as it gives those of readv(2)",
  },
  {
    scenario: /^udp that sent to nobody with IP_RECVERR/,
    call: /^ppoll|MSG_ERRQUEUE/,
    reason: "no error queue is kept: IP_RECVERR's errors come as pending ones, once",
  },
  {
    scenario: /^unix stream .*: send urgently$/,
    call: /MSG_OOB/,
    linux: /^1$/,
    akuma: /^EOPNOTSUPP$/,
    reason: "AF_UNIX has no urgent data here",
  },
  {
    scenario: /^unix stream .*: send too much$/,
    call: /^sendto/,
    linux: /^\d+$/,
    akuma: /^\d+$/,
    reason: "what a message is charged beyond its bytes depends on how it is kept",
  },
  {
    scenario: /^options of/,
    call: /SO_TIMESTAMP|IP_RECVTOS|IP_MINTTL|TCP_LINGER2|TCP_WINDOW_CLAMP|TCP_NOTSENT_LOWAT/,
    akuma: /^(ENOPROTOOPT|0 0\/4)$/,
    reason: "options that are not there are refused, not taken without effect",
  },
  {
    scenario: /^waiting: (accept until someone comes|two in accept)$/,
    call: /accept4|socket/,
    linux: /^[456]\b/,
    akuma: /^[456]\b/,
    reason:
      "a waiting accept(2) takes its descriptor when the connection is there, so that it can fail without losing it",
  },
  {
    scenario: /^kinds: sendfile of \/dev\/(null|full)/,
    call: /^sendfile/,
    linux: /^EINVAL$/,
    reason: "devices of memory can be sent from and to, without regard to which of them Linux lets splice",
  },
  {
    scenario: /^tcp (refused|disconnected|shut listener): counts/,
    call: /SIOCOUTQ/,
    akuma: /^0 \[0\]$/,
    reason: "Linux subtracts sequence numbers that mean nothing any more",
  },
];
