/**
 * Initial sequence numbers and timestamp offsets. RFC 6528: ISN = M + F(four-tuple, secret), M a clock that ticks every 4 µs.
 * RFC 7323 section 5.4 wants timestamps that do not tell the uptime, but grow from one connection to the next between two hosts.
 */
import { sipHash } from "./siphash.ts";

export class SequenceSecrets {
  private readonly sequenceKey = new Int32Array(4);
  private readonly timestampKey = new Int32Array(4);
  readonly cookieKey: Int32Array = new Int32Array(4);

  /** Three keys from the host's sixteen secret bytes. */
  constructor(hostSecret: Uint8Array) {
    const secret = new Int32Array(4);
    for (let k = 0; k < 16; k++) secret[k >> 2]! |= hostSecret[k]! << (8 * (k & 3));
    for (const [use, key] of [this.sequenceKey, this.timestampKey, this.cookieKey].entries()) {
      for (let k = 0; k < 4; k++) key[k] = sipHash(secret, use, k, 0, 0);
    }
  }

  /** An int32. `ports` is any word made of both ports. */
  initialSequence(local: number, remote: number, ports: number, nowMilliseconds: number): number {
    return (sipHash(this.sequenceKey, local, remote, ports, 0) + nowMilliseconds * 250) | 0;
  }

  /** Added to the clock in milliseconds; the same for every connection between two hosts, so that RFC 6191 can compare. */
  timestampOffset(local: number, remote: number): number {
    return sipHash(this.timestampKey, local, remote, 0, 0);
  }
}
