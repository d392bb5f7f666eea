/** What /dev has beside the devices of memory: the terminals. */
import { ENXIO } from "../abi/errno.ts";
import { TTYAUX_MAJOR } from "../abi/terminal.ts";
import { connectTerminal } from "./task/job-control.ts";
import type { System } from "./task/system.ts";
import { DevFs } from "./vfs/devfs/devfs.ts";
import { DevPts } from "./vfs/devfs/devpts.ts";
import { TerminalFile } from "./vfs/devfs/terminal-file.ts";
import type { MountTable } from "./vfs/mount-table.ts";

/** Makes /dev and /dev/pts and mounts them. The latter, which takes the host's terminals too; or -errno. */
export function mountDevices(system: System, mounts: MountTable): DevPts | number {
  const devices = new DevFs({ clock: system.clock, random: system.random });
  const terminals = new DevPts({ clock: system.clock, connect: (terminal) => connectTerminal(system, terminal) });
  // tty(4): whichever terminal controls the process that opens it.
  devices.addDevice("tty", {
    major: TTYAUX_MAJOR,
    minor: 0,
    open: (node, flags, context) => {
      const process = context?.processId === undefined ? null : system.processes.get(context.processId);
      const terminal = process?.terminal ?? null;
      return terminal === null ? -ENXIO : new TerminalFile(node, flags, terminal);
    },
  });
  devices.addDevice("ptmx", terminals.multiplexer);
  const error = mounts.mount("/dev", devices) || mounts.mount("/dev/pts", terminals);
  return error < 0 ? error : terminals;
}
