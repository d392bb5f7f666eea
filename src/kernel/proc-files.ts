/**
 * What /proc shows. Here the rooms are wired together: processes, mounts, sockets and the stack on one side, the tree of
 * generated files on the other.
 */
import { ENOENT } from "../abi/errno.ts";
import { F_WRLCK } from "../abi/file.ts";
import { KERNEL_RELEASE, KERNEL_VERSION } from "../abi/identity.ts";
import { networkDirectory } from "./proc-network.ts";
import { processDirectory } from "./proc-process.ts";
import { CLOCK_TICKS } from "./proc-status.ts";
import { systemControls } from "./proc-sys.ts";
import type { Process } from "./task/process.ts";
import type { System } from "./task/system.ts";
import type { FileSystemContext } from "./vfs/file-system-context.ts";
import type { MountTable } from "./vfs/mount-table.ts";
import { fixedDirectory, type ProcDirectory, ProcFs, textFile } from "./vfs/procfs/procfs.ts";

/** One processor, with the features that AT_HWCAP tells programs of. */
const PROCESSOR_TEXT =
  "processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x00\nCPU architecture: 8\n" +
  "CPU variant\t: 0x0\nCPU part\t: 0x000\nCPU revision\t: 0\n\n";
const DEVICES_TEXT = "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n";
const FILE_SYSTEMS: readonly string[] = ["sysfs", "tmpfs", "devtmpfs", "proc", "overlay", "hostfs"];

/** Makes the tree and mounts it on /proc; 0, or -errno of the mount. The rest of `system` may be put together later. */
export function mountProc(system: System, mounts: MountTable): number {
  return mounts.mount("/proc", new ProcFs(system.clock, rootDirectory(system, mounts)));
}

function rootDirectory(system: System, mounts: MountTable): ProcDirectory {
  const booted = system.now();
  const net = lazyDirectory(() => networkDirectory(system.net, system.sockets));
  const mountText = textFile(() => mountsText(mounts));
  const mountInformation = textFile(() => mountInformationText(mounts));
  const fixed = fixedDirectory({
    cgroups: textFile(() => "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"),
    cmdline: textFile(() => "akuma\n"),
    cpuinfo: textFile(() => PROCESSOR_TEXT),
    devices: textFile(() => DEVICES_TEXT),
    diskstats: textFile(() => ""),
    filesystems: textFile(() => FILE_SYSTEMS.map((name) => `nodev\t${name}\n`).join("")),
    loadavg: textFile(() => loadText(system)),
    locks: textFile(() => locksText(system)),
    meminfo: textFile(() => memoryText(mounts)),
    modules: textFile(() => ""),
    mounts: { kind: "link", target: () => "self/mounts" },
    net: { kind: "link", target: () => "self/net" },
    self: { kind: "link", target: selfOf },
    stat: textFile(() => statText(system, booted)),
    swaps: textFile(() => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    sys: systemControls(system),
    "thread-self": {
      kind: "link",
      target: (context) => {
        const self = selfOf(context);
        return typeof self === "number" ? self : `${self}/task/${self}`;
      },
    },
    uptime: textFile(() => {
      const seconds = ((system.now() - booted) / 1000).toFixed(2);
      return `${seconds} ${seconds}\n`;
    }),
    version: textFile(() => `Linux version ${KERNEL_RELEASE} (akuma) ${KERNEL_VERSION}\n`),
  });
  const directoryOf = (process: Process): ProcDirectory =>
    processDirectory({ process, bootedMilliseconds: booted, mounts: mountText, mountInformation, net });
  return {
    kind: "directory",
    names: (context) => [...fixed.names(context), ...[...system.processes.all()].map((p) => String(p.processId))],
    get: (name, context) => {
      if (!/^[1-9]\d{0,9}$/.test(name)) return fixed.get(name, context);
      const process = system.processes.get(Number(name));
      return process === null ? null : directoryOf(process);
    },
  };
}

/** "self" is whoever walks the path; the kernel itself is nobody. */
function selfOf(context: FileSystemContext): string | number {
  return context.processId === undefined ? -ENOENT : String(context.processId);
}

/** Puts off looking at parts of the system that are not there yet at boot. */
function lazyDirectory(make: () => ProcDirectory): ProcDirectory {
  let made: ProcDirectory | null = null;
  const directory = (): ProcDirectory => {
    made ??= make();
    return made;
  };
  return {
    kind: "directory",
    names: (context) => directory().names(context),
    get: (name, context) => directory().get(name, context),
  };
}

/** One line a lock (proc_locks(5)): kind, access, owner, inode, range. */
function locksText(system: System): string {
  let text = "";
  let number = 0;
  for (const locks of system.openFiles.locks.all()) {
    const [device, inode] = locks.key.split(":");
    const place = `00:${Number(device).toString(16).padStart(2, "0")}:${inode}`;
    for (const { kind, type, processId, start, end } of locks.list()) {
      const access = type === F_WRLCK ? "WRITE" : "READ ";
      const last = end === Number.POSITIVE_INFINITY ? "EOF" : end;
      text += `${++number}: ${kind.padEnd(6)} ADVISORY  ${access} ${processId} ${place} ${start} ${last}\n`;
    }
  }
  return text;
}

/** Blanks, tabs, newlines and backslashes in a path are written in octal, as in fstab(5). */
function escaped(text: string): string {
  return text.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function mountsText(mounts: MountTable): string {
  let text = "";
  for (const { path, fileSystem, readOnly } of mounts.list()) {
    const options = `${readOnly ? "ro" : "rw"},relatime`;
    text += `${escaped(fileSystem.source)} ${escaped(path)} ${fileSystem.typeName} ${options} 0 0\n`;
  }
  return text;
}

function mountInformationText(mounts: MountTable): string {
  let text = "";
  for (const mount of mounts.mounts) {
    const { fileSystem, readOnly } = mount;
    const listing = mounts.list()[mounts.mounts.indexOf(mount)];
    const parent = mount.mountPoint?.mount.identifier ?? mount.identifier;
    const access = readOnly ? "ro" : "rw";
    text +=
      `${mount.identifier} ${parent} 0:${fileSystem.deviceNumber} / ${escaped(listing?.path ?? "/")} ${access},relatime - ` +
      `${fileSystem.typeName} ${escaped(fileSystem.source)} ${access}\n`;
  }
  return text;
}

function loadText(system: System): string {
  let running = 0;
  let last = 0;
  for (const process of system.processes.all()) {
    if (!process.hasExited && process.parked.size === 0) running++;
    last = Math.max(last, process.processId);
  }
  return `0.00 0.00 0.00 ${running}/${system.processes.size} ${last}\n`;
}

/** The bounds of the root file system stand for the machine's memory; nothing here is told the host's. */
function machineMemory(mounts: MountTable): { total: number; free: number } {
  const statistics = mounts.root().mount.fileSystem.statistics();
  if (typeof statistics === "number") return { total: 0, free: 0 };
  const { blocks, freeBlocks, blockSize } = statistics;
  return { total: blocks * blockSize, free: freeBlocks * blockSize };
}

function memoryText(mounts: MountTable): string {
  const { total, free } = machineMemory(mounts);
  const line = (name: string, bytes: number): string =>
    `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
  return (
    line("MemTotal", total) +
    line("MemFree", free) +
    line("MemAvailable", free) +
    line("Buffers", 0) +
    line("Cached", 0) +
    line("SwapCached", 0) +
    line("Active", total - free) +
    line("Inactive", 0) +
    line("SwapTotal", 0) +
    line("SwapFree", 0) +
    line("Dirty", 0) +
    line("Writeback", 0) +
    line("AnonPages", 0) +
    line("Mapped", 0) +
    line("Shmem", total - free) +
    line("CommitLimit", total) +
    line("Committed_AS", total - free)
  );
}

function statText(system: System, booted: number): string {
  const ticks = Math.floor(((system.now() - booted) * CLOCK_TICKS) / 1000);
  const bootTime = Math.floor((system.clock.realtimeMilliseconds() - (system.now() - booted)) / 1000);
  return (
    `cpu  0 0 0 ${ticks} 0 0 0 0 0 0\ncpu0 0 0 0 ${ticks} 0 0 0 0 0 0\nintr 0\nctxt 0\nbtime ${bootTime}\n` +
    `processes ${system.processes.size}\nprocs_running 1\nprocs_blocked 0\n`
  );
}
