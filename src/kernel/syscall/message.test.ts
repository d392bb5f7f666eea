import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EBADF, EFAULT, EINVAL, EMSGSIZE, ENOTCONN, EPERM } from "../../abi/errno.ts";
import {
  AF_INET,
  AF_UNIX,
  IPPROTO_ICMP,
  IPPROTO_IP,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../abi/socket.ts";
import { LOOPBACK, NetKernel, type NetProgram, result } from "./socket.fixture.ts";

interface Message {
  name?: number;
  nameLength?: number;
  segments?: [number, number][];
  control?: number;
  controlLength?: number;
}

/** A struct msghdr; its address. */
function message(program: NetProgram, parts: Message, at = program.place(64)): number {
  const { memory } = program;
  const segments = parts.segments ?? [];
  const vector = program.place(16 * segments.length + 16);
  for (const [k, [address, length]] of segments.entries()) {
    memory.writeInt64(vector + 16 * k, address);
    memory.writeInt64(vector + 16 * k + 8, length);
  }
  memory.writeInt64(at, parts.name ?? 0);
  memory.writeUint32(at + 8, parts.nameLength ?? 0);
  memory.writeInt64(at + 16, vector);
  memory.writeInt64(at + 24, segments.length);
  memory.writeInt64(at + 32, parts.control ?? 0);
  memory.writeInt64(at + 40, parts.controlLength ?? 0);
  memory.writeUint32(at + 48, 0xffff);
  return at;
}

/** One struct cmsghdr with 32-bit words of data. */
function control(program: NetProgram, level: number, type: number, words: number[]): [number, number] {
  const length = 16 + 4 * words.length;
  const at = program.place(length + 8);
  program.memory.writeInt64(at, length);
  program.memory.writeUint32(at + 8, level);
  program.memory.writeUint32(at + 12, type);
  for (const [k, word] of words.entries()) program.memory.writeUint32(at + 16 + 4 * k, word);
  return [at, length];
}

function pairOf(program: NetProgram, type: number): [number, number] {
  const at = program.place(8);
  assert.equal(program.call(199, AF_UNIX, type, 0, at), 0);
  return [program.memory.readInt32(at), program.memory.readInt32(at + 4)];
}

test("sendmsg(2) and recvmsg(2) gather and scatter, streams and datagrams", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const [client, server] = program.pair(program.listener(80), 80);
  const a = program.put("gather");
  const b = program.put("ed");
  assert.equal(
    program.call(
      211,
      client,
      message(program, {
        segments: [
          [a, 6],
          [b, 0],
          [b, 2],
        ],
      }),
      0,
    ),
    8,
  );
  kernel.run();
  const into = program.place(32);
  const header = message(program, {
    segments: [
      [into, 3],
      [into + 16, 10],
    ],
    name: program.scratch,
    nameLength: 16,
  });
  assert.equal(program.call(212, server, header, 0), 8);
  assert.equal(program.text(into, 3) + program.text(into + 16, 5), "gathered");
  assert.equal(program.memory.readInt32(header + 8), 0, "a stream has no address to tell");
  assert.equal(program.memory.readInt32(header + 48), 0);

  const receiver = program.udp();
  program.bind(receiver, 7000);
  const sender = program.udp();
  const to = program.place(16);
  program.memory.bytes.copyWithin(to, program.inet(LOOPBACK, 7000), program.scratch + 16);
  const parts = {
    name: to,
    nameLength: 16,
    segments: [
      [a, 6],
      [b, 2],
    ] as [number, number][],
  };
  assert.equal(program.call(211, sender, message(program, parts), 0), 8);
  kernel.run();
  const short = message(program, {
    name: program.scratch,
    nameLength: 128,
    segments: [
      [into, 3],
      [into + 16, 3],
    ],
  });
  assert.equal(program.call(212, receiver, short, MSG_PEEK | MSG_TRUNC), 8);
  assert.equal(program.call(212, receiver, short, 0), 6);
  assert.equal(program.text(into, 3) + program.text(into + 16, 3), "gather");
  assert.equal(program.memory.readInt32(short + 48), MSG_TRUNC);
  assert.equal(program.memory.readInt32(short + 8), 16);
  assert.match(program.addressAt(program.scratch), /^127\.0\.0\.1:/);
});

test("sendmsg(2) and recvmsg(2): bad headers", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const fd = program.udp();
  program.connect(fd, 9);
  for (const call of [211, 212]) {
    assert.equal(program.call(call, fd, 16, 0), -EFAULT);
    assert.equal(program.call(call, fd, message(program, { segments: [[16, 4]] }), 0), -EFAULT);
    assert.equal(program.call(call, fd, message(program, { segments: [[program.buffer, -4]] }), 0), -EINVAL);
    const many = message(program, {});
    program.memory.writeInt64(many + 24, 1025);
    assert.equal(program.call(call, fd, many, 0), -EMSGSIZE);
    const nowhere = message(program, {});
    program.memory.writeInt64(nowhere + 24, 1);
    program.memory.writeInt64(nowhere + 16, 64);
    assert.equal(program.call(call, fd, nowhere, 0), -EFAULT);
    assert.equal(program.call(call, fd, message(program, { name: program.scratch, nameLength: -1 }), 0), -EINVAL);
    assert.equal(program.call(call, fd, message(program, { name: 16, nameLength: 16 }), 0), -EFAULT);
    assert.equal(program.call(call, fd, message(program, { control: 16, controlLength: 32 }), 0), -EFAULT);
  }
  const [at] = control(program, IPPROTO_IP, 99, [1]);
  assert.equal(program.call(211, fd, message(program, { control: at, controlLength: 20 }), 0), -EINVAL);
  program.memory.writeInt64(at, 8);
  assert.equal(program.call(211, fd, message(program, { control: at, controlLength: 20 }), 0), -EINVAL);
});

test("open files travel over AF_UNIX, keep working, and are let go where nobody takes them", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const other = kernel.program();
  const [a, b] = pairOf(program, SOCK_STREAM);
  const theirs = other.process.descriptors.install(program.process.descriptors.get(b)!);
  const [reader, writer] = program.pipe();
  const [rights, length] = control(program, SOL_SOCKET, 1, [writer, reader]);
  const text = program.put("take these");
  const sent = message(program, { segments: [[text, 10]], control: rights, controlLength: length });
  assert.equal(program.call(211, a, sent, 0), 10);
  program.close(writer);
  const room = other.place(64);
  const header = message(other, { segments: [[other.buffer, 100]], control: room, controlLength: 64 });
  assert.equal(other.call(212, theirs, header, MSG_CMSG_CLOEXEC), 10);
  assert.equal(other.memory.readInt64(header + 40), 24);
  assert.deepEqual([other.memory.readInt32(room + 8), other.memory.readInt32(room + 12)], [SOL_SOCKET, 1]);
  const passed = other.memory.readInt32(room + 16);
  assert.equal(other.call(25, passed, 1), 1, "FD_CLOEXEC");
  other.memory.bytes.set(new TextEncoder().encode("through"), other.buffer);
  assert.equal(other.call(64, passed, other.buffer, 7), 7);
  assert.equal(program.call(63, reader, program.buffer, 10), 7);

  // Room for one of two: the other is let go, and the reader is told.
  const [again, againLength] = control(program, SOL_SOCKET, 1, [reader, reader]);
  const two = { segments: [[text, 4]] as [number, number][], control: again, controlLength: againLength };
  program.call(211, a, message(program, two), 0);
  const before = kernel.openFiles.current;
  const small = message(other, { segments: [[other.buffer, 100]], control: room, controlLength: 20 });
  assert.equal(other.call(212, theirs, small, 0), 4);
  assert.equal(other.memory.readInt32(small + 48) & MSG_CTRUNC, MSG_CTRUNC);
  // Read without asking for them: gone.
  program.call(211, a, message(program, two), 0);
  assert.equal(other.recv(theirs), 4);
  // Never read: gone with the socket.
  program.call(211, a, message(program, two), 0);
  assert.equal(kernel.openFiles.current, before);
  const [bad, badLength] = control(program, SOL_SOCKET, 1, [reader, 999]);
  assert.equal(program.call(211, a, message(program, { control: bad, controlLength: badLength }), 0), -EBADF);
  program.process.exit(0);
  other.process.exit(0);
  assert.equal(kernel.openFiles.current, 0);
  assert.equal(kernel.sockets.size, 0);
});

test("credentials travel over AF_UNIX where the reader wants them; one's own only", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const [a, b] = pairOf(program, SOCK_DGRAM);
  program.setOption(b, SOL_SOCKET, 16, 1);
  assert.equal(program.send(a, "who?"), 4);
  const room = program.place(64);
  const header = message(program, { segments: [[program.buffer, 100]], control: room, controlLength: 64 });
  assert.equal(program.call(212, b, header, 0), 4);
  assert.equal(program.memory.readInt64(header + 40), 32);
  assert.equal(program.memory.readInt32(room + 12), 2);
  assert.equal(program.memory.readInt32(room + 16), program.pid);
  const [forged, length] = control(program, SOL_SOCKET, 2, [1234, 0, 0]);
  assert.equal(program.call(211, a, message(program, { control: forged, controlLength: length }), 0), -EPERM);
  program.memory.writeUint32(program.lengthAt, 12);
  program.call(209, a, SOL_SOCKET, 17, program.scratch, program.lengthAt);
  assert.equal(program.memory.readInt32(program.scratch), program.pid);
});

test("IP_PKTINFO and IP_RECVTTL tell where a datagram was sent to and what TTL it came with", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const server = program.udp();
  program.bind(server, 7000);
  program.setOption(server, IPPROTO_IP, 8, 1);
  program.sendTo(program.udp(), "x", 7000, 0x7f00_0002);
  kernel.run();
  const room = program.place(64);
  const header = message(program, { segments: [[program.buffer, 10]], control: room, controlLength: 64 });
  assert.equal(program.call(212, server, header, 0), 1);
  assert.equal(program.memory.readInt64(header + 40), 32);
  assert.equal(program.memory.readInt32(room + 16), 1, "lo");
  assert.deepEqual([...program.memory.bytes.slice(room + 24, room + 28)], [127, 0, 0, 2]);
  const ping = program.call(198, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  program.setOption(ping, IPPROTO_IP, 12, 1);
  program.memory.bytes.set([8, 0, 0, 0, 0, 0, 0, 1], program.buffer);
  program.call(206, ping, program.buffer, 8, 0, program.inet(LOOPBACK, 0), 16);
  kernel.run();
  assert.equal(program.call(212, ping, header, 0), 8);
  assert.deepEqual([program.memory.readInt32(room + 12), program.memory.readInt32(room + 16)], [2, 64]);
});

test("sendmmsg(2) and recvmmsg(2): rows of messages, what stops them, and waiting in the middle", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const [a, b] = pairOf(program, SOCK_DGRAM);
  const row = program.place(64 * 4);
  for (const [k, text] of ["one", "two", "three"].entries()) {
    message(program, { segments: [[program.put(text), text.length]] }, row + 64 * k);
  }
  assert.equal(program.call(269, a, row, 3, 0), 3);
  assert.deepEqual(
    [0, 1, 2].map((k) => program.memory.readInt32(row + 64 * k + 56)),
    [3, 3, 5],
  );
  const into = program.place(64 * 4);
  const texts = [0, 1, 2, 3].map(() => program.place(16));
  for (const [k, at] of texts.entries()) message(program, { segments: [[at, 16]] }, into + 64 * k);
  assert.equal(program.call(243, b, into, 2, MSG_DONTWAIT, 0), 2);
  assert.equal(program.text(texts[0] as number, 3), "one");
  // It waits for the fourth message, having taken the third.
  const waiting = program.wait(243, b, into, 2, 0, 0);
  assert.equal(program.send(a, "four"), 4);
  kernel.run();
  assert.equal(result(waiting), 2);
  assert.equal(program.text(texts[0] as number, 5), "three");
  assert.equal(program.text(texts[1] as number, 4), "four");
  program.send(a, "only");
  assert.equal(program.call(243, b, into, 4, 0x10000, 0), 1, "MSG_WAITFORONE");
  assert.equal(program.call(243, b, into, 4, MSG_DONTWAIT, 0), -EAGAIN);
  assert.equal(program.call(243, b, into, 4, 0, program.timespec(1, 2e9)), -EINVAL);
  assert.equal(program.call(243, b, into, 0, 0, 0), 0);
  assert.equal(program.call(269, program.udp(), row, 3, 0), -89, "EDESTADDRREQ of the first");
  assert.equal(program.call(269, program.socket(SOCK_DGRAM, AF_UNIX), row, 3, 0), -ENOTCONN);
});

test("sockets that hold only each other, on their way to each other, are found and released", () => {
  const kernel = new NetKernel();
  const program = kernel.program();
  const send = (over: number, ...fds: number[]): number => {
    const [at, length] = control(program, SOL_SOCKET, 1, fds);
    const parts = { segments: [[program.put("x"), 1]] as [number, number][], control: at, controlLength: length };
    return program.call(211, over, message(program, parts), 0);
  };
  // Itself, to its own end.
  const [a, b] = pairOf(program, SOCK_STREAM);
  assert.equal(send(a, b), 1);
  program.close(a);
  program.close(b);
  assert.deepEqual([kernel.sockets.size, kernel.openFiles.current], [0, 0]);
  // Two pairs, crosswise, with a pipe in it that somebody waits for.
  const [c, d] = pairOf(program, SOCK_STREAM);
  const [e, f] = pairOf(program, SOCK_DGRAM);
  const [reader, writer] = program.pipe();
  send(c, f, writer);
  send(e, d);
  program.close(writer);
  for (const fd of [c, d, e]) program.close(fd);
  const waiting = program.wait(63, reader, program.buffer, 1);
  assert.ok(kernel.sockets.size > 0, "one descriptor still leads to all of them");
  program.close(f);
  kernel.run();
  assert.equal(result(waiting), 0, "the pipe's last writer went with them");
  assert.equal(kernel.sockets.size, 0);
  assert.equal(kernel.sockets.unixNames.filesInFlight, 0);
});
