/** A TCP connection. */
import { F_GETFL, F_SETFL, O_NONBLOCK } from "../../abi/file.ts";
import {
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_TCP,
  MSG_NOSIGNAL,
  MSG_PEEK,
  SO_ERROR,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SOL_SOCKET,
  TCP_NODELAY,
} from "../../abi/socket.ts";
import type { Akuma } from "./akuma.ts";
import { ByteStream } from "./byte-stream.ts";
import type { Result } from "./calls.ts";
import { AkumaError } from "./error.ts";
import { check, complete } from "./retry.ts";
import type { SocketAddrV4 } from "./socket-address.ts";

export class TcpStream extends ByteStream {
  private readonly peer: SocketAddrV4;

  constructor(akuma: Akuma, fd: number, peer: SocketAddrV4) {
    super(akuma, fd);
    this.peer = peer;
  }

  protected override describe(): string {
    return this.peer.toString();
  }

  protected override receive(buffer: Uint8Array): Result {
    return this.akuma.recv(this.fd, buffer, 0);
  }

  // As std: a peer that went away is an error here, not a signal that ends the program.
  protected override transmit(buffer: Uint8Array): Result {
    return this.akuma.send(this.fd, buffer, MSG_NOSIGNAL);
  }

  /** As read, leaving the bytes for the next one. */
  peek(buffer: Uint8Array): Result {
    return complete(() => this.akuma.recv(this.fd, buffer, MSG_PEEK), this.describe());
  }

  /** Ends the reading half, the writing half (`Shutdown.Write`: the peer reads the end), or both. */
  shutdown(how: number): void {
    check(this.akuma.shutdown(this.fd, how), `shutdown ${this.peer}`);
  }

  setNoDelay(on: boolean): void {
    check(this.akuma.setsockopt(this.fd, IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0), "TCP_NODELAY");
  }

  noDelay(): boolean {
    return check(this.akuma.getsockopt(this.fd, IPPROTO_TCP, TCP_NODELAY), "TCP_NODELAY") !== 0;
  }

  /** Reads that take longer throw WouldBlock; null waits for ever. */
  setReadTimeout(milliseconds: number | null): void {
    check(this.akuma.setSocketTimeout(this.fd, SOL_SOCKET, SO_RCVTIMEO, milliseconds ?? 0), "SO_RCVTIMEO");
  }

  setWriteTimeout(milliseconds: number | null): void {
    check(this.akuma.setSocketTimeout(this.fd, SOL_SOCKET, SO_SNDTIMEO, milliseconds ?? 0), "SO_SNDTIMEO");
  }

  /** Reads and writes that would wait throw WouldBlock. */
  setNonblocking(on: boolean): void {
    const flags = check(this.akuma.fcntl(this.fd, F_GETFL), "F_GETFL");
    check(this.akuma.fcntl(this.fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), "F_SETFL");
  }

  setTtl(hops: number): void {
    check(this.akuma.setsockopt(this.fd, IPPROTO_IP, IP_TTL, hops), "IP_TTL");
  }

  /** The error that the connection met since the last look; undefined where there is none. */
  takeError(): AkumaError | undefined {
    const errno = check(this.akuma.getsockopt(this.fd, SOL_SOCKET, SO_ERROR), "SO_ERROR");
    return errno === 0 ? undefined : AkumaError.fromErrno(errno, this.describe());
  }

  peerAddr(): SocketAddrV4 {
    const address = this.akuma.getpeername(this.fd);
    if (typeof address === "number") throw AkumaError.fromErrno(address, "getpeername");
    return address;
  }

  localAddr(): SocketAddrV4 {
    const address = this.akuma.getsockname(this.fd);
    if (typeof address === "number") throw AkumaError.fromErrno(address, "getsockname");
    return address;
  }
}
