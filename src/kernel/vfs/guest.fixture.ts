/**
 * A process for tests: memory, descriptors, a tree of mounts, and the calls on files with their arguments put into that memory.
 * Answers are results or -errno, as a program would see them. Locks are checked.
 */
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_NOFOLLOW } from "../../abi/file.ts";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { TimerHeap } from "../../base/timers.ts";
import { DescriptorTable } from "../file/descriptor-table.ts";
import { type OpenFile, OpenFileCount } from "../file/open-file.ts";
import { Gate } from "../gate/gate.ts";
import { SyscallTable } from "../gate/syscall-table.ts";
import { attributeCalls } from "../syscall/attributes.ts";
import { descriptorCalls } from "../syscall/descriptor.ts";
import { directoryCalls } from "../syscall/directory.ts";
import { extendedAttributeCalls } from "../syscall/extended-attributes.ts";
import { fileLockCalls } from "../syscall/file-lock.ts";
import { identityCalls } from "../syscall/identity.ts";
import { inotifyCalls } from "../syscall/inotify.ts";
import { linkCalls } from "../syscall/link.ts";
import { openAkumaCalls, openCalls } from "../syscall/open.ts";
import { openat2Calls } from "../syscall/openat2.ts";
import { readWriteCalls } from "../syscall/read-write.ts";
import { sendfileCalls } from "../syscall/sendfile.ts";
import { statCalls } from "../syscall/stat.ts";
import { synchronizeCalls } from "../syscall/synchronize.ts";
import { Process } from "../task/process.ts";
import { ProcessTable } from "../task/process-table.ts";
import type { System } from "../task/system.ts";
import { BufferMemory, type UserMemory } from "../task/user-memory.ts";
import { MemFs } from "./memfs/memfs.ts";
import { MountTable } from "./mount-table.ts";

setLockChecking(true);

const lines = [
  ...attributeCalls,
  ...directoryCalls,
  ...extendedAttributeCalls,
  ...descriptorCalls,
  ...fileLockCalls,
  ...identityCalls,
  ...inotifyCalls,
  ...linkCalls,
  ...openCalls,
  ...openat2Calls,
  ...readWriteCalls,
  ...sendfileCalls,
  ...statCalls,
  ...synchronizeCalls,
];
const PATH = 0x2000;
const SECOND_PATH = 0x4000;
const BUFFER = 0x8000;
const MEMORY_BYTES = 0x4_0000;
export const BUFFER_BYTES: number = MEMORY_BYTES - BUFFER;

export interface GuestStat {
  device: number;
  inode: number;
  mode: number;
  links: number;
  size: number;
  blocks: number;
  accessed: number;
  modified: number;
  changed: number;
}

export interface GuestEntry {
  name: string;
  inode: number;
  type: number;
  cursor: number;
}

export class Guest {
  readonly clock: VirtualClock = new VirtualClock();
  readonly mounts: MountTable;
  readonly system: System;
  readonly process: Process;
  readonly memory: UserMemory;
  private readonly gate: Gate;

  constructor(root?: MemFs) {
    this.mounts = new MountTable(root ?? new MemFs({ clock: this.clock }));
    const { clock } = this;
    this.system = {
      hostname: "guest",
      clock,
      random: new SeededRandom(1),
      timers: new TimerHeap(),
      openFiles: new OpenFileCount(),
      processes: new ProcessTable(),
      mounts: this.mounts,
      runQueue: [],
      now: () => clock.monotonicMilliseconds(),
      requestTurn: () => {},
      log: () => {},
    } as unknown as System;
    const table = new SyscallTable(lines);
    this.gate = new Gate(this.system, { linux: table, akuma: new SyscallTable([...lines, ...openAkumaCalls]) });
    this.memory = BufferMemory.allocate(MEMORY_BYTES, MEMORY_BYTES);
    this.process = this.makeProcess("linux");
  }

  makeProcess(abi: "linux" | "akuma"): Process {
    const process = new Process(this.system, {
      processId: this.system.processes.allocateNumber(),
      parent: null,
      abi,
      memory: this.memory,
      descriptors: new DescriptorTable(this.system.openFiles),
      fileSystem: this.mounts.rootContext(),
      arguments: ["guest"],
      environment: [],
      executable: "/bin/guest",
    });
    this.system.processes.add(process);
    return process;
  }

  /** Any call by number; a call that waits gives a promise. */
  callAny(number: number, args: readonly number[], process: Process = this.process): number | Promise<number> {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
    return this.gate.call(process, number, a, b, c, d, e, f);
  }

  call(number: number, ...args: number[]): number {
    const result = this.callAny(number, args);
    if (typeof result !== "number") throw new Error(`call ${number} waits`);
    return result;
  }

  /** Runs tasks that were woken. */
  run(): void {
    for (let task = this.system.runQueue.shift(); task !== undefined; task = this.system.runQueue.shift()) {
      this.gate.resume(task);
    }
  }

  path(path: string): number {
    return this.text(PATH, path);
  }

  secondPath(path: string): number {
    return this.text(SECOND_PATH, path);
  }

  open(path: string, flags = 0, mode = 0o644, directory: number = AT_FDCWD): number {
    return this.call(56, directory, this.path(path), flags, mode);
  }

  install(file: OpenFile): number {
    return this.process.descriptors.install(file);
  }

  close(fd: number): number {
    return this.process.descriptors.close(fd);
  }

  read(fd: number, length: number = BUFFER_BYTES): Uint8Array | number {
    const count = this.call(63, fd, BUFFER, length);
    return count < 0 ? count : this.memory.bytes.slice(BUFFER, BUFFER + count);
  }

  readText(fd: number, length: number = BUFFER_BYTES): string | number {
    const bytes = this.read(fd, length);
    return typeof bytes === "number" ? bytes : new TextDecoder().decode(bytes);
  }

  readAt(fd: number, length: number, position: number): Uint8Array | number {
    const count = this.call(67, fd, BUFFER, length, position);
    return count < 0 ? count : this.memory.bytes.slice(BUFFER, BUFFER + count);
  }

  write(fd: number, contents: string | Uint8Array): number {
    return this.call(64, fd, BUFFER, this.buffer(contents));
  }

  writeAt(fd: number, contents: string | Uint8Array, position: number): number {
    return this.call(68, fd, BUFFER, this.buffer(contents), position);
  }

  seek(fd: number, offset: number, whence = 0): number {
    return this.call(62, fd, offset, whence);
  }

  truncate(path: string, size: number): number {
    return this.call(45, this.path(path), size);
  }

  mkdir(path: string, mode = 0o755): number {
    return this.call(34, AT_FDCWD, this.path(path), mode);
  }

  rmdir(path: string): number {
    return this.call(35, AT_FDCWD, this.path(path), AT_REMOVEDIR);
  }

  unlink(path: string): number {
    return this.call(35, AT_FDCWD, this.path(path), 0);
  }

  rename(from: string, to: string, flags = 0): number {
    return this.call(276, AT_FDCWD, this.path(from), AT_FDCWD, this.secondPath(to), flags);
  }

  link(from: string, to: string, flags = 0): number {
    return this.call(37, AT_FDCWD, this.path(from), AT_FDCWD, this.secondPath(to), flags);
  }

  symlink(target: string, path: string): number {
    return this.call(36, this.secondPath(target), AT_FDCWD, this.path(path));
  }

  readlink(path: string): string | number {
    const count = this.call(78, AT_FDCWD, this.path(path), BUFFER, 4096);
    return count < 0 ? count : new TextDecoder().decode(this.memory.bytes.slice(BUFFER, BUFFER + count));
  }

  chdir(path: string): number {
    return this.call(49, this.path(path));
  }

  cwd(): string | number {
    const count = this.call(17, BUFFER, 4096);
    return count < 0 ? count : new TextDecoder().decode(this.memory.bytes.slice(BUFFER, BUFFER + count - 1));
  }

  stat(path: string): GuestStat | number {
    return this.statResult(this.call(79, AT_FDCWD, this.path(path), BUFFER, 0));
  }

  lstat(path: string): GuestStat | number {
    return this.statResult(this.call(79, AT_FDCWD, this.path(path), BUFFER, AT_SYMLINK_NOFOLLOW));
  }

  fstat(fd: number): GuestStat | number {
    return this.statResult(this.call(80, fd, BUFFER));
  }

  /** One getdents64 with a buffer of that size. */
  entries(fd: number, bytes: number = BUFFER_BYTES): GuestEntry[] | number {
    const count = this.call(61, fd, BUFFER, bytes);
    if (count < 0) return count;
    const entries: GuestEntry[] = [];
    for (let at = BUFFER; at < BUFFER + count; at += this.memory.readUint16(at + 16)) {
      const end = this.memory.bytes.indexOf(0, at + 19);
      entries.push({
        inode: this.memory.readInt64(at),
        cursor: this.memory.readInt64(at + 8),
        type: this.memory.bytes[at + 18] as number,
        name: new TextDecoder().decode(this.memory.bytes.slice(at + 19, end)),
      });
    }
    return entries;
  }

  /** All names of a directory but "." and "..", sorted. */
  list(path: string): string[] | number {
    const fd = this.open(path, 0o40000);
    if (fd < 0) return fd;
    const names: string[] = [];
    for (;;) {
      const entries = this.entries(fd);
      if (typeof entries === "number") return entries;
      if (entries.length === 0) break;
      names.push(...entries.map((entry) => entry.name));
    }
    this.close(fd);
    return names.filter((name) => name !== "." && name !== "..").sort();
  }

  /** Writes a whole file; throws on an error, since tests only prepare with it. */
  put(path: string, contents: string | Uint8Array, mode = 0o644): void {
    const fd = this.open(path, 0o1 | 0o100 | 0o1000, mode);
    if (fd < 0) throw new Error(`cannot open ${path}: ${fd}`);
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    for (let at = 0; at < bytes.length; ) {
      const count = this.write(fd, bytes.subarray(at, at + BUFFER_BYTES));
      if (count <= 0) throw new Error(`cannot write ${path}: ${count}`);
      at += count;
    }
    this.close(fd);
  }

  /** The whole file as text, or -errno. */
  get(path: string): string | number {
    const fd = this.open(path);
    if (fd < 0) return fd;
    let text = "";
    for (;;) {
      const part = this.readText(fd);
      if (typeof part === "number") return part;
      if (part === "") break;
      text += part;
    }
    this.close(fd);
    return text;
  }

  private statResult(result: number): GuestStat | number {
    if (result < 0) return result;
    const { memory } = this;
    const time = (at: number): number => memory.readInt64(BUFFER + at) * 1000 + memory.readInt64(BUFFER + at + 8) / 1e6;
    return {
      device: memory.readInt64(BUFFER),
      inode: memory.readInt64(BUFFER + 8),
      mode: memory.readUint32(BUFFER + 16),
      links: memory.readUint32(BUFFER + 20),
      size: memory.readInt64(BUFFER + 48),
      blocks: memory.readInt64(BUFFER + 64),
      accessed: time(72),
      modified: time(88),
      changed: time(104),
    };
  }

  private text(address: number, text: string): number {
    const bytes = new TextEncoder().encode(text);
    this.memory.bytes.set(bytes, address);
    this.memory.bytes[address + bytes.length] = 0;
    return address;
  }

  private buffer(contents: string | Uint8Array): number {
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    this.memory.bytes.set(bytes, BUFFER);
    return bytes.length;
  }
}
