/**
 * Random socket calls with random arguments from several programs: whatever they do, no call throws, every result is a number or a wait,
 * every change of state is in the diagram, no lock is out of order, and when the programs end nothing is left.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nextBelow, SeededRandom } from "../../base/random.ts";
import { setLockChecking } from "../../base/ranked-lock.ts";
import { KernelSocket } from "../socket/kernel-socket.ts";
import { isTransition } from "../socket/socket-state.ts";
import { NetKernel, type NetProgram } from "./socket.fixture.ts";

const LOOPBACK = 0x7f00_0001;

class Player {
  readonly program: NetProgram;
  private readonly random: SeededRandom;

  constructor(program: NetProgram, random: SeededRandom) {
    this.program = program;
    this.random = random;
    // So few that most numbers are in use, and every call finds a socket.
    program.process.descriptors.limit = 12;
    // SIGPIPE is handled, so that the program lives on.
    program.process.signals.setAction(13, { handler: 0x5000, flags: 0, mask: 0n });
    program.process.signals.deliver = () => {};
  }

  private pick<T>(...choices: T[]): T {
    return choices[nextBelow(this.random, choices.length)] as T;
  }

  private fd(): number {
    return nextBelow(this.random, 13) - 1;
  }

  private flags(): number {
    return this.pick(0, 0, 0x40, 0x40, 0x4000, 0x2, 0x100, 0x20, 0x8000, 1, 0x2000, this.random.nextUint32());
  }

  private length(): number {
    return this.pick(0, 1, 4, 100, 3000, 60_000, 65_508, -1);
  }

  private address(): number {
    const { program } = this;
    return this.pick(program.scratch, program.buffer, program.buffer, program.buffer + 1, 0, 64, 0x3_fff0, 0x7fff_0000);
  }

  /** A sockaddr of some family, mostly one that works; its address and length. */
  private name(): [number, number] {
    const { program } = this;
    const port = this.pick(0, 7000, 7001, 7002, 9);
    const to = this.pick(LOOPBACK, LOOPBACK, 0, 0x7f00_0002, 0x0a00_0001, 0xffff_ffff);
    program.inet(to, port, this.pick(2, 2, 2, 2, 0, 1, 10));
    if (nextBelow(this.random, 4) === 0) {
      program.memory.writeUint16(program.scratch, 1);
      program.memory.bytes.set([0, 97 + nextBelow(this.random, 3), 0], program.scratch + 2);
      return [program.scratch, this.pick(4, 4, 4, 2, 5)];
    }
    return [program.scratch, this.pick(16, 16, 16, 16, 8, 2, 0, 128, -1)];
  }

  private msghdr(): number {
    const { program, random } = this;
    const at = program.scratch + 200;
    const { memory } = program;
    memory.bytes.fill(0, at, at + 200);
    const [name, length] = this.name();
    memory.writeInt64(at, this.pick(0, name));
    memory.writeUint32(at + 8, length);
    memory.writeInt64(at + 16, at + 64);
    memory.writeInt64(at + 24, this.pick(0, 1, 2, 2, 1025));
    memory.writeInt64(at + 64, program.buffer);
    memory.writeInt64(at + 72, this.length());
    memory.writeInt64(at + 80, program.buffer + 100);
    memory.writeInt64(at + 88, this.pick(0, 5, 1000));
    memory.writeInt64(at + 32, at + 100);
    memory.writeInt64(at + 40, this.pick(0, 0, 20, 24, 16, 100));
    memory.writeInt64(at + 100, this.pick(20, 24, 16, 7, random.nextUint32()));
    memory.writeUint32(at + 108, 1);
    memory.writeUint32(at + 112, this.pick(1, 1, 1, 2, 9));
    memory.writeUint32(at + 116, this.fd());
    memory.writeUint32(at + 120, this.fd());
    return at;
  }

  /** One call; what it gave. */
  step(): unknown {
    const { program, random } = this;
    if (program.process.hasExited) return null;
    const { scratch, lengthAt } = program;
    program.memory.writeUint32(lengthAt, this.pick(0, 4, 16, 110, -1));
    const call = (...values: number[]): unknown => {
      const [number = 0, ...rest] = values;
      const outcome = program.start(number, ...rest);
      assert.ok(typeof outcome !== "number" || (Number.isInteger(outcome) && outcome >= -4095), `call ${values}`);
      return outcome;
    };
    // Now and then what makes a connection: otherwise chance would hardly ever get there.
    const port = 7000 + nextBelow(random, 3);
    if (program.process.descriptors.checkRoom() !== 0) program.start(57, this.fd());
    if (nextBelow(random, 12) === 0) {
      const fd = program.socket();
      program.setOption(fd, 1, 2, 1);
      program.bind(fd, port);
      return call(201, fd, 3);
    }
    if (nextBelow(random, 5) === 0) return call(203, program.socket(), program.inet(LOOPBACK, port), 16);
    if (nextBelow(random, 12) === 0) {
      const fd = program.udp();
      program.bind(fd, port);
      return call(203, program.udp(), program.inet(LOOPBACK, port), 16);
    }
    if (nextBelow(random, 4) === 0)
      return call(206, this.fd(), program.buffer, this.pick(1, 500, 60_000), this.flags(), 0, 0);
    if (nextBelow(random, 5) === 0) return call(242, this.fd(), 0, 0, 0o4000);
    switch (nextBelow(random, 18)) {
      case 0:
        return call(198, this.pick(2, 2, 1), this.pick(1, 1, 2, 2, 5, 0o4001), this.pick(0, 0, 0, 1, 6, 17));
      case 1:
        return call(199, this.pick(1, 1, 2), this.pick(1, 2, 5), 0, this.pick(scratch, 8));
      case 2:
        return call(200, this.fd(), ...this.name());
      case 3:
        return call(201, this.fd(), this.pick(0, 1, 5, -1));
      case 4:
        return call(242, this.fd(), this.pick(0, scratch, 8), lengthAt, this.pick(0, 0o4000, 3));
      case 5:
        return call(203, this.fd(), ...this.name());
      case 6:
        return call(this.pick(204, 205), this.fd(), this.address(), lengthAt);
      case 7:
      case 8: {
        const [name, length] = this.name();
        return call(206, this.fd(), this.address(), this.length(), this.flags(), this.pick(0, 0, name), length);
      }
      case 9:
      case 10:
        return call(207, this.fd(), program.buffer, this.length(), this.flags(), this.pick(0, scratch), lengthAt);
      case 11:
        program.memory.writeUint32(scratch, this.pick(0, 1, 4096, random.nextUint32()));
        program.memory.writeUint32(scratch + 4, this.pick(0, 1));
        return call(208, this.fd(), this.pick(0, 1, 6), nextBelow(random, 48), scratch, this.pick(4, 8, 16, 1, 0));
      case 12:
        return call(209, this.fd(), this.pick(0, 1, 6), nextBelow(random, 48), scratch, lengthAt);
      case 13:
        return call(210, this.fd(), this.pick(0, 1, 2, 3));
      case 14:
        return call(this.pick(211, 212), this.fd(), this.msghdr(), this.flags());
      case 15:
        return call(57, this.fd());
      case 16:
        return call(24, this.fd(), nextBelow(random, 12), 0);
      default:
        return call(29, this.fd(), this.pick(0x541b, 0x5411, 0x5421, 0x8912, 0x8915), this.pick(scratch, 8));
    }
  }
}

for (let seed = 1; seed <= 6; seed++) {
  test(`random socket calls, seed ${seed}`, () => {
    const original = KernelSocket.prototype.become;
    KernelSocket.prototype.become = function (next) {
      const from = this.state.kind;
      assert.ok(from === next.kind || isTransition(from, next.kind), `${from} → ${next.kind}`);
      original.call(this, next);
    };
    setLockChecking(true);
    try {
      const random = new SeededRandom(seed);
      const pool = seed % 2 === 0 ? { profile: "specification" as const } : {};
      const kernel = new NetKernel({ seed, pool, tcp: { timeWaitMilliseconds: 1000 } });
      const players = [0, 1, 2].map(() => new Player(kernel.program(), random));
      for (let turn = 0; turn < 3000; turn++) {
        players[nextBelow(random, players.length)]?.step();
        if (nextBelow(random, 3) === 0) kernel.run();
        if (nextBelow(random, 50) === 0) kernel.advance(nextBelow(random, 3000));
      }
      const { counters } = kernel.net;
      assert.ok(counters.TcpPassiveOpens > 100 && counters.TcpEstabResets > 50, "it got far");
      for (const { program } of players) program.process.exit(0);
      kernel.advance(1_000_000);
      const { udpPorts, tcpPorts, ...usage } = kernel.usage();
      assert.deepEqual(usage, { frames: 0, sockets: 0, openFiles: 0, connections: 0, ringBytes: 0 });
      assert.deepEqual([udpPorts, tcpPorts], [0, 0]);
      assert.equal(kernel.sockets.unixNames.size, 0);
      assert.equal(kernel.sockets.unixNames.filesInFlight, 0);
      assert.equal(kernel.sockets.unixNames.sockets.size, 0);
    } finally {
      KernelSocket.prototype.become = original;
      setLockChecking(false);
    }
  });
}
