/**
 * Host code talks to a port of the guest without any host port: a connection over the guest's own loopback, as a Duplex with
 * what callers of net.Socket use (connect event, setNoDelay, remotePort …), so that http.request and TLS can run on it.
 */
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { errnoName, errnoText } from "../../abi/errno.ts";
import { formatIpv4, parseIpv4 } from "../../base/ipv4-address.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { TcpConnection } from "../../kernel/net/tcp/connection.ts";

const READ_BYTES = 64 * 1024;

/** An Error as Node's net makes it: "connect ECONNREFUSED 127.0.0.1:80" with code, errno, syscall, address and port. */
function socketError(syscall: string, errno: number, address: string, port: number): Error {
  const code = errnoName(errno);
  const message = `${syscall} ${code} ${address}:${port} (${errnoText(errno)})`;
  return Object.assign(new Error(message), { code, errno: -Math.abs(errno), syscall, address, port });
}

export class ConnectionDuplex extends Duplex {
  connecting = true;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily = "IPv4";
  localAddress = "";
  localPort = 0;
  bytesRead = 0;
  bytesWritten = 0;
  private connection: TcpConnection | null = null;
  private readonly entry: WaitEntry;
  private wantsRead = false;
  private writing: (() => void) | null = null;
  private finishing: ((error?: Error | null) => void) | null = null;
  private readonly buffer = new Uint8Array(READ_BYTES);
  private timeoutMilliseconds = 0;
  private timer: NodeJS.Timeout | null = null;

  constructor(kernel: Kernel, port: number, address: string) {
    super({ allowHalfOpen: false, emitClose: true });
    this.remoteAddress = address;
    this.remotePort = port;
    this.entry = new WaitEntry({ wake: () => queueMicrotask(() => this.progress()) });
    const remoteAddress = parseIpv4(address === "localhost" ? "127.0.0.1" : address);
    if (remoteAddress === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new RangeError(`cannot connect to ${address}:${port}: expected an IPv4 address and a port from 1 to 65535`);
    }
    const connection = kernel.net.tcp.connect({ remoteAddress, remotePort: port, options: { noDelay: true } });
    if (typeof connection === "number") {
      process.nextTick(() => this.destroy(socketError("connect", connection, address, port)));
      return;
    }
    this.connection = connection;
    this.localAddress = formatIpv4(connection.localAddress);
    this.localPort = connection.localPort;
    connection.events.add(this.entry);
  }

  get readyState(): string {
    if (this.connecting) return "opening";
    return this.destroyed ? "closed" : "open";
  }

  setNoDelay(on = true): this {
    this.connection?.setOptions({ noDelay: on });
    return this;
  }

  setKeepAlive(on = false, initialDelayMilliseconds = 0): this {
    const idle = initialDelayMilliseconds > 0 ? { keepIdleMilliseconds: initialDelayMilliseconds } : {};
    this.connection?.setOptions({ keepAlive: on, ...idle });
    return this;
  }

  /** Emits "timeout" after this long without a byte in either direction; 0 turns it off. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    this.timeoutMilliseconds = milliseconds;
    if (listener !== undefined) this.once("timeout", listener);
    this.touch();
    return this;
  }

  ref(): this {
    this.timer?.ref();
    return this;
  }

  unref(): this {
    this.timer?.unref();
    return this;
  }

  address(): { address: string; family: string; port: number } {
    return { address: this.localAddress, family: "IPv4", port: this.localPort };
  }

  override _read(): void {
    this.wantsRead = true;
    if (!this.connecting) this.readSome();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    let offset = 0;
    const step = (): void => {
      const { connection } = this;
      if (connection === null) return callback(socketError("write", 32, this.remoteAddress, this.remotePort));
      while (offset < chunk.length) {
        const count = connection.send(chunk, offset, chunk.length - offset);
        if (count < 0) return callback(socketError("write", count, this.remoteAddress, this.remotePort));
        if (count === 0) {
          this.writing = step;
          return;
        }
        offset += count;
        this.bytesWritten += count;
      }
      this.touch();
      callback();
    };
    if (this.connecting) this.writing = step;
    else step();
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.connecting) {
      this.finishing = callback;
      return;
    }
    this.connection?.shutdownWrite();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const { connection } = this;
    this.connection = null;
    this.connecting = false;
    this.writing = null;
    if (this.timer !== null) clearTimeout(this.timer);
    this.entry.queue?.remove(this.entry);
    if (connection !== null) {
      if (error === null) connection.close();
      else connection.abort();
    }
    callback(error);
  }

  /** Runs after the kernel has woken us, outside of the kernel. */
  private progress(): void {
    const { connection } = this;
    if (connection === null) return;
    if (this.connecting) {
      if (!connection.isEstablished) {
        const errno = connection.takeError();
        if (errno !== 0) this.destroy(socketError("connect", errno, this.remoteAddress, this.remotePort));
        return;
      }
      this.connecting = false;
      this.emit("connect");
      this.emit("ready");
    }
    const { writing, finishing } = this;
    this.writing = null;
    writing?.();
    if (finishing !== null) {
      this.finishing = null;
      this._final(finishing);
    }
    if (this.wantsRead) this.readSome();
  }

  private readSome(): void {
    const { connection } = this;
    if (connection === null) return;
    for (;;) {
      const count = connection.receive(this.buffer, 0, this.buffer.length);
      if (count < 0) {
        this.destroy(socketError("read", count, this.remoteAddress, this.remotePort));
        return;
      }
      if (count === 0) {
        if (!connection.receiveFinished) return;
        this.wantsRead = false;
        this.push(null);
        return;
      }
      this.bytesRead += count;
      this.touch();
      if (!this.push(Buffer.copyBytesFrom(this.buffer, 0, count))) {
        this.wantsRead = false;
        return;
      }
    }
  }

  private touch(): void {
    if (this.timeoutMilliseconds === 0) {
      if (this.timer !== null) clearTimeout(this.timer);
      this.timer = null;
      return;
    }
    if (this.timer === null) this.timer = setTimeout(() => this.emit("timeout"), this.timeoutMilliseconds);
    else this.timer.refresh();
  }
}
