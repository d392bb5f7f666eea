/**
 * One client: reads requests, has them answered in order, discards their bodies, and ends as RFC 9112 9 asks. A state
 * machine that never waits: the server calls it when the socket is ready or its deadline has passed.
 */
import { EAGAIN, EINTR, EPOLLIN, EPOLLOUT, MSG_DONTWAIT, SHUT_WR } from "../../libakuma/constants.ts";
import { ChunkedDecoder } from "../http/chunked.ts";
import type { Expiring } from "./deadlines.ts";
import { Output, Sent } from "./output.ts";
import { MOST_HEAD_BYTES, type RequestHead } from "./request-head.ts";
import { answer, refuse } from "./responder.ts";
import type { Server } from "./server.ts";

/** Room for the longest head and the read that goes beyond it. */
export const INPUT_BYTES: number = 2 * MOST_HEAD_BYTES;
/** Bodies of requests mean nothing to a server of files; up to this size they are read and dropped. */
export const MOST_BODY_BYTES: number = 1024 * 1024;
/** After a refusal the client may still be sending; so much is read so that it gets to see the answer. */
const MOST_LINGER_BYTES = 256 * 1024;

export const Phase = { idle: 0, head: 1, body: 2, sending: 3, lingering: 4, closed: 5 } as const;

export class Connection implements Expiring {
  readonly fd: number;
  readonly output: Output;
  deadline: number = Number.POSITIVE_INFINITY;
  bucket = -1;
  phase: number = Phase.idle;
  /** True once the answer under way is the last one. */
  isLast = false;
  /** True where the client may be in the middle of sending something that will not be read. */
  private mustLinger = false;
  private readonly server: Server;
  private interest: number = EPOLLIN;
  /** Bytes that were read and are still to be looked at: addresses in a block of its own; 0 while there are none. */
  private inputBlock = 0;
  private inputBlockBytes = 0;
  private inputStart = 0;
  private inputEnd = 0;
  private bodyLeft = 0;
  private decoder: ChunkedDecoder | null = null;
  private lingerBytes = 0;

  constructor(server: Server, fd: number) {
    this.server = server;
    this.fd = fd;
    this.output = new Output(server.akuma, fd);
  }

  /** The socket is ready for what was waited for, or broken. */
  onReady(): void {
    if (this.phase === Phase.sending) {
      this.resume();
      return;
    }
    this.receive();
  }

  onDeadline(): void {
    const { phase } = this;
    if (phase === Phase.head) {
      // RFC 9110 15.5.9. An idle connection is closed without a word, so that no client takes this for its answer.
      this.freeInput();
      refuse(this.server, this, 408);
      this.finishAnswer();
      return;
    }
    this.close();
  }

  /** Lets the answer under way, if there is one, be the last. */
  stop(): void {
    // A body that is being dropped belongs to a request that has its answer.
    if (this.phase === Phase.idle || this.phase === Phase.body) this.close();
    else this.isLast = true;
  }

  /** True between requests of a connection that has had one. */
  get isWaiting(): boolean {
    return this.phase === Phase.idle && this.output.bytesSent > 0;
  }

  /** The answer is the last, and what the client still sends is dropped. */
  endAfterAnswer(mustLinger: boolean): void {
    this.isLast = true;
    this.mustLinger ||= mustLinger;
  }

  /** What follows the head just answered: its body, to be dropped. */
  expectBody(head: RequestHead): void {
    if (this.isLast) return;
    this.bodyLeft = head.contentLength;
    this.decoder = head.isChunked ? new ChunkedDecoder() : null;
  }

  close(): void {
    if (this.phase === Phase.closed) return;
    this.phase = Phase.closed;
    this.output.clear();
    this.freeInput();
    this.server.forget(this);
  }

  private receive(): void {
    const { akuma } = this.server;
    const isStored = this.inputBlock !== 0;
    const from = isStored ? this.inputEnd : this.server.receiveAddress;
    const room = isStored ? this.inputBlock + this.inputBlockBytes - from : INPUT_BYTES;
    const count = akuma.recvfrom(this.fd, from, room, MSG_DONTWAIT);
    if (count === -EAGAIN || count === -EINTR) return;
    if (typeof count !== "number" || count <= 0) {
      this.close();
      return;
    }
    if (this.phase === Phase.lingering) {
      this.lingerBytes += count;
      if (this.lingerBytes > MOST_LINGER_BYTES) this.close();
      return;
    }
    const end = from + count;
    if (this.phase === Phase.head && this.isFragment(from, end)) {
      this.inputEnd = end;
      return;
    }
    this.process(isStored ? this.inputStart : from, end);
  }

  /** True where new bytes cannot complete the head: it is not parsed again for each byte of a client that sends single ones. */
  private isFragment(from: number, end: number): boolean {
    if (end - this.inputStart > MOST_HEAD_BYTES) return false;
    const { bytes } = this.server.akuma.memory;
    for (let k = from; k < end; k++) if (bytes[k] === 0x0a) return false;
    return true;
  }

  /** Works off bytes at [start, end) of process memory. */
  private process(start: number, end: number): void {
    const { bytes } = this.server.akuma.memory;
    const { head } = this.server;
    let at = start;
    while (at < end) {
      if (this.bodyLeft > 0 || this.decoder !== null) {
        at = this.discardBody(at, end);
        if (at < 0) return;
        if (at === end) break;
      }
      const next = head.parse(bytes, at, end);
      if (next === 0) {
        this.keepInput(at, end);
        if (this.phase !== Phase.head) {
          this.phase = Phase.head;
          this.server.setDeadline(this, this.server.options.headMilliseconds);
        }
        return;
      }
      if (next < 0) {
        refuse(this.server, this, -next);
        this.freeInput();
        this.finishAnswer();
        return;
      }
      at = next;
      answer(this.server, this, head, this.endsInHead(at, end));
      if (this.output.isEmpty && !this.isLast) continue;
      if (at < end && this.isLast) this.mustLinger = true;
      if (this.finishAnswer()) continue;
      if (this.phase === Phase.sending && !this.isLast && at < end) this.keepInput(at, end);
      else this.freeInput();
      return;
    }
    this.freeInput();
    this.phase = this.bodyLeft > 0 || this.decoder !== null ? Phase.body : Phase.idle;
    const { options } = this.server;
    this.server.setDeadline(this, this.phase === Phase.idle ? options.idleMilliseconds : options.headMilliseconds);
  }

  /** True where the input surely holds another complete head: its answer is to go out together with this one. */
  private endsInHead(at: number, end: number): boolean {
    if (end - at < 4) return false;
    return this.server.akuma.memory.readUint32(end - 4) === 0x0a0d0a0d;
  }

  /** Sends what there is. True where all is sent and the connection goes on. */
  private finishAnswer(): boolean {
    const before = this.output.bytesSent;
    const sent = this.output.flush(false);
    if (sent === Sent.failed) {
      this.close();
      return false;
    }
    if (sent !== Sent.all) {
      if (this.phase !== Phase.sending || this.output.bytesSent > before) {
        this.server.setDeadline(this, this.server.options.sendMilliseconds);
      }
      this.phase = Phase.sending;
      this.setInterest(EPOLLOUT);
      return false;
    }
    this.setInterest(EPOLLIN);
    if (!this.isLast) return true;
    if (!this.mustLinger) {
      this.close();
      return false;
    }
    // RFC 9112 9.6: closing with unread bytes resets the connection, which may destroy the answer on its way.
    this.phase = Phase.lingering;
    this.server.akuma.shutdown(this.fd, SHUT_WR);
    this.server.setDeadline(this, this.server.options.lingerMilliseconds);
    return false;
  }

  /** The socket takes bytes again: goes on with the answer, and then with the input that waited. */
  private resume(): void {
    if (!this.finishAnswer()) return;
    this.phase = Phase.idle;
    this.server.setDeadline(this, this.server.options.idleMilliseconds);
    if (this.inputBlock !== 0) this.process(this.inputStart, this.inputEnd);
  }

  /** The index after the body's part of the input; -1 where the connection is being ended because of it. */
  private discardBody(start: number, end: number): number {
    if (this.decoder === null) {
      const length = Math.min(this.bodyLeft, end - start);
      this.bodyLeft -= length;
      return start + length;
    }
    const { decoder } = this;
    let at = start;
    while (at < end && !decoder.isDone) {
      at = decoder.next(this.server.akuma.memory.bytes, at, end);
      if (at < 0) break;
      this.bodyLeft += decoder.dataEnd - decoder.dataStart;
      if (this.bodyLeft > MOST_BODY_BYTES) break;
    }
    if (at < 0 || this.bodyLeft > MOST_BODY_BYTES) {
      // Where the next request would begin cannot be known any more; the answer itself has been given.
      this.decoder = null;
      this.endAfterAnswer(true);
      this.freeInput();
      this.finishAnswer();
      return -1;
    }
    if (decoder.isDone) {
      this.decoder = null;
      this.bodyLeft = 0;
    }
    return at;
  }

  /** Moves what is left of the input into a block of the connection's own. */
  private keepInput(start: number, end: number): void {
    const { memory } = this.server.akuma;
    if (this.inputBlock === 0) {
      this.inputBlockBytes = INPUT_BYTES;
      this.inputBlock = memory.heap.allocate(INPUT_BYTES);
    }
    if (start !== this.inputBlock) memory.bytes.copyWithin(this.inputBlock, start, end);
    this.inputStart = this.inputBlock;
    this.inputEnd = this.inputBlock + (end - start);
  }

  private freeInput(): void {
    if (this.inputBlock === 0) return;
    this.server.akuma.memory.heap.free(this.inputBlock, this.inputBlockBytes);
    this.inputBlock = 0;
  }

  private setInterest(events: number): void {
    if (this.interest === events) return;
    this.interest = events;
    this.server.watch(this, events);
  }
}
