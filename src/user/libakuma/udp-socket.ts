/** A UDP socket. */
import { SO_BROADCAST, SO_RCVTIMEO, SOCKADDR_IN_BYTES, SOL_SOCKET } from "../../abi/socket.ts";
import type { Akuma } from "./akuma.ts";
import type { Result } from "./calls.ts";
import { AkumaError } from "./error.ts";
import { encodeText } from "./memory.ts";
import { check, complete, retry } from "./retry.ts";
import { readSocketAddress, type SocketAddrV4, writeSocketAddress } from "./socket-address.ts";

const MOST_BYTES = 65_507;

export class UdpSocket {
  readonly fd: number;
  private readonly akuma: Akuma;
  private isClosed = false;

  constructor(akuma: Akuma, fd: number) {
    this.akuma = akuma;
    this.fd = fd;
  }

  /** Sends one datagram to "address:port"; its bytes. */
  async sendTo(data: Uint8Array | string, address: SocketAddrV4 | string): Promise<number> {
    const bytes = typeof data === "string" ? encodeText(data) : data;
    const target = typeof address === "string" ? (await this.akuma.net.lookupHost(address))[0] : address;
    if (target === undefined) throw AkumaError.fromKind("NotFound", `${address}`);
    const { memory } = this.akuma;
    // One byte more than ever fits is enough for the system to refuse it (EMSGSIZE).
    const length = Math.min(bytes.length, MOST_BYTES + 1);
    const at = memory.heap.allocate(length + SOCKADDR_IN_BYTES);
    writeSocketAddress(memory, at, target.address, target.port);
    memory.bytes.set(length === bytes.length ? bytes : bytes.subarray(0, length), at + SOCKADDR_IN_BYTES);
    try {
      return await complete(
        () => this.akuma.sendto(this.fd, at + SOCKADDR_IN_BYTES, length, 0, at),
        `send to ${target}`,
      );
    } finally {
      memory.heap.free(at, length + SOCKADDR_IN_BYTES);
    }
  }

  /** The next datagram: its bytes go to `buffer`, what does not fit is lost. */
  async recvFrom(buffer: Uint8Array): Promise<{ length: number; address: SocketAddrV4 }> {
    const { memory } = this.akuma;
    const room = Math.min(buffer.length, MOST_BYTES);
    const size = SOCKADDR_IN_BYTES * 2 + room;
    const at = memory.heap.allocate(size);
    const data = at + SOCKADDR_IN_BYTES * 2;
    try {
      const result = retry(() => {
        memory.writeInt32(at + SOCKADDR_IN_BYTES, SOCKADDR_IN_BYTES);
        return this.akuma.recvfrom(this.fd, data, room, 0, at, at + SOCKADDR_IN_BYTES);
      });
      const length = check(typeof result === "number" ? result : await result, "receive");
      buffer.set(memory.bytes.subarray(data, data + length));
      return { length, address: readSocketAddress(memory, at) };
    } finally {
      memory.heap.free(at, size);
    }
  }

  /** From now on only this peer's datagrams arrive, and `send` needs no address. */
  async connect(address: SocketAddrV4 | string): Promise<void> {
    const target = typeof address === "string" ? (await this.akuma.net.lookupHost(address))[0] : address;
    if (target === undefined) throw AkumaError.fromKind("NotFound", `${address}`);
    check(await this.akuma.connect(this.fd, target), `connect to ${target}`);
  }

  send(data: Uint8Array | string): Result {
    const bytes = typeof data === "string" ? encodeText(data) : data;
    return complete(() => this.akuma.send(this.fd, bytes, 0), "send");
  }

  recv(buffer: Uint8Array): Result {
    return complete(() => this.akuma.recv(this.fd, buffer, 0), "receive");
  }

  setBroadcast(on: boolean): void {
    check(this.akuma.setsockopt(this.fd, SOL_SOCKET, SO_BROADCAST, on ? 1 : 0), "SO_BROADCAST");
  }

  /** Receiving for longer throws WouldBlock; null waits for ever. */
  setReadTimeout(milliseconds: number | null): void {
    check(this.akuma.setSocketTimeout(this.fd, SOL_SOCKET, SO_RCVTIMEO, milliseconds ?? 0), "SO_RCVTIMEO");
  }

  localAddr(): SocketAddrV4 {
    const address = this.akuma.getsockname(this.fd);
    if (typeof address === "number") throw AkumaError.fromErrno(address, "getsockname");
    return address;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.akuma.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
