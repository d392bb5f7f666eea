/** What /proc/PID tells of a process's memory: maps, smaps, statm, and the figures for status and stat (proc(5)). */
import { MAP_GROWSDOWN, PAGE_BYTES, PROT_EXEC, PROT_READ, PROT_WRITE } from "../abi/memory.ts";
import { type Area, STACK_NAME } from "./task/area.ts";
import type { Process } from "./task/process.ts";

/** Where the names stand in a line of maps. */
const NAME_COLUMN = 73;
/** Of each page of a stack one word in so many is looked at, to tell how much of it is in use. */
const STACK_SAMPLE_WORDS = 32;
const decoder = new TextDecoder();

/** Bytes. What is resident was mapped with access at some time: nobody knows what of it has been touched. */
export interface MemoryFigures {
  mapped: number;
  resident: number;
  residentAnonymous: number;
  residentFile: number;
  residentShared: number;
  /** Private and writable, stacks aside. */
  data: number;
  stack: number;
  /** Code of the program itself, and of the libraries. */
  code: number;
  libraries: number;
}

export function memoryFigures(process: Process): MemoryFigures {
  const figures: MemoryFigures = {
    mapped: 0,
    resident: 0,
    residentAnonymous: 0,
    residentFile: 0,
    residentShared: 0,
    data: 0,
    stack: 0,
    code: 0,
    libraries: 0,
  };
  for (const area of areasOf(process)) {
    const resident = residentBytes(process, area);
    figures.mapped += area.byteLength;
    figures.resident += resident;
    if (area.isShared) figures.residentShared += resident;
    else if (area.file === null || area.wasWritable) figures.residentAnonymous += resident;
    else figures.residentFile += resident;
    if (isStack(area)) figures.stack += area.byteLength;
    else if (!area.isShared && (area.protection & PROT_WRITE) !== 0) figures.data += area.byteLength;
    if ((area.protection & PROT_EXEC) === 0 || area.file === null) continue;
    if (area.file.describe() === process.executable) figures.code += area.byteLength;
    else figures.libraries += area.byteLength;
  }
  return figures;
}

export function mapsText(process: Process): string {
  let text = "";
  for (const area of areasOf(process)) text += headLine(area);
  return text;
}

export function smapsText(process: Process): string {
  let text = "";
  for (const area of areasOf(process)) {
    text += `${headLine(area)}${line("Size", area.byteLength)}${line("KernelPageSize", PAGE_BYTES)}${line("MMUPageSize", PAGE_BYTES)}`;
    text += `${usageText(usageOf(process, [area]))}THPeligible:    0\nVmFlags: ${flagsText(area)}\n`;
  }
  return text;
}

/** /proc/PID/smaps_rollup: the sums over all areas. */
export function smapsRollupText(process: Process): string {
  const areas = areasOf(process);
  const first = areas[0];
  const last = areas[areas.length - 1];
  if (first === undefined || last === undefined) return "";
  const range = `${hexadecimal(first.start)}-${hexadecimal(last.end)} ---p 00000000 00:00 0 `;
  return `${range.padEnd(NAME_COLUMN)}[rollup]\n${usageText(usageOf(process, areas))}`;
}

export function statmText(process: Process): string {
  const figures = memoryFigures(process);
  const { mapped, resident, residentFile, residentShared, code, data, stack } = figures;
  const pages = [mapped, resident, residentFile + residentShared, code, 0, data + stack, 0];
  return `${pages.map((bytes) => bytes / PAGE_BYTES).join(" ")}\n`;
}

function areasOf(process: Process): readonly Area[] {
  return process.hasExited ? [] : process.addressSpace.areas();
}

function headLine(area: Area): string {
  const { protection } = area;
  const may = (bit: number, letter: string): string => ((protection & bit) !== 0 ? letter : "-");
  const access = may(PROT_READ, "r") + may(PROT_WRITE, "w") + may(PROT_EXEC, "x") + (area.isShared ? "s" : "p");
  const status = area.file?.status();
  const device = typeof status === "object" ? status.device : 0;
  const inode = typeof status === "object" ? status.inode : 0;
  const [major, minor] = [device >> 8, device & 0xff].map((part) => part.toString(16).padStart(2, "0"));
  const place = `${hexadecimal(area.start)}-${hexadecimal(area.end)} ${access} ${hexadecimal(area.offset)}`;
  const head = `${place} ${major}:${minor} ${inode} `;
  const name = area.file?.describe() ?? (area.isShared ? "/dev/zero (deleted)" : area.name);
  return name === "" ? `${head}\n` : `${head.padEnd(NAME_COLUMN)}${name.replaceAll("\n", "\\012")}\n`;
}

function hexadecimal(value: number): string {
  return value.toString(16).padStart(8, "0");
}

interface Usage {
  resident: number;
  sharedClean: number;
  sharedDirty: number;
  privateClean: number;
  privateDirty: number;
  anonymous: number;
}

/**
 * Pages that a fork has copied count as shared, as they would on Linux until somebody writes to them; servers that look for
 * the cost of a fork find it here.
 */
function usageOf(process: Process, areas: readonly Area[]): Usage {
  const usage: Usage = {
    resident: 0,
    sharedClean: 0,
    sharedDirty: 0,
    privateClean: 0,
    privateDirty: 0,
    anonymous: 0,
  };
  for (const area of areas) {
    const resident = residentBytes(process, area);
    const isDirty = area.wasWritable || area.file === null;
    usage.resident += resident;
    if (area.wasForked || area.isShared) usage[isDirty ? "sharedDirty" : "sharedClean"] += resident;
    else usage[isDirty ? "privateDirty" : "privateClean"] += resident;
    if (isDirty && !area.isShared) usage.anonymous += resident;
  }
  return usage;
}

function usageText(usage: Usage): string {
  const { resident, sharedClean, sharedDirty, privateClean, privateDirty, anonymous } = usage;
  const shared = sharedClean + sharedDirty;
  const values: readonly (readonly [string, number])[] = [
    ["Rss", resident],
    ["Pss", privateClean + privateDirty + shared / 2],
    ["Pss_Dirty", privateDirty + sharedDirty / 2],
    ["Shared_Clean", sharedClean],
    ["Shared_Dirty", sharedDirty],
    ["Private_Clean", privateClean],
    ["Private_Dirty", privateDirty],
    ["Referenced", resident],
    ["Anonymous", anonymous],
    ["LazyFree", 0],
    ["AnonHugePages", 0],
    ["ShmemPmdMapped", 0],
    ["FilePmdMapped", 0],
    ["Shared_Hugetlb", 0],
    ["Private_Hugetlb", 0],
    ["Swap", 0],
    ["SwapPss", 0],
    ["Locked", 0],
  ];
  return values.map(([name, bytes]) => line(name, bytes)).join("");
}

function line(name: string, bytes: number): string {
  return `${`${name}:`.padEnd(16)}${String(Math.floor(bytes / 1024)).padStart(8)} kB\n`;
}

/** The flags of an area as smaps abbreviates them: what it is, then what it may become. */
function flagsText(area: Area): string {
  const { protection } = area;
  let text = "";
  if ((protection & PROT_READ) !== 0) text += "rd ";
  if ((protection & PROT_WRITE) !== 0) text += "wr ";
  if ((protection & PROT_EXEC) !== 0) text += "ex ";
  if (area.isShared) text += "sh ";
  text += area.mayWrite ? "mr mw me " : "mr me ";
  if (area.isShared) text += "ms ";
  if (isStack(area)) text += "gd ";
  if (area.skipsFork) text += "dc ";
  if (area.wipesOnFork) text += "wf ";
  return text;
}

function isStack(area: Area): boolean {
  return area.name === STACK_NAME || (area.flags & MAP_GROWSDOWN) !== 0;
}

/** Of a stack what has been used, of everything else all that is there. */
function residentBytes(process: Process, area: Area): number {
  if (!area.isPopulated) return 0;
  if (!isStack(area)) return area.byteLength;
  const words = new Int32Array(process.memory.buffer, area.start, area.byteLength / 4);
  for (let k = 0; k < words.length; k += STACK_SAMPLE_WORDS) {
    if (words[k] !== 0) return area.byteLength - Math.floor((k * 4) / PAGE_BYTES) * PAGE_BYTES;
  }
  return 0;
}

/**
 * /proc/PID/cmdline. A program may have overwritten its arguments with a title; one without a 0 at their end goes on into the
 * environment, up to the first 0.
 */
export function argumentsText(process: Process): string {
  if (process.hasExited) return "";
  const { addressSpace, memory } = process;
  const { strings } = addressSpace;
  if (strings === null) return process.arguments.map((argument) => `${argument}\0`).join("");
  const { argumentStart, argumentEnd, environmentEnd } = strings;
  if (!addressSpace.isAccessible(argumentStart, environmentEnd - argumentStart, PROT_READ)) return "";
  const { bytes } = memory;
  let end = argumentEnd;
  if (argumentEnd > argumentStart && bytes[argumentEnd - 1] !== 0) {
    const zero = bytes.subarray(argumentStart, environmentEnd).indexOf(0);
    end = zero < 0 ? environmentEnd : argumentStart + zero + 1;
  }
  return decoder.decode(bytes.slice(argumentStart, end));
}

/** /proc/PID/environ: what lies there now. */
export function environmentText(process: Process): string {
  if (process.hasExited) return "";
  const { addressSpace, memory } = process;
  const { strings } = addressSpace;
  if (strings === null) return process.environment.map((variable) => `${variable}\0`).join("");
  const { argumentEnd, environmentEnd } = strings;
  if (!addressSpace.isAccessible(argumentEnd, environmentEnd - argumentEnd, PROT_READ)) return "";
  return decoder.decode(memory.bytes.slice(argumentEnd, environmentEnd));
}
