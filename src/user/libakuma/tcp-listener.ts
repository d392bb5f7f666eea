/** A TCP socket that accepts connections. */
import { ECONNABORTED } from "../../abi/errno.ts";
import { SOCK_CLOEXEC, SOCKADDR_IN_BYTES } from "../../abi/socket.ts";
import type { Akuma } from "./akuma.ts";
import { AkumaError } from "./error.ts";
import { check, retry } from "./retry.ts";
import { readSocketAddress, type SocketAddrV4 } from "./socket-address.ts";
import { TcpStream } from "./tcp-stream.ts";

export interface Incoming {
  stream: TcpStream;
  address: SocketAddrV4;
}

export class TcpListener implements AsyncIterable<Incoming> {
  readonly fd: number;
  private readonly akuma: Akuma;
  private isClosed = false;

  constructor(akuma: Akuma, fd: number) {
    this.akuma = akuma;
    this.fd = fd;
  }

  /** The next connection and who made it. */
  async accept(): Promise<Incoming> {
    const { memory } = this.akuma;
    const at = memory.heap.allocate(SOCKADDR_IN_BYTES);
    try {
      const result = retry(() => this.akuma.accept4(this.fd, SOCK_CLOEXEC, at));
      const fd = check(typeof result === "number" ? result : await result, "accept");
      const address = readSocketAddress(memory, at);
      return { stream: new TcpStream(this.akuma, fd, address), address };
    } finally {
      memory.heap.free(at, SOCKADDR_IN_BYTES);
    }
  }

  /** Connections as they come, without end; those that broke before they were accepted are passed over. */
  async *incoming(): AsyncGenerator<Incoming, never, undefined> {
    for (;;) {
      try {
        yield await this.accept();
      } catch (error) {
        if (!(error instanceof AkumaError) || error.errno !== ECONNABORTED) throw error;
      }
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<Incoming> {
    return this.incoming();
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
