/** A point-to-point Ethernet link between two stacks on one arena: what one end transmits, the other has received. */
import type { Arena } from "../../base/arena.ts";
import type { Device, FrameReceiver } from "../../kernel/net/device/device.ts";

class LinkEnd implements Device {
  readonly mtu: number;
  readonly linkType = "ethernet";
  receive: FrameReceiver;
  peer: LinkEnd = this;
  /** Called in the poll() of the stack at this end, with its time. */
  onPoll: ((nowMilliseconds: number) => void) | null = null;
  onPollAt: (() => number) | null = null;

  constructor(arena: Arena, mtu: number) {
    this.mtu = mtu;
    this.receive = (frame) => arena.freeFrame(frame);
  }

  /** Ownership of the frame passes to the other end's stack, whose queue is bounded. */
  transmit(frame: number, length: number): void {
    this.peer.receive(frame, length);
  }

  attach(receive: FrameReceiver): void {
    this.receive = receive;
  }

  poll(nowMilliseconds: number): void {
    this.onPoll?.(nowMilliseconds);
  }

  pollAt(): number {
    return this.onPollAt?.() ?? Number.POSITIVE_INFINITY;
  }
}

/** The two ends. Both stacks must use this arena. */
export function createLink(arena: Arena, mtu: number): [LinkEnd, LinkEnd] {
  const one = new LinkEnd(arena, mtu);
  const other = new LinkEnd(arena, mtu);
  one.peer = other;
  other.peer = one;
  return [one, other];
}
