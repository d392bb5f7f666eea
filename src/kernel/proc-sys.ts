/** /proc/sys: what the kernel's parts are set to (proc_sys(5)). Few can be changed; most say how things are. */
import { CAPABILITY_MAXIMUM } from "../abi/capability.ts";
import { EINVAL } from "../abi/errno.ts";
import { DOMAIN_NAME, KERNEL_RELEASE, KERNEL_VERSION } from "../abi/identity.ts";
import { NR_OPEN } from "../abi/resource.ts";
import { SOMAXCONN } from "../abi/socket.ts";
import { EPHEMERAL_FIRST_PORT, EPHEMERAL_LAST_PORT } from "./net/ports.ts";
import { MAXIMUM_BUFFER_BYTES } from "./socket/socket-options.ts";
import type { System } from "./task/system.ts";
import { QUEUED_EVENTS_MAXIMUM, WATCHES_MAXIMUM } from "./vfs/inotify-file.ts";
import { fixedDirectory, type ProcDirectory, type ProcNode, textFile } from "./vfs/procfs/procfs.ts";

const ENTROPY_BITS = 256;

export function systemControls(system: System): ProcDirectory {
  const value = (read: () => string | number): ProcNode => textFile(() => `${read()}\n`);
  const constant = (fixed: string | number): ProcNode => value(() => fixed);
  const identifier = uuid(system);
  return fixedDirectory({
    fs: fixedDirectory({
      epoll: fixedDirectory({ max_user_watches: constant(1_048_576) }),
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
      inotify: fixedDirectory({
        max_queued_events: constant(QUEUED_EVENTS_MAXIMUM),
        max_user_watches: constant(WATCHES_MAXIMUM),
      }),
      nr_open: constant(NR_OPEN),
      overflowgid: constant(65_534),
      overflowuid: constant(65_534),
      "pipe-max-size": constant(1_048_576),
    }),
    kernel: fixedDirectory({
      cap_last_cap: constant(CAPABILITY_MAXIMUM),
      domainname: constant(DOMAIN_NAME),
      hostname: value(() => system.hostname),
      ngroups_max: constant(65_536),
      osrelease: constant(KERNEL_RELEASE),
      ostype: constant("Linux"),
      overflowgid: constant(65_534),
      overflowuid: constant(65_534),
      pid_max: constant(4_194_304),
      random: fixedDirectory({
        boot_id: constant(identifier),
        entropy_avail: constant(ENTROPY_BITS),
        poolsize: constant(ENTROPY_BITS),
        uuid: value(() => uuid(system)),
      }),
      randomize_va_space: constant(0),
      tainted: constant(0),
      "threads-max": value(() => system.processes.maximum),
      version: constant(KERNEL_VERSION),
    }),
    net: fixedDirectory({
      core: fixedDirectory({
        rmem_default: constant(MAXIMUM_BUFFER_BYTES),
        rmem_max: constant(MAXIMUM_BUFFER_BYTES),
        somaxconn: constant(SOMAXCONN),
        wmem_default: constant(MAXIMUM_BUFFER_BYTES),
        wmem_max: constant(MAXIMUM_BUFFER_BYTES),
      }),
      ipv4: fixedDirectory({
        ip_default_ttl: value(() => system.net.counters.IpDefaultTTL),
        ip_forward: value(() => (system.net.counters.IpForwarding === 1 ? 1 : 0)),
        ip_local_port_range: constant(`${EPHEMERAL_FIRST_PORT}\t${EPHEMERAL_LAST_PORT}`),
        ip_nonlocal_bind: constant(0),
        ip_unprivileged_port_start: constant(1024),
        ping_group_range: constant("0\t2147483647"),
        tcp_available_congestion_control: constant("reno"),
        tcp_congestion_control: constant("reno"),
        tcp_fastopen: constant(0),
        tcp_keepalive_intvl: constant(75),
        tcp_keepalive_probes: constant(9),
        tcp_keepalive_time: constant(7200),
        tcp_max_syn_backlog: constant(SOMAXCONN),
        tcp_timestamps: constant(1),
        tcp_window_scaling: constant(1),
      }),
    }),
    vm: fixedDirectory({
      max_map_count: constant(65_530),
      mmap_min_addr: constant(4096),
      nr_hugepages: constant(0),
      // Memory is reserved without asking whether all of it could be used: a PROT_NONE mapping costs nothing.
      overcommit_memory: constant(1),
      overcommit_ratio: constant(50),
      swappiness: constant(0),
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
