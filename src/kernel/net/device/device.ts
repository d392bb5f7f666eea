/**
 * The link below the stack, without input or output of its own: a device is told to transmit a frame, and calls what was
 * attached when one arrives. Middleware (pcap, faults) is a device around a device.
 */

/** Takes delivery of a frame; ownership passes. */
export type FrameReceiver = (frame: number, length: number) => void;

export interface Device {
  /** Largest IP packet in bytes. */
  readonly mtu: number;
  /** "loopback": the same frame layout with MAC addresses of zero and no ARP. */
  readonly linkType: "ethernet" | "loopback";
  /** Takes a frame in an arena slot; ownership passes. Never throws, never blocks: what does not fit is dropped and freed. */
  transmit(frame: number, length: number): void;
  /** Who takes delivery of frames that arrive (and owns them from then on). */
  attach(receive: FrameReceiver): void;
  /** For devices that hold frames back: when to call `poll` next, in milliseconds; Infinity when nothing waits. */
  pollAt?(): number;
  poll?(nowMilliseconds: number): void;
  /** Set by who calls `poll`; the device calls it when something from outside made its `pollAt` earlier. */
  onNeedsPoll?: (() => void) | null;
  /** The stack above ends: frees the frames that are held back and takes itself off the link. */
  close?(): void;
}
