/**
 * Holds every import in src against the table of rooms: imports point only downwards, the kernel knows no runtime, and
 * nothing below the host reads a clock, a timer or a random source. Also looks for files that grew too long.
 *
 *     node scripts/check-layers.ts
 */
import { globSync, readFileSync } from "node:fs";
import { posix, resolve } from "node:path";
import { parseSync } from "oxc-parser";
import { codeLines, forbiddenGlobals } from "./source-facts.ts";

/** A folder (or file) of src, what it may import besides itself, and whether it may touch a runtime. */
interface Room {
  readonly name: string;
  /** Relative to src; a path ending in `*.ts` takes the files directly in that folder. */
  readonly path: string;
  readonly sees: readonly string[];
  readonly touchesRuntime?: true;
}

const belowFile = ["base", "abi", "net"];
const belowTask = [...belowFile, "file", "vfs", "resolver", "socket"];
const belowSyscall = [...belowTask, "task", "exec"];
const kernelRooms = [...belowSyscall, "syscall", "gate"];
const everywhere = [...kernelRooms, "kernel", "libakuma", "bin", "cpu"];

/** The picture in ARCHITECTURE.md. vfs and socket never see each other; net sees only base and Linux's numbers. */
export const rooms: readonly Room[] = [
  { name: "base", path: "base/", sees: ["abi"] },
  { name: "abi", path: "abi/", sees: [] },
  { name: "net", path: "kernel/net/", sees: ["base", "abi"] },
  { name: "file", path: "kernel/file/", sees: belowFile },
  { name: "resolver", path: "kernel/resolver/", sees: belowFile },
  { name: "vfs", path: "kernel/vfs/", sees: [...belowFile, "file"] },
  { name: "socket", path: "kernel/socket/", sees: [...belowFile, "file", "resolver"] },
  { name: "task", path: "kernel/task/", sees: belowTask },
  { name: "exec", path: "kernel/exec/", sees: [...belowTask, "task", "cpu"] },
  { name: "syscall", path: "kernel/syscall/", sees: belowSyscall },
  { name: "gate", path: "kernel/gate/", sees: [...belowSyscall, "syscall"] },
  { name: "kernel", path: "kernel/*.ts", sees: [...kernelRooms, "cpu"] },
  { name: "cpu", path: "cpu/", sees: ["base"] },
  { name: "libakuma", path: "user/libakuma/", sees: ["abi"] },
  { name: "bin", path: "user/bin/", sees: ["libakuma"] },
  { name: "host", path: "host/", sees: everywhere, touchesRuntime: true },
  { name: "index", path: "*.ts", sees: [...everywhere, "host"], touchesRuntime: true },
  { name: "cli", path: "cli/", sees: [...everywhere, "host", "index"], touchesRuntime: true },
  { name: "web", path: "web/", sees: [...everywhere, "host", "index"], touchesRuntime: true },
];

/** Above this many lines of code a file is probably more than one concept. Tables and tests are exempt. */
const MAXIMUM_CODE_LINES = 400;
/** A checker that reads nothing finds nothing: fewer than this means that it looked in the wrong place. */
const PLAUSIBLE_MODULES = 100;
const PLAUSIBLE_IMPORTS = 300;

export interface Findings {
  readonly breaches: string[];
  readonly warnings: string[];
  modules: number;
  imports: number;
}

/** The room a file of src belongs to, or undefined. */
export function roomOf(path: string): Room | undefined {
  return rooms.find((room) => {
    if (!room.path.endsWith("*.ts")) return path.startsWith(room.path);
    return posix.dirname(path) === posix.dirname(room.path);
  });
}

/** Reads one module, given its path relative to src, and adds what is wrong with it. */
export function checkModule(path: string, source: string, findings: Findings): void {
  findings.modules++;
  const isTest = /\.(test|fixture)\.ts$/.test(path);
  const room = roomOf(path);
  if (room === undefined) {
    if (!isTest) findings.breaches.push(`src/${path}: in no room of the table in scripts/check-layers.ts`);
    return;
  }
  const { module, program, errors, comments } = parseSync(path, source, { astType: "ts", range: true });
  if (errors[0] !== undefined) findings.breaches.push(`src/${path}: ${errors[0].message}`);
  for (const specifier of specifiersOf(module, source)) {
    findings.imports++;
    // A test may use the runtime it runs on, and rooms from which it builds its scene.
    if (isTest) continue;
    const breach = judgeImport(path, room, specifier);
    if (breach !== null) findings.breaches.push(`src/${path}: imports ${specifier}: ${breach}`);
  }
  if (isTest) return;
  if (room.touchesRuntime !== true) {
    for (const { name, offset } of forbiddenGlobals(program)) {
      const line = source.slice(0, offset).split("\n").length;
      findings.breaches.push(`src/${path}:${line}: ${name}: time and randomness are arguments below host/`);
    }
  }
  const lines = codeLines(source, comments);
  if (lines > MAXIMUM_CODE_LINES && !/table|\.generated\./.test(posix.basename(path))) {
    findings.warnings.push(`src/${path}: ${lines} lines of code (more than ${MAXIMUM_CODE_LINES}): is it one concept?`);
  }
}

function judgeImport(path: string, room: Room, specifier: string): string | null {
  if (specifier.startsWith("node:"))
    return room.touchesRuntime === true ? null : "only host, cli and web touch a runtime";
  if (!specifier.startsWith(".")) return null; // A package: knip asks whether it is declared.
  const target = posix.join(posix.dirname(path), specifier);
  if (target.startsWith("../")) return "outside src";
  const targetRoom = roomOf(target);
  if (targetRoom === undefined) return "in no room";
  if (targetRoom === room || room.sees.includes(targetRoom.name)) return null;
  return `${room.name} does not see ${targetRoom.name}`;
}

/** Every module named by an import or export, of types too, and by import() with a constant. */
function specifiersOf(module: ReturnType<typeof parseSync>["module"], source: string): string[] {
  const found = module.staticImports.map((entry) => entry.moduleRequest.value);
  for (const { entries } of module.staticExports) {
    for (const entry of entries) if (entry.moduleRequest !== null) found.push(entry.moduleRequest.value);
  }
  for (const { moduleRequest } of module.dynamicImports) {
    const text = source.slice(moduleRequest.start, moduleRequest.end);
    if (/^["'`][^$]*["'`]$/.test(text)) found.push(text.slice(1, -1));
  }
  return [...new Set(found)];
}

export function emptyFindings(): Findings {
  return { breaches: [], warnings: [], modules: 0, imports: 0 };
}

if (import.meta.main) {
  const sourceFolder = resolve(import.meta.dirname, "../src");
  const findings = emptyFindings();
  for (const path of globSync("**/*.ts", { cwd: sourceFolder }).sort()) {
    checkModule(path.replaceAll("\\", "/"), readFileSync(resolve(sourceFolder, path), "utf8"), findings);
  }
  for (const warning of findings.warnings) console.log(`warning: ${warning}`);
  for (const breach of findings.breaches) console.error(breach);
  console.log(`layers: ${findings.modules} modules, ${findings.imports} imports, ${findings.breaches.length} breaches`);
  if (findings.modules < PLAUSIBLE_MODULES || findings.imports < PLAUSIBLE_IMPORTS) {
    console.error(
      `layers: fewer than ${PLAUSIBLE_MODULES} modules or ${PLAUSIBLE_IMPORTS} imports read: wrong folder?`,
    );
    process.exit(1);
  }
  process.exit(findings.breaches.length === 0 ? 0 : 1);
}
