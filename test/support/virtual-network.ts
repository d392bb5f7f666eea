/** Several kernels in one process, joined by a switch, on one virtual clock: the same seed gives the same packets. */
import { Arena } from "../../src/base/arena.ts";
import { parseIpv4 } from "../../src/base/ipv4-address.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { setLockChecking } from "../../src/base/ranked-lock.ts";
import { VirtualScheduler } from "../../src/host/virtual-scheduler.ts";
import type { ProgramModule } from "../../src/kernel/exec/program.ts";
import { createPipe } from "../../src/kernel/file/pipe.ts";
import { Kernel, type StartOptions } from "../../src/kernel/kernel.ts";
import type { Device } from "../../src/kernel/net/device/device.ts";
import { type FaultProfile, FaultyDevice } from "../../src/kernel/net/device/faults.ts";
import { PcapDevice, PcapWriter } from "../../src/kernel/net/device/pcap.ts";
import { Switch } from "../../src/kernel/net/device/switch.ts";
import { programs } from "../../src/user/bin/index.ts";
import type { Akuma } from "../../src/user/libakuma/akuma.ts";
import { startProgram } from "../../src/user/libakuma/start.ts";

// Whatever runs on these kernels keeps to the lock hierarchy, or throws.
setLockChecking(true);

export interface VirtualNetworkOptions {
  seed: number;
  kernels: number;
  /** Keep what passes the interfaces; default true. */
  capture?: boolean;
  /** For each direction of each kernel's link. */
  faults?: FaultProfile;
  /** Puts middleware around the device of kernel `index`, between the faults and the wire. */
  wrap?: (device: Device, arena: Arena, index: number) => Device;
  log?: (line: string) => void;
}

export class VirtualNetwork {
  readonly scheduler: VirtualScheduler;
  readonly kernels: Kernel[] = [];
  /** What passed each kernel's interface, as pcap files. */
  readonly captures: Uint8Array[][] = [];

  constructor(options: VirtualNetworkOptions) {
    this.scheduler = new VirtualScheduler({ microtask: queueMicrotask, macrotask: setImmediate });
    const arena = new Arena();
    const link = new Switch();
    for (let k = 0; k < options.kernels; k++) {
      const random = new SeededRandom(options.seed * 1000 + k);
      const chunks: Uint8Array[] = [];
      this.captures.push(chunks);
      const writer = new PcapWriter({ sink: (bytes) => chunks.push(bytes.slice()) });
      const { clock } = this.scheduler;
      let device: Device = link.createPort({ arena });
      if (options.wrap !== undefined) device = options.wrap(device, arena, k);
      let faulty: FaultyDevice | null = null;
      if (options.faults !== undefined) {
        faulty = new FaultyDevice(device, { arena, random, transmit: options.faults });
        device = faulty;
      }
      if (options.capture !== false) device = new PcapDevice(device, arena, writer, () => clock.realtimeMilliseconds());
      const kernel = new Kernel({
        hostname: `node${k + 1}`,
        clock,
        random,
        scheduler: this.scheduler,
        arena,
        starter: startProgram as never,
        interfaces: [{ name: "eth0", device, address: parseIpv4(`10.0.0.${k + 1}`) as number, prefixLength: 24 }],
        log: options.log ?? (() => {}),
      });
      if (faulty !== null) faulty.onNeedsPoll = () => kernel.requestTurn();
      for (const [name, load] of Object.entries(programs)) {
        kernel.addProgram({ name, load: load as () => Promise<ProgramModule> });
      }
      this.kernels.push(kernel);
    }
  }

  /** Runs a function as a program on one kernel; resolves with its exit code and what it printed. */
  async run(
    kernel: number,
    main: (akuma: Akuma) => unknown,
    options: Partial<StartOptions> = {},
  ): Promise<{ code: number | null; signal: string | null; output: string }> {
    const core = this.kernels[kernel] as Kernel;
    const name = `test${core.processes.size}-${Math.round(core.now() * 1000)}`;
    core.addProgram({ name, load: async () => ({ main: main as ProgramModule["main"] }) });
    const { reader, writer } = createPipe(core.openFiles);
    reader.retain();
    const process = core.start(`/bin/${name}`, { files: [writer, writer, writer], ...options });
    if (typeof process === "number") throw new Error(`spawn failed: ${process}`);
    const result = await core.exited(process);
    const bytes = new Uint8Array(65_536);
    const count = reader.read(bytes, 0, bytes.length);
    reader.drop();
    return { ...result, output: count > 0 ? new TextDecoder().decode(bytes.subarray(0, count)) : "" };
  }

  capture(kernel: number): Uint8Array {
    return Buffer.concat(this.captures[kernel] as Uint8Array[]);
  }

  shutdown(): void {
    for (const kernel of this.kernels) kernel.shutdown();
    this.scheduler.stop();
  }
}
