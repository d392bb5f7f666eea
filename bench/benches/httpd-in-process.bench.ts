/** Requests a second of /bin/httpd within one process, through kernel.connect: no host port, no system call of the host. */
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { Kernel } from "../../src/index.ts";
import { LOOPBACK_ADDRESS } from "../../src/kernel/net/ip/addresses.ts";
import type { Bench, Variant } from "../harness.ts";
import { root } from "../serving.ts";

const REQUESTS = 4000;
const REQUEST = "GET /akuma.svg HTTP/1.1\r\nHost: akuma\r\n\r\n";

/** One keep-alive connection that asks again as soon as a whole response has come. */
class Client {
  private readonly socket: Duplex;
  private expected = 0;
  private got = 0;
  private onResponse: () => void = () => {};

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    socket.on("error", (error) => {
      throw error;
    });
  }

  request(): Promise<void> {
    return new Promise((resolve) => {
      this.onResponse = resolve;
      this.socket.write(REQUEST);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  /** The same file each time: the first response tells how long each of them is. */
  private take(chunk: Buffer): void {
    if (this.expected === 0) {
      const text = chunk.toString("latin1");
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (!text.startsWith("HTTP/1.1 200") || !text.includes("\r\n\r\n"))
        throw new Error(`unexpected response: ${text}`);
      this.expected = text.indexOf("\r\n\r\n") + 4 + length;
    }
    this.got += chunk.length;
    if (this.got < this.expected) return;
    this.got = 0;
    this.onResponse();
  }
}

export const bench: Bench = {
  name: "httpd-in-process",
  what: `${REQUESTS} requests a round through kernel.connect, a file of 1 KB`,
  rounds: 7,
  open: async () => {
    const kernel = await Kernel.boot({ mounts: { "/public": join(root, "public") } });
    await kernel.spawn("/bin/httpd");
    while (!kernel.core.net.tcp.isListening(LOOPBACK_ADDRESS, 8080)) await new Promise((soon) => setTimeout(soon, 1));
    const variant = (connections: number): Variant => {
      const clients = Array.from({ length: connections }, () => new Client(kernel.connect(8080)));
      return {
        name: `${connections}-connections`,
        unit: "requests/s",
        measure: async () => {
          const started = performance.now();
          const each = REQUESTS / connections;
          await Promise.all(
            clients.map(async (client) => {
              for (let count = 0; count < each; count++) await client.request();
            }),
          );
          return REQUESTS / ((performance.now() - started) / 1000);
        },
      };
    };
    return { variants: [variant(1), variant(32)], close: () => kernel.shutdown() };
  },
};
