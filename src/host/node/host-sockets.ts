/** The host's sockets on Node. Nothing is loaded until it is used: node:net costs 10 ms of start-up. */
import type { Server } from "node:net";
import {
  type HostDatagramEvents,
  type HostDatagramSocket,
  HostListenError,
  type HostListener,
  type HostSockets,
  type HostStream,
  type HostStreamEvents,
} from "../gateway/host-sockets.ts";
import { bindDatagram, connectDatagram } from "./host-datagram.ts";
import { addressOf, NodeStream } from "./host-stream.ts";
import { WriteBuffers } from "./write-buffers.ts";

export class NodeHostSockets implements HostSockets {
  readonly buffers: WriteBuffers = new WriteBuffers();

  connectStream(address: number, port: number, events: HostStreamEvents): HostStream {
    return NodeStream.connecting(process.getBuiltinModule("node:net"), address, port, this.buffers, events);
  }

  listenStream(address: string, port: number, onConnection: (stream: HostStream) => void): Promise<HostListener> {
    const net = process.getBuiltinModule("node:net");
    const isLocal = addressOf(address) >>> 24 === 127 || address === "::1";
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
      onConnection(NodeStream.accepted(socket, this.buffers, isLocal)),
    );
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void =>
        reject(new HostListenError(error.code ?? "EIO", error.message));
      server.once("error", onError);
      server.listen({ host: address, port, backlog: 4096, exclusive: true }, () => {
        server.off("error", onError);
        // Running out of descriptors while accepting: Node closes that connection and goes on.
        server.on("error", () => {});
        resolve({ port: portOf(server), close: () => server.close() });
      });
    });
  }

  connectDatagram(address: number, port: number, events: HostDatagramEvents): HostDatagramSocket {
    return connectDatagram(process.getBuiltinModule("node:dgram"), address, port, events);
  }

  bindDatagram(address: string, port: number, events: HostDatagramEvents): Promise<HostDatagramSocket> {
    return bindDatagram(process.getBuiltinModule("node:dgram"), address, port, events);
  }
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}
