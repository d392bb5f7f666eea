import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AF_UNIX,
  AF_UNSPEC,
  MSG_DONTWAIT,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_LINGER,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import { LockOrderError, LockRank, RankedLock, setLockChecking } from "../../base/ranked-lock.ts";
import { LOOPBACK, NetKernel, type NetProgram, result, testArena } from "../syscall/socket.fixture.ts";
import { KernelSocket } from "./kernel-socket.ts";
import { isTransition, type SocketStateKind } from "./socket-state.ts";

const kinds: readonly SocketStateKind[] = ["Unbound", "Bound", "Listening", "Connected", "Closing", "Closed"];
/** Every arrow that some test below has taken. */
const taken = new Set<string>();
const original = KernelSocket.prototype.become;

before(() => {
  setLockChecking(true);
  KernelSocket.prototype.become = function (next) {
    const from = this.state.kind;
    if (from !== next.kind) {
      assert.ok(isTransition(from, next.kind), `${from} → ${next.kind} is not in the diagram`);
      taken.add(`${from} → ${next.kind}`);
    }
    original.call(this, next);
  };
});
after(() => {
  KernelSocket.prototype.become = original;
  setLockChecking(false);
});

/** One for all kernels here: making dozens costs more than the tests do. */
const arena = testArena();

function setUp(): { kernel: NetKernel; program: NetProgram } {
  const kernel = new NetKernel({ arena });
  return { kernel, program: kernel.program() };
}

function socketOf(program: NetProgram, fd: number): KernelSocket {
  const file = program.process.descriptors.get(fd);
  assert.ok(file instanceof KernelSocket);
  return file;
}

function abort(program: NetProgram, fd: number): void {
  program.memory.writeUint32(program.scratch, 1);
  program.memory.writeUint32(program.scratch + 4, 0);
  program.call(208, fd, SOL_SOCKET, SO_LINGER, program.scratch, 8);
  program.close(fd);
}

const disconnect = (program: NetProgram, fd: number): number =>
  program.call(203, fd, program.inet(0, 0, AF_UNSPEC), 16);

/** Brings a fresh stream socket into a state; closes nothing. */
function reach(kind: SocketStateKind): { kernel: NetKernel; program: NetProgram; fd: number; peer: number } {
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  if (kind === "Unbound" || kind === "Bound" || kind === "Listening") {
    const fd = program.socket();
    if (kind !== "Unbound") program.bind(fd, 81);
    if (kind === "Listening") program.listen(fd);
    return { kernel, program, fd, peer: -1 };
  }
  const [fd, peer] = program.pair(listener, 80);
  if (kind === "Closing") program.shutdown(fd, SHUT_RDWR);
  if (kind === "Closed") {
    abort(program, peer);
    kernel.run();
  }
  return { kernel, program, fd, peer };
}

test("each state is reached, shows what the specification says it holds, and closes", () => {
  for (const kind of kinds) {
    const { kernel, program, fd } = reach(kind);
    const socket = socketOf(program, fd);
    assert.equal(socket.state.kind, kind);
    assert.equal(socket.isListener, kind === "Listening");
    assert.equal(socket.referenceCount, 1);
    const { state } = socket;
    if (state.kind === "Bound") assert.deepEqual(state.localAddress, { address: 0, port: 81 });
    if (state.kind === "Listening") assert.equal(state.backlog, 16);
    if (state.kind === "Connected") assert.deepEqual(state.remoteAddress, { address: LOOPBACK, port: 80 });
    program.close(fd);
    kernel.run();
    assert.equal(socket.state.kind, "Closed");
    assert.equal(socket.index, -1, "it has left the table");
  }
});

test("every call in every state answers as Linux does", () => {
  // Columns: bind, listen, connect, accept (not waiting), send, recv (not waiting), shutdown, getpeername, SO_ERROR.
  const expected: Record<SocketStateKind, readonly number[]> = {
    Unbound: [0, 0, -115, -22, -32, -107, -107, -107, 0],
    Bound: [-22, 0, -115, -22, -32, -107, -107, -107, 0],
    Listening: [-22, 0, -106, -11, -32, -107, 0, -107, 0],
    Connected: [-22, -22, -106, -22, 1, -11, 0, 0, 0],
    Closing: [-22, -22, -106, -22, -32, 0, 0, 0, 0],
    Closed: [0, -22, -106, -22, -104, -104, -107, -107, 104],
  };
  const calls: readonly ((program: NetProgram, fd: number) => unknown)[] = [
    (program, fd) => program.bind(fd, 90),
    (program, fd) => program.listen(fd),
    (program, fd) => {
      program.setNonBlocking(fd);
      return program.connect(fd, 80);
    },
    (program, fd) => {
      program.setNonBlocking(fd);
      return program.accept(fd);
    },
    (program, fd) => program.send(fd, "x", 0x4000),
    (program, fd) => program.recv(fd, 10, MSG_DONTWAIT),
    (program, fd) => program.shutdown(fd, SHUT_RD),
    (program, fd) => {
      const name = program.name(fd, true);
      return typeof name === "number" ? name : 0;
    },
    (program, fd) => program.socketError(fd),
  ];
  for (const kind of kinds) {
    const answers = calls.map((call) => {
      const { program, fd } = reach(kind);
      return call(program, fd);
    });
    assert.deepEqual(answers, expected[kind], kind);
  }
});

test("the arrows of the diagram, and no others", () => {
  // connect() that fails falls back to what the socket was; AF_UNSPEC makes it new.
  const { kernel, program } = setUp();
  const listener = program.listener(80);
  for (const isBound of [false, true]) {
    const fd = program.socket();
    if (isBound) program.bind(fd, 5000);
    const refused = program.connect(fd, 9);
    kernel.run();
    assert.equal(result(refused), -111);
    assert.equal(socketOf(program, fd).state.kind, isBound ? "Bound" : "Unbound");
    for (const end of ["Connected", "Closing", "Closed"] as const) {
      const connecting = program.connect(fd, 80);
      kernel.run();
      assert.equal(result(connecting), 0);
      const peer = program.accept(listener) as number;
      if (end === "Closing") program.shutdown(fd, SHUT_RDWR);
      if (end === "Closed") abort(program, peer);
      kernel.run();
      assert.equal(socketOf(program, fd).state.kind, end);
      assert.equal(disconnect(program, fd), 0);
      assert.equal(socketOf(program, fd).state.kind, isBound ? "Bound" : "Unbound");
      if (end !== "Closed") program.close(peer);
      kernel.advance(100_000);
    }
  }
  program.shutdown(listener, SHUT_RD);
  assert.equal(socketOf(program, listener).state.kind, "Bound");
  const nameless = program.socket();
  program.listen(nameless);
  program.shutdown(nameless, SHUT_RD);
  assert.equal(socketOf(program, nameless).state.kind, "Unbound", "the port was not asked for, and is given back");
  assert.equal(socketOf(program, listener).state.kind, "Bound");
  const loose = program.socket();
  program.listen(loose);
  program.shutdown(loose, SHUT_RD);
  assert.equal(socketOf(program, loose).state.kind, "Unbound", "its port was not of its own choice");
  // Both FINs seen, one after the other, with the descriptor still open.
  const { kernel: second, program: other, fd, peer } = reach("Connected");
  other.shutdown(fd, SHUT_WR);
  other.shutdown(peer, SHUT_WR);
  second.run();
  assert.equal(socketOf(other, fd).state.kind, "Closed");
  const { kernel: third, program: last, fd: closing, peer: far } = reach("Closing");
  last.close(far);
  third.run();
  assert.equal(socketOf(last, closing).state.kind, "Closed");
  // AF_UNIX and datagrams walk the same diagram.
  const unix = last.socket(1, AF_UNIX);
  last.memory.writeUint16(last.scratch, AF_UNIX);
  last.call(200, unix, last.scratch, 2);
  last.listen(unix);
  last.close(unix);
  const udp = last.udp();
  last.connect(udp, 9);
  disconnect(last, udp);
  last.close(udp);
  for (const from of kinds) {
    for (const to of kinds) {
      if (!isTransition(from, to)) continue;
      assert.ok(taken.has(`${from} → ${to}`), `${from} → ${to} was never taken`);
    }
  }
});

test("the socket table's lock: after the descriptor table's, never across a wait, never twice", () => {
  const { kernel, program } = setUp();
  const { lock } = kernel.sockets;
  assert.equal(lock.rank, LockRank.socketTable);
  // The descriptor table must not be touched while the socket table is held.
  const fd = program.socket();
  const file = socketOf(program, fd);
  lock.acquire();
  assert.throws(() => program.process.descriptors.install(file), LockOrderError);
  lock.release();
  // File systems come before it, the block device and the allocator after it.
  const fileSystem = new RankedLock(LockRank.fileSystem, "file system");
  const blockDevice = new RankedLock(LockRank.blockDevice, "block device");
  fileSystem.acquire();
  lock.acquire();
  blockDevice.acquire();
  blockDevice.release();
  assert.throws(() => fileSystem.acquire(), LockOrderError, "taken twice");
  lock.release();
  fileSystem.release();
  blockDevice.acquire();
  assert.throws(() => lock.acquire(), LockOrderError);
  blockDevice.release();
  // A handler that forgets to release it, or parks with it, is found out.
  lock.acquire();
  assert.throws(() => program.bind(fd, 80), LockOrderError);
  setLockChecking(true);
  const listening = program.listener(82);
  lock.acquire();
  assert.throws(() => program.poll(listening), LockOrderError);
  setLockChecking(true);
  // And all of the calls keep the order: this walk runs with the checks on.
  const [client, server] = program.pair(program.listener(83), 83);
  const waiting = program.recv(client);
  program.send(server, "x");
  kernel.run();
  assert.equal(result(waiting), 1);
});
