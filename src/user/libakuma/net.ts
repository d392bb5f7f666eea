/**
 * The network for programs, after std::net: TcpListener, TcpStream, UdpSocket. Errors are thrown as AkumaError (`net.Error`),
 * everything that may wait is awaitable, `using` and `await using` close.
 */
import { EINPROGRESS, EINTR, EINVAL } from "../../abi/errno.ts";
import { F_GETFL, F_SETFL, O_NONBLOCK } from "../../abi/file.ts";
import { POLLOUT } from "../../abi/poll.ts";
import {
  AF_INET,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_ERROR,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import type { Akuma } from "./akuma.ts";
import { AkumaError } from "./error.ts";
import { check } from "./retry.ts";
import { formatIpv4, parseIpv4, SocketAddrV4, splitHostPort } from "./socket-address.ts";
import { TcpListener } from "./tcp-listener.ts";
import { TcpStream } from "./tcp-stream.ts";
import { UdpSocket } from "./udp-socket.ts";

/** "host:port" with a name or an address, or an address object. */
export type AddressLike = string | SocketAddrV4;

/** Which half of a connection `shutdown` ends. */
export const Shutdown: { readonly Read: 0; readonly Write: 1; readonly Both: 2 } = {
  Read: SHUT_RD,
  Write: SHUT_WR,
  Both: SHUT_RDWR,
};

export class Network {
  private readonly akuma: Akuma;
  readonly Shutdown: typeof Shutdown = Shutdown;
  readonly SocketAddrV4: typeof SocketAddrV4 = SocketAddrV4;
  readonly Error: typeof AkumaError = AkumaError;
  readonly TcpListener: { bind(address: AddressLike, backlog?: number): Promise<TcpListener> };
  readonly TcpStream: {
    connect(address: AddressLike): Promise<TcpStream>;
    connectTimeout(address: AddressLike, milliseconds: number): Promise<TcpStream>;
  };
  readonly UdpSocket: { bind(address: AddressLike): Promise<UdpSocket> };

  constructor(akuma: Akuma) {
    this.akuma = akuma;
    this.TcpListener = { bind: (address, backlog) => this.bindListener(address, backlog ?? 128) };
    this.TcpStream = {
      connect: (address) => this.connectStream(address, Number.POSITIVE_INFINITY),
      connectTimeout: (address, milliseconds) => this.connectStream(address, milliseconds),
    };
    this.UdpSocket = { bind: (address) => this.bindUdp(address) };
  }

  /** The IPv4 address of a name, as "93.184.216.34"; an address in dots is itself. NotFound where the name has none. */
  async resolve(name: string): Promise<string> {
    if (parseIpv4(name) !== undefined) return name;
    const result = await this.akuma.resolve_host(name);
    if (typeof result === "number") throw AkumaError.fromErrno(result, name);
    const [a = 0, b = 0, c = 0, d = 0] = result;
    return formatIpv4(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
  }

  /** The addresses behind "name:port". */
  async lookupHost(hostAndPort: string): Promise<SocketAddrV4[]> {
    const parts = splitHostPort(hostAndPort);
    if (parts === undefined) throw AkumaError.fromErrno(EINVAL, hostAndPort);
    return [new SocketAddrV4(await this.resolve(parts.host), parts.port)];
  }

  private async addressesOf(address: AddressLike): Promise<SocketAddrV4[]> {
    if (typeof address !== "string") return [address];
    const parsed = SocketAddrV4.parse(address);
    return parsed === undefined ? await this.lookupHost(address) : [parsed];
  }

  private async bindListener(address: AddressLike, backlog: number): Promise<TcpListener> {
    return await this.firstThatWorks(address, SOCK_STREAM, (fd, candidate) => {
      // As std on Unix: a server that is started again must not wait for its old connections' TIME_WAIT.
      check(this.akuma.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1), `bind ${candidate}`);
      check(this.akuma.bind(fd, candidate), `bind ${candidate}`);
      check(this.akuma.listen(fd, backlog), `listen on ${candidate}`);
      return new TcpListener(this.akuma, fd);
    });
  }

  private async connectStream(address: AddressLike, milliseconds: number): Promise<TcpStream> {
    return await this.firstThatWorks(address, SOCK_STREAM, async (fd, candidate) => {
      const result =
        milliseconds === Number.POSITIVE_INFINITY
          ? await this.akuma.connect(fd, candidate)
          : await this.connectWithin(fd, candidate, milliseconds);
      // connect(2): interrupted by a signal, the attempt goes on by itself.
      check(result === -EINTR ? await this.connectionResult(fd, milliseconds) : result, `connect to ${candidate}`);
      return new TcpStream(this.akuma, fd, candidate);
    });
  }

  private async connectWithin(fd: number, address: SocketAddrV4, milliseconds: number): Promise<number> {
    const flags = this.akuma.fcntl(fd, F_GETFL);
    this.akuma.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    const result = await this.akuma.connect(fd, address);
    const final = result === -EINPROGRESS ? await this.connectionResult(fd, milliseconds) : result;
    this.akuma.fcntl(fd, F_SETFL, flags);
    return final;
  }

  /** How an attempt under way ends: 0 or -errno. */
  private async connectionResult(fd: number, milliseconds: number): Promise<number> {
    const deadline = this.akuma.monotonicMilliseconds() + milliseconds;
    for (;;) {
      const left = Math.max(0, deadline - this.akuma.monotonicMilliseconds());
      const ready = await this.akuma.poll([{ fd, events: POLLOUT }], left);
      if (ready === -EINTR) continue;
      if (typeof ready === "number") return ready;
      if (ready[0] === 0) throw AkumaError.fromKind("TimedOut", "connect: timed out");
      return -this.akuma.getsockopt(fd, SOL_SOCKET, SO_ERROR);
    }
  }

  private async bindUdp(address: AddressLike): Promise<UdpSocket> {
    return await this.firstThatWorks(address, SOCK_DGRAM, (fd, candidate) => {
      check(this.akuma.bind(fd, candidate), `bind ${candidate}`);
      return new UdpSocket(this.akuma, fd);
    });
  }

  /** Tries each address with a fresh socket; the last error is the one thrown. */
  private async firstThatWorks<Socket>(
    address: AddressLike,
    socketType: number,
    use: (fd: number, candidate: SocketAddrV4) => Socket | Promise<Socket>,
  ): Promise<Socket> {
    let lastError: unknown;
    for (const candidate of await this.addressesOf(address)) {
      const fd = check(this.akuma.socket(AF_INET, socketType | SOCK_CLOEXEC, 0), "socket");
      try {
        return await use(fd, candidate);
      } catch (error) {
        this.akuma.close(fd);
        lastError = error;
      }
    }
    throw lastError;
  }
}
