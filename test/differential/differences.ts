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
    scenario: /^kinds: messages of/,
    call: /^recvfrom\(.*BAD, BAD\)$/,
    akuma: /^EFAULT$/,
    reason: "addresses to write to are looked at before anything is received, so that nothing is lost to a bad one",
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
    scenario: /^options of/,
    call: /BAD, 4\)$/,
    linux: /^ENOPROTOOPT$/,
    akuma: /^EFAULT$/,
    reason: "the value's address is looked at before the option's name",
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
