/**
 * Joins a TCP connection of the gateway's stack with a stream of the host: bytes, ends of either direction, resets. Each side
 * is read only as far as the other takes, so that a slow reader closes the window of the fast writer, and no memory grows.
 */
import { POLLOUT } from "../../abi/poll.ts";
import { WaitEntry, type Waiter } from "../../base/wait-queue.ts";
import type { TcpConnection } from "../../kernel/net/tcp/connection.ts";
import type { HostStream, HostStreamEvents } from "./host-sockets.ts";

/** A guest that has forgotten a half-closed connection is found out by this. */
const HALF_CLOSED_KEEP_ALIVE = { keepAlive: true, keepIdleMilliseconds: 60_000, keepIntervalMilliseconds: 10_000 };

/** The gateway, as its relays see it. */
export interface RelayOwner {
  /** service() is wanted after the stack's poll. */
  schedule(relay: Relay): void;
  /** The relay has ended, both sides are closed. */
  ended(relay: Relay): void;
}

export class Relay implements Waiter, HostStreamEvents {
  isScheduled = false;
  private readonly owner: RelayOwner;
  private connection: TcpConnection | null;
  private stream: HostStream | null;
  private readonly entry: WaitEntry;
  /** The host's bytes wait: for the handshake at first, then for room. */
  private isHeldBack = true;
  private guestHasEnded = false;
  private hostHasEnded = false;
  private endIsPassed = false;

  bytesToHost = 0;
  bytesToGuest = 0;

  /** Takes both over. The connection may still be shaking hands; the stream is open, and held back until then. */
  constructor(owner: RelayOwner, connection: TcpConnection, stream: HostStream) {
    this.owner = owner;
    this.connection = connection;
    this.stream = stream;
    this.entry = new WaitEntry(this);
    connection.events.add(this.entry);
    stream.events = this;
  }

  /** From the connection's queue, during the stack's poll. */
  wake(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.owner.schedule(this);
  }

  /** Moves what can be moved. Called outside of the stack's poll. */
  service(): void {
    this.isScheduled = false;
    const { connection, stream } = this;
    if (connection === null || stream === null) return;
    if (connection.error !== 0) {
      this.finish("reset");
      return;
    }
    if (!this.guestHasEnded) this.pumpToHost(connection, stream);
    if (this.connection === null) return;
    if (this.isHeldBack && (connection.readiness() & POLLOUT) !== 0) {
      this.isHeldBack = false;
      stream.resume();
    }
    this.passEnd();
    this.finishIfDone();
  }

  // From the host's stream

  onOpen(): void {}

  onData(bytes: Uint8Array, offset: number, length: number): number {
    const { connection } = this;
    if (connection === null) return length;
    const taken = connection.send(bytes, offset, length);
    if (taken < 0) {
      // The guest's side has gone: what the host still sends has no reader.
      this.finish("reset");
      return length;
    }
    this.bytesToGuest += taken;
    if (taken < length) this.isHeldBack = true;
    return taken;
  }

  onEnd(): void {
    const { connection } = this;
    if (connection === null) return;
    this.hostHasEnded = true;
    this.passEnd();
    this.finishIfDone();
  }

  onWritable(): void {
    this.service();
  }

  onError(_errno: number): void {
    this.stream = null;
    this.finish("reset");
  }

  onClose(): void {
    this.stream = null;
    this.finish(this.guestHasEnded && this.endIsPassed ? "done" : "reset");
  }

  /** Ends both sides at once. */
  abort(): void {
    this.finish("reset");
  }

  private pumpToHost(connection: TcpConnection, stream: HostStream): void {
    for (let readable = connection.readableBytes; readable > 0; readable = connection.readableBytes) {
      const buffer = stream.writeBuffer(readable);
      if (buffer === null) return;
      const length = connection.receive(buffer, 0, buffer.length);
      if (length <= 0) break;
      this.bytesToHost += length;
      if (!stream.write(length)) break;
    }
    if (!connection.receiveFinished || this.connection === null) return;
    if (connection.error !== 0) {
      this.finish("reset");
      return;
    }
    this.guestHasEnded = true;
    stream.end();
    if (!this.hostHasEnded) connection.setOptions(HALF_CLOSED_KEEP_ALIVE);
  }

  /** The host's end goes on to the guest as soon as the handshake is done. */
  private passEnd(): void {
    const { connection } = this;
    if (connection === null || !this.hostHasEnded || this.endIsPassed || connection.shutdownWrite() < 0) return;
    this.endIsPassed = true;
    if (!this.guestHasEnded) connection.setOptions(HALF_CLOSED_KEEP_ALIVE);
  }

  private finishIfDone(): void {
    if (this.guestHasEnded && this.endIsPassed) this.finish("done");
  }

  private finish(how: "done" | "reset"): void {
    const { connection, stream } = this;
    this.connection = null;
    this.stream = null;
    if (connection !== null) {
      connection.events.remove(this.entry);
      if (how === "done") connection.close();
      else connection.abort();
    }
    if (stream !== null) {
      if (how === "done") stream.close();
      else stream.reset();
    }
    if (connection !== null) this.owner.ended(this);
  }
}
