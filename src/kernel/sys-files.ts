/** What /sys shows: the one processor, the network interfaces, and the few settings that libraries and servers look for. */

import type { NetInterface } from "./net/interface.ts";
import { interfaceFlags } from "./socket/interface-control.ts";
import type { System } from "./task/system.ts";
import type { MountTable } from "./vfs/mount-table.ts";
import { fixedDirectory, type ProcDirectory, ProcFs, type ProcNode, textFile } from "./vfs/procfs/procfs.ts";

const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;

/** Makes the tree and mounts it on /sys; 0, or -errno of the mount. */
export function mountSys(system: System, mounts: MountTable): number {
  return mounts.mount("/sys", new ProcFs(system.clock, rootDirectory(system), "sysfs"));
}

function line(value: string | number): ProcNode {
  return textFile(() => `${value}\n`);
}

function rootDirectory(system: System): ProcDirectory {
  const empty = fixedDirectory({});
  const onlyOne = { online: line("0"), possible: line("0"), present: line("0") };
  return fixedDirectory({
    block: empty,
    class: fixedDirectory({ net: interfacesDirectory(system) }),
    devices: fixedDirectory({
      system: fixedDirectory({
        clocksource: fixedDirectory({
          clocksource0: fixedDirectory({
            available_clocksource: line("arch_sys_counter"),
            current_clocksource: line("arch_sys_counter"),
          }),
        }),
        cpu: fixedDirectory({
          ...onlyOne,
          isolated: textFile(() => "\n"),
          kernel_max: line(0),
          offline: textFile(() => "\n"),
          cpu0: fixedDirectory({
            topology: fixedDirectory({ core_id: line(0), physical_package_id: line(0), thread_siblings_list: line(0) }),
          }),
        }),
        node: fixedDirectory({ ...onlyOne, node0: fixedDirectory({ cpulist: line(0), cpumap: line(1) }) }),
      }),
    }),
    fs: fixedDirectory({ cgroup: empty }),
    kernel: fixedDirectory({
      mm: fixedDirectory({
        transparent_hugepage: fixedDirectory({
          defrag: line("always defer defer+madvise madvise [never]"),
          enabled: line("always madvise [never]"),
        }),
      }),
    }),
  });
}

/** /sys/class/net: a directory for each interface there is when it is looked at. */
function interfacesDirectory(system: System): ProcDirectory {
  return {
    kind: "directory",
    names: () => system.net.interfaces.map(({ name }) => name),
    get: (name) => {
      const found = system.net.interfaces.find((candidate) => candidate.name === name);
      return found === undefined ? null : interfaceDirectory(found);
    },
  };
}

function interfaceDirectory(link: NetInterface): ProcDirectory {
  const value = (read: () => string | number): ProcNode => textFile(() => `${read()}\n`);
  const address = [...link.macAddress].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  return fixedDirectory({
    address: line(address),
    carrier: value(() => (link.isUp ? 1 : 0)),
    flags: value(() => `0x${interfaceFlags(link).toString(16)}`),
    ifindex: line(link.index + 1),
    iflink: line(link.index + 1),
    mtu: value(() => link.mtu),
    operstate: value(() => (link.isLoopback ? "unknown" : link.isUp ? "up" : "down")),
    statistics: fixedDirectory({
      rx_bytes: value(() => link.receivedBytes),
      rx_packets: value(() => link.receivedFrames),
      tx_bytes: value(() => link.transmittedBytes),
      tx_packets: value(() => link.transmittedFrames),
    }),
    tx_queue_len: line(1000),
    type: line(link.isLoopback ? ARPHRD_LOOPBACK : ARPHRD_ETHER),
  });
}
