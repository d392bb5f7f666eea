/**
 * What /proc shows. Here the rooms are wired together: processes, mounts, sockets and the stack on one side, the tree of
 * generated files on the other.
 */
import { EINVAL, ENOENT } from "../abi/errno.ts";
import { KERNEL_RELEASE, KERNEL_VERSION } from "../abi/identity.ts";
import { SOMAXCONN } from "../abi/socket.ts";
import { networkDirectory } from "./proc-network.ts";
import { CLOCK_TICKS, processDirectory } from "./proc-process.ts";
import type { Process } from "./task/process.ts";
import type { System } from "./task/system.ts";
import type { FileSystemContext } from "./vfs/file-system-context.ts";
import type { MountTable } from "./vfs/mount-table.ts";
import { fixedDirectory, type ProcDirectory, ProcFs, type ProcNode, textFile } from "./vfs/procfs/procfs.ts";

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
    cmdline: textFile(() => "akuma\n"),
    filesystems: textFile(() => "nodev\ttmpfs\nnodev\tdevtmpfs\nnodev\tproc\nnodev\toverlay\nnodev\thostfs\n"),
    loadavg: textFile(() => loadText(system)),
    meminfo: textFile(() => memoryText(mounts)),
    mounts: { kind: "link", target: () => "self/mounts" },
    net: { kind: "link", target: () => "self/net" },
    self: { kind: "link", target: selfOf },
    stat: textFile(() => statText(system, booted)),
    sys: systemControls(system),
    "thread-self": { kind: "link", target: selfOf },
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
function memoryText(mounts: MountTable): string {
  const statistics = mounts.root().mount.fileSystem.statistics();
  const [total, free] =
    typeof statistics === "number"
      ? [0, 0]
      : [statistics.blocks * statistics.blockSize, statistics.freeBlocks * statistics.blockSize];
  const line = (name: string, bytes: number): string =>
    `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
  return (
    line("MemTotal", total) +
    line("MemFree", free) +
    line("MemAvailable", free) +
    line("Buffers", 0) +
    line("Cached", 0)
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

function systemControls(system: System): ProcDirectory {
  const value = (read: () => string | number): ProcNode => textFile(() => `${read()}\n`);
  const identifier = uuid(system);
  return fixedDirectory({
    fs: fixedDirectory({
      "file-max": {
        kind: "file",
        mode: 0o644,
        read: () => `${system.openFiles.maximum}\n`,
        write: (text) => {
          const maximum = /^\d{1,9}\s*$/.test(text) ? Number(text) : 0;
          if (maximum === 0) return -EINVAL;
          system.openFiles.maximum = maximum;
          return 0;
        },
      },
      "file-nr": value(() => `${system.openFiles.current}\t0\t${system.openFiles.maximum}`),
      nr_open: value(() => 1_048_576),
    }),
    kernel: fixedDirectory({
      hostname: value(() => system.hostname),
      osrelease: value(() => KERNEL_RELEASE),
      ostype: value(() => "Linux"),
      pid_max: value(() => 4_194_304),
      random: fixedDirectory({ boot_id: value(() => identifier), uuid: value(() => uuid(system)) }),
      version: value(() => KERNEL_VERSION),
    }),
    net: fixedDirectory({
      core: fixedDirectory({ somaxconn: value(() => SOMAXCONN) }),
      ipv4: fixedDirectory({
        ip_default_ttl: value(() => system.net.counters.IpDefaultTTL),
        ip_forward: value(() => (system.net.counters.IpForwarding === 1 ? 1 : 0)),
        ip_local_port_range: value(() => "32768\t60999"),
        tcp_congestion_control: value(() => "reno"),
      }),
    }),
  });
}

/** A random identifier, RFC 9562 section 5.4. */
function uuid(system: System): string {
  const bytes = new Uint8Array(16);
  system.random.fill(bytes, 0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
