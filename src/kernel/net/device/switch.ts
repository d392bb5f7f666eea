/**
 * A learning Ethernet switch (IEEE 802.1D without spanning trees) that joins stacks in one process: a frame goes to the port
 * where its destination was last seen, or to all others. The frame itself moves between stacks that share an arena.
 */
import { type Arena, sharedArena } from "../../../base/arena.ts";
import type { Device, FrameReceiver } from "./device.ts";

const MAXIMUM_ADDRESSES = 4096;
const DEFAULT_MTU = 1500;

/** Where a MAC address was seen; in a chain of those with the same last four bytes. */
interface Station {
  readonly half: number;
  readonly word: number;
  port: SwitchPort;
  next: Station | null;
}

export class Switch {
  private readonly ports: SwitchPort[] = [];
  /** By bytes 2…5 of the MAC. */
  private readonly stations: Map<number, Station> = new Map();
  private stationCount = 0;
  /** Frames sent to every port, because nobody knew better or for all. */
  flooded = 0;
  dropped = 0;

  /** A new port. `arena`: where the stack behind it keeps frames; default the realm's. */
  createPort(options: { arena?: Arena; mtu?: number } = {}): SwitchPort {
    const port = new SwitchPort(this, options.arena ?? sharedArena(), options.mtu ?? DEFAULT_MTU);
    this.ports.push(port);
    return port;
  }

  /** Takes a port away, and what was learned there. */
  removePort(port: SwitchPort): void {
    const at = this.ports.indexOf(port);
    if (at < 0) return;
    this.ports.splice(at, 1);
    this.forgetStations();
  }

  /** A frame from `from`. Owns it. */
  forward(from: SwitchPort, frame: number, length: number): void {
    const { arena } = from;
    if (length < 14) {
      this.drop(arena, frame);
      return;
    }
    const { halves, words } = arena;
    const half = halves[frame >> 1] as number;
    const word = words[(frame + 2) >> 2] as number;
    const sourceHead = words[(frame + 6) >> 2] as number;
    const sourceTail = halves[(frame + 10) >> 1] as number;
    if (from.lastSourceHead !== sourceHead || from.lastSourceTail !== sourceTail) {
      this.learn(from, sourceHead & 0xffff, (sourceHead >>> 16) | (sourceTail << 16));
      from.lastSourceHead = sourceHead;
      from.lastSourceTail = sourceTail;
    }
    if ((half & 1) === 0) {
      const station = this.find(half, word);
      if (station !== null) {
        if (station.port === from) this.drop(arena, frame);
        else station.port.deliver(arena, frame, length);
        return;
      }
    }
    this.flood(from, frame, length);
  }

  private flood(from: SwitchPort, frame: number, length: number): void {
    const { arena } = from;
    this.flooded++;
    let last: SwitchPort | null = null;
    for (const port of this.ports) {
      if (port === from) continue;
      if (last !== null) {
        const copy = arena.allocateFrame(length);
        if (copy === 0) this.dropped++;
        else {
          arena.copy(copy, frame, length);
          last.deliver(arena, copy, length);
        }
      }
      last = port;
    }
    if (last === null) this.drop(arena, frame);
    else last.deliver(arena, frame, length);
  }

  private find(half: number, word: number): Station | null {
    let station = this.stations.get(word) ?? null;
    while (station !== null && station.half !== half) station = station.next;
    return station;
  }

  private learn(port: SwitchPort, half: number, word: number): void {
    // Group addresses send nothing; zero is nobody's.
    if ((half & 1) !== 0 || (half === 0 && word === 0)) return;
    const known = this.find(half, word);
    if (known !== null) {
      if (known.port !== port) {
        // A station moved (or two fight over an address): the old port must be able to claim it back.
        known.port.lastSourceHead = 0;
        known.port.lastSourceTail = 0;
        known.port = port;
      }
      return;
    }
    // A sender that makes up addresses costs the others a flood, not memory.
    if (this.stationCount >= MAXIMUM_ADDRESSES) this.forgetStations();
    this.stations.set(word, { half, word, port, next: this.stations.get(word) ?? null });
    this.stationCount++;
  }

  private forgetStations(): void {
    this.stations.clear();
    this.stationCount = 0;
    for (const port of this.ports) {
      port.lastSourceHead = 0;
      port.lastSourceTail = 0;
    }
  }

  private drop(arena: Arena, frame: number): void {
    this.dropped++;
    arena.freeFrame(frame);
  }
}

export class SwitchPort implements Device {
  readonly linkType = "ethernet";
  readonly mtu: number;
  readonly arena: Arena;
  /** The source of the last frame, so that learning costs one comparison. */
  lastSourceHead = 0;
  lastSourceTail = 0;
  private readonly owner: Switch;
  private receive: FrameReceiver | null = null;

  constructor(owner: Switch, arena: Arena, mtu: number) {
    this.owner = owner;
    this.arena = arena;
    this.mtu = mtu;
  }

  transmit(frame: number, length: number): void {
    this.owner.forward(this, frame, length);
  }

  attach(receive: FrameReceiver): void {
    this.receive = receive;
  }

  /** A frame from another port, in that one's arena. Owns it. */
  deliver(arena: Arena, frame: number, length: number): void {
    if (this.receive === null || length > this.mtu + 14) {
      this.owner.dropped++;
      arena.freeFrame(frame);
      return;
    }
    if (arena === this.arena) {
      this.receive(frame, length);
      return;
    }
    const copy = this.arena.allocateFrame(length);
    if (copy === 0) this.owner.dropped++;
    else this.arena.copyIn(copy, arena.bytes, frame, length);
    arena.freeFrame(frame);
    if (copy !== 0) this.receive(copy, length);
  }

  /** Unplugs: frames sent from here on are dropped, none arrive. */
  close(): void {
    this.receive = null;
    this.owner.removePort(this);
  }
}
