/**
 * The server's loop: one epoll descriptor for the listener and all connections, one wait for all of them. Whatever is ready
 * is worked off without waiting anywhere else, so that no client holds up another.
 */
import {
  EAGAIN,
  ECONNABORTED,
  EINTR,
  EMFILE,
  ENFILE,
  ENOBUFS,
  ENOMEM,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLL_EVENT_BYTES,
  EPOLLIN,
  O_CLOEXEC,
  O_NONBLOCK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
} from "../../libakuma/constants.ts";
import { type Akuma, AkumaError } from "../../libakuma/index.ts";
import { formatHttpDate } from "../http/date.ts";
import type { AccessLog } from "./access-log.ts";
import { Connection, INPUT_BYTES } from "./connection.ts";
import { Deadlines } from "./deadlines.ts";
import type { FileCache } from "./file-cache.ts";
import { RequestHead } from "./request-head.ts";

export interface ServerOptions {
  /** For a whole request head from its first byte on, and for a body that is dropped. */
  headMilliseconds: number;
  /** Between requests of one connection. */
  idleMilliseconds: number;
  /** Without any progress of an answer. */
  sendMilliseconds: number;
  /** For a refused client to stop sending. */
  lingerMilliseconds: number;
  /** For answers under way once the server is told to stop. */
  stopMilliseconds: number;
  mostConnections: number;
}

export const defaultOptions: ServerOptions = {
  headMilliseconds: 15_000,
  idleMilliseconds: 75_000,
  sendMilliseconds: 60_000,
  lingerMilliseconds: 2_000,
  stopMilliseconds: 10_000,
  mostConnections: 10_000,
};

const MOST_EVENTS = 256;
const ACCEPTS_PER_TURN = 64;
/** After descriptors ran out: how long until new connections are taken again, when none is closed before. */
const FULL_MILLISECONDS = 1000;

export class Server {
  readonly akuma: Akuma;
  readonly options: ServerOptions;
  readonly cache: FileCache;
  readonly accessLog: AccessLog | null;
  /** Shared by all connections, since heads are parsed and answered one after another. */
  readonly head: RequestHead = new RequestHead();
  /** Where all sockets are read to; what must be kept is copied from here. */
  readonly receiveAddress: number;
  isStopping = false;
  /** Of this turn. */
  realtimeMilliseconds = 0;
  dateSecond = 0;
  /** The Date field's value. */
  date = "";
  private now = 0;
  private clockOffset = 0;
  private clockReadAt = Number.NEGATIVE_INFINITY;
  private readonly listener: number;
  private readonly epoll: number;
  private readonly connections: (Connection | undefined)[] = [];
  private connectionCount = 0;
  private readonly deadlines = new Deadlines<Connection>();
  private readonly wakeEvent: number;
  private isListening = true;
  private listenAgainAt = Number.POSITIVE_INFINITY;
  private stopAt = Number.POSITIVE_INFINITY;

  /** `listener` is a listening descriptor with O_NONBLOCK; it is closed when the server stops. */
  constructor(
    akuma: Akuma,
    listener: number,
    cache: FileCache,
    accessLog: AccessLog | null,
    options: Partial<ServerOptions> = {},
  ) {
    this.akuma = akuma;
    this.listener = listener;
    this.cache = cache;
    this.accessLog = accessLog;
    this.options = { ...defaultOptions, ...options };
    this.receiveAddress = akuma.memory.heap.allocate(INPUT_BYTES);
    this.epoll = akuma.epollCreate1(O_CLOEXEC);
    this.wakeEvent = akuma.eventfd2(0, O_NONBLOCK | O_CLOEXEC);
  }

  /** Serves until `stop` is called and the last answer is out. */
  async run(): Promise<void> {
    const { akuma } = this;
    const events = akuma.memory.heap.allocate(MOST_EVENTS * EPOLL_EVENT_BYTES);
    akuma.epollCtl(this.epoll, EPOLL_CTL_ADD, this.listener, EPOLLIN);
    akuma.epollCtl(this.epoll, EPOLL_CTL_ADD, this.wakeEvent, EPOLLIN);
    this.readClocks();
    while (!this.isStopping || this.connectionCount > 0) {
      const result = akuma.epollWait(this.epoll, events, MOST_EVENTS, this.timeout());
      const count = typeof result === "number" ? result : await result;
      if (count < 0 && count !== -EINTR) throw AkumaError.fromErrno(count, "epoll_pwait");
      this.readClocks();
      this.cache.beginTurn();
      for (let k = 0; k < count; k++) this.dispatch(akuma.memory.readInt32(events + k * EPOLL_EVENT_BYTES + 8));
      this.expire();
    }
    akuma.memory.heap.free(events, MOST_EVENTS * EPOLL_EVENT_BYTES);
    this.cache.clear();
    akuma.close(this.wakeEvent);
    akuma.close(this.epoll);
  }

  /** Takes no more connections and ends when those under way are answered. Called twice, it ends at once. */
  stop(): void {
    this.stopAt = this.isStopping ? 0 : this.now + this.options.stopMilliseconds;
    if (!this.isStopping) this.akuma.close(this.listener);
    this.isStopping = true;
    for (const connection of this.connections) connection?.stop();
    // Ends the wait, which knows nothing of the signal that this comes from.
    const one = new Uint8Array(8);
    one[0] = 1;
    void this.akuma.write_fd(this.wakeEvent, one);
  }

  setDeadline(connection: Connection, milliseconds: number): void {
    this.deadlines.set(connection, this.now + milliseconds);
  }

  watch(connection: Connection, events: number): void {
    this.akuma.epollCtl(this.epoll, EPOLL_CTL_MOD, connection.fd, events);
  }

  /** Closes the socket of a connection that has ended. */
  forget(connection: Connection): void {
    this.deadlines.remove(connection);
    this.connections[connection.fd] = undefined;
    this.connectionCount--;
    this.akuma.close(connection.fd);
    if (!this.isListening) this.listen();
  }

  private dispatch(fd: number): void {
    if (fd === this.listener) {
      this.acceptAll();
      return;
    }
    if (fd === this.wakeEvent) {
      void this.akuma.read(fd, this.receiveAddress, 8);
      return;
    }
    const connection = this.connections[fd];
    if (connection === undefined) return;
    try {
      connection.onReady();
    } catch (error) {
      // Memory ran out, most likely: this client pays, the others are served.
      if (this.akuma.hasExited) throw error;
      connection.close();
    }
  }

  private acceptAll(): void {
    if (this.isStopping) return;
    for (let k = 0; k < ACCEPTS_PER_TURN; k++) {
      if (this.connectionCount >= this.options.mostConnections) {
        this.pauseListening();
        return;
      }
      const fd = this.akuma.accept4(this.listener, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd === -EMFILE || fd === -ENFILE || fd === -ENOBUFS || fd === -ENOMEM) {
        this.pauseListening();
        return;
      }
      if (fd === -ECONNABORTED || fd === -EINTR) continue;
      if (typeof fd !== "number" || fd < 0) {
        if (fd !== -EAGAIN) this.pauseListening();
        return;
      }
      const connection = new Connection(this, fd);
      this.connections[fd] = connection;
      this.connectionCount++;
      this.setDeadline(connection, this.options.headMilliseconds);
      this.akuma.epollCtl(this.epoll, EPOLL_CTL_ADD, fd, EPOLLIN);
      // The request is often there already.
      this.dispatch(fd);
    }
  }

  /** The table is full: lets the clients go that only keep a connection open, and leaves new ones in the backlog meanwhile. */
  private pauseListening(): void {
    this.isListening = false;
    this.listenAgainAt = this.now + FULL_MILLISECONDS;
    this.akuma.epollCtl(this.epoll, EPOLL_CTL_MOD, this.listener, 0);
    for (const connection of this.connections) if (connection?.isWaiting === true) connection.close();
  }

  private listen(): void {
    this.isListening = true;
    this.listenAgainAt = Number.POSITIVE_INFINITY;
    if (!this.isStopping) this.akuma.epollCtl(this.epoll, EPOLL_CTL_MOD, this.listener, EPOLLIN);
  }

  private expire(): void {
    this.deadlines.expire(this.now, (connection) => connection.onDeadline());
    if (this.now >= this.listenAgainAt) this.listen();
    if (this.now >= this.stopAt) for (const connection of this.connections) connection?.close();
  }

  private timeout(): number {
    const timeout = this.deadlines.timeout(this.now);
    const other = Math.min(this.listenAgainAt, this.stopAt);
    if (other === Number.POSITIVE_INFINITY) return timeout;
    const untilOther = Math.max(1, Math.ceil(other - this.now));
    return timeout < 0 ? untilOther : Math.min(timeout, untilOther);
  }

  /** The wall clock is read once a second and follows the monotonic one in between. */
  private readClocks(): void {
    this.now = this.akuma.monotonicMilliseconds();
    if (this.now - this.clockReadAt >= 1000) {
      this.clockOffset = this.akuma.realtimeMilliseconds() - this.now;
      this.clockReadAt = this.now;
    }
    this.realtimeMilliseconds = this.now + this.clockOffset;
    const second = Math.floor(this.realtimeMilliseconds / 1000);
    if (second === this.dateSecond) return;
    this.dateSecond = second;
    this.date = formatHttpDate(this.realtimeMilliseconds);
  }
}
