/** signalfd(2): the pending signals of the process that made it, read instead of handled. */
import { EAGAIN, EINVAL } from "../../abi/errno.ts";
import { SIGNALFD_SIGINFO_BYTES } from "../../abi/event.ts";
import { O_RDWR } from "../../abi/file.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGCHLD } from "../../abi/signal.ts";
import { WaitEntry } from "../../base/wait-queue.ts";
import { AnonymousFile } from "../file/anonymous-file.ts";
import type { Process } from "./process.ts";
import type { SignalInformation } from "./signal-queue.ts";

export class SignalFile extends AnonymousFile {
  /** Bit n-1 stands for signal n. */
  mask: bigint;
  private readonly process: Process;
  private readonly entry: WaitEntry = new WaitEntry({ wake: () => this.notify(POLLIN) });

  constructor(process: Process, mask: bigint, flags: number) {
    super("signalfd", process.system.openFiles, flags | O_RDWR);
    this.process = process;
    this.mask = mask;
    process.signals.arrivals.add(this.entry);
  }

  override readiness(): number {
    const { signals, mainThread } = this.process;
    return ((signals.pending | mainThread.pending.set) & this.mask) === 0n ? 0 : POLLIN;
  }

  /** As many as are pending and find room. */
  override read(buffer: Uint8Array, offset: number, length: number): number {
    if (length < SIGNALFD_SIGINFO_BYTES) return -EINVAL;
    let done = 0;
    while (done + SIGNALFD_SIGINFO_BYTES <= length) {
      const taken = this.process.signals.takeFor(this.process.mainThread, this.mask);
      if (taken === null) break;
      writeRecord(buffer, offset + done, taken.signal, taken.information);
      done += SIGNALFD_SIGINFO_BYTES;
    }
    return done === 0 ? -EAGAIN : done;
  }

  override write(): number {
    return -EINVAL;
  }

  protected release(): void {
    this.process.signals.arrivals.remove(this.entry);
  }
}

/** struct signalfd_siginfo. */
function writeRecord(buffer: Uint8Array, at: number, signal: number, information: SignalInformation): void {
  buffer.fill(0, at, at + SIGNALFD_SIGINFO_BYTES);
  const view = new DataView(buffer.buffer, buffer.byteOffset + at, SIGNALFD_SIGINFO_BYTES);
  view.setUint32(0, signal, true);
  view.setInt32(8, information.code, true);
  view.setUint32(12, information.processId, true);
  view.setUint32(16, information.userId ?? 0, true);
  if (signal === SIGCHLD) view.setInt32(40, information.status, true);
  if (information.value !== undefined) {
    const value = BigInt.asUintN(64, information.value);
    view.setInt32(44, Number(value & 0xffff_ffffn) | 0, true);
    view.setBigUint64(48, value, true);
  }
  if (information.address !== undefined) view.setBigUint64(72, BigInt.asUintN(64, information.address), true);
}
