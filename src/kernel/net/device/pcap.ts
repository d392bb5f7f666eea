/** Captures in the classic pcap format, which tcpdump and Wireshark read (draft-ietf-opsawg-pcap): a writer, and a device that feeds it. */
import type { Arena } from "../../../base/arena.ts";
import type { Device, FrameReceiver } from "./device.ts";

const MAGIC_MICROSECONDS = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS = 0xa1b2_3c4d;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const LINKTYPE_ETHERNET = 1;
const DEFAULT_SNAP_BYTES = 262_144;

export interface PcapOptions {
  /** Takes the file's next bytes, which are its own. Called once for the header and once per packet. */
  sink: (bytes: Uint8Array) => void;
  /** Stamps with nanoseconds instead of microseconds. */
  nanoseconds?: boolean;
  /** Bytes kept of a packet at most. */
  snapBytes?: number;
}

export class PcapWriter {
  packets = 0;
  private readonly sink: (bytes: Uint8Array) => void;
  private readonly unitsPerMillisecond: number;
  private readonly snapBytes: number;

  /** Writes the file's header at once. */
  constructor(options: PcapOptions) {
    this.sink = options.sink;
    this.unitsPerMillisecond = options.nanoseconds === true ? 1e6 : 1e3;
    this.snapBytes = options.snapBytes ?? DEFAULT_SNAP_BYTES;
    const header = new Uint8Array(FILE_HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint32(0, options.nanoseconds === true ? MAGIC_NANOSECONDS : MAGIC_MICROSECONDS, true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(16, this.snapBytes, true);
    view.setUint32(20, LINKTYPE_ETHERNET, true);
    this.sink(header);
  }

  /** One Ethernet frame; `milliseconds` since 1970. */
  write(bytes: Uint8Array, offset: number, length: number, milliseconds: number): void {
    const kept = Math.min(length, this.snapBytes);
    const record = new Uint8Array(RECORD_HEADER_BYTES + kept);
    const view = new DataView(record.buffer);
    const seconds = Math.floor(milliseconds / 1000);
    view.setUint32(0, seconds, true);
    view.setUint32(4, Math.floor((milliseconds - seconds * 1000) * this.unitsPerMillisecond), true);
    view.setUint32(8, kept, true);
    view.setUint32(12, length, true);
    record.set(bytes.subarray(offset, offset + kept), RECORD_HEADER_BYTES);
    this.packets++;
    this.sink(record);
  }
}

/** A device whose frames, both ways, are also written to a capture. */
export class PcapDevice implements Device {
  private readonly inner: Device;
  private readonly arena: Arena;
  private readonly writer: PcapWriter;
  private readonly nowMilliseconds: () => number;
  readonly pollAt?: () => number;
  readonly poll?: (nowMilliseconds: number) => void;

  /**
   * `nowMilliseconds` gives the stamp, since 1970. On a loopback link every packet would pass twice; there only what is
   * received is written.
   */
  constructor(inner: Device, arena: Arena, writer: PcapWriter, nowMilliseconds: () => number) {
    this.inner = inner;
    this.arena = arena;
    this.writer = writer;
    this.nowMilliseconds = nowMilliseconds;
    if (inner.pollAt !== undefined) this.pollAt = () => inner.pollAt?.() ?? Number.POSITIVE_INFINITY;
    if (inner.poll !== undefined) this.poll = (now) => inner.poll?.(now);
  }

  get mtu(): number {
    return this.inner.mtu;
  }

  get linkType(): "ethernet" | "loopback" {
    return this.inner.linkType;
  }

  get onNeedsPoll(): (() => void) | null {
    return this.inner.onNeedsPoll ?? null;
  }

  set onNeedsPoll(hook: (() => void) | null) {
    this.inner.onNeedsPoll = hook;
  }

  transmit(frame: number, length: number): void {
    if (this.inner.linkType !== "loopback") this.write(frame, length);
    this.inner.transmit(frame, length);
  }

  attach(receive: FrameReceiver): void {
    this.inner.attach((frame, length) => {
      this.write(frame, length);
      receive(frame, length);
    });
  }

  close(): void {
    this.inner.close?.();
  }

  private write(frame: number, length: number): void {
    this.writer.write(this.arena.bytes, frame, length, this.nowMilliseconds());
  }
}
