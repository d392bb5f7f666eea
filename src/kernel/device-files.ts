/** What /dev has beside the devices of memory: /dev/tty, which leads to the terminal that a process was started on. */
import { ENXIO } from "../abi/errno.ts";
import { type Terminal, TerminalFile } from "./file/terminal.ts";
import type { Process } from "./task/process.ts";
import type { System } from "./task/system.ts";
import { DevFs } from "./vfs/devfs/devfs.ts";
import type { MountTable } from "./vfs/mount-table.ts";

/** Makes /dev and mounts it; 0, or -errno of the mount. */
export function mountDevices(system: System, mounts: MountTable): number {
  const devices = new DevFs({ clock: system.clock, random: system.random });
  devices.addDevice("tty", {
    major: 5,
    minor: 0,
    open: (_node, flags, context) => {
      const terminal = controllingTerminal(system, context?.processId);
      return terminal === null ? -ENXIO : terminal.open(system.openFiles, flags);
    },
  });
  return mounts.mount("/dev", devices);
}

/**
 * The terminal among a process's descriptors, or its parent's, and so on up. There are no sessions that a terminal could belong
 * to: who was given one has one.
 */
function controllingTerminal(system: System, processId: number | undefined): Terminal | null {
  let process: Process | null = processId === undefined ? null : system.processes.get(processId);
  for (; process !== null; process = process.parent) {
    for (const descriptor of process.descriptors.descriptors()) {
      const file = process.descriptors.get(descriptor);
      if (file instanceof TerminalFile && file.terminal.isTerminal) return file.terminal;
    }
  }
  return null;
}
