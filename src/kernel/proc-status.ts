/** The texts of /proc/PID/stat, status and limits (proc(5)). */

import { PAGE_BYTES } from "../abi/memory.ts";
import { NSIG, SIG_DFL, SIG_IGN } from "../abi/signal.ts";
import { PTS_MAJOR } from "../abi/terminal.ts";
import { memoryFigures } from "./proc-memory.ts";
import type { Process } from "./task/process.ts";
import type { Thread } from "./task/thread.ts";

/** Ticks per second of the times in /proc/PID/stat (USER_HZ). */
export const CLOCK_TICKS = 100;

/** "R" for what is running, "S" for what waits in a call, "T" for what was stopped, "Z" for what has ended and was not waited for. */
function stateOf(process: Process): string {
  if (process.hasExited) return "Z";
  if (process.isStopped) return "T";
  return process.parked.size > 0 ? "S" : "R";
}

/** Fields as proc_pid_stat(5) numbers them; those without a meaning here are 0. */
export function statText(process: Process, thread: Thread, bootedMilliseconds: number): string {
  const fields = new Array<number | string>(52).fill(0);
  fields[0] = thread.threadId;
  fields[1] = `(${process.name})`;
  fields[2] = stateOf(process);
  fields[3] = process.parent?.processId ?? 0;
  fields[4] = process.processGroup;
  fields[5] = process.session;
  fields[6] = process.terminal === null ? 0 : PTS_MAJOR * 256 + process.terminal.number;
  fields[7] = process.terminal === null ? -1 : process.terminal.foregroundGroup;
  fields[13] = Math.floor((process.processorMilliseconds * CLOCK_TICKS) / 1000);
  fields[15] = Math.floor((process.childrenProcessorMilliseconds * CLOCK_TICKS) / 1000);
  fields[17] = 20 + process.nice;
  fields[18] = process.nice;
  fields[19] = process.threads.size;
  fields[21] = Math.max(0, Math.floor(((process.startedMilliseconds - bootedMilliseconds) * CLOCK_TICKS) / 1000));
  const { mapped, resident } = memoryFigures(process);
  fields[22] = mapped;
  fields[23] = resident / PAGE_BYTES;
  fields[24] = "18446744073709551615";
  fields[37] = 17;
  fields[40] = process.schedulingPolicy;
  fields[51] = process.hasExited ? process.status : 0;
  return `${fields.join(" ")}\n`;
}

const states: Readonly<Record<string, string>> = {
  R: "R (running)",
  S: "S (sleeping)",
  T: "T (stopped)",
  Z: "Z (zombie)",
};

function mask(bits: bigint | number): string {
  return bits.toString(16).padStart(16, "0");
}

/** The signals whose action is SIG_IGN, or with `handled` a handler of the program's. */
function actionMask(process: Process, handled: boolean): bigint {
  let bits = 0n;
  for (let signal = 1; signal <= NSIG; signal++) {
    const { handler } = process.signals.action(signal);
    if (handled ? handler !== SIG_DFL && handler !== SIG_IGN : handler === SIG_IGN) bits |= 1n << BigInt(signal - 1);
  }
  return bits;
}

export function statusText(process: Process, thread: Thread): string {
  const ids = process.credentials;
  const figures = memoryFigures(process);
  const kibibytes = (bytes: number): string => `${String(bytes / 1024).padStart(8)} kB`;
  const lines: (readonly [string, string | number])[] = [
    ["Name", process.name],
    ["Umask", process.fileSystem.umask.toString(8).padStart(4, "0")],
    ["State", states[stateOf(process)] as string],
    ["Tgid", process.processId],
    ["Ngid", 0],
    ["Pid", thread.threadId],
    ["PPid", process.parent?.processId ?? 0],
    ["TracerPid", 0],
    ["Uid", `${ids.userId}\t${ids.effectiveUserId}\t${ids.savedUserId}\t${ids.fileSystemUserId}`],
    ["Gid", `${ids.groupId}\t${ids.effectiveGroupId}\t${ids.savedGroupId}\t${ids.fileSystemGroupId}`],
    ["FDSize", Math.max(64, process.descriptors.descriptors().length)],
    ["Groups", ids.groups.map((group) => `${group} `).join("")],
    ["NStgid", process.processId],
    ["NSpid", thread.threadId],
    ["NSpgid", process.processGroup],
    ["NSsid", process.session],
    ["VmPeak", kibibytes(figures.mapped)],
    ["VmSize", kibibytes(figures.mapped)],
    ["VmLck", kibibytes(0)],
    ["VmPin", kibibytes(0)],
    ["VmHWM", kibibytes(figures.resident)],
    ["VmRSS", kibibytes(figures.resident)],
    ["RssAnon", kibibytes(figures.residentAnonymous)],
    ["RssFile", kibibytes(figures.residentFile)],
    ["RssShmem", kibibytes(figures.residentShared)],
    ["VmData", kibibytes(figures.data)],
    ["VmStk", kibibytes(figures.stack)],
    ["VmExe", kibibytes(figures.code)],
    ["VmLib", kibibytes(figures.libraries)],
    ["VmPTE", kibibytes(0)],
    ["VmSwap", kibibytes(0)],
    ["Threads", process.threads.size],
    ["SigQ", "0/1024"],
    ["SigPnd", mask(thread.pending.set)],
    ["ShdPnd", mask(process.signals.pending)],
    ["SigBlk", mask(thread.blocked)],
    ["SigIgn", mask(actionMask(process, false))],
    ["SigCgt", mask(actionMask(process, true))],
    ["CapInh", mask(ids.inheritable)],
    ["CapPrm", mask(ids.permitted)],
    ["CapEff", mask(ids.effective)],
    ["CapBnd", mask(ids.bounding)],
    ["CapAmb", mask(0)],
    ["NoNewPrivs", ids.noNewPrivileges ? 1 : 0],
    ["Seccomp", 0],
    ["Cpus_allowed", 1],
    ["Cpus_allowed_list", 0],
    ["voluntary_ctxt_switches", 0],
    ["nonvoluntary_ctxt_switches", 0],
    ["Abi", process.abi],
  ];
  return lines.map(([name, value]) => `${name}:\t${value}\n`).join("");
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

export function limitsText(process: Process): string {
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
