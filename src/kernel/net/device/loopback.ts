/** The loopback link: what is sent is received. */

import type { NetInterface } from "../interface.ts";
import { LOOPBACK_ADDRESS } from "../ip/addresses.ts";
import type { NetStack } from "../stack.ts";
import type { Device, FrameReceiver } from "./device.ts";

/** As Linux's lo. IP itself stops at 65,535 bytes. */
export const LOOPBACK_MTU = 65_536;

export class LoopbackDevice implements Device {
  readonly mtu: number;
  readonly linkType = "loopback";
  private receive: FrameReceiver | null = null;
  private readonly free: (frame: number) => void;

  /** `free` gets frames that are sent before anyone listens. */
  constructor(free: (frame: number) => void, mtu: number = LOOPBACK_MTU) {
    this.free = free;
    this.mtu = mtu;
  }

  transmit(frame: number, length: number): void {
    if (this.receive === null) this.free(frame);
    else this.receive(frame, length);
  }

  attach(receive: FrameReceiver): void {
    this.receive = receive;
  }
}

/** Adds the interface "lo" with 127.0.0.1/8. `wrap` puts middleware (a capture, faults) around its device. */
export function createLoopback(
  stack: NetStack,
  options: { mtu?: number; wrap?: (device: Device) => Device } = {},
): NetInterface {
  const plain = new LoopbackDevice((frame) => stack.arena.freeFrame(frame), options.mtu);
  const device = options.wrap === undefined ? plain : options.wrap(plain);
  return stack.addInterface({ name: "lo", device, addresses: [{ address: LOOPBACK_ADDRESS, prefixLength: 8 }] });
}
