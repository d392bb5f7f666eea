/** Many connections at once between two stacks: what an idle one costs, for tests and benches. */
import { Arena } from "../../../base/arena.ts";
import { BadNetwork } from "./bad-network.fixture.ts";
import type { TcpConnection } from "./connection.ts";

export interface OpenConnections {
  readonly network: BadNetwork;
  readonly clients: TcpConnection[];
  readonly servers: TcpConnection[];
}

/** Opens `count` connections to one listener and accepts them all. */
export function openMany(count: number): OpenConnections {
  const arena = new Arena({ totalBytes: 256 << 20, smallFrames: 30_000, largeFrames: 16 });
  const network = new BadNetwork({ seed: 1, arena, queueFrames: 1_000_000 });
  const listener = network.listen(80, 4096);
  const clients: TcpConnection[] = [];
  const servers: TcpConnection[] = [];
  while (clients.length < count) {
    for (let k = 0; k < 500 && clients.length < count; k++) clients.push(network.connect());
    network.settle();
    for (let server = listener.accept(); server !== null; server = listener.accept()) servers.push(server);
  }
  if (servers.length !== count) throw new Error(`${servers.length} of ${count} were accepted`);
  return { network, clients, servers };
}

export interface IdleMeasurement {
  /** Bytes of heap for one end of one idle connection that has sent and received. */
  bytesPerConnection: number;
  ringBytes: number;
  timers: number;
}

/** `collect` is the runtime's garbage collector; `heapBytes` tells what is in use. */
export function measureIdleConnections(count: number, collect: () => void, heapBytes: () => number): IdleMeasurement {
  openMany(10);
  collect();
  const before = heapBytes();
  const open = openMany(count);
  const message = new Uint8Array(64);
  for (const [index, client] of open.clients.entries()) {
    client.send(message, 0, 64);
    if (index % 500 === 499) open.network.settle();
  }
  open.network.advance(10);
  const echo = (from: TcpConnection): void => {
    const length = from.receive(message, 0, 64);
    if (length > 0) from.send(message, 0, length);
  };
  for (const [index, server] of open.servers.entries()) {
    echo(server);
    if (index % 500 === 499) open.network.settle();
  }
  open.network.advance(10_000);
  for (const client of open.clients) client.receive(message, 0, 64);
  open.network.advance(10_000);
  collect();
  const bytesPerConnection = (heapBytes() - before) / (2 * count);
  const timers = open.network.client.timers.size + open.network.server.timers.size;
  return { bytesPerConnection, ringBytes: open.network.arena.blockBytesInUse, timers };
}
