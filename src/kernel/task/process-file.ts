/** pidfd_open(2): a process as a file, which becomes readable when the process ends. */
import { EINVAL } from "../../abi/errno.ts";
import { O_RDWR } from "../../abi/file.ts";
import { POLLHUP, POLLIN } from "../../abi/poll.ts";
import { WaitEntry, type Waiter } from "../../base/wait-queue.ts";
import { AnonymousFile } from "../file/anonymous-file.ts";
import type { OpenFileCount } from "../file/open-file.ts";
import type { Process } from "./process.ts";

export class ProcessFile extends AnonymousFile implements Waiter {
  readonly process: Process;
  private readonly entry: WaitEntry;

  constructor(files: OpenFileCount, process: Process, flags: number) {
    super("pidfd", files, flags | O_RDWR);
    this.process = process;
    this.entry = new WaitEntry(this);
    process.exitEvents.add(this.entry);
  }

  /** The process has ended. */
  wake(): void {
    this.notify(this.readiness());
  }

  override readiness(): number {
    if (!this.process.hasExited) return 0;
    // Once somebody has waited for it, nothing is left of it.
    return this.process.system.processes.get(this.process.processId) === this.process ? POLLIN : POLLIN | POLLHUP;
  }

  override read(): number {
    return -EINVAL;
  }

  override write(): number {
    return -EINVAL;
  }

  protected release(): void {
    this.entry.queue?.remove(this.entry);
  }
}
