import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EACCES, EBADF, EINVAL, ENOENT, ENOSPC, ENXIO } from "../abi/errno.ts";
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../abi/file.ts";
import { Arena } from "../base/arena.ts";
import { SeededRandom } from "../base/random.ts";
import { mountDevices } from "./device-files.ts";
import type { HostTerminal } from "./file/host-terminal.ts";
import { createPipe } from "./file/pipe.ts";
import type { Terminal } from "./file/terminal.ts";
import { createLoopback } from "./net/device/loopback.ts";
import { NetStack } from "./net/stack.ts";
import { mountProc } from "./proc-files.ts";
import { SocketAddress } from "./socket/socket-address.ts";
import { SocketTable } from "./socket/socket-table.ts";
import { TcpSocket } from "./socket/tcp-socket.ts";
import { UdpSocket } from "./socket/udp-socket.ts";
import { mountSys } from "./sys-files.ts";
import type { DevPts } from "./vfs/devfs/devpts.ts";
import { Guest, type GuestStat } from "./vfs/guest.fixture.ts";

let terminals: DevPts;

/** A guest with /proc and /dev, a stack with loopback, and an empty socket table. */
function makeSystem(): Guest {
  const guest = new Guest();
  const net = new NetStack({ arena: new Arena(), random: new SeededRandom(5) });
  createLoopback(net);
  Object.assign(guest.system, { net, sockets: new SocketTable(net, null) });
  guest.mkdir("/proc");
  guest.mkdir("/dev");
  guest.mkdir("/sys");
  assert.equal(mountProc(guest.system, guest.mounts), 0);
  assert.equal(mountSys(guest.system, guest.mounts), 0);
  terminals = mountDevices(guest.system, guest.mounts) as DevPts;
  return guest;
}

describe("/proc", () => {
  test("a process sees itself and others", () => {
    const guest = makeSystem();
    const other = guest.makeProcess("akuma");
    assert.equal(guest.readlink("/proc/self"), "1");
    assert.equal(guest.get("/proc/self/cmdline"), "guest\0");
    assert.equal(guest.get("/proc/2/comm"), "guest\n");
    assert.match(guest.get("/proc/2/status") as string, /^Pid:\t2$/m);
    assert.match(guest.get("/proc/self/stat") as string, /^1 \(guest\) R 0 1 1 /);
    assert.equal((guest.get("/proc/self/stat") as string).split(" ").length, 52);
    assert.deepEqual((guest.list("/proc") as string[]).slice(0, 2), ["1", "2"]);
    assert.equal(guest.open("/proc/3"), -ENOENT);
    assert.equal(guest.open("/proc/01"), -ENOENT);
    const held = guest.open("/proc/2", O_DIRECTORY);
    other.exit(3);
    assert.equal(guest.open("/proc/2/stat"), -ENOENT);
    assert.ok(Array.isArray(guest.entries(held)));
  });

  test("a process's files belong to whom it runs as", () => {
    const guest = makeSystem();
    const other = guest.makeProcess("linux");
    guest.process.credentials.setGroup(44);
    guest.process.credentials.setUser(33);
    const owner = (path: string): number => {
      const fd = guest.open(path);
      assert.ok(fd >= 0, `${path}: ${fd}`);
      const status = guest.process.descriptors.get(fd)?.status();
      assert.ok(typeof status === "object");
      guest.close(fd);
      return status.userId;
    };
    assert.equal(owner("/proc/self/stat"), 33);
    assert.equal(owner("/proc/self/environ"), 33);
    assert.equal(owner(`/proc/${other.processId}/stat`), 0);
    assert.equal(guest.open(`/proc/${other.processId}/environ`), -EACCES);
    assert.deepEqual(guest.list(`/proc/${other.processId}/fd`), -EACCES);
    assert.ok(Array.isArray(guest.list("/proc/self/fd")));
    const status = guest.get("/proc/self/status") as string;
    assert.match(status, /^Uid:\t33\t33\t33\t33$/m);
    assert.match(status, /^Gid:\t44\t44\t44\t44$/m);
    assert.match(status, /^CapEff:\t0000000000000000$/m);
  });

  test("threads, descriptors and scores", () => {
    const guest = makeSystem();
    assert.deepEqual(guest.list("/proc/self/task"), ["1"]);
    assert.match(guest.get("/proc/thread-self/stat") as string, /^1 \(guest\) R /);
    assert.equal(guest.open("/proc/self/task/2"), -ENOENT);
    const fd = guest.open("/proc/self/oom_score_adj", O_RDWR);
    assert.equal(guest.write(fd, "-500\n"), 5);
    assert.equal(guest.get("/proc/self/oom_score_adj"), "-500\n");
    assert.equal(guest.write(fd, "1001"), -EINVAL);
    assert.equal(guest.write(fd, "many"), -EINVAL);
    assert.match(guest.get(`/proc/self/fdinfo/${fd}`) as string, /^pos:\t\d+\nflags:\t02\nmnt_id:\t\d+\nino:\t\d+\n$/);
    assert.equal(guest.get("/proc/self/cgroup"), "0::/\n");
  });

  test("locks are listed with their holders", () => {
    const guest = makeSystem();
    guest.put("/f", "text");
    const fd = guest.open("/f", O_RDWR);
    assert.equal(guest.get("/proc/locks"), "");
    assert.equal(guest.call(32, fd, 2), 0);
    const { inode, device } = guest.stat("/f") as GuestStat;
    const place = `00:${device.toString(16).padStart(2, "0")}:${inode}`;
    assert.equal(guest.get("/proc/locks"), `1: FLOCK  ADVISORY  WRITE -1 ${place} 0 EOF\n`);
    guest.close(fd);
    assert.equal(guest.get("/proc/locks"), "");
  });

  test("what libraries ask for when they start", () => {
    const guest = makeSystem();
    assert.equal(guest.get("/proc/sys/vm/overcommit_memory"), "1\n");
    assert.equal(guest.get("/proc/sys/net/core/somaxconn"), "4096\n");
    assert.match(guest.get("/proc/cpuinfo") as string, /^processor\t: 0\n/);
    assert.equal(guest.get("/sys/devices/system/cpu/online"), "0\n");
    assert.deepEqual(guest.list("/sys/class/net"), ["lo"]);
    assert.equal(guest.get("/sys/class/net/lo/operstate"), "unknown\n");
    assert.equal(guest.open("/sys/class/net/eth7"), -ENOENT);
    assert.match(guest.get("/proc/mounts") as string, /^sysfs \/sys sysfs rw,relatime 0 0$/m);
    assert.ok(guest.mkdir("/sys/new") < 0);
  });

  test("nothing can be made, removed or written where nothing may be", () => {
    const guest = makeSystem();
    assert.equal(guest.open("/proc/new", O_CREAT | O_WRONLY), -ENOENT);
    assert.ok(guest.mkdir("/proc/new") < 0);
    assert.ok(guest.unlink("/proc/version") < 0);
    assert.ok(guest.rename("/proc/version", "/proc/other") < 0);
    assert.equal(guest.open("/proc/version", O_WRONLY), -EACCES);
    const comm = guest.open("/proc/self/comm", O_RDWR | O_TRUNC);
    assert.equal(guest.write(comm, "renamed\n"), 8);
    assert.equal(guest.get("/proc/self/comm"), "renamed\n");
    const files = guest.open("/proc/sys/fs/file-max", O_WRONLY);
    assert.equal(guest.write(files, "many"), -EINVAL);
    assert.equal(guest.write(files, "5000\n"), 5);
    assert.equal(guest.system.openFiles.maximum, 5000);
  });

  test("a file reads on from where it was, and anew from the start", () => {
    const guest = makeSystem();
    const fd = guest.open("/proc/uptime");
    assert.equal(guest.readText(fd, 3), "0.0");
    guest.clock.advanceTo(5000);
    assert.equal(guest.readText(fd), "0 0.00\n");
    guest.seek(fd, 0);
    assert.equal(guest.readText(fd), "5.00 5.00\n");
    assert.equal((guest.fstat(fd) as GuestStat).size, 0);
  });

  test("/proc/self/fd leads to the very files", () => {
    const guest = makeSystem();
    guest.put("/f", "contents");
    const file = guest.open("/f");
    const { reader, writer } = createPipe(guest.system.openFiles);
    const read = guest.install(reader);
    const write = guest.install(writer);
    assert.equal(guest.readlink(`/proc/self/fd/${file}`), "/f");
    assert.match(guest.readlink(`/proc/self/fd/${read}`) as string, /^pipe:\[\d+\]$/);
    assert.equal(guest.readlink("/proc/self/fd/99"), -ENOENT);
    guest.rename("/f", "/g");
    assert.equal(guest.readlink(`/proc/self/fd/${file}`), "/g");
    guest.seek(file, 4);
    assert.equal(guest.get(`/proc/self/fd/${file}`), "contents");
    guest.unlink("/g");
    assert.equal(guest.readlink(`/proc/self/fd/${file}`), "/g (deleted)");
    assert.equal(guest.get(`/dev/fd/${file}`), "contents");
    const again = guest.open(`/proc/self/fd/${write}`, O_WRONLY);
    assert.equal(guest.write(again, "through"), 7);
    assert.equal(guest.readText(read), "through");
    assert.equal(guest.open(`/proc/self/fd/${write}`, O_RDONLY), -EACCES);
    assert.equal(guest.open(`/proc/self/fd/${read}/x`), -20);
    assert.deepEqual((guest.list("/proc/self/fd") as string[]).slice(0, 3), [file, read, write].map(String));
    const socket = new TcpSocket(guest.system.sockets);
    guest.system.sockets.add(socket);
    const fd = guest.install(socket);
    assert.equal(guest.readlink(`/proc/self/fd/${fd}`), `socket:[${socket.index}]`);
    assert.equal(guest.open(`/proc/self/fd/${fd}`, O_RDWR), -ENXIO);
    assert.ok(((guest.stat(`/proc/self/fd/${fd}`) as GuestStat).mode & 0o170000) === 0o140000);
  });

  test("cwd and root follow the process; mounts are listed without the host's paths", () => {
    const guest = makeSystem();
    guest.mkdir("/with space");
    guest.put("/with space/f", "here");
    assert.equal(guest.chdir("/with space"), 0);
    assert.equal(guest.readlink("/proc/self/cwd"), "/with space");
    assert.equal(guest.get("/proc/self/cwd/f"), "here");
    assert.equal(guest.get("/proc/self/root/with space/f"), "here");
    assert.equal(
      guest.get("/proc/mounts"),
      "tmpfs / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\nsysfs /sys sysfs rw,relatime 0 0\ndevtmpfs /dev devtmpfs rw,relatime 0 0\ndevpts /dev/pts devpts rw,relatime 0 0\n",
    );
  });

  test("sockets in /proc/net, with their inodes", () => {
    const guest = makeSystem();
    const { sockets } = guest.system;
    const at = (address: number, port: number): SocketAddress => {
      const socketAddress = new SocketAddress();
      socketAddress.setInet(address, port);
      return socketAddress;
    };
    sockets.add(new UdpSocket(sockets));
    const listener = new TcpSocket(sockets);
    sockets.add(listener);
    assert.equal(listener.bind(at(0x7f000001, 8080)), 0);
    assert.equal(listener.listen(5), 0);
    const datagrams = new UdpSocket(sockets);
    sockets.add(datagrams);
    assert.equal(datagrams.bind(at(0, 53)), 0);
    const tcp = (guest.get("/proc/net/tcp") as string).split("\n");
    assert.match(tcp[0] ?? "", /^ {2}sl {2}local_address rem_address {3}st tx_queue rx_queue/);
    const columns = tcp[1]?.trim().split(/\s+/) ?? [];
    assert.deepEqual(columns.slice(0, 4), ["0:", "0100007F:1F90", "00000000:0000", "0A"]);
    assert.equal(columns[9], String(listener.index));
    const udp = (guest.get("/proc/net/udp") as string).split("\n")[1]?.trim().split(/\s+/) ?? [];
    assert.deepEqual(udp.slice(1, 4), ["00000000:0035", "00000000:0000", "07"]);
    assert.equal(udp[9], String(datagrams.index));
    assert.match(guest.get("/proc/net/snmp") as string, /^Tcp: RtoAlgorithm .*\nTcp: 1 /m);
    assert.match(guest.get("/proc/net/netstat") as string, /^TcpExt: SyncookiesSent /m);
    assert.match(guest.get("/proc/net/dev") as string, /^ {4}lo: /m);
  });
});

describe("/dev", () => {
  test("null, zero, full, random", () => {
    const guest = makeSystem();
    const null_ = guest.open("/dev/null", O_RDWR);
    assert.equal(guest.write(null_, "gone"), 4);
    assert.equal(guest.readText(null_), "");
    assert.equal(guest.seek(null_, 100), 0);
    assert.equal(guest.call(46, null_, 0), -EINVAL);
    const zero = guest.open("/dev/zero", O_RDWR);
    assert.deepEqual(guest.read(zero, 5), new Uint8Array(5));
    assert.equal(guest.write(zero, "x"), 1);
    const full = guest.open("/dev/full", O_RDWR);
    assert.equal(guest.write(full, "x"), -ENOSPC);
    assert.deepEqual(guest.read(full, 3), new Uint8Array(3));
    const random = guest.open("/dev/urandom");
    const first = guest.read(random, 32) as Uint8Array;
    assert.notDeepEqual(guest.read(random, 32), first);
    assert.equal(guest.write(random, "x"), -EBADF);
    assert.equal(guest.open("/dev/null", O_CREAT | O_WRONLY | O_TRUNC) >= 0, true);
    assert.equal((guest.stat("/dev/null") as GuestStat).mode, 0o020666);
    guest.put("/dev/shm/f", "shared");
    assert.equal(guest.get("/dev/shm/f"), "shared");
  });

  test("/dev/tty is the controlling terminal, or ENXIO", () => {
    const guest = makeSystem();
    assert.equal(guest.open("/dev/tty", O_RDWR), -ENXIO);
    const written: string[] = [];
    const host: HostTerminal = {
      isClosed: false,
      windowSize: { columns: 80, rows: 24, widthPixels: 0, heightPixels: 0 },
      onInput: null,
      onResize: null,
      onDrain: null,
      write: (bytes: Uint8Array) => {
        written.push(new TextDecoder().decode(bytes));
        return true;
      },
      setRawMode: () => {},
      setInputFlow: () => {},
    };
    assert.equal(guest.open("/dev/tty", O_WRONLY), -ENXIO);
    const terminal = terminals.addHostTerminal(host) as Terminal;
    const fd = guest.open("/dev/pts/0", O_RDWR);
    assert.equal(guest.readlink(`/proc/self/fd/${fd}`), "/dev/pts/0");
    assert.equal(terminal.session, guest.process.session);
    const tty = guest.open("/dev/tty", O_WRONLY);
    assert.ok(tty > fd);
    assert.equal(guest.write(tty, "hello"), 5);
    assert.deepEqual(written, ["hello"]);
    assert.equal(guest.readlink("/dev/stdin"), "/proc/self/fd/0");
  });
});
