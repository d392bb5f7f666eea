/** Wrappers of the socket calls, epoll and the resolver. Results are those of the call: a number, negative for -errno. */
import { EINVAL } from "../../abi/errno.ts";
import { EPOLL_EVENT_BYTES, POLLFD_BYTES } from "../../abi/poll.ts";
import { SOCKADDR_IN_BYTES } from "../../abi/socket.ts";
import type { Result } from "./calls.ts";
import { FileCalls } from "./file-calls.ts";
import { readSocketAddress, type SocketAddrV4, writeSocketAddress } from "./socket-address.ts";

export class SocketCalls extends FileCalls {
  socket(domain: number, socketType: number, protocol: number): number {
    return this.now(this.syscall(this.numbers.socket, domain, socketType, protocol));
  }

  bind(fd: number, address: SocketAddrV4): number {
    const at = this.placeAddress(address);
    const result = this.syscall(this.numbers.bind, fd, at, SOCKADDR_IN_BYTES);
    return this.now(this.freeAfter(result, at, SOCKADDR_IN_BYTES));
  }

  listen(fd: number, backlog: number): number {
    return this.now(this.syscall(this.numbers.listen, fd, backlog));
  }

  /** The descriptor of the next connection. */
  accept(fd: number): Result {
    return this.syscall(this.numbers.accept, fd, 0, 0);
  }

  /** As accept, with SOCK_CLOEXEC and SOCK_NONBLOCK as flags; the peer's address goes to `addressAt` (16 bytes), if given. */
  accept4(fd: number, flags: number, addressAt = 0): Result {
    if (addressAt === 0) return this.syscall(this.numbers.accept4, fd, 0, 0, flags);
    const lengthAt = this.memory.heap.allocate(4);
    this.memory.writeInt32(lengthAt, SOCKADDR_IN_BYTES);
    return this.freeAfter(this.syscall(this.numbers.accept4, fd, addressAt, lengthAt, flags), lengthAt, 4);
  }

  connect(fd: number, address: SocketAddrV4): Result {
    const at = this.placeAddress(address);
    return this.freeAfter(this.syscall(this.numbers.connect, fd, at, SOCKADDR_IN_BYTES), at, SOCKADDR_IN_BYTES);
  }

  /** Bytes taken, which may be fewer than given. */
  send(fd: number, buffer: Uint8Array, flags: number): Result {
    return this.callWithInput(this.numbers.sendto, fd, buffer, flags);
  }

  /** Bytes received; 0 when the peer has shut down its side. */
  recv(fd: number, buffer: Uint8Array, flags: number): Result {
    return this.callWithOutput(this.numbers.recvfrom, fd, buffer, flags);
  }

  /** sendto(2) by addresses in process memory: of the bytes, and of a struct sockaddr_in or 0. */
  sendto(fd: number, buffer: number, length: number, flags: number, addressAt = 0): Result {
    return this.syscall(
      this.numbers.sendto,
      fd,
      buffer,
      length,
      flags,
      addressAt,
      addressAt === 0 ? 0 : SOCKADDR_IN_BYTES,
    );
  }

  recvfrom(fd: number, buffer: number, length: number, flags: number, addressAt = 0, lengthAt = 0): Result {
    return this.syscall(this.numbers.recvfrom, fd, buffer, length, flags, addressAt, lengthAt);
  }

  shutdown(fd: number, how: number): number {
    return this.now(this.syscall(this.numbers.shutdown, fd, how));
  }

  getsockname(fd: number): SocketAddrV4 | number {
    return this.addressOf(this.numbers.getsockname, fd);
  }

  getpeername(fd: number): SocketAddrV4 | number {
    return this.addressOf(this.numbers.getpeername, fd);
  }

  /** An option of type int. */
  setsockopt(fd: number, level: number, option: number, value: number): number {
    const at = this.memory.heap.allocate(4);
    this.memory.writeInt32(at, value);
    return this.now(this.freeAfter(this.syscall(this.numbers.setsockopt, fd, level, option, at, 4), at, 4));
  }

  /** SO_RCVTIMEO or SO_SNDTIMEO; 0 waits for ever. */
  setSocketTimeout(fd: number, level: number, option: number, milliseconds: number): number {
    const at = this.memory.heap.allocate(16);
    this.memory.writeInt64(at, Math.floor(milliseconds / 1000));
    this.memory.writeInt64(at + 8, Math.round((milliseconds % 1000) * 1000));
    return this.now(this.freeAfter(this.syscall(this.numbers.setsockopt, fd, level, option, at, 16), at, 16));
  }

  /** An option of type int: its value, or -errno (an int option has no negative values here). */
  getsockopt(fd: number, level: number, option: number): number {
    const at = this.memory.heap.allocate(8);
    this.memory.writeInt32(at, 0);
    this.memory.writeInt32(at + 4, 4);
    const result = this.now(this.syscall(this.numbers.getsockopt, fd, level, option, at, at + 4));
    const value = this.memory.readInt32(at);
    this.memory.heap.free(at, 8);
    return result < 0 ? result : value;
  }

  /** The IPv4 address of a name, in network byte order; -errno when there is none. */
  resolve_host(hostname: string): Uint8Array | number | Promise<Uint8Array | number> {
    const name = this.placeText(hostname);
    if (name === 0) return -EINVAL;
    const length = this.placedLength;
    const at = this.memory.heap.allocate(4);
    const result = this.freeAfter(this.syscall(this.numbers.resolve_host, name, length, at), name, length + 1);
    const take = (value: number): Uint8Array | number => {
      const address = this.memory.bytes.slice(at, at + 4);
      this.memory.heap.free(at, 4);
      return value < 0 ? value : address;
    };
    return typeof result === "number" ? take(result) : result.then(take);
  }

  epollCreate1(flags = 0): number {
    return this.now(this.syscall(this.numbers.epoll_create1, flags));
  }

  /** `data` is a non-negative number below 2^53 that comes back with each event. */
  epollCtl(epollFd: number, operation: number, fd: number, events = 0, data: number = fd): number {
    const at = this.memory.heap.allocate(EPOLL_EVENT_BYTES);
    this.memory.writeInt32(at, events);
    this.memory.writeInt32(at + 4, 0);
    this.memory.writeInt64(at + 8, data);
    const result = this.syscall(this.numbers.epoll_ctl, epollFd, operation, fd, at);
    return this.now(this.freeAfter(result, at, EPOLL_EVENT_BYTES));
  }

  /** Events placed at `eventsAt` (16 bytes each): their number, 0 at the timeout. -1 waits for ever. */
  epollWait(epollFd: number, eventsAt: number, most: number, timeoutMilliseconds: number): Result {
    return this.syscall(this.numbers.epoll_pwait, epollFd, eventsAt, most, timeoutMilliseconds, 0, 8);
  }

  /** Waits until one of `fds` is ready for its events: an array of what each is ready for; -errno. Infinity waits for ever. */
  async poll(
    fds: readonly { fd: number; events: number }[],
    timeoutMilliseconds: number = Number.POSITIVE_INFINITY,
  ): Promise<number[] | number> {
    const size = fds.length * POLLFD_BYTES + 16;
    const at = this.memory.heap.allocate(size);
    const timeAt = at + fds.length * POLLFD_BYTES;
    for (const [k, { fd, events }] of fds.entries()) {
      this.memory.writeInt32(at + k * POLLFD_BYTES, fd);
      this.memory.writeInt32(at + k * POLLFD_BYTES + 4, events & 0xffff);
    }
    const waitsForEver = timeoutMilliseconds === Number.POSITIVE_INFINITY;
    if (!waitsForEver) {
      this.memory.writeInt64(timeAt, Math.floor(timeoutMilliseconds / 1000));
      this.memory.writeInt64(timeAt + 8, Math.round((timeoutMilliseconds % 1000) * 1e6));
    }
    const result = await this.syscall(this.numbers.ppoll, at, fds.length, waitsForEver ? 0 : timeAt, 0, 8);
    const ready = fds.map((_, k) => this.memory.readUint16(at + k * POLLFD_BYTES + 6));
    this.memory.heap.free(at, size);
    return result < 0 ? result : ready;
  }

  private placeAddress(address: SocketAddrV4): number {
    const at = this.memory.heap.allocate(SOCKADDR_IN_BYTES);
    writeSocketAddress(this.memory, at, address.address, address.port);
    return at;
  }

  private addressOf(number: number, fd: number): SocketAddrV4 | number {
    const at = this.memory.heap.allocate(SOCKADDR_IN_BYTES + 4);
    this.memory.writeInt32(at + SOCKADDR_IN_BYTES, SOCKADDR_IN_BYTES);
    const result = this.now(this.syscall(number, fd, at, at + SOCKADDR_IN_BYTES));
    const address = result < 0 ? result : readSocketAddress(this.memory, at);
    this.memory.heap.free(at, SOCKADDR_IN_BYTES + 4);
    return address;
  }
}
