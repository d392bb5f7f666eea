/** /dev/pts: the terminals that there are, by number, and /dev/ptmx, which makes new ones (pts(4)). */
import { EIO, ENOSPC } from "../../../abi/errno.ts";
import { DEVPTS_SUPER_MAGIC, PTS_MAJOR, TTYAUX_MAJOR } from "../../../abi/terminal.ts";
import type { Clock } from "../../../base/clock.ts";
import { type HostTerminal, HostTerminalDevice } from "../../file/host-terminal.ts";
import type { OpenFile } from "../../file/open-file.ts";
import { PseudoTerminal } from "../../file/pseudo-terminal.ts";
import type { Terminal } from "../../file/terminal.ts";
import type { FileSystemStatistics } from "../inode.ts";
import type { PathNode } from "../path-walk.ts";
import { type Device, DeviceFileSystem } from "./devfs.ts";
import { PseudoTerminalMaster, TerminalFile } from "./terminal-file.ts";

/** Numbers must fit the eight bits of a minor device number. */
const MOST_TERMINALS = 256;
const PTMX_MINOR = 2;

export interface DevPtsOptions {
  clock: Clock;
  /** Gives a new terminal its way to the processes. */
  connect: (terminal: Terminal) => void;
}

export class DevPts extends DeviceFileSystem {
  override readonly typeName: string = "devpts";
  override readonly source: string = "devpts";
  /** What /dev/ptmx is. */
  readonly multiplexer: Device = {
    major: TTYAUX_MAJOR,
    minor: PTMX_MINOR,
    open: (node, flags) => this.openMaster(node, flags),
  };
  private readonly connect: (terminal: Terminal) => void;
  private readonly numbers = new Set<number>();

  constructor(options: DevPtsOptions) {
    super({ clock: options.clock, maximumBytes: 1 << 20, maximumInodes: 2 * MOST_TERMINALS });
    this.connect = options.connect;
    this.addDevice("ptmx", { ...this.multiplexer, mode: 0o666 });
  }

  /** Shows a terminal of the host; it, or -ENOSPC. */
  addHostTerminal(host: HostTerminal): Terminal | number {
    const number = this.takeNumber();
    if (number < 0) return number;
    const { terminal } = new HostTerminalDevice(host, number);
    this.connect(terminal);
    this.addDevice(String(number), {
      major: PTS_MAJOR,
      minor: number,
      mode: 0o620,
      open: (node, flags) => new TerminalFile(node, flags, terminal),
    });
    return terminal;
  }

  override statistics(): FileSystemStatistics {
    return { ...super.statistics(), type: DEVPTS_SUPER_MAGIC };
  }

  private openMaster(node: PathNode, flags: number): OpenFile | number {
    const number = this.takeNumber();
    if (number < 0) return number;
    const pseudoTerminal = new PseudoTerminal(number);
    this.connect(pseudoTerminal.terminal);
    const name = String(number);
    pseudoTerminal.onGone = () => this.numbers.delete(number);
    this.addDevice(name, {
      major: PTS_MAJOR,
      minor: number,
      mode: 0o620,
      open: (at, how) => {
        if (pseudoTerminal.isLocked || pseudoTerminal.isClosed) return -EIO;
        pseudoTerminal.opened();
        return new TerminalFile(at, how, pseudoTerminal.terminal);
      },
    });
    return new PseudoTerminalMaster(node, flags, pseudoTerminal, () => this.removeDevice(name));
  }

  private takeNumber(): number {
    for (let number = 0; number < MOST_TERMINALS; number++) {
      if (this.numbers.has(number)) continue;
      this.numbers.add(number);
      return number;
    }
    return -ENOSPC;
  }
}
