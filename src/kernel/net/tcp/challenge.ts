/**
 * ACKs that answer what does not fit (RFC 5961, RFC 9293 section 3.10.7.4), limited so that nobody can make two hosts answer each
 * other for ever, nor learn from a shared limit whether a guess was right (CVE-2016-5696: the limit varies at random).
 */
import { nextBelow, type RandomSource } from "../../../base/random.ts";
import type { TcpConnection } from "./connection.ts";
import { ACK, type Segment, SYN } from "./header.ts";
import { transmit } from "./transmit.ts";

/** Linux's tcp_challenge_ack_limit and tcp_invalid_ratelimit. */
const CHALLENGES_PER_SECOND = 1000;
const OUT_OF_WINDOW_INTERVAL_MILLISECONDS = 500;

/** The stack's budget of challenge ACKs. */
export class ChallengeBudget {
  private readonly random: RandomSource;
  private second = -1;
  private left = 0;

  constructor(random: RandomSource) {
    this.random = random;
  }

  take(nowMilliseconds: number): boolean {
    const second = Math.floor(nowMilliseconds / 1000);
    if (second !== this.second) {
      this.second = second;
      this.left = CHALLENGES_PER_SECOND / 2 + nextBelow(this.random, CHALLENGES_PER_SECOND);
    }
    if (this.left === 0) return false;
    this.left--;
    return true;
  }
}

export function sendChallengeAck(connection: TcpConnection): void {
  const { tcp } = connection;
  if (!mayAnswer(connection) || !tcp.challenges.take(tcp.stack.now)) {
    tcp.counters.TcpExtTCPACKSkippedChallenge++;
    return;
  }
  tcp.counters.TcpExtTCPChallengeACK++;
  transmit(connection, connection.sendNext, ACK, 0);
}

/** A segment with text is always answered: it cannot be the answer to an ACK of ours. */
export function sendOutOfWindowAck(connection: TcpConnection, segment: Segment): void {
  const hasText = segment.textLength > 0 && (segment.flags & SYN) === 0;
  if (hasText || mayAnswer(connection)) transmit(connection, connection.sendNext, ACK, 0);
}

function mayAnswer(connection: TcpConnection): boolean {
  const now = connection.tcp.stack.now;
  if (now - connection.lastOutOfWindowAckAt < OUT_OF_WINDOW_INTERVAL_MILLISECONDS) return false;
  connection.lastOutOfWindowAckAt = now;
  return true;
}
