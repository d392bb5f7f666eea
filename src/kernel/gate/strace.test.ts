import assert from "node:assert/strict";
import { test } from "node:test";
import { F_GETFD, F_GETFL, F_SETFL, O_CLOEXEC, O_NONBLOCK } from "../../abi/file.ts";
import { POLLIN } from "../../abi/poll.ts";
import { SIGCHLD, SIGKILL, SIGTERM, SIGUSR1 } from "../../abi/signal.ts";
import { AF_INET, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "../../abi/socket.ts";
import { TestKernel, type TestProgram } from "../syscall/calls.fixture.ts";
import { type ArgumentType, call } from "../syscall/definition.ts";
import type { Handler } from "../task/task.ts";
import { definitionsOf, Strace } from "./strace.ts";
import type { SyscallTable } from "./syscall-table.ts";

class Traced {
  readonly kernel: TestKernel = new TestKernel();
  readonly lines: string[] = [];
  readonly strace: Strace;
  private readonly extra = new Map<number, ReturnType<typeof call>>();

  constructor() {
    const lookup = definitionsOf(this.kernel.gate);
    this.strace = new Strace(
      (line) => this.lines.push(line),
      (abi, number) => this.extra.get(number) ?? lookup(abi, number),
    );
  }

  spawn(parent: TestProgram | null = null): TestProgram {
    const program = this.kernel.spawn(parent);
    program.process.tracer = this.strace;
    return program;
  }

  /** Adds a call that answers what a test says: for argument types whose calls need a network or files. */
  define(number: number, name: string, types: readonly ArgumentType[], handler: Handler): void {
    const line = call(number, name, types, handler);
    this.extra.set(number, line);
    const table: SyscallTable = this.kernel.gate.table("linux");
    table.handlers[number] = handler;
  }

  /** The lines since the last time. */
  take(): string[] {
    return this.lines.splice(0).map((line) => line.replace(/\) +=/, ") ="));
  }
}

test("the result stands in column 40, or behind a longer call", () => {
  const traced = new Traced();
  const program = traced.spawn();
  program.call(172);
  program.call(59, program.place(8), O_CLOEXEC | O_NONBLOCK);
  program.call(63, 0, 0, 0);
  program.call(278, program.place(1), 1, 7);
  assert.deepEqual(traced.lines.slice(0, 2), [
    "getpid()                                = 1",
    "pipe2([0, 1], O_NONBLOCK|O_CLOEXEC)     = 0",
  ]);
  assert.equal(traced.lines[2], "read(0, NULL, 0)                        = 0");
  assert.equal(
    traced.lines[3],
    "getrandom(0x2010, 1, GRND_NONBLOCK|GRND_RANDOM|GRND_INSECURE) = -1 EINVAL (Invalid argument)",
  );
});

test("buffers", () => {
  const traced = new Traced();
  const program = traced.spawn();
  const [readFd, writeFd] = program.pipe(O_NONBLOCK);
  const bytes = new Uint8Array([...new TextEncoder().encode("hello"), 1, 2, 0x31, 0x32, 0x20, 0xff, 34, 92, 10]);
  traced.take();
  program.call(64, writeFd, program.put(bytes), bytes.length);
  const buffer = program.place(100);
  program.call(63, readFd, buffer, 100);
  program.call(63, readFd, buffer, 100);
  program.call(64, writeFd, program.put("x".repeat(40)), 40);
  program.call(64, writeFd, 8, 4);
  assert.deepEqual(traced.take(), [
    'write(1, "hello\\1\\00212 \\377\\"\\\\\\n", 14) = 14',
    'read(0, "hello\\1\\00212 \\377\\"\\\\\\n", 100) = 14',
    `read(0, 0x${buffer.toString(16)}, 100) = -1 EAGAIN (Resource temporarily unavailable)`,
    `write(1, "${"x".repeat(32)}"..., 40) = 40`,
    "write(1, 0x8, 4) = -1 EFAULT (Bad address)",
  ]);
});

test("sockets", () => {
  const traced = new Traced();
  const program = traced.spawn();
  traced.define(198, "socket", ["socket-domain", "socket-type", "socket-protocol"], () => 3);
  traced.define(200, "bind", ["fd", "sockaddr", "size"], () => 0);
  traced.define(208, "setsockopt", ["fd", "socket-level", "socket-option", "socket-value", "size"], () => 0);
  const accept: Handler = (task, _fd, address, length) => {
    task.process.memory.bytes.set([2, 0, 0xc3, 0x50, 127, 0, 0, 1], address);
    task.process.memory.writeUint32(length, 16);
    return 4;
  };
  traced.define(202, "accept", ["fd", "sockaddr-out", "length-address"], accept);
  traced.define(203, "connect", ["fd", "sockaddr", "size"], () => -115);
  traced.define(206, "sendto", ["fd", "buffer-in", "size", "message-flags", "sockaddr", "size"], () => 2);
  const address = program.put(new Uint8Array([2, 0, 0x1f, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
  const unix = program.put(new Uint8Array([1, 0, ...new TextEncoder().encode("/tmp/s"), 0]));
  const abstract = program.put(new Uint8Array([1, 0, 0, ...new TextEncoder().encode("foo")]));
  const length = program.place(4);
  program.memory.writeUint32(length, 128);
  const one = program.place(16);
  program.memory.writeUint32(one, 1);
  program.memory.writeUint32(one + 4, 5);
  program.call(198, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  program.call(198, 99, 2 | SOCK_NONBLOCK, 17);
  program.call(200, 3, address, 16);
  program.call(208, 3, 1, 2, one, 4);
  program.call(208, 3, 1, 13, one, 8);
  program.call(208, 3, 6, 1, one, 4);
  program.call(202, 3, program.place(128), length);
  program.call(203, 3, unix, 9);
  program.call(203, 3, abstract, 6);
  program.call(203, 3, program.put(Uint8Array.of(16, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0)), 12);
  program.call(206, 3, program.put("hi"), 2, 0x4040, 0, 0);
  assert.deepEqual(traced.take(), [
    "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3",
    "socket(0x63, SOCK_DGRAM|SOCK_NONBLOCK, IPPROTO_UDP) = 3",
    'bind(3, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("0.0.0.0")}, 16) = 0',
    "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0",
    "setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8) = 0",
    "setsockopt(3, SOL_TCP, TCP_NODELAY, [1], 4) = 0",
    'accept(3, {sa_family=AF_INET, sin_port=htons(50000), sin_addr=inet_addr("127.0.0.1")}, [128 => 16]) = 4',
    'connect(3, {sa_family=AF_UNIX, sun_path="/tmp/s"}, 9) = -1 EINPROGRESS (Operation now in progress)',
    'connect(3, {sa_family=AF_UNIX, sun_path=@"foo"}, 6) = -1 EINPROGRESS (Operation now in progress)',
    "connect(3, {sa_family=AF_NETLINK, nl_pid=5, nl_groups=00000001}, 12) = -1 EINPROGRESS (Operation now in progress)",
    'sendto(3, "hi", 2, MSG_DONTWAIT|MSG_NOSIGNAL, NULL, 0) = 2',
  ]);
});

test("flags, structures and special results", () => {
  const traced = new Traced();
  const program = traced.spawn();
  const [readFd, writeFd] = program.pipe();
  traced.take();
  program.call(25, readFd, F_GETFL);
  program.call(25, writeFd, F_SETFL, O_NONBLOCK | 1);
  program.call(25, writeFd, F_GETFL);
  program.call(25, readFd, F_GETFD);
  program.call(214, 0);
  program.call(222, 0, 8192, 3, 0x22, -1, 0);
  program.call(101, program.timespec(0), 0);
  const set = program.call(20, O_CLOEXEC);
  const event = program.place(16);
  program.memory.writeUint32(event, 0x8000_0001);
  program.memory.writeUint32(event + 8, 7);
  program.call(21, set, 1, readFd, event);
  program.call(64, writeFd, event, 1);
  program.call(22, set, event, 1, -1, 0, 8);
  const fds = program.place(16);
  program.memory.writeUint32(fds, readFd);
  program.memory.writeUint16(fds + 4, POLLIN);
  program.memory.writeUint32(fds + 8, writeFd);
  program.call(73, fds, 2, program.timespec(1), 0, 0);
  program.call(73, fds + 8, 1, program.timespec(0), 0, 0);
  const bits = program.place(8);
  program.memory.bytes[bits] = 1 << readFd;
  program.call(72, 4, bits, 0, 0, program.timespec(2), 0);
  program.call(261, 0, 7, 0, fds);
  assert.deepEqual(traced.take(), [
    "fcntl(0, F_GETFL) = 0 (flags O_RDONLY)",
    "fcntl(1, F_SETFL, O_WRONLY|O_NONBLOCK) = 0",
    "fcntl(1, F_GETFL) = 0x801 (flags O_WRONLY|O_NONBLOCK)",
    "fcntl(0, F_GETFD) = 0",
    "brk(NULL) = 0x40000",
    "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x120000",
    "nanosleep({tv_sec=0, tv_nsec=0}, NULL) = 0",
    "epoll_create1(EPOLL_CLOEXEC) = 2",
    "epoll_ctl(2, EPOLL_CTL_ADD, 0, {events=EPOLLIN|EPOLLET, data={u32=7, u64=7}}) = 0",
    'write(1, "\\1", 1) = 1',
    "epoll_pwait(2, [{events=EPOLLIN, data={u32=7, u64=7}}], 1, -1, NULL, 8) = 1",
    "ppoll([{fd=0, events=POLLIN}, {fd=1, events=0}], 2, {tv_sec=1, tv_nsec=0}, NULL, 0) = 1 ([{fd=0, revents=POLLIN}], left {tv_sec=1, tv_nsec=0})",
    "ppoll([{fd=1, events=0}], 1, {tv_sec=0, tv_nsec=0}, NULL, 0) = 0 (Timeout)",
    "pselect6(4, [0], NULL, NULL, {tv_sec=2, tv_nsec=0}, NULL) = 1 (in [0], left {tv_sec=2, tv_nsec=0})",
    "prlimit64(0, RLIMIT_NOFILE, NULL, {rlim_cur=1024, rlim_max=4*1024}) = 0",
  ]);
});

test("a call that waits is unfinished where another comes between", () => {
  const traced = new Traced();
  const parent = traced.spawn();
  const child = traced.spawn(parent);
  parent.wait(260, -1, parent.place(4), 0, 0);
  child.call(172);
  child.start(94, 3);
  traced.kernel.run();
  assert.deepEqual(traced.take(), [
    "wait4(-1,  <unfinished ...>",
    "[pid     2] getpid() = 2",
    "[pid     2] exit_group(3) = ?",
    "[pid     2] +++ exited with 3 +++",
    "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=2, si_uid=0, si_status=3, si_utime=0, si_stime=0} ---",
    "<... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 2",
  ]);
});

test("a call that waits and is answered next stays on one line", () => {
  const traced = new Traced();
  const program = traced.spawn();
  program.wait(101, program.timespec(1, 5), 0);
  traced.kernel.advance(2000);
  assert.deepEqual(traced.take(), ["nanosleep({tv_sec=1, tv_nsec=5}, NULL) = 0"]);
});

test("signals and ends come after the call that brought them about", () => {
  const traced = new Traced();
  const program = traced.spawn();
  const other = traced.spawn();
  program.process.signals.deliver = () => {};
  program.process.signals.setAction(SIGUSR1, { handler: 0x1000, flags: 0, mask: 0n });
  const action = program.place(32);
  program.memory.writeInt64(action, 1);
  program.memory.view.setBigUint64(action + 24, 0x4002n, true);
  program.call(134, SIGTERM, action, 0, 8);
  program.call(129, program.pid, SIGTERM);
  other.call(172);
  traced.take();
  program.call(129, program.pid, SIGUSR1);
  assert.deepEqual(traced.take(), [
    "[pid     1] kill(1, SIGUSR1) = 0",
    "[pid     1] --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=1, si_uid=0} ---",
  ]);
  const [readFd, writeFd] = program.pipe();
  program.call(57, readFd);
  traced.take();
  program.call(129, other.pid, SIGKILL);
  program.start(64, writeFd, program.put("x"), 1);
  assert.deepEqual(traced.take(), [
    "[pid     1] kill(2, SIGKILL) = 0",
    "[pid     2] +++ killed by SIGKILL +++",
    'write(1, "x", 1) = -1 EPIPE (Broken pipe)',
    "--- SIGPIPE {si_signo=SIGPIPE, si_code=SI_USER, si_pid=1, si_uid=0} ---",
    "+++ killed by SIGPIPE +++",
  ]);
});

test("a process that is killed while it waits", () => {
  const traced = new Traced();
  const program = traced.spawn();
  const [readFd] = program.pipe();
  traced.take();
  program.wait(63, readFd, program.place(4), 4);
  program.process.signals.raise(SIGTERM, { code: 0, processId: 0, status: 0 });
  assert.deepEqual(traced.take(), [
    "read(0,  <unfinished ...>",
    "--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=0, si_uid=0} ---",
    "<... read resumed> <unfinished ...>) = ?",
    "+++ killed by SIGTERM +++",
  ]);
});

test("signal calls, and calls that do not exist", () => {
  const traced = new Traced();
  const program = traced.spawn();
  const action = program.place(32);
  program.memory.writeInt64(action, 1);
  program.memory.view.setBigUint64(action + 24, 0x4002n, true);
  const old = program.place(8);
  program.call(134, SIGCHLD, action, 0, 8);
  program.call(135, 0, action + 24, old, 8);
  program.call(131, program.pid, program.pid, 0);
  program.call(9999, 1, 2);
  assert.deepEqual(traced.take(), [
    "rt_sigaction(SIGCHLD, {sa_handler=SIG_IGN, sa_mask=[INT TERM], sa_flags=0}, NULL, 8) = 0",
    "rt_sigprocmask(SIG_BLOCK, [INT TERM], [], 8) = 0",
    "tgkill(1, 1, 0) = 0",
    "syscall_0x270f(0x1, 0x2, 0, 0, 0, 0) = -1 ENOSYS (Function not implemented)",
  ]);
});
