/** What /proc/PID shows of one process. */
import { ENOENT, ESRCH } from "../abi/errno.ts";
import type { OpenFile } from "./file/open-file.ts";
import type { Process } from "./task/process.ts";
import { pathOf } from "./vfs/path-walk.ts";
import { nodeOfOpenFile } from "./vfs/procfs/descriptor-link.ts";
import { fixedDirectory, type ProcDirectory, type ProcLink, type ProcNode, textFile } from "./vfs/procfs/procfs.ts";

/** Ticks per second of the times in /proc/PID/stat (USER_HZ). */
export const CLOCK_TICKS = 100;
const PAGE_BYTES = 4096;

export interface ProcessView {
  process: Process;
  /** Milliseconds of the monotonic clock when the kernel booted. */
  bootedMilliseconds: number;
  /** /proc/PID/mounts and the like, which are the same for all. */
  mounts: ProcNode;
  mountInformation: ProcNode;
  net: ProcDirectory;
}

export function processDirectory(view: ProcessView): ProcDirectory {
  const { process } = view;
  return fixedDirectory({
    cmdline: textFile(() => process.arguments.map((argument) => `${argument}\0`).join("")),
    comm: {
      kind: "file",
      mode: 0o644,
      read: () => `${process.name}\n`,
      write: (text) => {
        process.name = text.replace(/\n$/, "").slice(0, 15);
        return 0;
      },
    },
    cwd: {
      kind: "link",
      target: () => pathOf(process.fileSystem.workingDirectory),
      follow: () => (process.hasExited ? -ESRCH : process.fileSystem.workingDirectory),
    },
    environ: textFile(() => process.environment.map((variable) => `${variable}\0`).join(""), 0o400),
    exe: { kind: "link", target: () => process.executable },
    fd: descriptorDirectory(process, (descriptor) => descriptorLink(process, descriptor)),
    fdinfo: descriptorDirectory(process, (descriptor) =>
      textFile(() => {
        const file = process.descriptors.getWithPath(descriptor);
        return file === null ? -ENOENT : `pos:\t${file.position}\nflags:\t0${file.flags.toString(8)}\n`;
      }),
    ),
    limits: textFile(() => limitsText(process)),
    maps: textFile(() => mapsText(process)),
    mountinfo: view.mountInformation,
    mounts: view.mounts,
    net: view.net,
    root: {
      kind: "link",
      target: () => pathOf(process.fileSystem.root),
      follow: () => process.fileSystem.root,
    },
    stat: textFile(() => statText(view)),
    statm: textFile(() => {
      const pages = Math.ceil(process.memory.byteLength / PAGE_BYTES);
      return `${pages} ${pages} 0 0 0 ${pages} 0\n`;
    }),
    status: textFile(() => statusText(process)),
  });
}

function descriptorDirectory(process: Process, node: (descriptor: number) => ProcNode): ProcDirectory {
  return {
    kind: "directory",
    mode: 0o500,
    names: () => process.descriptors.descriptors().map(String),
    get: (name) => {
      const descriptor = /^(0|[1-9]\d{0,9})$/.test(name) ? Number(name) : -1;
      return process.descriptors.getWithPath(descriptor) === null ? null : node(descriptor);
    },
  };
}

function descriptorLink(process: Process, descriptor: number): ProcLink {
  const file = (): OpenFile | null => process.descriptors.getWithPath(descriptor);
  return {
    kind: "link",
    target: () => file()?.describe() ?? -ENOENT,
    follow: () => {
      const open = file();
      return open === null ? -ENOENT : nodeOfOpenFile(open, process.system.mounts.root());
    },
  };
}

/** "R" for what is running, "S" for what waits in a call, "Z" for what has ended and was not waited for. */
function stateOf(process: Process): string {
  if (process.hasExited) return "Z";
  return process.parked.size > 0 ? "S" : "R";
}

/** Fields as proc_pid_stat(5) numbers them; those without a meaning here are 0. */
function statText({ process, bootedMilliseconds }: ProcessView): string {
  const fields = new Array<number | string>(52).fill(0);
  fields[0] = process.processId;
  fields[1] = `(${process.name})`;
  fields[2] = stateOf(process);
  fields[3] = process.parent?.processId ?? 0;
  fields[4] = process.processGroup;
  fields[5] = process.session;
  fields[7] = -1;
  fields[17] = 20;
  fields[19] = 1;
  fields[21] = Math.max(0, Math.floor(((process.startedMilliseconds - bootedMilliseconds) * CLOCK_TICKS) / 1000));
  fields[22] = process.memory.byteLength;
  fields[23] = Math.ceil(process.memory.byteLength / PAGE_BYTES);
  fields[24] = "18446744073709551615";
  fields[37] = 17;
  fields[51] = process.hasExited ? process.status : 0;
  return `${fields.join(" ")}\n`;
}

function statusText(process: Process): string {
  const states: Readonly<Record<string, string>> = { R: "R (running)", S: "S (sleeping)", Z: "Z (zombie)" };
  const ids = process.credentials;
  const kibibytes = Math.ceil(process.memory.byteLength / 1024);
  const mask = (bits: bigint): string => bits.toString(16).padStart(16, "0");
  const lines: (readonly [string, string | number])[] = [
    ["Name", process.name],
    ["Umask", process.fileSystem.umask.toString(8).padStart(4, "0")],
    ["State", states[stateOf(process)] as string],
    ["Tgid", process.processId],
    ["Pid", process.processId],
    ["PPid", process.parent?.processId ?? 0],
    ["TracerPid", 0],
    ["Uid", `${ids.userId}\t${ids.effectiveUserId}\t${ids.savedUserId}\t${ids.fileSystemUserId}`],
    ["Gid", `${ids.groupId}\t${ids.effectiveGroupId}\t${ids.savedGroupId}\t${ids.fileSystemGroupId}`],
    ["FDSize", Math.max(64, process.descriptors.descriptors().length)],
    ["Groups", ids.groups.map((group) => `${group} `).join("")],
    ["VmSize", `${String(kibibytes).padStart(8)} kB`],
    ["VmRSS", `${String(kibibytes).padStart(8)} kB`],
    ["Threads", 1],
    ["SigPnd", mask(0n)],
    ["ShdPnd", mask(process.signals.pending)],
    ["SigBlk", mask(process.signals.blocked)],
    ["Abi", process.abi],
  ];
  return lines.map(([name, value]) => `${name}:\t${value}\n`).join("");
}

/** A program's memory is one range, from behind the NULL guard up. */
function mapsText(process: Process): string {
  const hexadecimal = (address: number): string => address.toString(16).padStart(8, "0");
  const end = hexadecimal(process.memory.byteLength);
  return `${hexadecimal(PAGE_BYTES)}-${end} rw-p 00000000 00:00 0 ${" ".repeat(26)}[heap]\n`;
}

/** Names and units by RLIMIT_ number (proc_pid_limits(5)). */
const limitNames: readonly (readonly [string, string])[] = [
  ["Max cpu time", "seconds"],
  ["Max file size", "bytes"],
  ["Max data size", "bytes"],
  ["Max stack size", "bytes"],
  ["Max core file size", "bytes"],
  ["Max resident set", "bytes"],
  ["Max processes", "processes"],
  ["Max open files", "files"],
  ["Max locked memory", "bytes"],
  ["Max address space", "bytes"],
  ["Max file locks", "locks"],
  ["Max pending signals", "signals"],
  ["Max msgqueue size", "bytes"],
  ["Max nice priority", ""],
  ["Max realtime priority", ""],
  ["Max realtime timeout", "us"],
];
const OPEN_FILES_LIMIT = 7;

function limitsText(process: Process): string {
  const line = (name: string, soft: string, hard: string, unit: string): string =>
    `${name.padEnd(26)}${soft.padEnd(21)}${hard.padEnd(21)}${unit.padEnd(10)}\n`;
  const show = (value: number): string => (Number.isFinite(value) ? String(value) : "unlimited");
  let text = line("Limit", "Soft Limit", "Hard Limit", "Units");
  for (const [number, [name, unit]] of limitNames.entries()) {
    const limit = process.limits[number];
    const soft = number === OPEN_FILES_LIMIT ? process.descriptors.limit : limit?.current;
    text += line(name, show(soft ?? Number.POSITIVE_INFINITY), show(limit?.maximum ?? Number.POSITIVE_INFINITY), unit);
  }
  return text;
}
