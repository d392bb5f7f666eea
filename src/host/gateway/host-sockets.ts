/**
 * The host's sockets as the gateway sees them, whatever the runtime. Addresses are IPv4 in host order, ports numbers, errors
 * positive errno numbers. No call calls back before it has returned, except resume().
 */

/** What a host stream tells. After onError or onClose nothing more comes. */
export interface HostStreamEvents {
  /** An outbound stream is connected. */
  onOpen(): void;
  /** Bytes from the host, valid during the call. Returns how many were taken; what is left is kept, and reading stops until resume(). */
  onData(bytes: Uint8Array, offset: number, length: number): number;
  /** The other side has finished sending. */
  onEnd(): void;
  /** What write() had to leave waiting is gone: the next writeBuffer() will not be null. */
  onWritable(): void;
  /** The connection failed; the stream is closed. */
  onError(errno: number): void;
  /** The stream is closed on both sides. */
  onClose(): void;
}

/** One TCP connection of the host. Accepted streams start paused: resume() starts the reading. */
export interface HostStream {
  events: HostStreamEvents | null;
  /** The other side as seen by the host; 0 where it is no IPv4 address. */
  readonly remoteAddress: number;
  readonly remotePort: number;
  /** Where to put up to `wanted` bytes (it may be smaller); null while an earlier write waits for the host. */
  writeBuffer(wanted: number): Uint8Array | null;
  /** Sends the first `length` bytes of what writeBuffer() gave. False: no more until onWritable(). */
  write(length: number): boolean;
  /** Sends FIN after what was written. */
  end(): void;
  /** Goes on reading; bytes that were kept are offered to onData() first, before this returns. */
  resume(): void;
  /** Closes with RST, dropping what waits. Idempotent; no events follow. */
  reset(): void;
  /** Closes what is finished on both sides. Idempotent; no events follow. */
  close(): void;
}

export interface HostListener {
  /** The port it got, where 0 was asked for. */
  readonly port: number;
  close(): void;
}

export interface HostDatagramEvents {
  /** Bytes valid during the call. The sender is 0, 0 where it is no IPv4 address. */
  onMessage(bytes: Uint8Array, address: number, port: number): void;
  onError(errno: number): void;
}

/** A UDP socket of the host: connected to one address, or bound to one. */
export interface HostDatagramSocket {
  /** The port it is bound to, where 0 was asked for; 0 while a connected socket is being set up. */
  readonly port: number;
  /** Copies the bytes before returning. The address is left out on a connected socket. Drops what does not fit. */
  send(bytes: Uint8Array, offset: number, length: number, address?: number, port?: number): void;
  close(): void;
}

/** An address or a port that cannot be listened on: EADDRINUSE, EACCES, EADDRNOTAVAIL. */
export class HostListenError extends Error {
  override name = "HostListenError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface HostSockets {
  connectStream(address: number, port: number, events: HostStreamEvents): HostStream;
  /** `address` is text, so that it may be an IPv6 one. Rejects with HostListenError. */
  listenStream(address: string, port: number, onConnection: (stream: HostStream) => void): Promise<HostListener>;
  connectDatagram(address: number, port: number, events: HostDatagramEvents): HostDatagramSocket;
  bindDatagram(address: string, port: number, events: HostDatagramEvents): Promise<HostDatagramSocket>;
}

/** What the host's resolver found: "absent" is NXDOMAIN or no data of that type, "failed" everything that may pass. */
export type Resolution<T> =
  | { readonly status: "found"; readonly values: readonly T[]; readonly timeToLiveSeconds: number }
  | { readonly status: "absent"; readonly nameExists: boolean }
  | { readonly status: "failed" };

/** A record as the DNS library encodes it: see dns-server.ts. */
export interface HostRecord {
  readonly type: string;
  readonly data: unknown;
  readonly timeToLiveSeconds?: number;
}

export interface HostResolver {
  /** IPv4 addresses as programs of the host get them, hosts file and all. Never rejects. */
  addresses(name: string): Promise<Resolution<number>>;
  /** Records of one other type from the name servers of the host. Never rejects. */
  records(name: string, type: string): Promise<Resolution<HostRecord>>;
}
