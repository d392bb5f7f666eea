/**
 * The host API on Node: boot a kernel, mount folders, publish ports, start programs, talk to them.
 *
 *     await using kernel = await Kernel.boot({ mounts: { "/public": "./site" } });
 *     await kernel.spawn("/bin/httpd");
 *     const socket = kernel.connect(8080);
 */
import { totalmem } from "node:os";
import { resolve as resolvePath } from "node:path";
import { ETIMEDOUT, errnoName, errnoText } from "../../abi/errno.ts";
import { sharedArena } from "../../base/arena.ts";
import type { Clock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import type { CodeStore } from "../../cpu/code-file.ts";
import type { ProgramModule, RegisteredProgram } from "../../kernel/exec/program.ts";
import { Kernel as KernelCore, type KernelOptions, MAXIMUM_ROOT_BYTES, PROGRAM_FOLDER } from "../../kernel/kernel.ts";
import type { Device } from "../../kernel/net/device/device.ts";
import type { FaultyDevice } from "../../kernel/net/device/faults.ts";
import { LOOPBACK_ADDRESS } from "../../kernel/net/ip/addresses.ts";
import type { BufferPoolProfile } from "../../kernel/socket/buffer-pool.ts";
import type { Tracer } from "../../kernel/task/process.ts";
import { HostFs } from "../../kernel/vfs/hostfs/hostfs.ts";
import { programs } from "../../user/bin/index.ts";
import { startProgram } from "../../user/libakuma/start.ts";
import type { VirtualScheduler } from "../virtual-scheduler.ts";
import { openCapture } from "./capture.ts";
import { NodeClock } from "./clock.ts";
import { ConnectionDuplex } from "./connection-duplex.ts";
import { NodeEntropy } from "./entropy.ts";
import { NodeGateway, type PublishedPort } from "./gateway.ts";
import { NodeHostFiles } from "./host-files.ts";
import { KernelProcess, type SpawnOptions } from "./kernel-process.ts";
import { HostArchive } from "./root/archive-bytes.ts";
import type { Root } from "./root/root.ts";
import { NodeScheduler } from "./scheduler.ts";
import { standardInput, standardOutput } from "./standard-streams.ts";
import { WorkerRunner } from "./worker-runner.ts";

/** A folder of the host: its path, or its path with the access. Read-only unless `writable`. */
export type MountOption = string | { path: string; writable?: boolean };

export interface BootOptions {
  /** Default "akuma". */
  hostname?: string;
  /** Makes all randomness of the kernel repeatable. For a run that repeats packet for packet give `time` too. */
  seed?: number;
  /** Virtual time, which may be shared by several kernels. Default: the host's. */
  time?: VirtualScheduler;
  /**
   * The guest's root file system: a folder of the host, a tar archive of one (also .tar.gz or .tar.zst), or an image as
   * `docker save` writes it; several lie over each other, the last one on top. None is ever written: changes are in memory.
   */
  root?: string | readonly string[];
  /** Where folders of the host appear. */
  mounts?: Readonly<Record<string, MountOption>>;
  /** Host ports that lead to guest ports: "8080", "8080:80", "127.0.0.1:8080:80", "5353:53/udp". */
  publish?: readonly string[];
  /** What programs may reach outside: nothing (default), everything (true), or a list of hosts, addresses and ports. */
  allowNet?: boolean | readonly string[];
  /** Every frame of eth0 as a pcap file: a path, or a function that takes the bytes. */
  pcap?: string | ((bytes: Uint8Array) => void);
  /** A folder where translated machine code is kept for later runs, which then start faster. Default: none. */
  codeCache?: string;
  netDelayMilliseconds?: number;
  /** 0 to 1. */
  netLoss?: number;
  bufferPool?: BufferPoolProfile;
  /** Programs that may run in threads of their own at once; the next one gets EAGAIN. Default 64. */
  maximumWorkers?: number;
  /**
   * What all machine code of the kernel may have mapped together; ENOMEM beyond. A program gets up to three quarters of it, with its
   * descendants. Default: half of the host's memory.
   */
  memoryBytes?: number;
  /** What one process of machine code may have mapped. Default 1 GiB, or `memoryBytes` if that is less. */
  processMemoryBytes?: number;
  /** Processes and threads that there may be; EAGAIN beyond. A program gets up to a quarter of it, with its descendants. Default 4096. */
  maximumProcesses?: number;
  /** Takes the lines that strace would print. */
  strace?: (line: string) => void;
  /** Takes the kernel's log: refused connections, calls that are not there. */
  log?: (line: string) => void;
}

/** A host process that is killed loses no more than what was translated since. */
const CODE_SAVED_EVERY_MILLISECONDS = 30_000;
const LEAST_MEMORY_BYTES: number = 64 << 20;
const DEFAULT_PROCESS_BYTES: number = 2 ** 30;

function limitsOf(options: BootOptions): Partial<KernelOptions> {
  const total = options.memoryBytes ?? Math.max(LEAST_MEMORY_BYTES, totalmem() / 2);
  const { maximumProcesses } = options;
  return {
    maximumMachineBytesTotal: total,
    maximumMachineBytes: options.processMemoryBytes ?? Math.min(DEFAULT_PROCESS_BYTES, total),
    ...(maximumProcesses === undefined ? {} : { maximumProcesses }),
  };
}

const DEFAULT_ENVIRONMENT = { HOME: "/root", USER: "root", LANG: "C.UTF-8" };

/** An error that says in words what the operator can do about it. */
function fail(what: string, errno: number): never {
  throw Object.assign(new Error(`${what}: ${errnoText(errno)}`), { code: errnoName(errno), errno });
}

/** strace is loaded only where it is used: its tables of names take a while. One tracer serves all processes of a kernel. */
async function loadTracer(sink: (line: string) => void): Promise<(kernel: KernelCore) => Tracer> {
  const { definitionsOf, Strace } = await import("../../kernel/gate/strace.ts");
  let tracer: Tracer | null = null;
  return (kernel) => {
    tracer ??= new Strace(sink, definitionsOf(kernel.gate));
    return tracer;
  };
}

/** The code for archives is loaded only where there is one. */
async function openRootOf(options: BootOptions, clock: Clock): Promise<Root | null> {
  const { root = [] } = options;
  const paths = typeof root === "string" ? [root] : root;
  if (paths.length === 0) return null;
  const { openRoot } = await import("./root/root.ts");
  return await openRoot(paths, { clock, maximumBytes: MAXIMUM_ROOT_BYTES });
}

async function openCodeStore(folder: string): Promise<CodeStore> {
  const { FolderCodeStore } = await import("./code-store.ts");
  return new FolderCodeStore(resolvePath(folder));
}

export class Kernel {
  /** What host code seldom needs: the kernel itself. */
  readonly core: KernelCore;
  /** The host ports that `publish` got, in its order. */
  readonly published: PublishedPort[] = [];
  private readonly closers: (() => void)[];

  private constructor(core: KernelCore, closers: (() => void)[]) {
    this.core = core;
    this.closers = closers;
  }

  /** Boots a kernel. Rejects when the root, a mount, a port or a grant cannot be had, and leaves nothing behind then. */
  static async boot(options: BootOptions = {}): Promise<Kernel> {
    const scheduler = options.time ?? new NodeScheduler();
    const clock = options.time?.clock ?? new NodeClock();
    const random = options.seed === undefined ? new NodeEntropy() : new SeededRandom(options.seed);
    const arena = sharedArena();
    const log = options.log ?? (() => {});
    const closers: (() => void)[] = [];
    const gateway = new NodeGateway({ arena, random, clock, allowNet: options.allowNet ?? false, log });
    closers.push(() => gateway.close());
    try {
      let device: Device = gateway.guestDevice;
      let faulty: FaultyDevice | null = null;
      if (options.netLoss !== undefined || options.netDelayMilliseconds !== undefined) {
        const profile = { loss: options.netLoss ?? 0, delayMilliseconds: options.netDelayMilliseconds ?? 0 };
        const { FaultyDevice } = await import("../../kernel/net/device/faults.ts");
        faulty = new FaultyDevice(device, { arena, random, transmit: profile, receive: profile });
        device = faulty;
      }
      if (options.pcap !== undefined) {
        let sink: (bytes: Uint8Array) => void;
        if (typeof options.pcap === "string") {
          const capture = openCapture(options.pcap, (error) => log(`the capture ends here: ${error.message}`));
          closers.push(() => capture.close());
          sink = capture.sink;
        } else sink = options.pcap;
        const { PcapDevice, PcapWriter } = await import("../../kernel/net/device/pcap.ts");
        device = new PcapDevice(device, arena, new PcapWriter({ sink }), () => clock.realtimeMilliseconds());
      }
      const root = await openRootOf(options, clock);
      if (root !== null) closers.push(() => root.close());
      const codeStore = options.codeCache === undefined ? null : await openCodeStore(options.codeCache);
      const makeTracer = options.strace === undefined ? null : await loadTracer(options.strace);
      const core = new KernelCore({
        clock,
        random,
        scheduler,
        arena,
        starter: startProgram,
        workerRunner: (kernel) => new WorkerRunner(kernel, options.maximumWorkers),
        interfaces: [{ name: "eth0", device, ...gateway.guestAddress }],
        nameservers: [gateway.nameserver],
        log,
        ...limitsOf(options),
        ...(options.hostname === undefined ? {} : { hostname: options.hostname }),
        ...(root === null ? {} : { root: root.fileSystem }),
        ...(codeStore === null ? {} : { codeStore }),
        tracer: makeTracer,
        ...(options.bufferPool === undefined ? {} : { bufferPool: options.bufferPool }),
      });
      if (codeStore !== null) {
        const timer = setInterval(() => core.saveCode(), CODE_SAVED_EVERY_MILLISECONDS).unref();
        closers.push(() => {
          clearInterval(timer);
          core.saveCode();
        });
      }
      const poll = (): void => core.net.requestPoll();
      gateway.attach(core.net, poll);
      if (faulty !== null) faulty.onNeedsPoll = poll;
      const kernel = new Kernel(core, closers);
      const folder = root === null ? "/bin" : PROGRAM_FOLDER;
      for (const [name, load] of Object.entries(programs)) core.addProgram({ name, load }, `${folder}/${name}`);
      for (const [path, mount] of Object.entries(options.mounts ?? {})) kernel.mount(path, mount);
      for (const port of options.publish ?? []) kernel.published.push(await gateway.publish(port));
      return kernel;
    } catch (error) {
      for (const close of closers.reverse()) close();
      throw error;
    }
  }

  /** Shows a folder of the host in the guest. */
  mount(guestPath: string, mount: MountOption): void {
    const { path, writable = false } = typeof mount === "string" ? { path: mount } : mount;
    this.core.mount(guestPath, new HostFs(new NodeHostFiles(resolvePath(path)), { readOnly: !writable }), {
      readOnly: !writable,
    });
  }

  /** Makes a module of yours a program of the guest: the file /bin/NAME, or another path. */
  addProgram(name: string, program: ProgramModule | URL, path?: string): void {
    const registered: RegisteredProgram =
      program instanceof URL
        ? { name, load: () => import(program.href), moduleUrl: program.href }
        : { name, load: async () => program };
    this.core.addProgram(registered, path);
  }

  /** Makes a file of the host a file of the guest, which may be executed. It is not copied, and not written. */
  addFile(guestPath: string, hostPath: string, mode = 0o755): void {
    const file = new HostArchive(resolvePath(hostPath));
    this.closers.push(() => file.closeArchive());
    const result = this.core.placeFile(guestPath, file, mode);
    if (result < 0) fail(`cannot make ${guestPath}`, result);
  }

  /**
   * Starts a program. Rejects with an error that carries errno's name as `code` (ENOENT, EACCES, ENOEXEC …) if it cannot be
   * started.
   */
  async spawn(path: string, options: SpawnOptions = {}): Promise<KernelProcess> {
    const { core } = this;
    const input = standardInput(core, options.stdin ?? "ignore");
    const output = standardOutput(core, options.stdout ?? "pipe", 1);
    const errors = standardOutput(core, options.stderr ?? "pipe", 2);
    const environment = Object.entries({ PATH: core.searchPath, ...DEFAULT_ENVIRONMENT, ...options.environment });
    const process = core.start(path, {
      files: [input.file, output.file, errors.file],
      arguments: options.arguments ?? [],
      environment: environment.map(([name, value]) => `${name}=${value}`),
      ...(options.workingDirectory === undefined ? {} : { workingDirectory: options.workingDirectory }),
      ...(options.abi === undefined ? {} : { abi: options.abi }),
      ...(options.isolate === undefined ? {} : { isolate: options.isolate }),
    });
    if (typeof process === "number") {
      for (const { stream } of [input, output, errors]) stream?.destroy();
      fail(`cannot start ${path}`, process);
    }
    return new KernelProcess(core, process, input.stream, output.stream, errors.stream);
  }

  /** Settles once a program listens on the guest's TCP port; rejects with ETIMEDOUT if none does in time. */
  async listening(port: number, timeoutMilliseconds = 10_000): Promise<void> {
    const deadline = performance.now() + timeoutMilliseconds;
    while (!this.core.net.tcp.isListening(LOOPBACK_ADDRESS, port)) {
      if (performance.now() > deadline) fail(`nothing listens on port ${port} of the guest`, -ETIMEDOUT);
      await new Promise((later) => setTimeout(later, 1));
    }
  }

  /** A connection of the host's to a port of the guest, without any host port: a Duplex like net.Socket. */
  connect(port: number, address = "127.0.0.1"): ConnectionDuplex {
    return new ConnectionDuplex(this.core, port, address);
  }

  /** Ends every program, closes published ports, captures and mounts. */
  async shutdown(): Promise<void> {
    this.core.shutdown();
    for (const close of this.closers.splice(0).reverse()) close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
