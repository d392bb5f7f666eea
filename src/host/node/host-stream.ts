/** A TCP connection of the host behind node:net, with pooled buffers and strict pausing in both directions. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { ECONNREFUSED, EIO, errnoFromName } from "../../abi/errno.ts";
import { formatIpv4, parseIpv4 } from "../../base/ipv4-address.ts";
import type { HostStream, HostStreamEvents } from "../gateway/host-sockets.ts";
import type { WriteBuffers } from "./write-buffers.ts";

const NOTHING = Buffer.alloc(0);
const LOOPBACK = 0x7f000001;
/** Many development servers listen on ::1 alone. */
const LOOPBACK_HOSTS = ["127.0.0.1", "::1"];
/** All sockets read into this one: onData() takes or copies before it returns. */
let sharedReadBuffer: Buffer | null = null;
const READ_BYTES = 64 * 1024;

/** Linux's number for an error of Node's; what has no number there is EIO. */
export function errnoOf(error: unknown): number {
  const code = (error as { code?: unknown } | null)?.code;
  return (typeof code === "string" ? errnoFromName(code) : undefined) ?? EIO;
}

/** The number behind "192.0.2.7" or "::ffff:192.0.2.7"; 0 for everything else. */
export function addressOf(text: string | undefined): number {
  if (text === undefined) return 0;
  return parseIpv4(text.startsWith("::ffff:") ? text.slice(7) : text) ?? 0;
}

export class NodeStream implements HostStream {
  events: HostStreamEvents | null;
  private socket!: Socket;
  private isDetached = false;
  private knownAddress: number | null = null;
  private readonly buffers: WriteBuffers;
  private filling: Buffer | null = null;
  private waiting: Buffer | null = null;
  /** Bytes that onData() did not take; reading is stopped while there are some. */
  private held: Uint8Array | null = null;
  private isPaused = false;
  private endWaits = false;
  private readonly afterWaiting: (error?: Error | null) => void;

  private constructor(buffers: WriteBuffers, events: HostStreamEvents | null) {
    this.buffers = buffers;
    this.events = events;
    this.afterWaiting = (error) => {
      if (this.waiting !== null) this.buffers.release(this.waiting);
      this.waiting = null;
      if (error == null) this.events?.onWritable();
    };
  }

  /** A connection that a server of ours accepted; paused. `isLocal` where the server listens on loopback: nobody else is there. */
  static accepted(socket: Socket, buffers: WriteBuffers, isLocal: boolean): NodeStream {
    const stream = new NodeStream(buffers, null);
    stream.socket = socket;
    if (isLocal) stream.knownAddress = LOOPBACK;
    stream.isPaused = true;
    socket.on("data", (chunk: Buffer) => stream.take(chunk, 0, chunk.length, false));
    socket.pause();
    stream.listen(socket);
    return stream;
  }

  /** Begins to connect; tells onOpen() or onError(). The host's loopback is tried as 127.0.0.1 and then as ::1. */
  static connecting(
    net: typeof import("node:net"),
    address: number,
    port: number,
    buffers: WriteBuffers,
    events: HostStreamEvents,
  ): NodeStream {
    const hosts = address === LOOPBACK ? LOOPBACK_HOSTS : [formatIpv4(address)];
    const open = (attempt: number): Socket => {
      sharedReadBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
      const callback = (length: number, buffer: Uint8Array): boolean => stream.take(buffer, 0, length, true);
      const socket = net.connect({
        host: hosts[attempt] as string,
        port,
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        onread: { buffer: sharedReadBuffer, callback },
      });
      const onError = (error: Error): void => {
        if (stream.isDetached) return;
        if (attempt + 1 === hosts.length || errnoOf(error) !== ECONNREFUSED)
          stream.fail(attempt === 0 ? error : firstError);
        else {
          firstError = error;
          stream.socket = open(attempt + 1);
        }
      };
      socket.once("error", onError);
      socket.once("connect", () => {
        socket.off("error", onError);
        stream.listen(socket);
        stream.events?.onOpen();
      });
      return socket;
    };
    let firstError: Error | null = null;
    const stream = new NodeStream(buffers, events);
    stream.socket = open(0);
    stream.knownAddress = address;
    return stream;
  }

  /** Asks the operating system only where nobody knows. */
  get remoteAddress(): number {
    this.knownAddress ??= addressOf(this.socket.remoteAddress);
    return this.knownAddress;
  }

  get remotePort(): number {
    return this.socket.remotePort ?? 0;
  }

  writeBuffer(wanted: number): Uint8Array | null {
    if (this.waiting !== null) return null;
    this.filling = this.buffers.current(wanted);
    return this.filling;
  }

  write(length: number): boolean {
    const buffer = this.filling;
    const socket = this.socket;
    if (buffer === null || this.waiting !== null || this.isDetached) return false;
    this.filling = null;
    socket.write(length === buffer.length ? buffer : buffer.subarray(0, length));
    // What the operating system takes at once is not counted any more, and nobody reads the buffer after this line.
    if (socket.writableLength === 0) return true;
    this.buffers.detach(buffer);
    this.waiting = buffer;
    socket.write(NOTHING, this.afterWaiting);
    return false;
  }

  end(): void {
    this.socket.end();
  }

  resume(): void {
    const held = this.held;
    if (held !== null) {
      this.held = null;
      this.take(held, 0, held.length, false);
      if (this.held !== null) return;
    }
    if (this.endWaits) {
      this.endWaits = false;
      this.events?.onEnd();
    }
    if (!this.isPaused) return;
    this.isPaused = false;
    this.socket.resume();
  }

  reset(): void {
    if (this.detach()) this.socket.resetAndDestroy();
  }

  close(): void {
    if (this.detach()) this.socket.destroySoon();
  }

  /** Returns false where reading is to stop, as Node's onread wants it. */
  private take(bytes: Uint8Array, offset: number, length: number, isShared: boolean): boolean {
    const { events } = this;
    if (events === null) return true;
    const taken = this.held === null ? events.onData(bytes, offset, length) : 0;
    if (taken >= length) return true;
    const rest = bytes.subarray(offset + taken, offset + length);
    if (this.held !== null) this.held = Buffer.concat([this.held, rest]);
    else this.held = isShared ? Uint8Array.from(rest) : rest;
    if (!this.isPaused) {
      this.isPaused = true;
      this.socket.pause();
    }
    return false;
  }

  private listen(socket: Socket): void {
    socket.once("end", () => {
      if (this.held !== null) this.endWaits = true;
      else this.events?.onEnd();
    });
    socket.once("error", (error) => this.fail(error));
    socket.once("close", () => {
      const { events } = this;
      if (this.detach()) events?.onClose();
    });
  }

  private fail(error: unknown): void {
    const { events } = this;
    if (this.detach()) events?.onError(errnoOf(error));
  }

  /** Nothing is told from here on. False when that was so already. */
  private detach(): boolean {
    if (this.isDetached) return false;
    this.isDetached = true;
    this.events = null;
    this.held = null;
    // An error after this would otherwise be thrown by the emitter.
    this.socket.on("error", ignore);
    return true;
  }
}

function ignore(): void {}
