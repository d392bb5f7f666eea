/** Sessions, the foreground, and pseudo terminals, through system calls. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EINTR, EINVAL, EIO, ENOENT, ENOTTY, ENXIO, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  AT_FDCWD,
  FIONREAD,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  TCGETS,
  TCSETS,
  TIOCGPGRP,
  TIOCGWINSZ,
  TIOCSPGRP,
} from "../../abi/file.ts";
import { POLLHUP, POLLIN, POLLOUT } from "../../abi/poll.ts";
import { SIG_DFL, SIG_IGN, SIGCONT, SIGHUP, SIGINT, SIGTTIN, SIGTTOU, SIGWINCH } from "../../abi/signal.ts";
import {
  ECHO,
  ICANON,
  OPOST,
  TIOCGPTN,
  TIOCGPTPEER,
  TIOCGSID,
  TIOCNOTTY,
  TIOCSCTTY,
  TIOCSPTLCK,
  TIOCSWINSZ,
  TOSTOP,
  VMIN,
  VTIME,
} from "../../abi/terminal.ts";
import { mountDevices } from "../device-files.ts";
import { makeDirectories } from "../vfs/kernel-files.ts";
import { MemFs } from "../vfs/memfs/memfs.ts";
import { MountTable } from "../vfs/mount-table.ts";
import { TestKernel, type TestProgram } from "./calls.fixture.ts";

const OPENAT = 56;
const CLOSE = 57;
const READ = 63;
const WRITE = 64;
const PPOLL = 73;
const IOCTL = 29;
const SETSID = 157;
const SETPGID = 154;

class Machine {
  readonly kernel: TestKernel = new TestKernel();
  readonly mounts: MountTable = new MountTable(new MemFs({ clock: this.kernel.clock }));
  readonly raised: { pid: number; signal: number }[] = [];

  constructor() {
    Object.assign(this.kernel, { mounts: this.mounts });
    makeDirectories(this.mounts.rootContext(), "/dev");
    mountDevices(this.kernel.system, this.mounts);
  }

  spawn(parent: TestProgram | null = null): TestProgram {
    const program = this.kernel.spawn(parent);
    Object.assign(program.process.fileSystem, this.mounts.rootContext(), { processId: program.pid });
    const { signals } = program.process;
    const raise = signals.raise.bind(signals);
    // A program that notes its signals.
    signals.deliver = (signal) => this.raised.push({ pid: program.pid, signal });
    signals.raise = (...all) => {
      const [signal] = all;
      if (signal === SIGCONT || signal === SIGWINCH) this.raised.push({ pid: program.pid, signal });
      return raise(...all);
    };
    return program;
  }

  /** What was raised since it was last asked. */
  take(): { pid: number; signal: number }[] {
    this.kernel.run();
    return this.raised.splice(0);
  }
}

function open(program: TestProgram, path: string, flags = O_RDWR): number {
  return program.call(OPENAT, AT_FDCWD, program.put(path), flags, 0);
}

function write(program: TestProgram, fd: number, text: string): number {
  return program.call(WRITE, fd, program.put(text), new TextEncoder().encode(text).length);
}

function read(program: TestProgram, fd: number, length = 200): string | number {
  const at = program.place(length);
  const result = program.call(READ, fd, at, length);
  return result < 0 ? result : program.text(at, result);
}

function ioctl(program: TestProgram, fd: number, request: number, value = 0): number {
  const at = program.place(16);
  program.memory.writeUint32(at, value >>> 0);
  return program.call(IOCTL, fd, request, at);
}

function ask(program: TestProgram, fd: number, request: number): number {
  const at = program.place(16);
  const result = program.call(IOCTL, fd, request, at);
  return result < 0 ? result : program.memory.readInt32(at);
}

function readiness(program: TestProgram, fd: number): number {
  const at = program.place(8);
  program.memory.writeUint32(at, fd);
  program.memory.writeUint32(at + 4, 0xffff);
  assert.ok(program.call(PPOLL, at, 1, program.timespec(0), 0, 8) >= 0);
  return program.memory.readUint32(at + 4) >>> 16;
}

function handle(program: TestProgram, signal: number, handler = 77): void {
  assert.equal(program.process.signals.setAction(signal, { handler, flags: 0, mask: 0n }), 0);
}

/** Changes flags and characters of a terminal's settings. */
function change(
  program: TestProgram,
  fd: number,
  set: { local?: number; clearLocal?: number; clearOutput?: number; minimum?: number; time?: number },
): void {
  const at = program.place(64);
  assert.equal(program.call(IOCTL, fd, TCGETS, at), 0);
  const { memory } = program;
  memory.writeUint32(at + 4, memory.readUint32(at + 4) & ~(set.clearOutput ?? 0));
  memory.writeUint32(at + 12, (memory.readUint32(at + 12) | (set.local ?? 0)) & ~(set.clearLocal ?? 0));
  if (set.minimum !== undefined) memory.bytes[at + 17 + VMIN] = set.minimum;
  if (set.time !== undefined) memory.bytes[at + 17 + VTIME] = set.time;
  assert.equal(program.call(IOCTL, fd, TCSETS, at), 0);
}

/** A program with the master of a new pseudo terminal, unlocked, and the number of the latter. */
function openMaster(program: TestProgram): { master: number; path: string } {
  const master = open(program, "/dev/ptmx");
  assert.ok(master >= 0);
  const path = `/dev/pts/${ask(program, master, TIOCGPTN)}`;
  assert.equal(ioctl(program, master, TIOCSPTLCK, 0), 0);
  return { master, path };
}

test("a pseudo terminal: locked at first, then what goes in at one end comes out of the other, cooked", () => {
  const machine = new Machine();
  const program = machine.spawn();
  const master = open(program, "/dev/ptmx", O_RDWR | O_NOCTTY);
  assert.equal(ask(program, master, TIOCGPTN), 0);
  assert.equal(open(program, "/dev/pts/0"), -EIO);
  assert.equal(ioctl(program, master, TIOCSPTLCK, 0), 0);
  const slave = open(program, "/dev/pts/0", O_RDWR | O_NOCTTY);
  assert.ok(slave > master);
  assert.equal(open(program, "/dev/pts/1"), -ENOENT);
  assert.equal(write(program, slave, "a\nb"), 3);
  assert.equal(ask(program, master, FIONREAD), 4);
  assert.equal(read(program, master), "a\r\nb");
  assert.equal(write(program, master, "on\u007fe\r"), 5);
  assert.equal(read(program, master), "on\b \be\r\n");
  assert.equal(read(program, slave), "oe\n");
  change(program, slave, { clearLocal: ICANON | ECHO, clearOutput: OPOST });
  write(program, master, "\r");
  assert.equal(read(program, slave), "\n");
  write(program, slave, "\n");
  assert.equal(read(program, master), "\n");
  const peer = program.call(IOCTL, master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  assert.ok(peer > slave);
  assert.equal(write(program, peer, "x"), 1);
  assert.equal(read(program, master), "x");
});

test("both ends wait for each other, and neither takes without bound", () => {
  const machine = new Machine();
  const program = machine.spawn();
  const { master, path } = openMaster(program);
  const slave = open(program, path, O_RDWR | O_NOCTTY);
  const at = program.place(64);
  const waiting = program.wait(READ, slave, at, 64);
  write(program, master, "line\r");
  machine.kernel.run();
  assert.equal(waiting.result, 5);
  assert.equal(read(program, master), "line\r\n");
  const big = program.place(40_000);
  const writing = program.wait(WRITE, slave, big, 40_000);
  let got = 0;
  for (let k = 0; k < 100 && writing.result === null; k++) {
    got += (read(program, master, 4000) as string).length;
    machine.kernel.run();
  }
  assert.equal(writing.result, 40_000);
  for (let left = ask(program, master, FIONREAD); left > 0; left = ask(program, master, FIONREAD))
    got += (read(program, master, 4000) as string).length;
  assert.equal(got, 40_000);
  change(program, slave, { clearLocal: ICANON | ECHO });
  const typed = program.wait(WRITE, master, big, 10_000);
  assert.equal(readiness(program, master) & POLLOUT, 0);
  let input = 0;
  while (input < 10_000) {
    input += (read(program, slave, 3000) as string).length;
    machine.kernel.run();
  }
  assert.equal(typed.result, 10_000);
});

test("the end of each end: EIO at the master, a hangup at the terminal", () => {
  const machine = new Machine();
  const outer = machine.spawn();
  const { master, path } = openMaster(outer);
  // Nobody has opened it yet: that is no end.
  const early = outer.wait(READ, master, outer.place(8), 8);
  const inner = machine.spawn(outer);
  assert.equal(inner.call(CLOSE, master), 0);
  handle(inner, SIGHUP);
  inner.call(SETPGID, 0, 0);
  assert.equal(inner.call(SETSID), -EPERM);
  const leader = machine.spawn(inner);
  leader.call(SETSID);
  handle(leader, SIGHUP);
  const slave = open(leader, path);
  assert.equal(write(leader, slave, "bye"), 3);
  machine.kernel.run();
  assert.equal(early.result, 3);
  leader.call(CLOSE, slave);
  assert.equal(read(outer, master), -EIO);
  assert.equal(readiness(outer, master) & POLLHUP, POLLHUP);
  assert.equal(write(outer, master, "x"), 1);
  assert.equal(read(outer, master), "x");
  // Opened again it goes on; and then the master goes.
  const again = open(leader, path);
  assert.equal(readiness(outer, master) & POLLHUP, 0);
  const reading = leader.wait(READ, again, leader.place(8), 8);
  outer.call(CLOSE, master);
  const raised = machine.take();
  assert.deepEqual(raised, [
    { pid: leader.pid, signal: SIGCONT },
    { pid: leader.pid, signal: SIGHUP },
  ]);
  assert.ok(reading.result === 0 || reading.result === -EINTR);
  assert.equal(read(leader, again), "");
  assert.equal(write(leader, again, "x"), -EIO);
  assert.equal(ask(leader, again, TIOCGWINSZ), -EIO);
  assert.equal(open(leader, "/dev/tty"), -ENXIO);
  assert.equal(open(leader, path), -ENOENT);
  assert.equal(open(outer, "/dev/ptmx") >= 0, true);
});

test("a session leader gets its terminal by opening it, setsid leaves it, TIOCSCTTY takes it", () => {
  const machine = new Machine();
  const outer = machine.spawn();
  const { master, path } = openMaster(outer);
  const leader = machine.spawn(outer);
  assert.equal(leader.call(SETSID), leader.pid);
  assert.equal(open(leader, "/dev/tty"), -ENXIO);
  const quiet = open(leader, path, O_RDWR | O_NOCTTY);
  assert.equal(ask(leader, quiet, TIOCGPGRP), -ENOTTY);
  assert.equal(open(leader, "/dev/tty"), -ENXIO);
  const slave = open(leader, path, O_RDONLY);
  assert.equal(ask(leader, slave, TIOCGPGRP), leader.pid);
  assert.equal(ask(leader, slave, TIOCGSID), leader.pid);
  assert.equal(ask(outer, master, TIOCGPGRP), leader.pid);
  assert.ok(open(leader, "/dev/tty") > 0);
  const child = machine.spawn(leader);
  assert.ok(open(child, "/dev/tty") > 0);
  child.call(SETSID);
  assert.equal(open(child, "/dev/tty"), -ENXIO);
  // Somebody has it: opening it gives nothing, taking it only to root who insists.
  const mine = open(child, path);
  assert.equal(open(child, "/dev/tty"), -ENXIO);
  assert.equal(child.call(IOCTL, mine, TIOCSCTTY, 0), -EPERM);
  assert.equal(child.call(IOCTL, mine, TIOCSCTTY, 1), 0);
  assert.equal(ask(outer, master, TIOCGSID), child.pid);
  assert.equal(open(leader, "/dev/tty"), -ENXIO);
  handle(child, SIGHUP, SIG_IGN);
  assert.equal(child.call(IOCTL, mine, TIOCNOTTY, 0), 0);
  assert.equal(ask(outer, master, TIOCGSID), -ENOTTY);
  assert.equal(child.call(IOCTL, mine, TIOCNOTTY, 0), -ENOTTY);
});

/** A session on a terminal with one job in the background. */
function session(): {
  machine: Machine;
  outer: TestProgram;
  master: number;
  leader: TestProgram;
  job: TestProgram;
  fd: number;
} {
  const machine = new Machine();
  const outer = machine.spawn();
  const { master, path } = openMaster(outer);
  const leader = machine.spawn(outer);
  leader.call(SETSID);
  const fd = open(leader, path);
  const job = machine.spawn(leader);
  assert.equal(job.call(SETPGID, 0, 0), 0);
  return { machine, outer, master, leader, job, fd };
}

test("who is in the background may not read, and is told; whom nobody could continue gets EIO", () => {
  const { machine, outer, master, leader, job, fd } = session();
  write(outer, master, "line\r");
  handle(job, SIGTTIN);
  assert.equal(read(job, fd), -EINTR);
  assert.deepEqual(machine.take(), [{ pid: job.pid, signal: SIGTTIN }]);
  handle(job, SIGTTIN, SIG_IGN);
  assert.equal(read(job, fd), -EIO);
  assert.equal(ioctl(leader, fd, TIOCSPGRP, job.pid), 0);
  assert.equal(read(job, fd), "line\n");
  // Now the leader is behind; its parent is in another session.
  handle(leader, SIGTTIN);
  assert.equal(read(leader, fd), -EIO);
  assert.deepEqual(machine.take(), []);
});

test("tcsetpgrp and tcsetattr from the background raise SIGTTOU unless it is ignored; writes do with TOSTOP", () => {
  const { machine, leader, job, fd } = session();
  handle(job, SIGTTOU);
  assert.equal(ioctl(job, fd, TIOCSPGRP, job.pid), -EINTR);
  assert.deepEqual(machine.take(), [{ pid: job.pid, signal: SIGTTOU }]);
  assert.equal(write(job, fd, "free"), 4);
  change(leader, fd, { local: TOSTOP });
  assert.equal(write(job, fd, "bound"), -EINTR);
  machine.take();
  handle(job, SIGTTOU, SIG_IGN);
  assert.equal(write(job, fd, "free"), 4);
  assert.equal(ioctl(job, fd, TIOCSPGRP, 4000), -ESRCH);
  assert.equal(ioctl(job, fd, TIOCSPGRP, -1), -EINVAL);
  const other = machine.spawn(leader);
  other.call(SETSID);
  assert.equal(ioctl(job, fd, TIOCSPGRP, other.pid), -EPERM);
  assert.equal(ioctl(other, fd, TIOCSPGRP, other.pid), -ENOTTY);
  assert.equal(ioctl(job, fd, TIOCSPGRP, job.pid), 0);
  assert.equal(ask(job, fd, TIOCGPGRP), job.pid);
});

test("keys and window sizes reach the group in the foreground alone", () => {
  const { machine, outer, master, leader, job, fd } = session();
  for (const program of [leader, job]) handle(program, SIGINT);
  write(outer, master, "\u0003");
  assert.deepEqual(machine.take(), [{ pid: leader.pid, signal: SIGINT }]);
  ioctl(leader, fd, TIOCSPGRP, job.pid);
  write(outer, master, "\u0003");
  assert.deepEqual(machine.take(), [{ pid: job.pid, signal: SIGINT }]);
  assert.equal(ioctl(outer, master, TIOCSWINSZ, (80 << 16) | 24), 0);
  assert.deepEqual(machine.take(), [{ pid: job.pid, signal: SIGWINCH }]);
  assert.equal(ask(job, fd, TIOCGWINSZ), (80 << 16) | 24);
  handle(job, SIGINT, SIG_DFL);
  write(outer, master, "\u0003");
  assert.equal(job.process.hasExited, true);
});

test("the end of a session leader hangs the foreground up and frees the terminal", () => {
  const { machine, outer, master, leader, job, fd } = session();
  handle(job, SIGHUP);
  ioctl(leader, fd, TIOCSPGRP, job.pid);
  leader.process.exit(0);
  assert.deepEqual(machine.take(), [{ pid: job.pid, signal: SIGHUP }]);
  assert.equal(ask(outer, master, TIOCGSID), -ENOTTY);
  assert.equal(open(job, "/dev/tty"), -ENXIO);
  write(outer, master, "still there\r");
  assert.equal(read(job, fd), "still there\n");
});

test("MIN and TIME: how much a read waits for, and how long", () => {
  const machine = new Machine();
  const { kernel } = machine;
  const program = machine.spawn();
  const { master, path } = openMaster(program);
  const slave = open(program, path, O_RDWR | O_NOCTTY);
  const at = program.place(64);
  const raw = { clearLocal: ICANON | ECHO };

  change(program, slave, { ...raw, minimum: 0, time: 0 });
  assert.equal(program.call(READ, slave, at, 8), 0);

  change(program, slave, { ...raw, minimum: 0, time: 3 });
  const timed = program.wait(READ, slave, at, 8);
  kernel.advance(299);
  assert.equal(timed.result, null);
  kernel.advance(1);
  assert.equal(timed.result, 0);
  const early = program.wait(READ, slave, at, 8);
  kernel.advance(200);
  write(program, master, "a");
  kernel.run();
  assert.equal(early.result, 1);

  change(program, slave, { ...raw, minimum: 3, time: 0 });
  const three = program.wait(READ, slave, at, 8);
  write(program, master, "ab");
  kernel.advance(10_000);
  assert.equal(three.result, null);
  write(program, master, "cd");
  kernel.run();
  assert.equal(three.result, 4);
  // A shorter buffer is filled and given.
  write(program, master, "e");
  assert.equal(program.call(READ, slave, at, 1), 1);

  change(program, slave, { ...raw, minimum: 5, time: 2 });
  const between = program.wait(READ, slave, at, 8);
  kernel.advance(10_000);
  assert.equal(between.result, null);
  write(program, master, "a");
  kernel.advance(150);
  write(program, master, "b");
  kernel.advance(150);
  assert.equal(between.result, null);
  kernel.advance(50);
  assert.equal(between.result, 2);

  const quick = open(program, path, O_RDWR | O_NOCTTY | O_NONBLOCK);
  assert.equal(program.call(READ, quick, at, 8), -EAGAIN);
  write(program, master, "z");
  assert.equal(program.call(READ, quick, at, 8), 1);
  assert.equal(readiness(program, slave) & POLLIN, 0);
});
