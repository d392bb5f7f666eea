/** Sockets of the Linux kernel in a namespace, used from a test: each call becomes a request to linux_agent.py. */
import { createInterface } from "node:readline";
import type { Child, Namespace } from "./namespace.ts";

type Value = number | string | boolean | null | Uint8Array | Value[] | { constant: string };

/** A call failed; `errno` is its name ("ECONNREFUSED"). */
export class LinuxError extends Error {
  readonly errno: string;

  constructor(what: string, errno: string) {
    super(`Linux: ${what}: ${errno}`);
    this.errno = errno;
  }
}

/** What a sink has read. */
export interface Received {
  bytes: number;
  sha256: string;
}

export class LinuxAgent {
  private readonly child: Child;
  private readonly waiting = new Map<
    number,
    { what: string; resolve(value: Value): void; reject(error: Error): void }
  >();
  private requests = 0;

  constructor(namespace: Namespace) {
    this.child = namespace.startPython("linux_agent.py");
    createInterface({ input: this.child.stdout }).on("line", (line) => this.take(line));
    this.child.stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
    this.child.on("exit", () => {
      for (const { what, reject } of this.waiting.values()) reject(new LinuxError(what, "the agent ended"));
    });
  }

  /** Runs one of the agent's actions. */
  async act<Result = Value>(action: string, ...values: Value[]): Promise<Result> {
    const id = this.requests++;
    const what = `${action} ${values.filter((value) => !(value instanceof Uint8Array)).join(" ")}`;
    return await new Promise((resolve, reject) => {
      this.waiting.set(id, { what, resolve: resolve as (value: Value) => void, reject });
      this.child.stdin.write(`${JSON.stringify({ id, do: action, with: values.map(encode) })}\n`);
    });
  }

  async open(kind: "tcp" | "udp" | "icmp"): Promise<LinuxSocket> {
    return new LinuxSocket(this, await this.act<number>("open", kind));
  }

  /** A listening TCP socket. */
  async listen(port: number, backlog = 16): Promise<LinuxSocket> {
    const socket = await this.open("tcp");
    await socket.bind(port);
    await socket.call("listen", backlog);
    return socket;
  }

  async connect(address: string, port: number): Promise<LinuxSocket> {
    const socket = await this.open("tcp");
    await socket.connect(address, port);
    return socket;
  }

  /** Sets a value below /proc/sys of the namespace. */
  async setSystemControl(name: string, value: string | number): Promise<void> {
    await this.act("writeFile", `/proc/sys/${name.replaceAll(".", "/")}`, String(value));
  }

  private take(line: string): void {
    const { id, value, errno } = JSON.parse(line) as { id: number; value?: unknown; errno?: string };
    const request = this.waiting.get(id);
    this.waiting.delete(id);
    if (errno === undefined) request?.resolve(decode(value));
    else request?.reject(new LinuxError(request.what, errno));
  }
}

export class LinuxSocket {
  private readonly agent: LinuxAgent;
  private readonly handle: number;

  constructor(agent: LinuxAgent, handle: number) {
    this.agent = agent;
    this.handle = handle;
  }

  /** A method of Python's socket. */
  async call<Result = Value>(method: string, ...values: Value[]): Promise<Result> {
    return await this.agent.act<Result>("call", this.handle, method, ...values);
  }

  async bind(port: number, address = "0.0.0.0"): Promise<void> {
    await this.call("bind", [address, port]);
  }

  async accept(): Promise<LinuxSocket> {
    return new LinuxSocket(this.agent, await this.agent.act<number>("accept", this.handle));
  }

  async connect(address: string, port: number): Promise<void> {
    await this.call("connect", [address, port]);
  }

  async send(data: Uint8Array | string): Promise<void> {
    await this.call("sendall", bytesOf(data));
  }

  /** At least one byte, or none at the end. */
  async receive(most = 65_536): Promise<Buffer> {
    return await this.call<Buffer>("recv", most);
  }

  async sendTo(data: Uint8Array | string, address: string, port: number): Promise<number> {
    return await this.call<number>("sendto", bytesOf(data), [address, port]);
  }

  async shutdownWrite(): Promise<void> {
    await this.call("shutdown", { constant: "SHUT_WR" });
  }

  async setOption(level: string, name: string, value: number | Uint8Array): Promise<void> {
    await this.call("setsockopt", { constant: level }, { constant: name }, value);
  }

  async localPort(): Promise<number> {
    return (await this.call<[string, number]>("getsockname"))[1];
  }

  /** close() ends the connection by RST. */
  async resetOnClose(): Promise<void> {
    await this.setOption("SOL_SOCKET", "SO_LINGER", Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
  }

  /** Sends `count` bytes of a pattern; their SHA-256. */
  async source(count: number): Promise<string> {
    return await this.agent.act<string>("source", this.handle, count);
  }

  /** Reads to the end, resting after every `pauseBytes`. */
  async sink(pauseBytes = 0, pauseSeconds = 0): Promise<Received> {
    return await this.agent.act<Received & Value>("sink", this.handle, pauseBytes, pauseSeconds);
  }

  async close(): Promise<void> {
    await this.agent.act("close", this.handle);
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : data;
}

function encode(value: Value): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString("base64") };
  return Array.isArray(value) ? value.map(encode) : value;
}

function decode(value: unknown): Value {
  if (Array.isArray(value)) return value.map(decode);
  const encoded = (value as { base64?: string } | null)?.base64;
  return encoded === undefined ? (value as Value) : Buffer.from(encoded, "base64");
}
