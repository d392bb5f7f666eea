/**
 * A connection of host code to a port of the guest, without any port of the host: a Duplex that passes for a net.Socket where
 * one is asked for, such as the `createConnection` of http.request(). It goes over the guest's loopback.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { ECONNREFUSED, ENOBUFS, EPIPE, errnoName, errnoText } from "../../abi/errno.ts";
import { formatIpv4, parseIpv4 } from "../../base/ipv4-address.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import type { NetStack } from "../../kernel/net/stack.ts";
import type { TcpConnection } from "../../kernel/net/tcp/connection.ts";

const CHUNK_BYTES = 64 * 1024;

/** An Error as Node's sockets give it: `code`, negative `errno`, `syscall`. */
function socketError(errno: number, syscall: string, where = ""): Error {
  const code = errnoName(errno);
  return Object.assign(new Error(`${syscall} ${code}${where}: ${errnoText(errno)}`), { code, errno: -errno, syscall });
}

export class ConnectionDuplex extends Duplex {
  /** True until the handshake is done. */
  connecting = true;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily = "IPv4";
  readonly localAddress: string;
  readonly localPort: number;
  bytesRead = 0;
  bytesWritten = 0;
  private readonly connection: TcpConnection | null;
  private readonly entry: WaitEntry;
  private isScheduled = false;
  private wantsData = false;
  private unsent: { chunk: Buffer; offset: number; callback: (error?: Error | null) => void } | null = null;
  private finalCallback: ((error?: Error | null) => void) | null = null;
  private timeoutMilliseconds = 0;
  private timeoutTimer: NodeJS.Timeout | null = null;

  /** What fails is told by "error", as net.connect() does; throws a RangeError for what is no address or port. */
  constructor(kernel: { readonly net: NetStack }, port: number, address = "127.0.0.1") {
    super({ allowHalfOpen: false, highWaterMark: CHUNK_BYTES });
    const stack = kernel.net;
    this.remoteAddress = address;
    this.remotePort = port;
    this.entry = new WaitEntry({ wake: () => this.schedule() });
    const remoteAddress = parseIpv4(address === "localhost" ? "127.0.0.1" : address);
    if (remoteAddress === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new RangeError(`cannot connect to ${address}:${port}: expected an IPv4 address and a port from 1 to 65535`);
    }
    // Where nobody listens a grant may lead 127.0.0.1 to the host: that is for programs of the guest.
    const isThere = stack.isLocalAddress(remoteAddress) && stack.tcp.isListening(remoteAddress, port);
    const connection = isThere
      ? stack.tcp.connect({ remoteAddress, remotePort: port, options: { noDelay: true } })
      : -ECONNREFUSED;
    this.connection = typeof connection === "number" ? null : connection;
    this.localAddress = formatIpv4(this.connection?.localAddress ?? 0);
    this.localPort = this.connection?.localPort ?? 0;
    if (typeof connection === "number") this.destroy(this.failure(-connection));
    else connection.events.add(this.entry);
  }

  override _read(): void {
    this.wantsData = true;
    if (!this.connecting) this.pump();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.unsent = { chunk, offset: 0, callback };
    if (!this.connecting) this.flush();
  }

  override _writev(chunks: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "", callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.finalCallback = callback;
    if (!this.connecting) this.finish();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const { connection, unsent } = this;
    this.setTimeout(0);
    this.entry.queue?.remove(this.entry);
    this.unsent = null;
    unsent?.callback(error ?? socketError(EPIPE, "write"));
    // Data that nobody has read becomes a reset by itself.
    if (error === null) connection?.close();
    else connection?.abort();
    callback(error);
  }

  // What net.Socket has besides.

  setNoDelay(noDelay = true): this {
    this.connection?.setOptions({ noDelay });
    return this;
  }

  setKeepAlive(keepAlive = false, initialDelayMilliseconds = 0): this {
    const idle = initialDelayMilliseconds > 0 ? { keepIdleMilliseconds: initialDelayMilliseconds } : {};
    this.connection?.setOptions({ keepAlive, ...idle });
    return this;
  }

  /** Emits "timeout" when nothing has moved for so long; 0 stops that. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    if (this.timeoutTimer !== null) clearTimeout(this.timeoutTimer);
    this.timeoutTimer = null;
    this.timeoutMilliseconds = milliseconds;
    if (listener !== undefined) {
      if (milliseconds > 0) this.once("timeout", listener);
      else this.off("timeout", listener);
    }
    this.touch();
    return this;
  }

  get timeout(): number {
    return this.timeoutMilliseconds;
  }

  get pending(): boolean {
    return this.connecting;
  }

  get readyState(): string {
    if (this.connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  address(): { address: string; port: number; family: string } {
    return { address: this.localAddress, port: this.localPort, family: "IPv4" };
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  resetAndDestroy(): this {
    this.connection?.abort();
    this.destroy();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** From inside the stack's poll: the work is done later. */
  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    queueMicrotask(() => {
      this.isScheduled = false;
      if (!this.destroyed) this.service();
    });
  }

  private service(): void {
    const { connection } = this;
    if (connection === null) return;
    if (this.connecting) {
      if (connection.error !== 0) {
        this.destroy(this.failure(connection.takeError()));
        return;
      }
      if (!connection.isEstablished) return;
      this.connecting = false;
      this.emit("connect");
      this.emit("ready");
    }
    this.flush();
    if (this.wantsData) this.pump();
    if (connection.error !== 0 && !this.destroyed) this.destroy(socketError(connection.takeError(), "read"));
  }

  private pump(): void {
    const { connection } = this;
    while (connection !== null && this.wantsData && !this.destroyed) {
      const readable = connection.readableBytes;
      if (readable === 0) {
        if (connection.error === 0 && connection.receiveFinished) {
          this.wantsData = false;
          this.push(null);
        }
        return;
      }
      const buffer = Buffer.allocUnsafe(Math.min(readable, CHUNK_BYTES));
      const count = connection.receive(buffer, 0, buffer.length);
      if (count <= 0) return;
      this.bytesRead += count;
      this.touch();
      this.wantsData = this.push(buffer.subarray(0, count));
    }
  }

  private flush(): void {
    const { connection, unsent } = this;
    if (connection === null) return;
    if (unsent !== null) {
      const { chunk, callback } = unsent;
      const count = connection.send(chunk, unsent.offset, chunk.length - unsent.offset);
      if (count < 0 && count !== -ENOBUFS) {
        this.unsent = null;
        callback(socketError(-count, "write"));
        return;
      }
      if (count > 0) {
        unsent.offset += count;
        this.bytesWritten += count;
        this.touch();
      }
      if (unsent.offset < chunk.length) return;
      this.unsent = null;
      callback();
    }
    if (this.unsent === null) this.finish();
  }

  private finish(): void {
    const { finalCallback } = this;
    if (finalCallback === null) return;
    this.finalCallback = null;
    this.connection?.shutdownWrite();
    finalCallback();
  }

  private failure(errno: number): Error {
    const where = ` ${this.remoteAddress}:${this.remotePort}`;
    const error = socketError(errno, "connect", where);
    return Object.assign(error, { address: this.remoteAddress, port: this.remotePort });
  }

  private touch(): void {
    if (this.timeoutMilliseconds <= 0) return;
    if (this.timeoutTimer !== null) this.timeoutTimer.refresh();
    else this.timeoutTimer = setTimeout(() => this.emit("timeout"), this.timeoutMilliseconds).unref();
  }
}
