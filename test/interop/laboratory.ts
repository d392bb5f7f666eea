/** One Akuma kernel on the host's clock, wired to the Linux kernel of this machine: a namespace with a TAP interface between. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { SO_LINGER, SOL_SOCKET } from "../../src/abi/socket.ts";
import { Arena } from "../../src/base/arena.ts";
import { parseIpv4 } from "../../src/base/ipv4-address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { NodeClock } from "../../src/host/node/clock.ts";
import { NodeScheduler } from "../../src/host/node/scheduler.ts";
import type { ProgramModule } from "../../src/kernel/exec/program.ts";
import { createPipe } from "../../src/kernel/file/pipe.ts";
import { Kernel, type StartOptions } from "../../src/kernel/kernel.ts";
import type { Device } from "../../src/kernel/net/device/device.ts";
import { type FaultProfile, FaultyDevice } from "../../src/kernel/net/device/faults.ts";
import { PcapDevice, PcapWriter } from "../../src/kernel/net/device/pcap.ts";
import type { TcpConnection } from "../../src/kernel/net/tcp/connection.ts";
import { programs } from "../../src/user/bin/index.ts";
import type { Akuma } from "../../src/user/libakuma/akuma.ts";
import { startProgram } from "../../src/user/libakuma/start.ts";
import type { TcpStream } from "../../src/user/libakuma/tcp-stream.ts";
import { LinuxAgent, type LinuxSocket } from "./linux-agent.ts";
import { Namespace } from "./namespace.ts";
import { TapDevice } from "./tap-device.ts";

export const LINUX = "10.0.0.1";
export const AKUMA = "10.0.0.2";
/** A length without small factors, as in linux_agent.py. */
const PATTERN_BYTES = 1_000_003;
const PIECE_BYTES = 1 << 18;
/** Linux's side of the link keeps so many frames while the relay is busy: what is to be lost is lost on purpose. */
const QUEUED_FRAMES = 20_000;
const OUTPUT_BYTES = 65_536;

export interface LaboratoryOptions {
  mtu?: number;
  /** Of each direction of the link; it can then be given other faults as well. Default: none, and no faults. */
  delayMilliseconds?: number;
  /** Keep what passes our interface; default true. */
  capture?: boolean;
  seed?: number;
}

export interface Ended {
  code: number | null;
  signal: string | null;
  output: string;
}

export type Talk<Result> = (stream: TcpStream, akuma: Akuma) => Promise<Result>;

/** A connection: Linux's end, and what comes of the program at ours. */
export interface Conversation<Result> {
  linux: LinuxSocket;
  result: Promise<Result>;
}

export class Laboratory {
  readonly namespace: Namespace;
  readonly linux: LinuxAgent;
  readonly kernel: Kernel;
  readonly device: TapDevice;
  private readonly chunks: Uint8Array[] = [];
  private readonly faults: FaultProfile = {};
  private programsRun = 0;

  private constructor(namespace: Namespace, device: TapDevice, arena: Arena, options: LaboratoryOptions) {
    const clock = new NodeClock();
    const random = new SeededRandom(options.seed ?? 1);
    this.namespace = namespace;
    this.device = device;
    let link: Device = device;
    if (options.delayMilliseconds !== undefined) {
      this.setFaults({ delayMilliseconds: options.delayMilliseconds });
      link = new FaultyDevice(link, { arena, random, transmit: this.faults, receive: this.faults });
    }
    if (options.capture !== false) {
      const writer = new PcapWriter({ sink: (bytes) => this.chunks.push(bytes) });
      link = new PcapDevice(link, arena, writer, () => clock.realtimeMilliseconds());
    }
    this.kernel = new Kernel({
      clock,
      random,
      scheduler: new NodeScheduler(),
      arena,
      starter: startProgram as never,
      interfaces: [
        {
          name: "eth0",
          device: link,
          address: parseIpv4(AKUMA) as number,
          prefixLength: 24,
          gateway: parseIpv4(LINUX) as number,
        },
      ],
      log: (line) => process.stderr.write(`${line}\n`),
    });
    for (const [name, load] of Object.entries(programs)) {
      this.kernel.addProgram({ name, load: load as () => Promise<ProgramModule> });
    }
    this.linux = new LinuxAgent(namespace);
  }

  static async open(options: LaboratoryOptions = {}): Promise<Laboratory> {
    const namespace = new Namespace();
    try {
      const mtu = options.mtu ?? 1500;
      const arena = new Arena();
      const device = await TapDevice.open(namespace, arena, "tap0", mtu);
      const laboratory = new Laboratory(namespace, device, arena, options);
      // Before the interface is up: nothing is sent that was not asked for, and no connection learns from an earlier one.
      await laboratory.linux.setSystemControl("net.ipv6.conf.all.disable_ipv6", 1);
      await laboratory.linux.setSystemControl("net.ipv4.tcp_no_metrics_save", 1);
      // A namespace may choose only among what the machine allows; Reno is always allowed.
      const { linux } = laboratory;
      await linux
        .setSystemControl("net.ipv4.tcp_congestion_control", "cubic")
        .catch(() => linux.setSystemControl("net.ipv4.tcp_congestion_control", "reno"));
      namespace.configure("link", "set", "tap0", "mtu", String(mtu), "txqueuelen", String(QUEUED_FRAMES));
      namespace.configure("address", "add", `${LINUX}/24`, "dev", "tap0");
      namespace.configure("link", "set", "tap0", "up");
      return laboratory;
    } catch (error) {
      namespace.remove();
      throw error;
    }
  }

  /** From now on the link is like this, in each direction; for one that was opened with a delay. */
  setFaults(faults: FaultProfile & { delayMilliseconds: number }): void {
    for (const key of Object.keys(this.faults)) delete this.faults[key as keyof FaultProfile];
    Object.assign(this.faults, faults);
  }

  close(): void {
    this.kernel.shutdown();
    this.namespace.remove();
  }

  /** Runs a function as a program of Akuma. */
  async run(main: (akuma: Akuma) => unknown): Promise<Ended> {
    const name = `test${this.programsRun++}`;
    this.kernel.addProgram({ name, load: async () => ({ main: main as ProgramModule["main"] }) });
    return await this.start(`/bin/${name}`).ended;
  }

  /** As run; the program's result, and what it throws is thrown. */
  async inside<Result>(main: (akuma: Akuma) => Promise<Result>): Promise<Result> {
    const outcome: { value?: Result; error?: unknown } = {};
    await this.run(async (akuma) => {
      try {
        outcome.value = await main(akuma);
      } catch (error) {
        outcome.error = error;
      }
    });
    if ("error" in outcome) throw outcome.error;
    return outcome.value as Result;
  }

  /** Starts one of Akuma's programs. */
  start(path: string, options: Partial<StartOptions> = {}): { kill(): void; ended: Promise<Ended> } {
    const { kernel } = this;
    const { reader, writer } = createPipe(kernel.openFiles);
    reader.retain();
    const process = kernel.start(path, { files: [writer, writer, writer], ...options });
    if (typeof process === "number") throw new Error(`${path} does not start: ${process}`);
    const ended = kernel.exited(process).then((result) => {
      const bytes = new Uint8Array(OUTPUT_BYTES);
      const count = reader.read(bytes, 0, bytes.length);
      reader.drop();
      return { ...result, output: count > 0 ? new TextDecoder().decode(bytes.subarray(0, count)) : "" };
    });
    return { ended, kill: () => process.signals.raise(15) };
  }

  /** We listen, Linux connects, `serve` runs with our end. */
  async accept<Result>(port: number, serve: Talk<Result>): Promise<Conversation<Result>> {
    const { result } = await this.acceptOnly(port, serve);
    return { linux: await this.linux.connect(AKUMA, port), result };
  }

  /** The same, when it is the caller who lets Linux connect. */
  async acceptOnly<Result>(port: number, serve: Talk<Result>): Promise<{ result: Promise<Result> }> {
    const listening = Promise.withResolvers<void>();
    const result = this.inside(async (akuma) => {
      const listener = await akuma.net.TcpListener.bind(`0.0.0.0:${port}`);
      listening.resolve();
      const { stream } = await listener.accept();
      listener.close();
      return await serve(stream, akuma);
    });
    await Promise.race([listening.promise, result]);
    return { result };
  }

  /** Linux listens, we connect, `talk` runs with our end. */
  async connect<Result>(port: number, talk: Talk<Result>): Promise<Conversation<Result>> {
    const listener = await this.linux.listen(port);
    const result = this.inside(async (akuma) => talk(await akuma.net.TcpStream.connect(`${LINUX}:${port}`), akuma));
    // Ours may be done before Linux looks; only its failure ends the waiting.
    const failure = result.then(() => new Promise<never>(() => {}));
    const linux = await Promise.race([listener.accept(), failure]);
    await listener.close();
    return { linux, result };
  }

  /** We send `byteLength` bytes on a connection of our own, Linux reads them; both must have seen the same. */
  async transferOut(port: number, byteLength: number): Promise<void> {
    const { linux, result } = await this.connect(port, async (stream, akuma) => {
      const sha256 = await source(akuma, stream, byteLength);
      stream.close();
      return sha256;
    });
    assert.deepEqual(await linux.sink(), { bytes: byteLength, sha256: await result });
    await linux.close();
  }

  /** Linux connects and sends, we read. */
  async transferIn(port: number, byteLength: number): Promise<void> {
    const { linux, result } = await this.accept(port, async (stream, akuma) => await sink(akuma, stream));
    const sha256 = await linux.source(byteLength);
    await linux.shutdownWrite();
    assert.deepEqual(await result, { bytes: byteLength, sha256 });
    await linux.close();
  }

  /** Our end of a connection, by the peer's port. */
  connectionTo(remotePort: number): TcpConnection | undefined {
    for (const connection of this.kernel.net.tcp.connections()) {
      if (connection.remotePort === remotePort) return connection;
    }
    return undefined;
  }

  /** What has passed our interface since the last call, as a pcap file, for as long as `use` runs. */
  async withCapture<Result>(use: (path: string) => Promise<Result>): Promise<Result> {
    const folder = mkdtempSync(join(tmpdir(), "akuma-interop-"));
    try {
      const path = join(folder, "eth0.pcap");
      writeFileSync(path, Buffer.concat(this.chunks));
      this.forgetCapture();
      return await use(path);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Keeps the file's header only. */
  forgetCapture(): void {
    this.chunks.length = Math.min(this.chunks.length, 1);
  }
}

/** Waits until something has come about; fails when it takes too long even for a busy machine. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, `never: ${isSo}`);
    await setTimeout(10);
  }
}

/** close() ends the connection by RST (SO_LINGER with a time of 0). */
export function resetOnClose(akuma: Akuma, stream: TcpStream): void {
  const linger = akuma.allocate(8);
  linger.set([1, 0, 0, 0, 0, 0, 0, 0]);
  akuma.syscall(akuma.numbers.setsockopt, stream.fd, SOL_SOCKET, SO_LINGER, linger.byteOffset, linger.length);
  akuma.free(linger);
}

/** `count` bytes of a pattern whose period no ring's size divides. */
export function pattern(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  const random = new SeededRandom(1);
  random.fill(bytes, 0, Math.min(count, PATTERN_BYTES));
  for (let at = PATTERN_BYTES; at < count; at += PATTERN_BYTES) {
    bytes.copyWithin(at, 0, Math.min(PATTERN_BYTES, count - at));
  }
  return bytes;
}

/** Writes `count` bytes of the pattern; their SHA-256. */
export async function source(akuma: Akuma, stream: TcpStream, count: number): Promise<string> {
  const block = akuma.allocate(PATTERN_BYTES + PIECE_BYTES);
  block.set(pattern(block.length));
  const digest = createHash("sha256");
  for (let sent = 0; sent < count; ) {
    const start = sent % PATTERN_BYTES;
    const piece = block.subarray(start, start + Math.min(PIECE_BYTES, count - sent));
    const result = stream.write(piece);
    const written = typeof result === "number" ? result : await result;
    digest.update(piece.subarray(0, written));
    sent += written;
  }
  akuma.free(block);
  return digest.digest("hex");
}

/** Reads to the end, resting after every `pauseBytes`. */
export async function sink(
  akuma: Akuma,
  stream: TcpStream,
  pauseBytes: number = Number.POSITIVE_INFINITY,
  pauseMilliseconds = 0,
): Promise<{ bytes: number; sha256: string }> {
  const block = akuma.allocate(PIECE_BYTES);
  const digest = createHash("sha256");
  let bytes = 0;
  for (let rested = 0; ; ) {
    const result = stream.read(block);
    const count = typeof result === "number" ? result : await result;
    if (count === 0) break;
    digest.update(block.subarray(0, count));
    bytes += count;
    if (bytes - rested >= pauseBytes) {
      rested = bytes;
      await akuma.sleep(pauseMilliseconds);
    }
  }
  akuma.free(block);
  return { bytes, sha256: digest.digest("hex") };
}
