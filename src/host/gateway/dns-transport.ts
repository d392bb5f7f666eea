/** Brings the guest's questions from UDP and TCP port 53 of the gateway's stack to the name server, and the answers back. */
import { Timer } from "../../base/timers.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import type { NetStack } from "../../kernel/net/stack.ts";
import type { TcpConnection } from "../../kernel/net/tcp/connection.ts";
import type { TcpListener } from "../../kernel/net/tcp/listener.ts";
import type { UdpEndpoint } from "../../kernel/net/udp/endpoint.ts";
import type { DnsServer } from "./dns-server.ts";

const DNS_PORT = 53;
/** Questions being answered at once; more over UDP are dropped, as an overloaded server does. */
const MAXIMUM_PENDING = 128;
const MAXIMUM_SESSIONS = 16;
/** RFC 7766 6.2.3: a few seconds. */
const SESSION_IDLE_MILLISECONDS = 10_000;
const LENGTH_BYTES = 2;
const NO_REUSE = { reuseAddress: false, reusePort: false };

export class DnsTransport {
  private readonly stack: NetStack;
  private readonly server: DnsServer;
  private readonly schedule: (work: () => void) => void;
  private readonly endpoint: UdpEndpoint;
  private readonly listener: TcpListener;
  private readonly entries: WaitEntry[];
  private readonly scratch: Uint8Array = new Uint8Array(65_535);
  private readonly sessions = new Set<Session>();
  private pending = 0;
  private isClosed = false;

  /** `schedule` runs its argument after the stack's poll. */
  constructor(stack: NetStack, server: DnsServer, address: number, schedule: (work: () => void) => void) {
    this.stack = stack;
    this.server = server;
    this.schedule = schedule;
    const udpPort = stack.udp.ports.reserve(address, DNS_PORT, NO_REUSE);
    const tcpPort = stack.tcp.ports.reserve(address, DNS_PORT, NO_REUSE);
    if (typeof udpPort === "number" || typeof tcpPort === "number") throw new Error("port 53 of the gateway is taken");
    this.endpoint = stack.udp.open();
    this.endpoint.bind(udpPort);
    const listener = stack.tcp.listen({ reservation: tcpPort, backlog: MAXIMUM_SESSIONS });
    if (typeof listener === "number") throw new Error(`the gateway cannot listen on port 53: errno ${-listener}`);
    this.listener = listener;
    const onQuery = (): void => schedule(() => this.readQueries());
    const onConnection = (): void => schedule(() => this.acceptSessions());
    this.entries = [new WaitEntry({ wake: onQuery }), new WaitEntry({ wake: onConnection })];
    this.endpoint.events.add(this.entries[0] as WaitEntry);
    this.listener.events.add(this.entries[1] as WaitEntry);
  }

  close(): void {
    this.isClosed = true;
    for (const session of [...this.sessions]) session.end();
    this.endpoint.close();
    this.listener.close();
  }

  /** Answers one message unless too many are being answered. */
  async answer(message: Uint8Array, transport: "udp" | "tcp", reply: (answer: Uint8Array) => void): Promise<void> {
    if (this.pending >= MAXIMUM_PENDING) return;
    this.pending++;
    try {
      const answer = await this.server.answer(message, transport);
      if (answer !== null && !this.isClosed) reply(answer);
    } finally {
      this.pending--;
    }
  }

  private readQueries(): void {
    const { endpoint, scratch } = this;
    // The guest's port may have gone meanwhile: no error of ours.
    endpoint.takeError();
    while (endpoint.queuedDatagrams > 0) {
      const length = endpoint.receive(scratch, 0, scratch.length);
      if (length < 0) return;
      const { lastAddress, lastPort } = endpoint;
      void this.answer(scratch.slice(0, length), "udp", (answer) => {
        endpoint.sendTo(answer, 0, answer.length, lastAddress, lastPort);
        this.stack.requestPoll();
      });
    }
  }

  private acceptSessions(): void {
    for (let connection = this.listener.accept(); connection !== null; connection = this.listener.accept()) {
      if (this.sessions.size >= MAXIMUM_SESSIONS) connection.abort();
      else {
        const onEnd = (): void => void this.sessions.delete(session);
        const session: Session = new Session(this.stack, connection, this, this.schedule, onEnd);
        this.sessions.add(session);
        session.service();
      }
    }
  }
}

/** One connection: messages with their length before them, answered in the order in which they came. */
class Session {
  private readonly stack: NetStack;
  private readonly connection: TcpConnection;
  private readonly transport: DnsTransport;
  private readonly onEnd: () => void;
  private readonly entry: WaitEntry;
  private readonly idle: Timer;
  private input: Uint8Array = new Uint8Array(LENGTH_BYTES);
  private inputBytes = 0;
  /** What the connection has not taken yet. */
  private output: Uint8Array | null = null;
  private isAnswering = false;
  private hasEnded = false;
  private isScheduled = false;

  constructor(
    stack: NetStack,
    connection: TcpConnection,
    transport: DnsTransport,
    schedule: (work: () => void) => void,
    onEnd: () => void,
  ) {
    this.stack = stack;
    this.connection = connection;
    this.transport = transport;
    this.onEnd = onEnd;
    const wake = (): void => {
      if (this.isScheduled) return;
      this.isScheduled = true;
      schedule(() => this.service());
    };
    this.entry = new WaitEntry({ wake });
    connection.events.add(this.entry);
    this.idle = new Timer(wake);
    this.touch();
  }

  service(): void {
    this.isScheduled = false;
    if (this.hasEnded) return;
    if (this.connection.error !== 0 || this.idle.position < 0) {
      this.end();
      return;
    }
    this.flush();
    while (!this.hasEnded && !this.isAnswering && this.output === null) {
      const wanted = this.input.length - this.inputBytes;
      const length = this.connection.receive(this.input, this.inputBytes, wanted);
      if (length <= 0) {
        if (length < 0 || this.connection.receiveFinished) this.end();
        return;
      }
      this.touch();
      this.inputBytes += length;
      if (this.inputBytes === this.input.length) this.takeInput();
    }
  }

  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.stack.timers.disarm(this.idle);
    this.connection.events.remove(this.entry);
    this.connection.close();
    this.onEnd();
  }

  private takeInput(): void {
    const { input } = this;
    this.inputBytes = 0;
    if (input.length === LENGTH_BYTES) {
      const length = ((input[0] as number) << 8) | (input[1] as number);
      if (length === 0) {
        this.end();
        return;
      }
      // One byte longer than the length itself can be, so that the two are never confused.
      this.input = new Uint8Array(Math.max(length, LENGTH_BYTES + 1));
      return;
    }
    this.input = new Uint8Array(LENGTH_BYTES);
    this.isAnswering = true;
    void this.transport
      .answer(input, "tcp", (answer) => {
        this.output = new Uint8Array(LENGTH_BYTES + answer.length);
        this.output[0] = answer.length >> 8;
        this.output[1] = answer.length;
        this.output.set(answer, LENGTH_BYTES);
      })
      .then(() => {
        this.isAnswering = false;
        if (this.hasEnded) return;
        // Nothing to say to this message: nothing more to say at all.
        if (this.output === null) this.end();
        else this.service();
        this.stack.requestPoll();
      });
  }

  private flush(): void {
    const { output } = this;
    if (output === null) return;
    const sent = this.connection.send(output, 0, output.length);
    if (sent < 0) {
      this.end();
      return;
    }
    this.output = sent === output.length ? null : output.subarray(sent);
  }

  private touch(): void {
    this.stack.timers.arm(this.idle, this.stack.now + SESSION_IDLE_MILLISECONDS);
  }
}
