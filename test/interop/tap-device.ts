/** A link to a TAP interface of Linux, through a relay process that carries frames behind their lengths (tap_relay.py). */
import { once } from "node:events";
import type { Arena } from "../../src/base/arena.ts";
import type { Device, FrameReceiver } from "../../src/kernel/net/device/device.ts";
import type { Child, Namespace } from "./namespace.ts";

const BATCH_BYTES = 1 << 18;
const LONGEST_FRAME_BYTES = 65_600;
/** What may wait for the relay: more is dropped, as by an interface whose queue is full. */
const QUEUE_BYTES = 8 << 20;

export class TapDevice implements Device {
  readonly mtu: number;
  readonly linkType = "ethernet";
  /** Frames that the queue had no room for. */
  drops = 0;
  private readonly relay: Child;
  private readonly arena: Arena;
  private deliver: FrameReceiver = (frame) => this.arena.freeFrame(frame);
  private batch: Buffer = Buffer.allocUnsafe(BATCH_BYTES);
  private batched = 0;
  private flushIsDue = false;
  private rest: Buffer = Buffer.alloc(0);

  private constructor(relay: Child, arena: Arena, mtu: number) {
    this.relay = relay;
    this.arena = arena;
    this.mtu = mtu;
    relay.stdout.on("data", (chunk: Buffer) => this.take(chunk));
    relay.stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
  }

  /** Makes the interface `name` in the namespace; it still has to be configured. */
  static async open(namespace: Namespace, arena: Arena, name: string, mtu = 1500): Promise<TapDevice> {
    const relay = namespace.startPython("tap_relay.py", name);
    const said = await Promise.race([
      once(relay.stderr, "data").then(([chunk]) => String(chunk)),
      once(relay, "exit").then(() => "the relay ended"),
    ]);
    if (said !== "ready\n") throw new Error(`TAP interface ${name}: ${said}`);
    return new TapDevice(relay, arena, mtu);
  }

  transmit(frame: number, length: number): void {
    const { arena } = this;
    if (this.relay.stdin.writableLength > QUEUE_BYTES || length > LONGEST_FRAME_BYTES) this.drops++;
    else {
      if (this.batched + length + 2 > BATCH_BYTES) this.flush();
      this.batched = this.batch.writeUInt16BE(length, this.batched);
      this.batch.set(arena.bytes.subarray(frame, frame + length), this.batched);
      this.batched += length;
      if (!this.flushIsDue) {
        this.flushIsDue = true;
        queueMicrotask(() => this.flush());
      }
    }
    arena.freeFrame(frame);
  }

  attach(receive: FrameReceiver): void {
    this.deliver = receive;
  }

  /** The relay ends when it has read what was sent. */
  close(): void {
    this.flush();
    this.relay.stdin.end();
  }

  private flush(): void {
    this.flushIsDue = false;
    if (this.batched === 0) return;
    this.relay.stdin.write(this.batch.subarray(0, this.batched));
    // The stream may keep what it could not write at once.
    this.batch = this.relay.stdin.writableLength > 0 ? Buffer.allocUnsafe(BATCH_BYTES) : this.batch;
    this.batched = 0;
  }

  private take(chunk: Buffer): void {
    const data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    while (at + 2 <= data.length) {
      const length = data.readUInt16BE(at);
      const end = at + 2 + length;
      if (end > data.length) break;
      const frame = this.arena.allocateFrame(length);
      if (frame !== 0) {
        this.arena.bytes.set(data.subarray(at + 2, end), frame);
        this.deliver(frame, length);
      }
      at = end;
    }
    this.rest = at < data.length ? data.subarray(at) : Buffer.alloc(0);
  }
}
