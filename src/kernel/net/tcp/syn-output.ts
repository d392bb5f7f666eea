/** SYN, SYN|ACK of a simultaneous open, and the RST of a connection that ends at once. */
import { type TcpConnection, WAIT_RETRANSMIT } from "./connection.ts";
import { emit } from "./emit.ts";
import { ACK, RST, SYN } from "./header.ts";
import { type SynOffer, writeSynOptions } from "./options.ts";
import { announcedSegmentBytes } from "./setup.ts";
import { SYN_RECEIVED } from "./state.ts";
import { armTimer } from "./timer-deadlines.ts";

const offer: SynOffer = {
  maximumSegmentSize: 0,
  sackPermitted: false,
  timestamps: false,
  timestampValue: 0,
  timestampEcho: 0,
  windowScale: -1,
};

/** Sends our SYN, with an ACK once the peer's has come. False without a frame. */
export function sendSyn(connection: TcpConnection): boolean {
  const { tcp, options } = connection;
  const now = tcp.stack.now;
  const answers = connection.state === SYN_RECEIVED;
  offer.maximumSegmentSize = announcedSegmentBytes(connection.pathMtu, options.maxSegmentSize);
  // An answer repeats only what the peer has offered as well (RFC 7323 sections 2.2 and 3.2, RFC 2018 section 2).
  offer.timestamps = connection.timestamps;
  offer.sackPermitted = answers ? connection.sackPermitted : tcp.options.selectiveAcknowledgment;
  offer.windowScale = answers && !connection.windowScaling ? -1 : tcp.offeredWindowScale;
  offer.timestampValue = (now + connection.timestampOffset) | 0;
  offer.timestampEcho = connection.timestampRecent;
  const optionWords = writeSynOptions(tcp.optionScratch, offer);
  const window = Math.min(connection.receiveBuffer, 65_535);
  const { initialSend, receiveNext } = connection;
  const flags = answers ? SYN | ACK : SYN;
  const { timeToLive, typeOfService } = options;
  if (
    !emit(tcp, connection, connection, initialSend, receiveNext, flags, window, optionWords, timeToLive, typeOfService)
  ) {
    return false;
  }
  connection.synPending = false;
  connection.segmentsOut++;
  if (connection.sendNext === initialSend) {
    connection.sendNext = (initialSend + 1) | 0;
    connection.timedAt = now;
    connection.timedSequence = connection.sendNext;
    connection.stalledSince = now;
  } else if (connection.retransmits > 0) {
    connection.segmentsRetransmitted++;
    tcp.counters.TcpRetransSegs++;
    connection.timedAt = -1;
  }
  connection.waitingFor = WAIT_RETRANSMIT;
  connection.retransmitAt = now + connection.retransmitTimeout;
  armTimer(connection, connection.retransmitAt);
  return true;
}

/** The RST of abort(). False without a frame. */
export function sendReset(connection: TcpConnection): boolean {
  const { tcp } = connection;
  const { timeToLive, typeOfService } = connection.options;
  const { sendNext, receiveNext } = connection;
  if (!emit(tcp, connection, connection, sendNext, receiveNext, RST | ACK, 0, 0, timeToLive, typeOfService))
    return false;
  connection.resetPending = false;
  return true;
}
