/** UDP sockets of the host behind node:dgram. What does not fit into the host's buffers is dropped, as UDP is. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:dgram";
import { formatIpv4 } from "../../base/ipv4-address.ts";
import { type HostDatagramEvents, type HostDatagramSocket, HostListenError } from "../gateway/host-sockets.ts";
import { addressOf, errnoOf } from "./host-stream.ts";

type Dgram = typeof import("node:dgram");

/** Datagrams that may wait until a socket is set up. */
const MAXIMUM_EARLY = 32;
/** Bytes that may wait in one socket's send queue. */
const MAXIMUM_QUEUED_BYTES = 1 << 20;

class NodeDatagramSocket implements HostDatagramSocket {
  port = 0;
  private readonly socket: Socket;
  private readonly isConnected: boolean;
  private isReady = false;
  private isClosed = false;
  private early: Buffer[] = [];
  private readonly afterSend: (error: Error | null) => void;

  constructor(socket: Socket, isConnected: boolean, events: HostDatagramEvents) {
    this.socket = socket;
    this.isConnected = isConnected;
    this.afterSend = (error) => {
      if (error !== null && !this.isClosed) events.onError(errnoOf(error));
    };
    socket.on("message", (bytes, sender) => {
      if (!this.isClosed) events.onMessage(bytes, addressOf(sender.address), sender.port);
    });
    socket.on("error", (error) => {
      if (!this.isClosed) events.onError(errnoOf(error));
    });
  }

  ready(): void {
    if (this.isClosed) return;
    this.isReady = true;
    this.port = this.socket.address().port;
    for (const bytes of this.early) this.socket.send(bytes, this.afterSend);
    this.early = [];
  }

  send(bytes: Uint8Array, offset: number, length: number, address = 0, port = 0): void {
    if (this.isClosed) return;
    const copy = Buffer.from(bytes.subarray(offset, offset + length));
    if (!this.isReady) {
      if (this.isConnected && this.early.length < MAXIMUM_EARLY) this.early.push(copy);
      return;
    }
    if (this.socket.getSendQueueSize() + length > MAXIMUM_QUEUED_BYTES) return;
    if (this.isConnected) this.socket.send(copy, this.afterSend);
    else this.socket.send(copy, port, formatIpv4(address), this.afterSend);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.early = [];
    this.socket.close();
  }
}

/** A socket connected to one address: the host's kernel drops what comes from elsewhere and reports ICMP errors. */
export function connectDatagram(
  dgram: Dgram,
  address: number,
  port: number,
  events: HostDatagramEvents,
): HostDatagramSocket {
  const socket = dgram.createSocket("udp4");
  const result = new NodeDatagramSocket(socket, true, events);
  socket.connect(port, formatIpv4(address), () => result.ready());
  return result;
}

/** A socket bound to an address (text) and port. Rejects with HostListenError. */
export function bindDatagram(
  dgram: Dgram,
  address: string,
  port: number,
  events: HostDatagramEvents,
): Promise<HostDatagramSocket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
    const onError = (error: NodeJS.ErrnoException): void => {
      socket.close();
      reject(new HostListenError(error.code ?? "EIO", error.message));
    };
    socket.once("error", onError);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off("error", onError);
      const result = new NodeDatagramSocket(socket, false, events);
      result.ready();
      resolve(result);
    });
  });
}
