/**
 * Puts one kernel together: net stack, file systems, socket table, processes, gate, and the runner that drives them. The only
 * file of the kernel that sees every room. It knows no runtime: the host passes clock, randomness, scheduler and devices.
 */
import { EINVAL, ENOENT, ENOTDIR, errnoName, errnoText } from "../abi/errno.ts";
import { S_IFMT, S_IFREG } from "../abi/file.ts";
import { SIGKILL, signalName } from "../abi/signal.ts";
import { type Arena, sharedArena } from "../base/arena.ts";
import type { Clock } from "../base/clock.ts";
import { formatIpv4 } from "../base/ipv4-address.ts";
import type { RandomSource } from "../base/random.ts";
import { TimerHeap } from "../base/timers.ts";
import { WaitEntry } from "../base/wait-queue.ts";
import type { CodeStore } from "../cpu/code-file.ts";
import { mountDevices } from "./device-files.ts";
import { Machines } from "./exec/machines.ts";
import { BUILTIN_MAGIC, ProgramRegistry, type ProgramRunner, type RegisteredProgram } from "./exec/program.ts";
import { type ProgramStarter, RealmRunner } from "./exec/realm-runner.ts";
import { type ProgramLoader, spawnProcess } from "./exec/spawn.ts";
import { DescriptorTable } from "./file/descriptor-table.ts";
import { type OpenFile, OpenFileCount } from "./file/open-file.ts";
import { Gate } from "./gate/gate.ts";
import { makeSyscallTables } from "./gate/tables.ts";
import type { Device } from "./net/device/device.ts";
import { createLoopback } from "./net/device/loopback.ts";
import { NetStack } from "./net/stack.ts";
import type { TcpOptions } from "./net/tcp/tcp.ts";
import { mountProc } from "./proc-files.ts";
import { Resolver } from "./resolver/resolver.ts";
import { type HostScheduler, Runner, type Turnable } from "./runner.ts";
import { type BufferPool, type BufferPoolProfile, createBufferPool } from "./socket/buffer-pool.ts";
import { SocketTable } from "./socket/socket-table.ts";
import { mountSys } from "./sys-files.ts";
import { ControlGroup } from "./task/control-group.ts";
import { acquireOnOpen } from "./task/job-control.ts";
import type { Abi, Process, Tracer } from "./task/process.ts";
import { ProcessTable } from "./task/process-table.ts";
import type { System } from "./task/system.ts";
import type { Task } from "./task/task.ts";
import type { ByteSource } from "./vfs/byte-source.ts";
import type { DevPts } from "./vfs/devfs/devpts.ts";
import type { FileSystemContext } from "./vfs/file-system-context.ts";
import type { FileSystem } from "./vfs/inode.ts";
import { makeDirectories, placeFile, readFile, writeFile } from "./vfs/kernel-files.ts";
import { MemFs } from "./vfs/memfs/memfs.ts";
import { MountTable } from "./vfs/mount-table.ts";
import { makeDirectory, removeName } from "./vfs/path-operations.ts";
import { walk } from "./vfs/path-walk.ts";

/** One network interface beside loopback. */
export interface InterfaceOptions {
  name: string;
  device: Device;
  /** Host order; with the length of the subnet's prefix. */
  address: number;
  prefixLength: number;
  /** Default route through this address. */
  gateway?: number;
}

export interface KernelOptions {
  hostname?: string;
  clock: Clock;
  random: RandomSource;
  scheduler: HostScheduler;
  /** Runs a program's main with a libakuma of its own. */
  starter: ProgramStarter;
  /** Runs programs that ask for a worker; null where there are none. */
  workerRunner?: ((kernel: Kernel) => ProgramRunner) | null;
  arena?: Arena;
  interfaces?: readonly InterfaceOptions[];
  /** Addresses that the resolver asks, in host order. */
  nameservers?: readonly number[];
  /** Further lines of /etc/hosts. */
  hosts?: readonly string[];
  bufferPool?: BufferPoolProfile;
  tcp?: TcpOptions;
  /** Makes a tracer for each process that is started from outside; see gate/strace.ts. */
  tracer?: ((kernel: Kernel) => Tracer) | null;
  log?: (message: string) => void;
  /** Bound of one TypeScript program's memory. Default 256 MiB. */
  maximumProgramBytes?: number;
  /** Bound of what one machine-code process may have mapped. Default 1 GiB. */
  maximumMachineBytes?: number;
  /** Bound of what all of them have touched; a program started from outside gets three quarters of it with its descendants. Default 4 GiB. */
  maximumMachineBytesTotal?: number;
  /** Keeps translated machine code between runs; see saveCode(). */
  codeStore?: CodeStore;
  /** The root file system, which must be writable. Default: one in memory that the kernel fills by itself. */
  root?: FileSystem;
  /** Bound of the kernel's own root file system. Default 1 GiB. */
  maximumRootBytes?: number;
  /** Bound of processes and threads; a program started from outside gets a quarter of it with its descendants. Default 4096. */
  maximumProcesses?: number;
  maximumOpenFiles?: number;
}

export interface StartOptions {
  /** argv[0]; default: the path. */
  name?: string;
  /** Without the program's own name. */
  arguments?: readonly string[];
  /** "NAME=value" each. */
  environment?: readonly string[];
  workingDirectory?: string;
  /** Descriptors 0, 1, 2 and on. */
  files: readonly OpenFile[];
  abi?: Abi;
  isolate?: "realm" | "worker";
}

/** How a process ended. */
export interface ExitResult {
  /** Null when a signal ended it. */
  code: number | null;
  /** "SIGKILL"; null when it exited by itself. */
  signal: string | null;
}

/** Frames and tasks that one turn may work off before the runner looks up. */
const ROUNDS_PER_TURN = 64;
const TASKS_PER_ROUND = 256;
/** So many tasks are run until the clock is looked at. */
const TASKS_PER_CHECK = 16;
/** A round of bulk transfers takes long: no further one begins after this, so that the host's own events are not kept waiting. */
const TURN_MILLISECONDS = 1;
/** What a program started from outside may take at most: so that there is something left for the next one. */
const GROUP_SHARE_OF_PROCESSES = 0.25;
const GROUP_SHARE_OF_MEMORY = 0.75;
/** What programs may write into the root file system. */
export const MAXIMUM_ROOT_BYTES: number = 1 << 30;
/** Where the programs that come along stand when the root file system is somebody else's: its own come first. */
export const PROGRAM_FOLDER = "/usr/lib/akuma/bin";
const OWN_PATH = "/bin";
const FOREIGN_PATH = `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:${PROGRAM_FOLDER}`;
const WELL_KNOWN_SERVICES =
  "echo\t7/tcp\necho\t7/udp\nftp\t21/tcp\nssh\t22/tcp\ntelnet\t23/tcp\nsmtp\t25/tcp\ndomain\t53/tcp\ndomain\t53/udp\n" +
  "http\t80/tcp\nntp\t123/udp\nhttps\t443/tcp\nhttp-alt\t8080/tcp\n";

export class Kernel implements System, Turnable {
  readonly hostname: string;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly timers: TimerHeap = new TimerHeap();
  readonly openFiles: OpenFileCount;
  readonly processes: ProcessTable;
  readonly mounts: MountTable;
  readonly net: NetStack;
  readonly bufferPool: BufferPool;
  readonly sockets: SocketTable;
  readonly resolver: Resolver;
  readonly runQueue: Task[] = [];
  readonly gate: Gate;
  readonly programs: ProgramRegistry = new ProgramRegistry();
  /** Everything that runs machine code. */
  readonly machines: Machines;
  readonly bootedMilliseconds: number;
  /** PATH of programs that are started from outside. */
  readonly searchPath: string;
  /** What a process that has no parent starts with. */
  readonly fileSystem: FileSystemContext;
  /** /dev/pts, where the host's terminals go. */
  readonly terminals: DevPts;
  private readonly runner: Runner;
  private readonly programRunner: ProgramRunner;
  private readonly options: KernelOptions;
  private readonly scheduler: HostScheduler;
  private isDown = false;

  constructor(options: KernelOptions) {
    this.options = options;
    this.hostname = options.hostname ?? "akuma";
    this.clock = options.clock;
    this.random = options.random;
    this.scheduler = options.scheduler;
    this.bootedMilliseconds = options.clock.monotonicMilliseconds();
    this.openFiles = new OpenFileCount(options.maximumOpenFiles);
    this.processes = new ProcessTable(options.maximumProcesses);
    // The host's process lives as long as the guest's do, the children that outlive their parents included.
    this.processes.onEmpty = () => options.scheduler.keepAlive(false);
    this.runner = new Runner(options.scheduler, this);

    const arena = options.arena ?? sharedArena();
    this.bufferPool = createBufferPool(arena, { profile: options.bufferPool ?? "auto" });
    this.net = new NetStack({
      arena,
      random: options.random,
      ringMemory: this.bufferPool,
      ...(options.tcp === undefined ? {} : { tcp: options.tcp }),
    });
    this.net.now = this.now();
    this.net.onNeedsPoll = () => this.runner.request();
    createLoopback(this.net);
    for (const config of options.interfaces ?? []) this.addInterface(config);
    this.sockets = new SocketTable(this.net, this.bufferPool);

    this.searchPath = options.root === undefined ? OWN_PATH : FOREIGN_PATH;
    const maximumBytes = options.maximumRootBytes ?? MAXIMUM_ROOT_BYTES;
    this.mounts = new MountTable(options.root ?? new MemFs({ clock: options.clock, maximumBytes }));
    const rootNode = this.mounts.root();
    this.fileSystem = { root: rootNode, workingDirectory: rootNode, umask: 0o022 };
    this.terminals = this.populateRoot();
    this.resolver = new Resolver(this, {
      ...(options.nameservers === undefined ? {} : { nameservers: options.nameservers }),
      readHosts: () => this.readTextFile("/etc/hosts"),
    });

    const call = this.callGate.bind(this);
    const workers = options.workerRunner?.(this) ?? null;
    this.programRunner = new RealmRunner(call, options.starter, options.scheduler, workers);
    this.machines = new Machines(
      this,
      (task, number, registers) => this.gate.startFromRegisters(task, number, registers),
      {
        ...(options.codeStore === undefined ? {} : { codeStore: options.codeStore }),
        ...(options.maximumMachineBytesTotal === undefined ? {} : { maximumBytes: options.maximumMachineBytesTotal }),
      },
    );
    this.gate = new Gate(this, makeSyscallTables(this.loader));
  }

  /** Enters the gate for a process: how program runners make system calls. */
  callGate(
    process: Process,
    number: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    a4: number,
    a5: number,
  ): number | Promise<number> {
    return this.gate.call(process, number, a0, a1, a2, a3, a4, a5);
  }

  now(): number {
    return this.clock.monotonicMilliseconds();
  }

  requestTurn(): void {
    this.runner.request();
  }

  log(message: string): void {
    this.options.log?.(message);
  }

  nextDeadline(): number {
    return Math.min(this.timers.nextDeadline(), this.net.pollAt());
  }

  /** One turn of the runner: frames in, timers, woken tasks, frames out, until nothing is left or the budget is spent. */
  turn(): boolean {
    const now = this.now();
    for (let round = 0; round < ROUNDS_PER_TURN; round++) {
      const polled = this.net.poll(now);
      const expired = this.timers.expire(now);
      const ran = this.runTasks(now + TURN_MILLISECONDS) + this.machines.run(now + TURN_MILLISECONDS);
      this.sockets.collect();
      if (!polled && expired === 0 && ran === 0 && !this.net.needsPoll) return this.hasReady;
      if (this.now() - now > TURN_MILLISECONDS) break;
    }
    return true;
  }

  private get hasReady(): boolean {
    return this.runQueue.length > 0 || this.machines.hasReady;
  }

  /** Registers a program and puts the file that stands for it into the file system. */
  addProgram(program: RegisteredProgram, path = `/bin/${program.name}`): void {
    this.programs.register(program);
    makeDirectories(this.fileSystem, path.slice(0, path.lastIndexOf("/")));
    this.writeFile(path, `${BUILTIN_MAGIC}${program.name}\n`, 0o755);
  }

  mount(path: string, fileSystem: FileSystem, options: { readOnly?: boolean } = {}): void {
    makeDirectories(this.fileSystem, path);
    checkMount(path, this.mounts.mount(path, fileSystem, options));
  }

  writeFile(path: string, contents: string | Uint8Array, mode = 0o644): void {
    writeFile(this.fileSystem, path, contents, mode);
  }

  /** A file whose contents lie elsewhere, in place of what stands there. 0, or -errno. */
  placeFile(path: string, source: ByteSource, mode: number): number {
    makeDirectories(this.fileSystem, path.slice(0, path.lastIndexOf("/")));
    removeName(this.mounts, this.fileSystem, path, false);
    return placeFile(this.fileSystem, path, source, mode);
  }

  /** Whether there is a regular file that may be executed. */
  isExecutable(path: string): boolean {
    const node = walk(this.fileSystem, path);
    const status = typeof node === "number" ? node : node.inode.status();
    return typeof status !== "number" && (status.mode & S_IFMT) === S_IFREG && (status.mode & 0o111) !== 0;
  }

  /** Where a program of that name is found along PATH; null if nowhere. */
  findProgram(name: string): string | null {
    for (const folder of this.searchPath.split(":")) {
      if (this.isExecutable(`${folder}/${name}`)) return `${folder}/${name}`;
    }
    return null;
  }

  readTextFile(path: string): string {
    const contents = readFile(this.fileSystem, path);
    return typeof contents === "number" ? "" : new TextDecoder().decode(contents);
  }

  addInterface(config: InterfaceOptions): void {
    const { address, prefixLength } = config;
    const netInterface = this.net.addInterface({
      name: config.name,
      device: config.device,
      addresses: [{ address, prefixLength }],
    });
    if (config.gateway !== undefined) {
      this.net.routes.add({ destination: 0, prefixLength: 0, gateway: config.gateway, netInterface, source: address });
    }
  }

  /** Starts a program without a parent. The process, or -errno. */
  start(path: string, options: StartOptions): Process | number {
    if (this.isDown) return -EINVAL;
    const descriptors = new DescriptorTable(this.openFiles);
    for (const file of options.files) {
      const result = descriptors.install(file);
      if (result < 0) {
        descriptors.closeAll();
        return result;
      }
    }
    const fileSystem = { ...this.fileSystem };
    if (options.workingDirectory !== undefined) {
      const node = walk(fileSystem, options.workingDirectory);
      if (typeof node === "number" || !node.inode.isDirectory) {
        descriptors.closeAll();
        return typeof node === "number" ? node : -ENOTDIR;
      }
      fileSystem.workingDirectory = node;
    }
    const process = spawnProcess(this, this.loader, {
      path,
      arguments: [options.name ?? path, ...(options.arguments ?? [])],
      environment: options.environment ?? [`PATH=${this.searchPath}`, "HOME=/root", "USER=root", "TERM=dumb"],
      parent: null,
      fileSystem,
      descriptors,
      abi: options.abi ?? "linux",
      isolate: options.isolate ?? "realm",
      maximumMemoryBytes: this.maximumProgramBytes,
      group: new ControlGroup(
        {
          maximumTasks: Math.ceil(this.processes.maximum * GROUP_SHARE_OF_PROCESSES),
          maximumMemoryBytes: this.machines.account.maximumBytes * GROUP_SHARE_OF_MEMORY,
        },
        this.machines.account,
      ),
    });
    if (typeof process === "number") return process;
    process.tracer = this.options.tracer?.(this) ?? null;
    for (const file of options.files) if (file.terminal !== null) acquireOnOpen(process, file.terminal);
    this.scheduler.keepAlive(true);
    return process;
  }

  /** Settles when the process has ended. */
  exited(process: Process): Promise<ExitResult> {
    const result = (): ExitResult => {
      const signal = process.status & 0x7f;
      return signal === 0
        ? { code: (process.status >> 8) & 0xff, signal: null }
        : { code: null, signal: signalName(signal) };
    };
    if (process.hasExited) return Promise.resolve(result());
    return new Promise((resolve) => {
      const entry = new WaitEntry({
        wake: () => {
          process.exitEvents.remove(entry);
          resolve(result());
        },
      });
      process.exitEvents.add(entry);
    });
  }

  /** Gives machine code that was translated lately to the store. */
  saveCode(): void {
    this.machines.code.save();
  }

  /** Ends all processes of a control group. Nothing of theirs runs meanwhile, so that none can be added. */
  killGroup(group: ControlGroup): void {
    for (const process of [...this.processes.all()]) if (process.group === group) process.signals.raise(SIGKILL);
  }

  /** Ends every process and stops the runner. Connections are reset rather than left open. */
  shutdown(): void {
    if (this.isDown) return;
    for (const process of [...this.processes.all()]) process.signals.raise(SIGKILL);
    for (const connection of [...this.net.tcp.connections()]) connection.abort();
    this.net.poll(this.now());
    this.sockets.collect();
    this.net.close(this.now());
    this.isDown = true;
    this.runner.stop();
    this.scheduler.keepAlive(false);
  }

  private get maximumProgramBytes(): number {
    return this.options.maximumProgramBytes ?? 256 << 20;
  }

  private get loader(): ProgramLoader {
    return {
      registry: this.programs,
      runner: this.programRunner,
      machines: this.machines,
      maximumProgramBytes: this.maximumProgramBytes,
      maximumMachineBytes: this.options.maximumMachineBytes ?? 2 ** 30,
    };
  }

  private runTasks(deadline: number): number {
    const count = Math.min(this.runQueue.length, TASKS_PER_ROUND);
    if (count === 0) return 0;
    let ran = 0;
    while (ran < count) {
      this.resume(this.runQueue[ran++] as Task);
      if (ran % TASKS_PER_CHECK === 0 && this.now() >= deadline) break;
    }
    this.runQueue.splice(0, ran);
    return ran;
  }

  /** As in Machines: an error of ours costs the program of machine code whose call met it, and not the kernel. */
  private resume(task: Task): void {
    const { process } = task;
    try {
      this.gate.resume(task);
    } catch (error) {
      if (!process.isMachine) throw error;
      const text = error instanceof Error ? error.stack : String(error);
      this.log(`${process.executable} (${process.processId}): ended by an error in Akuma: ${text}`);
      process.terminateBySignal(SIGKILL);
    }
  }

  /** What every program finds: devices, /proc, a place for temporary files, and the files of /etc that tell of the network. */
  private populateRoot(): DevPts {
    const context = this.fileSystem;
    const isForeign = this.options.root !== undefined;
    const ours = isForeign ? ["/dev", "/etc", "/proc", "/root", "/run", "/sys"] : OWN_DIRECTORIES;
    for (const path of ours) makeDirectories(context, path);
    makeDirectory({ ...context, umask: 0 }, "/tmp", 0o1777);
    const addresses =
      this.options.interfaces?.map((config) => `${formatIpv4(config.address)}\t${this.hostname}\n`) ?? [];
    const hosts = ["127.0.0.1\tlocalhost\n", ...addresses, ...(this.options.hosts ?? []).map((line) => `${line}\n`)];
    const nameservers = (this.options.nameservers ?? []).map((address) => `nameserver ${formatIpv4(address)}\n`);
    this.replaceFile("/etc/hosts", hosts.join(""));
    this.replaceFile("/etc/hostname", `${this.hostname}\n`);
    this.replaceFile("/etc/resolv.conf", nameservers.join(""));
    for (const [path, contents] of Object.entries(DEFAULT_FILES)) {
      if (walk(context, path) === -ENOENT) this.writeFile(path, contents);
    }
    const terminals = mountDevices(this, this.mounts);
    if (typeof terminals === "number") failMount("/dev", terminals);
    checkMount("/proc", mountProc(this, this.mounts));
    checkMount("/sys", mountSys(this, this.mounts));
    return terminals;
  }

  /** A file of ours, whatever stands there: often a link to what some other program would have made. */
  private replaceFile(path: string, contents: string): void {
    removeName(this.mounts, this.fileSystem, path, false);
    this.writeFile(path, contents);
  }
}

const OWN_DIRECTORIES = ["/bin", "/dev", "/etc", "/proc", "/root", "/public", "/mnt", "/sys", "/var"];

/** Files that a root file system may have itself. */
const DEFAULT_FILES: Readonly<Record<string, string>> = {
  "/etc/nsswitch.conf": "hosts: files dns\n",
  "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
  "/etc/protocols": "ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\n",
  "/etc/services": WELL_KNOWN_SERVICES,
};

function checkMount(path: string, result: number): void {
  if (result < 0) failMount(path, result);
}

function failMount(path: string, result: number): never {
  const text = `cannot mount on ${path}: ${errnoText(result)}`;
  throw Object.assign(new Error(text), { code: errnoName(result), errno: result });
}
